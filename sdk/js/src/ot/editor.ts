/** From what an editor reports to an op that the document can take. */
import type { Delta, DeltaLike, DocKind } from "../api.ts";
import { OpBuilder } from "./builder.ts";
import { readDelta, toDelta } from "./delta.ts";
import type { Document } from "./document.ts";
import { OtError } from "./error.ts";
import type { Op } from "./op.ts";
import { breaksNewline, keepNewline } from "./newline.ts";
import { cutsCharacters, widen } from "./widen.ts";

export interface FittedOp {
  /** Valid on the document, the rule of its kind included. */
  readonly op: Op;
  /**
   * What is to be applied to the editor, which has made its change, to show what the document is after
   * `op`. null where it does: nearly always.
   */
  readonly correction: Delta | null;
}

/**
 * `delta`: what the editor has done to the document's content, by units: it may cut surrogate pairs
 * (widen.ts), and break the rule of the final newline (newline.ts). Throws `bad-json` or `too-long`.
 */
export function fitToDocument(doc: Document, delta: DeltaLike, kind: DocKind): FittedOp {
  const raw = readDelta(delta, true);
  if (raw.unitsIn > doc.length) throw new OtError("too-long");
  const unitsShown = doc.length - raw.unitsIn + raw.unitsOut;
  let { op, correction } = cutsCharacters(doc, raw)
    ? widen(doc, raw)
    : { op: raw, correction: new OpBuilder().retain(unitsShown) };
  if (kind === "rich" && breaksNewline(doc, op)) {
    const kept = keepNewline(doc, op);
    op = kept.op;
    if (kept.added !== undefined) correction.insert("\n", kept.added);
  }
  const change = correction.finish();
  return { op, correction: change.isIdentity ? null : toDelta(change) };
}
