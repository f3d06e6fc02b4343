/**
 * The editor of rich documents: Quill without a theme, bound to the document. What it knows is what a
 * text needs; colours and fonts that others paste stay in the document, and out of sight.
 */
import { bindQuill, type QuillBinding } from "@weft/quill";
import "@weft/quill/cursors.css";
import type { Doc } from "@weft/client";
import Quill, { type Delta } from "quill";
import "quill/dist/quill.core.css";
import "./styles/rich.css";
import { askAddress } from "./dialogs.ts";
import { toast } from "./dom.ts";
import type { Editor, Refused } from "./editor.ts";
import { announceLargePastes } from "./paste.ts";
import { Toolbar } from "./toolbar.ts";

const FORMATS = [
  "bold",
  "italic",
  "underline",
  "strike",
  "code",
  "link",
  "script",
  "header",
  "blockquote",
  "code-block",
  "list",
  "indent",
  "align",
  "direction",
  "image",
];

const PICTURES = ["image/png", "image/jpeg", "image/gif", "image/webp"];

export function openRich(doc: Doc, parent: HTMLElement, onRefused: Refused, check: boolean): Editor {
  const quill = new Quill(parent, {
    formats: FORMATS,
    placeholder: "Write something…",
    modules: {
      toolbar: false,
      history: { userOnly: true, delay: 800, maxStack: 500 },
      uploader: { mimetypes: PICTURES },
      keyboard: {
        bindings: {
          link: { key: "k", shortKey: true, handler: () => void link(quill) },
          toolbar: {
            key: "F10",
            altKey: true,
            handler: () => toolbar.focus(),
          },
          // As the button says; Quill has it on Windows only.
          redo: { key: "y", shortKey: true, handler: () => quill.history.redo() },
          // Quill's own would swallow Tab, and nobody could leave by keyboard. Lists keep theirs.
          tab: { key: "Tab", handler: () => true },
          "remove tab": { key: "Tab", shiftKey: true, handler: () => true },
        },
      },
    },
  });
  quill.root.setAttribute("role", "textbox");
  quill.root.setAttribute("aria-multiline", "true");
  quill.root.setAttribute("aria-label", "Text");
  quill.root.setAttribute("aria-describedby", "editor-help");
  quill.root.spellcheck = true;
  refuseForeignPictures(quill);
  announceLargePastes(quill);
  const binding: QuillBinding = bindQuill(quill, doc, { onRefused, check });
  const toolbar = new Toolbar(quill, () => void link(quill), () => pickPicture(quill));
  return {
    bar: toolbar.element,
    focus: () => quill.focus(),
    inStep: () => binding.inStep(),
    append: (text) => {
      const end = quill.getLength() - 1;
      quill.insertText(end, quill.getText(Math.max(0, end - 1), 1) === "\n" ? text : `\n${text}`, "user");
      quill.setSelection(quill.getLength() - 1, 0);
      quill.scrollSelectionIntoView();
    },
    show: (cursor) => {
      const bounds = quill.getBounds(cursor.head);
      if (bounds) showAt(quill.container, bounds.top);
    },
    close: () => {
      toolbar.destroy();
      binding.destroy();
    },
  };
}

function showAt(container: HTMLElement, top: number): void {
  const y = container.getBoundingClientRect().top + scrollY + top - innerHeight / 3;
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  scrollTo({ top: y, behavior: calm ? "auto" : "smooth" });
}

/** Pictures stand in the document itself: one that lies elsewhere would tell its host who reads. */
function refuseForeignPictures(quill: Quill): void {
  quill.clipboard.addMatcher("img", (node: Node, delta: Delta) => {
    const source = (node as HTMLImageElement).getAttribute("src") ?? "";
    if (/^data:image\/(png|jpeg|gif|webp);/.test(source)) return delta;
    toast("Pictures that lie on other sites are left out. Copy the picture itself and paste it.");
    return new (Quill.import("delta") as unknown as new () => Delta)();
  });
}

async function link(quill: Quill): Promise<void> {
  const range = quill.getSelection(true);
  const format = quill.getFormat(range);
  const current = typeof format["link"] === "string" ? format["link"] : "";
  const address = await askAddress(current);
  quill.setSelection(range);
  if (address === null) return;
  if (address && !/^(https?:|mailto:|tel:|\/|#)/i.test(address)) return setLink(quill, `https://${address}`);
  setLink(quill, address);
}

function setLink(quill: Quill, address: string): void {
  const range = quill.getSelection(true);
  if (range.length === 0 && address) {
    quill.insertText(range.index, address, { link: address }, "user");
    quill.setSelection(range.index + address.length, 0);
    return;
  }
  quill.format("link", address || false, "user");
}

function pickPicture(quill: Quill): void {
  const input = document.createElement("input");
  input.type = "file";
  input.accept = PICTURES.join();
  input.addEventListener("change", () => {
    const range = quill.getSelection(true);
    if (input.files?.length) quill.uploader.upload(range, input.files);
  });
  input.click();
}
