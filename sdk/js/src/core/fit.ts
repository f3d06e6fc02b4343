/** What an editor reports becomes an op that document and server take, or is refused whole. */
import type { DeltaLike, DocKind } from "../api.ts";
import {
  compSize, type Document, type FittedOp, fitToDocument, INSERT, OtError, pieceOf,
} from "../ot/index.ts";
import { refusal } from "./errors.ts";

/** Version byte of the op, and a retain before the component. */
const SURROUNDINGS_BYTES = 16;

/** `bytesMax`: of an op. Text over it leaves in pieces; what cannot be cut is refused. */
export function fit(text: Document, delta: DeltaLike, kind: DocKind, bytesMax: number): FittedOp {
  let fitted: FittedOp;
  try {
    fitted = fitToDocument(text, delta, kind);
  } catch (error) {
    throw error instanceof OtError ? refusal("bad-delta", error.message) : error;
  }
  const most = bytesMax - SURROUNDINGS_BYTES;
  for (const comp of fitted.op.comps) {
    if ((comp.kind === INSERT ? compSize(pieceOf(comp, 0, 1)) : compSize(comp)) > most) throw refusal("embed-too-large", `an embed is at most ${bytesMax} bytes`, bytesMax);
  }
  return fitted;
}
