/**
 * A large document in Chromium, and a long time offline: everything arrives. What that costs is printed
 * here, and measured by `scripts/bench sdk`: a test's machine is shared.
 */
import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import { contents, Heavy } from "./heavy.mjs";
import { launch, noErrors, shut, stored } from "./lib.mjs";

let heavy;
before(async () => {
  heavy = await Heavy.begin();
  await launch();
});
after(async () => {
  await shut();
  heavy.end();
});
afterEach(noErrors);

for (const [editor, kind] of [
  ["codemirror", "text"],
  ["quill", "rich"],
]) {
  test(`1 MB in ${editor}: opened, and typed in`, async (t) => {
    const { id, writer } = await heavy.megabyte(kind);
    const reader = await heavy.visitor("Reader");
    const { ready, shown } = await heavy.start(reader, id, { editor });
    t.diagnostic(`${editor}: text after ${ready.toFixed(0)} ms, shown after ${shown.toFixed(0)} ms`);
    const { keys, sum, most } = await heavy.type(reader, "x", 100);
    t.diagnostic(`${editor}: a key costs ${(sum / keys).toFixed(2)} ms, at most ${most.toFixed(1)}`);
    assert.equal(keys, 100);
    await writer.page.waitForFunction((typed) => globalThis.doc.text().includes(typed), "x".repeat(100));
    await stored(id, await contents(reader));
    await writer.close();
    await reader.close();
  });
}

const KEYS = 10_000;

for (const scattered of [false, true]) {
  const where = scattered ? "all over the text" : "at both ends";
  test(`${KEYS} keys offline, a reload between, meet ${KEYS} revisions ${where}`, async (t) => {
    const { id, ada, early, ms, revisions, missing, doubled } = await heavy.away({ keys: KEYS, scattered });
    t.diagnostic(`saved ${ms.toFixed(0)} ms after the network came back`);
    assert.ok(!early, "it was online meanwhile");
    assert.ok(revisions > KEYS, "saved before the others' revisions came");
    assert.deepEqual({ missing, doubled }, { missing: 0, doubled: 0 });
    await stored(id, await contents(ada));
    await ada.close();
  });
}
