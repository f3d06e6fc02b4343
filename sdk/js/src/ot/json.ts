/**
 * Canonical JSON (RFC 8785): what attribute values and embeds are compared as. It is defined by
 * ECMAScript's own JSON.stringify, which therefore does strings and numbers.
 */
import { OtError } from "./error.ts";

/** Arrays and objects may nest this deep: the limit of every implementation. */
const DEPTH_MAX = 64;

// In a Unicode pattern a pair is one character, so this finds halves that stand alone.
const LONE_HALF = /[\ud800-\udfff]/u;

export function isWellFormed(text: string): boolean {
  return !LONE_HALF.test(text);
}

export function canonicalString(text: string): string {
  if (!isWellFormed(text)) throw new OtError("bad-utf8", "half of a surrogate pair in a value");
  return JSON.stringify(text);
}

function canonicalObject(value: Record<string, unknown>, depth: number): string {
  let out = "";
  // sort() without a function orders by UTF-16 units, as RFC 8785 does.
  for (const key of Object.keys(value).sort()) {
    if (value[key] === undefined) continue;
    out += `${out && ","}${canonicalString(key)}:${canonicalJson(value[key], depth - 1)}`;
  }
  return `{${out}}`;
}

/** A member that is `undefined` is no member. Refuses what JSON has no value for. */
export function canonicalJson(value: unknown, depth = DEPTH_MAX): string {
  switch (typeof value) {
    case "string":
      return canonicalString(value);
    case "boolean":
      return value ? "true" : "false";
    case "number":
      if (Number.isFinite(value)) return JSON.stringify(value);
      break;
    case "object":
      if (value === null) return "null";
      if (depth === 0) throw new OtError("too-large", `a value nests deeper than ${DEPTH_MAX}`);
      return Array.isArray(value)
        ? `[${Array.from(value, (item) => canonicalJson(item, depth - 1)).join()}]`
        : canonicalObject(value as Record<string, unknown>, depth);
  }
  throw new OtError("bad-json", `a value that JSON does not have: ${String(value)}`);
}

/** Is this the canonical form of what it says? */
export function isCanonicalJson(text: string): boolean {
  try {
    return canonicalJson(JSON.parse(text)) === text;
  } catch {
    return false;
  }
}
