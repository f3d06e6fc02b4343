/** The dashboard's beat: every STEP_MS it reads all processes, takes what is shown, and shows it. */
import "./dashboard.css";
import { byId } from "./dom.ts";
import { history, take, type Point } from "./history.ts";
import { readAll, STEP_MS } from "./metrics.ts";
import { newestView, showEdits, showErrors, showLatency, showProcesses, showShards, showStages, type View } from "./parts.ts";
import { showTiles } from "./tiles.ts";
import { troubles } from "./troubles.ts";

let view: View | null = null;
let now: Point | null = null;

function showState(point: Point): void {
  const found = troubles(point);
  const state = byId("state");
  state.className = found[0]?.level ?? "good";
  state.textContent = found.length ? found.map(({ words }) => words).join(" · ") : "All is well";
  document.title = found.length ? "! Weft" : "Weft";
}

function show(): void {
  if (!now) return;
  showState(now);
  showTiles(now);
  showLatency(now);
  showStages(now);
  showEdits(now);
  showShards(view);
  showProcesses(now);
  showErrors();
}

async function step(): Promise<void> {
  const began = performance.now();
  try {
    await readAll();
    view = await newestView();
    now = take();
    show();
    byId("clock").textContent = new Date().toLocaleTimeString("en-GB");
    document.body.dataset["readings"] = String(history.length);
  } catch {
    byId("state").className = "bad";
    byId("state").textContent = "This page's own process does not answer";
  }
  setTimeout(() => void step(), Math.max(200, STEP_MS - (performance.now() - began)));
}

/* The system's theme, unless the address says ?theme=dark or ?theme=light. */
const asked = new URLSearchParams(location.search).get("theme");
const prefersLight = matchMedia("(prefers-color-scheme: light)");
function theme(): void {
  document.documentElement.classList.toggle("light", asked ? asked === "light" : prefersLight.matches);
  show();
}

addEventListener("resize", show);
prefersLight.addEventListener("change", theme);
theme();
void step();
