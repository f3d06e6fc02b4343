/**
 * Storage in files, for Node: one file a document, its name the id as base64url. It is a sequence of
 * records:
 *
 *   size  what
 *      4  size of the bytes, little-endian
 *      4  the first bytes of their SHA-256
 *      1  tag: 1 checkpoint, 2 journal item, 3 summary (JSON; the last one counts)
 *      -  bytes, the tag counted in
 *
 * Appending adds records and flushes; replacing writes another file, renames it and flushes the folder, in
 * which else the old file would stand again after a loss of power, and what is appended be lost. A file that
 * breaks off in a record, or whose last record is damaged, ends before it: it was never confirmed.
 * `NAME.lock` holds the id of the process that has the document and when that was started, so that
 * another process of the same id, after the first was killed, is not taken for it.
 */
import { createHash } from "node:crypto";
import * as fs from "node:fs/promises";
import { dirname, join, resolve } from "node:path";

import type { Storage, StorageDoc, StoredDoc } from "../api.ts";

const CHECKPOINT = 1;
const ITEM = 2;
const SUMMARY = 3;
const HEAD_BYTES = 8;
const SUFFIX = ".weft";

interface Record {
  tag: number;
  bytes: Uint8Array;
}

function checksum(bytes: Uint8Array): Buffer {
  return createHash("sha256").update(bytes).digest().subarray(0, 4);
}

function encode(records: readonly Record[]): Buffer {
  return Buffer.concat(
    records.flatMap(({ tag, bytes }) => {
      const body = Buffer.concat([Buffer.of(tag), bytes]);
      const size = Buffer.alloc(4);
      size.writeUInt32LE(body.length);
      return [size, checksum(body), body];
    }),
  );
}

/** The whole records, and the size of the file up to their end. */
function decode(file: Buffer): { records: Record[]; size: number } {
  const records: Record[] = [];
  let size = 0;
  while (size + HEAD_BYTES < file.length) {
    const end = size + HEAD_BYTES + file.readUInt32LE(size);
    const body = file.subarray(size + HEAD_BYTES, end);
    if (end > file.length || !checksum(body).equals(file.subarray(size + 4, size + 8))) break;
    records.push({ tag: body[0]!, bytes: new Uint8Array(body.subarray(1)) });
    size = end;
  }
  return { records, size };
}

function summaryRecord(summary: StoredDoc): Record {
  return { tag: SUMMARY, bytes: Buffer.from(JSON.stringify(summary)) };
}

