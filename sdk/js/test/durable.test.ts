/** What a loss of power leaves: a name stands in a folder only once the folder was flushed. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { expect, test, vi } from "vitest";

const steps: string[] = [];

vi.mock("node:fs/promises", async (original) => {
  const fs = await original<typeof import("node:fs/promises")>();
  return {
    ...fs,
    rename: async (from: string, to: string) => {
      await fs.rename(from, to);
      steps.push(`rename to ${basename(to)}`);
    },
    open: async (path: string, flags: string) => {
      const file = await fs.open(path, flags);
      const sync = file.sync.bind(file);
      file.sync = async () => {
        await sync();
        steps.push(`flush ${basename(path)}`);
      };
      return file;
    },
  };
});
const { fileStorage } = await import("../src/store/file.ts");

test("new folders and a file's new content have their names flushed, in this order", async () => {
  const parent = await mkdtemp(join(tmpdir(), "weft-durable-"));
  const summary = { id: "d", title: "T", at: 1, unsaved: false, drafts: 0 };
  const doc = await fileStorage(join(parent, "one", "two")).doc("d");
  expect(steps.splice(0)).toEqual(["flush one", `flush ${basename(parent)}`]);
  for (let i = 0; i < 2; i++) {
    await doc.replace(Uint8Array.of(i), summary);
    expect(steps.splice(0)).toEqual(["flush ZA.weft.new", "rename to ZA.weft", "flush two"]);
  }
  await doc.close();
  await rm(parent, { recursive: true });
});
