import { expect, test } from "vitest";

import { encodeLate, withLate } from "../src/core/late.ts";
import { encodeCheckpoint } from "../src/core/stored.ts";
import { Replica } from "../src/core/replica.ts";

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);
const NOTHING = bytes();

function checkpoint(...id: number[]): Uint8Array {
  const nothing = (): void => {};
  const replica = new Replica("d", {
    changed: nothing, committed: nothing, journal: nothing, checkpoint: nothing,
    now: () => 0, random: (size) => new Uint8Array(size),
  });
  return encodeCheckpoint(replica, bytes(...id));
}

const one = checkpoint(1), two = checkpoint(2), whole = checkpoint(3);
const [a, b, c, other] = [bytes(10), bytes(11), bytes(12), bytes(99)];
const items = encodeLate({ after: bytes(1), count: 1, items: [b, c], writing: NOTHING, checkpoint: NOTHING })!;

test("items come behind what the storage has, however far the write under way has come", () => {
  const all = { checkpoint: one, journal: [a, b, c] };
  expect(withLate({ checkpoint: one, journal: [a] }, items)).toEqual(all);
  expect(withLate({ checkpoint: one, journal: [a, b] }, items)).toEqual(all);
  expect(withLate({ checkpoint: one, journal: [a, b, c] }, items)).toBeNull();
});

test("nothing is added to a state that the page was not in", () => {
  expect(withLate(null, items)).toBeNull();
  expect(withLate({ checkpoint: two, journal: [a] }, items)).toBeNull();
  expect(withLate({ checkpoint: one, journal: [] }, items)).toBeNull();
  expect(withLate({ checkpoint: one, journal: [a, other] }, items)).toBeNull();
  expect(withLate({ checkpoint: one, journal: [a, b, c, other] }, items)).toBeNull();
});

test("a whole state counts before and after the checkpoint that was being written, not beside it", () => {
  const late = encodeLate({ after: bytes(1), count: 1, items: [b], writing: bytes(2), checkpoint: whole })!;
  const state = { checkpoint: whole, journal: [] };
  expect(withLate({ checkpoint: one, journal: [a] }, late)).toEqual(state);
  expect(withLate({ checkpoint: one, journal: [a, b] }, late)).toEqual(state);
  expect(withLate({ checkpoint: two, journal: [] }, late)).toEqual(state);
  expect(withLate({ checkpoint: two, journal: [other] }, late)).toBeNull();
  expect(withLate({ checkpoint: one, journal: [a, other] }, late)).toBeNull();
  expect(withLate(null, late)).toBeNull();
  const first = encodeLate({ after: NOTHING, count: 0, items: [], writing: bytes(2), checkpoint: whole })!;
  expect(withLate(null, first)).toEqual(state);
});

test("what does not fit into the small place is not kept there", () => {
  const large = new Uint8Array(512 * 1024 + 1);
  expect(encodeLate({ after: NOTHING, count: 0, items: [large], writing: NOTHING, checkpoint: NOTHING })).toBeNull();
});
