/** An op that is greater than one Submit may carry leaves in pieces. */
import {
  type Comp, compSize, DELETE, encodedSize, INSERT, isLowHalf, type Op, OpBuilder, pieceOf,
} from "../ot/index.ts";

const VERSION_BYTES = 1;

/** What a server takes that has not said yet what it takes. */
export const COMPONENTS_MAX = 64 * 1024;

/**
 * The first piece, and what is left of the op after it, or null. One after the other they do to a
 * document what the op does. Text is cut between characters; a component that cannot be cut is a
 * piece however large it is: the server has to refuse it. Of the components that a server takes,
 * half: that leaves room for what others' ops cut.
 */
export function split(
  op: Op, bytesMax: number, componentsMax = COMPONENTS_MAX,
): [first: Op, rest: Op | null] {
  const countMax = Math.max(1, Math.floor(componentsMax / 2));
  if (encodedSize(op) <= bytesMax && op.comps.length <= countMax) return [op, null];
  const first = new OpBuilder();
  let room = bytesMax - VERSION_BYTES, units = 0, index = 0, used = 0;
  for (; index < Math.min(op.comps.length, countMax); index++) {
    const comp = op.comps[index]!;
    const size = compSize(comp);
    if (size > room) {
      used = comp.kind === INSERT ? fitting(comp, room) : 0;
      if (used > 0) first.put(pieceOf(comp, 0, used));
      break;
    }
    first.put(comp);
    room -= size;
    if (comp.kind !== DELETE) units += comp.length;
  }
  const piece = first.finish();
  if (piece.isIdentity) return [op, null];
  const rest = new OpBuilder().retain(units + used);
  for (let i = index; i < op.comps.length; i++) {
    const comp = op.comps[i]!;
    rest.put(i === index && used > 0 ? pieceOf(comp, used, comp.length - used) : comp);
  }
  return [piece, rest.finish()];
}

/** How many units of the text fit into that many bytes. */
function fitting(comp: Comp, room: number): number {
  let low = 0, high = Math.min(comp.length, room); // a unit takes a byte at least
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (compSize(pieceOf(comp, 0, middle)) <= room) low = middle;
    else high = middle - 1;
  }
  return isLowHalf(comp.content, low) ? low - 1 : low;
}
