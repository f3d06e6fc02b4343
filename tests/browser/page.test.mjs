/** The page for who has no mouse, who listens rather than looks, and whose text found no place. */
import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import { BASE, launch, noErrors, Person, shut, stored, together } from "./lib.mjs";

before(launch);
after(shut);
afterEach(noErrors);

test("the name is asked once, and kept", async () => {
  const ada = await Person.make("");
  await ada.context.addInitScript(() => {
    if (localStorage.getItem("weft.person")?.includes('"name":""')) localStorage.removeItem("weft.person");
  });
  await ada.begin();
  await ada.page.getByRole("dialog", { name: "What is your name?" }).waitFor();
  await ada.page.keyboard.type("Grace Hopper");
  await ada.page.keyboard.press("Enter");
  await ada.page.getByRole("button", { name: /^Grace Hopper \(you\)/ }).waitFor();
  assert.equal(await ada.page.locator(".avatar").first().textContent(), "GH");
  await ada.saved();
  await ada.reload();
  await ada.page.getByRole("button", { name: /^Grace Hopper \(you\)/ }).waitFor();
  assert.equal(await ada.page.getByRole("dialog").count(), 0);
  await ada.close();
});

test("all by keyboard: title, text, formats and back, the switch", async () => {
  const ada = await Person.make("Ada");
  const id = await ada.begin();
  const { keyboard } = ada.page;
  const focused = () =>
    ada.page.evaluate(() => {
      const { activeElement: on } = document;
      return on.getAttribute("aria-label") ?? on.className;
    });
  assert.equal(await focused(), "Title");
  await keyboard.type("By hand");
  await keyboard.press("Enter");
  assert.equal(await focused(), "Text");
  await keyboard.type("bold ");
  await keyboard.press("Shift+Home");
  await keyboard.press("Alt+F10");
  assert.equal(await focused(), "Kind of paragraph");
  await keyboard.press("ArrowRight");
  assert.equal(await focused(), "Bold");
  await keyboard.press("Enter");
  const bold = ada.page.getByRole("button", { name: "Bold" });
  assert.equal(await bold.getAttribute("aria-pressed"), "true");
  await keyboard.press("Alt+F10");
  await keyboard.press("End");
  assert.equal(await focused(), "Redo");
  await keyboard.press("Escape");
  assert.equal(await focused(), "Text");
  const contents = await together(ada);
  assert.deepEqual(contents, [{ insert: "bold ", attributes: { bold: true } }, { insert: "\n" }]);
  // Tab leaves the text: it is no trap.
  await keyboard.press("Tab");
  assert.notEqual(await focused(), "Text");
  await stored(id, contents);
  await ada.close();
});

test("who listens hears of trouble and its end, and of who comes", async () => {
  const ada = await Person.make("Ada");
  const id = await ada.begin();
  const told = ada.page.getByRole("status");
  await ada.saved();
  await ada.page.getByRole("switch", { name: "Online" }).focus();
  await ada.page.keyboard.press("Space");
  await told.filter({ hasText: "Offline. You can write on" }).waitFor();
  assert.equal(await ada.page.getByRole("switch").getAttribute("aria-checked"), "false");
  await ada.page.keyboard.press("Space");
  await told.filter({ hasText: "Everything is saved." }).waitFor();
  const ben = await Person.make("Ben");
  await ben.open(id);
  await told.filter({ hasText: "Ben came" }).waitFor();
  await ben.close();
  await told.filter({ hasText: "Ben left" }).waitFor();
  await ada.close();
});

test("everything that can be pressed has a name, and the page its landmarks", async () => {
  const ada = await Person.make("Ada");
  await ada.begin();
  const nameless = () =>
    ada.page.evaluate(() =>
      [...document.querySelectorAll("button, a, input, select, textarea, [role=textbox]")]
        .filter((one) => {
          const labels = one.labels?.length ? one.labels[0].textContent : "";
          return !(one.getAttribute("aria-label") || one.textContent.trim() || labels);
        })
        .map((one) => one.outerHTML),
    );
  assert.deepEqual(await nameless(), []);
  assert.equal(await ada.page.getByRole("main").count(), 1);
  assert.equal(await ada.page.getByRole("banner").count(), 1);
  assert.equal(await ada.page.getByRole("toolbar", { name: "Format" }).count(), 1);
  await ada.page.goto(`${BASE}/`);
  await ada.page.getByRole("heading", { level: 1 }).waitFor();
  assert.deepEqual(await nameless(), []);
  await ada.close();
});

test("a narrow screen: nothing is cut off, and the formats are within reach", async () => {
  const ada = await Person.make("Ada", { viewport: { width: 360, height: 700 }, isMobile: true, hasTouch: true });
  const id = await ada.begin();
  const ben = await Person.make("A person of a very long name");
  await ben.open(id);
  await ben.text.click();
  await ben.page.keyboard.type("words ".repeat(30));
  await ada.page.locator(".weft-name").waitFor({ state: "attached" });
  const [wide, bar] = await ada.page.evaluate(() => {
    const { bottom } = document.querySelector(".toolbar").getBoundingClientRect();
    return [document.documentElement.scrollWidth, bottom];
  });
  assert.equal(wide, 360);
  assert.ok(bar <= 700 && bar > 650, `the toolbar ends at ${bar}`);
  await ada.close();
  await ben.close();
});

test("text that found no place is a draft: offered, put at the end, or thrown away", async () => {
  const ada = await Person.make("Ada");
  await ada.page.goto(`${BASE}/?check`);
  await ada.page.evaluate(() => navigator.serviceWorker.ready.then(() => undefined));
  await ada.context.setOffline(true);
  const { page } = ada;
  await page.getByRole("button", { name: "New document" }).click();
  await ada.ready();
  const id = decodeURIComponent(new URL(page.url()).pathname.slice(3));
  await ada.text.click();
  await page.keyboard.type("Ada was first, offline.");
  await ada.kept();
  // Whoever has the link may begin it meanwhile.
  const ben = await Person.make("Ben");
  await ben.page.goto(`${BASE}/d/${id}?check`);
  await ben.page.getByRole("button", { name: "Begin it" }).click();
  await ben.ready();
  await ben.text.click();
  await ben.page.keyboard.type("Ben began it.");
  await ben.saved();
  await ada.context.setOffline(false);
  await page.getByRole("heading", { name: "A draft of yours" }).waitFor();
  await ada.reload();
  const drafts = page.getByRole("region", { name: "Text that is not in the document" });
  await drafts.getByText("Ada was first, offline.").waitFor();
  await drafts.getByText("Somebody else had begun a document with this link.").waitFor();
  await drafts.getByRole("button", { name: "Put at the end" }).click();
  await drafts.waitFor({ state: "hidden" });
  const contents = await together(ada, ben);
  assert.equal(await ben.words(), "Ben began it.\nAda was first, offline.\n");
  await stored(id, contents);
  await ada.close();
  await ben.close();
});
