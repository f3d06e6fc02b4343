/** Without a network: writing goes on, through a reload, and arrives once. */
import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import { launch, noErrors, Person, shut, stored, together } from "./lib.mjs";

before(launch);
after(shut);
afterEach(noErrors);

const marks = (name, from, to) => Array.from({ length: to - from }, (_, i) => `[${name}${from + i}]`).join("");

test("the switch: offline, written in, reloaded, online again", async () => {
  const ada = await Person.make("Ada");
  const id = await ada.begin();
  const ben = await Person.make("Ben");
  await ben.open(id);
  await ada.text.click();
  await ada.page.keyboard.type(marks("Ada", 0, 5));
  await together(ada, ben);

  await ada.page.getByRole("switch", { name: "Online" }).click();
  await ada.state.filter({ hasText: "Offline" }).waitFor();
  await ada.text.click();
  await ada.page.keyboard.press("Control+End");
  await ada.page.keyboard.type(marks("Ada", 5, 15));
  await ada.state.filter({ hasText: "Kept on this device" }).waitFor();
  await ben.text.click();
  await ben.page.keyboard.press("Control+Home");
  await ben.page.keyboard.type(marks("Ben", 0, 10));
  await ben.saved();
  assert.ok(!(await ben.words()).includes("[Ada5]"));

  // A reload is online again, as the switch is for now: what was kept goes through.
  await ada.reload();
  const contents = await together(ada, ben);
  assert.equal(await ada.words(), `${marks("Ben", 0, 10)}${marks("Ada", 0, 15)}\n`);
  await stored(id, contents);
  await ada.close();
  await ben.close();
});

test("no network: reloaded and written in all the same, twice", async () => {
  const ada = await Person.make("Ada");
  const id = await ada.begin();
  await ada.text.click();
  await ada.page.keyboard.type(marks("Ada", 0, 3));
  await ada.saved();
  await ada.keptForOffline();
  const ben = await Person.make("Ben");
  await ben.open(id);

  await ada.context.setOffline(true);
  for (let round = 0; round < 2; round++) {
    await ada.reload();
    const from = 3 + 5 * round;
    assert.equal(await ada.words(), `${marks("Ada", 0, from)}\n`);
    await ada.text.click();
    await ada.page.keyboard.press("Control+End");
    await ada.page.keyboard.type(marks("Ada", from, from + 5));
    await ada.state.filter({ hasText: "Kept on this device" }).waitFor();
  }
  // The list of documents works as well, and says what is not saved.
  await ada.page.goto(ada.page.url().replace(/\/d\/.*/, "/?check"));
  await ada.page.getByText("not saved yet").waitFor();
  await ada.page.goBack();
  await ada.ready();
  await ben.text.click();
  await ben.page.keyboard.press("Control+Home");
  await ben.page.keyboard.type(marks("Ben", 0, 5));
  await ben.saved();

  await ada.context.setOffline(false);
  const contents = await together(ada, ben);
  assert.equal(await ben.words(), `${marks("Ben", 0, 5)}${marks("Ada", 0, 13)}\n`);
  await stored(id, contents);
  await ada.close();
  await ben.close();
});

test("begun without a network: the document is there when the network is", async () => {
  const ada = await Person.make("Ada");
  await ada.page.goto((process.env.WEFT_URL ?? "").replace(/^ws/, "http"));
  await ada.keptForOffline();
  await ada.context.setOffline(true);
  const id = await ada.begin();
  await ada.text.click();
  await ada.page.keyboard.type("Written on a train.");
  await ada.reload();
  await ada.context.setOffline(false);
  await ada.saved();
  const ben = await Person.make("Ben");
  await ben.open(id);
  await ben.text.filter({ hasText: "Written on a train." }).waitFor();
  await stored(id, await together(ada, ben));
  await ada.close();
  await ben.close();
});

test("two tabs of one browser see each other, without a network too", async () => {
  const ada = await Person.make("Ada");
  const id = await ada.begin();
  await ada.text.click();
  await ada.page.keyboard.type("One. ");
  await ada.saved();
  const page = await ada.context.newPage();
  const tab = new Person("Ada's other tab", ada.context, page);
  await tab.open(id);
  await ada.context.setOffline(true);
  await tab.text.click();
  await page.keyboard.press("Control+End");
  await page.keyboard.type("Two. ");
  await ada.text.filter({ hasText: "One. Two." }).waitFor();
  await ada.page.bringToFront();
  await ada.text.click();
  await ada.page.keyboard.press("Control+End");
  await ada.page.keyboard.type("Three.");
  await tab.text.filter({ hasText: "One. Two. Three." }).waitFor();
  await ada.context.setOffline(false);
  await stored(id, await together(ada, tab));
  assert.equal(await tab.words(), "One. Two. Three.\n");
  await ada.close();
});
