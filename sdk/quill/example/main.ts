/** The least that a page needs: the same document for everybody who opens this, or ?doc=ANOTHER. */
import { connect } from "@weft/client";
import { bindQuill } from "@weft/quill";
import "@weft/quill/cursors.css";
import Quill from "quill";
import "quill/dist/quill.snow.css";

const asked = new URLSearchParams(location.search);
const client = connect({ urls: asked.get("gateway") ?? "ws://127.0.0.1:8080/" });
const doc = client.open(asked.get("doc") ?? "example-quill", { create: { kind: "rich" } });
const state = document.querySelector("#state") as HTMLElement;

await doc.ready;
bindQuill(new Quill("#editor", { theme: "snow" }), doc, {
  check: true,
  onRefused: (error) => (state.textContent = error.message),
});
doc.presence.set({ name: asked.get("name") ?? "Somebody", color: "#2f6f73" });
doc.onStatus(() => (state.textContent = doc.state));
