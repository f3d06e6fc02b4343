/**
 * Pages that go away in any moment of a write: whoever opens the document next has what the page showed,
 * whether or not the write that was under way has come through.
 */
import { expect, test } from "vitest";

import type { StorageDoc, StoredText } from "../src/api.ts";
import { withLate } from "../src/core/late.ts";
import { Replica, type StoredDraft } from "../src/core/replica.ts";
import { checkpointId, encodeCheckpoint, restore } from "../src/core/stored.ts";
import { Document, OpBuilder } from "../src/ot/index.ts";
import { Writer } from "../src/store/writer.ts";
import { rng, SEED, SWEEP } from "./rng.ts";

const NOTHING = new Uint8Array(0);
/** As much fits into the small place whole: as text, as what is unsent, and as the newest history. */
const SMALL_UNITS = 350_000;

/** A disk whose writes take until they are let through. */
class Disk implements StorageDoc {
  stored: StoredText = { checkpoint: null, journal: [] };
  small: Uint8Array | null = null;
  private under: { act: () => void; done: () => void } | null = null;

  append(items: readonly Uint8Array[]): Promise<void> {
    return this.write(() => (this.stored = { ...this.stored, journal: [...this.stored.journal, ...items] }));
  }
  replace(checkpoint: Uint8Array): Promise<void> {
    return this.write(() => (this.stored = { checkpoint, journal: [] }));
  }
  late(bytes: Uint8Array | null): void {
    this.small = bytes;
  }
  load = async () => this.stored;
  close = async () => {};

  /** What the next page finds: this one's writes come to an end with it. */
  left(): Disk {
    return Object.assign(new Disk(), { stored: this.stored, small: this.small });
  }

  private write(act: () => void): Promise<void> {
    return new Promise((done) => (this.under = { act, done }));
  }

  /** It is on the disk; `heard`: and the page lives to hear of it. */
  through(heard: boolean): void {
    const { under } = this;
    this.under = null;
    under?.act();
    if (heard) under?.done();
  }
}

/** One life of a page. */
class PageLife {
  readonly replica: Replica;
  readonly writer: Writer;

  constructor(readonly disk: Disk, random: () => number) {
    let quiet = true;
    this.replica = new Replica("d", {
      changed: () => {}, committed: () => {},
      journal: (item) => quiet || this.writer.journal(item),
      checkpoint: () => quiet || this.writer.checkpoint(),
      now: () => 0,
      random: (size) => Uint8Array.from({ length: size }, () => random() * 256),
    });
    const { checkpoint, journal } = disk.stored;
    const state = checkpoint && { checkpoint, journal };
    const more = disk.small && withLate(state, disk.small);
    const found = more || state;
    if (found) restore(this.replica, found.checkpoint, found.journal);
    else this.replica.text = Document.of(new OpBuilder().insert("\n").finish());
    const point = { id: checkpoint ? checkpointId(checkpoint) : NOTHING, count: journal.length };
    this.writer = new Writer(this.replica, disk, undefined, point, { stored: () => {}, changed: () => {} });
    quiet = false;
    if (!found) this.replica.checkpoint();
    else if (more) this.writer.resumed(more.checkpoint === checkpoint ? more.journal.slice(journal.length) : null);
  }

  get text(): string {
    return this.replica.text!.text();
  }

  type(text: string): void {
    this.replica.edit(new OpBuilder().retain(this.replica.text!.length - 1).insert(text).finish());
  }
}

const draft = (step: number): StoredDraft =>
  ({ id: String(step), at: 0, op: new OpBuilder().insert("d").finish(), maybeIn: false, reason: "" });

/** The page's own tasks, as many as there can be. */
async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve();
}

test(`at random: what was shown is there again (WEFT_SEED=${SEED})`, async () => {
  const random = rng(SEED);
  const chance = (percent: number): boolean => random() * 100 < percent;
  for (let run = 0; run < 12 * SWEEP; run++) {
    let page = new PageLife(new Disk(), random);
    for (let life = 0; life < 8 && page.text.length < 3 * SMALL_UNITS; life++) {
      const { disk, replica, writer } = page;
      for (let step = Math.floor(random() * 12); step >= 0; step--) {
        if (chance(15)) replica.keepDraft(draft(step)); // no journal item says that
        else if (chance(10)) page.type("x".repeat(70_000 * Math.ceil(random() * 4)));
        else page.type(String(step));
        if (chance(50)) await settle();
        if (chance(50)) disk.through(true);
        if (chance(50)) await settle();
        if (chance(10)) writer.leave(); // hidden, and shown again
      }
      writer.leave();
      if (chance(50)) disk.through(false);
      const { text } = page, drafts = replica.drafts.length;
      page = new PageLife(disk.left(), random);
      // Past what the small place takes the first of it is kept.
      if (text.length < SMALL_UNITS) expect([page.text === text, page.replica.drafts.length]).toEqual([true, drafts]);
      else expect(text.startsWith(page.text.slice(0, -1))).toBe(true);
    }
  }
}, 120_000);

test("what is pasted is stored in pieces, and the first of them are kept where the rest does not fit", () => {
  const disk = new Disk(), page = new PageLife(disk, rng(1));
  disk.stored = { checkpoint: encodeCheckpoint(page.replica, NOTHING), journal: [] };
  const again = new PageLife(disk, rng(2));
  again.type("x".repeat(3_000_000));
  again.writer.leave();
  expect(again.text.length).toBe(3_000_001);
  const kept = new PageLife(disk.left(), rng(3)).text.length;
  expect(kept).toBeGreaterThan(900_000);
  expect(kept).toBeLessThan(1024 * 1024);
});

test("in a document that is too large for the small place, keys typed while it is written are kept", async () => {
  const disk = new Disk(), page = new PageLife(disk, rng(1));
  page.type("x".repeat(3_000_000));
  page.replica.checkpoint();
  await settle();
  page.type("last words");
  page.writer.leave();
  disk.through(false);
  expect(new PageLife(disk.left(), rng(2)).text.slice(-12)).toBe("xlast words\n");
});
