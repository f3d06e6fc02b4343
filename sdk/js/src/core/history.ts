/**
 * The local history: every change of the text and title as this tab shows them, numbered. It is what
 * the leading tab is the server of, for the other tabs of the browser (docs/sdk.md, "Tabs").
 */
import type { Op } from "../ot/index.ts";
import { hex } from "./bytes.ts";

export interface LocalRevision {
  readonly kind: number;
  /** An op, or a title. */
  readonly body: Op | string;
  /** Of the tab that typed it; empty: this tab, or others. */
  readonly author: Uint8Array;
  readonly seq: number;
  /** Weighs this much, roughly. */
  readonly bytes: number;
}

const REVISIONS_MAX = 1000;
const BYTES_MAX = 256 * 1024;

export class LocalHistory {
  /** Another epoch is another history: the text was replaced. */
  epoch: Uint8Array;
  rev = 0;
  /** author (hex) → seq of its last edit that is in the text */
  readonly tabs = new Map<string, number>();
  private kept: LocalRevision[] = [];
  private bytes = 0;

  constructor(epoch: Uint8Array) {
    this.epoch = epoch;
  }

  push(revision: LocalRevision): void {
    this.rev++;
    if (revision.author.length > 0) this.tabs.set(hex(revision.author), revision.seq);
    this.kept.push(revision);
    this.bytes += revision.bytes;
    // Drops half at a time: shifting one by one would move the rest each time.
    if (this.kept.length > 2 * REVISIONS_MAX || this.bytes > 2 * BYTES_MAX) this.trim();
  }

  /** Numbers go on: a number stands for one state of the text only. */
  reset(epoch: Uint8Array): void {
    this.epoch = epoch;
    this.rev++;
    this.kept = [];
    this.bytes = 0;
  }

  /** Those after `rev`, or null where they are not kept any more. */
  since(rev: number): readonly LocalRevision[] | null {
    const missing = this.rev - rev;
    if (missing < 0 || missing > this.kept.length) return null;
    return missing === 0 ? [] : this.kept.slice(-missing);
  }

  /** What is worth storing. */
  last(): readonly LocalRevision[] {
    this.trim();
    return this.kept;
  }

  restore(epoch: Uint8Array, rev: number, kept: readonly LocalRevision[]): void {
    this.reset(epoch);
    this.rev = rev - kept.length;
    kept.forEach((revision) => this.push(revision));
  }

  private trim(): void {
    let from = Math.max(0, this.kept.length - REVISIONS_MAX);
    for (let i = 0; i < from; i++) this.bytes -= this.kept[i]!.bytes;
    while (this.bytes > BYTES_MAX) this.bytes -= this.kept[from++]!.bytes;
    this.kept = this.kept.slice(from);
  }
}
