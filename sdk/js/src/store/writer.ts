/**
 * Brings what happens to a replica into its storage: one write is under way, what comes meanwhile is
 * the next. Where the storage fails the document goes on in memory, and says why.
 */
import type { Persistence, StorageDoc, StoredDoc } from "../api.ts";
import { encodeCheckpoint, encodeItem } from "../core/stored.ts";
import type { JournalItem, Replica } from "../core/replica.ts";
import { reasonOf } from "./reason.ts";

/** A journal past this, or past a quarter of the text, becomes a checkpoint: so a load stays short. */
const JOURNAL_BYTES_MAX = 256 * 1024;
const JOURNAL_ITEMS_MAX = 4000;

export interface WriterHost {
  /** Everything up to this version and local revision of the replica is stored, or will never be. */
  stored(version: number, localRev: number): void;
  changed(): void;
}

export class Writer {
  persistence: Persistence;
  private items: Uint8Array[] = [];
  private checkpointDue = false;
  private journalBytes = 0;
  private journalItems = 0;
  private running: Promise<void> | null = null;

  private readonly storage: StorageDoc | null;
  private readonly replica: Replica;
  private readonly host: WriterHost;

  /** Without a storage, `reason` says why there is none. */
  constructor(
    replica: Replica, storage: StorageDoc | null, reason: Persistence["reason"], host: WriterHost,
  ) {
    this.replica = replica;
    this.storage = storage;
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
    else this.host.stored(Infinity, Infinity);
  }

  private async run(): Promise<void> {
    // What happens in this turn belongs together: an edit and its launch are one write.
    await Promise.resolve();
    try {
      while (this.checkpointDue || this.items.length > 0) {
        const { version, local } = this.replica;
        const { rev } = local;
        await this.write();
        this.host.stored(version, rev);
      }
    } catch (error) {
      this.persistence = { kind: "memory", reason: reasonOf(error) };
      this.items = [];
      this.host.stored(Infinity, Infinity);
      this.host.changed();
    } finally {
      this.running = null;
    }
  }

  private write(): Promise<void> {
    const summary = summaryOf(this.replica);
    if (this.checkpointDue) {
      this.checkpointDue = false;
      this.items = [];
      this.journalBytes = this.journalItems = 0;
      return this.storage!.replace(encodeCheckpoint(this.replica), summary);
    }
    const items = this.items;
    this.items = [];
    return this.storage!.append(items, summary);
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
