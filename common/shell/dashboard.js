"use strict";
/*
 * Every STEP_MS the /metrics of all processes are read; what is shown are the differences between
 * two readings, kept for KEEP of them. A process that restarts begins at 0: its difference is then
 * what it has now. A process that was there and does not answer is shown as away until it is back
 * or its file is gone.
 */
const STEP_MS = 2000, KEEP = 300;
const byId = id => document.getElementById(id);
const parameters = new URLSearchParams(location.search);
const prefersLight = matchMedia("(prefers-color-scheme: light)");
function theme() {
  const asked = parameters.get("theme");
  document.documentElement.classList.toggle("light", asked ? asked === "light" : prefersLight.matches);
  if (now) show();
}
const color = name => getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim();
const palette = i => color("c" + (i % 8));

let view = null, now = null;

/* --- reading --- */

/* Series by name: [{labels, value}]. */
function parse(text) {
  const page = new Map();
  for (const line of text.split("\n")) {
    const found = /^([a-z_0-9]+)(?:\{(.*)\})? (\S+)$/.exec(line);
    if (!found) continue;
    const labels = {};
    for (const [, key, value] of (found[2] || "").matchAll(/([a-z_]+)="([^"]*)"/g)) labels[key] = value;
    if (!page.has(found[1])) page.set(found[1], []);
    page.get(found[1]).push({ labels, value: Number(found[3]), key: found[2] || "" });
  }
  return page;
}

const has = (labels, wanted) => Object.entries(wanted).every(([key, value]) => labels[key] === value);
function sum(page, name, wanted = {}) {
  let total = 0;
  for (const series of page.get(name) || []) if (has(series.labels, wanted)) total += series.value;
  return total;
}
function largest(page, name, wanted = {}) {
  let most = 0;
  for (const series of page.get(name) || []) if (has(series.labels, wanted)) most = Math.max(most, series.value);
  return most;
}

async function get(address, path) {
  const answer = await fetch(`http://${address}${path}`, { cache: "no-store", signal: AbortSignal.timeout(1800) });
  if (!answer.ok) throw new Error(String(answer.status));
  return answer;
}

/* --- what is known of each process --- */

const processes = new Map(); /* name -> {address, kind, page, before, seconds, away} */
const kindOf = page => page.has("weft_gateway_open_connections") ? "gateway"
  : page.has("weft_worker_documents") ? "worker" : page.has("weft_archiver_jobs") ? "archiver" : "starting";

async function read(process) {
  try {
    const page = parse(await (await get(process.address, "/metrics")).text());
    const now = performance.now();
    const restarted = process.page &&
      sum(page, "process_start_time_seconds") !== sum(process.page, "process_start_time_seconds");
    process.before = restarted ? new Map() : process.page || page;
    process.seconds = process.at ? (now - process.at) / 1000 : STEP_MS / 1000;
    process.at = now;
    process.page = page;
    process.kind = kindOf(page);
    process.away = false;
  } catch {
    process.before = process.page;
    process.away = true;
  }
}

async function readAll() {
  const listed = await (await fetch("/dashboard/services", { cache: "no-store" })).json();
  const names = new Set(listed.map(service => service.name));
  for (const name of processes.keys()) if (!names.has(name)) processes.delete(name);
  for (const { name, address } of listed) {
    const known = processes.get(name);
    if (known) known.address = address;
    else processes.set(name, { name, address, kind: "starting" });
  }
  await Promise.all([...processes.values()].map(read));
}

const all = () => [...processes.values()].sort((a, b) => a.name.localeCompare(b.name, "en", { numeric: true }));
const reachable = kind => all().filter(p => p.page && !p.away && (!kind || p.kind === kind));
const grown = (p, name, wanted) => Math.max(0, sum(p.page, name, wanted) - sum(p.before, name, wanted));
const rate = (p, name, wanted) => grown(p, name, wanted) / p.seconds;
const total = (kind, of) => reachable(kind).reduce((whole, p) => whole + of(p), 0);

/* Quantile of what was counted between the readings; null: nothing was. */
function quantile(kind, name, q) {
  const counts = new Map();
  for (const p of reachable(kind))
    for (const { labels } of p.page.get(name + "_bucket") || [])
      counts.set(labels.le, (counts.get(labels.le) || 0) + grown(p, name + "_bucket", { le: labels.le }));
  const bounds = [...counts].map(([le, count]) => [le === "+Inf" ? Infinity : Number(le), count])
    .sort((a, b) => a[0] - b[0]);
  const count = bounds.length ? bounds[bounds.length - 1][1] : 0;
  if (!count) return null;
  let low = 0, below = 0;
  for (const [bound, upto] of bounds) {
    if (upto >= q * count) {
      if (bound === Infinity) return low;
      return low + (bound - low) * (upto > below ? (q * count - below) / (upto - below) : 1);
    }
    low = bound; below = upto;
  }
  return low;
}

