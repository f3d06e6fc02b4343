/** The title: a line that grows. What others call the document appears while nobody types here. */
import type { Doc } from "@weft/client";
import { h } from "./dom.ts";

const TITLE_SIZE_MAX = 200;
/** After this long without a key a new title is sent. */
const REST_MS = 500;

export class Title {
  readonly element = h("textarea", {
    class: "title",
    rows: 1,
    maxlength: TITLE_SIZE_MAX,
    placeholder: "Untitled",
    "aria-label": "Title",
    spellcheck: true,
    autocomplete: "off",
  });
  private timer: ReturnType<typeof setTimeout> | undefined;
  private readonly stop: () => void;

  constructor(
    private readonly doc: Doc,
    onEnter: () => void,
  ) {
    this.element.addEventListener("input", () => this.typed());
    this.element.addEventListener("blur", () => this.send());
    this.element.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.isComposing) return;
      event.preventDefault();
      this.send();
      onEnter();
    });
    this.stop = doc.onStatus(() => this.update());
    this.update();
  }

  destroy(): void {
    this.send();
    this.stop();
  }

  private update(): void {
    this.element.readOnly = this.doc.readonly;
    if (this.timer === undefined && this.element.value !== this.doc.title)
      this.element.value = this.doc.title;
    document.title = `${this.doc.title || "Untitled"} · Weft`;
  }

  private typed(): void {
    // A pasted title may have lines.
    if (/[\r\n]/.test(this.element.value))
      this.element.value = this.element.value.replace(/[\r\n]+/g, " ");
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.send(), REST_MS);
  }

  private send(): void {
    if (this.timer === undefined) return;
    clearTimeout(this.timer);
    this.timer = undefined;
    if (!this.doc.readonly && this.element.value !== this.doc.title)
      this.doc.setTitle(this.element.value);
  }
}
