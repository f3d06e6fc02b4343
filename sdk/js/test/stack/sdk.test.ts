import * as fs from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";

import { newDocId } from "../../src/index.ts";
import { fileStorage } from "../../src/node.ts";
import { rng, SEED } from "../rng.ts";
import { client, closeAll, together, until, URL } from "./help.ts";

afterEach(closeAll);

describe.skipIf(!URL)("with real servers", () => {
  const create = { kind: "rich", fresh: true } as const;

  test("create, write, read", async () => {
    const id = newDocId();
    const a = client().open(id, { create });
    await a.ready;
    expect(a.text()).toBe("\n");
    expect(a.submit([{ insert: "Hello 💩", attributes: { bold: true } }])).toBeNull();
    expect(a.unsaved).toBe(true);
    await a.saved();
    expect(a.state).toBe("saved");
    const b = client().open(id);
    await b.ready;
    expect(b.contents()).toEqual([{ insert: "Hello 💩", attributes: { bold: true } }, { insert: "\n" }]);
    b.setTitle("A title");
    await b.saved();
    await until(() => a.title === "A title", a);
  });

  test("a document that does not exist says so", async () => {
    const doc = client().open(newDocId());
    await expect(doc.ready).rejects.toMatchObject({ code: "no-such-document", permanent: true });
    expect(doc.readonly).toBe(true);
    expect(() => doc.submit([{ insert: "x" }])).toThrow(/cannot be changed/);
  });

  test("closed and opened again at once, again and again: nothing is lost or a draft", async () => {
    const id = newDocId(), one = client();
    let doc = one.open(id, { create });
    let typed = "";
    for (let i = 0; i < 30; i++) {
      await doc.ready;
      doc.submit([{ insert: String(i % 10) }]);
      typed = (i % 10) + typed;
      await doc.saved();
      one.goOffline();
      one.goOnline();
      if (i % 3) await new Promise((resolve) => setTimeout(resolve, i % 7));
      void doc.close();
      doc = one.open(id);
      if (i % 2) {
        void doc.close();
        doc = one.open(id);
      }
      expect(doc.drafts.list()).toEqual([]);
    }
    await doc.ready;
    expect(doc.text()).toBe(`${typed}\n`);
  });

  test("a document that did not exist when it was first opened here can be created later", async () => {
    const folder = await fs.mkdtemp(join(tmpdir(), "weft-stack-")), id = newDocId();
    const first = client({ storage: fileStorage(folder) });
    await expect(first.open(id).ready).rejects.toMatchObject({ code: "no-such-document" });
    await first.close();
    const second = client({ storage: fileStorage(folder) });
    const doc = second.open(id, { create: { kind: "rich", content: [{ insert: "begun\n" }] } });
    await doc.ready;
    expect(doc.text()).toBe("begun\n");
    await doc.saved();
    await second.close();
    await fs.rm(folder, { recursive: true });
  });

  test(`five write at once, lose their connections, and see the same (WEFT_SEED=${SEED})`, async () => {
    const random = rng(SEED), id = newDocId();
    const below = (n: number) => Math.floor(random() * n);
    const clients = Array.from({ length: 5 }, () => client());
    const docs = clients.map((one) => one.open(id, { create: { kind: "rich" } }));
    await Promise.all(docs.map((doc) => doc.ready));
    for (let i = 0; i < 600; i++) {
      const doc = docs[below(5)]!;
      const at = below(doc.length), length = Math.min(below(4), doc.length - 1 - at);
      const change = below(3) === 0 && length > 0
        ? [{ retain: at }, below(2) ? { delete: length } : { retain: length, attributes: { bold: true } }]
        : [{ retain: at }, { insert: "abc😁"[below(3)]! }];
      doc.submit(change.filter((comp) => comp.retain !== 0));
      if (below(40) === 0) {
        const one = clients[below(5)]!;
        one.goOffline();
        setTimeout(() => one.goOnline(), below(50));
      }
      if (below(3) === 0) await new Promise((resolve) => setTimeout(resolve, below(4)));
    }
    clients.forEach((one) => one.goOnline());
    await together(...docs);
    for (const doc of docs) {
      expect(doc.contents()).toEqual(docs[0]!.contents());
      expect(doc.drafts.list()).toEqual([]);
      expect(doc.error).toBeNull();
    }
  });

  test("presence: who is here, with cursors that move with the text", async () => {
    const id = newDocId();
    const a = client().open(id, { create });
    await a.ready;
    a.submit([{ insert: "0123456789" }]);
    await a.saved(); // only now: of two who create, one gets the other's text, and its own as a draft
    const b = client().open(id);
    await b.ready;
    await together(a, b);
    a.presence.set({ name: "Ada", color: "#a00", cursor: { anchor: 5, head: 8 }, data: { x: 1 } });
    await until(() => b.presence.peers()[0]?.cursor?.head === 8, b);
    b.presence.set({ name: "Bob" });
    await until(() => a.presence.peers()[0]?.name === "Bob", a);
    b.submit([{ insert: "abc" }]);
    expect(b.presence.peers()).toMatchObject([
      { name: "Ada", color: "#a00", cursor: { anchor: 8, head: 11 }, data: { x: 1 }, tab: false },
    ]);
    expect(() => a.presence.set({ data: "x".repeat(1100) })).toThrow(/1024/);
    await a.close();
    await until(() => b.presence.peers().length === 0, b);
  });

  test("a reload of a file: what was typed offline goes through once", async () => {
    const folder = await fs.mkdtemp(join(tmpdir(), "weft-stack-"));
    const id = newDocId();
    const first = client({ storage: fileStorage(folder) });
    const doc = first.open(id, { create });
    await doc.ready;
    expect(doc.persistence).toEqual({ kind: "stored" });
    doc.submit([{ insert: "online " }]);
    await doc.saved();
    first.goOffline();
    doc.submit([{ retain: 7 }, { insert: "offline " }]);
    await first.close();
    expect(await first.stored()).toMatchObject([{ id, unsaved: true, drafts: 0 }]);
    const other = client().open(id);
    await other.ready;
    other.submit([{ insert: "others " }]);
    await other.saved();

    const second = client({ storage: fileStorage(folder) });
    const again = second.open(id);
    await again.ready;
    expect(again.text()).toBe("online offline \n");
    await together(again, other);
    expect(other.text()).toBe("others online offline \n");
    await second.close();
    await fs.rm(folder, { recursive: true });
  });

  test("pastes over the limit are split, pictures over it refused", async () => {
    const id = newDocId();
    const a = client().open(id, { create });
    await a.ready;
    await a.saved();
    const paste = "a line of text 💩\n".repeat(40_000);
    a.submit([{ insert: paste }]);
    const picture = { insert: { image: `data:image/png;base64,${"A".repeat(300_000)}` } };
    expect(() => a.submit([picture])).toThrow(expect.objectContaining({ code: "embed-too-large", detail: 262144 }));
    await a.saved();
    const b = client().open(id);
    await b.ready;
    expect(b.text()).toBe(paste + "\n");
    expect(a.drafts.list()).toEqual([]);
  });
});
