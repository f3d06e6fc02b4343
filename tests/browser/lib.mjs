/**
 * Persons with browsers, for the tests of the page: Debian's Chromium, driven by its own protocol, and
 * the real servers that tests/system/with-stack has started.
 *
 * Every page is opened with `?check`: its editor is compared with its document after every change, and
 * an error of the page, whatever it is, fails the test that it happened in.
 */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import assert from "node:assert/strict";
import { chromium } from "playwright-core";
import { rng as seeded } from "./rng.mjs";

const run = promisify(execFile);
export const root = new URL("../..", import.meta.url).pathname;

export const BASE = (process.env.WEFT_URL ?? "").replace(/^ws/, "http").replace(/\/$/, "");
assert.ok(BASE, "WEFT_URL is not set: run this by tests/system/with-stack");

export const WAIT_MS = 30_000;

/** Random numbers from a seed that is printed: WEFT_SEED=N repeats a run. */
export const SEED = Number(process.env.WEFT_SEED ?? Date.now() % 1e9);
export const rng = (seed = SEED) => seeded(seed);

export const SCREEN = { viewport: { width: 1180, height: 820 } };
export const CHROMIUM = {
  executablePath: process.env.WEFT_CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox"],
};

let browser;
const errors = [];
/**
 * What Chromium itself complains of: that there is no network (ERR_FAILED: for letters of rare scripts,
 * which the service worker does not keep), and that the page's policy has kept a handler from running
 * that stood in pasted HTML.
 */
const expected = new RegExp(
  "ERR_INTERNET_DISCONNECTED|resource: net::ERR_FAILED|WebSocket connection|Executing inline event handler",
);

export async function launch() {
  browser = await chromium.launch(CHROMIUM);
}
export const shut = () => browser?.close();

/** Called after each test. */
export function noErrors() {
  assert.deepEqual(errors.splice(0), []);
}

export class Person {
  /** A browser of one's own: nothing is shared with others but the servers. */
  static async make(name, { color, ...options } = {}) {
    return Person.in(await browser.newContext({ ...SCREEN, ...options }), name, color);
  }

  /** In a browser that is there already: in another tab, if others are in it. */
  static async in(context, name, color = "#2f6f73") {
    const page = await context.newPage();
    page.setDefaultTimeout(WAIT_MS);
    page.on("pageerror", (error) => errors.push(`${name}: ${error.message}`));
    page.on("console", (message) => {
      if (message.type() === "error" && !expected.test(message.text()))
        errors.push(`${name}: ${message.text()}`);
    });
    await context.addInitScript((person) => {
      try {
        if (!localStorage.getItem("weft.person")) localStorage.setItem("weft.person", person);
      } catch {
        // Denied by this browser's settings: the page asks for the name.
      }
    }, JSON.stringify({ name, color }));
    return new Person(name, context, page);
  }

  constructor(name, context, page) {
    this.name = name;
    this.context = context;
    this.page = page;
    this.text = page.locator(".ql-editor");
    this.state = page.locator(".state");
  }

  /** Begins a document; resolves with its id. */
  async begin(kind = "New document") {
    await this.page.goto(`${BASE}/?check`);
    await this.page.getByRole("button", { name: kind }).click();
    await this.page.getByRole("textbox", { name: "Title" }).waitFor();
    return decodeURIComponent(new URL(this.page.url()).pathname.slice(3));
  }

  async open(id) {
    await this.page.goto(`${BASE}/d/${encodeURIComponent(id)}?check`);
    await this.ready();
  }

  async ready() {
    await this.page.getByRole("textbox", { name: "Title" }).waitFor();
  }

  async saved() {
    await this.state.filter({ hasText: /^Saved$/ }).waitFor();
    await this.page.waitForFunction(() => !globalThis.weft.doc.unsaved);
  }

