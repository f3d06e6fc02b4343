/**
 * A page that goes away writes what is not stored for certain in one step to a second, small place.
 * Whoever opens the document next has both: what the storage holds, which may or may not have taken
 * the writes that were under way, and what came late.
 *
 * What came late counts only where the storage holds a state that the page has been in. If somebody
 * went on from there meanwhile without having seen it, it does not, and what is stored stays as it is.
 */
import { sameBytes } from "./bytes.ts";
import { checkpointId } from "./stored.ts";
import { Late } from "../wire/gen/store.ts";

export interface StoredState {
  readonly checkpoint: Uint8Array;
  readonly journal: readonly Uint8Array[];
}

/** It has to fit beside those of other documents: browsers give such places 5 MB an origin. */
const LATE_BYTES_MAX = 512 * 1024;

/** Null: too large to be kept so. */
export function encodeLate(late: Late): Uint8Array | null {
  const size = late.items.reduce((sum, item) => sum + item.length, late.checkpoint.length);
  return size > LATE_BYTES_MAX ? null : Late.encode(late).finish();
}

/** The state with what came late, or null where that adds nothing. Throws where it is not readable. */
export function withLate(stored: StoredState | null, bytes: Uint8Array): StoredState | null {
  const late = Late.decode(bytes);
  const id = stored ? checkpointId(stored.checkpoint) : new Uint8Array(0);
  const journal = stored?.journal ?? [];
  const behind = journal.length - late.count;
  const follows = sameBytes(id, late.after) && behind >= 0 && behind <= late.items.length &&
    late.items.slice(0, behind).every((item, i) => sameBytes(item, journal[late.count + i]!));
  if (late.checkpoint.length > 0) {
    const written = late.writing.length > 0 && sameBytes(id, late.writing) && journal.length === 0;
    return follows || written ? { checkpoint: late.checkpoint, journal: [] } : null;
  }
  if (!follows || !stored || behind === late.items.length) return null;
  return { checkpoint: stored.checkpoint, journal: [...journal, ...late.items.slice(behind)] };
}
