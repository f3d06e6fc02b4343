/** The laws of docs/algebra.md on random documents and ops. */
import { beforeAll, describe, expect, test } from "vitest";
import {
  compose,
  decode,
  type Document,
  encode,
  fromDelta,
  OpBuilder,
  type Op,
  sameOp,
  toDelta,
  transform,
  transformCursor,
} from "../../src/ot/index.ts";
import { LARGE, PLAIN, Random, randomDocument, randomOp, SEED, SMALL, SWEEP } from "./random.ts";

const MIXES = [
  { name: "plain", mix: PLAIN, units: 8, cases: 10_000 },
  { name: "rich", mix: SMALL, units: 12, cases: 10_000 },
  { name: "large", mix: LARGE, units: 20_000, cases: 40 },
];

const sameContent = (a: Document, b: Document) => sameOp(a.content(), b.content());

function tp1(doc: Document, a: Op, b: Op, first: boolean): boolean {
  return sameContent(
    doc.apply(a).apply(transform(a, b, first)),
    doc.apply(b).apply(transform(b, a, !first)),
  );
}

function compositionLaw(a: Op, b: Op, c: Op): boolean {
  const step = transform(b, transform(a, c, true), true);
  return sameOp(transform(compose(a, b), c, true), step);
}

/** The point is where the text of a concurrent insert at it lands. */
function cursorLands(a: Op, index: number, sticksLeft: boolean): boolean {
  const mark = new OpBuilder().retain(index).insert("|").finish();
  const landed = transform(a, mark, !sticksLeft).comps;
  const before = landed.length > 1 ? (landed[0]?.length ?? 0) : 0;
  return transformCursor(a, index, sticksLeft) === before;
}

function roundTrips(op: Op): boolean {
  const bytes = encode(op);
  const back = decode(bytes);
  return (
    sameOp(back, op) &&
    back.unitsIn === op.unitsIn &&
    back.unitsOut === op.unitsOut &&
    sameOp(fromDelta(toDelta(op)), op)
  );
}

beforeAll(() => console.log(`WEFT_SEED=${SEED} WEFT_SWEEP=${SWEEP}`));

describe.each(MIXES)("$name", ({ mix, units, cases }) => {
  test("laws", { timeout: 60_000 * SWEEP }, () => {
    const random = new Random(SEED);
    for (let i = 0; i < cases * SWEEP; i++) {
      const where = `case ${i}`;
      const doc = randomDocument(random, random.below(units), mix);
      const a = randomOp(random, doc, mix);
      const b = randomOp(random, doc, mix);
      const afterA = doc.apply(a);
      const c = randomOp(random, afterA, mix);
      const afterC = afterA.apply(c);
      const d = randomOp(random, afterC, mix);
      const index = random.below(doc.length + 1);
      const check = (law: string, holds: boolean) => {
        if (!holds) expect.fail(`${law}, ${where}: ${JSON.stringify([doc.content(), a, b, c, d])}`);
      };
      check("TP1, a first", tp1(doc, a, b, true));
      check("TP1, b first", tp1(doc, a, b, false));
      check("compose is apply", sameContent(doc.apply(compose(a, c)), afterC));
      check("associativity", sameOp(compose(compose(a, c), d), compose(a, compose(c, d))));
      check("composition law", compositionLaw(a, c, b));
      check("invert", sameContent(afterA.apply(doc.invert(a)), doc));
      check("cursor", cursorLands(a, index, true) && cursorLands(a, index, false));
      check("round trips", [doc.content(), a, b, compose(a, c)].every(roundTrips));
    }
  });
});

test("the composition law fails with false, as docs/algebra.md says", () => {
  const random = new Random(SEED);
  let broken = 0;
  for (let i = 0; i < 10_000; i++) {
    const doc = randomDocument(random, 8, PLAIN);
    const [a, c] = [randomOp(random, doc, PLAIN), randomOp(random, doc, PLAIN)];
    const b = randomOp(random, doc.apply(a), PLAIN);
    const step = transform(b, transform(a, c, false), false);
    if (!sameOp(transform(compose(a, b), c, false), step)) broken++;
  }
  expect(broken).toBeGreaterThan(0);
});

test("the mirrored law is false, as docs/algebra.md says", () => {
  const a = fromDelta([{ delete: 1 }]);
  const b = fromDelta([{ delete: 1 }, { insert: "E" }]);
  const c = fromDelta([{ retain: 1 }, { delete: 1 }]);
  const whole = transform(c, compose(a, b), true);
  const steps = compose(transform(c, a, true), transform(transform(a, c, false), b, true));
  expect(sameOp(whole, steps)).toBe(false);
});
