import { spawn } from "node:child_process";
import * as fs from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";

import type { Storage } from "../src/api.ts";
import { fileStorage } from "../src/store/file.ts";
import { reasonOf } from "../src/store/reason.ts";

let folder: string, storage: Storage;
const summary = { id: "d", title: "T", at: 1, unsaved: false, drafts: 0 };
const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);

beforeEach(async () => {
  folder = await fs.mkdtemp(join(tmpdir(), "weft-file-"));
  storage = fileStorage(folder);
});
afterEach(() => fs.rm(folder, { recursive: true }));

async function file(): Promise<string> {
  return join(folder, (await fs.readdir(folder)).find((name) => name.endsWith(".weft"))!);
}

test("a checkpoint and the items behind it come back", async () => {
  const doc = await storage.doc("d");
  expect(await doc.load()).toBeNull();
  await doc.replace(bytes(1, 2), summary);
  await doc.append([bytes(3), bytes()], summary);
  await doc.append([bytes(4)], { ...summary, unsaved: true });
  await doc.close();
  const again = await storage.doc("d");
  expect(await again.load()).toEqual({ checkpoint: bytes(1, 2), journal: [bytes(3), bytes(), bytes(4)] });
  await again.replace(bytes(9), summary);
  await again.append([bytes(8)], summary);
  await again.close();
  const third = await storage.doc("d");
  expect(await third.load()).toEqual({ checkpoint: bytes(9), journal: [bytes(8)] });
  await third.close();
});

test("a file that breaks off anywhere ends before the broken record, and goes on from there", async () => {
  const doc = await storage.doc("d");
  await doc.replace(bytes(1), summary);
  const whole = (await fs.stat(await file())).size;
  await doc.append([bytes(2, 2, 2, 2)], { ...summary, title: "U" });
  await doc.close();
  const full = await fs.readFile(await file());
  for (let size = whole; size < full.length; size++) {
    await fs.writeFile(await file(), full.subarray(0, size));
    const broken = await storage.doc("d");
    const journal = size >= whole + 8 + 5 ? [bytes(2, 2, 2, 2)] : [];
    expect(await broken.load()).toEqual({ checkpoint: bytes(1), journal });
    await broken.append([bytes(7)], summary);
    await broken.close();
    const mended = await storage.doc("d");
    expect((await mended.load())!.journal).toEqual([...journal, bytes(7)]);
    await mended.close();
  }
});

test("a damaged last record does not count", async () => {
  const doc = await storage.doc("d");
  await doc.replace(bytes(1), summary);
  await doc.append([bytes(5)], summary);
  await doc.close();
  const content = await fs.readFile(await file());
  content[content.length - 1]! ^= 1;
  await fs.writeFile(await file(), content);
  const again = await storage.doc("d");
  expect((await again.load())!.checkpoint).toEqual(bytes(1));
  await again.close();
});

test("one has a document at a time; a process that is gone has none", async () => {
  const doc = await storage.doc("d");
  const refused = await storage.doc("d").catch((error: unknown) => error);
  expect(reasonOf(refused)).toBe("taken");
  await doc.replace(bytes(1), summary);
  await doc.close();
  await fs.writeFile(`${await file()}.lock`, "4194305"); // above the greatest process id of Linux
  await (await storage.doc("d")).close();
  await fs.writeFile(`${await file()}.lock`, String(process.pid)); // as after a container's restart
  await (await storage.doc("d")).close();
});

test("a lock of a process that was killed counts no more, though another has its id", async () => {
  const doc = await storage.doc("d");
  await doc.replace(bytes(1), summary);
  await doc.close();
  const path = `${await file()}.lock`;
  const program = `import { fileStorage } from ${JSON.stringify(new URL("../dist/node.js", import.meta.url).href)};
    await fileStorage(${JSON.stringify(folder)}).doc("d"); console.log("taken"); setInterval(() => {}, 1000);`;
  const child = spawn("node", ["--input-type=module", "--eval", program], { stdio: ["ignore", "pipe", "inherit"] });
  await new Promise((resolve) => child.stdout.once("data", resolve));
  const owner = await fs.readFile(path, "utf8");
  expect(owner).toMatch(new RegExp(`^${child.pid} `));
  await expect(storage.doc("d")).rejects.toMatchObject({ code: "ELOCKED" });
  child.kill("SIGKILL");
  await new Promise((resolve) => child.once("close", resolve));
  // This test's parent has another start than the one that is dead.
  await fs.writeFile(path, owner.replace(/^\d+/, String(process.ppid)));
  const next = await storage.doc("d");
  await expect(storage.doc("d")).rejects.toMatchObject({ code: "ELOCKED" });
  await next.close();
  expect((await fs.readdir(folder)).filter((name) => name.includes(".lock"))).toEqual([]);
});

test("of many that want a dead one's document, one gets it", async () => {
  const doc = await storage.doc("d");
  await doc.replace(bytes(1), summary);
  await doc.close();
  await fs.writeFile(`${await file()}.lock`, "4194305 x:1");
  const tried = await Promise.allSettled(Array.from({ length: 20 }, () => storage.doc("d")));
  const got = tried.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
  expect(got.length).toBe(1);
  await got[0]!.close();
});

test("documents are listed, newest first, and can be removed", async () => {
  for (const [id, at] of [["a", 1], ["../b/ü", 3], ["c", 2]] as const) {
    const doc = await storage.doc(id);
    await doc.replace(bytes(1), { ...summary, id, at });
    await doc.close();
  }
  expect((await storage.list()).map(({ id }) => id)).toEqual(["../b/ü", "c", "a"]);
  await storage.remove("c");
  expect((await storage.list()).map(({ id }) => id)).toEqual(["../b/ü", "a"]);
  expect((await fs.readdir(folder)).filter((name) => name.endsWith(".lock"))).toEqual([]);
});

test("what went wrong has a word", () => {
  expect(reasonOf(Object.assign(new Error(), { code: "ENOSPC" }))).toBe("full");
  expect(reasonOf(Object.assign(new Error(), { code: "EACCES" }))).toBe("denied");
  expect(reasonOf(Object.assign(new Error(), { name: "QuotaExceededError" }))).toBe("full");
  expect(reasonOf(null)).toBe("failed");
});
