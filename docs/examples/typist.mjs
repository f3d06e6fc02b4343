// Types what it reads, key by key at random places of a document, and prints the text when all of it is
// saved and standard input has ended.
//
//   node typist.mjs ws://127.0.0.1:8080/ DOCUMENT < words
import { MinimalClient } from "./minimal-client.mjs";

// Before version 22 Node has none of its own.
const WebSocket = globalThis.WebSocket ?? (await import("ws")).WebSocket;
const [url, doc] = process.argv.slice(2);
let wake = () => {};
const client = new MinimalClient(WebSocket, url, doc, () => wake());
const until = async (holds) => { while (!holds()) await new Promise((resolve) => (wake = resolve)); };
await until(() => client.live);
for await (const words of process.stdin)
  for (const key of words.toString()) {
    const at = Math.floor(Math.random() * client.plain.length);
    if (/[\udc00-\udfff]/.test(client.plain[at])) continue; // not into a surrogate pair
    client.edit(at ? [{ retain: at }, { insert: key }] : [{ insert: key }]);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
await until(() => client.saved);
process.stdout.write(client.plain);
client.close();
