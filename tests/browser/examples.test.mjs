/**
 * The examples that stand beside the bindings, as somebody who has copied one runs it: built by Vite,
 * opened twice, written in by both at once; in the one of Quill the minimal client writes as well.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, test } from "node:test";
import { build, preview } from "vite";
import { newDocId } from "@weft/client";
import { launch, noErrors, Person, root, shut, weftctl } from "./lib.mjs";

before(launch);
after(shut);
afterEach(noErrors);

const KEYS = 60;

/** Serves an example as it is built; resolves with the address of a document in it. */
async function served(t, example, id) {
  const folder = join(root, "sdk", example, "example");
  const outDir = mkdtempSync(join(tmpdir(), "weft-example-"));
  const common = { root: folder, configFile: false, logLevel: "error" };
  await build({ ...common, build: { outDir, target: "es2022", emptyOutDir: true } });
  const server = await preview({ ...common, build: { outDir }, preview: { port: 0, host: "127.0.0.1" } });
  t.after(async () => {
    await server.close();
    rmSync(outDir, { recursive: true });
  });
  const { port } = server.httpServer.address();
  return `http://127.0.0.1:${port}/?${new URLSearchParams({ gateway: process.env.WEFT_URL, doc: id })}`;
}

async function visitor(name, address, editor) {
  const person = await Person.make(name);
  await person.page.goto(`${address}&name=${name}`);
  await person.page.locator(editor).click();
  return person;
}

/** Two type at once: what each typed stands in the text once, and all see the same. */
async function writeBoth(id, people, others = []) {
  const alphabets = ["abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ"];
  const typed = people.map((_, i) => Array.from({ length: KEYS }, (__, k) => alphabets[i][k % 26]).join(""));
  await Promise.all([...people.map(({ page }, i) => page.keyboard.type(typed[i], { delay: 5 })), ...others]);
  for (const { page } of people)
    await page.locator("#state").filter({ hasText: /^saved$/ }).waitFor();
  const text = (await weftctl("get", id, "--format", "text")).replace(/\n$/, "");
  for (const [i, keys] of typed.entries()) {
    const found = [...text].filter((char) => alphabets[i].includes(char)).sort().join("");
    assert.equal(found, [...keys].sort().join(""));
  }
  return text;
}

test("sdk/quill/example, with the minimal client as a third", async (t) => {
  const id = newDocId();
  const address = await served(t, "quill", id);
  const people = [await visitor("Ada", address, ".ql-editor"), await visitor("Ben", address, ".ql-editor")];
  const digits = "0123456789".repeat(4);
  const minimal = spawn("node", [`${root}docs/examples/typist.mjs`, process.env.WEFT_URL, id], {
    stdio: ["pipe", "ignore", "inherit"],
  });
  const ended = new Promise((resolve) => minimal.on("close", resolve));
  minimal.stdin.end(digits);
  const text = await writeBoth(id, people, [ended]);
  assert.equal(await ended, 0);
  assert.equal([...text].filter((char) => char >= "0" && char <= "9").sort().join(""), [...digits].sort().join(""));
  for (const { page } of people)
    await page.waitForFunction((all) => document.querySelector(".ql-editor").innerText.replace(/\n$/, "") === all, text);
  for (const person of people) await person.close();
});

test("sdk/codemirror/example", async (t) => {
  const id = newDocId();
  const address = await served(t, "codemirror", id);
  const people = [await visitor("Ada", address, ".cm-content"), await visitor("Ben", address, ".cm-content")];
  const text = await writeBoth(id, people);
  for (const { page } of people)
    await page.waitForFunction((all) => document.querySelector(".cm-content").innerText === all, text);
  for (const person of people) await person.close();
});
