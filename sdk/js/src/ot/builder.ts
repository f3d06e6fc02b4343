/** Grows an op component by component, merging as the normal form asks. */
import { type Attrs, sameAttrs } from "./attrs.ts";
import { OtError } from "./error.ts";
import { Comp, DELETE, EMBED, IDENTITY, INSERT, type Kind, Op, RETAIN, UNITS_MAX } from "./op.ts";

export class OpBuilder {
  private readonly comps: Comp[] = [];
  private last: Comp | null = null;
  private unitsIn = 0;
  private unitsOut = 0;

  retain(length: number, attrs: Attrs | null = null): this {
    if (length === 0) return this;
    this.count(length, length);
    if (this.merges(RETAIN, attrs)) this.extend(length, "");
    else this.push(new Comp(RETAIN, length, "", attrs));
    return this;
  }

  delete(length: number): this {
    if (length === 0) return this;
    this.count(length, 0);
    if (this.merges(DELETE, null)) this.extend(length, "");
    else this.push(new Comp(DELETE, length, "", null));
    return this;
  }

  /** `text` is well-formed; whoever reads it from outside has checked. */
  insert(text: string, attrs: Attrs | null = null): this {
    if (text.length === 0) return this;
    this.count(0, text.length);
    if (this.merges(INSERT, attrs)) this.extend(text.length, text);
    else this.push(new Comp(INSERT, text.length, text, attrs));
    return this;
  }

  /** `json`: the value, a canonical JSON object. */
  embed(json: string, attrs: Attrs | null = null): this {
    this.count(0, 1);
    this.push(new Comp(EMBED, 1, json, attrs));
    return this;
  }

  /** Adds a component, which may be shared with other ops. */
  put(comp: Comp): void {
    this.count(comp.kind <= DELETE ? comp.length : 0, comp.kind === DELETE ? 0 : comp.length);
    if (comp.kind !== EMBED && this.merges(comp.kind, comp.attrs)) {
      this.extend(comp.length, comp.content);
    } else {
      this.push(comp);
    }
  }

  /** The op so far, without a plain retain at its end. The builder is used up. */
  finish(): Op {
    const last = this.last;
    if (last !== null && last.kind === RETAIN && last.attrs === null) {
      this.comps.pop();
      this.unitsIn -= last.length;
      this.unitsOut -= last.length;
    }
    return this.comps.length === 0 ? IDENTITY : new Op(this.comps, this.unitsIn, this.unitsOut);
  }

  private merges(kind: Kind, attrs: Attrs | null): boolean {
    const last = this.last;
    return last !== null && last.kind === kind && sameAttrs(last.attrs, attrs);
  }

  private extend(length: number, content: string): void {
    const last = this.last as Comp;
    const grown = new Comp(last.kind, last.length + length, last.content + content, last.attrs);
    this.comps[this.comps.length - 1] = grown;
    this.last = grown;
  }

  private push(comp: Comp): void {
    this.comps.push(comp);
    this.last = comp;
  }

  private count(unitsIn: number, unitsOut: number): void {
    this.unitsIn += unitsIn;
    this.unitsOut += unitsOut;
    if (this.unitsIn > UNITS_MAX || this.unitsOut > UNITS_MAX) {
      throw new OtError("too-large", `an op covers at most ${UNITS_MAX} units`);
    }
  }
}
