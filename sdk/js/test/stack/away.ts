/**
 * A person types for days without a network, with a new start between, while others go on: what tests
 * and bench (bench/sdk) run against real servers. Every keystroke is a character of its own, so that
 * what is missing or doubled can be seen.
 */
import * as fs from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { type Doc, newDocId } from "../../src/index.ts";
import { fileStorage } from "../../src/node.ts";
import { client, closeAll, together } from "./help.ts";

export interface Away {
  /** Keystrokes, and others' revisions: as many. */
  keys: number;
  /** Others write all over the text, else at both its ends. */
  scattered: boolean;
  /** From 0 up to 1. */
  random: () => number;
}

export interface AwayFigures {
  /** From the network's return until all is acknowledged. */
  ms: number;
  keyMs: number;
  slowestKeyMs: number;
  revisions: number;
  missing: number;
  doubled: number;
  drafts: number;
}

const MINE = 0x4e00;
/** At both ends pairs of surrogates; all over, where a place could lie within one, single units. */
const THEIRS = { ends: 0x20000, scattered: 0xac00 };
const OTHERS = 4;

export async function away({ keys, scattered, random }: Away): Promise<AwayFigures> {
  const id = newDocId(), folder = await fs.mkdtemp(join(tmpdir(), "weft-away-"));
  const first = client({ storage: fileStorage(folder) });
  const begun = first.open(id, { create: { kind: "rich", fresh: true } });
  await begun.ready;
  begun.submit([{ insert: ". ".repeat(1000) }]);
  await begun.saved();
  first.goOffline();

  const theirs = scattered ? THEIRS.scattered : THEIRS.ends;
  const [one, ...more] = Array.from({ length: OTHERS }, () => client().open(id)) as [Doc, ...Doc[]];
  await Promise.all([one, ...more].map((doc) => doc.ready));
  const before = one.revision;
  let sent = 0;
  const others = [one, ...more].map(async (doc) => {
    // Each is a revision of its own: nothing is composed while nothing is on its way.
    for (; sent < keys; await doc.saved()) {
      const insert = String.fromCodePoint(theirs + sent++);
      const at = scattered ? Math.floor(random() * doc.length) : sent % 2 ? 0 : doc.length - 1;
      doc.submit(at > 0 ? [{ retain: at }, { insert }] : [{ insert }]);
    }
  });

  const half = Math.floor(keys / 2);
  const typist = new Typist(random);
  await typist.type(begun, 0, half);
  await first.close();
  const second = client({ storage: fileStorage(folder) });
  second.goOffline();
  const doc = second.open(id);
  await doc.ready;
  await typist.type(doc, half, keys);
  await Promise.all(others);
  const revisions = Math.max(...[one, ...more].map((each) => each.revision)) - before;

  const start = performance.now();
  second.goOnline();
  await doc.saved();
  const ms = performance.now() - start;
  await together(doc, one, ...more);
  const text = doc.text(), drafts = doc.drafts.list().length;
  await closeAll();
  await fs.rm(folder, { recursive: true });
  return {
    ms, keyMs: typist.ms / keys, slowestKeyMs: typist.slowest, revisions, drafts,
    ...tally(text, [MINE, theirs], keys),
  };
}

/** Mostly on and on, now and then elsewhere. */
class Typist {
  ms = 0;
  slowest = 0;
  private at = 0;
  private readonly random: () => number;

  constructor(random: () => number) {
    this.random = random;
  }

  async type(doc: Doc, from: number, to: number): Promise<void> {
    for (let i = from; i < to; i++) {
      const insert = String.fromCodePoint(MINE + i);
      if (i % 50 === 0) this.at = Math.floor(this.random() * doc.length);
      const begin = performance.now();
      doc.submit(this.at > 0 ? [{ retain: this.at }, { insert }] : [{ insert }]);
      const took = performance.now() - begin;
      this.at++;
      this.ms += took;
      this.slowest = Math.max(this.slowest, took);
      if (i % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
  }
}

function tally(text: string, alphabets: number[], keys: number): { missing: number; doubled: number } {
  const found = new Map<string, number>();
  for (const sign of text) found.set(sign, (found.get(sign) ?? 0) + 1);
  let missing = 0, doubled = 0;
  for (const first of alphabets)
    for (let i = 0; i < keys; i++) {
      const count = found.get(String.fromCodePoint(first + i)) ?? 0;
      missing += count === 0 ? 1 : 0;
      doubled += count > 1 ? 1 : 0;
    }
  return { missing, doubled };
}
