/**
 * transform(a, b, first) and the cursor: one walk over the document that both were made on. Both
 * sides stand at the same unit of it always, so two inserts that meet are at the same point, and
 * units that either deletes still divide points.
 */
import { attrsWithout } from "./attrs.ts";
import { OpBuilder } from "./builder.ts";
import { putRest } from "./compose.ts";
import { type Comp, DELETE, INSERT, type Op, RETAIN } from "./op.ts";

/** Rewrites b to apply after a. `aFirst`: a comes first in server order. */
export function transform(a: Op, b: Op, aFirst: boolean): Op {
  const out = new OpBuilder([]);
  const theirs = a.comps;
  const ours = b.comps;
  let i = 0;
  let j = 0;
  let usedA = 0; // units of theirs[i] that are done
  let usedB = 0;
  while (i < theirs.length && j < ours.length) {
    const compA = theirs[i] as Comp;
    const compB = ours[j] as Comp;
    if (compA.kind >= INSERT && (aFirst || compB.kind < INSERT)) {
      out.retain(compA.length);
      i++;
    } else if (compB.kind >= INSERT) {
      out.put(compB);
      j++;
    } else {
      const length = Math.min(compA.length - usedA, compB.length - usedB);
      if (compA.kind === RETAIN) {
        if (compB.kind === RETAIN && compB.attrs !== null && aFirst) {
          out.retain(length, attrsWithout(compB.attrs, compA.attrs));
        } else {
          out.putPiece(compB, usedB, length);
        }
      }
      usedA += length;
      usedB += length;
      if (usedA === compA.length) {
        usedA = 0;
        i++;
      }
      if (usedB === compB.length) {
        usedB = 0;
        j++;
      }
    }
  }
  putRest(out, ours, j, usedB);
  return out.finish();
}

/** Where a cursor at `index` goes over a. `sticksLeft`: text inserted at it goes behind it. */
export function transformCursor(a: Op, index: number, sticksLeft: boolean): number {
  let point = 0; // of the document before a
  let after = index;
  for (const comp of a.comps) {
    if (point > index) break;
    if (comp.kind >= INSERT) {
      if (point < index || !sticksLeft) after += comp.length;
      continue;
    }
    if (comp.kind === DELETE) after -= Math.min(comp.length, index - point);
    point += comp.length;
  }
  return after;
}
