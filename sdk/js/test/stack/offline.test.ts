import * as fs from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";

import { newDocId } from "../../src/index.ts";
import { fileStorage } from "../../src/node.ts";
import { rng, SEED } from "../rng.ts";
import { client, closeAll, together, URL } from "./help.ts";

afterEach(closeAll);

const KEYS = 10_000;
/** Every keystroke is a character of its own, so that what is missing or doubled can be seen. */
const mine = (i: number): string => String.fromCodePoint(0x4e00 + i);
const theirs = (i: number): string => String.fromCodePoint(0x20000 + i);

describe.skipIf(!URL)("with real servers", () => {
  test(`10,000 keystrokes offline, a reload between, meet 10,000 revisions (WEFT_SEED=${SEED})`, async () => {
    const random = rng(SEED), id = newDocId();
    const folder = await fs.mkdtemp(join(tmpdir(), "weft-offline-"));
    let offline = client({ storage: fileStorage(folder) });
    let doc = offline.open(id, { create: { kind: "rich", fresh: true } });
    await doc.ready;
    doc.submit([{ insert: ". ".repeat(1000) }]);
    await doc.saved();
    offline.goOffline();

    const other = client().open(id);
    await other.ready;
    const before = other.revision;
    let sent = 0;
    const typing = async (): Promise<void> => {
      while (other.revision - before < KEYS) {
        if (other.unsaved) {
          await other.saved();
          continue;
        }
        if (sent === KEYS) break;
        const [one, two] = [other.text().codePointAt(0)!, Math.floor(random() * 1000)];
        other.submit(one && two % 2 ? [{ insert: theirs(sent++) }] : [{ retain: other.length - 1 }, { insert: theirs(sent++) }]);
      }
    };
    const others = typing();

    let slowest = 0;
    const key = (i: number): void => {
      const begin = performance.now();
      // Mostly on and on, now and then elsewhere; the places hold no surrogate pairs.
      if (i % 50 === 0) at = Math.floor(random() * doc.length);
      doc.submit(at > 0 ? [{ retain: at }, { insert: mine(i) }] : [{ insert: mine(i) }]);
      at++;
      slowest = Math.max(slowest, performance.now() - begin);
    };
    let at = 0;
    const began = performance.now();
    for (let i = 0; i < KEYS / 2; i++) {
      key(i);
      if (i % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    const typed = performance.now() - began;
    await offline.close();

    offline = client({ storage: fileStorage(folder) });
    offline.goOffline();
    doc = offline.open(id);
    await doc.ready;
    for (let i = KEYS / 2; i < KEYS; i++) {
      key(i);
      if (i % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await others;
    expect(other.revision - before).toBe(KEYS);

    const start = performance.now();
    offline.goOnline();
    await doc.saved();
    const saved = performance.now() - start;
    await together(doc, other);
    console.log(
      `10,000 keystrokes over 10,000 revisions: saved in ${saved.toFixed(0)} ms; ` +
        `a key takes ${((typed / KEYS) * 2).toFixed(3)} ms, the slowest ${slowest.toFixed(1)} ms`,
    );
    const text = [...doc.text()];
    const count = (first: number) => text.filter((c) => c.codePointAt(0)! >= first && c.codePointAt(0)! < first + KEYS).length;
    expect(new Set(text).size).toBe(2 * KEYS + 3);
    expect([count(0x4e00), count(0x20000)]).toEqual([KEYS, KEYS]);
    expect(doc.drafts.list()).toEqual([]);
    await offline.close();
    await fs.rm(folder, { recursive: true });
  }, 120_000);
});
