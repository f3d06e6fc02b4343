/** What editors report becomes an op with the same effect, and the editor stays in step. */
import { expect, test } from "vitest";
import type { Delta, DocKind } from "../../src/api.ts";
import { readDelta } from "../../src/ot/delta.ts";
import { Document, fitToDocument, fromDelta, type Op, sameOp, toDelta } from "../../src/ot/index.ts";
import { type Cell, cellsOf, naiveApply, sameCells } from "./naive.ts";
import { type Mix, Random, randomDocument, randomOp, SEED, SWEEP } from "./random.ts";

const fit = (content: Delta, delta: Delta, kind: DocKind) => {
  const { op, correction } = fitToDocument(Document.of(fromDelta(content)), delta, kind);
  return { op: toDelta(op), correction };
};

test.each<{ name: string; doc: string; delta: Delta; op: Delta; correction: Delta | null }>([
  {
    name: "two halves within a pair (Quill 2, a💩 to a😁💩)",
    doc: "a💩\n",
    delta: [{ retain: 2 }, { insert: "\ude01\ud83d" }],
    op: [{ retain: 1 }, { insert: "😁" }],
    correction: null,
  },
  {
    name: "a pair becomes another that shares a half",
    doc: "💩\n",
    delta: [{ retain: 1 }, { insert: "\ude01" }, { delete: 1 }],
    op: [{ insert: "😁" }, { delete: 2 }],
    correction: null,
  },
  {
    name: "the halves between two pairs go",
    doc: "x💩😁y\n",
    delta: [{ retain: 2 }, { delete: 2 }],
    op: [{ retain: 1 }, { delete: 2 }],
    correction: null,
  },
  {
    name: "half a pair is deleted",
    doc: "a💩b\n",
    delta: [{ retain: 2 }, { delete: 1 }],
    op: [{ retain: 1 }, { delete: 2 }],
    correction: [{ retain: 1 }, { delete: 1 }],
  },
  {
    name: "text within a pair",
    doc: "a💩b\n",
    delta: [{ retain: 2 }, { insert: "x" }],
    op: [{ retain: 1 }, { insert: "x" }, { delete: 2 }],
    correction: [{ retain: 1 }, { delete: 1 }, { retain: 1 }, { delete: 1 }],
  },
  {
    name: "a format that begins within a pair",
    doc: "a💩b\n",
    delta: [{ retain: 2 }, { retain: 2, attributes: { b: true } }],
    op: [{ retain: 3 }, { retain: 1, attributes: { b: true } }],
    correction: [{ retain: 2 }, { retain: 1, attributes: { b: null } }],
  },
  {
    name: "other edits of the same change stay as they are",
    doc: "ab💩c\n",
    delta: [{ delete: 1 }, { insert: "x" }, { retain: 2 }, { insert: "\ude01\ud83d" }],
    op: [{ delete: 1 }, { insert: "x" }, { retain: 1 }, { insert: "😁" }],
    correction: null,
  },
])("widens: $name", ({ doc, delta, op, correction }) => {
  expect(fit([{ insert: doc }], delta, "rich")).toEqual({ op, correction });
});

const HEADER = { header: 1 };
test.each<{ name: string; doc: Delta; delta: Delta; op: Delta; correction: Delta | null }>([
  {
    name: "the last paragraph goes with the final newline",
    doc: [{ insert: "a\nb\n" }],
    delta: [{ retain: 2 }, { delete: 2 }],
    op: [{ retain: 1 }, { delete: 2 }],
    correction: null,
  },
  {
    name: "the newline that stays has a format",
    doc: [{ insert: "a" }, { insert: "\n", attributes: HEADER }, { insert: "b\n" }],
    delta: [{ retain: 2 }, { delete: 2 }],
    op: [{ retain: 1 }, { delete: 2 }, { retain: 1, attributes: HEADER }],
    correction: null,
  },
  {
    name: "a paragraph behind the end",
    doc: [{ insert: "a" }, { insert: "\n", attributes: HEADER }],
    delta: [{ retain: 2 }, { insert: "x\n" }],
    op: [
      { retain: 1 },
      { insert: "\n", attributes: HEADER },
      { insert: "x" },
      { retain: 1, attributes: { header: null } },
    ],
    correction: null,
  },
  {
    name: "everything is replaced",
    doc: [{ insert: "old\n" }],
    delta: [{ insert: "new\n" }, { delete: 4 }],
    op: [{ insert: "new" }, { delete: 3 }],
    correction: null,
  },
  {
    name: "everything is deleted",
    doc: [{ insert: "old\n" }],
    delta: [{ delete: 4 }],
    op: [{ delete: 3 }],
    correction: [{ insert: "\n" }],
  },
  {
    name: "text behind the end without a newline",
    doc: [{ insert: "a\n" }],
    delta: [{ retain: 2 }, { insert: "x" }],
    op: [{ retain: 1 }, { insert: "\nx" }],
    correction: [{ retain: 3 }, { insert: "\n" }],
  },
  {
    name: "a format of the final newline is no breach",
    doc: [{ insert: "a\n" }],
    delta: [{ retain: 1 }, { retain: 1, attributes: HEADER }],
    op: [{ retain: 1 }, { retain: 1, attributes: HEADER }],
    correction: null,
  },
])("keeps the final newline: $name", ({ doc, delta, op, correction }) => {
  expect(fit(doc, delta, "rich")).toEqual({ op, correction });
});

