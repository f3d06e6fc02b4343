/**
 * A document of kind `rich` ends in a newline that no op deletes and behind which none inserts. Editors
 * keep a newline at the end too, but not always the same one: removing the last paragraph may delete
 * the final newline and keep the one before, and appending inserts behind it. Here such a change becomes
 * one with the same effect that keeps the document's: the last newline of what the editor shows *is* the
 * final newline, with the attributes that it has there.
 *
 * If the editor's text does not end in a newline, the document's stays behind it, and the editor has to
 * add one.
 */
import { type Attrs, attrsBetween, composeAttrs } from "./attrs.ts";
import { OpBuilder } from "./builder.ts";
import type { Document } from "./document.ts";
import { Comp, DELETE, INSERT, type Op, pieceOf, RETAIN } from "./op.ts";

/** Does the op break the rule? Its last component then lies at the end and is no retain. */
export function breaksNewline(doc: Document, op: Op): boolean {
  return doc.length > 0 && op.unitsIn === doc.length && op.comps.at(-1)?.kind !== RETAIN;
}

/** The character or embed at `index`. */
function runAt(doc: Document, index: number): Comp | null {
  let found: Comp | null = null;
  doc.visit(index, index + 1, (run) => {
    found = run;
  });
  return found;
}

/** What the op does before the final newline and puts behind it; a kept one as an insert. */
function partsBefore(op: Op, end: number, old: Attrs | null): Comp[] {
  const parts: Comp[] = [];
  let index = 0;
  for (const comp of op.comps) {
    if (comp.kind < INSERT) index += comp.length;
    if (comp.kind >= INSERT || index <= end) {
      parts.push(comp);
      continue;
    }
    if (comp.length > 1) parts.push(pieceOf(comp, 0, comp.length - 1));
    if (comp.kind === RETAIN) {
      parts.push(new Comp(INSERT, 1, "\n", composeAttrs(old, comp.attrs, false)));
    }
  }
  return parts;
}

/**
 * Takes the newline at the end of what `parts` leave of the document's first `end` units away and returns
 * its attributes; undefined if there is none.
 */
function takeLastNewline(parts: Comp[], doc: Document, end: number): Attrs | null | undefined {
  let at = parts.length - 1;
  for (; parts[at]?.kind === DELETE; at--) end -= (parts[at] as Comp).length;
  const last = parts[at];
  if (last?.kind === INSERT && last.content.endsWith("\n")) {
    parts.splice(at, 1, ...(last.length > 1 ? [pieceOf(last, 0, last.length - 1)] : []));
    return last.attrs;
  }
  const kept = last?.kind === RETAIN ? runAt(doc, end - 1) : null;
  if (last === undefined || kept?.kind !== INSERT || kept.content !== "\n") return undefined;
  const shorter = last.length > 1 ? [pieceOf(last, 0, last.length - 1)] : [];
  parts.splice(at, 1, ...shorter, new Comp(DELETE, 1, "", null));
  return composeAttrs(kept.attrs, last.attrs, false);
}

/**
 * For an op that breaks the rule, one that keeps it. `added`: the attributes of the newline that the
 * document has and the editor has not; undefined if both have it.
 */
export function keepNewline(doc: Document, op: Op): { op: Op; added: Attrs | null | undefined } {
  const end = doc.length - 1;
  const old = runAt(doc, end)?.attrs ?? null;
  const parts = partsBefore(op, end, old);
  const last = takeLastNewline(parts, doc, end);
  const out = new OpBuilder();
  for (const part of parts) out.put(part);
  if (last !== undefined) out.retain(1, attrsBetween(old, last));
  return { op: out.finish(), added: last === undefined ? old : undefined };
}
