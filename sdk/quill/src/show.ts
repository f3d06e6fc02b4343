/**
 * What of a document this editor can show.
 *
 * A document may hold what an editor does not know: attributes and embeds of another product, or a
 * carriage return, which Quill would turn into a newline of its own. The editor shows a stand-in of
 * the same length, so that positions agree, and the document keeps what it has:
 *
 * | in the document | in the editor |
 * | --- | --- |
 * | an attribute that is no format of this editor | left out |
 * | an embed that is none | a placeholder that carries its value |
 * | U+000D | U+240D, its picture |
 */
import type { DeltaLike, DeltaOp } from "@weft/client";
import type Quill from "quill";
import type { Delta } from "quill";

const PLACEHOLDER = "weft-unknown";
/** What Quill itself is made of: in its registry, but no formats. */
const STRUCTURE = new Set([
  "block",
  "block/embed",
  "break",
  "container",
  "cursor",
  "embed",
  "inline",
  "scroll",
  "text",
]);

type Value = Record<string, unknown>;
type EmbedClass = { new (...args: never[]): object; create(value?: unknown): HTMLElement };
export type DeltaClass = new () => Delta;
type Parchment = { EmbedBlot: abstract new (...args: never[]) => object };

/** Quill as the product loaded it, whole or only its core. */
export function quillOf(quill: Quill): typeof Quill {
  return quill.constructor as typeof Quill;
}

export class Shown {
  readonly DeltaClass: DeltaClass;
  private readonly EmbedBlot: abstract new (...args: never[]) => object;

  constructor(private readonly quill: Quill) {
    const Class = quillOf(quill);
    this.DeltaClass = Class.import("delta") as unknown as DeltaClass;
    const Embed = Class.import("blots/embed") as unknown as EmbedClass;
    this.EmbedBlot = (Class.import("parchment") as Parchment).EmbedBlot;
    if (quill.scroll.query(PLACEHOLDER) == null)
      quill.scroll.registry.register(placeholder(Embed) as never);
  }

  /** From the document to the editor. */
  in(delta: DeltaLike): Delta {
    const out = new this.DeltaClass();
    for (const op of "ops" in delta ? delta.ops : delta) out.push(this.opIn(op) as never);
    return out.chop();
  }

  /** From the editor to the document. */
  out(delta: Delta): DeltaOp[] {
    return (delta.ops as DeltaOp[]).map((op) =>
      isValue(op.insert) && PLACEHOLDER in op.insert
        ? { ...op, insert: op.insert[PLACEHOLDER] as Value }
        : op,
    );
  }

  private opIn(op: DeltaOp): DeltaOp {
    const shown: DeltaOp = { ...op };
    if (op.attributes) {
      const known = Object.entries(op.attributes).filter(([name]) => this.knows(name, false));
      if (known.length) shown.attributes = Object.fromEntries(known);
      else delete shown.attributes;
    }
    if (typeof op.insert === "string") shown.insert = op.insert.replaceAll("\r", "\u240D");
    else if (isValue(op.insert) && !this.knows(Object.keys(op.insert)[0] ?? "", true))
      shown.insert = { [PLACEHOLDER]: op.insert };
    return shown;
  }

  private knows(name: string, embed: boolean): boolean {
    const format = STRUCTURE.has(name) ? null : this.quill.scroll.query(name);
    if (format == null) return false;
    const isEmbed = (format as { prototype?: unknown }).prototype instanceof this.EmbedBlot;
    return embed === isEmbed;
  }
}

/**
 * What must go from a document so that Quill can show the rest: a code block, in which it keeps no
 * embeds, from lines that have one. (Left alone it would drop the embed.) Attributes only, so whoever
 * does it again changes nothing. Null: nothing must go.
 */
export function untenable(contents: Delta, DeltaClass: DeltaClass): Delta | null {
  const repair = new DeltaClass();
  let embed = false;
  let found = false;
  for (const op of contents.ops) {
    if (typeof op.insert !== "string") {
      embed = true;
      repair.retain(1);
      continue;
    }
    const code = op.attributes?.["code-block"] !== undefined;
    for (const part of op.insert.split(/(\n)/)) {
      const goes = part === "\n" && code && embed;
      if (part) repair.retain(part.length, goes ? { "code-block": null } : undefined);
      found ||= goes;
      if (part === "\n") embed = false;
    }
  }
  return found ? repair.chop() : null;
}

function placeholder(Embed: EmbedClass): EmbedClass {
  return class Placeholder extends Embed {
    static blotName = PLACEHOLDER;
    static tagName = "span";
    static className = "weft-unknown";

    static override create(value: unknown): HTMLElement {
      const node = super.create(value);
      node.dataset["value"] = JSON.stringify(value);
      node.textContent = "◻";
      node.title = "This editor cannot show what stands here";
      return node;
    }

    static value(node: HTMLElement): unknown {
      return JSON.parse(node.dataset["value"] ?? "{}");
    }
  };
}

function isValue(insert: unknown): insert is Value {
  return typeof insert === "object" && insert !== null;
}
