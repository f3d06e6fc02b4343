/**
 * Keeps a Quill editor and a document in step.
 *
 * What a person does is submitted at once. What others do is held while it cannot be applied (an input
 * method is composing a word, and would lose it), else applied at once. Where the editor holds changes
 * that the document has not heard of, while others' are held here, the two meet as in any OT client:
 * transform(held, mine) goes to the document, transform(mine, held) to the editor.
 *
 *     onChange ──► held ──┬── composing: stays ──────────────────────────┐
 *                         └── flush: quill.update() ── nothing typed ──► applied
 *                                     └── text-change, mine ──► transformed, submitted, applied
 *
 * Afterwards the editor shows what the document holds (as far as it can, see show.ts). Quill itself may
 * see that otherwise: two block formats on one line, a bold newline. Then the line is shown as Quill
 * makes it of the document, which depends on the document alone, so that all editors see the same; and
 * the attributes that went are taken from the document, too.
 */
import type { Change, Delta as WeftDelta, Doc, WeftErrorInfo } from "@weft/client";
import type Quill from "quill";
import type { Delta, Range } from "quill";
import { RemoteCursors } from "./cursors.ts";
import { quillOf, Shown, untenable } from "./show.ts";

export interface QuillBindingOptions {
  /**
   * An edit was refused by the document (an embed over the limit, or it may not be changed); the editor
   * has been put back. To be told to the person.
   */
  onRefused?: (error: Error & Partial<WeftErrorInfo>) => void;
  /** `false`: neither shows others' cursors nor tells them this one. */
  cursors?: boolean;
  /** Compares the whole editor with the whole document after every change, and throws. For tests. */
  check?: boolean;
}

export interface QuillBinding {
  /** Does the editor show what the document holds? Costs a walk over both. */
  inStep(): boolean;
  /** Lets both go; the editor keeps its content. */
  destroy(): void;
}

/**
 * Binds an editor to a document of kind `rich`. Call it once the document is `ready`. The editor's
 * content is replaced by the document's; its undo takes back one's own edits only (the history module is
 * set to `userOnly`).
 */
export function bindQuill(quill: Quill, doc: Doc, options: QuillBindingOptions = {}): QuillBinding {
  return new Binding(quill, doc, options);
}

class Binding implements QuillBinding {
  private readonly shown: Shown;
  private readonly cursors: RemoteCursors | null;
  private readonly stops: (() => void)[] = [];
  /** Others' changes that the editor has not seen, on the document as the editor knows it. */
  private held: Delta | null = null;
  private composing = false;
  private applying = false;

  constructor(
    private readonly quill: Quill,
    private readonly doc: Doc,
    private readonly options: QuillBindingOptions,
  ) {
    this.shown = new Shown(quill);
    (quill.history as unknown as { options: { userOnly: boolean } }).options.userOnly = true;
    this.silently(() => quill.setContents(this.shown.in(doc.contents()), "api"));
    quill.history.clear();
    this.realign();
    this.cursors = options.cursors === false ? null : new RemoteCursors(quill, doc);
    this.listen();
    this.onStatus();
  }

  inStep(): boolean {
    return this.held === null && same(this.quill.getContents(), this.expected());
  }

  destroy(): void {
    for (const stop of this.stops) stop();
    this.cursors?.destroy();
    if (this.options.cursors !== false) this.doc.presence.set({ cursor: null });
  }

  private listen(): void {
    const { quill, doc } = this;
    const { events } = quillOf(quill);
    const on = (event: string, handler: (...args: never[]) => void): void => {
      quill.on(event as never, handler as never);
      this.stops.push(() => quill.off(event as never, handler as never));
    };
    on(events.TEXT_CHANGE, (delta: Delta, before: Delta) => this.onTextChange(delta, before));
    on(events.SELECTION_CHANGE, (range: Range | null) => this.onSelection(range));
    on(events.COMPOSITION_START, () => (this.composing = true));
    // Quill reads the selection a moment after it changed. What is typed in that moment would be taken
    // for typed over what was selected before: deleted and inserted again, twice if others do so too.
    const select = (): void => void (this.composing || quill.selection.update("user"));
    quill.root.addEventListener("beforeinput", select, true);
    this.stops.push(() => quill.root.removeEventListener("beforeinput", select, true));
    on(events.COMPOSITION_END, () => {
      this.composing = false;
      this.flush();
    });
    this.stops.push(doc.onChange((change) => this.onChange(change)));
    this.stops.push(doc.onStatus(() => this.onStatus()));
  }

  // --- from the document ---

