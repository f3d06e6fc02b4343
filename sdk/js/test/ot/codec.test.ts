/** The binary form beyond the vectors: every character there is, long texts, limits. */
import { expect, test } from "vitest";
import { decode, encode, encodedSize, fromDelta, OpBuilder, OtError } from "../../src/ot/index.ts";
import { damaged } from "./requests.ts";
import { Random, randomDocument, randomOp, SEED, SMALL, SWEEP } from "./random.ts";
import { utf8Read, utf8Size, utf8Write } from "../../src/ot/utf8.ts";

function everyCharacter(): string {
  let text = "";
  for (let char = 0; char < 0x110000; char++) {
    if (char < 0xd800 || char > 0xdfff) text += String.fromCodePoint(char);
  }
  return text;
}

function outcome(bytes: Uint8Array, limits?: Parameters<typeof decode>[1]): string {
  try {
    decode(bytes, limits);
    return "ok";
  } catch (error) {
    if (error instanceof OtError) return error.code;
    throw error;
  }
}

test("UTF-8 of every character is the platform's", () => {
  const text = everyCharacter();
  const expected = new TextEncoder().encode(text);
  const bytes = new Uint8Array(utf8Size(text));
  expect(utf8Write(text, bytes, 0)).toBe(bytes.length);
  expect(Buffer.compare(bytes, expected)).toBe(0);
  expect(utf8Read(bytes, 0, bytes.length) === text).toBe(true);
});

test("a byte order mark is a character, in short texts and in long ones", () => {
  for (const text of ["\ufeff", "\ufeffabc", "a".repeat(100), `\ufeff${"a".repeat(100)}`]) {
    const bytes = encode(new OpBuilder().insert(text).finish());
    expect(decode(bytes).comps[0]?.content).toBe(text);
  }
});

test("the size is known before", () => {
  for (const length of [1, 15, 16, 127, 128, 2047, 2048, 2 ** 31 - 1]) {
    const op = new OpBuilder().retain(length).insert("é").delete(1).finish();
    expect(encode(op).length).toBe(encodedSize(op));
    expect(decode(encode(op)).unitsIn).toBe(length + 1);
  }
});

test("limits", () => {
  const bytes = encode(new OpBuilder().insert("a").delete(1).insert("b").finish());
  expect(outcome(bytes, { bytesMax: bytes.length, compsMax: 3 })).toBe("ok");
  const bytesMax = bytes.length;
  expect(outcome(bytes, { bytesMax: bytesMax - 1, compsMax: 3 })).toBe("too-large");
  expect(outcome(bytes, { bytesMax, compsMax: 2 })).toBe("too-large");
  // What is above a limit is told which.
  expect(() => decode(bytes, { bytesMax: bytesMax - 1, compsMax: 3 })).toThrow(`an op is at most ${bytesMax - 1} bytes`);
  expect(() => decode(bytes, { bytesMax, compsMax: 2 })).toThrow("an op has at most 2 components");
  const most = "at most 2147483648 units";
  expect(() => new OpBuilder().retain(1).delete(2 ** 31)).toThrow(`an op covers ${most}`);
  const [version, ...long] = encode(new OpBuilder().delete(2 ** 31).finish());
  const insert = encode(new OpBuilder().insert("a").finish()).subarray(1);
  expect(() => decode(Uint8Array.of(version!, ...long, ...insert, ...long))).toThrow(`an op covers ${most}`);
});

test("every op cut short is refused", () => {
  const bytes = encode(new OpBuilder().retain(300).insert("💩é").embed('{"a":1}').finish());
  for (let size = 0; size < bytes.length; size++) {
    // At a border of components the rest is an op, but a retain may not be the last.
    const cut = outcome(bytes.subarray(0, size));
    expect(["bad-form", "bad-utf8", "not-normal", "ok"]).toContain(cut);
    expect(cut === "ok").toBe(size === 1 || size === 10);
  }
});

test("damaged bytes are refused, or are the one form of another op", () => {
  const random = new Random(SEED);
  let accepted = 0;
  for (let i = 0; i < 20_000 * SWEEP; i++) {
    const op = randomOp(random, randomDocument(random, random.below(12), SMALL), SMALL);
    const bytes = damaged(random, encode(op));
    if (outcome(bytes) !== "ok") continue;
    expect(Buffer.compare(encode(decode(bytes)), bytes), Buffer.from(bytes).toString("hex")).toBe(0);
    accepted++;
  }
  expect(accepted).toBeGreaterThan(1000);
});

test("values that nest deeply are refused, however deep", () => {
  const nested = (depth: number) => `{"a":${"[".repeat(depth)}${"]".repeat(depth)}}`;
  const embed = (json: string) => encode(new OpBuilder().embed(json).finish());
  expect(outcome(embed(nested(63)))).toBe("ok");
  expect(outcome(embed(nested(64)))).toBe("bad-embed");
  expect(outcome(embed(nested(1_000_000)))).toBe("bad-embed");
  const ring: unknown[] = [];
  ring.push(ring);
  expect(() => fromDelta([{ insert: { ring } }])).toThrow(/nests deeper/);
});
