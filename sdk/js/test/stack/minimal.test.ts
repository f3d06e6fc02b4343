import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { afterEach, describe, expect, test } from "vitest";

import { newDocId } from "../../src/index.ts";
import { client, closeAll, together, until, URL as SERVER } from "./help.ts";

const examples = new URL("../../../../docs/examples/", import.meta.url).pathname;

afterEach(closeAll);

test("the minimal client is under 200 lines", () => {
  expect(readFileSync(`${examples}minimal-client.mjs`, "utf8").split("\n").length - 1).toBeLessThan(200);
});

describe.skipIf(!SERVER)("with real servers", () => {
  test("the minimal client and two of the SDK type at the same time, and see the same", async () => {
    const id = newDocId();
    const docs = [client().open(id, { create: { kind: "rich" } }), client().open(id, { create: { kind: "rich" } })];
    await Promise.all(docs.map((doc) => doc.ready));
    const typist = spawn("node", [`${examples}typist.mjs`, SERVER, id], { stdio: ["pipe", "pipe", "inherit"] });
    let printed = "";
    typist.stdout.on("data", (data: Buffer) => (printed += data.toString()));
    const ended = new Promise<number | null>((resolve) => typist.on("close", resolve));
    const theirs = "ABCDEFGHIJKLMNOPQRSTUVWXYZ".repeat(8);
    typist.stdin.write(theirs.slice(0, -1));
    await until(() => /[A-Z]/.test(docs[0]!.text()), docs[0]!);
    for (let i = 0; i < 200; i++) {
      const doc = docs[i % 2]!;
      const at = Math.floor(Math.random() * doc.length);
      doc.submit(i % 5 || at === 0 ? [{ insert: "ab"[i % 2]! }] : [{ retain: at, attributes: { bold: true } }, { insert: "c" }]);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    await Promise.all(docs.map((doc) => doc.saved()));
    // Its last key comes after all of ours, so it has seen everything when it prints.
    await together(...docs);
    typist.stdin.end(theirs.slice(-1));
    expect(await ended).toBe(0);
    await until(() => docs.every((doc) => doc.text() === printed), ...docs);
    const count = (pattern: RegExp) => printed.match(pattern)!.length;
    expect([count(/[A-Z]/g), count(/[a-c]/g)]).toEqual([theirs.length, 200]);
  });
});
