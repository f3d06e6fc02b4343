import * as fs from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { BrowserContext, Page } from "playwright-core";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { newDocId } from "../../src/index.ts";
import { client, closeAll, until as untilDoc, URL as SERVER } from "../stack/help.ts";
import { browser, get, hasChromium, type Site, site, tab, until } from "./help.ts";

/** Something has been written behind the checkpoint. */
const JOURNALLED = `new Promise((resolve) => {
  const opening = indexedDB.open("weft");
  opening.onsuccess = () => {
    const db = opening.result;
    db.transaction("journal").objectStore("journal").count().onsuccess = ({ target }) => {
      db.close();
      resolve(target.result > 0);
    };
  };
})`;

const NOWHERE = "ws://127.0.0.1:9/"; // the port that discards: nothing listens

describe.skipIf(!hasChromium || !SERVER)("in Chromium", () => {
  let folder: string, pages: Site, context: BrowserContext, id: string;

  beforeEach(async () => {
    folder = await fs.mkdtemp(join(tmpdir(), "weft-chromium-"));
    [pages, context] = await Promise.all([site(), browser(folder)]);
    id = newDocId();
  });
  afterEach(async () => {
    await context.close();
    await closeAll();
    pages.close();
    await fs.rm(folder, { recursive: true, force: true });
  });

  const start = (page: Page, url: string, options: object = {}): Promise<void> =>
    page.evaluate(([u, d, o]) => (window as never as { start: (...args: unknown[]) => Promise<void> }).start(u, d, o),
      [url, id, options] as const);
  const create = { create: { kind: "rich", fresh: true } };
  const type = (page: Page, text: string): Promise<unknown> =>
    page.evaluate(`window.doc.submit([{ insert: ${JSON.stringify(text)} }])`);

  test("a reload keeps what was typed without a server, and it goes through once", async () => {
    const page = await tab(context, pages.origin);
    await start(page, NOWHERE, create);
    expect(await get(page, "persistence")).toEqual({ kind: "stored" });
    await type(page, "offline ");
    expect(await get(page, "state")).toBe("offline");
    await until(page, JOURNALLED);
    page.on("dialog", (dialog) => void dialog.accept());
    await page.reload();
    await page.waitForFunction("window.start");
    await start(page, SERVER);
    expect(await get(page, "text()")).toBe("offline \n");
    await until(page, "window.doc.state === 'saved'");
    const other = client().open(id);
    await other.ready;
    expect(other.text()).toBe("offline \n");
    const stored = (await page.evaluate("window.client.stored()")) as { id: string; unsaved: boolean }[];
    expect(stored).toMatchObject([{ id, drafts: 0 }]);
  });

  test("tabs see each other without a server; the leader's end passes lock, state and session on", async () => {
    const leader = await tab(context, pages.origin);
    await start(leader, NOWHERE, create);
    await type(leader, "one ");
    const second = await tab(context, pages.origin), third = await tab(context, pages.origin);
    await start(second, SERVER);
    await start(third, SERVER);
    expect(await get(second, "text()")).toBe("one \n");
    await type(second, "two ");
    await type(third, "three ");
    for (const page of [leader, second, third]) await until(page, "window.doc.length === 15");
    const text = await get<string>(leader, "text()");
    for (const page of [second, third]) {
      expect(await get(page, "text()")).toBe(text);
      expect(await get(page, "state")).toBe("offline");
      expect(await get(page, "unsaved")).toBe(true);
    }
    expect(await leader.evaluate("window.changes")).toEqual(["reset", "local", "tab", "tab"]);
    expect(await get(second, "presence.peers()")).toEqual(expect.arrayContaining([]));
    // Nobody is asked to stay: the text is on the disk, but not with the server.
    leader.on("dialog", (dialog) => void dialog.accept());
    await leader.close({ runBeforeUnload: true });
    await until(second, "window.doc.state === 'saved' || window.doc.state === 'saving'");
    await until(second, "window.doc.state === 'saved'");
    await until(third, "window.doc.state === 'saved'");
    const other = client().open(id);
    await other.ready;
    expect(other.text()).toBe(text);
    await type(third, "four ");
    await until(second, "window.doc.text().startsWith('four')");
    await untilDoc(() => other.text() === `four ${text}`, other);
    other.submit([{ insert: "five " }]);
    for (const page of [second, third]) await until(page, "window.doc.text().startsWith('five four')");
    await other.saved();
    for (const page of [second, third]) await until(page, `window.doc.revision === ${other.revision}`);
  });

  test("typing in three tabs while the leader is killed again and again", async () => {
    const all: Page[] = [];
    let typed = 0;
    for (let round = 0; round < 4; round++) {
      while (all.length < 3) {
        const page = await tab(context, pages.origin);
        await start(page, SERVER, create);
        all.push(page);
      }
      const [leader, heir] = all as [Page, Page];
      let last = "";
      for (let i = 0; i < 10; i++)
        for (const page of all) {
          const key = String.fromCodePoint(0x4e00 + typed++);
          await type(page, key);
          if (page === leader) last = key;
        }
      // What it shows to others is stored: so its own are, and what others typed is anywhere.
      await until(heir, `window.doc.text().includes("${last}")`);
      await leader.close();
      all.shift();
    }
    for (const page of all) await until(page, `window.doc.length === ${typed + 1} && window.doc.state === 'saved'`);
    const texts = await Promise.all(all.map((page) => get<string>(page, "text()")));
    const other = client().open(id);
    await other.ready;
    expect(texts.concat(other.text())).toEqual(Array(3).fill(texts[0]));
    expect(new Set(texts[0]).size).toBe(typed + 1);
  });

  test("presence of tabs: cursors move, and who closes goes", async () => {
    const [one, two] = [await tab(context, pages.origin), await tab(context, pages.origin)];
    await start(one, SERVER, create);
    await start(two, SERVER, create);
    await type(one, "0123456789");
    await until(two, "window.doc.length === 11");
    await two.evaluate("window.doc.presence.set({ name: 'Two', cursor: { anchor: 4, head: 6 } })");
    await one.evaluate("window.doc.presence.set({ name: 'One' })");
    await until(one, "window.doc.presence.peers().some((peer) => peer.name === 'Two' && peer.tab)");
    await until(two, "window.doc.presence.peers().some((peer) => peer.name === 'One')");
    await type(one, "ab");
    await until(one, "window.doc.presence.peers()[0].cursor.head === 8");
    await two.close();
    await until(one, "window.doc.presence.peers().length === 0");
  });

  test("leaving with unsaved text asks", async () => {
    const page = await tab(context, pages.origin);
    await start(page, NOWHERE, create);
    await page.mouse.click(10, 10); // browsers ask only where somebody has done something
    await type(page, "unsaved");
    const asked = new Promise<string>((resolve) => page.once("dialog", (dialog) => {
      resolve(dialog.type());
      void dialog.accept();
    }));
    await page.close({ runBeforeUnload: true });
    expect(await asked).toBe("beforeunload");
  });

  test("storage that goes away: it goes on in memory and says so", async () => {
    const page = await tab(context, pages.origin);
    await start(page, SERVER, create);
    await type(page, "x");
    await until(page, "window.doc.state === 'saved'");
    await page.evaluate("indexedDB.deleteDatabase('weft')");
    await type(page, "y");
    await until(page, "window.doc.persistence.kind === 'memory'");
    expect(await get(page, "persistence")).toEqual({ kind: "memory", reason: "failed" });
    await until(page, "window.doc.state === 'saved'");
    expect(await get(page, "text()")).toBe("yx\n");
  });

  test("storage that is denied: it works in memory and says so", async () => {
    const page = await tab(context, pages.origin);
    await page.setContent(`<iframe sandbox="allow-scripts" src="${pages.origin}/frame"></iframe>`);
    await expect.poll(() => page.frames().length).toBe(2);
    const frame = page.frames()[1]!;
    await frame.waitForFunction("window.start");
    await frame.evaluate(`window.start(${JSON.stringify(SERVER)}, ${JSON.stringify(id)}, ${JSON.stringify(create)})`);
    await frame.evaluate("window.doc.submit([{ insert: 'x' }])");
    await frame.waitForFunction("window.doc.state === 'saved'");
    expect(await frame.evaluate("window.doc.persistence")).toEqual({ kind: "memory", reason: "denied" });
  });

  test("without locks every tab has a session of its own, in memory, and says so", async () => {
    const page = await tab(context, pages.origin);
    await page.evaluate("Object.defineProperty(navigator, 'locks', { value: undefined })");
    await start(page, SERVER, create);
    expect(await get(page, "persistence")).toEqual({ kind: "memory", reason: "no-locks" });
  });
}, 60_000);
