/**
 * The pictures of docs/images: tests/system/with-stack node tests/browser/screenshots.mjs. Given a
 * directory it puts them there, and more, to be looked at. Not a test: what is beautiful a person decides.
 */
import { mkdirSync } from "node:fs";
import { BASE, launch, Person, shut, together } from "./lib.mjs";

const SHOWN = ["five-cursors", "light", "dark", "narrow", "offline"];
const [, , elsewhere] = process.argv;
const out = elsewhere ?? new URL("../../docs/images", import.meta.url).pathname;
mkdirSync(out, { recursive: true });

const WIDE = { width: 1020, height: 760 };
const NARROW = { viewport: { width: 390, height: 760 }, deviceScaleFactor: 1.5, hasTouch: true, isMobile: true };

const AUTHORS = [
  ["Ada Lovelace", "#2f6f73"],
  ["Grace Hopper", "#a4502e"],
  ["Lynn Conway", "#5b5aa6"],
  ["Radia Perlman", "#8a6116"],
  ["Barbara Liskov", "#9c3f63"],
];

const TEXT = [
  { insert: "Every edit has one place in one history. People type at the same moment, on trains and in meetings, " },
  { insert: "online and off", attributes: { italic: true } },
  { insert: "; what each of them sees is the same text in the end, and nothing that somebody wrote is lost on the way.\n" },
  { insert: "What we promise" },
  { insert: "\n", attributes: { header: 2 } },
  { insert: "Saved means saved.", attributes: { bold: true } },
  { insert: " The word appears when the text is on disk, not before." },
  { insert: "\n", attributes: { list: "bullet" } },
  { insert: "A reload, a dead battery or a week without a network takes nothing away." },
  { insert: "\n", attributes: { list: "bullet" } },
  { insert: "Undo takes back what you did, never what others did. " },
  { insert: "↺", attributes: { code: true } },
  { insert: "\n", attributes: { list: "bullet" } },
  { insert: "The loom does not ask who brought the thread." },
  { insert: "\n", attributes: { blockquote: true } },
  { insert: "Before Friday" },
  { insert: "\n", attributes: { header: 3 } },
  { insert: "Read the draft aloud" },
  { insert: "\n", attributes: { list: "checked" } },
  { insert: "Send it to the printer 🧵" },
  { insert: "\n", attributes: { list: "unchecked" } },
];

async function shot(person, name) {
  if (elsewhere || SHOWN.includes(name)) await person.page.screenshot({ path: `${out}/${name}.png` });
}

/** Letters are there, cursors have come to rest. */
async function settled(person) {
  await person.page.evaluate(() => document.fonts.ready);
  await person.page.waitForTimeout(400);
}

await launch();
const [name, color] = AUTHORS[0];
const ada = await Person.make(name, { color, viewport: WIDE });
await ada.page.goto(`${BASE}/?check`);
await settled(ada);
const id = await ada.begin();
await ada.page.getByRole("textbox", { name: "Title" }).fill("A letter about weaving");
await ada.page.keyboard.press("Enter");
await ada.page.evaluate((delta) => globalThis.weft.doc.submit(delta), TEXT);
await ada.saved();

const others = [];
for (const [other, hue] of AUTHORS.slice(1)) {
  const person = await Person.make(other, { color: hue });
  await person.open(id);
  others.push(person);
}
await together(ada, ...others);

const lines = ["Every edit", "Saved means", "A reload", "Send it"];
for (const [i, person] of others.entries()) {
  await person.text.getByText(lines[i]).first().click();
  if (i % 2) await person.page.keyboard.press("End");
  if (i === 1) await person.page.keyboard.press("Shift+Home");
}
await ada.text.getByText("The loom").click();
await settled(ada);
await shot(ada, "five-cursors");

const looks = [
  ["dark", { colorScheme: "dark", viewport: WIDE }],
  ["narrow", NARROW],
  ["narrow-dark", { ...NARROW, colorScheme: "dark" }],
];
for (const person of others.slice(1)) await person.close();
for (const [look, options] of looks) {
  const person = await Person.make("Lynn Conway", { color: "#5b5aa6", ...options });
  await person.open(id);
  await person.text.getByText("The loom").click();
  await settled(person);
  await shot(person, look);
  await person.close();
}
await settled(ada);
await shot(ada, "light");

await ada.page.getByRole("switch", { name: "Online" }).click();
await ada.text.getByText("The loom").click();
await ada.page.keyboard.press("End");
await ada.page.keyboard.type(" Nor when.");
await settled(ada);
await shot(ada, "offline");
await ada.page.getByRole("switch", { name: "Online" }).click();
await ada.saved();

await ada.begin("Plain text");
await ada.page.getByRole("textbox", { name: "Title" }).fill("notes.md");
await ada.page.locator(".cm-content").click();
await ada.page.keyboard.type("# Notes\n\n- [ ] threads: linen, 40/2\n- [ ] ask Grace about the shuttle\n");
await ada.saved();
await settled(ada);
await shot(ada, "plain");
await ada.page.getByRole("link", { name: "All documents" }).click();
await ada.page.getByRole("heading", { name: "Recent" }).waitFor();
await settled(ada);
await shot(ada, "home");
await shut();
