/**
 * The tree under a document: an immutable binary tree whose leaves hold runs (inserts and embeds, as
 * an op has them), balanced by height as AVL trees are. Every change makes new nodes along one path
 * and shares the rest, so an older state stays readable for nothing: what an op undoes, or the text
 * without what is unsent.
 *
 * There are two ways to make a tree of others, `take`/`drop` and `concat`, each O(log n); applying an
 * op is nothing else. A leaf holds at most LEAF_UNITS and LEAF_RUNS; wherever leaves come to lie
 * side by side and fit in one, they become one, so that two neighbours exceed one of these and leaves
 * stay half full on average. No leaf ends within a surrogate pair. Neighbouring runs with equal attributes are one within a leaf; over
 * the borders of leaves they may not be.
 */
import { sameAttrs } from "./attrs.ts";
import { Comp, INSERT, isLowHalf, pieceOf } from "./op.ts";

const LEAF_UNITS = 1024;
const LEAF_RUNS = 32;

export interface Leaf {
  readonly height: 0;
  readonly units: number;
  readonly runs: readonly Comp[];
}
export interface Branch {
  readonly height: number; // > 0
  readonly units: number;
  readonly left: Tree;
  readonly right: Tree;
}
export type Tree = Leaf | Branch;

export const EMPTY: Leaf = { height: 0, units: 0, runs: [] };

export function isLeaf(tree: Tree): tree is Leaf {
  return tree.height === 0;
}

function leafOf(runs: readonly Comp[]): Leaf {
  return { height: 0, units: runs.reduce((units, run) => units + run.length, 0), runs };
}

function branch(left: Tree, right: Tree): Branch {
  const height = Math.max(left.height, right.height) + 1;
  return { height, units: left.units + right.units, left, right };
}

// --- leaves ---

/** Adds a run to runs that are being gathered, as part of the last one where it can be. */
export function pushRun(runs: Comp[], run: Comp): void {
  const last = runs[runs.length - 1];
  if (last?.kind === INSERT && run.kind === INSERT && sameAttrs(last.attrs, run.attrs)) {
    const content = last.content + run.content;
    runs[runs.length - 1] = new Comp(INSERT, content.length, content, run.attrs);
  } else {
    runs.push(run);
  }
}

/** The units from..to of runs. */
function cutRuns(runs: readonly Comp[], from: number, to: number): Comp[] {
  const out: Comp[] = [];
  let start = 0;
  for (const run of runs) {
    const first = Math.max(from - start, 0);
    const last = Math.min(to - start, run.length);
    if (first < last) out.push(pieceOf(run, first, last - first));
    start += run.length;
  }
  return out;
}

function leavesFit(a: Leaf, b: Leaf): boolean {
  return a.units + b.units <= LEAF_UNITS && a.runs.length + b.runs.length <= LEAF_RUNS;
}

function mergeLeaves(a: Leaf, b: Leaf): Leaf {
  const runs = [...a.runs];
  b.runs.forEach((run) => pushRun(runs, run));
  return { height: 0, units: a.units + b.units, runs };
}

// --- balance ---

/** Two trees whose heights differ by at most 2. */
function balance(left: Tree, right: Tree): Branch {
  if (right.height > left.height + 1) {
    const { left: inner, right: outer } = right as Branch;
    if (inner.height <= outer.height) return branch(branch(left, inner), outer);
    const middle = inner as Branch;
    return branch(branch(left, middle.left), branch(middle.right, outer));
  }
  if (left.height > right.height + 1) {
    const { left: outer, right: inner } = left as Branch;
    if (inner.height <= outer.height) return branch(outer, branch(inner, right));
    const middle = inner as Branch;
    return branch(branch(outer, middle.left), branch(middle.right, right));
  }
  return branch(left, right);
}

/** Both behind each other; leaves stay as they are. */
function join(left: Tree, right: Tree): Tree {
  if (left.units === 0) return right;
  if (right.units === 0) return left;
  if (left.height > right.height + 1) {
    return balance((left as Branch).left, join((left as Branch).right, right));
  }
  if (right.height > left.height + 1) {
    return balance(join(left, (right as Branch).left), (right as Branch).right);
  }
  return branch(left, right);
}

function lastLeaf(tree: Tree): Leaf {
  while (!isLeaf(tree)) tree = tree.right;
  return tree;
}

function firstLeaf(tree: Tree): Leaf {
  while (!isLeaf(tree)) tree = tree.left;
  return tree;
}