  /**
   * What was typed is on disk: a person who leaves at once is asked by the browser, a test is not. One
   * write is under way, and one waits for it: transactions of ours come behind each of them.
   */
  async kept() {
    await this.page.evaluate(async () => {
      const result = (request, event = "onsuccess") =>
        new Promise((resolve, reject) => {
          request[event] = () => resolve(request.result);
          request.onerror = () => reject(request.error);
        });
      const db = await result(indexedDB.open("weft"));
      for (let i = 0; i < 3; i++) {
        const transaction = db.transaction([...db.objectStoreNames], "readwrite");
        transaction.objectStore("docs").count();
        await result(transaction, "oncomplete");
      }
      db.close();
    });
  }

  /** Loads the page again, once what was typed is kept. */
  async reload() {
    await this.kept();
    await this.page.reload();
    await this.ready();
  }

  /** The page itself is kept by its service worker, once that has seen it. */
  async keptForOffline() {
    await this.page.evaluate(async () => {
      await navigator.serviceWorker.ready;
      const end = Date.now() + 20_000;
      for (;;) {
        const names = await caches.keys();
        const cache = names[0] && (await caches.open(names[0]));
        if (cache && (await cache.match("/")) && (await cache.keys()).length > 5) return;
        if (Date.now() > end) throw new Error("the service worker keeps nothing");
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    });
  }

  /**
   * What the editor shows, without what looks the same: the place that Quill keeps for a format that
   * nothing is typed in yet, and the two ways in which it marks a code block of no language.
   */
  html() {
    return this.text.evaluate((node) => {
      const copy = node.cloneNode(true);
      for (const mark of copy.querySelectorAll(".ql-cursor")) {
        let empty = mark;
        while (empty.parentElement.childNodes.length === 1 && !/^(P|H\d|LI|DIV|BLOCKQUOTE)$/.test(empty.parentElement.tagName))
          empty = empty.parentElement;
        empty.remove();
      }
      return copy.innerHTML.replaceAll(' data-language="plain"', "");
    });
  }

  revision() {
    return this.page.evaluate(() => globalThis.weft.doc.revision);
  }

  contents() {
    return this.page.evaluate(() => globalThis.weft.doc.contents());
  }

  words() {
    return this.page.evaluate(() => globalThis.weft.doc.text());
  }

  inStep() {
    return this.page.evaluate(() => globalThis.weft.editor().inStep());
  }

  close() {
    return this.context.close();
  }
}

/** Waits until all is saved and all see the same; resolves with the contents. */
export async function together(...people) {
  const end = Date.now() + WAIT_MS;
  for (;;) {
    for (const person of people) await person.saved();
    const seen = [];
    for (const person of people) seen.push(JSON.stringify(await person.contents()));
    if (seen.every((one) => one === seen[0])) break;
    assert.ok(Date.now() < end, `they do not come together:\n${seen.join("\n")}`);
  }
  for (const person of people) assert.ok(await person.inStep(), `${person.name}'s editor is out of step`);
  if (await people[0].text.count()) {
    const html = await Promise.all(people.map((person) => person.html()));
    for (const one of html) assert.equal(one, html[0]);
  }
  return people[0].contents();
}

export async function weftctl(...args) {
  const { stdout } = await run(`${root}scripts/weftctl`, ["--dir", process.env.WEFT_DIR, ...args], {
    maxBuffer: 64 << 20,
  });
  return stdout;
}

/** What Redis and PostgreSQL hold is what the editors show. */
export async function stored(id, contents) {
  const delta = JSON.parse(await weftctl("get", id, "--stored", "--format", "delta"));
  assert.deepEqual(normal(delta.ops ?? delta), normal(contents));
  await weftctl("verify", id);
}

/** The order of attributes means nothing. */
function normal(ops) {
  return ops.map((op) => JSON.stringify(op, op.attributes && ["insert", "attributes", ...keysOf(op)]));
}

function keysOf(op) {
  const inside = typeof op.insert === "object" ? Object.keys(op.insert) : [];
  return [...inside, ...Object.keys(op.attributes).sort()];
}
