/**
 * Who types and is gone in the same moment loses nothing: the page is loaded again or closed right
 * behind the last key, again and again, without a server that could have heard of it.
 */
import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import { launch, noErrors, Person, rng, SEED, shut, stored, together } from "./lib.mjs";

before(launch);
after(shut);
afterEach(noErrors);

const ROUNDS = 25;

/**
 * The first keys are on their way to the storage when the last ones are typed, and those and the way
 * out are one task of the page.
 */
function typeAndGo(page, text, go) {
  return page.evaluate(
    async ([keys, reload]) => {
      const { doc } = globalThis.weft;
      const half = keys.length >> 1;
      for (const [i, key] of keys.entries()) {
        if (i === half) await new Promise((resolve) => queueMicrotask(() => queueMicrotask(() => queueMicrotask(resolve))));
        doc.submit([{ retain: doc.length - 1 }, { insert: key }]);
      }
      if (reload) location.reload();
    },
    [[...text], go === "reload"],
  );
}

async function tab(context, id) {
  const person = await Person.in(context, "Ada");
  // Who leaves unsaved text is asked: here the answer is to leave.
  person.page.on("dialog", (dialog) => void dialog.accept().catch(() => undefined));
  await person.open(id);
  return person;
}

async function leave(person, text, random) {
  const go = random(2) ? "reload" : "close";
  const loaded = go === "reload" && person.page.waitForEvent("load");
  await typeAndGo(person.page, text, go);
  if (loaded) {
    await loaded;
    await person.ready();
    return person;
  }
  await person.page.close();
  return null;
}

test("a reload or the tab's end right behind the last key loses nothing", async (t) => {
  t.diagnostic(`WEFT_SEED=${SEED}`);
  const random = rng();
  const first = await Person.make("Ada");
  const { context } = first;
  const id = await first.begin();
  await first.saved();
  await first.keptForOffline();
  await first.page.close();
  await context.setOffline(true);
  let ada = await tab(context, id);
  let typed = "";
  for (let round = 0; round < ROUNDS; round++) {
    const keys = Array.from({ length: 1 + random(20) }, (_, i) => String.fromCodePoint(0x4e00 + typed.length + i));
    typed += keys.join("");
    ada = (await leave(ada, keys.join(""), random)) ?? (await tab(context, id));
    assert.equal(await ada.words(), `${typed}\n`, `round ${round}`);
  }
  await context.setOffline(false);
  await stored(id, await together(ada));
  assert.equal(await ada.words(), `${typed}\n`);
  await context.close();
});

test("a following tab's last keys, too: the leader takes them, or whoever leads next", async (t) => {
  t.diagnostic(`WEFT_SEED=${SEED}`);
  const random = rng(SEED + 1);
  const leader = await Person.make("Ada");
  const { context } = leader;
  leader.page.on("dialog", (dialog) => void dialog.accept().catch(() => undefined));
  const id = await leader.begin();
  await leader.saved();
  await leader.keptForOffline();
  await context.setOffline(true);
  let next = 0;
  const keys = () => Array.from({ length: 2 + random(10) }, () => String.fromCodePoint(0x4e00 + next++)).join("");
  let other = await tab(context, id);
  for (let round = 0; round < ROUNDS / 2; round++) {
    const there = other ?? (await tab(context, id));
    const [mine, hers] = [keys(), keys()];
    await typeAndGo(leader.page, mine, "stay");
    other = await leave(there, hers, random);
    const end = String.fromCodePoint(0x4e00 + next - 1);
    await leader.page.waitForFunction((sign) => globalThis.weft.doc.text().includes(sign), end);
  }
  // Both at once: nobody is left who could hear it.
  const last = other ?? (await tab(context, id));
  await Promise.all([
    typeAndGo(leader.page, keys(), "stay"),
    typeAndGo(last.page, keys(), "stay"),
  ]);
  await Promise.all([last.page.close(), leader.page.close()]);
  const again = await tab(context, id);
  await again.page.waitForFunction((length) => globalThis.weft.doc.length >= length, next + 1);
  const all = Array.from({ length: next }, (_, i) => String.fromCodePoint(0x4e00 + i)).join("");
  assert.equal([...(await again.words())].sort().join(""), `\n${all}`);
  await context.setOffline(false);
  await stored(id, await together(again));
  await context.close();
});