function withoutLastLeaf(tree: Tree): Tree {
  return isLeaf(tree) ? EMPTY : join(tree.left, withoutLastLeaf(tree.right));
}

function withoutFirstLeaf(tree: Tree): Tree {
  return isLeaf(tree) ? EMPTY : join(withoutFirstLeaf(tree.left), tree.right);
}

// --- what the document is made with ---

/** Both behind each other. */
export function concat(left: Tree, right: Tree): Tree {
  if (left.units === 0) return right;
  if (right.units === 0) return left;
  const before = lastLeaf(left);
  const behind = firstLeaf(right);
  if (!leavesFit(before, behind)) return join(left, right);
  const both = mergeLeaves(before, behind);
  return concat(concat(withoutLastLeaf(left), both), withoutFirstLeaf(right));
}

/** The first `units` of a tree. */
export function take(tree: Tree, units: number): Tree {
  if (units >= tree.units) return tree;
  if (units <= 0) return EMPTY;
  if (isLeaf(tree)) return leafOf(cutRuns(tree.runs, 0, units));
  const { left, right } = tree;
  if (units <= left.units) return take(left, units);
  const part = take(right, units - left.units);
  // What was cut may fit in the leaf beside it.
  return isLeaf(part) ? concat(left, part) : join(left, part);
}

/** What follows the first `units` of a tree. */
export function drop(tree: Tree, units: number): Tree {
  if (units >= tree.units) return EMPTY;
  if (units <= 0) return tree;
  if (isLeaf(tree)) return leafOf(cutRuns(tree.runs, units, tree.units));
  const { left, right } = tree;
  if (units >= left.units) return drop(right, units - left.units);
  const part = drop(left, units);
  return isLeaf(part) ? concat(part, right) : join(part, right);
}

/** Cuts runs into leaves. */
function leavesOf(runs: readonly Comp[]): Leaf[] {
  const leaves: Leaf[] = [];
  let gathered: Comp[] = [];
  let room = LEAF_UNITS;
  const close = () => {
    if (gathered.length > 0) leaves.push(leafOf(gathered));
    gathered = [];
    room = LEAF_UNITS;
  };
  for (const run of runs) {
    for (let from = 0; from < run.length; ) {
      if (room <= 1 || gathered.length === LEAF_RUNS) close();
      let length = Math.min(run.length - from, room);
      if (run.kind === INSERT && isLowHalf(run.content, from + length)) length--;
      gathered.push(pieceOf(run, from, length));
      from += length;
      room -= length;
    }
  }
  close();
  return leaves;
}

/** A tree of runs. */
export function build(runs: readonly Comp[]): Tree {
  const leaves = leavesOf(runs);
  const over = (from: number, to: number): Tree => {
    if (to - from <= 1) return leaves[from] ?? EMPTY;
    const middle = (from + to) >> 1;
    return branch(over(from, middle), over(middle, to));
  };
  return over(0, leaves.length);
}

/** The same with every run changed, units as before. */
export function mapRuns(tree: Tree, change: (run: Comp) => Comp): Tree {
  if (!isLeaf(tree)) return branch(mapRuns(tree.left, change), mapRuns(tree.right, change));
  const runs: Comp[] = [];
  for (const run of tree.runs) pushRun(runs, change(run));
  return { height: 0, units: tree.units, runs };
}

/** Calls `visit` for what of every run lies within from..to. */
export function visitRuns(
  tree: Tree,
  from: number,
  to: number,
  visit: (run: Comp) => void,
): void {
  if (from >= tree.units || to <= 0) return;
  if (isLeaf(tree)) {
    for (const run of from <= 0 && to >= tree.units ? tree.runs : cutRuns(tree.runs, from, to)) {
      visit(run);
    }
    return;
  }
  visitRuns(tree.left, from, to, visit);
  visitRuns(tree.right, from - tree.left.units, to - tree.left.units, visit);
}

/** Is `index`, which is below tree.units, within a surrogate pair? */
export function cutsPairAt(tree: Tree, index: number): boolean {
  while (!isLeaf(tree)) {
    const { left, right } = tree;
    if (index < left.units) {
      tree = left;
    } else {
      index -= left.units;
      tree = right;
    }
  }
  for (const run of tree.runs) {
    if (index < run.length) return run.kind === INSERT && isLowHalf(run.content, index);
    index -= run.length;
  }
  return false;
}
