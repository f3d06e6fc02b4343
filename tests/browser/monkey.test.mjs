/**
 * Monkeys at the editors: three in Quill and three in CodeMirror do at random whatever the editors let
 * them do, at once, online and off. The bindings compare editor and document after every change, and
 * in the end all hold the same, as do the stores.
 */
import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import { newDocId } from "@weft/client";
import { launch, noErrors, Person, SEED, shut, stored, WAIT_MS } from "./lib.mjs";
import { site, visit } from "./site.mjs";
import { archived } from "./stack.mjs";

let pages;
before(async () => {
  pages = await site();
  await launch();
});
after(async () => {
  await shut();
  pages.close();
});
afterEach(noErrors);

const RUN_MS = process.env.WEFT_TEST === "long" ? 120_000 : 20_000;
const MONKEYS = 3;

async function monkeys(t, editor, kind) {
  t.diagnostic(`WEFT_SEED=${SEED}`);
  const id = newDocId();
  const people = [];
  for (let i = 0; i < MONKEYS; i++) {
    const person = await Person.make(`monkey ${i} in ${editor}`);
    people.push(person);
    await visit(person, pages.origin);
    await person.page.evaluate(
      ([url, doc, options]) => globalThis.start(url, doc, options),
      [process.env.WEFT_URL, id, { editor, check: true, create: { kind } }],
    );
  }
  const counts = await Promise.all(
    people.map(({ page }, i) =>
      page.evaluate(async ([seed, ms]) => {
        const monkey = globalThis.weft.monkey(seed);
        await monkey.run(ms);
        return [monkey.edits, monkey.remote];
      }, [SEED + i, RUN_MS]),
    ),
  );
  const contents = await alike(people);
  for (const [edits, remote] of counts) assert.ok(edits > 50 && remote > 20, `${edits} edits, ${remote} remote`);
  t.diagnostic(`${editor}: ${counts.map(([edits, remote]) => `${edits} edits met ${remote} ops`).join("; ")}`);
  await archived(id);
  await stored(id, contents);
  await Promise.all(people.map((person) => person.close()));
}

async function alike(people) {
  const end = Date.now() + WAIT_MS;
  for (;;) {
    const seen = await Promise.all(
      people.map(({ page }) =>
        page.evaluate(async () => {
          const { doc, editor } = globalThis.weft;
          await doc.saved();
          return { contents: doc.contents(), inStep: editor.inStep() };
        }),
      ),
    );
    const texts = seen.map(({ contents }) => JSON.stringify(contents));
    if (texts.every((text) => text === texts[0])) {
      assert.ok(seen.every(({ inStep }) => inStep), "an editor is out of step");
      return seen[0].contents;
    }
    assert.ok(Date.now() < end, `they do not come together:\n${texts.join("\n")}`);
  }
}

test("in Quill", (t) => monkeys(t, "quill", "rich"));
test("in CodeMirror", (t) => monkeys(t, "codemirror", "text"));
