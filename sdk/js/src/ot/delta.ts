/**
 * Delta JSON, the arrays of components that Quill calls its changes, to ops and back. Reading puts
 * right what means nothing (docs/algebra.md) and refuses the rest with `bad-json`. The order of inserts
 * and deletes within a gap is kept.
 */
import type { Delta, DeltaLike, DeltaOp } from "../api.ts";
import { attrsFromObject } from "./attrs.ts";
import { OpBuilder } from "./builder.ts";
import { OtError } from "./error.ts";
import { canonicalJson, isWellFormed } from "./json.ts";
import { type Comp, DELETE, EMBED, INSERT, type Op, UNITS_MAX } from "./op.ts";

const MEMBERS = ["insert", "retain", "delete", "attributes"];

function lengthOf(value: unknown, at: number): number {
  if (typeof value !== "number" || !Number.isInteger(value) || value < 0 || value > UNITS_MAX) {
    throw new OtError("bad-json", `component ${at}: a length is a whole number`);
  }
  return value;
}

function readComponent(out: OpBuilder, comp: DeltaOp, at: number, halves: boolean): void {
  const refuse = (what: string) => new OtError("bad-json", `component ${at}${what}`);
  if (typeof comp !== "object" || comp === null) throw refuse(" is not an object");
  const members = Object.keys(comp).filter((name) => comp[name as keyof DeltaOp] !== undefined);
  if (members.some((name) => !MEMBERS.includes(name))) throw refuse(" has an unknown member");
  const { insert, retain, attributes } = comp;
  if (members.length !== (attributes === undefined ? 1 : 2)) {
    throw refuse(" must have one of insert, retain and delete");
  }
  if (comp.delete !== undefined) {
    if (attributes !== undefined) throw refuse(": a delete has no attributes");
    out.delete(lengthOf(comp.delete, at));
  } else if (retain !== undefined) {
    out.retain(lengthOf(retain, at), attrsFromObject(attributes, true));
  } else if (typeof insert === "string") {
    if (!halves && !isWellFormed(insert)) throw refuse(" holds half of a surrogate pair");
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
  try {
    list.forEach((comp, at) => readComponent(out, comp, at, halves));
  } catch (error) {
    if ((error as OtError).code !== "too-large") throw error;
    throw new OtError("bad-json", "it covers too many units");
  }
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
