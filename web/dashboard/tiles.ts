/** The tiles: what one looks at first, from two metres. */
import { byId, element } from "./dom.ts";
import { spark } from "./draw.ts";
import { history, lastTen, type Point } from "./history.ts";
import { reachable, STEP_MS } from "./metrics.ts";
import { amount, levelOf, time, word, type Level, type Shown } from "./numbers.ts";

export interface Tile {
  title: string;
  of: (p: Point) => number | null; // of the spark
  show: (p: Point) => Shown;
  note: (p: Point) => string;
  level?: (p: Point) => Level;
}

const LAG_READINGS = 5;
/** It is 0 between two documents: the worst of the last readings says more. */
const lately = () => Math.max(...history.slice(-LAG_READINGS).map((point) => point.lag));
const errorCount = (p: Point) => [...p.errors.values()].reduce((a, b) => a + b, 0);
const awayServers = (p: Point) => [...new Set(p.breakers.map((b) => (b.server === "redis" ? "Redis" : "PostgreSQL")))];

export const TILES: readonly Tile[] = [
  {
    title: "Clients",
    of: (p) => p.clients,
    show: (p) => amount(p.clients),
    note: (p) => `${word(amount(p.documents))} documents open`,
  },
  {
    title: "Edits a second",
    of: (p) => p.edits,
    show: (p) => amount(p.edits),
    note: (p) => (p.entries ? `${(p.edits / p.entries).toFixed(1)} in an entry` : "nobody types"),
  },
  {
    title: "Saved in (p99)",
    of: (p) => p.saved99,
    show: (p) => time(p.saved99),
    note: (p) => (p.saved50 === null ? "nobody types" : `half within ${word(time(p.saved50))}`),
    level: (p) => levelOf(p.saved99 ?? 0, 0.1, 0.5),
  },
  {
    title: "Archiver behind",
    of: (p) => p.lag,
    show: () => time(lately()),
    note: (p) => `${word(amount(p.behind))} revisions`,
    level: () => (reachable("archiver").length ? levelOf(lately(), 15, 60) : "bad"),
  },
  {
    title: "Servers",
    of: (p) => p.breakers.length,
    show: (p) => (p.breakers.length ? [String(awayServers(p).length), "away"] : ["fine", ""]),
    note: (p) => (p.breakers.length ? awayServers(p) : ["Redis", "PostgreSQL"]).join(", "),
    level: (p) => (p.breakers.length ? "bad" : ""),
  },
  {
    title: "Errors, 10 min",
    of: errorCount,
    show: () => amount(lastTen(errorCount)),
    note: (p) => `${word(amount((errorCount(p) * 60_000) / STEP_MS))} a minute now`,
    level: (p) => levelOf((errorCount(p) * 1000) / STEP_MS, 0.5, 10),
  },
];

const shown = TILES.map((tile) => {
  const card = element("div", "card tile");
  const number = element("div", "number");
  const words = element("div", "note");
  const canvas = element("canvas");
  card.append(canvas, element("h2", "", tile.title), number, words);
  byId("tiles").append(card);
  return { tile, card, number, words, canvas };
});

export function showTiles(now: Point): void {
  for (const { tile, card, number, words, canvas } of shown) {
    const [digits, unit] = tile.show(now);
    card.className = `card tile ${tile.level?.(now) ?? ""}`;
    number.replaceChildren(digits, ...(unit ? [element("small", "", unit)] : []));
    words.textContent = tile.note(now);
    spark(canvas, tile.of);
  }
}
