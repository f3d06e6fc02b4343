/**
 * Keeps a CodeMirror 6 editor and a document of kind `text` in step.
 *
 *     const view = new EditorView({ doc: weftText(doc), extensions: [history(), weft(doc)], parent });
 *
 * Both count UTF-16 units, and CodeMirror takes changes while an input method composes, so each change
 * goes over as it is: what is typed is submitted after the transaction, what others do is dispatched as
 * a transaction that the history does not record, so undo takes back one's own edits only.
 *
 * A text document may hold what a text editor has no sign for: an embed is shown as U+FFFC, one unit as
 * well, and attributes are not shown.
 */
import {
  Annotation,
  Compartment,
  EditorState,
  Transaction,
  type ChangeSpec,
  type Extension,
  type TransactionSpec,
} from "@codemirror/state";
import { EditorView, ViewPlugin, type ViewUpdate } from "@codemirror/view";
import type { Change, Delta, DeltaLike, Doc, WeftErrorInfo } from "@weft/client";
import { remoteCursors } from "./cursors.ts";

export interface WeftOptions {
  /** The document refused an edit; the editor has been put back. To be told to the person. */
  onRefused?: (error: Error & Partial<WeftErrorInfo>) => void;
  /** `false`: neither shows others' cursors nor tells them this one. */
  cursors?: boolean;
  /** Compares the whole editor with the whole document after every change, and throws. For tests. */
  check?: boolean;
}

/** The text that the editor is to be made with. */
export function weftText(doc: Doc): string {
  return textOf(doc.contents());
}

/** The extension. Call it, and `weftText`, once the document is `ready`. */
export function weft(doc: Doc, options: WeftOptions = {}): Extension {
  const readOnly = new Compartment();
  const plugin = ViewPlugin.define((view) => new Binding(view, doc, options, readOnly));
  return [
    // Else CodeMirror would take a carriage return for a line break of its own, of another length.
    EditorState.lineSeparator.of("\n"),
    plugin,
    EditorView.updateListener.of((update) => update.view.plugin(plugin)?.updated(update)),
    readOnly.of(EditorState.readOnly.of(doc.readonly)),
    options.cursors === false ? [] : remoteCursors(doc),
  ];
}

/** Does the editor show what the document holds? Costs a walk over both. */
export function inStep(view: EditorView, doc: Doc): boolean {
  return view.state.doc.toString() === weftText(doc);
}

const fromDoc = Annotation.define<true>();

class Binding {
  private readonly stops: (() => void)[];

  constructor(
    private readonly view: EditorView,
    private readonly doc: Doc,
    private readonly options: WeftOptions,
    private readonly readOnly: Compartment,
  ) {
    this.stops = [
      doc.onChange((change) => this.onChange(change)),
      doc.onStatus(() => this.onStatus()),
    ];
  }

  destroy(): void {
    for (const stop of this.stops) stop();
    if (this.options.cursors !== false) this.doc.presence.set({ cursor: null });
  }

  updated(update: ViewUpdate): void {
    const mine = update.transactions.filter((tr) => tr.docChanged && !tr.annotation(fromDoc));
    if (!mine.every((transaction) => this.submit(transaction))) this.realign();
    if (update.docChanged) this.check();
    if (this.options.cursors !== false && (update.selectionSet || update.focusChanged)) {
      const { anchor, head } = update.state.selection.main;
      this.doc.presence.set({ cursor: { anchor, head } });
    }
  }

  /** False if the document refused it: what follows in the same update is refused with it. */
  private submit(transaction: Transaction): boolean {
    let onTop: Delta | null;
    try {
      onTop = this.doc.submit(deltaOf(transaction), this);
    } catch (error) {
      this.options.onRefused?.(error as Error);
      return false;
    }
    if (onTop) this.fromDoc({ changes: changesOf(onTop) });
    return true;
  }

  /** Puts the document's text where the editor's differs; the selection around it stays. */
  private realign(): void {
    const want = weftText(this.doc);
    const have = this.view.state.doc.toString();
    let from = 0;
    while (from < have.length && from < want.length && have[from] === want[from]) from++;
    let tail = 0;
    const most = Math.min(have.length, want.length) - from;
    while (tail < most && have[have.length - 1 - tail] === want[want.length - 1 - tail]) tail++;
    const insert = want.slice(from, want.length - tail);
    this.fromDoc({ changes: { from, to: have.length - tail, insert } });
  }

  private onStatus(): void {
    if (this.view.state.readOnly === this.doc.readonly) return;
    const effects = this.readOnly.reconfigure(EditorState.readOnly.of(this.doc.readonly));
    this.view.dispatch({ effects });
  }

  private onChange(change: Change): void {
    if (change.origin === this) return;
    this.fromDoc({ changes: changesOf(change.delta) });
  }

  private fromDoc(spec: TransactionSpec): void {
    this.view.dispatch({
      ...spec,
      annotations: [
        fromDoc.of(true),
        Transaction.addToHistory.of(false),
        Transaction.remote.of(true),
      ],
    });
  }

  private check(): void {
    if (this.options.check && !inStep(this.view, this.doc))
      throw new Error("the editor is out of step with the document");
  }
}

function deltaOf(transaction: Transaction): Delta {
  const delta: Delta = [];
  let at = 0;
  transaction.changes.iterChanges((from, to, _fromNow, _toNow, inserted) => {
    if (from > at) delta.push({ retain: from - at });
    if (inserted.length) delta.push({ insert: inserted.sliceString(0, inserted.length, "\n") });
    if (to > from) delta.push({ delete: to - from });
    at = to;
  }, true);
  return delta;
}

function changesOf(delta: DeltaLike): ChangeSpec {
  const changes: { from: number; to?: number; insert?: string }[] = [];
  let at = 0;
  for (const op of "ops" in delta ? delta.ops : delta) {
    if (op.insert !== undefined) {
      changes.push({ from: at, insert: signOf(op.insert) });
    } else if (op.delete !== undefined) {
      changes.push({ from: at, to: at + op.delete });
      at += op.delete;
    } else {
      at += op.retain ?? 0;
    }
  }
  return changes;
}

function textOf(contents: DeltaLike): string {
  let text = "";
  for (const op of "ops" in contents ? contents.ops : contents) text += signOf(op.insert ?? "");
  return text;
}

function signOf(insert: string | Record<string, unknown>): string {
  return typeof insert === "string" ? insert : "\uFFFC";
}
