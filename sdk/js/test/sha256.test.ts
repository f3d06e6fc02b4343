import { createHash, randomBytes } from "node:crypto";
import { expect, test } from "vitest";

import { hex } from "../src/core/bytes.ts";
import { authorOf, mintSession } from "../src/core/session.ts";
import { sha256 } from "../src/core/sha256.ts";

test("SHA-256 is Node's for every length around its blocks", () => {
  for (let size = 0; size < 300; size++) {
    const message = randomBytes(size);
    expect(hex(sha256(message))).toBe(createHash("sha256").update(message).digest("hex"));
  }
});

test("a session begins with its time, and an author is a digest of document and session", () => {
  const session = mintSession(0x019ab5a3c000, new Uint8Array(10).fill(7));
  expect(hex(session)).toBe("019ab5a3c000" + "07".repeat(10));
  const digest = createHash("sha256").update("quarterly-report").update(session).digest("hex");
  expect(hex(authorOf("quarterly-report", session))).toBe(digest.slice(0, 16));
});
