/** The least that a page needs: the same document for everybody who opens this, or ?doc=ANOTHER. */
import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { EditorView, keymap } from "@codemirror/view";
import { connect } from "@weft/client";
import { weft, weftText } from "@weft/codemirror";

const asked = new URLSearchParams(location.search);
const client = connect({ urls: asked.get("gateway") ?? "ws://127.0.0.1:8080/" });
const doc = client.open(asked.get("doc") ?? "example-codemirror", { create: { kind: "text" } });
const state = document.querySelector("#state") as HTMLElement;

await doc.ready;
new EditorView({
  doc: weftText(doc),
  parent: document.querySelector("#editor") as HTMLElement,
  extensions: [
    history(),
    keymap.of([...defaultKeymap, ...historyKeymap]),
    weft(doc, { check: true, onRefused: (error) => (state.textContent = error.message) }),
  ],
});
doc.presence.set({ name: asked.get("name") ?? "Somebody", color: "#2f6f73" });
doc.onStatus(() => (state.textContent = doc.state));
