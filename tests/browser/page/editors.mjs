/**
 * A page of nothing but an editor and its binding, for tests that reach under what a person can do.
 * `start` opens a document, in Quill, in CodeMirror, or in no editor at all.
 */
import { history, redo, undo } from "@codemirror/commands";
import { EditorState } from "@codemirror/state";
import { EditorView } from "@codemirror/view";
import { connect } from "@weft/client";
import { inStep, weft as bindCodeMirror, weftText } from "@weft/codemirror";
import { bindQuill } from "@weft/quill";
import Quill from "quill";
import { Monkey } from "./monkey.mjs";
import { Stopwatch } from "./stopwatch.mjs";
import { foreigners } from "./foreigners.mjs";

const place = document.querySelector("#editor");

/** What both have: `edit` and the rest are done as the person at the keyboard would do them. */
const editors = {
  quill(doc, check) {
    const quill = new Quill(place, { modules: { history: { userOnly: true, delay: 50 } } });
    const watch = new Stopwatch();
    quill.on("text-change", () => watch.begin());
    const binding = bindQuill(quill, doc, { check });
    quill.on("text-change", () => watch.end());
    return {
      watch,
      inStep: () => binding.inStep(),
      edit: (delta) => quill.updateContents(delta, "user"),
      undo: () => quill.history.undo(),
      redo: () => quill.history.redo(),
      select: (at, length) => quill.setSelection(at, length, "user"),
      focus: (at) => quill.setSelection(at, 0),
    };
  },

  codemirror(doc, check) {
    const watch = new Stopwatch();
    const around = (act) => EditorView.updateListener.of((update) => update.docChanged && act());
    const view = new EditorView({
      parent: place,
      state: EditorState.create({
        doc: weftText(doc),
        extensions: [
          history({ newGroupDelay: 50 }),
          around(() => watch.begin()),
          bindCodeMirror(doc, { check }),
          around(() => watch.end()),
        ],
      }),
    });
    return {
      watch,
      inStep: () => inStep(view, doc),
      edit: (delta) => view.dispatch({ changes: changesOf(delta), userEvent: "input" }),
      undo: () => undo(view),
      redo: () => redo(view),
      select: (anchor, length) => view.dispatch({ selection: { anchor, head: anchor + length } }),
      focus: (anchor) => {
        view.dispatch({ selection: { anchor }, scrollIntoView: true });
        view.focus();
      },
    };
  },

  none: () => null,
};

function changesOf(delta) {
  let at = 0;
  return delta.flatMap((op) => {
    const from = at;
    if (op.insert === undefined) at += op.retain ?? op.delete;
    if (op.retain) return [];
    return [op.insert === undefined ? { from, to: at } : { from, insert: op.insert }];
  });
}

/** Milliseconds until the text was there, and until the editor showed it and could be written in. */
async function start(url, id, { editor = "none", create, check = false, offline = false } = {}) {
  const begin = performance.now();
  const client = connect({ urls: url });
  if (offline) client.goOffline();
  const doc = client.open(id, create ? { create } : {});
  Object.assign(globalThis, { client, doc });
  await doc.ready;
  const ready = performance.now() - begin;
  const weft = (globalThis.weft = { doc, editor: editors[editor](doc, check) });
  await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
  weft.monkey = (seed) => new Monkey(weft, client, seed);
  return { ready, shown: performance.now() - begin };
}

/** Milliseconds until this editor shows a text and can be written in: by itself, without Weft. */
async function alone(editor, delta) {
  const begin = performance.now();
  if (editor === "quill") new Quill(place).setContents(delta);
  else new EditorView({ parent: place, doc: delta.map((op) => op.insert).join("") });
  await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
  return performance.now() - begin;
}

Object.assign(globalThis, { start, alone, foreigners });