function stageMean(kind, name, stage) {
  const count = total(kind, p => grown(p, name + "_count", { stage }));
  return count ? total(kind, p => grown(p, name + "_sum", { stage })) / count : null;
}

/* --- one reading, and the last KEEP --- */

const history = [];
const STAGES = [["in", "gateway", "weft_gateway_stage_seconds"], ["queue", "worker", "weft_worker_stage_seconds"],
  ["transform", "worker", "weft_worker_stage_seconds"], ["append", "worker", "weft_worker_stage_seconds"],
  ["fan-out", "gateway", "weft_gateway_stage_seconds"]];

const EVENTS = [["clients came back", "weft_gateway_opens_total", { from: "position" }],
  ["documents handed over", "weft_worker_handoffs_total", {}], ["changes of the view", "weft_worker_view_changes_total", {}],
  ["links reset", "weft_link_resets_total", {}], ["ops and opens put off", "weft_worker_put_off_total", {}],
  ["slow readers", "weft_gateway_lagging_total", {}], ["breakers opened", "weft_storage_breaker_opened_total", {}]];
const LAG_READINGS = 5;

function take() {
  const point = {
    at: Date.now(),
    clients: total("gateway", p => sum(p.page, "weft_gateway_open_connections")),
    documents: total("worker", p => sum(p.page, "weft_worker_live_documents")),
    edits: total("worker", p => rate(p, "weft_worker_ops_total")),
    entries: total("worker", p => rate(p, "weft_worker_entries_total")),
    workers: new Map(reachable("worker").map(p => [p.name, rate(p, "weft_worker_ops_total")])),
    saved50: quantile("gateway", "weft_gateway_ack_seconds", 0.5),
    saved99: quantile("gateway", "weft_gateway_ack_seconds", 0.99),
    seen50: quantile("gateway", "weft_gateway_seen_seconds", 0.5),
    seen99: quantile("gateway", "weft_gateway_seen_seconds", 0.99),
    stages: STAGES.map(([stage, kind, name]) => stageMean(kind, name, stage)),
    lag: Math.max(0, ...reachable("archiver").map(p => sum(p.page, "weft_archiver_lag_seconds"))),
    events: EVENTS.map(([, name, wanted]) => total(null, p => grown(p, name, wanted))),
    behind: total("worker", p => sum(p.page, "weft_worker_unarchived_revisions")),
    errors: new Map(),
    breakers: [],
  };
  for (const p of reachable("gateway"))
    for (const { labels } of p.page.get("weft_gateway_client_errors_total") || []) {
      const more = grown(p, "weft_gateway_client_errors_total", labels);
      if (more) point.errors.set(labels.error, (point.errors.get(labels.error) || 0) + more);
    }
  for (const p of reachable())
    for (const server of ["redis", "postgres"]) {
      const state = largest(p.page, "weft_storage_breaker_state", { server });
      const lost = server === "redis" || p.kind !== "gateway"
        ? !largest(p.page, "weft_storage_ready", { server }) : false;
      if ((state || lost) && p.kind !== "starting") point.breakers.push({ name: p.name, server, state });
    }
  history.push(point);
  if (history.length > KEEP) history.shift();
  return point;
}

/* --- numbers --- */

