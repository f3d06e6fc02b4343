/** The bar above a document: what is saved, who is here, the link, the switch. */
import type { Client, Doc } from "@weft/client";
import { announce, h, icon, toast } from "./dom.ts";
import { showLink } from "./dialogs.ts";
import { icons } from "./icons.ts";
import { mark } from "./mark.ts";
import { stateWords, type StateWords } from "./words.ts";

/** "Saving…" is shown only where saving takes this long: a word that blinks with each key helps nobody. */
const SAVING_MS = 600;

export class Bar {
  readonly element: HTMLElement;
  private readonly state = h("div", { class: "state" });
  private readonly offline: HTMLButtonElement;
  private shown: StateWords | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private readonly stops: (() => void)[];

  constructor(
    private readonly client: Client,
    private readonly doc: Doc,
    people: HTMLElement,
  ) {
    this.offline = h(
      "button",
      { type: "button", role: "switch", class: "switch", onclick: () => this.flip() },
      h("span", { class: "switch-track", "aria-hidden": "true" }),
      h("span", { class: "switch-word" }, "Online"),
    );
    this.element = h(
      "header",
      { class: "bar" },
      h("a", { class: "home", href: "/", "aria-label": "All documents", title: "All documents" }, mark()),
      this.state,
      h("div", { class: "bar-space" }),
      people,
      this.offline,
      h(
        "button",
        { type: "button", class: "share", "aria-label": "Share", onclick: () => void share() },
        icon(icons.share),
        h("span", {}, "Share"),
      ),
    );
    this.stops = [doc.onStatus(() => this.update()), client.onState(() => this.update())];
    this.update();
  }

  destroy(): void {
    clearTimeout(this.timer);
    for (const stop of this.stops) stop();
  }

  update(): void {
    const away = this.client.state === "offline";
    this.offline.setAttribute("aria-checked", String(!away));
    const words = away ? "Work online" : "Work offline";
    this.offline.title = words;
    const word = this.offline.querySelector(".switch-word");
    if (word) word.textContent = away ? "Offline" : this.client.state === "online" ? "Online" : "Connecting";
    this.offline.setAttribute("aria-label", "Online");
    this.show(stateWords(this.client, this.doc));
  }

  private show(words: StateWords): void {
    clearTimeout(this.timer);
    if (words.kind === "saving" && this.shown?.kind === "saved") {
      this.timer = setTimeout(() => this.put(stateWords(this.client, this.doc)), SAVING_MS);
      return;
    }
    this.put(words);
  }

  private put(words: StateWords): void {
    if (words.short === this.shown?.short && words.long === this.shown.long) return;
    const before = this.shown?.kind;
    this.shown = words;
    this.state.className = `state state-${words.kind}`;
    this.state.title = words.long;
    const sign = words.kind === "saved" ? icons.saved : words.kind === "offline" ? icons.away : null;
    this.state.replaceChildren(
      sign ? icon(sign) : h("span", { class: "state-dot", "aria-hidden": "true" }),
      h("span", {}, words.short),
    );
    // Who listens hears of trouble, and of its end; not of every word saved.
    const calm = (kind: string | undefined): boolean => kind === "saved" || kind === "saving";
    if (before && !(calm(before) && calm(words.kind))) announce(words.long);
  }

  private flip(): void {
    if (this.client.state === "offline") this.client.goOnline();
    else this.client.goOffline();
  }
}

async function share(): Promise<void> {
  const link = location.origin + location.pathname;
  try {
    await navigator.clipboard.writeText(link);
    toast("The link is copied. Whoever has it can read and write.");
  } catch {
    showLink(link);
  }
}
