/**
 * Others' cursors and selections as layers: rectangles over and under the text, whose colours are set
 * through the CSSOM (a style attribute would need a looser Content-Security-Policy).
 */
import { EditorSelection, StateEffect, type Extension } from "@codemirror/state";
import {
  EditorView,
  layer,
  RectangleMarker,
  ViewPlugin,
  type LayerMarker,
  type ViewUpdate,
} from "@codemirror/view";
import type { Doc, Peer } from "@weft/client";

const moved = StateEffect.define<null>();

class PeerMarker implements LayerMarker {
  constructor(
    private readonly rectangle: RectangleMarker,
    private readonly color: string,
    private readonly name: string | null,
  ) {}

  eq(other: LayerMarker): boolean {
    return (
      other instanceof PeerMarker &&
      other.rectangle.eq(this.rectangle) &&
      other.color === this.color &&
      other.name === this.name
    );
  }

  draw(): HTMLElement {
    const drawn = this.rectangle.draw();
    drawn.style.setProperty("--weft-color", this.color);
    if (this.name !== null) {
      const label = drawn.appendChild(document.createElement("div"));
      label.className = "cm-weft-name";
      label.textContent = this.name;
    }
    return drawn;
  }
}

export function remoteCursors(doc: Doc): Extension {
  return [
    ViewPlugin.define((view) => {
      // Presence may speak up in the middle of an update; CodeMirror takes nothing then.
      let due = false;
      const stop = doc.presence.onPresence(() => {
        if (due) return;
        due = true;
        queueMicrotask(() => {
          due = false;
          view.dispatch({ effects: moved.of(null) });
        });
      });
      return { destroy: stop };
    }),
    layer({
      above: false,
      class: "cm-weft-selections",
      update: isDue,
      markers: (view) => doc.presence.peers().flatMap((peer) => selectionOf(view, peer)),
    }),
    layer({
      above: true,
      class: "cm-weft-cursors",
      update: isDue,
      markers: (view) => doc.presence.peers().flatMap((peer) => caretOf(view, peer)),
    }),
    theme,
  ];
}

function isDue(update: ViewUpdate): boolean {
  return update.transactions.some((tr) => tr.effects.some((effect) => effect.is(moved)));
}

function ends(view: EditorView, peer: Peer): { anchor: number; head: number } | null {
  if (!peer.cursor) return null;
  const { length } = view.state.doc;
  return { anchor: Math.min(peer.cursor.anchor, length), head: Math.min(peer.cursor.head, length) };
}

function selectionOf(view: EditorView, peer: Peer): PeerMarker[] {
  const at = ends(view, peer);
  if (!at || at.anchor === at.head) return [];
  return RectangleMarker.forRange(
    view,
    "cm-weft-selection",
    EditorSelection.range(at.anchor, at.head),
  ).map((rectangle) => new PeerMarker(rectangle, colorOf(peer), null));
}

function caretOf(view: EditorView, peer: Peer): PeerMarker[] {
  const at = ends(view, peer);
  if (!at) return [];
  return RectangleMarker.forRange(view, "cm-weft-cursor", EditorSelection.cursor(at.head)).map(
    (rectangle) => new PeerMarker(rectangle, colorOf(peer), peer.name || "Somebody"),
  );
}

function colorOf(peer: Peer): string {
  return peer.color ?? "#767676";
}

const theme = EditorView.baseTheme({
  ".cm-weft-selection": { background: "var(--weft-color)", opacity: "0.2", borderRadius: "2px" },
  ".cm-weft-cursor": { borderLeft: "2px solid var(--weft-color)", marginLeft: "-1px" },
  ".cm-weft-cursors": { pointerEvents: "none" },
  ".cm-weft-name": {
    position: "absolute",
    bottom: "100%",
    left: "-2px",
    padding: "1px 6px 2px",
    borderRadius: "4px 4px 4px 0",
    background: "var(--weft-color)",
    color: "#fff",
    font: "500 11px/1.4 system-ui, sans-serif",
    whiteSpace: "nowrap",
  },
});
