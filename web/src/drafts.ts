/**
 * Text that could not be put into the document: shown, to be copied, put at the end, or thrown away. It
 * is kept until a person decides.
 */
import type { Doc, Draft } from "@weft/client";
import { confirmed } from "./dialogs.ts";
import { announce, h, toast } from "./dom.ts";
import { ago, draftWords } from "./words.ts";

export class DraftsPanel {
  readonly element = h("section", { class: "drafts", "aria-label": "Text that is not in the document", hidden: true });
  private key = "";

  constructor(
    private readonly doc: Doc,
    private readonly append: (text: string) => void,
  ) {}

  update(): void {
    const drafts = this.doc.drafts.list();
    const key = drafts.map((draft) => draft.id).join();
    if (key === this.key) return;
    if (drafts.length && !this.key) announce("Some of your text could not be put into the document.");
    this.key = key;
    this.element.hidden = drafts.length === 0;
    this.element.replaceChildren(
      h("h2", {}, drafts.length === 1 ? "A draft of yours" : `${drafts.length} drafts of yours`),
      ...drafts.map((draft) => this.draft(draft)),
    );
  }

  private draft(draft: Draft): HTMLElement {
    const text = draft.text || "(no text: a change of formats, or deletions)";
    return h(
      "article",
      { class: "draft" },
      h("p", { class: "draft-why" }, `${ago(draft.at)} · ${draftWords(draft.reason, draft.maybeIn)}`),
      h("blockquote", {}, text),
      h(
        "div",
        { class: "draft-actions" },
        h("button", { type: "button", class: "quiet", onclick: () => void this.copy(draft) }, "Copy"),
        draft.text
          ? h("button", { type: "button", class: "quiet", onclick: () => this.put(draft) }, "Put at the end")
          : null,
        h("button", { type: "button", class: "quiet", onclick: () => void this.discard(draft) }, "Throw away"),
      ),
    );
  }

  private async copy(draft: Draft): Promise<void> {
    try {
      await navigator.clipboard.writeText(draft.text);
      toast("Copied. The draft is still here.");
    } catch {
      toast("The browser does not let the page copy: select the text and copy it.");
    }
  }

  private put(draft: Draft): void {
    if (this.doc.readonly) {
      toast("The document cannot be changed now.");
      return;
    }
    const { length } = this.doc;
    // A document's last newline is there already.
    this.append(draft.text.replace(/\n$/, ""));
    if (this.doc.length > length) this.doc.drafts.discard(draft.id);
  }

  private async discard(draft: Draft): Promise<void> {
    if (await confirmed("Throw this draft away?", "Its text is nowhere else.", "Throw away"))
      this.doc.drafts.discard(draft.id);
  }
}
