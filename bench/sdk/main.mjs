/**
 * Measures the SDK and its bindings: scripts/bench sdk, which starts real servers beside it. Prints one
 * line of JSON: what must be reached and whether it is, and all figures.
 */
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { Heavy } from "../../tests/browser/heavy.mjs";
import { launch, noErrors, rng, SEED, shut } from "../../tests/browser/lib.mjs";
import { imported, root } from "./imported.mjs";
import { algebra } from "./ot.mjs";

const quick = process.argv.includes("--quick");
const KEYS = quick ? 1000 : 10_000;
const OPENINGS = quick ? 1 : 5;
const EDITORS = { codemirror: "text", quill: "rich" };

const median = (list) => [...list].sort((a, b) => a - b)[list.length >> 1];
const rounded = (value) => (Number.isFinite(value) ? Number(value.toPrecision(3)) : value);
const progress = (what) => console.error(`bench: ${what}`);

/** In Node, with the storage in files. */
async function awayInNode(scattered) {
  const { away } = await imported("sdk/js/test/stack/away.ts");
  const random = rng();
  return away({ keys: KEYS, scattered, random: () => random(2 ** 32) / 2 ** 32 });
}

/** In Chromium, with IndexedDB. */
async function awayInChromium(heavy, scattered) {
  const { ada, id: _, ...figures } = await heavy.away({ keys: KEYS, scattered });
  await ada.close();
  return figures;
}

async function megabyte(heavy, editor) {
  const kind = EDITORS[editor];
  const { id, writer } = await heavy.megabyte(kind);
  await writer.close();
  const opened = [], alone = [], keys = [];
  for (let i = 0; i < OPENINGS; i++) {
    alone.push(await heavy.alone(editor, kind));
    const reader = await heavy.visitor("Reader");
    opened.push(await heavy.start(reader, id, { editor }));
    keys.push(await heavy.type(reader, "x", 100));
    await reader.close();
  }
  return {
    open_ms: median(opened.map(({ shown }) => shown)),
    until_text_ms: median(opened.map(({ ready }) => ready)),
    editor_alone_ms: median(alone),
    key_ms: median(keys.map(({ keys: count, sum }) => sum / count)),
    slowest_key_ms: Math.max(...keys.map(({ most }) => most)),
  };
}

function bundle() {
  const bytes = readFileSync(`${root}sdk/js/dist/index.js`);
  return { bytes: bytes.length, gzip_bytes: gzipSync(bytes, { level: 9 }).length };
}

async function measured() {
  const figures = { bundle: bundle() };
  progress("the algebra in Node");
  figures.algebra = algebra();
  for (const [name, scattered] of [["ends", false], ["scattered", true]]) {
    progress(`${KEYS} keys offline in Node, others write: ${name}`);
    figures[`away_node_${name}`] = await awayInNode(scattered);
  }
  await launch();
  const heavy = await Heavy.begin();
  for (const editor of Object.keys(EDITORS)) {
    progress(`1 MB in ${editor}`);
    figures[`megabyte_${editor}`] = await megabyte(heavy, editor);
  }
  for (const [name, scattered] of [["ends", false], ["scattered", true]]) {
    progress(`${KEYS} keys offline in Chromium, others write: ${name}`);
    figures[`away_chromium_${name}`] = await awayInChromium(heavy, scattered);
  }
  await shut();
  heavy.end();
  noErrors();
  return figures;
}

/** Name of the row, its figure, and what it is at most; or, where `least`, at least. */
const MUST = [
  ["bundle, bytes gzip", (f) => f.bundle.gzip_bytes, 35 * 1024],
  ["transforms per second in Node", (f) => f.algebra.transforms_per_s, 1_000_000, "least"],
  ...Object.keys(EDITORS).flatMap((editor) => [
    [`1 MB opened in ${editor}, ms`, (f) => f[`megabyte_${editor}`].open_ms, 1000],
    [`a key in 1 MB in ${editor}, ms`, (f) => f[`megabyte_${editor}`].key_ms, 4],
  ]),
  ...["node_ends", "node_scattered", "chromium_ends", "chromium_scattered"].flatMap((where) => [
    [`${KEYS} keys saved (${where}), ms`, (f) => f[`away_${where}`].ms, 5000],
    [`missing or doubled (${where})`, (f) => f[`away_${where}`].missing + f[`away_${where}`].doubled, 0],
    [`others' revisions (${where})`, (f) => f[`away_${where}`].revisions, KEYS, "least"],
  ]),
];

const figures = await measured();
const must = {};
for (const [name, figure, bound, least] of MUST) {
  const value = figure(figures);
  const holds = least ? value >= bound : value <= bound;
  must[name] = { value: rounded(value), [least ? "at least" : "at most"]: bound, holds };
}
const missed = Object.values(must).filter(({ holds }) => !holds).length;
const shown = JSON.parse(JSON.stringify(figures, (_, value) => (typeof value === "number" ? rounded(value) : value)));
console.log(JSON.stringify({ must, figures: shown, node: process.version, seed: SEED, missed }));
process.exitCode = missed > 0 ? 1 : 0;
