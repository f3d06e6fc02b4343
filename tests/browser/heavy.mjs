/**
 * What is heavy for a page: a document of 1 MB, and days without a network. What tests look at
 * (large.test.mjs) and what the bench measures (bench/sdk) is the same.
 */
import { newDocId } from "@weft/client";
import { Person } from "./lib.mjs";
import { site, visit } from "./site.mjs";

const URL = process.env.WEFT_URL;

/** 1 MB in paragraphs of some lines, now and then a word of another format. */
function megabyte(kind) {
  const ops = [];
  for (let bytes = 0, i = 0; bytes < 1 << 20; i++) {
    const insert = `${i}: warp and weft, the one held under tension, the other drawn through it over and under. `;
    const attributes = kind === "rich" && i % 20 === 0 ? { bold: true } : undefined;
    ops.push(attributes ? { insert, attributes } : { insert }, ...(i % 5 === 4 ? [{ insert: "\n" }] : []));
    bytes += insert.length;
  }
  return ops;
}

export const saved = (person) => person.page.evaluate(() => globalThis.doc.saved());
export const words = (person) => person.page.evaluate(() => globalThis.doc.text());
export const contents = (person) => person.page.evaluate(() => globalThis.doc.contents());

const MINE = 0x4e00;
/** All over a text a place could lie within a pair of surrogates, so there each sign is one unit. */
const THEIRS = { ends: 0x20000, scattered: 0xac00 };
const signs = (first, from, to) =>
  Array.from({ length: to - from }, (_, i) => String.fromCodePoint(first + from + i));

export class Heavy {
  static async begin() {
    return new Heavy(await site());
  }

  constructor(pages) {
    this.pages = pages;
  }

  end() {
    this.pages.close();
  }

  async visitor(name) {
    const person = await Person.make(name);
    await visit(person, this.pages.origin);
    return person;
  }

  start(person, id, options) {
    return person.page.evaluate(([url, doc, how]) => globalThis.start(url, doc, how), [URL, id, options]);
  }

  /** Somebody with a new document of 1 MB, which is saved. */
  async megabyte(kind) {
    const id = newDocId();
    const writer = await this.visitor("Writer");
    await this.start(writer, id, { create: { kind, fresh: true } });
    await writer.page.evaluate((delta) => void globalThis.doc.submit(delta), megabyte(kind));
    await saved(writer);
    return { id, writer };
  }

  /** Milliseconds that this editor takes to show as much with nothing around it. */
  async alone(editor, kind) {
    const person = await this.visitor("Nobody");
    const ms = await person.page.evaluate(([name, delta]) => globalThis.alone(name, delta), [editor, megabyte(kind)]);
    await person.close();
    return ms;
  }

  /** Types in the middle; resolves with what SDK and binding took for it. */
  async type(person, sign, keys) {
    await person.page.evaluate(() => globalThis.weft.editor.focus(globalThis.doc.length >> 1));
    for (let i = 0; i < keys; i++) await person.page.keyboard.press(sign);
    await saved(person);
    return person.page.evaluate(() => globalThis.weft.editor.watch);
  }

  /** As many keys offline, a reload between, as others write revisions meanwhile. */
  async away({ keys, scattered }) {
    const id = newDocId();
    const ada = await this.visitor("Ada");
    await this.start(ada, id, { create: { kind: "rich", fresh: true } });
    await ada.page.evaluate(() => void globalThis.doc.submit([{ insert: "warp and weft ".repeat(100) }]));
    await saved(ada);
    const before = await ada.page.evaluate(() => globalThis.doc.revision);
    // Before others begin: of what they write this page must know nothing until the end.
    await this.startAgain(ada, id);
    const others = await this.visitor("Others");
    const theirs = scattered ? THEIRS.scattered : THEIRS.ends;
    const typing = others.page.evaluate(([url, doc, all, where]) => globalThis.foreigners(url, doc, all, where), [
      URL,
      id,
      signs(theirs, 0, keys),
      scattered,
    ]);
    await typeHereAndThere(ada, signs(MINE, 0, keys / 2));
    await ada.kept();
    await this.startAgain(ada, id);
    await typeHereAndThere(ada, signs(MINE, keys / 2, keys));
    await typing;
    const early = (await words(ada)).includes(String.fromCodePoint(theirs));
    const { ms, revision } = await ada.page.evaluate(async () => {
      const begin = performance.now();
      globalThis.client.goOnline();
      await globalThis.doc.saved();
      return { ms: performance.now() - begin, revision: globalThis.doc.revision };
    });
    const found = [...(await words(ada))].filter((sign) => sign.codePointAt(0) >= MINE);
    const different = new Set(found).size;
    await others.close();
    return {
      id, ada, early, ms,
      revisions: revision - before,
      missing: 2 * keys - different,
      doubled: found.length - different,
    };
  }

  /** The page is loaded again, and stays offline. */
  async startAgain(person, id) {
    await visit(person, this.pages.origin);
    await this.start(person, id, { offline: true });
  }
}

function typeHereAndThere(person, all) {
  return person.page.evaluate(async (list) => {
    for (const [i, insert] of list.entries()) {
      const at = Math.floor(((i / 50) | 0) * 37) % globalThis.doc.length;
      globalThis.doc.submit(at ? [{ retain: at }, { insert }] : [{ insert }]);
      if (i % 100 === 99) await new Promise((resolve) => setTimeout(resolve));
    }
  }, all);
}
