/**
 * The algebra of operations (docs/algebra.md), component by component the same as the C library's:
 * pure functions on immutable values, no dependency.
 */
export { Attrs, attrsFromObject } from "./attrs.ts";
export { OpBuilder } from "./builder.ts";
export { compSize, decode, encode, encodedSize, type OpLimits } from "./codec.ts";
export { compose } from "./compose.ts";
export { fromDelta, toDelta } from "./delta.ts";
export { Document } from "./document.ts";
export { type FittedOp, fitToDocument } from "./editor.ts";
export { type OtCode, OtError } from "./error.ts";
export { canonicalJson } from "./json.ts";
export {
  Comp, DELETE, EMBED, IDENTITY, INSERT, isLowHalf, type Kind, Op, pieceOf, RETAIN, sameOp,
} from "./op.ts";
export { transform, transformCursor } from "./transform.ts";
