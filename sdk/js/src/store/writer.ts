/**
 * Brings what happens to a replica into its storage: one write is under way, what comes meanwhile is
 * the next. Where the storage fails the document goes on in memory, and says why.
 *
 * A page that goes away cannot wait for that: leave() hands what is not stored for certain over in one
 * step (core/late.ts), where the storage has a place for it.
 */
import type { Persistence, StorageDoc, StoredDoc } from "../api.ts";
import { encodeLate } from "../core/late.ts";
import { encodeCheckpoint, encodeItem } from "../core/stored.ts";
import type { JournalItem, Replica } from "../core/replica.ts";
import { randomBytes } from "../core/session.ts";
import { reasonOf } from "./reason.ts";

/** A journal past this, or past a quarter of the text, becomes a checkpoint: so a load stays short. */
const JOURNAL_BYTES_MAX = 256 * 1024;
const JOURNAL_ITEMS_MAX = 4000;

const NOTHING = new Uint8Array(0);

export interface WriterHost {
  /**
   * Everything up to this version and local revision of the replica, at this revision of the server, is
   * stored, or will never be.
   */
  stored(version: number, localRev: number, serverRev: number): void;
  changed(): void;
}

/** What is stored for certain: a checkpoint (none: empty), and so many items behind it. */
export interface StoredPoint {
  readonly id: Uint8Array;
  readonly count: number;
}

export class Writer {
  persistence: Persistence;
  private items: Uint8Array[] = [];
  private checkpointDue = false;
  private journalBytes = 0;
  private journalItems = 0;
  private running: Promise<void> | null = null;
  /** The write under way: items, or a checkpoint. */
  private writing: { items: Uint8Array[]; id: Uint8Array } = { items: [], id: NOTHING };
  /** There is something in the late place. */
  private late = false;

  private readonly storage: StorageDoc | null;
  private readonly replica: Replica;
  private readonly host: WriterHost;
  private point: StoredPoint;

  /** Without a storage, `reason` says why there is none. */
  constructor(
    replica: Replica, storage: StorageDoc | null, reason: Persistence["reason"], point: StoredPoint,
    host: WriterHost,
  ) {
    this.replica = replica;
    this.storage = storage;
    this.point = point;
    this.host = host;
    this.persistence = storage ? { kind: "stored" } : { kind: "memory", reason: reason! };
  }

  journal(item: JournalItem): void {
    if (this.persistence.kind === "memory" || this.checkpointDue) return this.start();
    const bytes = encodeItem(item);
    this.items.push(bytes);
    this.journalBytes += bytes.length;
    this.journalItems++;
    const limit = Math.max(JOURNAL_BYTES_MAX, (this.replica.text?.length ?? 0) / 4);
    if (this.journalBytes > limit || this.journalItems > JOURNAL_ITEMS_MAX) this.checkpoint();
    this.start();
  }

  checkpoint(): void {
    this.checkpointDue = true;
    this.items = [];
    this.start();
  }

  /** The state was made with what had come late: from now on that is stored as everything else. */
  resumed(): void {
    this.late = true;
    this.checkpoint();
  }

  /** The page goes away, perhaps: what is not stored for certain is handed over at once. */
  leave(): void {
    const { items, id } = this.writing;
    const whole = this.checkpointDue || id.length > 0;
    const idle = !whole && items.length + this.items.length === 0;
    if (idle || this.persistence.kind === "memory" || !this.storage!.late) return;
    const bytes = encodeLate({
      after: this.point.id,
      count: this.point.count,
      items: [...items, ...this.items],
      writing: id,
      checkpoint: whole ? encodeCheckpoint(this.replica, randomBytes(8)) : NOTHING,
    });
    if (!bytes) return;
    this.storage!.late(bytes);
    this.late = true;
  }

  /** Resolves when everything so far is stored. */
  async idle(): Promise<void> {
    while (this.running) await this.running;
  }

  async close(): Promise<void> {
    await this.idle();
    await this.storage?.close();
  }

  private start(): void {
    if (this.persistence.kind === "stored") this.running ??= this.run();
    else this.host.stored(Infinity, Infinity, Infinity);
  }

  private async run(): Promise<void> {
    // What happens in this turn belongs together: an edit and its launch are one write.
    await Promise.resolve();
    try {
      while (this.checkpointDue || this.items.length > 0) {
        const { version, local, position } = this.replica;
        const { rev } = local;
        await this.write();
        if (this.late) this.storage!.late?.(null);
        this.late = false;
        this.host.stored(version, rev, position?.rev ?? 0);
      }
    } catch (error) {
      this.persistence = { kind: "memory", reason: reasonOf(error) };
      this.items = [];
      this.host.stored(Infinity, Infinity, Infinity);
      this.host.changed();
    } finally {
      this.running = null;
    }
  }

  private async write(): Promise<void> {
    const summary = summaryOf(this.replica);
    const items = this.items;
    this.items = [];
    if (this.checkpointDue) {
      this.checkpointDue = false;
      this.journalBytes = this.journalItems = 0;
      const id = randomBytes(8);
      this.writing = { items: [], id };
      await this.storage!.replace(encodeCheckpoint(this.replica, id), summary);
      this.point = { id, count: 0 };
    } else {
      this.writing = { items, id: NOTHING };
      await this.storage!.append(items, summary);
      this.point = { id: this.point.id, count: this.point.count + items.length };
    }
    this.writing = { items: [], id: NOTHING };
  }
}

function summaryOf(replica: Replica): StoredDoc {
  return {
    id: replica.id,
    title: replica.title,
    at: Date.now(),
    unsaved: replica.unsaved,
    drafts: replica.drafts.length,
  };
}
