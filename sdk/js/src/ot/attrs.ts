/**
 * Attribute lists: key → canonical JSON value, sorted by key in UTF-16 order. `null` (only on retains)
 * removes a key. A list without pairs is `null`, so there is one form of "no attributes".
 *
 * Lists are interned: equal lists are mostly one object, and comparing is comparing references. The
 * table is only a cache that begins anew when it is full, so equality falls back to the text.
 */
import { OtError } from "./error.ts";
import { canonicalJson, canonicalString, isWellFormed } from "./json.ts";

/** Lists in the table: protects from a document in which every character has a format of its own. */
const TABLE_MAX = 4096;
/** UTF-16 units of a list in the table: protects from values as large as an op may be. */
const TEXT_MAX = 1024;

export class Attrs {
  constructor(
    /** Sorted, each once. */
    readonly keys: readonly string[],
    /** Canonical JSON, one for each key. */
    readonly values: readonly string[],
    /** The list as a canonical JSON object: equal texts are equal lists. */
    readonly text: string,
  ) {}

  /** A fresh object, the caller's own. */
  toObject(): Record<string, unknown> {
    return JSON.parse(this.text) as Record<string, unknown>;
  }
}

const table = new Map<string, Attrs>();

export function internAttrs(keys: readonly string[], values: readonly string[]): Attrs | null {
  if (keys.length === 0) return null;
  const text = `{${keys.map((key, i) => `${canonicalString(key)}:${values[i]}`).join()}}`;
  let attrs = table.get(text);
  if (attrs === undefined) {
    if (table.size >= TABLE_MAX) table.clear();
    attrs = new Attrs(keys, values, text);
    if (text.length <= TEXT_MAX) table.set(text, attrs);
  }
  return attrs;
}

export function sameAttrs(a: Attrs | null, b: Attrs | null): boolean {
  return a === b || (a !== null && b !== null && a.text === b.text);
}

/** `nulls`: null removes a key, so it is kept; else it means nothing and is dropped. */
export function attrsFromObject(object: unknown, nulls: boolean): Attrs | null {
  if (object === undefined || object === null) return null;
  if (typeof object !== "object" || Array.isArray(object)) {
    throw new OtError("bad-attributes", "attributes must be an object");
  }
  const source = object as Record<string, unknown>;
  const present = Object.keys(source).filter((key) => source[key] !== undefined);
  if (!present.every(isWellFormed)) throw new OtError("bad-utf8", "half of a surrogate pair in a key");
  const keys = present.filter((key) => nulls || source[key] !== null).sort();
  const values = keys.map((key) => canonicalJson(source[key]));
  return internAttrs(keys, values);
}

/**
 * One walk over two sorted lists. `pick` gets a key with its value in each list, or undefined where it
 * has none, and gives the value in the result, or undefined for none.
 */
function mergeAttrs(
  a: Attrs | null,
  b: Attrs | null,
  pick: (inA: string | undefined, inB: string | undefined) => string | undefined,
): Attrs | null {
  const keys: string[] = [];
  const values: string[] = [];
  let i = 0;
  let j = 0;
  for (;;) {
    const keyA = a?.keys[i];
    const keyB = b?.keys[j];
    if (keyA === undefined && keyB === undefined) return internAttrs(keys, values);
    const fromA = keyA !== undefined && (keyB === undefined || keyA <= keyB);
    const fromB = keyB !== undefined && (keyA === undefined || keyB <= keyA);
    const value = pick(fromA ? a?.values[i++] : undefined, fromB ? b?.values[j++] : undefined);
    if (value === undefined) continue;
    keys.push((fromA ? keyA : keyB) as string);
    values.push(value);
  }
}

/** `over` wins. `nulls`: of two retains, so a null stays; else on content, where it removes. */
export function composeAttrs(base: Attrs | null, over: Attrs | null, nulls: boolean): Attrs | null {
  if (over === null || (base === null && nulls)) return over ?? base;
  return mergeAttrs(base, over, (a, b) => {
    const value = b ?? a;
    return value === "null" && !nulls ? undefined : value;
  });
}

/** The pairs of `list` whose keys `taken` does not set. */
export function attrsWithout(list: Attrs | null, taken: Attrs | null): Attrs | null {
  if (list === null || taken === null) return list;
  return mergeAttrs(list, taken, (a, b) => (b === undefined ? a : undefined));
}

/** What leads from `base` changed by `change` back to `base`. */
export function invertAttrs(change: Attrs | null, base: Attrs | null): Attrs | null {
  return mergeAttrs(change, base, (a, b) => {
    if (a === undefined || a === (b ?? "null")) return undefined;
    return b ?? "null";
  });
}

/** The change that leads from `from` to `to`, both on content. */
export function attrsBetween(from: Attrs | null, to: Attrs | null): Attrs | null {
  if (sameAttrs(from, to)) return null;
  return mergeAttrs(from, to, (a, b) => (a === b ? undefined : (b ?? "null")));
}