  private onChange(change: Change): void {
    if (change.origin === this) return;
    const delta = this.shown.in(change.delta);
    this.held = this.held ? this.held.compose(delta) : delta;
    this.flush();
    if (change.source === "reset") this.quill.history.clear();
  }

  /** Gives the editor what is held, after what was typed a moment ago and Quill has not told of. */
  private flush(): void {
    if (this.composing || !this.held) return;
    this.quill.update();
    const held = this.held;
    this.held = null;
    if (held) this.apply(held);
    this.check();
  }

  private onStatus(): void {
    const editable = !this.doc.readonly;
    if (this.quill.isEnabled() !== editable) this.quill.enable(editable);
  }

  private apply(delta: Delta): void {
    if (delta.ops.length === 0) return;
    const done = this.silently(() => this.quill.updateContents(delta, "api"));
    // What Quill says it did is what was asked: then it shows what is expected, if it did before.
    if (!same(done, delta)) this.realign();
    this.cursors?.moved();
  }

  /**
   * A change that is not the person's, and moves what can be undone: also one in the middle of an undo,
   * where Quill's history looks away.
   */
  private silently<T>(act: () => T): T {
    const history = this.quill.history;
    const outer = { applying: this.applying, ignored: history.ignoreChange };
    this.applying = true;
    history.ignoreChange = false;
    try {
      return act();
    } finally {
      this.applying = outer.applying;
      history.ignoreChange = outer.ignored;
    }
  }

  // --- from the editor ---

  private onTextChange(delta: Delta, before: Delta): void {
    if (this.applying) return;
    const held = this.held;
    this.held = null;
    const mine = held ? held.transform(delta, true) : delta;
    if (!this.submit(mine)) {
      // Quill's undo has noted the edit already, and loses it to a change that is not the user's; where
      // it was an undo itself, what it would do again is in the text already.
      if (this.quill.history.ignoreChange) this.quill.history.clear();
      this.apply(delta.invert(before));
      if (held) this.apply(held);
    } else if (held) {
      this.apply(delta.transform(held, false));
    }
    this.cursors?.moved();
    this.check();
  }

  /** False if the document refused it: then nothing has happened to the document. */
  private submit(delta: Delta): boolean {
    let onTop: WeftDelta | null;
    try {
      onTop = this.doc.submit(this.shown.out(delta), this);
    } catch (error) {
      this.options.onRefused?.(error as Error);
      return false;
    }
    if (onTop) this.apply(this.shown.in(onTop));
    return true;
  }

  private onSelection(range: Range | null): void {
    // While changes are held the editor's positions are not the document's.
    if (this.options.cursors === false || this.held || !range) return;
    this.doc.presence.set({ cursor: { anchor: range.index, head: range.index + range.length } });
  }

  // --- in step ---

  private expected(): Delta {
    return this.shown.in(this.doc.contents());
  }

  private realign(): void {
    const { quill, doc } = this;
    let expected = this.expected();
    if (same(quill.getContents(), expected)) return;
    const goes = untenable(expected, this.shown.DeltaClass);
    if (goes) {
      if (!doc.readonly) doc.submit(this.shown.out(goes), this);
      expected = expected.compose(goes);
    }
    const range = quill.hasFocus() ? quill.getSelection() : null;
    this.silently(() => quill.setContents(expected, "api"));
    if (range) quill.setSelection(range, "silent");
    const repair = expected.diff(quill.getContents());
    if (repair.ops.length === 0 || doc.readonly) return;
    // Every editor makes the same repair. Attributes can go twice; text must not come twice.
    if (repair.ops.every((op) => op.retain !== undefined)) doc.submit(this.shown.out(repair), this);
    else this.giveUp(repair);
  }

  /** Nothing more is taken from an editor whose positions are not the document's. */
  private giveUp(repair: Delta): void {
    this.destroy();
    this.quill.disable();
    const needs = JSON.stringify(repair.ops).slice(0, 500);
    reportError(new Error(`Quill cannot show document ${this.doc.id}: it needs ${needs}`));
  }

  private check(): void {
    if (!this.options.check || this.held || this.applying || this.inStep()) return;
    const apart = this.expected().diff(this.quill.getContents());
    throw new Error(`the editor is out of step with the document by ${JSON.stringify(apart.ops)}`);
  }
}

/** The order of attributes does not matter. */
function same(a: Delta, b: Delta): boolean {
  return equal(a.ops, b.ops);
}

function equal(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  const keys = Object.keys(a);
  return (
    keys.length === Object.keys(b).length &&
    keys.every((key) => equal((a as Record<string, unknown>)[key], (b as Record<string, unknown>)[key]))
  );
}
