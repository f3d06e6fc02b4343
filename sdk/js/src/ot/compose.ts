/** compose(a, b): one walk over what a leaves, which is what b covers. */
import { composeAttrs } from "./attrs.ts";
import { OpBuilder } from "./builder.ts";
import { OtError } from "./error.ts";
import { Comp, DELETE, INSERT, isLowHalf, type Op, pieceOf, RETAIN } from "./op.ts";

/** The next units: a keeps or inserts `piece`, b retains or deletes it. */
function composePiece(out: OpBuilder, piece: Comp, over: Comp): void {
  if (over.kind === DELETE) {
    if (piece.kind === RETAIN) out.delete(piece.length);
    return;
  }
  if (over.attrs === null) {
    out.put(piece);
    return;
  }
  const attrs = composeAttrs(piece.attrs, over.attrs, piece.kind === RETAIN);
  out.put(new Comp(piece.kind, piece.length, piece.content, attrs));
}

/** One op that does what a, then b do. Refuses `cuts-pair` if b cuts a pair that a inserts. */
export function compose(a: Op, b: Op): Op {
  const out = new OpBuilder([]);
  const left = a.comps;
  const right = b.comps;
  let i = 0;
  let j = 0;
  let usedA = 0; // units of left[i] that are done
  let usedB = 0;
  while (i < left.length && j < right.length) {
    const compA = left[i] as Comp;
    const compB = right[j] as Comp;
    if (compB.kind >= INSERT) {
      out.put(compB);
      j++;
    } else if (compA.kind === DELETE) {
      out.put(compA);
      i++;
    } else {
      const length = Math.min(compA.length - usedA, compB.length - usedB);
      const end = usedA + length;
      if (compA.kind === INSERT && isLowHalf(compA.content, end)) throw new OtError("cuts-pair");
      composePiece(out, pieceOf(compA, usedA, length), compB);
      usedB += length;
      usedA = end;
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
  // At most one of the two is left.
  putRest(out, right, j, usedB);
  putRest(out, left, i, usedA);
  return out.finish();
}

/** What stands from component `i` on, its first `used` units done. */
export function putRest(out: OpBuilder, comps: readonly Comp[], i: number, used: number): void {
  for (; i < comps.length; i++) {
    const comp = comps[i] as Comp;
    out.putPiece(comp, used, comp.length - used);
    used = 0;
  }
}
