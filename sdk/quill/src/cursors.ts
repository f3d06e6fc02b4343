/**
 * Others' cursors and selections, drawn in a layer over the text: the text itself is not touched, so
 * neither Quill nor an input method notices. Drawn anew, once per frame, when somebody or the text
 * moved. Style sheets that come with the package do the looks; only colours and places are set here,
 * through the CSSOM, which a strict Content-Security-Policy allows.
 */
import type { Doc, Peer } from "@weft/client";
import type Quill from "quill";

/** Longer than a screen: a selection of a whole book need not be drawn line by line. */
const SELECTION_RECTS_MAX = 200;
/** How long a name stays beside a cursor that has moved. */
const NAME_MS = 2500;

interface Mark {
  readonly root: HTMLElement;
  readonly caret: HTMLElement;
  readonly name: HTMLElement;
  readonly selection: HTMLElement;
  at: string;
  hide: ReturnType<typeof setTimeout> | undefined;
}

export class RemoteCursors {
  private readonly layer = element("div", "weft-cursors");
  private readonly marks = new Map<string, Mark>();
  private readonly stop: () => void;
  private readonly sizes = new ResizeObserver(() => this.moved());
  private frame = 0;

  constructor(
    private readonly quill: Quill,
    private readonly doc: Doc,
  ) {
    // Who is here a screen reader is told by the page, not by every step of a caret.
    this.layer.setAttribute("aria-hidden", "true");
    quill.container.append(this.layer);
    this.stop = doc.presence.onPresence(() => this.moved());
    this.sizes.observe(quill.root);
    this.moved();
  }

  destroy(): void {
    this.stop();
    this.sizes.disconnect();
    cancelAnimationFrame(this.frame);
    for (const mark of this.marks.values()) clearTimeout(mark.hide);
    this.layer.remove();
  }

  /** Something moved: draws in the next frame. */
  moved(): void {
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0;
      this.draw();
    });
  }

  private draw(): void {
    const peers = this.doc.presence.peers().filter((peer) => peer.cursor);
    const here = new Set(peers.map((peer) => peer.id));
    for (const [id, mark] of this.marks) {
      if (here.has(id)) continue;
      clearTimeout(mark.hide);
      mark.root.remove();
      this.marks.delete(id);
    }
    const origin = this.quill.container.getBoundingClientRect();
    for (const peer of peers) this.drawPeer(peer, origin);
  }

  private drawPeer(peer: Peer, origin: DOMRect): void {
    const last = this.quill.getLength() - 1;
    const head = Math.min(peer.cursor?.head ?? 0, last);
    const anchor = Math.min(peer.cursor?.anchor ?? 0, last);
    const mark = this.marks.get(peer.id) ?? this.add(peer.id);
    mark.root.style.setProperty("--weft-color", peer.color ?? "#767676");
    mark.name.textContent = peer.name || "Somebody";
    const bounds = this.quill.getBounds(head);
    if (!bounds) return;
    mark.caret.style.transform = `translate(${bounds.left}px, ${bounds.top}px)`;
    mark.caret.style.height = `${bounds.height}px`;
    // The name hangs where there is room for it.
    mark.caret.classList.toggle("weft-cursor-low", bounds.top < 20);
    mark.caret.classList.toggle("weft-cursor-right", bounds.left > origin.width * 0.75);
    if (mark.at !== `${anchor} ${head}`) this.showName(mark, `${anchor} ${head}`);
    this.drawSelection(mark.selection, Math.min(anchor, head), Math.max(anchor, head), origin);
  }

  private drawSelection(to: HTMLElement, from: number, end: number, origin: DOMRect): void {
    const rects = from === end ? [] : this.rectsOf(from, end);
    while (to.children.length > rects.length) to.lastElementChild?.remove();
    while (to.children.length < rects.length) to.append(element("div", "weft-selection"));
    rects.forEach((rect, i) => {
      const style = (to.children[i] as HTMLElement).style;
      style.transform = `translate(${rect.left - origin.left}px, ${rect.top - origin.top}px)`;
      style.width = `${rect.width}px`;
      style.height = `${rect.height}px`;
    });
  }

  /** One rectangle per line of the screen. The boxes of blocks, which lie around them, are left out. */
  private rectsOf(from: number, end: number): DOMRect[] {
    const range = document.createRange();
    const [start, startAt] = this.place(from);
    const [stop, stopAt] = this.place(end);
    if (!start || !stop) return [];
    range.setStart(start, startAt);
    range.setEnd(stop, stopAt);
    const rects: DOMRect[] = [];
    for (const rect of range.getClientRects()) {
      const last = rects.at(-1);
      if (rect.width === 0) continue;
      if (last && onOneLine(last, rect)) rects[rects.length - 1] = union(last, rect);
      else if (rects.push(rect) === SELECTION_RECTS_MAX) break;
    }
    return rects.filter((rect) => !rects.some((other) => other !== rect && within(other, rect)));
  }

  private place(index: number): [Node | null, number] {
    const [leaf, offset] = this.quill.getLeaf(index);
    return leaf ? (leaf.position(offset, true) as [Node, number]) : [null, 0];
  }

  private add(id: string): Mark {
    const root = element("div", "weft-peer");
    const caret = element("div", "weft-cursor");
    const name = element("div", "weft-name");
    const selection = element("div", "weft-selections");
    caret.append(name);
    root.append(selection, caret);
    this.layer.append(root);
    const mark: Mark = { root, caret, name, selection, at: "", hide: undefined };
    this.marks.set(id, mark);
    return mark;
  }

  private showName(mark: Mark, at: string): void {
    mark.at = at;
    mark.caret.classList.add("weft-cursor-moved");
    clearTimeout(mark.hide);
    mark.hide = setTimeout(() => mark.caret.classList.remove("weft-cursor-moved"), NAME_MS);
  }
}

/** Pieces of other formats differ by a hair in height. */
function onOneLine(a: DOMRect, b: DOMRect): boolean {
  return Math.abs(a.top - b.top) < 4 && Math.abs(a.bottom - b.bottom) < 4;
}

function union(a: DOMRect, b: DOMRect): DOMRect {
  const [left, top] = [Math.min(a.left, b.left), Math.min(a.top, b.top)];
  return new DOMRect(left, top, Math.max(a.right, b.right) - left, Math.max(a.bottom, b.bottom) - top);
}

/** A block's own box, which lies around its lines. */
function within(inner: DOMRect, outer: DOMRect): boolean {
  return (
    inner.top >= outer.top - 1 &&
    inner.bottom <= outer.bottom + 1 &&
    inner.left >= outer.left - 1 &&
    inner.right <= outer.right + 1 &&
    inner.height < outer.height - 1
  );
}

function element(tag: string, className: string): HTMLElement {
  const made = document.createElement(tag);
  made.className = className;
  return made;
}
