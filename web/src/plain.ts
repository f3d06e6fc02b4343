/**
 * The editor of plain documents: CodeMirror. It lives in a shadow root, where it may bring its styles
 * along under a Content-Security-Policy that allows none to be written into the page.
 */
import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { EditorState } from "@codemirror/state";
import { drawSelection, EditorView, keymap, placeholder } from "@codemirror/view";
import type { Doc } from "@weft/client";
import { inStep, weft, weftText } from "@weft/codemirror";
import type { Editor, Refused } from "./editor.ts";

export function openPlain(doc: Doc, parent: HTMLElement, onRefused: Refused, check: boolean): Editor {
  const root = parent.attachShadow({ mode: "open" });
  const view = new EditorView({
    state: EditorState.create({
      doc: weftText(doc),
      extensions: [
        history(),
        keymap.of([...defaultKeymap, ...historyKeymap]),
        drawSelection(),
        EditorView.lineWrapping,
        EditorView.contentAttributes.of({ "aria-label": "Text", spellcheck: "true" }),
        placeholder("Write something…"),
        weft(doc, { onRefused, check }),
        theme,
      ],
    }),
    parent: root,
    root,
  });
  return {
    bar: null,
    focus: () => view.focus(),
    inStep: () => inStep(view, doc),
    append: (text) => {
      const end = view.state.doc.length;
      const before = view.state.sliceDoc(Math.max(0, end - 1), end);
      const insert = end === 0 || before === "\n" ? text : `\n${text}`;
      view.dispatch({
        changes: { from: end, insert },
        selection: { anchor: end + insert.length },
        scrollIntoView: true,
      });
    },
    show: (cursor) => {
      const at = Math.min(cursor.head, view.state.doc.length);
      view.dispatch({ effects: EditorView.scrollIntoView(at, { y: "center" }) });
    },
    close: () => view.destroy(),
  };
}

// The page's custom properties are seen inside the shadow root, too.
const theme = EditorView.theme({
  "&": { fontSize: "1rem", color: "var(--ink)" },
  "&.cm-focused": { outline: "none" },
  ".cm-scroller": { fontFamily: "var(--mono)", lineHeight: "1.7", overflow: "visible" },
  ".cm-content": { padding: "0", caretColor: "var(--ink)", minHeight: "50vh" },
  ".cm-line": { padding: "0" },
  ".cm-cursor": { borderLeftColor: "var(--ink)", borderLeftWidth: "2px" },
  ".cm-placeholder": { color: "var(--faint)" },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground": {
    background: "var(--selection)",
  },
});
