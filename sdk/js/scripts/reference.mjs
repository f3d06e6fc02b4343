// Makes docs/sdk-reference.md from src/api.ts: its sections, each with the types as they stand there.
//   node scripts/reference.mjs [FILE]
import { readFileSync, writeFileSync } from "node:fs";

const here = new URL("..", import.meta.url).pathname;
const source = readFileSync(`${here}src/api.ts`, "utf8");

// The comment at the head of the file is for those who change it.
const [first, ...sections] = source.slice(source.indexOf("*/") + 2).split(/^\/\/ --- (?=\w)/m);
const fence = (code) => "```ts\n" + code.trim().replace(/^export /gm, "") + "\n```\n";

let page = `<!-- Made by "npm run reference --workspace sdk/js" from sdk/js/src/api.ts: edits here are lost. -->

# Reference of @weft/client

[sdk.md](sdk.md) shows how it is used. The package exports these types, and

\`\`\`ts
function connect(options: ConnectOptions): Client;
/** An id that nobody else has made and nobody can guess: to know it is the permission. */
function newDocId(): string;
/** What is thrown, and what \`error\` members hold. */
class WeftError extends Error implements WeftErrorInfo {}
\`\`\`

\`@weft/client/node\` exports

\`\`\`ts
/** Keeps documents in a folder, which is made if it is missing. One process at a time has a document. */
function fileStorage(folder: string): Storage;
\`\`\`

## Deltas

${fence(first)}`;
for (const section of sections) {
  const [, name, body] = section.match(/^(\w+) -*\n([^]*)$/);
  page += `\n## ${name[0].toUpperCase()}${name.slice(1)}\n\n${fence(body)}`;
}
writeFileSync(process.argv[2] ?? `${here}../../docs/sdk-reference.md`, page);
