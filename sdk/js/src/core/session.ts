/** Names: of sessions, of their authors, of documents (docs/protocol.md, "Opening a document"). */
import { concat, hex, utf8 } from "./bytes.ts";
import { sha256 } from "./sha256.ts";

export const SESSION_BYTES = 16;

/** `now`: milliseconds since 1970 by the server's clock; `random`: 10 bytes. */
export function mintSession(now: number, random: Uint8Array): Uint8Array {
  const session = new Uint8Array(SESSION_BYTES);
  const view = new DataView(session.buffer);
  const ms = Math.max(0, Math.floor(now));
  view.setUint16(0, Math.floor(ms / 2 ** 32));
  view.setUint32(2, ms % 2 ** 32);
  session.set(random.subarray(0, SESSION_BYTES - 6), 6);
  return session;
}

/** What others see of a session. */
export function authorOf(docId: string, session: Uint8Array): Uint8Array {
  return sha256(concat(utf8(docId), session)).subarray(0, 8);
}

export function randomBytes(size: number): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(size));
}

/** An id that nobody else has made and nobody can guess: to know it is the permission. */
export function newDocId(): string {
  return hex(randomBytes(16));
}
