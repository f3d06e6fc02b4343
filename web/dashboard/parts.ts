/** The cards below the tiles: curves, shards, processes, errors. */
import { byId, canvasOf, color, element, palette } from "./dom.ts";
import { legend, lines, sheet, stack, type Row } from "./draw.ts";
import { EVENTS, history, lastTen, linksOpen, SERVERS, STAGES, type Point } from "./history.ts";
import { all, get, quantile, rate, reachable, sum, type Process } from "./metrics.ts";
import { amount, time, word } from "./numbers.ts";

const seconds = (value: number) => (value ? word(time(value)) : "0");

export function showLatency(now: Point): void {
  const row = (name: string, hue: string, of: Row["of"], style: Partial<Row>): Row => (
    { name, color: color(hue), of, now: word(time(of(now))), ...style });
  const rows = [
    row("saved p50", "c0", (p) => p.saved50, { wide: true }),
    row("saved p99", "c1", (p) => p.saved99, { wide: true }),
    row("seen p50", "c2", (p) => p.seen50, { dashed: true }),
    row("seen p99", "ink", (p) => p.seen99, { dashed: true }),
  ];
  legend("latency-legend", rows);
  lines(canvasOf("latency"), rows, seconds);
}

export function showStages(now: Point): void {
  const rows = STAGES.map(({ name }, i): Row => {
    const of = (p: Point) => p.stages[i] ?? null;
    return { name, color: palette(i), of, now: word(time(of(now))) };
  });
  legend("stages-legend", rows);
  stack(canvasOf("stages"), rows, seconds);
}

const workerNames = () => all().filter((p) => p.kind === "worker").map((p) => p.name);
const workerColor = (name: string) => palette(Math.max(0, workerNames().indexOf(name)));

export function showEdits(now: Point): void {
  const rows = workerNames().map((name): Row => {
    const of = (p: Point) => p.workers.get(name) ?? 0;
    return { name, color: workerColor(name), of, now: word(amount(of(now))) };
  });
  legend("edits-legend", rows);
  stack(canvasOf("edits"), rows, (value) => word(amount(value)));
}

/* --- shards --- */

export interface View {
  number: number;
  members: { id: string; state: string }[];
  owners: number[]; // of each shard, an index of members; -1: nobody
}

/** The view with the greatest number that anybody follows. */
export async function newestView(): Promise<View | null> {
  const asked = [...reachable("gateway"), ...reachable("worker")].map(async (p) => {
    try {
      return (await (await get(p.address, "/dashboard/view")).json()) as View;
    } catch {
      return null;
    }
  });
  const views = (await Promise.all(asked)).filter((view) => view !== null);
  return views.sort((a, b) => b.number - a.number)[0] ?? null;
}

export function showShards(view: View | null): void {
  const { pen, width, height, em } = sheet(canvasOf("shards"));
  const counts = new Map<number, number>();
  for (const owner of view?.owners ?? []) counts.set(owner, (counts.get(owner) ?? 0) + 1);
  const member = (owner: number) => view?.members[owner];
  const hue = (owner: number) => (owner < 0 ? color("bad") : workerColor(member(owner)?.id ?? ""));
  const name = (owner: number) => {
    const { id = "nobody", state = "live" } = member(owner) ?? {};
    return state === "live" ? id : `${id} (${state})`;
  };
  byId("shards-title").textContent = view ? `Shards · view ${view.number}` : "Shards";
  legend("shards-legend", [...counts].sort((a, b) => a[0] - b[0]).map(([owner, count]) =>
    ({ name: name(owner), color: hue(owner), now: String(count) })));
  if (!view) return;
  const columns = 32;
  const top = em * 0.5;
  const wide = width / columns;
  const high = (height - top) / Math.ceil(view.owners.length / columns);
  view.owners.forEach((owner, shard) => {
    pen.fillStyle = hue(owner);
    pen.fillRect((shard % columns) * wide, top + Math.floor(shard / columns) * high, wide - 1, high - 1);
  });
}

/* --- processes --- */

function rowOf(p: Process, now: Point): HTMLElement {
  const row = element("tr");
  const name = element("td");
  const cell = (text: string, className = "") => row.append(element("td", className, text));
  name.append(element("span", `dot ${p.away ? "is-bad" : p.kind === "starting" ? "is-warn" : "is-good"}`), p.name);
  row.append(name);
  if (p.away || !p.at) {
    const words = element("td", "text-bad", "does not answer");
    words.colSpan = 6;
    row.append(words);
    return row;
  }
  const cpu = rate(p, "process_cpu_seconds_total");
  cell(`${(cpu * 100).toFixed(0)} %`, cpu > 0.9 ? "text-warn" : "");
  cell(`${(sum(p.page, "process_resident_memory_bytes") / 1048576).toFixed(0)} MB`);
  cell(word(time(quantile([p], "weft_loop_turn_seconds", 0.99))));
  for (const server of SERVERS) {
    const trouble = now.breakers.find((b) => b.name === p.name && b.server === server);
    if (server === "postgres" && p.kind === "gateway") cell("");
    else if (!trouble) cell("ok");
    else cell(["away", "open", "half"][trouble.state] ?? "", "text-bad");
  }
  if (p.kind === "archiver") cell("");
  else if (linksOpen(p)) cell(`${linksOpen(p)} open`, "text-bad");
  else cell("ok");
  return row;
}

const FULL_SIZE_ROWS = 8;

export function showProcesses(now: Point): void {
  const rows = all().map((p) => rowOf(p, now));
  const head = element("tr");
  for (const title of ["", "CPU", "memory", "turn", "Redis", "PG", "links"]) head.append(element("th", "", title));
  byId("services").replaceChildren(head, ...rows);
  byId("services").style.fontSize = rows.length > FULL_SIZE_ROWS ? `${(1.35 * FULL_SIZE_ROWS) / rows.length}rem` : "";
}

/* --- errors and events --- */

export function showErrors(): void {
  const counts = new Map<string, number>();
  for (const point of history)
    for (const [code, count] of point.errors) counts.set(code, (counts.get(code) ?? 0) + count);
  const table = element("table");
  const line = (name: string, count: number, className = "") => {
    const row = element("tr");
    row.append(element("td", className, name), element("td", className, word(amount(count))));
    table.append(row);
  };
  for (const [code, count] of [...counts].sort((a, b) => b[1] - a[1]).slice(0, 5)) line(code, count, "text-warn");
  if (!counts.size) line("errors to clients", 0);
  EVENTS.forEach(({ name }, i) => {
    const count = lastTen((point) => point.events[i] ?? 0);
    if (count || !counts.size) line(name, count);
  });
  byId("errors").replaceChildren(table);
}
