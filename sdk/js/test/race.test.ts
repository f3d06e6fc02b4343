/** Several real processes want one file, and die while they have it. */
import { spawn } from "node:child_process";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { fileStorage } from "../src/store/file.ts";

const PROCESSES = 5;
const TURNS = 12;

/**
 * Each takes the document so many times and adds one to the number in it. `inside` can be made by one at
 * a time: who finds it there is not alone. The last turn ends by SIGKILL, with the lock in place.
 */
const program = (folder: string): string => `
  import * as fs from "node:fs/promises";
  import { fileStorage } from ${JSON.stringify(new URL("../dist/node.js", import.meta.url).href)};
  const folder = ${JSON.stringify(folder)}, inside = folder + "/inside";
  const summary = { id: "d", title: "", at: 1, unsaved: false, drafts: 0 };
  for (let turns = ${TURNS}; turns > 0; ) {
    const doc = await fileStorage(folder).doc("d").catch((error) => {
      if (error.code !== "ELOCKED") throw error;
    });
    if (!doc) {
      await new Promise((resolve) => setTimeout(resolve, 1));
      continue;
    }
    await (await fs.open(inside, "wx")).close();
    const found = await doc.load();
    const count = found ? found.checkpoint[0] + found.journal.length : 0;
    if (turns % 3) await doc.replace(Uint8Array.of(count + 1), summary);
    else await doc.append([Uint8Array.of(1)], summary);
    await fs.rm(inside);
    if (--turns === 0) process.kill(process.pid, "SIGKILL");
    await doc.close();
  }`;

function run(folder: string): Promise<string> {
  const child = spawn("node", ["--input-type=module", "--eval", program(folder)], { stdio: "inherit" });
  return new Promise((resolve) => child.once("close", (code, signal) => resolve(signal ?? `exit ${code}`)));
}

test("each has the file alone, also those that take it from a dead one", async () => {
  const folder = await mkdtemp(join(tmpdir(), "weft-race-"));
  const storage = fileStorage(folder);
  const begun = await storage.doc("d");
  await begun.replace(Uint8Array.of(0), { id: "d", title: "", at: 1, unsaved: false, drafts: 0 });
  await begun.close();
  const ends = await Promise.all(Array.from({ length: PROCESSES }, () => run(folder)));
  expect(ends).toEqual(ends.map(() => "SIGKILL"));
  const doc = await storage.doc("d");
  const { checkpoint, journal } = (await doc.load())!;
  expect(checkpoint![0]! + journal.length).toBe(PROCESSES * TURNS);
  await doc.close();
  expect((await readdir(folder)).filter((name) => name.includes(".lock"))).toEqual([]);
  await rm(folder, { recursive: true });
});
