/** For tests in Debian's Chromium: pages that have the bundle, of one origin of their own. */
import { existsSync, readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { type BrowserContext, chromium, type Page } from "playwright-core";

export const CHROMIUM = process.env["WEFT_CHROMIUM"] ?? "/usr/bin/chromium";
export const hasChromium = existsSync(CHROMIUM);

const PAGE = `<!doctype html><meta charset="utf-8"><title>SDK</title>
<script type="module">
  import * as weft from "/index.js";
  Object.assign(window, { weft, changes: [] });
  window.start = (url, id, options = {}, storage) => {
    window.client = weft.connect({ urls: url, ...(storage && { storage }) });
    window.doc = window.client.open(id, options);
    window.doc.onChange((change) => window.changes.push(change.source));
    return window.doc.ready;
  };
</script>`;

export interface Site {
  readonly origin: string;
  close(): void;
}

export async function site(): Promise<Site> {
  const dist = new URL("../../dist/", import.meta.url).pathname;
  const server: Server = createServer((request, response) => {
    const script = request.url === "/index.js";
    response.setHeader("access-control-allow-origin", "*"); // for frames without an origin
    response.setHeader("content-type", script ? "text/javascript" : "text/html");
    response.end(script ? readFileSync(`${dist}index.js`) : PAGE);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => server.close(),
  };
}

/** A browser with a profile in `folder`, so that it can be killed and started again. */
export function browser(folder: string): Promise<BrowserContext> {
  return chromium.launchPersistentContext(folder, {
    executablePath: CHROMIUM, headless: true, args: ["--no-sandbox", "--disable-gpu"],
  });
}

export async function tab(context: BrowserContext, origin: string): Promise<Page> {
  const page = await context.newPage();
  page.on("pageerror", (error) => console.error(`page: ${error.stack}`));
  await page.goto(origin);
  await page.waitForFunction("window.start");
  return page;
}

/** A value of the page's document. */
export function get<T>(page: Page, expression: string): Promise<T> {
  return page.evaluate(`window.doc.${expression}`) as Promise<T>;
}

export async function until(page: Page, expression: string): Promise<void> {
  await page.waitForFunction(expression, undefined, { timeout: 50_000, polling: 20 });
}
