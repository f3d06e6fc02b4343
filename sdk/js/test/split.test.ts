import { expect, test } from "vitest";

import { split } from "../src/core/split.ts";
import { encode, encodedSize, type Op, OpBuilder } from "../src/ot/index.ts";
import { LARGE, Random, randomDocument, randomOp, SMALL } from "./ot/random.ts";
import { SEED, SWEEP } from "./rng.ts";

test(`pieces do together what the op does, and each fits (WEFT_SEED=${SEED})`, () => {
  let pieces = 0;
  for (let i = 0; i < 300 * SWEEP; i++) {
    const random = new Random(SEED + i), mix = i % 2 ? LARGE : SMALL;
    const doc = randomDocument(random, 300, mix);
    const op = randomOp(random, doc, mix);
    const limit = 200;
    let done = doc, rest: Op | null = op;
    while (rest) {
      const [first, next]: [Op, Op | null] = split(rest, limit);
      // A component that cannot be cut is a piece however large it is; text and lengths are never that.
      if (first.comps.length > 1) expect(encodedSize(first), `seed ${SEED + i}`).toBeLessThanOrEqual(limit);
      done.check(first);
      done = done.apply(first);
      rest = next;
      pieces++;
    }
    expect(encode(done.content()), `seed ${SEED + i}`).toEqual(encode(doc.apply(op).content()));
  }
  expect(pieces).toBeGreaterThan(600 * SWEEP);
});

test("text is cut between characters, wherever the limit falls", () => {
  const op = new OpBuilder().insert("😁".repeat(40)).finish();
  for (let most = 40; most < 60; most++)
    for (let rest: Op | null = op; rest; ) {
      const [piece, next]: [Op, Op | null] = split(rest, most);
      for (const { content } of piece.comps) expect(content.length % 2).toBe(0);
      rest = next;
    }
});

test("a piece has half the components that the server takes: others' ops cut it", () => {
  const builder = new OpBuilder();
  for (let i = 0; i < 25; i++) builder.retain(1).insert("x");
  let rest: Op | null = builder.finish();
  const counts = [];
  while (rest) {
    const [piece, next]: [Op, Op | null] = split(rest, 262_144, 20);
    counts.push(piece.comps.length);
    rest = next;
  }
  expect(Math.max(...counts)).toBe(10);
  expect(counts.length).toBeGreaterThan(4);
});
