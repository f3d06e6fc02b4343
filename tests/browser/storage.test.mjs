/** Where a browser keeps nothing, or no more, the page says so; and who leaves unsaved text is asked. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import { BASE, launch, noErrors, Person, shut, stored, together } from "./lib.mjs";
import { Profile } from "./profile.mjs";

before(launch);
after(shut);
afterEach(noErrors);

const notice = (person, words) => person.page.getByRole("alert").filter({ hasText: words }).waitFor();

test("who leaves unsaved text is asked, who leaves saved text is not", async () => {
  const ada = await Person.make("Ada");
  await ada.begin();
  await ada.text.click();
  await ada.page.keyboard.type("Saved. ");
  await ada.saved();
  const asked = [];
  ada.page.on("dialog", (dialog) => {
    asked.push(dialog.type());
    void dialog.dismiss();
  });
  await ada.page.reload();
  await ada.ready();
  assert.deepEqual(asked, []);

  await ada.page.getByRole("switch", { name: "Online" }).click();
  await ada.text.click();
  await ada.page.keyboard.press("Control+End");
  await ada.page.keyboard.type("Not yet.");
  const closed = ada.page.waitForEvent("dialog");
  await ada.page.close({ runBeforeUnload: true });
  await closed;
  assert.deepEqual(asked, ["beforeunload"]);
  // The person stayed: nothing has happened to the text.
  assert.equal(await ada.words(), "Saved. Not yet.\n");
  await ada.page.getByRole("switch", { name: "Online" }).click();
  await ada.saved();
  await ada.close();
});

test("storage denied by the browser's settings: works, and says that nothing is kept", async (t) => {
  const profile = new Profile("Ada");
  t.after(() => profile.remove());
  // As chrome://settings/content writes it: sites may store nothing.
  mkdirSync(join(profile.folder, "Default"));
  const preferences = { profile: { default_content_setting_values: { cookies: 2 } } };
  writeFileSync(join(profile.folder, "Default", "Preferences"), JSON.stringify(preferences));
  const ada = await profile.start();
  await ada.page.goto(`${BASE}/?check`);
  await ada.page.getByRole("button", { name: "New document" }).click();
  await notice(ada, /does not let the page keep anything.*Keep this tab open until everything is saved\./);
  await ada.page.getByRole("dialog", { name: "What is your name?" }).waitFor();
  await ada.page.keyboard.type("Ada");
  await ada.page.keyboard.press("Enter");
  await ada.text.click();
  await ada.page.keyboard.type("All the same.");
  const id = decodeURIComponent(new URL(ada.page.url()).pathname.slice(3));
  await stored(id, await together(ada));
  await ada.page.getByRole("switch", { name: "Online" }).click();
  await ada.text.click();
  await ada.page.keyboard.type("More.");
  await ada.state.filter({ hasText: "Keep this tab open" }).waitFor();
});

test("storage full: goes on in memory, and says so", async () => {
  const ada = await Person.make("Ada");
  await ada.page.goto(BASE);
  const devtools = await ada.context.newCDPSession(ada.page);
  // What the service worker keeps of the page counts, too.
  const usage = await ada.page.evaluate(async () => {
    await navigator.serviceWorker.ready;
    return (await navigator.storage.estimate()).usage;
  });
  await devtools.send("Storage.overrideQuotaForOrigin", { origin: BASE, quotaSize: usage + (100 << 10) });
  const id = await ada.begin();
  await ada.text.click();
  await ada.page.keyboard.type("Kept.");
  await ada.saved();
  assert.equal(await ada.page.getByRole("alert").count(), 0);
  await ada.page.keyboard.insertText("Too much. ".repeat(20_000));
  await notice(ada, /This device is full\. Keep this tab open/);
  await stored(id, await together(ada));
  await ada.close();
});
