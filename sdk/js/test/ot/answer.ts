/**
 * What `weftctl ot` does (common/json/json_ot.h), in TypeScript: one request about the algebra, one
 * answer. Errors are answered by their code alone.
 */
import type { Delta } from "../../src/api.ts";
import {
  compose,
  decode,
  Document,
  encode,
  fromDelta,
  type Op,
  type OtCode,
  OtError,
  toDelta,
  transform,
  transformCursor,
} from "../../src/ot/index.ts";

export interface Request {
  fn: string;
  doc?: Delta;
  a?: Delta;
  b?: Delta;
  first?: boolean;
  rich?: boolean;
  index?: number;
  sticks_left?: boolean;
  hex?: string;
}
export type Answer = {
  result?: Delta;
  index?: number;
  hex?: string;
  error?: { code: OtCode };
};

export const toHex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
export const fromHex = (hex: string) => new Uint8Array(Buffer.from(hex, "hex"));

function evaluate(request: Request): Answer {
  const op = (delta: Delta | undefined): Op => fromDelta(delta as Delta);
  const { rich = false, first = false } = request;
  switch (request.fn) {
    case "compose":
      return { result: toDelta(compose(op(request.a), op(request.b))) };
    case "transform":
      return { result: toDelta(transform(op(request.a), op(request.b), first)) };
    case "cursor": {
      const { index = 0, sticks_left = false } = request;
      return { index: transformCursor(op(request.a), index, sticks_left) };
    }
    case "encode":
      return { hex: toHex(encode(op(request.a))) };
    case "decode":
      return { result: toDelta(decode(fromHex(request.hex as string))) };
  }
  const doc = Document.of(op(request.doc));
  const a = op(request.a);
  doc.check(a, rich);
  if (request.fn === "invert") return { result: toDelta(doc.invert(a)) };
  return { result: toDelta(doc.apply(a).content()) };
}

export function answer(request: Request): Answer {
  try {
    return evaluate(request);
  } catch (error) {
    if (error instanceof OtError) return { error: { code: error.code } };
    throw error;
  }
}
