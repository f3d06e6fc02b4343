/**
 * Others do not write with Quill: a client of the SDK sends what Quill would never make (block formats
 * on letters, two kinds of paragraph at once, unknown formats and embeds, carriage returns), while a
 * person types. The editor stays in step; what it does not know stays in the document.
 */
import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import { connect } from "@weft/client";
import { WebSocket } from "ws";
import { launch, noErrors, Person, rng, SEED, shut, stored, together } from "./lib.mjs";

let client;
before(async () => {
  await launch();
  client = connect({ urls: process.env.WEFT_URL, storage: "memory", WebSocket });
});
after(async () => {
  await shut();
  await client.close();
});
afterEach(noErrors);

const ROUNDS = process.env.WEFT_TEST === "long" ? 1500 : 200;

const FORMATS = [
  ["bold", [true, null]],
  ["italic", [true, null]],
  ["header", [1, 2, null]],
  ["list", ["bullet", "ordered", "checked", null]],
  ["blockquote", [true, null]],
  ["code-block", [true, "plain", null]],
  ["indent", [1, 3, null]],
  ["align", ["center", null]],
  ["link", ["https://example.com/", null]],
  ["color", ["#ff0000", null]],
  ["comment-id", ["c1", null]],
  ["embed", [true, null]],
  ["image", [true, null]],
];

const PICTURE =
  "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
const INSERTS = ["a", "word ", "two\nlines", "\n", "\r\n", "é", "😁", "\t", { image: PICTURE }, { mention: { id: 7 } }, { cursor: 1 }];

function randomOp(doc, random) {
  const op = [];
  const units = doc.length - 1;
  const at = random(units + 1);
  if (at) op.push({ retain: at });
  const some = (n) => Math.min(1 + random(n), units - at);
  const [name, values] = FORMATS[random(FORMATS.length)];
  const value = values[random(values.length)];
  switch (random(4)) {
    case 0:
      if (some(8)) op.push({ delete: some(8) });
      break;
    case 1:
      op.push({ retain: units - at ? some(20) : 1, attributes: { [name]: value } });
      break;
    default: {
      const insert = INSERTS[random(INSERTS.length)];
      op.push(value === null || random(2) ? { insert } : { insert, attributes: { [name]: value } });
    }
  }
  return op;
}

test("a client that is no editor writes at random beside a person", async (t) => {
  t.diagnostic(`WEFT_SEED=${SEED}`);
  const random = rng();
  const ada = await Person.make("Ada");
  const id = await ada.begin();
  await ada.saved();
  const doc = client.open(id);
  await doc.ready;
  await ada.text.click();
  const typing = (async () => {
    for (let i = 0; i < ROUNDS / 10; i++) {
      await ada.page.keyboard.type(["ada ", "x", "écrit "][random(3)]);
      if (random(4) === 0) await ada.page.keyboard.press(["Enter", "Backspace", "Control+b", "Control+z"][random(4)]);
      if (random(6) === 0) await ada.page.keyboard.press(["Control+Home", "ArrowUp", "End"][random(3)]);
    }
  })();
  for (let i = 0; i < ROUNDS; i++) {
    // Cuts a pair now and then, which the SDK refuses or mends: either is fine.
    try {
      doc.submit(randomOp(doc, random));
    } catch (error) {
      assert.match(error.code, /^(bad-delta|cuts-pair)$/);
    }
    if (i % 5 === 0) await new Promise((resolve) => setTimeout(resolve, 20));
  }
  await typing;
  await doc.saved();
  // The editor may mend the document once more after the last op.
  let contents;
  const end = Date.now() + 20_000;
  do {
    contents = await together(ada);
    await doc.saved();
  } while (JSON.stringify(contents) !== JSON.stringify(doc.contents()) && Date.now() < end);
  assert.deepEqual(doc.contents(), contents);
  t.diagnostic(`${doc.length} units, ${doc.revision} revisions`);
  await stored(id, contents);
  await doc.close();
  await ada.close();
});

test("two kinds of paragraph at once: all editors show the same one, and the document says so", async () => {
  const ada = await Person.make("Ada");
  const id = await ada.begin();
  const ben = await Person.make("Ben");
  await ben.open(id);
  await ada.text.click();
  await ada.page.keyboard.type("A line");
  await together(ada, ben);
  for (const person of [ada, ben]) await person.page.getByRole("switch").click();
  await ada.text.click();
  await ada.page.getByRole("combobox", { name: "Kind of paragraph" }).selectOption("Heading 1");
  await ben.text.click();
  await ben.page.getByRole("button", { name: "Bulleted list" }).click();
  for (const person of [ada, ben]) await person.page.getByRole("switch").click();
  const contents = await together(ada, ben);
  const kinds = Object.keys(contents.at(-1).attributes ?? {});
  assert.ok(kinds.length <= 1, kinds.join());
  await stored(id, contents);
  await ada.close();
  await ben.close();
});

test("what the editor does not know stays in the document", async () => {
  const ada = await Person.make("Ada");
  const id = await ada.begin();
  await ada.saved();
  const doc = client.open(id);
  await doc.ready;
  doc.submit([
    { insert: "kept ", attributes: { color: "#ff0000", bold: true } },
    { insert: { mention: { id: 7 } } },
    { insert: "\r\n" },
  ]);
  await doc.saved();
  await ada.text.locator(".weft-unknown").waitFor();
  await ada.text.click();
  await ada.page.keyboard.press("Control+End");
  await ada.page.keyboard.type("more");
  const contents = await together(ada);
  assert.deepEqual(contents, [
    { insert: "kept ", attributes: { bold: true, color: "#ff0000" } },
    { insert: { mention: { id: 7 } } },
    { insert: "\r\nmore\n" },
  ]);
  await doc.close();
  await ada.close();
});
