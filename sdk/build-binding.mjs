// Bundles one binding as an ES module, without the editor and the SDK, which the product brings:
//   node ../build-binding.mjs src/index.ts     (in the package's folder)
import { rm } from "node:fs/promises";
import { build } from "esbuild";

await rm("dist", { recursive: true, force: true });
await build({
  entryPoints: [process.argv[2]],
  outdir: "dist",
  bundle: true,
  packages: "external",
  format: "esm",
  target: "es2022",
  platform: "browser",
  sourcemap: true,
});
