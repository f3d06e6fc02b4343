import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";

const here = new URL("..", import.meta.url).pathname;

/** What a page pays for the SDK, its protobuf runtime included. */
const GZIP_BYTES_MAX = 35 * 1024;

test("the bundle is under 35 KB gzip, and needs nothing else", () => {
  const bundle = readFileSync(`${here}dist/index.js`);
  const size = gzipSync(bundle, { level: 9 }).length;
  console.log(`dist/index.js: ${size} bytes gzip`);
  expect(size).toBeLessThan(GZIP_BYTES_MAX);
  expect(/(^|[;}\n])\s*import\s*["{*]/.test(bundle.toString())).toBe(false);
});

test("the reference is what the types say", () => {
  const out = mkdtempSync(join(tmpdir(), "weft-reference-"));
  execFileSync("node", [`${here}scripts/reference.mjs`, join(out, "page.md")]);
  expect(readFileSync(join(out, "page.md"), "utf8")).toBe(
    readFileSync(`${here}../../docs/sdk-reference.md`, "utf8"),
  );
  rmSync(out, { recursive: true });
});

const protoc = (process.env["PATH"] ?? "").split(":").some((dir) => existsSync(join(dir, "protoc")));

test.skipIf(!protoc)("the generated code is what the protocol's files make", () => {
  const out = mkdtempSync(join(tmpdir(), "weft-gen-"));
  execFileSync("node", [`${here}scripts/generate.mjs`, out]);
  const names = readdirSync(out).sort();
  expect(names).toEqual(readdirSync(`${here}src/wire/gen`).sort());
  for (const name of names)
    expect(readFileSync(join(out, name), "utf8"), name).toBe(readFileSync(`${here}src/wire/gen/${name}`, "utf8"));
  rmSync(out, { recursive: true });
});
