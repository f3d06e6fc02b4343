/**
 * What dies while people write: the browser (SIGKILL; its profile stays), the tab that holds the
 * connection, each gateway, each worker. Nothing that was typed and kept is missing, nothing is doubled.
 */
import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import { launch, noErrors, Person, rng, SEED, shut, stored, together } from "./lib.mjs";
import { Profile } from "./profile.mjs";
import { archived, killed } from "./stack.mjs";
import { nothingLostOrDoubled, Typist } from "./typist.mjs";

before(launch);
after(shut);
afterEach(noErrors);

const SERVERS = ["gateway-1", "worker-1", "gateway-2", "worker-2"];

/** Writes until it is told to stop. */
function writing(typist) {
  let on = true;
  const done = (async () => {
    while (on) await typist.write(1);
  })();
  done.catch(() => undefined); // is heard of when it is told to stop
  return () => {
    on = false;
    return done;
  };
}

/**
 * Types on and on, kills the browser in the middle of it, and starts it again. What was typed last may
 * not have been kept; but nothing is kept without what was typed before it.
 */
async function crash(profile, typist, id, offline) {
  const { text, page } = typist.person;
  await text.click();
  await page.keyboard.press("Control+End");
  const from = typist.next;
  const typing = (async () => {
    for (;;) await page.keyboard.insertText(String.fromCodePoint(typist.next++));
  })().catch(() => undefined);
  await page.waitForFunction((sign) => globalThis.weft.doc.text().includes(sign), String.fromCodePoint(from + 30));
  await profile.kill();
  await typing;

  typist.sitAt(await profile.start());
  await profile.context.setOffline(offline);
  await typist.person.open(id);
  const words = await typist.person.words();
  const tail = Array.from({ length: typist.next - from }, (_, i) => String.fromCodePoint(from + i));
  const missing = tail.findIndex((sign) => !words.includes(sign));
  const kept = tail.slice(0, missing < 0 ? tail.length : missing).join("");
  assert.ok(!tail.slice(kept.length).some((sign) => words.includes(sign)), "kept without what came before");
  typist.typed += kept;
  return `${kept.length} of ${tail.length} characters were kept`;
}

async function finish(id, typists, ...people) {
  const contents = await together(...people);
  nothingLostOrDoubled(await people[0].words(), typists);
  await stored(id, contents);
  await archived(id);
  await stored(id, contents);
}

test("offline: reloaded, written in, killed; the servers are killed meanwhile", async (t) => {
  t.diagnostic(`WEFT_SEED=${SEED}`);
  const profile = new Profile("Ada");
  t.after(() => profile.remove());
  const ada = new Typist(await profile.start(), 0, rng());
  const id = await ada.person.begin();
  const ben = new Typist(await Person.make("Ben"), 1, rng(SEED + 1));
  await ben.person.open(id);
  await Promise.all([ada.write(4), ben.write(4)]);
  await together(ada.person, ben.person);
  await ada.person.keptForOffline();

  const stop = writing(ben);
  await profile.context.setOffline(true);
  await ada.write(5);
  await ada.person.reload();
  await ada.write(5);
  await ada.person.kept();
  for (const server of SERVERS.slice(0, 2)) await killed(server);
  t.diagnostic(await crash(profile, ada, id, true));
  for (const server of SERVERS.slice(2)) await killed(server);
  await ada.write(5);
  await ada.person.state.filter({ hasText: "Kept on this device" }).waitFor();

  // Back, and away again by the page's own switch, while what was written is on its way.
  await profile.context.setOffline(false);
  await ada.person.page.getByRole("switch", { name: "Online" }).click();
  await ada.write(3);
  await ada.person.kept();
  await ada.person.page.getByRole("switch", { name: "Online" }).click();
  await ada.write(3);
  await stop();
  await finish(id, [ada, ben], ada.person, ben.person);
  await ben.person.close();
});

test("online: killed with ops on their way, again and again", async (t) => {
  t.diagnostic(`WEFT_SEED=${SEED}`);
  const profile = new Profile("Ada");
  t.after(() => profile.remove());
  const ada = new Typist(await profile.start(), 0, rng());
  const id = await ada.person.begin();
  const ben = new Typist(await Person.make("Ben"), 1, rng(SEED + 1));
  await ben.person.open(id);
  for (const server of SERVERS.slice(0, 2)) {
    const stop = writing(ben);
    t.diagnostic(await crash(profile, ada, id, false));
    await killed(server);
    await ada.write(3);
    await stop();
    await together(ada.person, ben.person);
  }
  await finish(id, [ada, ben], ada.person, ben.person);
  await ben.person.close();
});

test("tabs of one browser: the one that holds the connection is closed, its heir killed", async (t) => {
  t.diagnostic(`WEFT_SEED=${SEED}`);
  const profile = new Profile("Ada");
  t.after(() => profile.remove());
  const one = new Typist(await profile.start(), 0, rng());
  const id = await one.person.begin();
  const two = new Typist(await Person.in(profile.context, "Ada's second tab"), 1, rng(SEED + 1));
  await two.person.open(id);
  const three = new Typist(await Person.in(profile.context, "Ada's third tab"), 2, rng(SEED + 2));
  await three.person.open(id);
  const ben = new Typist(await Person.make("Ben"), 3, rng(SEED + 3));
  await ben.person.open(id);
  const all = [one, two, three, ben];

  await Promise.all(all.map((typist) => typist.write(4)));
  await together(...all.map((typist) => typist.person));
  nothingLostOrDoubled(await ben.person.words(), all);
  await one.person.kept();
  const stops = [two, three, ben].map(writing);
  await one.person.page.close();
  const later = String.fromCodePoint(two.next + 10);
  await ben.person.page.waitForFunction((sign) => globalThis.weft.doc.text().includes(sign), later);
  await Promise.all(stops.map((stop) => stop()));
  await together(two.person, three.person, ben.person);
  nothingLostOrDoubled(await ben.person.words(), all);

  // All tabs at once, by the browser's death: the first one that comes back goes on with the session.
  t.diagnostic(await crash(profile, two, id, false));
  await Promise.all([two.write(4), ben.write(4)]);
  await finish(id, all, two.person, ben.person);
  await ben.person.close();
});
