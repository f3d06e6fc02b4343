/**
 * Storage in IndexedDB. Who has a document here holds its Web Lock, so nobody else writes it.
 *
 *   docs         id → StoredDoc
 *   checkpoints  id → bytes
 *   journal      [id, number] → bytes
 *
 * A transaction that is under way when its page goes may be aborted, and none can be awaited then: what
 * the page has not stored for certain stands in localStorage (late.ts).
 */
import type { Storage, StorageDoc, StoredDoc, StoredText } from "../api.ts";
import { lateKey, readLate, wordsKeys, writeLate } from "./late.ts";

const NAME = "weft";
const STORES = ["docs", "checkpoints", "journal"];

function result<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

/** Resolves when it is on disk. */
function done(transaction: IDBTransaction): Promise<void> {
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onabort = () => reject(transaction.error ?? new Error("the transaction was aborted"));
  });
}

/** Nothing more is asked of it: it need not come back to a page that may be gone by then. */
function committed(transaction: IDBTransaction): Promise<void> {
  transaction.commit();
  return done(transaction);
}

function open(): Promise<IDBDatabase> {
  const request = indexedDB.open(NAME, 1);
  request.onupgradeneeded = () => STORES.forEach((name) => request.result.createObjectStore(name));
  return result(request);
}

/** All journal keys of a document: an array sorts behind every number. */
const journalOf = (id: string): IDBKeyRange => IDBKeyRange.bound([id], [id, []]);

class IndexedDoc implements StorageDoc {
  private next = 0;
  private readonly db: IDBDatabase;
  private readonly id: string;

  constructor(db: IDBDatabase, id: string) {
    this.db = db;
    this.id = id;
  }

  async load(): Promise<StoredText | null> {
    const transaction = this.db.transaction(STORES);
    const journal = transaction.objectStore("journal");
    const [checkpoint, items, keys] = await Promise.all([
      result<Uint8Array | undefined>(transaction.objectStore("checkpoints").get(this.id)),
      result<Uint8Array[]>(journal.getAll(journalOf(this.id))),
      result(journal.getAllKeys(journalOf(this.id))),
    ]);
    const last = keys.at(-1) as [string, number] | undefined;
    this.next = last ? last[1] + 1 : 0;
    // Behind the others: what a page wrote as it went is older than its end, and so than our lock.
    const late = readLate(lateKey(this.id)) ?? undefined;
    if (checkpoint) return { checkpoint, journal: items, late };
    return late ? { checkpoint: null, journal: [], late } : null;
  }

  append(items: readonly Uint8Array[], summary: StoredDoc): Promise<void> {
    const transaction = this.writing();
    const journal = transaction.objectStore("journal");
    for (const item of items) journal.put(item, [this.id, this.next++]);
    transaction.objectStore("docs").put(summary, this.id);
    return committed(transaction);
  }

  replace(checkpoint: Uint8Array, summary: StoredDoc): Promise<void> {
    const transaction = this.writing();
    transaction.objectStore("journal").delete(journalOf(this.id));
    transaction.objectStore("checkpoints").put(checkpoint, this.id);
    transaction.objectStore("docs").put(summary, this.id);
    return committed(transaction);
  }

  late(bytes: Uint8Array | null): void {
    writeLate(lateKey(this.id), bytes);
  }

  async close(): Promise<void> {
    this.db.close();
  }

  /** `strict`: a loss of power takes nothing either. */
  private writing(): IDBTransaction {
    return this.db.transaction(STORES, "readwrite", { durability: "strict" });
  }
}

export function indexedDbStorage(): Storage {
  return {
    async doc(docId) {
      const db = await open();
      // Another page of a later version wants to change the stores: what is written here fails then,
      // and the document goes on in memory.
      db.onversionchange = () => db.close();
      return new IndexedDoc(db, docId);
    },

    async list() {
      const db = await open();
      const docs = await result<StoredDoc[]>(db.transaction("docs").objectStore("docs").getAll());
      db.close();
      return docs.sort((a, b) => b.at - a.at);
    },

    async remove(docId) {
      const db = await open();
      const transaction = db.transaction(STORES, "readwrite");
      transaction.objectStore("journal").delete(journalOf(docId));
      transaction.objectStore("checkpoints").delete(docId);
      transaction.objectStore("docs").delete(docId);
      for (const key of [lateKey(docId), ...wordsKeys(docId)]) writeLate(key, null);
      await done(transaction);
      db.close();
    },
  };
}
