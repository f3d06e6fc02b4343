/**
 * Grows an op component by component, merging as the normal form asks. The component at the end is
 * held as its parts until another follows: one that grows ten times is made once.
 */
import { type Attrs, sameAttrs } from "./attrs.ts";
import { tooLarge } from "./error.ts";
import { Comp, DELETE, EMBED, IDENTITY, INSERT, type Kind, Op, RETAIN, UNITS_MAX } from "./op.ts";

export class OpBuilder {
  private readonly comps: Comp[];
  /** The component at the end; of no length: there is none. */
  private kind: Kind = RETAIN;
  private length = 0;
  private content = "";
  private attrs: Attrs | null = null;
  /** The same as it was given, while nothing was added to it. */
  private given: Comp | null = null;
  private unitsIn = 0;
  private unitsOut = 0;

  /**
   * `comps`: an empty list. Who makes very many ops brings one of its own: V8 lets all lists that one
   * `[]` of the source makes live as long as most of the first hundred did, and of lists that are taken for
   * long-lived and are not each costs four times as much.
   */
  constructor(comps: Comp[] = []) {
    this.comps = comps;
  }

  retain(length: number, attrs: Attrs | null = null): this {
    if (length > 0) this.add(RETAIN, length, "", attrs, null);
    return this;
  }

  delete(length: number): this {
    if (length > 0) this.add(DELETE, length, "", null, null);
    return this;
  }

  /** `text` is well-formed; whoever reads it from outside has checked. */
  insert(text: string, attrs: Attrs | null = null): this {
    if (text.length > 0) this.add(INSERT, text.length, text, attrs, null);
    return this;
  }

  /** `json`: the value, a canonical JSON object. */
  embed(json: string, attrs: Attrs | null = null): this {
    this.add(EMBED, 1, json, attrs, null);
    return this;
  }

  /** Adds a component, which may be shared with other ops. */
  put(comp: Comp): void {
    this.add(comp.kind, comp.length, comp.content, comp.attrs, comp);
  }

  /** Adds the `length` units of a component from `from` on. */
  putPiece(comp: Comp, from: number, length: number): void {
    if (length === comp.length) return this.put(comp);
    const content = comp.kind === INSERT ? comp.content.slice(from, from + length) : "";
    this.add(comp.kind, length, content, comp.attrs, null);
  }

  /** The op so far, without a plain retain at its end. The builder is used up. */
  finish(): Op {
    if (this.kind === RETAIN && this.attrs === null) {
      this.unitsIn -= this.length;
      this.unitsOut -= this.length;
    } else {
      this.push();
    }
    return this.comps.length === 0 ? IDENTITY : new Op(this.comps, this.unitsIn, this.unitsOut);
  }

  private add(kind: Kind, length: number, content: string, attrs: Attrs | null, given: Comp | null): void {
    this.count(kind <= DELETE ? length : 0, kind === DELETE ? 0 : length);
    if (this.kind === kind && kind !== EMBED && sameAttrs(this.attrs, attrs)) {
      this.given = this.length === 0 ? given : null;
      this.length += length;
      this.content += content;
      return;
    }
    this.push();
    this.kind = kind;
    this.length = length;
    this.content = content;
    this.attrs = attrs;
    this.given = given;
  }

  private push(): void {
    if (this.length === 0) return;
    this.comps.push(this.given ?? new Comp(this.kind, this.length, this.content, this.attrs));
  }

  private count(unitsIn: number, unitsOut: number): void {
    this.unitsIn += unitsIn;
    this.unitsOut += unitsOut;
    if (this.unitsIn > UNITS_MAX || this.unitsOut > UNITS_MAX) {
      throw tooLarge("an op covers", UNITS_MAX, "units");
    }
  }
}
