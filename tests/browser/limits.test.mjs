/** What is too large, pasted, and not allowed. */
import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import { launch, noErrors, Person, shut, stored, together } from "./lib.mjs";

before(launch);
after(shut);
afterEach(noErrors);

/** Pastes as a browser does: the page's own handler gets an event with data of these types. */
function paste(person, data, files = []) {
  return person.text.evaluate(
    (node, [types, pictures]) => {
      const transfer = new DataTransfer();
      for (const [type, text] of Object.entries(types)) transfer.setData(type, text);
      for (const { name, type, size } of pictures) {
        const bytes = new Uint8Array(size);
        for (let i = 0; i < size; i += 65536) crypto.getRandomValues(bytes.subarray(i, i + 65536));
        transfer.items.add(new File([bytes], name, { type }));
      }
      node.dispatchEvent(
        new ClipboardEvent("paste", { clipboardData: transfer, bubbles: true, cancelable: true }),
      );
    },
    [data, files],
  );
}

/** A large paste waits for the sentence that announces it. */
const arrived = (person, text) =>
  person.page.waitForFunction((units) => globalThis.weft.doc.length > units, text.length);

async function pair() {
  const ada = await Person.make("Ada");
  const id = await ada.begin();
  const ben = await Person.make("Ben");
  await ben.open(id);
  await ada.text.click();
  return [ada, ben, id];
}

test("a picture over the limit is refused in a sentence, and the editor stays in step", async () => {
  const [ada, ben, id] = await pair();
  await ada.page.keyboard.type("Before ");
  await paste(ada, {}, [{ name: "large.png", type: "image/png", size: 400 << 10 }]);
  await ada.page.getByText(/That picture is too large: \d+ KB is the most\./).first().waitFor();
  assert.equal(await ada.text.locator("img").count(), 0);
  await ada.page.keyboard.type("after");
  let contents = await together(ada, ben);
  assert.deepEqual(contents, [{ insert: "Before after\n" }]);
  // Undo does not bring it back.
  await ada.page.keyboard.press("Control+z");
  await together(ada, ben);
  assert.equal(await ada.text.locator("img").count(), 0);
  await paste(ada, {}, [{ name: "small.png", type: "image/png", size: 40 << 10 }]);
  await ben.text.locator("img").waitFor({ state: "attached" });
  contents = await together(ada, ben);
  assert.equal(contents.filter((op) => op.insert.image).length, 1);
  await stored(id, contents);
  await ada.close();
  await ben.close();
});

test("a paste of 600 KB is announced, and arrives whole", async () => {
  const [ada, ben, id] = await pair();
  const line = "All work and no play makes Jack a dull boy. 😁 ";
  // In paragraphs: with an emoji in every line, one of that size takes Chromium half a minute to lay out.
  const text = Array.from({ length: 13_000 }, (_, i) => `${i} ${line}${i % 10 ? "" : "\n"}`).join("");
  await ada.page.evaluate(() => {
    globalThis.said = [];
    new MutationObserver(() => {
      const sentence = document.querySelector(".toast")?.textContent;
      const { said, weft } = globalThis;
      if (sentence && said.at(-1)?.sentence !== sentence) said.push({ sentence, before: weft.doc.length === 1 });
    }).observe(document.body, { childList: true });
  });
  await paste(ada, { "text/plain": text });
  await arrived(ada, text);
  await ada.page.getByText("Pasted.").first().waitFor({ state: "attached" });
  const announced = `Pasting ${Math.ceil(text.length / 1024)} KB…`;
  assert.deepEqual(await ada.page.evaluate(() => globalThis.said), [
    { sentence: announced, before: true },
    { sentence: "Pasted.", before: false },
  ]);
  const contents = await together(ada, ben);
  assert.equal(await ben.words(), `${text}\n`);
  await stored(id, contents);
  await ada.close();
  await ben.close();
});

test("formats come along, also those said by style, script and foreign pictures do not", async () => {
  const [ada, ben, id] = await pair();
  const html =
    "<h1>Title</h1><p style='color: red'>Some <b>bold</b> <span style='font-style: italic'>words</span><script>alert(1)</script></p>" +
    "<ul><li>one</li><li>two</li></ul><img src='https://example.com/spy.png' onerror='alert(2)'>" +
    "<p><a href='javascript:alert(3)'>click</a></p>";
  await paste(ada, { "text/html": html, "text/plain": "Title" });
  await ada.page.getByText("Pictures that lie on other sites are left out.").first().waitFor();
  const contents = await together(ada, ben);
  const text = contents.map((op) => op.insert).join("");
  assert.ok(text.startsWith("Title\nSome bold words"), text);
  assert.ok(contents.some((op) => op.attributes?.bold) && contents.some((op) => op.attributes?.italic));
  assert.ok(contents.some((op) => op.attributes?.header === 1));
  assert.equal(contents.filter((op) => op.attributes?.list === "bullet").length, 2);
  assert.ok(!contents.some((op) => op.insert.image || op.attributes?.color));
  assert.ok(!JSON.stringify(contents).includes("javascript:"));
  await stored(id, contents);
  await ada.close();
  await ben.close();
});

test("a word composed by an input method survives what others write meanwhile", async () => {
  const [ada, ben, id] = await pair();
  await ada.page.keyboard.type("Start. ");
  await together(ada, ben);
  const ime = await ada.context.newCDPSession(ada.page);
  await ime.send("Input.imeSetComposition", { text: "に", selectionStart: 1, selectionEnd: 1 });
  await ben.text.click();
  await ben.page.keyboard.press("Control+Home");
  await ben.page.keyboard.type("Ben was here. ");
  await ben.saved();
  await ime.send("Input.imeSetComposition", { text: "にほ", selectionStart: 2, selectionEnd: 2 });
  await ada.page.waitForFunction(() => globalThis.weft.doc.text().startsWith("Ben was here."));
  // Held: the editor has not moved under the composed word.
  assert.ok(!(await ada.text.textContent()).includes("Ben was here"));
  await ime.send("Input.insertText", { text: "日本" });
  const contents = await together(ada, ben);
  assert.equal(await ben.words(), "Ben was here. Start. 日本\n");
  await stored(id, contents);
  await ada.close();
  await ben.close();
});

test("a link that leads nowhere is offered to be begun", async () => {
  const ada = await Person.make("Ada");
  const id = `nothing-${Date.now()}`;
  await ada.page.goto(`${(process.env.WEFT_URL ?? "").replace(/^ws/, "http")}d/${id}?check`);
  await ada.page.getByRole("heading", { name: "Nothing is here yet" }).waitFor();
  await ada.page.getByRole("button", { name: "Begin it" }).click();
  await ada.ready();
  await ada.text.click();
  await ada.page.keyboard.type("Now there is.");
  await stored(id, await together(ada));
  await ada.close();
});
