/** The programs of docs/sdk.md do what it says. */
import { execFile } from "node:child_process";
import * as fs from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, describe, expect, test } from "vitest";

import { newDocId } from "../../src/index.ts";
import { client, closeAll, URL as SERVER } from "./help.ts";

const root = new URL("../../../../", import.meta.url).pathname;
const run = promisify(execFile);

afterEach(closeAll);

async function block(marker: string): Promise<string> {
  const page = await fs.readFile(`${root}docs/sdk.md`, "utf8");
  const blocks = [...page.matchAll(/^```js\n([^]*?)^```/gm)].map((match) => match[1]!);
  return blocks.find((code) => code.includes(marker))!;
}

describe.skipIf(!SERVER)("docs/sdk.md", () => {
  test("the program for Node: a line written offline arrives at the next start, once", async () => {
    const folder = await fs.mkdtemp(join(tmpdir(), "weft-docs-")), id = newDocId();
    await fs.symlink(`${root}node_modules`, join(folder, "node_modules"));
    await fs.writeFile(join(folder, "program.mjs"), await block("fileStorage("));
    const start = async (url: string, line: string) =>
      (await run("node", ["program.mjs", url, id, line], { cwd: folder })).stdout;
    expect(await start("ws://127.0.0.1:9/", "one")).toBe('offline: "one\\n\\n"\n');
    expect(await start(SERVER, "two")).toBe('saved: "one\\ntwo\\n\\n"\n');
    const doc = client().open(id);
    await doc.ready;
    expect(doc.text()).toBe("one\ntwo\n\n");
    await fs.rm(folder, { recursive: true });
  });
});
