/** Several persons write in one document at once. */
import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import { launch, noErrors, Person, rng, SEED, shut, stored, together } from "./lib.mjs";

before(launch);
after(shut);
afterEach(noErrors);

const KEYS = process.env.WEFT_TEST === "long" ? 600 : 150;

/** Types marks with formats, emoji and undo between: undo may take a mark along that was typed just before. */
async function write(person, marks, random) {
  const { keyboard } = person.page;
  await person.text.click();
  for (let i = 0; i < marks; i++) {
    await keyboard.type(`[${person.name}${i}]`);
    switch (random(9)) {
      case 0:
        await keyboard.press(["Control+b", "Control+i", "Control+u"][random(3)]);
        break;
      case 1:
        await keyboard.insertText(["😁", "👩‍🚀", "💩", "é"][random(4)]);
        break;
      case 2:
        await keyboard.press("Enter");
        break;
      case 3:
        await keyboard.type("mistake");
        await keyboard.press("Control+z");
        break;
      case 4:
        for (let k = random(12); k; k--) await keyboard.press("ArrowLeft");
        await keyboard.press("End");
        break;
      case 5:
        await keyboard.press(["Control+ArrowUp", "Control+Home", "Control+End"][random(3)]);
        await keyboard.press("End");
        break;
      case 6:
        await keyboard.type("x");
        await keyboard.press("Backspace");
        break;
    }
  }
}

function allOnce(text, name, marks) {
  for (let i = 0; i < marks; i++) {
    const found = text.split(`[${name}${i}]`).length - 1;
    assert.equal(found, 1, `[${name}${i}] is there ${found} times`);
  }
}

test("two write at once, with formats, emoji and undo", async (t) => {
  t.diagnostic(`WEFT_SEED=${SEED}`);
  const random = rng();
  const marks = Math.floor(KEYS / 5);
  const ada = await Person.make("Ada");
  const id = await ada.begin();
  await ada.page.getByRole("textbox", { name: "Title" }).fill("Two of us");
  const ben = await Person.make("Ben", { color: "#a4502e" });
  await ben.open(id);
  await Promise.all([write(ada, marks, random), write(ben, marks, random)]);
  const contents = await together(ada, ben);
  const text = await ada.words();
  for (const name of ["Ada", "Ben"]) assert.ok(text.includes(`[${name}`), text);
  t.diagnostic(`${text.length} units, ${await ada.revision()} revisions`);
  await stored(id, contents);
  assert.equal(await ben.page.getByRole("textbox", { name: "Title" }).inputValue(), "Two of us");
  await ada.close();
  await ben.close();
});

test("each at a line of one's own: nothing is missing, nothing doubled", async () => {
  const ada = await Person.make("Ada");
  const id = await ada.begin();
  const ben = await Person.make("Ben");
  await ben.open(id);
  await ada.text.click();
  await ada.page.keyboard.type("first\nsecond\n");
  await together(ada, ben);
  const type = async (person, line, marks) => {
    // A failure is to say what they see, not that a click has waited.
    assert.match(await person.words(), new RegExp(line), `${person.name}'s document`);
    assert.match(await person.html(), new RegExp(line), `${person.name}'s editor`);
    await person.text.locator("p", { hasText: line }).click();
    await person.page.keyboard.press("End");
    for (let i = 0; i < marks; i++) await person.page.keyboard.type(`[${person.name}${i}]`);
  };
  await Promise.all([type(ada, "first", 40), type(ben, "second", 40)]);
  const contents = await together(ada, ben);
  const text = await ada.words();
  allOnce(text, "Ada", 40);
  allOnce(text, "Ben", 40);
  const mine = (name) => Array.from({ length: 40 }, (_, i) => `[${name}${i}]`).join("");
  assert.equal(text, `first${mine("Ada")}\nsecond${mine("Ben")}\n\n`);
  await stored(id, contents);
  await ada.close();
  await ben.close();
});

test("typed fast, a letter after Enter stays where it was typed", async () => {
  const ada = await Person.make("Ada");
  await ada.begin();
  await ada.text.click();
  for (let i = 0; i < 20; i++) {
    await ada.page.keyboard.press("Control+a");
    await ada.page.keyboard.press("Delete");
    await ada.page.keyboard.type("first\nsecond\n");
    assert.equal(await ada.words(), "first\nsecond\n\n");
  }
  await together(ada);
  await ada.close();
});

