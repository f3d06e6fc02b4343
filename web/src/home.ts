/** All documents that this browser knows, newest first, and the way to new ones. */
import { newDocId, type Client, type DocKind, type StoredDoc } from "@weft/client";
import { confirmed } from "./dialogs.ts";
import type { Page } from "./document.ts";
import { h, icon } from "./dom.ts";
import { icons } from "./icons.ts";
import { mark } from "./mark.ts";
import { storedPerson } from "./person.ts";
import { ago } from "./words.ts";

export function openHome(client: Client, go: (path: string, fresh: DocKind) => void): Page {
  const list = h("ul", { class: "documents" });
  const empty = h(
    "p",
    { class: "empty", hidden: true },
    "Nothing here yet. Begin a document, or open a link that somebody sent you.",
  );
  const begin = (kind: DocKind): void => go(`/d/${newDocId()}`, kind);
  const element = h(
    "main",
    { class: "sheet home-page" },
    h("header", { class: "home-head" }, mark(), h("span", { class: "home-name" }, "Weft")),
    h("h1", {}, greeting()),
    h(
      "p",
      { class: "actions" },
      h(
        "button",
        { type: "button", class: "primary", onclick: () => begin("rich") },
        icon(icons.plus),
        "New document",
      ),
      h("button", { type: "button", class: "quiet", onclick: () => begin("text") }, "Plain text"),
    ),
    h("h2", { class: "home-recent" }, "Recent"),
    list,
    empty,
  );
  const refresh = async (): Promise<void> => {
    // Where the browser lets nothing be kept there is nothing to list: the documents themselves say so.
    const documents = await client.stored().catch(() => []);
    list.replaceChildren(...documents.map((one) => item(client, one, () => void refresh())));
    empty.hidden = documents.length > 0;
  };
  document.title = "Weft";
  void refresh();
  // Another tab may have written meanwhile.
  const seen = (): void => void (document.hidden || refresh());
  document.addEventListener("visibilitychange", seen);
  return { element, close: () => document.removeEventListener("visibilitychange", seen) };
}

function greeting(): string {
  const hour = new Date().getHours();
  const time = hour < 5 ? "Good night" : hour < 12 ? "Good morning" : hour < 18 ? "Good afternoon" : "Good evening";
  const name = storedPerson()?.name.split(/\s+/)[0];
  return name ? `${time}, ${name}` : time;
}

function item(client: Client, one: StoredDoc, changed: () => void): HTMLElement {
  const title = one.title || "Untitled";
  const notes = [
    ago(one.at),
    one.unsaved ? "not saved yet" : "",
    one.drafts === 1 ? "a draft" : one.drafts ? `${one.drafts} drafts` : "",
  ];
  return h(
    "li",
    {},
    h(
      "a",
      { class: "document-link", href: `/d/${encodeURIComponent(one.id)}` },
      h("span", { class: one.title ? "document-title" : "document-title untitled" }, title),
      h("span", { class: "document-notes" }, notes.filter(Boolean).join(" · ")),
    ),
    h(
      "button",
      {
        type: "button",
        class: "forget",
        "aria-label": `Forget ${title}`,
        title: "Forget on this device",
        onclick: () => void forget(client, one, title).then((gone) => gone && changed()),
      },
      icon(icons.close),
    ),
  );
}

async function forget(client: Client, one: StoredDoc, title: string): Promise<boolean> {
  const lost = one.unsaved || one.drafts > 0;
  const words = lost
    ? "What you wrote there and is not saved yet is lost with it."
    : "It stays on the server: whoever has its link can open it again.";
  if (!(await confirmed(`Forget “${title}” on this device?`, words, "Forget"))) return false;
  await client.forget(one.id);
  return true;
}