async function readOrNull(path: string): Promise<Buffer | null> {
  try {
    return await fs.readFile(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
}

/** So that the names in it outlive a loss of power. Windows opens no folder, and needs none of this. */
async function flushFolder(path: string): Promise<void> {
  if (process.platform === "win32") return;
  const folder = await fs.open(path, "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/** With all above it that is missing. */
async function makeFolder(path: string): Promise<void> {
  const first = await fs.mkdir(path, { recursive: true });
  if (first === undefined) return;
  const top = dirname(resolve(first));
  for (let at = resolve(path); at !== top; at = dirname(at)) await flushFolder(dirname(at));
}

class FileDoc implements StorageDoc {
  private file: fs.FileHandle | null = null;
  private summary = "";
  private readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  async load(): Promise<{ checkpoint: Uint8Array; journal: Uint8Array[] } | null> {
    const file = await readOrNull(this.path);
    if (!file) return null;
    const { records, size } = decode(file);
    const checkpoint = records.find((record) => record.tag === CHECKPOINT);
    if (!checkpoint) return null;
    this.file = await fs.open(this.path, "r+");
    await this.file.truncate(size);
    await this.file.close();
    this.file = await fs.open(this.path, "a");
    const journal = records.filter((record) => record.tag === ITEM).map((record) => record.bytes);
    return { checkpoint: checkpoint.bytes, journal };
  }

  async append(items: readonly Uint8Array[], summary: StoredDoc): Promise<void> {
    if (!this.file) throw new Error(`${this.path}: nothing to append to`);
    const records = items.map((bytes) => ({ tag: ITEM, bytes }));
    const { at: _, ...told } = summary;
    const text = JSON.stringify(told);
    if (text !== this.summary) records.push(summaryRecord(summary));
    this.summary = text;
    await this.file.appendFile(encode(records));
    await this.file.datasync();
  }

  async replace(checkpoint: Uint8Array, summary: StoredDoc): Promise<void> {
    const next = await fs.open(`${this.path}.new`, "w");
    try {
      await next.writeFile(encode([{ tag: CHECKPOINT, bytes: checkpoint }, summaryRecord(summary)]));
      await next.sync();
    } finally {
      await next.close();
    }
    await fs.rename(`${this.path}.new`, this.path);
    await flushFolder(dirname(this.path));
    await this.file?.close();
    this.file = await fs.open(this.path, "a");
  }

  async close(): Promise<void> {
    await this.file?.close();
    this.file = null;
    await unlock(`${this.path}.lock`);
  }
}

/** What this process has, or is about to take. */
const held = new Set<string>();
/** What stands in the locks of this process. */
let owner: Promise<string> | null = null;
let tries = 0;
/** So many thieves may have died in a row, each while it took the lock of the one before. */
const DEPTH_MAX = 3;

async function lock(path: string): Promise<void> {
  const ours = held.has(path);
  held.add(path);
  if (!ours && (await take(path, 0).catch((error: unknown) => refuse(path, error)))) return;
  if (!ours) held.delete(path);
  throw Object.assign(new Error(`${path}: another process has this document`), { code: "ELOCKED" });
}

function refuse(path: string, error: unknown): never {
  held.delete(path);
  throw error;
}

/** Also from a process that is gone. */
async function take(path: string, depth: number): Promise<boolean> {
  owner ??= startOf(process.pid).then((start) => `${process.pid} ${start}`);
  const own = `${path}.${process.pid}.${tries++}`;
  try {
    // Written elsewhere and linked: a lock is never seen without its owner.
    await fs.writeFile(own, await owner);
    if (await linked(own, path)) return true;
    if (depth === DEPTH_MAX || (await isTaken(path))) return false;
    // Its owner is dead. Who replaces it holds a lock for that: of two, the later would replace the earlier.
    const right = `${path}~`;
    if (!(await take(right, depth + 1))) return false;
    try {
      if (await linked(own, path)) return true;
      if (await isTaken(path)) return false;
      await fs.rename(own, path);
      return true;
    } finally {
      await fs.rm(right, { force: true });
    }
  } finally {
    await fs.rm(own, { force: true });
  }
}

async function linked(own: string, path: string): Promise<boolean> {
  try {
    await fs.link(own, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

async function unlock(path: string): Promise<void> {
  await fs.rm(path, { force: true });
  held.delete(path);
}

/** Whether its owner lives, or it has gone just now. */
async function isTaken(path: string): Promise<boolean> {
  const found = await readOrNull(path);
  if (!found) return true;
  const [pid, start] = String(found).split(" ");
  // Ours it is not, so it was left by an earlier process: in a container ids come again soon.
  if (Number(pid) === process.pid || !(Number(pid) > 0) || !alive(Number(pid))) return false;
  const now = await startOf(Number(pid));
  return !start || !now || start === now;
}

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** When a process was started (Linux: boot, and ticks since then); empty where that is not to be had. */
async function startOf(pid: number): Promise<string> {
  const read = (path: string) => fs.readFile(path, "utf8").catch(() => "");
  const [stat, boot] = await Promise.all([read(`/proc/${pid}/stat`), read("/proc/sys/kernel/random/boot_id")]);
  // The name, the second field, may hold anything; the start is the 22nd.
  const ticks = stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
  return ticks ? `${boot.trim()}:${ticks}` : "";
}

/** Keeps documents in a folder, which is made if it is missing. */
export function fileStorage(folder: string): Storage {
  const pathOf = (docId: string): string =>
    join(folder, Buffer.from(docId).toString("base64url") + SUFFIX);

  return {
    async doc(docId) {
      await makeFolder(folder);
      await lock(`${pathOf(docId)}.lock`);
      return new FileDoc(pathOf(docId));
    },

    async list() {
      const names = await fs.readdir(folder).catch(() => []);
      const files = names.filter((name) => name.endsWith(SUFFIX));
      const contents = await Promise.all(files.map((name) => readOrNull(join(folder, name))));
      const summaries = contents.flatMap((file) => {
        const records = file ? decode(file).records : [];
        const last = records.filter((record) => record.tag === SUMMARY).at(-1);
        return last ? [JSON.parse(Buffer.from(last.bytes).toString()) as StoredDoc] : [];
      });
      return summaries.sort((a, b) => b.at - a.at);
    },

    async remove(docId) {
      await lock(`${pathOf(docId)}.lock`);
      await fs.rm(pathOf(docId), { force: true });
      await unlock(`${pathOf(docId)}.lock`);
    },
  };
}
