/** What a person is told about a document, in sentences. */
import type { Client, Doc, Persistence, WeftErrorInfo } from "@weft/client";

export interface StateWords {
  readonly kind: "saved" | "saving" | "offline" | "resync" | "opening" | "failed";
  /** For the bar. */
  readonly short: string;
  /** The whole of it, for a tooltip and a screen reader. */
  readonly long: string;
}

export function stateWords(client: Client, doc: Doc): StateWords {
  if (client.state === "failed" || doc.error?.permanent)
    return { kind: "failed", short: "Stopped", long: errorWords(doc.error ?? client.error) };
  if (doc.state === "resync")
    return { kind: "resync", short: "Fetching anew", long: "The text is being fetched anew." };
  if (doc.state === "offline") {
    const kept = doc.persistence.kind === "stored";
    const where = kept ? "on this device" : "in this tab only: keep it open";
    return {
      kind: "offline",
      short: doc.unsaved ? (kept ? "Kept on this device" : "Keep this tab open") : "Offline",
      long: doc.unsaved
        ? `Offline. What you wrote is kept ${where}, and is sent when you are online again.`
        : `Offline. You can write on; it is kept ${where}.`,
    };
  }
  if (doc.unsaved || doc.state === "saving")
    return { kind: "saving", short: "Saving…", long: "Being saved." };
  return { kind: "saved", short: "Saved", long: "Everything is saved." };
}

/** Why what is unsent is in memory only; null where it is on disk. */
export function persistenceWords(persistence: Persistence): string | null {
  if (persistence.kind === "stored") return null;
  const why: Record<string, string> = {
    denied: "This browser does not let the page keep anything (a private window, perhaps)",
    unavailable: "This browser has no place to keep text",
    full: "This device is full",
    failed: "This device could not store what you write",
    "no-locks": "This browser cannot keep tabs apart",
    taken: "Another program has this document",
  };
  const words = why[persistence.reason ?? ""];
  return words ? `${words}. Keep this tab open until everything is saved.` : null;
}

export function errorWords(error: (Error & Partial<WeftErrorInfo>) | null): string {
  switch (error?.code) {
    case "no-such-document":
      return "There is no document with this link.";
    case "denied":
      return "You may not open this document.";
    case "read-only":
      return "This document cannot be changed now.";
    case "embed-too-large":
      return `That picture is too large: ${kilobytes(error.detail)} is the most.`;
    case "document-too-large":
      return "The document is as large as a document may be. What you wrote last is kept as a draft.";
    case "bad-doc-id":
      return "This link is not whole.";
    case "quarantined":
      return "This document can only be read until somebody has looked after it.";
    case "unauthenticated":
      return "The server does not know you.";
    default:
      return error?.message ?? "Something went wrong.";
  }
}

export function kilobytes(bytes: number | undefined): string {
  return bytes === undefined ? "somewhat less" : `${Math.floor(bytes / 1024).toLocaleString()} KB`;
}

const STEPS: readonly [number, Intl.RelativeTimeFormatUnit][] = [
  [60, "second"],
  [60, "minute"],
  [24, "hour"],
  [7, "day"],
  [4.35, "week"],
  [12, "month"],
  [Infinity, "year"],
];

export function ago(at: number, now = Date.now()): string {
  let distance = (at - now) / 1000;
  if (distance > -45) return "just now";
  for (const [size, unit] of STEPS) {
    if (-distance < size)
      return new Intl.RelativeTimeFormat("en", { numeric: "auto" }).format(Math.round(distance), unit);
    distance /= size;
  }
  return "";
}

/** Why a draft is a draft. */
export function draftWords(reason: string, maybeIn: boolean): string {
  const why =
    reason === "resync"
      ? "The document was restored to an earlier state before this had arrived."
      : reason === "session-expired"
        ? "This was written so long ago that the server no longer knows whether it has it."
        : reason === "exists"
          ? "Somebody else had begun a document with this link."
          : "This could not be put into the document.";
  return maybeIn ? `${why} Some of it may be in the text already.` : why;
}
