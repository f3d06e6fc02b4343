/** The obvious document, one cell for each unit: what the tree is compared with. */
import { DELETE, EMBED, INSERT, type Document, type Op } from "../../src/ot/index.ts";

export interface Cell {
  /** One UTF-16 unit, or an embed's JSON. */
  readonly unit: string;
  readonly embed: boolean;
  /** Key → canonical JSON. */
  readonly attrs: Readonly<Record<string, string>>;
}

function attrsOf(list: { keys: readonly string[]; values: readonly string[] } | null) {
  return Object.fromEntries(list?.keys.map((key, i) => [key, list.values[i] as string]) ?? []);
}

function format(cell: Cell, change: Record<string, string>): Cell {
  if (Object.keys(change).length === 0) return cell;
  const attrs = Object.entries({ ...cell.attrs, ...change }).filter(([, v]) => v !== "null");
  return { ...cell, attrs: Object.fromEntries(attrs.sort(([a], [b]) => (a < b ? -1 : 1))) };
}

export function naiveApply(doc: readonly Cell[], op: Op): Cell[] {
  const out: Cell[] = [];
  let at = 0;
  for (const { kind, length, content, attrs } of op.comps) {
    const change = attrsOf(attrs);
    if (kind === DELETE) at += length;
    else if (kind === EMBED) out.push(format({ unit: content, embed: true, attrs: {} }, change));
    else if (kind === INSERT) {
      for (let i = 0; i < length; i++) {
        out.push(format({ unit: content.charAt(i), embed: false, attrs: {} }, change));
      }
    } else {
      out.push(...doc.slice(at, at + length).map((cell) => format(cell, change)));
      at += length;
    }
  }
  return [...out, ...doc.slice(at)];
}

export function cellsOf(doc: Document): Cell[] {
  return naiveApply([], doc.content());
}

export function sameCells(a: readonly Cell[], b: readonly Cell[]): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