test("kind text has no final newline to keep", () => {
  expect(fit([{ insert: "a\n" }], [{ delete: 2 }], "text")).toEqual({
    op: [{ delete: 2 }],
    correction: null,
  });
});

test("refuses what is no change of the document", () => {
  const doc = Document.of(fromDelta([{ insert: "a\n" }]));
  expect(() => fitToDocument(doc, [{ delete: 3 }], "rich")).toThrow(/more than the document/);
  expect(() => fitToDocument(doc, [{ retain: -1 }], "rich")).toThrow(/whole number/);
});

/** Changes as an editor with a DOM makes them: by units. Half of the text is pairs. */
function randomRaw(random: Random, doc: Document): Delta {
  const delta: Delta = [];
  const attributes = () => (random.percent(30) ? { attributes: { b: random.pick([1, null]) } } : {});
  const insert = () => random.pick(["a", "💩", "\ud83d", "\ude01", "\ude01\ud83d", "\n"]);
  let left = doc.length;
  for (let n = random.between(1, 6); n > 0; n--) {
    const length = Math.min(left, random.between(1, random.percent(20) ? left + 1 : 3));
    switch (random.below(4)) {
      case 0:
        delta.push({ insert: insert(), ...attributes() });
        break;
      case 1:
        delta.push({ delete: length });
        left -= length;
        break;
      default:
        delta.push({ retain: length, ...attributes() });
        left -= length;
    }
  }
  return delta;
}

/** Nothing that only the correction could put right. */
function sound(cells: readonly Cell[], kind: DocKind): boolean {
  const high = (cell?: Cell) => cell !== undefined && /^[\ud800-\udbff]$/.test(cell.unit);
  const low = (cell?: Cell) => cell !== undefined && /^[\udc00-\udfff]$/.test(cell.unit);
  const paired = cells.every((cell, i) => {
    const [before, next] = [cells[i - 1], cells[i + 1]];
    if (high(cell)) return low(next) && sameCells([{ ...cell, unit: "" }], [{ ...(next as Cell), unit: "" }]);
    return !low(cell) || high(before);
  });
  return paired && (kind === "text" || cells.at(-1)?.unit === "\n");
}

test("random changes by units", { timeout: 60_000 * SWEEP }, () => {
  const mix: Mix = { comps: 5, length: 4, attrs: true, embeds: true };
  const random = new Random(SEED);
  const seen = { widened: 0, corrected: 0, kept: 0 };
  for (let i = 0; i < 8_000 * SWEEP; i++) {
    const kind: DocKind = random.percent(70) ? "rich" : "text";
    const words = randomDocument(random, random.below(10), mix);
    const doc = words.apply(randomOp(random, words, mix)).apply(fromDelta([{ insert: "💩" }]));
    const whole = doc.apply(fromDelta([{ retain: doc.length }, { insert: "\n", attributes: { b: 1 } }]));
    const delta = randomRaw(random, whole);
    const raw = readDelta(delta, true);
    const label = `case ${i}: ${JSON.stringify([toDelta(whole.content()), delta, kind])}`;
    const { op, correction } = fitToDocument(whole, delta, kind);
    whole.check(op, kind === "rich");
    const shown = naiveApply(cellsOf(whole), raw);
    const inStep = naiveApply(shown, readDelta(correction ?? [], true));
    expect(sameCells(inStep, cellsOf(whole.apply(op))), label).toBe(true);
    expect(correction === null, label).toBe(sound(shown, kind));
    if (fitsAlready(whole, raw, kind)) expect(sameOp(op, raw), label).toBe(true);
    if (correction !== null) seen.corrected++;
    else if (sameOp(op, raw)) seen.kept++;
    else seen.widened++;
  }
  console.log(`WEFT_SEED=${SEED}: ${JSON.stringify(seen)}`);
  expect(Math.min(...Object.values(seen))).toBeGreaterThan(200);
});

function fitsAlready(doc: Document, raw: Op, kind: DocKind): boolean {
  try {
    doc.check(raw, kind === "rich");
    return raw.comps.every((comp) => !/[\ud800-\udfff]/u.test(comp.content));
  } catch {
    return false;
  }
}
