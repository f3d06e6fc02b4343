/**
 * Delta JSON, the arrays of components that Quill calls its changes, to ops and back. Reading puts
 * right what means nothing (docs/algebra.md) and refuses the rest: with the code that says what is wrong
 * with an op, or with `bad-json` for what is none. The order of inserts and deletes within a gap is kept.
 */
import type { Delta, DeltaLike, DeltaOp } from "../api.ts";
import { attrsFromObject } from "./attrs.ts";
import { OpBuilder } from "./builder.ts";
import { type OtCode, OtError } from "./error.ts";
import { canonicalJson, isWellFormed } from "./json.ts";
import { type Comp, DELETE, EMBED, INSERT, type Op, UNITS_MAX } from "./op.ts";

const MEMBERS = ["insert", "retain", "delete", "attributes"];

function lengthOf(value: unknown, at: number): number {
  if (typeof value !== "number" || !Number.isInteger(value) || value < 0 || value > UNITS_MAX) {
    const large = typeof value === "number" && value > UNITS_MAX;
    const what = `component ${at}: a length is a whole number from 0 to ${UNITS_MAX}`;
    throw new OtError(large ? "too-large" : "bad-json", what);
  }
  return value;
}

function readComponent(out: OpBuilder, comp: DeltaOp, at: number, halves: boolean): void {
  const refuse = (what: string, code: OtCode = "bad-json") => new OtError(code, `component ${at}${what}`);
  if (typeof comp !== "object" || comp === null) throw refuse(" is not an object");
  const members = Object.keys(comp).filter((name) => comp[name as keyof DeltaOp] !== undefined);
  if (members.some((name) => !MEMBERS.includes(name))) throw refuse(" has an unknown member");
  const { insert, retain, attributes } = comp;
  if (members.length !== (attributes === undefined ? 1 : 2)) {
    throw refuse(" must have one of insert, retain and delete");
  }
  if (comp.delete !== undefined) {
    if (attributes !== undefined) throw refuse(": a delete has no attributes", "bad-attributes");
    out.delete(lengthOf(comp.delete, at));
  } else if (retain !== undefined) {
    out.retain(lengthOf(retain, at), attrsFromObject(attributes, true));
  } else if (typeof insert === "string") {
    if (!halves && !isWellFormed(insert)) throw refuse(" holds half of a surrogate pair", "bad-utf8");
    out.insert(insert, attrsFromObject(attributes, false));
  } else if (typeof insert === "object" && insert !== null && !Array.isArray(insert)) {
    out.embed(canonicalJson(insert), attrsFromObject(attributes, false));
  } else {
    throw refuse(": insert must be a text or an object");
  }
}

/**
 * `halves`: takes texts that hold half of a surrogate pair. What comes out is then no op yet:
 * editor.ts makes it one.
 */
export function readDelta(delta: DeltaLike, halves: boolean): Op {
  const list = Array.isArray(delta) ? (delta as Delta) : (delta as { ops?: Delta } | null)?.ops;
  if (!Array.isArray(list)) throw new OtError("bad-json", "a Delta is an array of components");
  const out = new OpBuilder();
  list.forEach((comp, at) => readComponent(out, comp, at, halves));
  return out.finish();
}

export function fromDelta(delta: DeltaLike): Op {
  return readDelta(delta, false);
}

function componentToDelta(comp: Comp): DeltaOp {
  const out: DeltaOp =
    comp.kind === INSERT
      ? { insert: comp.content }
      : comp.kind === EMBED
        ? { insert: JSON.parse(comp.content) as Record<string, unknown> }
        : comp.kind === DELETE
          ? { delete: comp.length }
          : { retain: comp.length };
  if (comp.attrs !== null) out.attributes = comp.attrs.toObject();
  return out;
}

/** Fresh objects, the caller's own. */
export function toDelta(op: Op): Delta {
  return op.comps.map(componentToDelta);
}
