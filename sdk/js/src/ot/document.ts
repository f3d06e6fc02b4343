/**
 * A document's content: text, formats and embeds. A value: `apply` gives a new one and leaves this as
 * it was, at a cost of O(log n) per component, because they share what did not change (rope.ts).
 *
 * All positions count UTF-16 units; an embed is one.
 */
import { composeAttrs, invertAttrs } from "./attrs.ts";
import { OpBuilder } from "./builder.ts";
import { OtError, tooLarge } from "./error.ts";
import { Comp, DELETE, INSERT, type Op, RETAIN, UNITS_MAX } from "./op.ts";
import {
  build,
  concat,
  cutsPairAt,
  drop,
  EMPTY,
  mapRuns,
  take,
  type Tree,
  visitRuns,
} from "./rope.ts";

/** What `text()` shows for an embed: the object replacement character. */
const EMBED_TEXT = "\ufffc";

export class Document {
  static readonly empty = new Document(EMPTY);

  private constructor(private readonly tree: Tree) {}

  /** Of an op of inserts and embeds. */
  static of(content: Op): Document {
    if (content.unitsIn > 0) throw new OtError("not-document");
    return new Document(build(content.comps));
  }

  get length(): number {
    return this.tree.units;
  }

  /** Is `index` within a surrogate pair? */
  cutsPair(index: number): boolean {
    return index > 0 && index < this.length && cutsPairAt(this.tree, index);
  }

  /** Throws unless the op fits; `finalNewline`: also if it breaks the rule of documents of kind rich. */
  check(op: Op, finalNewline = false): void {
    const { length } = this;
    if (op.unitsIn > length) throw new OtError("too-long");
    if (length - op.unitsIn + op.unitsOut > UNITS_MAX) throw tooLarge("a document has", UNITS_MAX, "units");
    let index = 0;
    for (const comp of op.comps) {
      if (comp.kind < INSERT) {
        index += comp.length;
        if (this.cutsPair(index)) throw new OtError("cuts-pair");
      }
      if (finalNewline && comp.kind !== RETAIN && index === length) {
        throw new OtError("breaks-newline");
      }
    }
  }

  /** The document after op, which must fit. */
  apply(op: Op): Document {
    this.check(op);
    let done: Tree = EMPTY;
    let rest = this.tree;
    for (const comp of op.comps) {
      if (comp.kind >= INSERT) {
        done = concat(done, build([comp]));
        continue;
      }
      if (comp.kind === RETAIN) done = concat(done, formatted(take(rest, comp.length), comp));
      rest = drop(rest, comp.length);
    }
    return new Document(concat(done, rest));
  }

  /** The op that undoes `op`, which must fit this document: `apply(op).apply(invert(op))` is this. */
  invert(op: Op): Op {
    this.check(op);
    const out = new OpBuilder();
    let index = 0;
    for (const comp of op.comps) {
      if (comp.kind >= INSERT) {
        out.delete(comp.length);
        continue;
      }
      const to = index + comp.length;
      if (comp.kind === DELETE) {
        this.visit(index, to, (run) => out.put(run));
      } else if (comp.attrs === null) {
        out.retain(comp.length);
      } else {
        const change = comp.attrs;
        this.visit(index, to, (run) => out.retain(run.length, invertAttrs(change, run.attrs)));
      }
      index = to;
    }
    return out.finish();
  }

  /**
   * Calls `visit` with the runs of from..to from left to right: inserts and embeds, of which the first
   * and the last may be cut. Neighbours may have equal attributes.
   */
  visit(from: number, to: number, visit: (run: Comp) => void): void {
    visitRuns(this.tree, from, to, visit);
  }

  /** The content as an op of inserts and embeds. */
  content(from = 0, to = this.length): Op {
    const out = new OpBuilder();
    this.visit(from, to, (run) => out.put(run));
    return out.finish();
  }

  /** The text alone; an embed is U+FFFC, so that positions agree. */
  text(from = 0, to = this.length): string {
    let text = "";
    this.visit(from, to, (run) => {
      text += run.kind === INSERT ? run.content : EMBED_TEXT;
    });
    return text;
  }
}

function formatted(tree: Tree, { attrs }: Comp): Tree {
  if (attrs === null) return tree;
  return mapRuns(
    tree,
    (run) => new Comp(run.kind, run.length, run.content, composeAttrs(run.attrs, attrs, false)),
  );
}