function amount(value) {
  if (value === null || value === undefined) return ["–", ""];
  if (value >= 9999500) return [(value / 1e6).toFixed(1), "M"];
  if (value >= 99950) return [(value / 1e3).toFixed(0), "k"];
  if (value >= 9999.5) return [(value / 1e3).toFixed(1), "k"];
  return [value >= 10 || Number.isInteger(value) ? value.toFixed(0) : value.toFixed(1), ""];
}
function time(seconds) {
  if (seconds === null || seconds === undefined) return ["–", ""];
  const ms = seconds * 1000;
  if (ms === 0) return ["0", "s"];
  if (ms < 1) return [(ms * 1000).toFixed(0), "µs"];
  if (ms < 10) return [ms.toFixed(1), "ms"];
  if (ms < 1000) return [ms.toFixed(0), "ms"];
  if (seconds < 120) return [seconds.toFixed(seconds < 10 ? 1 : 0), "s"];
  return [(seconds / 60).toFixed(0), "min"];
}
const word = ([number, unit]) => unit ? `${number} ${unit}` : number;
function element(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

/* --- drawing --- */

/* A canvas as large as it is shown, cleared. */
function sheet(canvas) {
  const scale = devicePixelRatio || 1, box = canvas.getBoundingClientRect();
  canvas.width = Math.max(1, box.width * scale);
  canvas.height = Math.max(1, box.height * scale);
  const pen = canvas.getContext("2d");
  pen.scale(scale, scale);
  return { pen, width: box.width, height: box.height, em: parseFloat(getComputedStyle(document.documentElement).fontSize) };
}
/* A round number at or above. */
function ceiling(value) {
  if (value <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map(step => step * power).find(step => step >= value * 0.999);
}
/* What the width shows: all that is known, between two minutes and ten. */
const span = () => Math.min(STEP_MS * KEEP, Math.max(120000, Date.now() - history[0].at));
const place = (at, left, width) => left + width - (Date.now() - at) / span() * width;

function frame({ pen, width, height, em }, top, label) {
  const area = { left: em * 4.6, top: em * 0.7, width: width - em * 5.4, height: height - em * 2.4 };
  pen.font = `${em * 1.05}px system-ui, "DejaVu Sans", sans-serif`;
  pen.fillStyle = color("dim");
  pen.strokeStyle = color("line");
  pen.lineWidth = 1;
  pen.textBaseline = "middle";
  for (let part = 0; part <= 2; part++) {
    const y = area.top + area.height * (1 - part / 2);
    pen.beginPath(); pen.moveTo(area.left, y); pen.lineTo(area.left + area.width, y); pen.stroke();
    pen.textAlign = "right";
    pen.fillText(label(top * part / 2), area.left - em * 0.5, y);
  }
  pen.textBaseline = "top";
  const every = span() > 300000 ? 5 : 1;
  for (let minutes = 0; minutes * 60000 <= span(); minutes += every) {
    const x = area.left + area.width * (1 - minutes * 60000 / span());
    pen.textAlign = minutes === 0 ? "right" : x < area.left + em * 3 ? "left" : "center";
    pen.fillText(minutes ? `${minutes} min ago` : "now", x, area.top + area.height + em * 0.4);
  }
  return area;
}

function lines(canvas, rows, label) {
  const paper = sheet(canvas), { pen } = paper;
  const top = ceiling(Math.max(...rows.flatMap(row => history.map(point => row.of(point) || 0))));
  const area = frame(paper, top, label);
  for (const row of rows) {
    pen.strokeStyle = row.color;
    pen.lineWidth = paper.em * (row.wide ? 0.26 : 0.16);
    pen.lineJoin = "round";
    pen.setLineDash(row.dashed ? [paper.em * 0.5, paper.em * 0.4] : []);
    pen.beginPath();
    let down = false;
    for (const point of history) {
      const value = row.of(point);
      if (value === null || value === undefined) { down = false; continue; }
      const x = place(point.at, area.left, area.width), y = area.top + area.height * (1 - Math.min(1, value / top));
      if (down) pen.lineTo(x, y); else { pen.moveTo(x, y); pen.lineTo(x + 1, y); }
      down = true;
    }
    pen.stroke();
  }
}

function stack(canvas, rows, label) {
  const paper = sheet(canvas), { pen } = paper;
  const whole = point => rows.reduce((height, row) => height + (row.of(point) || 0), 0);
  const top = ceiling(Math.max(0, ...history.map(whole)));
  const area = frame(paper, top, label);
  const step = area.width * STEP_MS / span();
  for (const point of history) {
    let below = 0;
    const x = place(point.at, area.left, area.width) - step;
    for (const row of rows) {
      const value = row.of(point) || 0, high = area.height * value / top;
      pen.fillStyle = row.color;
      pen.fillRect(x, area.top + area.height - (area.height * below / top) - high, step + 0.6, high);
      below += value;
    }
  }
}

function spark(canvas, of) {
  const { pen, width, height } = sheet(canvas);
  const top = Math.max(1e-9, ...history.map(point => of(point) || 0)) * 1.15;
  pen.beginPath();
  pen.moveTo(place(history[0].at, 0, width), height);
  for (const point of history) pen.lineTo(place(point.at, 0, width), height * (1 - (of(point) || 0) / top));
  pen.lineTo(width, height);
  pen.closePath();
  pen.fillStyle = color("c0");
  pen.globalAlpha = 0.55;
  pen.fill();
}

function legend(id, rows) {
  byId(id).replaceChildren(...rows.map(row => {
    const item = element("span");
    const swatch = element("span", "swatch");
    swatch.style.background = row.color;
    item.append(swatch, row.name + " ", element("b", "", row.now));
    return item;
  }));
}

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
