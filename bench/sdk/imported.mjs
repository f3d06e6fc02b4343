/** A module of the tree that is written in TypeScript, bundled for this Node; packages stay outside. */
import { mkdtemp, rm } from "node:fs/promises";
import { build } from "esbuild";

export const root = new URL("../..", import.meta.url).pathname;

export async function imported(path) {
  // Within the tree, where the packages are found.
  const folder = await mkdtemp(`${root}node_modules/.weft-bench-`);
  try {
    await build({
      absWorkingDir: root,
      entryPoints: [path],
      outfile: `${folder}/module.mjs`,
      bundle: true,
      format: "esm",
      platform: "node",
      packages: "external",
    });
    return await import(`${folder}/module.mjs`);
  } finally {
    await rm(folder, { recursive: true });
  }
}
