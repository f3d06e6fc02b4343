/** One reading of all processes, as the few numbers that are shown, and the last KEEP of them. */
import {
  grown, largest, mean, quantile, rate, reachable, sum, total, type Kind, type Labels, type Process,
} from "./metrics.ts";

export const KEEP = 300;

export type Server = "redis" | "postgres";
export const SERVERS: readonly Server[] = ["redis", "postgres"];
export interface Trouble {
  name: string; // of the process
  server: Server;
  state: number; // of its breaker: 0 closed (but there is no connection), 1 open, 2 half-open
}

export interface Point {
  at: number;
  clients: number;
  documents: number;
  edits: number; // a second
  entries: number;
  workers: Map<string, number>; // edits a second of each
  saved50: number | null;
  saved99: number | null;
  seen50: number | null;
  seen99: number | null;
  stages: (number | null)[]; // of STAGES
  lag: number;
  behind: number; // revisions
  events: number[]; // of EVENTS
  errors: Map<string, number>; // told to clients, by code
  breakers: Trouble[]; // that are not closed
}

export const STAGES: readonly { name: string; kind: Kind }[] = [
  { name: "in", kind: "gateway" },
  { name: "queue", kind: "worker" },
  { name: "transform", kind: "worker" },
  { name: "append", kind: "worker" },
  { name: "fan-out", kind: "gateway" },
];

export const EVENTS: readonly { name: string; series: readonly string[]; wanted?: Labels }[] = [
  { name: "clients came back", series: ["weft_gateway_opens_total"], wanted: { from: "position" } },
  { name: "documents handed over", series: ["weft_worker_handoffs_total"] },
  { name: "changes of the view", series: ["weft_worker_view_changes_total"] },
  { name: "links reset", series: ["weft_link_resets_total"] },
  { name: "ops and opens put off", series: ["weft_worker_put_off_total"] },
  { name: "slow readers", series: ["weft_gateway_lagging_total"] },
  { name: "breakers opened", series: ["weft_storage_breaker_opened_total", "weft_link_breaker_opened_total"] },
];

export const history: Point[] = [];

function errorsOf(gateways: Process[]): Map<string, number> {
  const name = "weft_gateway_client_errors_total";
  const errors = new Map<string, number>();
  for (const p of gateways)
    for (const { labels } of p.page.get(name) ?? []) {
      const more = grown(p, name, labels);
      const code = labels["error"] ?? "";
      if (more) errors.set(code, (errors.get(code) ?? 0) + more);
    }
  return errors;
}

function breakersOf(p: Process): Trouble[] {
  const found: Trouble[] = [];
  for (const server of p.kind === "starting" ? [] : SERVERS) {
    const state = largest(p.page, "weft_storage_breaker_state", { server });
    const used = server === "redis" || p.kind !== "gateway";
    if (state || (used && !largest(p.page, "weft_storage_ready", { server })))
      found.push({ name: p.name, server, state });
  }
  return found;
}

/** How many of a process' links have a breaker that is not closed. */
export const linksOpen = (p: Process): number =>
  sum(p.page, "weft_link_breakers") - sum(p.page, "weft_link_breakers", { state: "closed" });

export function take(): Point {
  const [gateways, workers] = [reachable("gateway"), reachable("worker")];
  const point: Point = {
    at: Date.now(),
    clients: total(gateways, (p) => sum(p.page, "weft_gateway_open_connections")),
    documents: total(workers, (p) => sum(p.page, "weft_worker_live_documents")),
    edits: total(workers, (p) => rate(p, "weft_worker_ops_total")),
    entries: total(workers, (p) => rate(p, "weft_worker_entries_total")),
    workers: new Map(workers.map((p) => [p.name, rate(p, "weft_worker_ops_total")])),
    saved50: quantile(gateways, "weft_gateway_ack_seconds", 0.5),
    saved99: quantile(gateways, "weft_gateway_ack_seconds", 0.99),
    seen50: quantile(gateways, "weft_gateway_seen_seconds", 0.5),
    seen99: quantile(gateways, "weft_gateway_seen_seconds", 0.99),
    stages: STAGES.map(({ name, kind }) => mean(reachable(kind), `weft_${kind}_stage_seconds`, { stage: name })),
    lag: Math.max(0, ...reachable("archiver").map((p) => sum(p.page, "weft_archiver_lag_seconds"))),
    behind: total(workers, (p) => sum(p.page, "weft_worker_unarchived_revisions")),
    events: EVENTS.map(({ series, wanted }) =>
      series.reduce((whole, name) => whole + total(reachable(), (p) => grown(p, name, wanted)), 0)),
    errors: errorsOf(gateways),
    breakers: reachable().flatMap(breakersOf),
  };
  history.push(point);
  if (history.length > KEEP) history.shift();
  return point;
}

/** What happened in all readings that are kept: ten minutes. */
export const lastTen = (of: (point: Point) => number): number =>
  history.reduce((whole, point) => whole + of(point), 0);
