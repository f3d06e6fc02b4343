/**
 * Does to an editor, at random, what its users, menus and plug-ins do: inserts, deletes, replaces,
 * formats, several places at once, embeds, undo, redo, selections. Now and then it goes offline for a
 * while. In plain text positions fall anywhere, also into the middle of an emoji; in Quill they do not,
 * for when it compares such halves its diff runs out of stack.
 */
import { rng } from "../rng.mjs";

const TEXTS = ["a", "b ", "\n", "word ", "😁", "👩‍🚀", "e\u0301", "两行\n行 ", "\n\n", "tab\t", "\u00a0", "𝔘𝔫𝔦"];
const PICTURE =
  "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGNgYGBgAAAABQABh6FO1AAAAABJRU5ErkJggg==";
const INLINE = [
  ["bold", [true, null]],
  ["italic", [true, null]],
  ["strike", [true, null]],
  ["code", [true, null]],
  ["script", ["sub", "super", null]],
  ["color", ["red", "#0000ff", null]],
  ["link", ["https://example.org/", null]],
];
const LINE = [
  ["header", [1, 2, null]],
  ["blockquote", [true, null]],
  ["code-block", [true, null]],
  ["list", ["bullet", "ordered", "checked", null]],
  ["indent", [1, 2, null]],
  ["align", ["center", "right", null]],
];
/** Above this many units it deletes more than it inserts. */
const LENGTH = 3000;

export class Monkey {
  edits = 0;
  remote = 0;

  constructor({ doc, editor }, client, seed) {
    Object.assign(this, { doc, editor, client, random: rng(seed), rich: doc.kind === "rich" });
    doc.onChange((change) => (this.remote += change.source === "remote" ? 1 : 0));
  }

  async run(ms) {
    const end = performance.now() + ms;
    while (performance.now() < end) {
      for (let burst = 1 + this.random(4); burst > 0; burst--) this.once();
      if (this.random(200) === 0) await this.away();
      await new Promise((resolve) => setTimeout(resolve, this.random(40)));
    }
  }

  async away() {
    this.client.goOffline();
    for (let i = 0; i < 20; i++) {
      this.once();
      await new Promise((resolve) => setTimeout(resolve, this.random(30)));
    }
    this.client.goOnline();
  }

  once() {
    const { editor } = this;
    this.edits++;
    switch (this.random(10)) {
      case 0:
        return editor.undo();
      case 1:
        return editor.redo();
      case 2:
        return editor.select(...this.range(20));
      default:
        return editor.edit(this.delta());
    }
  }

  one(list) {
    return list[this.random(list.length)];
  }

  /** How far it may reach: the newline that ends a rich document stays. */
  get length() {
    return this.doc.length - (this.rich ? 1 : 0);
  }

  range(most) {
    const at = this.random(this.length + 1);
    return [at, this.random(Math.min(most, this.length - at) + 1)];
  }

  delta() {
    const delta = [];
    const text = this.rich ? this.doc.text() : "";
    let at = 0;
    /** How far it is to `to`, or to the end of the character that this would cut. */
    const until = (to) => (/^[\udc00-\udfff]/.test(text.slice(to, to + 1)) ? to + 1 : to) - at;
    for (let places = this.random(5) ? 1 : 3; places > 0; places--) {
      const skip = until(at + this.random(this.length - at + 1));
      if (skip) delta.push({ retain: skip });
      at += skip;
      const most = this.length > LENGTH ? 400 : 12;
      const span = until(Math.min(this.length, at + 1 + this.random(most)));
      switch (this.random(this.rich ? 5 : 3)) {
        case 0:
          if (span) delta.push({ delete: span });
          at += span;
          break;
        case 3:
        case 4:
          if (span) delta.push({ retain: span, attributes: this.attributes([...INLINE, ...LINE]) });
          at += span;
          break;
        default:
          delta.push(this.insert());
      }
    }
    return delta;
  }

  insert() {
    if (!this.rich) return { insert: this.one(TEXTS) };
    if (this.random(30) === 0) return { insert: { image: PICTURE } };
    const insert = this.one(TEXTS);
    const attributes = this.random(3) ? null : this.attributes(insert === "\n" ? LINE : INLINE);
    return attributes && Object.values(attributes)[0] !== null ? { insert, attributes } : { insert };
  }

  attributes(formats) {
    const [name, values] = this.one(formats);
    return { [name]: this.one(values) };
  }
}
