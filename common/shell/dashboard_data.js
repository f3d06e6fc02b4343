"use strict";
/*
 * The dashboard in three files, one script: what is read and kept (here), how it is drawn
 * (dashboard_draw.js), and the parts of the page (dashboard.js).
 *
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
