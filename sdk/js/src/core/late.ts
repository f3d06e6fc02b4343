/**
 * A page that goes away writes what is not stored for certain in one step to a second, small place.
 * Whoever opens the document next has both: what the storage holds, which may or may not have taken
 * the writes that were under way, and what came late.
 *
 * What came late counts only where the storage holds a state that the page has been in. If somebody
 * went on from there meanwhile without having seen it, it does not, and what is stored stays as it is.
 */
import { encode, decode } from "../ot/index.ts";
import { sameBytes } from "./bytes.ts";
import { Kind } from "./kinds.ts";
import { split } from "./split.ts";
import { checkpointId } from "./stored.ts";
import { Late, Words } from "../wire/gen/store.ts";

export interface StoredState {
  readonly checkpoint: Uint8Array;
  readonly journal: readonly Uint8Array[];
}

/** It has to fit beside those of other documents: browsers give such places 5 million units an origin. */
const LATE_BYTES_MAX = 1024 * 1024;

/** As many items as fit: each of them leads to a state that the page has been in. Null: nothing fits. */
export function encodeLate(late: Late): Uint8Array | null {
  let room = LATE_BYTES_MAX - late.checkpoint.length;
  if (room < 0) return null;
  const over = late.items.findIndex((item) => (room -= item.length) < 0);
  const items = over < 0 ? late.items : late.items.slice(0, over);
  if (items.length === 0 && late.checkpoint.length === 0) return null;
  return Late.encode({ ...late, items }).finish();
}

/** As much as fits of what a following tab has typed: from the first of it on. */
export function encodeWords(words: Words): Uint8Array {
  let room = LATE_BYTES_MAX;
  const said = [];
  for (const { kind, body: whole } of words.said) {
    const fits = whole.length <= room;
    const body = fits || kind !== Kind.EDIT ? whole : encode(split(decode(whole), room)[0]);
    if (body.length <= room) said.push({ kind, body });
    room -= body.length;
    if (!fits) break; // what follows is based on all of it
  }
  return Words.encode({ ...words, said }).finish();
}

/**
 * The state with what came late, or null where that adds nothing: the storage's own items first. Throws
 * where it is not readable.
 */
export function withLate(stored: StoredState | null, bytes: Uint8Array): StoredState | null {
  const late = Late.decode(bytes);
  const id = stored ? checkpointId(stored.checkpoint) : new Uint8Array(0);
  const journal = stored?.journal ?? [];
  const written = late.writing.length > 0 && sameBytes(id, late.writing);
  const behind = written ? journal.length : journal.length - late.count;
  const first = written ? late.taken : 0;
  const follows = (written || sameBytes(id, late.after)) && behind >= 0 && first + behind <= late.items.length &&
    late.items.slice(first, first + behind).every((item, i) => sameBytes(item, journal.at(i - behind)!));
  if (late.checkpoint.length > 0) {
    if (written ? journal.length > 0 : !follows) return null;
    return { checkpoint: late.checkpoint, journal: [] };
  }
  const more = late.items.slice(first + behind);
  return follows && stored && more.length > 0
    ? { checkpoint: stored.checkpoint, journal: [...journal, ...more] }
    : null;
}
