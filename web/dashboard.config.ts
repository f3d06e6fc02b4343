import { fileURLToPath } from "node:url";
import { defineConfig, type Plugin } from "vite";

/**
 * The dashboard of the admin ports is one document, which every process has in memory: what Vite makes of
 * script and styles goes into it. Where it is put decides who builds: `vite build -c dashboard.config.ts
 * --outDir DIR`.
 */
function alone(): Plugin {
  return {
    name: "alone",
    apply: "build",
    enforce: "post",
    generateBundle(_options, bundle) {
      const page = bundle["index.html"];
      if (page?.type !== "asset") throw new Error("there is no index.html");
      let html = String(page.source);
      for (const [name, file] of Object.entries(bundle)) {
        if (file === page) continue;
        const [text, made] = file.type === "chunk"
          // A module waits for the document; what stands in it must not end it.
          ? [`<script type="module">${file.code.replaceAll("</script", "<\\/script")}</script>`, /<script [^>]*src="[^"]*"[^>]*><\/script>/]
          : [`<style>${String(file.source)}</style>`, /<link [^>]*stylesheet[^>]*>/];
        if (!made.test(html)) throw new Error(`nothing asks for ${name}`);
        html = html.replace(made, () => text);
        delete bundle[name];
      }
      page.source = html;
    },
  };
}

export default defineConfig({
  root: fileURLToPath(new URL("dashboard", import.meta.url)),
  base: "./",
  plugins: [alone()],
  build: { target: "es2022", emptyOutDir: true, modulePreload: false, cssCodeSplit: false },
});
