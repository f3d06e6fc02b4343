/** Serves page/editors.mjs, bundled with the packages as they are built, at an origin of its own. */
import { createServer } from "node:http";
import { build } from "esbuild";
import { root } from "./lib.mjs";

const HTML = `<!doctype html><html lang="en"><meta charset="utf-8"><title>Editors</title>
<link rel="stylesheet" href="/editors.css"><div id="editor"></div><script type="module" src="/editors.js"></script>`;

export async function site() {
  const { outputFiles } = await build({
    stdin: {
      contents: 'import "quill/dist/quill.core.css"; import "./editors.mjs";',
      resolveDir: `${root}tests/browser/page`,
    },
    outfile: "editors.js",
    bundle: true,
    format: "esm",
    target: "es2022",
    write: false,
  });
  const files = new Map(outputFiles.map(({ path, contents }) => [path.replace(/.*\//, "/"), contents]));
  const types = { js: "text/javascript", css: "text/css" };
  const server = createServer(({ url }, response) => {
    const [, ending] = url.split(".");
    response.setHeader("content-type", types[ending] ?? "text/html");
    if (url === "/favicon.ico") response.statusCode = 204;
    response.end(url === "/" ? HTML : files.get(url));
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { origin: `http://127.0.0.1:${server.address().port}/`, close: () => server.close() };
}

/** A person's page there; `start` (page/editors.mjs) is called in it. */
export async function visit(person, origin) {
  await person.page.goto(origin);
  await person.page.waitForFunction(() => globalThis.start);
}
