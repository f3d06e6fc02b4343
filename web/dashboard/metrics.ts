/**
 * What is known of each process: its page of metrics, and the one before. What is shown are the differences
 * between two readings. A process that restarts begins at 0: its difference is then what it has now. One that
 * was there and does not answer is shown as away until it is back or its file is gone.
 */

export const STEP_MS = 2000;

export type Labels = Record<string, string>;
export type Page = Map<string, { labels: Labels; value: number }[]>;
export type Kind = "gateway" | "worker" | "archiver" | "starting";

export interface Process {
  name: string;
  address: string;
  kind: Kind;
  page: Page;
  before: Page;
  at: number; // of the last reading, in ms; 0: there was none
  seconds: number; // between the two
  away: boolean;
}

export function parse(text: string): Page {
  const page: Page = new Map();
  for (const line of text.split("\n")) {
    const found = /^([a-z_0-9]+)(?:\{(.*)\})? (\S+)$/.exec(line);
    if (!found) continue;
    const [, name = "", inside = "", value] = found;
    const labels: Labels = {};
    for (const [, key = "", text = ""] of inside.matchAll(/([a-z_]+)="([^"]*)"/g)) labels[key] = text;
    const series = page.get(name) ?? [];
    series.push({ labels, value: Number(value) });
    page.set(name, series);
  }
  return page;
}

function values(page: Page, name: string, wanted: Labels): number[] {
  const has = (labels: Labels) => Object.entries(wanted).every(([key, value]) => labels[key] === value);
  return (page.get(name) ?? []).filter((series) => has(series.labels)).map((series) => series.value);
}

export const sum = (page: Page, name: string, wanted: Labels = {}): number =>
  values(page, name, wanted).reduce((a, b) => a + b, 0);

export const largest = (page: Page, name: string, wanted: Labels = {}): number =>
  Math.max(0, ...values(page, name, wanted));

/* --- reading --- */

const processes = new Map<string, Process>();

function kindOf(page: Page): Kind {
  if (page.has("weft_gateway_open_connections")) return "gateway";
  if (page.has("weft_worker_documents")) return "worker";
  return page.has("weft_archiver_jobs") ? "archiver" : "starting";
}

export async function get(address: string, path: string): Promise<Response> {
  const options: RequestInit = { cache: "no-store", signal: AbortSignal.timeout(1800) };
  const answer = await fetch(address ? `http://${address}${path}` : path, options);
  if (!answer.ok) throw new Error(String(answer.status));
  return answer;
}

async function read(p: Process): Promise<void> {
  try {
    const page = parse(await (await get(p.address, "/metrics")).text());
    const now = performance.now();
    const first = p.at === 0;
    const started = "process_start_time_seconds";
    const restarted = !first && sum(page, started) !== sum(p.page, started);
    p.before = restarted ? new Map() : first ? page : p.page;
    p.seconds = first ? STEP_MS / 1000 : (now - p.at) / 1000;
    p.at = now;
    p.page = page;
    p.kind = kindOf(page);
    p.away = false;
  } catch {
    p.before = p.page;
    p.away = true;
  }
}

export async function readAll(): Promise<void> {
  const listed = (await (await get("", "/dashboard/services")).json()) as { name: string; address: string }[];
  const names = new Set(listed.map((service) => service.name));
  for (const name of processes.keys()) if (!names.has(name)) processes.delete(name);
  for (const { name, address } of listed) {
    const known = processes.get(name);
    if (known) known.address = address;
    else {
      const [page, before] = [new Map(), new Map()];
      processes.set(name, { name, address, kind: "starting", page, before, at: 0, seconds: 1, away: false });
    }
  }
  await Promise.all([...processes.values()].map(read));
}

/* --- asking --- */

export const all = (): Process[] =>
  [...processes.values()].sort((a, b) => a.name.localeCompare(b.name, "en", { numeric: true }));

export const reachable = (kind?: Kind): Process[] =>
  all().filter((p) => p.at > 0 && !p.away && (!kind || p.kind === kind));

export const grown = (p: Process, name: string, wanted: Labels = {}): number =>
  Math.max(0, sum(p.page, name, wanted) - sum(p.before, name, wanted));

export const rate = (p: Process, name: string, wanted: Labels = {}): number => grown(p, name, wanted) / p.seconds;

export const total = (of: Process[], value: (p: Process) => number): number =>
  of.reduce((whole, p) => whole + value(p), 0);

/** Quantile of what was counted between the readings; null: nothing was. */
export function quantile(of: Process[], name: string, q: number): number | null {
  const counts = new Map<string, number>();
  for (const p of of)
    for (const { labels } of p.page.get(`${name}_bucket`) ?? []) {
      const le = labels["le"] ?? "";
      counts.set(le, (counts.get(le) ?? 0) + grown(p, `${name}_bucket`, { le }));
    }
  const bounds = [...counts]
    .map(([le, count]): [number, number] => [le === "+Inf" ? Infinity : Number(le), count])
    .sort((a, b) => a[0] - b[0]);
  const count = bounds.at(-1)?.[1] ?? 0;
  if (!count) return null;
  let low = 0;
  let below = 0;
  for (const [bound, upto] of bounds) {
    if (upto >= q * count) {
      if (bound === Infinity) return low;
      return low + (bound - low) * (upto > below ? (q * count - below) / (upto - below) : 1);
    }
    low = bound;
    below = upto;
  }
  return low;
}

export function mean(of: Process[], name: string, wanted: Labels): number | null {
  const count = total(of, (p) => grown(p, `${name}_count`, wanted));
  return count ? total(of, (p) => grown(p, `${name}_sum`, wanted)) / count : null;
}
