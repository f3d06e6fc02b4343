/**
 * Editors change text by units, not by characters: Quill 2 reports `a💩` becoming `a😁💩` as an insert
 * of two halves within the old pair. Such a change is no op. Here it becomes one with the same effect.
 *
 * Whatever lies between two whole characters that the change keeps is a *stretch*: deletes, inserts, and
 * halves of pairs that it keeps. A stretch that cuts no pair stays as it is, gap and all. Another is read as
 * the characters that the editor now shows there, and becomes the smallest replacement of those that the
 * document has there. A pair whose halves have different formats has that of the first. A half that is
 * left without its partner has no meaning: it is dropped, and the editor must drop it too.
 */
import { type Attrs, attrsBetween, composeAttrs, sameAttrs } from "./attrs.ts";
import { OpBuilder } from "./builder.ts";
import type { Document } from "./document.ts";
import { isWellFormed } from "./json.ts";
import { Comp, DELETE, INSERT, isLowHalf, type Op, RETAIN } from "./op.ts";

/** Does the change need to be widened? `raw` may hold halves, and cover no more than the document. */
export function cutsCharacters(doc: Document, raw: Op): boolean {
  let index = 0;
  return raw.comps.some((comp) => {
    if (comp.kind >= INSERT) return comp.kind === INSERT && !isWellFormed(comp.content);
    index += comp.length;
    return doc.cutsPair(index);
  });
}

/** One character or embed per component; halves stand alone. */
function charactersOf(comps: Iterable<Comp>): Comp[] {
  const out: Comp[] = [];
  for (const comp of comps) {
    if (comp.kind !== INSERT) out.push(comp);
    else for (const char of comp.content) out.push(new Comp(INSERT, char.length, char, comp.attrs));
  }
  return out;
}

function sameCharacter(a: Comp | undefined, b: Comp | undefined): boolean {
  return (
    a !== undefined &&
    b !== undefined &&
    a.kind === b.kind &&
    a.content === b.content &&
    sameAttrs(a.attrs, b.attrs)
  );
}

const unitsOf = (comps: readonly Comp[]) => comps.reduce((units, comp) => units + comp.length, 0);
const isHalf = (comp: Comp) => comp.length === 1 && !isWellFormed(comp.content);

class Widener {
  readonly out = new OpBuilder();
  /** From what the editor shows to what the document has after `out`. */
  readonly correction = new OpBuilder();
  /** The stretch: inserts and deletes of the change, a kept half as the insert of its unit. */
  private stretch: Comp[] = [];
  private cut = false; // the stretch cuts a pair, or inserts half of one
  private start = 0; // of the stretch, in the document before
  private index = 0; // of what comes next, in the document before

  constructor(private readonly doc: Document) {}

  put(comp: Comp): void {
    if (comp.kind === RETAIN) {
      this.retain(comp.length, comp.attrs);
      return;
    }
    if (comp.kind === DELETE) this.index += comp.length;
    if (this.doc.cutsPair(this.index) || !isWellFormed(comp.content)) this.cut = true;
    this.stretch.push(comp);
  }

  flush(): void {
    if (this.cut) this.replace();
    else this.keep();
    this.stretch = [];
    this.cut = false;
    this.start = this.index;
  }

  private retain(length: number, attrs: Attrs | null): void {
    const end = this.index + length;
    if (this.doc.cutsPair(this.index)) this.putHalf(attrs);
    const whole = end - this.index - (this.doc.cutsPair(end) ? 1 : 0);
    if (whole > 0) {
      this.flush();
      this.out.retain(whole, attrs);
      this.correction.retain(whole);
      this.index += whole;
      this.start = this.index;
    }
    if (this.index < end) this.putHalf(attrs);
  }

  private putHalf(attrs: Attrs | null): void {
    this.doc.visit(this.index, this.index + 1, (half) => {
      const now = composeAttrs(half.attrs, attrs, false);
      this.stretch.push(new Comp(INSERT, 1, half.content, now));
    });
    this.index++;
    this.cut = true;
  }

  private keep(): void {
    for (const comp of this.stretch) {
      this.out.put(comp);
      if (comp.kind !== DELETE) this.correction.retain(comp.length);
    }
  }

  private replace(): void {
    const before: Comp[] = [];
    this.doc.visit(this.start, this.index, (run) => before.push(run));
    const old = charactersOf(before);
    const now = this.pairUp(charactersOf(this.stretch.filter((comp) => comp.kind >= INSERT)));
    let head = 0;
    while (sameCharacter(old[head], now[head])) head++;
    let tail = 0;
    const most = Math.min(old.length, now.length) - head;
    while (tail < most && sameCharacter(old.at(-1 - tail), now.at(-1 - tail))) tail++;
    this.out.retain(unitsOf(old.slice(0, head)));
    for (const comp of now.slice(head, now.length - tail)) this.out.put(comp);
    this.out.delete(unitsOf(old.slice(head, old.length - tail)));
    this.out.retain(unitsOf(old.slice(old.length - tail)));
  }

  /** Makes pairs of halves that meet and drops the others. */
  private pairUp(characters: readonly Comp[]): Comp[] {
    const out: Comp[] = [];
    for (let i = 0; i < characters.length; i++) {
      const comp = characters[i] as Comp;
      const next = characters[i + 1];
      if (comp.kind !== INSERT || !isHalf(comp)) {
        this.correction.retain(comp.length);
        out.push(comp);
      } else if (!isLowHalf(comp.content, 0) && next?.kind === INSERT && isLowHalf(next.content, 0)) {
        this.correction.retain(1).retain(1, attrsBetween(next.attrs, comp.attrs));
        out.push(new Comp(INSERT, 2, comp.content + next.content, comp.attrs));
        i++;
      } else {
        this.correction.delete(1);
      }
    }
    return out;
  }
}

/**
 * The op, and what brings the editor in step with it: over all that the editor shows, so that more may be
 * added at the end.
 */
export function widen(doc: Document, raw: Op): { op: Op; correction: OpBuilder } {
  const widener = new Widener(doc);
  for (const comp of raw.comps) widener.put(comp);
  const rest = doc.length - raw.unitsIn;
  if (rest > 0) widener.put(new Comp(RETAIN, rest, "", null));
  widener.flush();
  return { op: widener.out.finish(), correction: widener.correction };
}
