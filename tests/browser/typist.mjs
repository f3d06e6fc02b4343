/**
 * Somebody who types at random, by keys, into a document of kind `rich`.
 *
 * `write` takes away nothing of what anybody typed: what it undoes it does again, and it types into no
 * selection. So in the end each character is there as often as it was typed; most are of an alphabet
 * of the typist's own, no two alike. `edit` selects, deletes, types over, formats blocks and undoes as
 * it likes.
 */
import assert from "node:assert/strict";

const EMOJI = ["😁", "👩‍🚀", "💩", "🏳️‍🌈", "🇪🇺", "e\u0301"];
const WORDS = ["warp ", "weft ", "loom ", "and ", "thread, "];
const FORMATS = ["Control+b", "Control+i", "Control+u"];
const MOVES = ["Home", "End", "ArrowUp", "ArrowDown", "Control+Home", "Control+End", "Control+ArrowLeft"];
const BLOCKS = ["Heading 1", "Heading 2", "Quote", "Code block", "Text"];
const TOGGLES = ["Bulleted list", "Numbered list", "Check list", "Strike through", "Code"];

export class Typist {
  /** All that `write` typed but newlines. */
  typed = "";

  /** The alphabets of different `index` have no character in common. */
  constructor(person, index, random) {
    this.random = random;
    this.next = 0x4e00 + 0x800 * index;
    this.sitAt(person);
  }

  sitAt(person) {
    this.person = person;
    this.keys = person.page.keyboard;
  }

  one(list) {
    return list[this.random(list.length)];
  }

  async press(key, times = 1) {
    for (; times > 0; times--) await this.keys.press(key);
  }

  async own() {
    await this.insert(String.fromCodePoint(this.next++));
  }

  async insert(text) {
    await this.keys.insertText(text);
    this.typed += text;
  }

  async select(most) {
    await this.press(this.one(["Shift+ArrowLeft", "Shift+ArrowRight"]), 1 + this.random(most));
  }

  async write(steps) {
    await this.person.text.click();
    while (steps-- > 0) await this.writeOnce();
    await this.rest();
  }

  /** A format that waits for its first character is a mark in this editor alone: it is let go. */
  async rest() {
    await this.press("Control+Home");
    await this.press("ArrowRight");
  }

  async writeOnce() {
    for (let i = 2 + this.random(6); i > 0; i--) await this.own();
    switch (this.random(8)) {
      case 0:
        return this.press(this.one(FORMATS));
      case 1:
        await this.select(8);
        await this.press(this.one(FORMATS));
        return this.press("ArrowRight");
      case 2:
        return this.insert(this.one(EMOJI));
      case 3: {
        const word = this.one(WORDS);
        await this.keys.type(word);
        this.typed += word;
        return;
      }
      case 4:
        return this.press("Enter");
      case 5: {
        const times = 1 + this.random(2);
        await this.press("Control+z", times);
        await this.press("Control+y", times);
        // What was selected at that time is selected again.
        return this.press("ArrowRight");
      }
      case 6:
        return this.press("ArrowLeft", this.random(10));
      case 7:
        return this.press(this.one(MOVES));
    }
  }

  async edit(steps) {
    await this.person.text.click();
    while (steps-- > 0) await this.editOnce();
    await this.rest();
  }

  async editOnce() {
    await this.keys.type(this.one(WORDS));
    switch (this.random(8)) {
      case 0:
        await this.select(12);
        return this.press(this.one(["Backspace", "Delete", "Control+x"]));
      case 1:
        await this.select(6);
        return this.keys.insertText(this.one(EMOJI));
      case 2:
        return this.press(this.one(["Backspace", "Delete", "Control+Backspace"]), 1 + this.random(6));
      case 3:
        await this.select(20);
        return this.press(this.one(FORMATS));
      case 4:
        return this.person.page.getByLabel("Kind of paragraph").selectOption(this.one(BLOCKS));
      case 5:
        return this.person.page.getByRole("button", { name: this.one(TOGGLES), exact: true }).click();
      case 6:
        return this.press(this.one(["Control+z", "Control+y"]), 1 + this.random(3));
      case 7:
        return this.press(this.one(["Enter", ...MOVES]), 1 + this.random(2));
    }
  }
}

/** Each character that was written is in the text as often as it was typed, and no other. */
export function nothingLostOrDoubled(text, typists) {
  const counts = new Map();
  const count = (string, by) => {
    for (const character of string)
      if (character !== "\n") counts.set(character, (counts.get(character) ?? 0) + by);
  };
  count(text, 1);
  for (const typist of typists) count(typist.typed, -1);
  const wrong = [...counts].filter(([, balance]) => balance !== 0);
  assert.deepEqual(wrong, [], "characters that are there too often (+) or are missing (-)");
}
