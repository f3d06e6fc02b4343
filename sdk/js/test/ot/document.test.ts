/** Long sessions on one document, beside the obvious one; and that the tree keeps its shape. */
import { expect, test } from "vitest";
import { Document, EMBED, fromDelta, INSERT, OpBuilder, OtError } from "../../src/ot/index.ts";
import { isLeaf, type Leaf, type Tree } from "../../src/ot/rope.ts";
import { type Cell, cellsOf, naiveApply, sameCells } from "./naive.ts";
import { LARGE, Random, randomDocument, randomOp, SEED, SMALL, SWEEP } from "./random.ts";

const treeOf = (doc: Document) => (doc as unknown as { tree: Tree }).tree;

function leavesOf(tree: Tree): Leaf[] {
  return isLeaf(tree) ? [tree] : [...leavesOf(tree.left), ...leavesOf(tree.right)];
}

function verify(tree: Tree, root = true): void {
  if (isLeaf(tree)) {
    expect(tree.units).toBe(tree.runs.reduce((units, run) => units + run.length, 0));
    expect(tree.units > 0 || root).toBe(true);
    expect(tree.units).toBeLessThanOrEqual(1024);
    expect(tree.runs.length).toBeLessThanOrEqual(32);
    for (const run of tree.runs) {
      expect(run.kind === EMBED ? 1 : run.kind === INSERT ? run.content.length : 0).toBe(run.length);
      expect(run.content).not.toMatch(/[\ud800-\udfff]/u);
    }
    return;
  }
  expect(tree.units).toBe(tree.left.units + tree.right.units);
  expect(tree.height).toBe(1 + Math.max(tree.left.height, tree.right.height));
  expect(Math.abs(tree.left.height - tree.right.height)).toBeLessThanOrEqual(1);
  verify(tree.left, false);
  verify(tree.right, false);
}

function readsAlike(random: Random, doc: Document, cells: readonly Cell[]): void {
  const from = random.below(cells.length + 1);
  const to = from + random.below(cells.length + 1 - from);
  const text = (part: readonly Cell[]) =>
    part.map((cell) => (cell.embed ? "\ufffc" : cell.unit)).join("");
  expect(doc.length).toBe(cells.length);
  expect(doc.text(from, to)).toBe(text(cells.slice(from, to)));
  const cut = to > 0 && to < cells.length && /^[\udc00-\udfff]/.test(text(cells.slice(to)));
  expect(doc.cutsPair(to)).toBe(cut);
  if (cut || doc.cutsPair(from) || random.percent(80)) return;
  expect(sameCells(naiveApply([], doc.content(from, to)), cells.slice(from, to))).toBe(true);
}

test.each([
  { name: "small ops", mix: SMALL, units: 4000, steps: 200 },
  { name: "large ops", mix: LARGE, units: 10_000, steps: 20 },
])("sessions of $name", { timeout: 60_000 * SWEEP }, ({ mix, units, steps }) => {
  const random = new Random(SEED);
  for (let session = 0; session < 4 * SWEEP; session++) {
    let doc = randomDocument(random, units, mix);
    let cells = cellsOf(doc);
    for (let step = 0; step < steps; step++) {
      const op = randomOp(random, doc, mix);
      const [before, cellsBefore] = [doc, cells];
      doc = doc.apply(op);
      cells = naiveApply(cells, op);
      readsAlike(random, doc, cells);
      readsAlike(random, before, cellsBefore);
      if (step % 10 === 0) {
        expect(sameCells(cellsOf(doc), cells)).toBe(true);
        verify(treeOf(doc));
      }
    }
  }
});

test("what was typed and deleted does not leave crumbs", () => {
  const random = new Random(SEED);
  let doc = Document.of(new OpBuilder().insert("x".repeat(100_000)).finish());
  // All but one unit of each stretch of 1,000, then typing everywhere.
  for (let at = 99_000; at >= 0; at -= 1000) {
    doc = doc.apply(new OpBuilder().retain(at).delete(999).finish());
  }
  expect(doc.length).toBe(100);
  expect(leavesOf(treeOf(doc)).length).toBe(1);
  for (let i = 0; i < 20_000; i++) {
    doc = doc.apply(new OpBuilder().retain(random.below(doc.length)).insert("y").finish());
  }
  verify(treeOf(doc));
  expect(leavesOf(treeOf(doc)).length).toBeLessThanOrEqual(2 * Math.ceil(doc.length / 1024) + 1);
});

test("an older state stays as it was", () => {
  const before = Document.of(fromDelta([{ insert: "a💩c" }, { insert: { image: "u" } }]));
  const after = before.apply(fromDelta([{ retain: 1 }, { delete: 2 }, { insert: "b" }]));
  expect([before.text(), after.text()]).toEqual(["a💩c\ufffc", "abc\ufffc"]);
});

test("what is no document, what does not fit", () => {
  const code = (act: () => unknown) => {
    try {
      act();
    } catch (error) {
      return (error as OtError).code;
    }
  };
  const doc = Document.of(fromDelta([{ insert: "💩\n" }]));
  expect(code(() => Document.of(fromDelta([{ insert: "a" }, { delete: 1 }])))).toBe("not-document");
  expect(code(() => doc.apply(fromDelta([{ delete: 4 }])))).toBe("too-long");
  expect(code(() => doc.invert(fromDelta([{ delete: 4 }])))).toBe("too-long");
  expect(code(() => doc.apply(fromDelta([{ delete: 1 }])))).toBe("cuts-pair");
  expect(code(() => doc.check(fromDelta([{ retain: 3 }, { insert: "a" }]), true))).toBe(
    "breaks-newline",
  );
});
