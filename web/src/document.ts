/**
 * The page of one document.
 *
 *   opening ── its text is there ──► writing
 *      └───── there is no such document ──► offered to be begun
 */
import type { Client, Doc, DocKind, OpenOptions, WeftErrorInfo } from "@weft/client";
import { Bar } from "./bar.ts";
import { askName } from "./dialogs.ts";
import { h, toast } from "./dom.ts";
import { DraftsPanel } from "./drafts.ts";
import type { Editor } from "./editor.ts";
import { People } from "./people.ts";
import { newPerson, storedPerson, storePerson, type Person } from "./person.ts";
import { Title } from "./title.ts";
import { errorWords, persistenceWords } from "./words.ts";

export interface Page {
  readonly element: HTMLElement;
  close(): void;
}

export interface OpenDocument {
  readonly id: string;
  /** The id has just been made, for a document of this kind. */
  readonly fresh: DocKind | null;
  /** The editor is compared with the document after every change. */
  readonly check: boolean;
}

export function openDocument(client: Client, { id, fresh, check }: OpenDocument): Page {
  return new DocumentPage(client, id, fresh, check);
}

class DocumentPage implements Page {
  readonly element = h("div", { class: "document" });
  private readonly notice = h("p", { class: "notice", role: "alert", hidden: true });
  private readonly place = h("div", { class: "text", id: "text" });
  private readonly main = h("main", { class: "sheet" });
  private doc!: Doc;
  private bar!: Bar;
  private people!: People;
  private drafts!: DraftsPanel;
  private person = storedPerson() ?? newPerson("");
  private editor: Editor | null = null;
  private title: Title | null = null;
  private stops: (() => void)[] = [];
  private closed = false;
  private missing = false;

  constructor(
    private readonly client: Client,
    private readonly id: string,
    fresh: DocKind | null,
    private readonly checked: boolean,
  ) {
    this.open(fresh ? { create: { kind: fresh, fresh: true } } : {});
  }

  close(): void {
    this.closed = true;
    this.leave();
    void this.letGo();
  }

  private async letGo(): Promise<void> {
    await this.doc.close();
    // What was never there is not to stand in the list of documents.
    if (this.missing) await this.client.forget(this.id);
  }

  private leave(): void {
    this.editor?.close();
    this.title?.destroy();
    this.bar.destroy();
    this.people.destroy();
    for (const stop of this.stops) stop();
    this.editor = this.title = null;
    this.stops = [];
  }

  private open(options: OpenOptions): void {
    const doc = (this.doc = this.client.open(this.id, options));
    this.people = new People(
      doc,
      this.person,
      () => void this.rename(),
      (peer) => peer.cursor && this.editor?.show(peer.cursor),
    );
    this.bar = new Bar(this.client, doc, this.people.element);
    this.drafts = new DraftsPanel(doc, (text) => this.editor?.append(text));
    this.stops.push(doc.onStatus(() => this.update()));
    this.main.replaceChildren(h("p", { class: "opening" }, "Opening…"));
    this.element.replaceChildren(this.bar.element, this.notice, this.main);
    doc.ready.then(
      () => this.closed || void this.write(options.create?.fresh === true),
      (error: Error & Partial<WeftErrorInfo>) => this.closed || this.failed(error),
    );
  }

  private async write(fresh: boolean): Promise<void> {
    const { doc } = this;
    const opened =
      doc.kind === "rich"
        ? (await import("./rich.ts")).openRich
        : (await import("./plain.ts")).openPlain;
    if (this.closed) return;
    this.title = new Title(doc, () => this.editor?.focus());
    this.main.replaceChildren(
      this.title.element,
      this.drafts.element,
      this.place,
      h("p", { class: "visually-hidden", id: "editor-help" }, "Alt and F10 leads to the formats."),
    );
    // For tests, and for who hunts a bug: compares after every change, and lets itself be looked at.
    const check = import.meta.env.DEV || this.checked;
    if (check) Object.assign(globalThis, { weft: { doc, editor: () => this.editor } });
    this.editor = opened(doc, this.place, (error) => this.refused(error), check);
    if (this.editor.bar) this.bar.element.after(this.editor.bar);
    this.presence();
    this.update();
    if (!storedPerson()) await this.rename();
    if (fresh) this.title.element.focus();
    else this.editor.focus();
  }

  private update(): void {
    this.bar.update();
    if (!this.editor) return;
    this.drafts.update();
    const { error } = this.doc;
    const words = error?.permanent ? errorWords(error) : persistenceWords(this.doc.persistence);
    this.notice.hidden = words === null;
    if (this.notice.textContent !== (words ?? "")) this.notice.textContent = words ?? "";
  }

  private refused(error: Error & Partial<WeftErrorInfo>): void {
    toast(errorWords(error));
  }

  private failed(error: Error & Partial<WeftErrorInfo>): void {
    this.leave();
    const missing = (this.missing = error.code === "no-such-document");
    this.main.replaceChildren(
      h("h1", {}, missing ? "Nothing is here yet" : "This cannot be opened"),
      h("p", {}, errorWords(error)),
      h(
        "p",
        { class: "actions" },
        missing
          ? h("button", { type: "button", class: "primary", onclick: () => void this.begin() }, "Begin it")
          : null,
        h("a", { class: "button quiet", href: "/" }, "All documents"),
      ),
    );
  }

  /** Not `fresh`: somebody else may do the same at this moment, and then it is one document. */
  private async begin(): Promise<void> {
    await this.doc.close();
    this.missing = false;
    if (!this.closed) this.open({ create: { kind: "rich" } });
  }

  private async rename(): Promise<void> {
    const stored = storedPerson();
    const name = await askName(stored?.name ?? "");
    const named: Person = newPerson(name);
    this.person = stored ? { ...named, color: stored.color } : named;
    storePerson(this.person);
    this.people.setPerson(this.person);
    this.presence();
  }

  private presence(): void {
    this.doc.presence.set({ name: this.person.name, color: this.person.color });
  }
}
