/**
 * The buttons above a rich text. One stop for Tab, arrows inside (the ARIA toolbar pattern); Alt+F10
 * comes here from the text, Escape goes back.
 */
import type Quill from "quill";
import { h, icon } from "./dom.ts";
import { icons } from "./icons.ts";

const mac = /Mac|iP/.test(navigator.platform);
const KEY = mac ? "⌘" : "Ctrl+";

interface Toggle {
  readonly button: HTMLButtonElement;
  readonly format: string;
  readonly value: unknown;
}

const BLOCKS: readonly [string, string][] = [
  ["", "Text"],
  ["header 1", "Heading 1"],
  ["header 2", "Heading 2"],
  ["header 3", "Heading 3"],
  ["blockquote", "Quote"],
  ["code-block", "Code block"],
];

export class Toolbar {
  readonly element: HTMLElement;
  private readonly toggles: Toggle[] = [];
  private readonly block: HTMLSelectElement;
  private readonly items: HTMLElement[];
  private readonly update = (): void => this.refresh();

  constructor(
    private readonly quill: Quill,
    link: () => void,
    picture: () => void,
  ) {
    this.block = h(
      "select",
      { class: "tool-block", "aria-label": "Kind of paragraph", onchange: () => this.setBlock() },
      ...BLOCKS.map(([value, label]) => h("option", { value }, label)),
    );
    this.element = h(
      "div",
      { class: "toolbar", role: "toolbar", "aria-label": "Format", "aria-controls": "text" },
      this.block,
      this.gap(),
      this.toggle("bold", true, `Bold (${KEY}B)`, icons.bold),
      this.toggle("italic", true, `Italic (${KEY}I)`, icons.italic),
      this.toggle("underline", true, `Underline (${KEY}U)`, icons.underline),
      this.toggle("strike", true, "Strike through", icons.strike),
      this.toggle("code", true, "Code", icons.code),
      this.button("Link", `Link (${KEY}K)`, icons.link, link),
      this.gap(),
      this.toggle("list", "bullet", "Bulleted list", icons.bullet),
      this.toggle("list", "ordered", "Numbered list", icons.ordered),
      this.toggle("list", "unchecked", "Check list", icons.check),
      this.gap(),
      this.button("Picture", "Picture", icons.picture, picture),
      this.gap(),
      this.button("Undo", `Undo (${KEY}Z)`, icons.undo, () => quill.history.undo()),
      this.button("Redo", `Redo (${mac ? "⇧⌘Z" : "Ctrl+Y"})`, icons.redo, () => quill.history.redo()),
    );
    this.items = [...this.element.querySelectorAll<HTMLElement>("button, select")];
    this.rove(0);
    this.element.addEventListener("keydown", (event) => this.onKey(event));
    this.element.addEventListener("focusin", (event) => {
      const at = this.items.indexOf(event.target as HTMLElement);
      if (at >= 0) this.rove(at);
    });
    quill.on("editor-change", this.update);
    this.refresh();
  }

  destroy(): void {
    this.quill.off("editor-change", this.update);
    this.element.remove();
  }

  focus(): void {
    this.items.find((item) => item.tabIndex === 0)?.focus();
  }

  private gap(): HTMLElement {
    return h("span", { class: "tool-gap", "aria-hidden": "true" });
  }

  private button(name: string, title: string, path: string, act: () => void): HTMLButtonElement {
    const button = h("button", { type: "button", class: "tool", "aria-label": name, title }, icon(path));
    // The text keeps its selection, and a phone its keyboard.
    button.addEventListener("pointerdown", (event) => event.preventDefault());
    button.addEventListener("click", act);
    return button;
  }

  private toggle(format: string, value: unknown, title: string, path: string): HTMLButtonElement {
    const button = this.button(title.replace(/ \(.*/, ""), title, path, () => {
      this.quill.getSelection(true);
      this.quill.format(format, this.isOn(format, value) ? false : value, "user");
      this.refresh();
    });
    button.setAttribute("aria-pressed", "false");
    this.toggles.push({ button, format, value });
    return button;
  }

  private isOn(format: string, value: unknown): boolean {
    const range = this.quill.getSelection();
    const now = range ? this.quill.getFormat(range)[format] : undefined;
    return now === value || (value === "unchecked" && now === "checked");
  }

  private refresh(): void {
    // Not getSelection(), which makes Quill look for changes while it tells of one.
    const [range] = this.quill.selection.getRange();
    const formats = range ? this.quill.getFormat(range) : {};
    for (const { button, format, value } of this.toggles) {
      const now = formats[format];
      const on = now === value || (value === "unchecked" && now === "checked");
      button.setAttribute("aria-pressed", String(on));
    }
    this.block.value = blockOf(formats);
    const editable = this.quill.isEnabled();
    for (const item of this.items) item.toggleAttribute("disabled", !editable);
  }

  private setBlock(): void {
    const [format, level] = this.block.value.split(" ");
    this.quill.getSelection(true);
    for (const other of ["header", "blockquote", "code-block"]) {
      if (other !== format) this.quill.format(other, false, "user");
    }
    if (format) this.quill.format(format, level ? Number(level) : true, "user");
  }

  private rove(at: number): void {
    this.items.forEach((item, i) => (item.tabIndex = i === at ? 0 : -1));
  }

  private onKey(event: KeyboardEvent): void {
    const at = this.items.indexOf(event.target as HTMLElement);
    const last = this.items.length - 1;
    let to = -1;
    if (event.key === "ArrowRight") to = at === last ? 0 : at + 1;
    else if (event.key === "ArrowLeft") to = at === 0 ? last : at - 1;
    else if (event.key === "Home") to = 0;
    else if (event.key === "End") to = last;
    else if (event.key === "Escape") this.quill.focus();
    if (to < 0) return;
    event.preventDefault();
    this.items[to]?.focus();
  }
}

function blockOf(formats: Record<string, unknown>): string {
  const header = formats["header"];
  if (typeof header === "number" && header <= 3) return `header ${header}`;
  if (formats["blockquote"]) return "blockquote";
  return formats["code-block"] ? "code-block" : "";
}
