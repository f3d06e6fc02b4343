import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { defineConfig, type Plugin } from "vite";

const out = fileURLToPath(new URL("../build/web", import.meta.url));

/** The gateway packs nothing itself: each file that is worth it gets a packed one beside it. */
function packed(): Plugin {
  return {
    name: "packed",
    apply: "build",
    closeBundle() {
      for (const name of readdirSync(out, { recursive: true, encoding: "utf8" })) {
        if (!/\.(html|js|css|svg|json|webmanifest)$/.test(name)) continue;
        const bytes = readFileSync(join(out, name));
        const small = gzipSync(bytes, { level: 9 });
        if (small.length < bytes.length * 0.9) writeFileSync(join(out, `${name}.gz`), small);
      }
    },
  };
}

/** Tells the service worker which files the page has: what it keeps for when there is no network. */
function files(): Plugin {
  return {
    name: "files",
    apply: "build",
    generateBundle(_options, bundle) {
      const worker = bundle["sw.js"];
      if (worker?.type !== "chunk") throw new Error("there is no sw.js");
      const names = Object.keys(bundle).filter((name) => name.startsWith("assets/"));
      // Fonts of scripts that a text does not use are fetched when it does.
      const kept = names.filter((name) => !/woff2$/.test(name) || /-latin-(wght|opsz)/.test(name));
      const list = ["/", "/icon.svg", ...kept.map((name) => `/${name}`)];
      worker.code = worker.code.replace(/\[\s*"__FILES__"\s*\]/, JSON.stringify(list));
    },
  };
}

export default defineConfig({
  plugins: [files(), packed()],
  // WebSockets at / are the gateway's (Vite's own say more in their address); the page there is Vite's.
  server: {
    proxy: {
      "^/$": {
        target: "ws://127.0.0.1:8080",
        ws: true,
        bypass: (request, response) => (response ? request.url : undefined),
      },
    },
  },
  build: {
    outDir: out,
    emptyOutDir: true,
    target: "es2022",
    // A data: URL in place of a small file would need a looser Content-Security-Policy.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rollupOptions: {
      input: { index: "index.html", sw: "src/sw.ts" },
      output: {
        entryFileNames: ({ name }) => (name === "sw" ? "sw.js" : "assets/[name]-[hash].js"),
      },
    },
  },
});
