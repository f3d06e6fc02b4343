/**
 * The shared vectors (tests/vectors/README.md), which the C library reads too: every case is a request
 * to `answer`, its answer, and the binary forms of its ops.
 */
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import type { Delta } from "../../src/api.ts";
import { decode, encode, fromDelta, sameOp } from "../../src/ot/index.ts";
import { type Answer, answer, fromHex, type Request, toHex } from "./answer.ts";

interface Case extends Request {
  name: string;
  answer: Answer;
  hex_of?: Record<string, string>;
}

const folder = new URL("../../../../tests/vectors/", import.meta.url);
const files = readdirSync(folder).filter((file) => file.endsWith(".json"));
const casesOf = (file: string) =>
  (JSON.parse(readFileSync(new URL(file, folder), "utf8")) as { cases: Case[] }).cases;

test("the files are there", () => {
  expect(files.length).toBeGreaterThanOrEqual(8);
});

describe.each(files)("%s", (file) => {
  test.each(casesOf(file))("$name", (vector) => {
    expect(answer(vector)).toEqual(vector.answer);
    for (const [member, hex] of Object.entries(vector.hex_of ?? {})) {
      const delta = (vector[member as keyof Request] ??
        vector.answer[member as keyof Answer]) as Delta;
      const op = fromDelta(delta);
      expect(toHex(encode(op))).toBe(hex);
      expect(sameOp(decode(fromHex(hex)), op)).toBe(true);
    }
  });
});
