/**
 * Two and five persons type in one document at once, as fast as their browsers take it. Nothing that
 * they write is missing or doubled; and when they also delete, type over and undo at random, all see
 * the same in the end, and so do the servers' stores.
 */
import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import { launch, noErrors, Person, rng, SEED, shut, stored, together } from "./lib.mjs";
import { archived, workersCounted } from "./stack.mjs";
import { nothingLostOrDoubled, Typist } from "./typist.mjs";

before(launch);
after(shut);
afterEach(noErrors);

const MEET_PERCENT = 30;
const LONG = process.env.WEFT_TEST === "long" ? 5 : 1;
const NAMES = ["Ada", "Ben", "Cleo", "Dora", "Emil"];

async function crowd(t, size, steps) {
  t.diagnostic(`WEFT_SEED=${SEED}`);
  const people = await Promise.all(NAMES.slice(0, size).map((name) => Person.make(name)));
  const id = await people[0].begin();
  await Promise.all(people.slice(1).map((person) => person.open(id)));
  const typists = people.map((person, i) => new Typist(person, i, rng(SEED + i)));
  const before = await workersCounted("ops", "transformed");

  await Promise.all(typists.map((typist) => typist.write(steps)));
  await together(...people);
  nothingLostOrDoubled(await people[0].words(), typists);

  await Promise.all(typists.map((typist) => typist.edit(steps)));
  const contents = await together(...people);

  const [ops, met] = (await workersCounted("ops", "transformed")).map((n, i) => n - before[i]);
  const percent = (100 * met) / ops;
  t.diagnostic(`${size} browsers: ${ops} ops, ${percent.toFixed(0)} % met a concurrent one`);
  assert.ok(percent >= MEET_PERCENT, `only ${met} of ${ops} ops met a concurrent one`);

  await stored(id, contents);
  await archived(id);
  await stored(id, contents);
  await Promise.all(people.map((person) => person.close()));
}

test("two browsers at once", (t) => crowd(t, 2, 40 * LONG));
test("five browsers at once", (t) => crowd(t, 5, 12 * LONG));
