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

/**
 * Why a checkpoint is to be written: the journal has grown; or something has happened that no journal
 * item says, so that only a checkpoint leads there.
 */
type Due = "none" | "grown" | "jump";

/** It takes so many items: into the journal, or (it has an id) into a checkpoint. */
interface Write {
  readonly count: number;
  readonly id: Uint8Array;
  readonly jump: boolean;
}
const IDLE: Write = { count: 0, id: NOTHING, jump: false };

/** What is stored for certain: a checkpoint (none: empty), and so many items behind it. */
export interface StoredPoint {
  readonly id: Uint8Array;
  readonly count: number;
}

export class Writer {
  persistence: Persistence;
  /** Behind the stored point: first those of the write under way, then those that wait. */
  private items: Uint8Array[] = [];
  private due: Due = "none";
  private journalBytes = 0;
  private journalItems = 0;
  private running: Promise<void> | null = null;
  private writing: Write | null = null;
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
    if (this.persistence.kind === "stored") this.add(encodeItem(item));
    this.start();
  }

  checkpoint(): void {
    this.due = "jump";
    this.start();
  }

  /**
   * The state was made with what had come late: with these items, or (null) another way. From now on it
   * is stored as everything else.
   */
  resumed(items: readonly Uint8Array[] | null): void {
    this.late = true;
    if (!items) return this.checkpoint();
    for (const item of items) this.add(item);
    this.start();
  }

  private add(item: Uint8Array): void {
    this.items.push(item);
    this.journalBytes += item.length;
    this.journalItems++;
    const limit = Math.max(JOURNAL_BYTES_MAX, (this.replica.text?.length ?? 0) / 4);
    if (this.due === "none" && (this.journalBytes > limit || this.journalItems > JOURNAL_ITEMS_MAX))
      this.due = "grown";
  }

  /** The page goes away, perhaps: what is not stored for certain is handed over at once. */
  leave(): void {
    const idle = this.items.length === 0 && this.due === "none" && !this.writing;
    if (idle || this.persistence.kind === "memory" || !this.storage!.late) return;
    const bytes = this.encodeLate();
    if (!bytes) return;
    this.storage!.late(bytes);
    this.late = true;
  }

  private encodeLate(): Uint8Array | null {
    const { items, due, point: { id: after, count } } = this;
    const { id: writing, count: taken, jump } = this.writing ?? IDLE;
    const late = { after, count, items, writing, taken, checkpoint: NOTHING };
    if (due !== "jump" && !jump) return encodeLate(late);
    const checkpoint = encodeCheckpoint(this.replica, randomBytes(8));
    const appended = writing.length > 0 ? [] : items.slice(0, taken);
    const whole = encodeLate({ ...late, items: appended, taken: 0, checkpoint });
    if (whole || due === "jump") return whole;
    // Too large. Then what comes behind the checkpoint that is being written.
    return encodeLate({ ...late, after: writing, count: 0, items: items.slice(taken), writing: NOTHING, taken: 0 });
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
      while (this.due !== "none" || this.items.length > 0) {
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
    const { due, point, items: { length: count } } = this;
    if (due === "none") {
      this.writing = { count, id: NOTHING, jump: false };
      await this.storage!.append([...this.items], summary);
      this.point = { id: point.id, count: point.count + count };
    } else {
      this.due = "none";
      this.journalBytes = this.journalItems = 0;
      const id = randomBytes(8);
      this.writing = { count, id, jump: due === "jump" };
      await this.storage!.replace(encodeCheckpoint(this.replica, id), summary);
      this.point = { id, count: 0 };
    }
    this.items.splice(0, count);
    this.writing = null;
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
