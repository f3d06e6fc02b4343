import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, describe, expect, test } from "vitest";

import { newDocId } from "../../src/index.ts";
import { rng, SEED } from "../rng.ts";
import { client, closeAll, together, URL as SERVER } from "./help.ts";

/** Of tests/system/with-stack: whose processes may be killed. */
const FOLDER = process.env["WEFT_DIR"] ?? "";
const root = new URL("../../../../", import.meta.url).pathname;

afterEach(closeAll);

function kill(name: string): void {
  process.kill(Number(readFileSync(join(FOLDER, "pids", name), "utf8").split(" ")[0]), "SIGKILL");
}

async function startAgain(name: string): Promise<void> {
  await promisify(execFile)(`${root}scripts/run-service`, ["--dir", FOLDER, name]);
}

describe.skipIf(!SERVER || !FOLDER)("with real servers", () => {
  test(`gateways and workers are killed while four type: nothing missing, nothing doubled (WEFT_SEED=${SEED})`, async () => {
    const random = rng(SEED), id = newDocId();
    const docs = Array.from({ length: 4 }, () => client().open(id, { create: { kind: "rich" } }));
    await Promise.all(docs.map((doc) => doc.ready));
    let typed = 0;
    const typing = async (rounds: number): Promise<void> => {
      for (let i = 0; i < rounds; i++) {
        const doc = docs[Math.floor(random() * 4)]!;
        const at = Math.floor(random() * doc.length);
        const insert = { insert: String.fromCodePoint(0x4e00 + typed++) };
        doc.submit(at > 0 ? [{ retain: at }, insert] : [insert]);
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
    };
    for (const victim of ["worker-1", "gateway-1", "worker-2", "gateway-2"]) {
      await typing(100);
      kill(victim);
      await typing(100);
      await Promise.all([startAgain(victim), typing(50)]);
    }
    await together(...docs);
    const text = docs[0]!.text();
    expect([...text].sort().join("")).toBe(
      "\n" + Array.from({ length: typed }, (_, i) => String.fromCodePoint(0x4e00 + i)).join(""),
    );
    for (const doc of docs) expect(doc.drafts.list()).toEqual([]);
  });
});
