/** The page: one connection, an address for each document. */
import { connect, type DocKind } from "@weft/client";
import "@fontsource-variable/inter/wght.css";
import "@fontsource-variable/source-serif-4/wght.css";
import "@fontsource-variable/source-serif-4/wght-italic.css";
import "./styles/base.css";
import "./styles/page.css";
import "./styles/document.css";
import { openDocument, type Page } from "./document.ts";
import { toast } from "./dom.ts";
import { openHome } from "./home.ts";

const client = connect({ urls: `${location.protocol === "https:" ? "wss:" : "ws:"}//${location.host}/` });
const app = document.getElementById("app") as HTMLElement;
let page: Page | null = null;
/** Stays for as long as the page is loaded. */
const check = new URLSearchParams(location.search).has("check");

function docIdOf(path: string): string | null {
  const match = /^\/d\/(.+)$/.exec(path);
  try {
    return match?.[1] ? decodeURIComponent(match[1]) : null;
  } catch {
    return null;
  }
}

function show(fresh: DocKind | null = null): void {
  page?.close();
  const id = docIdOf(location.pathname);
  page = id === null ? openHome(client, go) : openDocument(client, { id, fresh, check });
  app.replaceChildren(page.element);
  scrollTo(0, 0);
}

function go(path: string, fresh: DocKind | null = null): void {
  history.pushState(null, "", check ? `${path}?check` : path);
  show(fresh);
}

addEventListener("popstate", () => show());

// Links within the page do not load it again.
document.addEventListener("click", (event) => {
  const link = (event.target as Element).closest<HTMLAnchorElement>("a[href^='/']");
  if (!link || event.defaultPrevented || event.button !== 0) return;
  if (event.metaKey || event.ctrlKey || event.shiftKey || link.closest("[contenteditable]")) return;
  event.preventDefault();
  go(link.pathname);
});

// A new version of the page has taken the place of the one whose files this tab knows.
addEventListener("vite:preloadError", () => toast("There is a new version of Weft: load the page again."));

if (import.meta.env.PROD) void navigator.serviceWorker?.register("/sw.js").catch(() => undefined);

show();
