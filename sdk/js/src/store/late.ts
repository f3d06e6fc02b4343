/**
 * A small place that is written in one step, also by a page that is going away: localStorage, as
 * base64. Where it is denied or full nothing is kept in it.
 *
 *   weft-late:ID        what the tab that led has not stored for certain (Late of proto/store.proto)
 *   weft-words:ID:TAB   what a tab that followed has typed last (Words)
 */
export const lateKey = (id: string): string => `weft-late:${id}`;
export const wordsKey = (id: string, tab: string): string => `weft-words:${id}:${tab}`;

/** The keys of all tabs that left words for a document. */
export function wordsKeys(id: string): string[] {
  const prefix = wordsKey(id, "");
  return guarded(() => Object.keys(localStorage), [])
    .filter((key) => key.startsWith(prefix) && /^[0-9a-f]{16}$/.test(key.slice(prefix.length)));
}

export function readLate(key: string): Uint8Array | null {
  return guarded(() => {
    const text = localStorage.getItem(key);
    return text === null ? null : Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
  }, null);
}

/** Null: takes it away. */
export function writeLate(key: string, bytes: Uint8Array | null): void {
  guarded(() => {
    if (!bytes) return localStorage.removeItem(key);
    const text = Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
    localStorage.setItem(key, btoa(text));
  }, undefined);
}

function guarded<T>(act: () => T, otherwise: T): T {
  try {
    return act();
  } catch {
    return otherwise;
  }
}
