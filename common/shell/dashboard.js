/* The parts of the page, and its beat: read, take, show. */

/* --- the parts of the page --- */

const lastTen = of => history.reduce((whole, point) => whole + of(point), 0);
/* It is 0 between two documents: the worst of the last readings says more. */
const lately = () => Math.max(...history.slice(-LAG_READINGS).map(point => point.lag));
const errorCount = point => [...point.errors.values()].reduce((a, b) => a + b, 0);
const level = (value, warn, bad) => value >= bad ? "bad" : value >= warn ? "warn" : "";
const TILES = [
  { title: "Clients", of: p => p.clients, show: p => amount(p.clients), note: p => `${word(amount(p.documents))} documents open` },
  { title: "Edits a second", of: p => p.edits, show: p => amount(p.edits),
    note: p => p.entries ? `${(p.edits / p.entries).toFixed(1)} in an entry` : "nobody types" },
  { title: "Saved in (p99)", of: p => p.saved99, show: p => time(p.saved99),
    note: p => p.saved50 === null ? "nobody types" : `half of all within ${word(time(p.saved50))}`,
    level: p => level(p.saved99 || 0, 0.1, 0.5) },
  { title: "Archiver behind", of: p => p.lag, show: () => time(lately()),
    note: p => `${word(amount(p.behind))} revisions`, level: () => reachable("archiver").length ? level(lately(), 15, 60) : "bad" },
  { title: "Servers", of: p => p.breakers.length, show: p => p.breakers.length ? [new Set(p.breakers.map(b => b.server)).size, "away"] : ["fine", ""],
    note: p => p.breakers.length ? [...new Set(p.breakers.map(b => b.server === "redis" ? "Redis" : "PostgreSQL"))].join(", ")
      : "Redis, PostgreSQL", level: p => p.breakers.length ? "bad" : "" },
  { title: "Errors, ten minutes", of: errorCount, show: () => amount(lastTen(errorCount)), note: p => `${word(amount(errorCount(p) * 60000 / STEP_MS))} a minute now`,
    level: p => level(errorCount(p) * 1000 / STEP_MS, 0.5, 10) },
];
for (const tile of TILES) {
  tile.card = element("div", "card tile");
  tile.number = element("div", "number");
  tile.words = element("div", "note");
  tile.canvas = element("canvas");
  tile.card.append(tile.canvas, element("h2", "", tile.title), tile.number, tile.words);
  byId("tiles").append(tile.card);
}

function showTiles(now) {
  for (const tile of TILES) {
    const [number, unit] = tile.show(now);
    tile.card.className = "card tile " + (tile.level ? tile.level(now) : "");
    tile.number.replaceChildren(String(number), ...(unit ? [element("small", "", unit)] : []));
    tile.words.textContent = tile.note(now);
    spark(tile.canvas, tile.of);
  }
}

function showLatency(now) {
  const rows = [
    { name: "saved p50", color: color("c0"), wide: true, of: p => p.saved50 },
    { name: "saved p99", color: color("c1"), wide: true, of: p => p.saved99 },
    { name: "seen p50", color: color("c2"), dashed: true, of: p => p.seen50 },
    { name: "seen p99", color: color("ink"), dashed: true, of: p => p.seen99 },
  ];
  for (const row of rows) row.now = word(time(row.of(now)));
  legend("latency-legend", rows);
  lines(byId("latency"), rows, seconds => seconds ? word(time(seconds)) : "0");
}

function showStages(now) {
  const rows = STAGES.map(([name], i) => ({ name, color: palette(i), of: p => p.stages[i], now: word(time(now.stages[i])) }));
  legend("stages-legend", rows);
  stack(byId("stages"), rows, seconds => seconds ? word(time(seconds)) : "0");
}

const workerNames = () => all().filter(p => p.kind === "worker").map(p => p.name);
const workerColor = name => palette(Math.max(0, workerNames().indexOf(name)));

function showEdits(now) {
  const rows = workerNames().map(name => ({ name, color: workerColor(name), of: p => p.workers.get(name) || 0,
    now: word(amount(now.workers.get(name) || 0)) }));
  legend("edits-legend", rows);
  stack(byId("edits"), rows, value => word(amount(value)));
}

/* The view with the greatest number that anybody follows. */
async function newestView() {
  const views = await Promise.all([...reachable("gateway"), ...reachable("worker")].map(async p => {
    try { return await (await get(p.address, "/dashboard/view")).json(); } catch { return null; }
  }));
  return views.filter(Boolean).sort((a, b) => b.number - a.number)[0] || null;
}

function showShards(view) {
  const paper = sheet(byId("shards")), { pen } = paper;
  const counts = new Map();
  for (const owner of view ? view.owners : []) counts.set(owner, (counts.get(owner) || 0) + 1);
  const name = owner => owner < 0 ? "nobody" : view.members[owner].id;
  const hue = owner => owner < 0 ? color("bad") : workerColor(name(owner));
  byId("shards-title").textContent = view ? `Shards by owner · view ${view.number}` : "Shards by owner";
  legend("shards-legend", [...counts].sort((a, b) => a[0] - b[0]).map(([owner, count]) =>
    ({ name: name(owner) + (owner >= 0 && view.members[owner].state !== "live" ? ` (${view.members[owner].state})` : ""),
       color: hue(owner), now: String(count) })));
  if (!view) return;
  const columns = 32, rows = Math.ceil(view.owners.length / columns);
  const wide = paper.width / columns, high = (paper.height - paper.em * 0.5) / rows;
  view.owners.forEach((owner, shard) => {
    pen.fillStyle = hue(owner);
    pen.fillRect(shard % columns * wide, paper.em * 0.5 + Math.floor(shard / columns) * high, wide - 1, high - 1);
  });
}