test("undo takes back one's own edits only", async () => {
  const ada = await Person.make("Ada");
  const id = await ada.begin();
  const ben = await Person.make("Ben");
  await ben.open(id);
  await ada.text.click();
  await ada.page.keyboard.type("from Ada. ");
  await together(ada, ben);
  await ben.text.click();
  await ben.page.keyboard.press("Control+End");
  await ben.page.keyboard.type("from Ben.");
  await together(ada, ben);
  await ada.page.keyboard.press("Control+z");
  await together(ada, ben);
  assert.equal(await ben.words(), "from Ben.\n");
  await ada.page.keyboard.press("Control+y").catch(() => undefined);
  await ada.page.getByRole("button", { name: "Redo" }).click();
  await together(ada, ben);
  assert.equal(await ben.words(), "from Ada. from Ben.\n");
  await ada.close();
  await ben.close();
});

test("typed at once behind what was selected: that is not typed over", async () => {
  const ada = await Person.make("Ada");
  await ada.begin();
  await ada.text.click();
  await ada.page.keyboard.type("warp");
  await ada.page.keyboard.press("Shift+ArrowLeft");
  await ada.page.keyboard.press("Shift+ArrowLeft");
  await ada.page.waitForFunction(() => getSelection().toString() === "rp");
  // Quill reads the selection by a timer of 1 ms: it comes too late here, as on a busy machine.
  await ada.page.evaluate(() => {
    const { setTimeout } = globalThis;
    globalThis.setTimeout = (act, ms, ...rest) => setTimeout(act, ms === 1 ? 1000 : ms, ...rest);
    globalThis.changes = [];
    globalThis.weft.doc.onChange(({ delta }) => globalThis.changes.push(...(delta.ops ?? delta)));
  });
  await ada.page.keyboard.press("ArrowRight");
  await ada.page.keyboard.insertText("s");
  const ops = await ada.page.evaluate(() => globalThis.changes);
  assert.deepEqual(ops, [{ retain: 4 }, { insert: "s" }]);
  assert.equal(await ada.words(), "warps\n");
  await ada.close();
});

test("plain text: two write at once, and undo is one's own", async () => {
  const ada = await Person.make("Ada");
  const id = await ada.begin("Plain text");
  const ben = await Person.make("Ben");
  await ben.open(id);
  const type = async (person, marks) => {
    await person.page.locator(".cm-content").click();
    for (let i = 0; i < marks; i++) {
      await person.page.keyboard.type(`[${person.name}${i}]`);
      if (i % 7 === 3) await person.page.keyboard.press("Enter");
      if (i % 9 === 4) await person.page.keyboard.insertText("😁");
    }
  };
  await Promise.all([type(ada, 30), type(ben, 30)]);
  await together(ada, ben);
  const before = await ada.words();
  await ben.page.keyboard.type("gone");
  await ben.page.waitForTimeout(600);
  await ben.page.keyboard.press("Control+z");
  const contents = await together(ada, ben);
  const text = await ada.words();
  assert.ok(!text.includes("gone"), text);
  assert.ok(text.includes("[Ada29]") && before.includes("[Ben29]"));
  assert.equal(await ada.page.locator(".cm-weft-name", { hasText: "Ben" }).count(), 1);
  await stored(id, contents);
  await ada.close();
  await ben.close();
});

test("who is here is seen, with name, and goes", async () => {
  const ada = await Person.make("Ada Lovelace");
  const id = await ada.begin();
  await ada.text.click();
  await ada.page.keyboard.type("Where are you?");
  const ben = await Person.make("Ben", { color: "#a4502e" });
  await ben.open(id);
  const here = ada.page.getByRole("list", { name: "Who is here" });
  await here.getByRole("button", { name: /^Ben/ }).waitFor();
  await ben.page.getByRole("button", { name: /^Ada Lovelace\. Go to/ }).waitFor();
  await ben.text.click();
  await ben.page.keyboard.press("Control+a");
  await ada.page.locator(".weft-name", { hasText: "Ben" }).waitFor({ state: "attached" });
  await ada.page.locator(".weft-selection").first().waitFor();
  await ben.close();
  await here.getByRole("button", { name: /^Ben/ }).waitFor({ state: "detached" });
  await ada.close();
});
