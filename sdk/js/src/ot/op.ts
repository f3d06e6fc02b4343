/**
 * An op is a change of a document: components from left to right over its UTF-16 units. Ops are
 * immutable values in normal form (docs/algebra.md); OpBuilder makes them. A document's content is an
 * op of inserts and embeds alone.
 */
import { type Attrs, sameAttrs } from "./attrs.ts";

/** The numbers are those of the binary form. From INSERT on a component covers nothing before. */
export const RETAIN = 0;
export const DELETE = 1;
export const INSERT = 2;
export const EMBED = 3;
export type Kind = typeof RETAIN | typeof DELETE | typeof INSERT | typeof EMBED;

/** Most units before or after an op. */
export const UNITS_MAX = 2 ** 31;

/** One class for all kinds, so that the engine sees one shape. */
export class Comp {
  constructor(
    readonly kind: Kind,
    /** UTF-16 units, > 0; an embed has 1. */
    readonly length: number,
    /** INSERT: the text, well-formed. EMBED: the value as canonical JSON. Else empty. */
    readonly content: string,
    readonly attrs: Attrs | null,
  ) {}
}

export class Op {
  constructor(
    readonly comps: readonly Comp[],
    /** Units of the document that retains and deletes cover. */
    readonly unitsIn: number,
    /** Units that retains and inserts cover afterwards. */
    readonly unitsOut: number,
  ) {}

  get isIdentity(): boolean {
    return this.comps.length === 0;
  }
}

export const IDENTITY = new Op([], 0, 0);

export function sameOp(a: Op, b: Op): boolean {
  return (
    a === b ||
    (a.comps.length === b.comps.length &&
      a.comps.every((x, i) => {
        const y = b.comps[i] as Comp;
        return (
          x.kind === y.kind &&
          x.length === y.length &&
          x.content === y.content &&
          sameAttrs(x.attrs, y.attrs)
        );
      }))
  );
}

/** Is the unit at `index` the second half of a character, so that `index` lies within it? */
export function isLowHalf(text: string, index: number): boolean {
  return (text.charCodeAt(index) & 0xfc00) === 0xdc00;
}

/** The `length` units of a component from `from` on. Whole components are not copied. */
export function pieceOf(comp: Comp, from: number, length: number): Comp {
  if (length === comp.length) return comp;
  const content = comp.kind === INSERT ? comp.content.slice(from, from + length) : "";
  return new Comp(comp.kind, length, content, comp.attrs);
}