function showServices(now) {
  const head = element("tr");
  for (const title of ["", "CPU", "memory", "turn p99", "Redis", "PG"]) head.append(element("th", "", title));
  byId("services").replaceChildren(head, ...all().map(p => {
    const row = element("tr"), name = element("td");
    const cell = (text, className) => row.append(element("td", className, text));
    name.append(element("span", "dot " + (p.away ? "is-bad" : p.kind === "starting" ? "is-warn" : "is-good")), p.name);
    row.append(name);
    if (p.away || !p.page) {
      cell("does not answer", "text-bad");
      row.lastChild.colSpan = 5;
      return row;
    }
    const cpu = rate(p, "process_cpu_seconds_total");
    cell(`${(cpu * 100).toFixed(0)} %`, cpu > 0.9 ? "text-warn" : "");
    cell(`${(sum(p.page, "process_resident_memory_bytes") / 1048576).toFixed(0)} MB`);
    cell(word(time(turnOf(p))));
    for (const server of ["redis", "postgres"]) {
      const trouble = now.breakers.find(b => b.name === p.name && b.server === server);
      if (server === "postgres" && p.kind === "gateway") cell("");
      else if (!trouble) cell("ok");
      else cell(["away", "open", "half"][trouble.state], "text-bad");
    }
    return row;
  }));
}
function turnOf(p) {
  const others = all().filter(o => o !== p).map(o => [o, o.away]);
  for (const [o] of others) o.away = true;
  const turn = quantile(null, "weft_loop_turn_seconds", 0.99);
  for (const [o, away] of others) o.away = away;
  return turn;
}

function showErrors() {
  const counts = new Map();
  for (const point of history)
    for (const [code, count] of point.errors) counts.set(code, (counts.get(code) || 0) + count);
  const table = element("table");
  const line = (name, count, className) => {
    const row = element("tr");
    row.append(element("td", className, name), element("td", className, word(amount(count))));
    table.append(row);
  };
  for (const [code, count] of [...counts].sort((a, b) => b[1] - a[1]).slice(0, 5)) line(code, count, "text-warn");
  if (!counts.size) line("errors to clients", 0);
  EVENTS.forEach(([name], i) => {
    const count = lastTen(point => point.events[i]);
    if (count || !counts.size) line(name, count);
  });
  byId("errors").replaceChildren(table);
}

/* What is wrong, the worst first. */
function troubles(now) {
  const away = all().filter(p => p.away).map(p => p.name), found = [];
  const kinds = [["gateway", "gateway"], ["worker", "worker"], ["archiver", "archiver"]];
  if (all().length > 1)
    for (const [kind, noun] of kinds) if (!reachable(kind).length) found.push(["bad", `no ${noun}`]);
  if (away.length) found.push(["bad", `${away.join(", ")} ${away.length > 1 ? "do" : "does"} not answer`]);
  for (const server of ["redis", "postgres"])
    if (now.breakers.some(b => b.server === server))
      found.push(["bad", server === "redis" ? "Redis is away: nothing is saved" : "PostgreSQL is away"]);
  const quarantined = total("worker", p => sum(p.page, "weft_worker_quarantined"));
  if (quarantined) found.push(["bad", `${quarantined} documents in quarantine`]);
  for (const tile of TILES) {
    const is = tile.level ? tile.level(now) : "";
    if (is && tile.title !== "Servers") found.push([is, `${tile.title}: ${word(tile.show(now))}`]);
  }
  for (const p of reachable())
    for (const { labels, value } of p.page.get("weft_account_bytes") || []) {
      const limit = sum(p.page, "weft_account_limit_bytes", { account: labels.account });
      if (limit && value > 0.8 * limit) found.push(["warn", `${p.name}: ${labels.account} ${(100 * value / limit).toFixed(0)} % full`]);
    }
  return found.sort((a, b) => (a[0] === "bad" ? 0 : 1) - (b[0] === "bad" ? 0 : 1));
}

function showState(now) {
  const found = troubles(now), state = byId("state");
  state.className = found.length ? found[0][0] : "good";
  state.textContent = found.length ? found.map(([, words]) => words).join(" · ") : "All is well";
  document.title = found.length ? "! Weft" : "Weft";
}

function show() {
  showState(now); showTiles(now); showLatency(now); showStages(now); showEdits(now); showShards(view);
  showServices(now); showErrors();
}

async function step() {
  const began = performance.now();
  try {
    await readAll();
    view = await newestView();
    now = take();
    show();
    byId("clock").textContent = new Date().toLocaleTimeString("en-GB");
    document.body.dataset.readings = String(history.length);
  } catch (error) {
    byId("state").className = "bad";
    byId("state").textContent = "This page's own process does not answer";
  }
  setTimeout(step, Math.max(200, STEP_MS - (performance.now() - began)));
}
addEventListener("resize", () => now && show());
prefersLight.addEventListener("change", theme);
theme();
step();
