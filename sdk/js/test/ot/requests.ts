/** Random requests about the algebra (answer.ts): mostly sound ones, some that must be refused. */
import type { Delta, DeltaOp } from "../../src/api.ts";
import { type Document, encode, toDelta } from "../../src/ot/index.ts";
import { type Request, toHex } from "./answer.ts";
import { LARGE, type Mix, PLAIN, type Random, randomDocument, randomOp, SMALL } from "./random.ts";

/** Any double: random bits, or near to a power of ten, where the shortest form is hard. */
function randomNumber(random: Random): number {
  if (random.percent(50)) return random.between(-9, 9) * 10 ** random.between(-30, 30);
  const bits = new DataView(new ArrayBuffer(8));
  for (let i = 0; i < 8; i++) bits.setUint8(i, random.below(256));
  const number = bits.getFloat64(0);
  return Number.isFinite(number) ? number : 0;
}

/** Names that mean something to JavaScript objects, or are ordered otherwise by them. */
const ODD_NAMES = ["__proto__", "constructor", "toString", "10", "9"];

function randomText(random: Random): string {
  if (random.percent(5)) return random.pick(ODD_NAMES);
  let text = "";
  for (let n = random.below(4); n > 0; n--) {
    // Half of a pair now and then: it must be refused. U+0000 only in values (json_delta.h).
    const ranges = random.percent(5) ? [0xd800, 0xe100] : random.pick([[1, 0x80], [0x80, 0xd7ff]]);
    text += String.fromCharCode(random.between(ranges[0] as number, ranges[1] as number));
  }
  return text;
}

function randomValue(random: Random, depth: number): unknown {
  switch (random.below(depth > 0 ? 7 : 5)) {
    case 0:
      return random.percent(50);
    case 1:
      return null;
    case 2:
      return randomText(random);
    case 3:
    case 4:
      return randomNumber(random);
    case 5:
      return Array.from({ length: random.below(4) }, () => randomValue(random, depth - 1));
    default:
      return randomObject(random, depth - 1);
  }
}

function randomObject(random: Random, depth: number): Record<string, unknown> {
  const members = Array.from({ length: random.below(4) }, () => [
    randomText(random),
    randomValue(random, depth),
  ]);
  return Object.fromEntries(members) as Record<string, unknown>;
}

/** What editors send and worse: not in normal form, attributes that mean nothing, wrong types. */
function wildDelta(random: Random): Delta {
  const length = () => random.pick([0, 1, 2, 127, 128, 2 ** 31 - 3, random.percent(5) ? -1 : 3]);
  const attributes = () => (random.percent(10) ? null : randomObject(random, 2));
  const one = (): unknown => {
    switch (random.below(9)) {
      case 0:
        return { retain: length() };
      case 1:
        return { retain: length(), attributes: attributes() };
      case 2:
        return { delete: length() };
      case 3:
        return { insert: randomText(random) };
      case 4:
        return { insert: randomText(random), attributes: attributes() };
      case 5:
        return { insert: randomObject(random, 3), attributes: attributes() };
      case 6:
        return { insert: randomObject(random, 3) };
      case 7:
        return { insert: randomText(random) };
      default:
        return random.percent(80) ? { delete: 1 } : randomValue(random, 1);
    }
  };
  return Array.from({ length: random.below(5) }, one) as DeltaOp[];
}

/** Cuts pairs and goes beyond the end, as an op for another document does. */
function strayDelta(random: Random, doc: Document): Delta {
  return [
    { retain: random.below(doc.length + 3) },
    random.pick<DeltaOp>([{ delete: 1 }, { insert: "x" }, { retain: 1, attributes: { b: 1 } }]),
  ];
}

/** Bytes that were an op, with a few inserted, changed, taken out or cut off. */
export function damaged(random: Random, bytes: Uint8Array): Uint8Array {
  const out = Array.from(bytes);
  for (let n = random.below(3); n > 0; n--) {
    const at = random.below(out.length + 1);
    const byte = random.percent(50) ? random.below(256) : random.below(32);
    out.splice(at, random.below(2), ...(random.percent(70) ? [byte] : []));
  }
  return new Uint8Array(out.slice(0, random.percent(10) ? random.below(out.length + 1) : undefined));
}

export function randomRequest(random: Random): Request {
  // A few so long that documents are trees with many leaves.
  const large = random.below(200) === 0;
  const mix: Mix = large ? LARGE : random.percent(30) ? PLAIN : SMALL;
  const doc = randomDocument(random, random.below(large ? 10_000 : 30), mix);
  const opOn = (document: Document) =>
    random.percent(3) ? strayDelta(random, document) : toDelta(randomOp(random, document, mix));
  const [content, op] = [toDelta(doc.content()), randomOp(random, doc, mix)];
  switch (random.below(14)) {
    case 0:
    case 1:
    case 2:
      return { fn: "apply", doc: content, a: opOn(doc), rich: random.percent(30) };
    case 3:
    case 4:
      return { fn: "invert", doc: content, a: opOn(doc) };
    case 5:
    case 6:
    case 7:
      return { fn: "compose", a: toDelta(op), b: opOn(doc.apply(op)) };
    case 8:
    case 9:
    case 10:
      return { fn: "transform", a: toDelta(op), b: opOn(doc), first: random.percent(50) };
    case 11: {
      const index = random.below(doc.length + 3);
      return { fn: "cursor", a: opOn(doc), index, sticks_left: random.percent(50) };
    }
    case 12:
      return { fn: "encode", a: wildDelta(random) };
    default:
      return { fn: "decode", hex: toHex(damaged(random, encode(op))) };
  }
}
