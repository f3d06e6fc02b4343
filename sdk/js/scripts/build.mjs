// Bundles the SDK as ES modules for browsers and Node: dist/index.js, dist/node.js. The protobuf
// runtime is bundled, so that a page can import one file; types come from tsc.
import { rm } from "node:fs/promises";
import { build } from "esbuild";

const here = new URL("..", import.meta.url).pathname;
await rm(`${here}dist`, { recursive: true, force: true });
await build({
  absWorkingDir: here,
  entryPoints: ["src/index.ts", "src/node.ts"],
  outdir: "dist",
  bundle: true,
  splitting: true,
  minify: true,
  format: "esm",
  target: "es2022",
  platform: "neutral",
  external: ["node:*"],
  mainFields: ["module", "main"],
  sourcemap: true,
});
