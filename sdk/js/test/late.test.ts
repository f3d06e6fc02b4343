import { expect, test } from "vitest";

import { encodeLate as encoded, encodeWords, withLate } from "../src/core/late.ts";
import { encodeCheckpoint } from "../src/core/stored.ts";
import { Kind } from "../src/core/kinds.ts";
import { Replica } from "../src/core/replica.ts";
import { decode, encode, OpBuilder } from "../src/ot/index.ts";
import { Late, Words } from "../src/wire/gen/store.ts";

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

const encodeLate = (late: Partial<Late>): Uint8Array | null =>
  encoded({ after: NOTHING, count: 0, items: [], writing: NOTHING, taken: 0, checkpoint: NOTHING, ...late });

const one = checkpoint(1), two = checkpoint(2), whole = checkpoint(3);
const [a, b, c, other] = [bytes(10), bytes(11), bytes(12), bytes(99)];
const items = encodeLate({ after: bytes(1), count: 1, items: [b, c] })!;

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

test("items count behind the checkpoint that was being written, too: those that it does not have", () => {
  const late = encodeLate({ after: bytes(1), count: 1, items: [b, c, other], writing: bytes(2), taken: 1 })!;
  expect(withLate({ checkpoint: one, journal: [a] }, late)).toEqual({ checkpoint: one, journal: [a, b, c, other] });
  expect(withLate({ checkpoint: two, journal: [] }, late)).toEqual({ checkpoint: two, journal: [c, other] });
  expect(withLate({ checkpoint: two, journal: [c] }, late)).toEqual({ checkpoint: two, journal: [c, other] });
  expect(withLate({ checkpoint: two, journal: [c, other] }, late)).toBeNull();
  expect(withLate({ checkpoint: two, journal: [b] }, late)).toBeNull();
  expect(withLate({ checkpoint: two, journal: [c, other, a] }, late)).toBeNull();
});

const large = (byte: number): Uint8Array => new Uint8Array(400 * 1024).fill(byte);

test("of what does not fit into the small place the first items are kept there", () => {
  const late = encodeLate({ after: bytes(1), items: [large(1), large(2), large(3), a] })!;
  expect(late.length).toBeLessThan(1024 * 1024);
  expect(Late.decode(late).items.map((item) => item[0])).toEqual([1, 2]);
  expect(encodeLate({ items: [new Uint8Array(1024 * 1024 + 1)] })).toBeNull();
  expect(encodeLate({ items: [a], checkpoint: new Uint8Array(1024 * 1024 + 1) })).toBeNull();
});

test("of a following tab's words the first are kept, a long one as far as it fits", () => {
  const said = (text: string) => ({ kind: Kind.EDIT, body: encode(new OpBuilder().retain(3).insert(text).finish()) });
  const words = (...texts: string[]): Words =>
    ({ session: a, rev: 1, epoch: b, seq: 7, said: texts.map(said) });
  const kept = (given: Words) => Words.decode(encodeWords(given));
  expect(kept(words("one", "two"))).toEqual(words("one", "two"));
  const cut = kept(words("one", "😁".repeat(400_000), "two"));
  expect(cut.said.length).toBe(2);
  const text = decode(cut.said[1]!.body).comps[1]!.content;
  expect(text.length).toBeGreaterThan(500_000);
  expect("😁".repeat(text.length / 2)).toBe(text);
});
