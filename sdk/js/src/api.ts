/**
 * The types of the product's interface, and nothing else. What stands here is what bindings, pages
 * and product teams build on; `index.ts` exports it together with the functions.
 */

/** One component of a Quill Delta. Lengths count UTF-16 units. */
export interface DeltaOp {
  insert?: string | Record<string, unknown>;
  delete?: number;
  retain?: number;
  attributes?: Record<string, unknown>;
}
/** A change, or (of inserts only) contents. */
export type Delta = DeltaOp[];
/** Quill's own Delta objects are taken too. */
export type DeltaLike = readonly DeltaOp[] | { readonly ops: readonly DeltaOp[] };

/** `rich` ends in a newline, as Quill's documents do; `text` has no rule. */
export type DocKind = "rich" | "text";

// --- errors -----------------------------------------------------------------------------------

/**
 * Every failure that a caller can see. `code` is a name of docs/protocol.md, "Errors", or one of the
 * SDK's own:
 *
 * - `read-only`: there is no text yet, or this document may not be changed
 * - `embed-too-large`: an embed (a picture) is greater than one op may be; `detail` is the limit
 * - `bad-delta`: what was given is no Delta, or does not fit the document
 * - `closed`: the document or client was closed
 * - `no-websocket`: this Node.js has none; give `connect` a class
 */
export interface WeftErrorInfo {
  readonly code: string;
  /** The same again would get the same answer. What is not permanent the SDK tries again itself. */
  readonly permanent: boolean;
  /** What has ended: this op, the use of the document, the connection. */
  readonly scope: "op" | "doc" | "connection";
  readonly doc?: string;
  readonly detail?: number;
  readonly retryAfterMs?: number;
}

// --- client -----------------------------------------------------------------------------------

/** What the SDK needs of a WebSocket class: the browser's, Node's own, or that of the package ws. */
export interface WebSocketLike {
  binaryType: string;
  onopen: ((event: never) => void) | null;
  onmessage: ((event: { data: unknown } & never) => void) | null;
  onclose: ((event: { code: number; reason: string } & never) => void) | null;
  onerror: ((event: never) => void) | null;
  send(data: Uint8Array): void;
  close(code?: number, reason?: string): void;
}
export type WebSocketClass = new (url: string, protocols: string[]) => WebSocketLike;

export interface ConnectOptions {
  /** Gateways: `ws://` or `wss://`. They are tried in turn, from a random one on. */
  urls: string | readonly string[];
  /** Passed to the gateway as it is. A function is asked anew for every connection. */
  token?: string | (() => string | Promise<string>);
  /**
   * Where unsent text survives a reload. In browsers IndexedDB, if nothing is said; `fileStorage` of
   * `@weft/client/node` for Node. `memory`: nothing is kept.
   */
  storage?: Storage | "memory";
  WebSocket?: WebSocketClass;
}

/**
 * - `connecting`: on the way, also while it waits before the next try
 * - `online`: a gateway has said Welcome
 * - `offline`: told to be by `goOffline()`, or by the browser
 * - `failed`: a permanent error (`client.error`), for instance a refused token; `goOnline()` tries again
 */
export type ConnectionState = "connecting" | "online" | "offline" | "failed";

export interface Client {
  readonly state: ConnectionState;
  readonly error: Error & WeftErrorInfo | null;
  /** When the next try begins (milliseconds since 1970), while it waits for one. */
  readonly retryAt: number | null;
  onState(listener: (state: ConnectionState) => void): Unsubscribe;
  /**
   * Returns at once; the document becomes readable when its text is there, from storage or from the
   * server (`doc.ready`). Opening a document that is open gives the same Doc again.
   */
  open(docId: string, options?: OpenOptions): Doc;
  /** Documents that are stored here, newest first: for a list of recent ones. */
  stored(): Promise<StoredDoc[]>;
  /** Forgets what is stored of a document that is not open, unsent text and drafts too. */
  forget(docId: string): Promise<void>;
  goOffline(): void;
  goOnline(): void;
  /** Closes the documents, stores what is unsent, and ends the connection. */
  close(): Promise<void>;
}

export interface StoredDoc {
  readonly id: string;
  readonly title: string;
  /** Milliseconds since 1970, when it was last stored here. */
  readonly at: number;
  readonly unsaved: boolean;
  readonly drafts: number;
}

export type Unsubscribe = () => void;

// --- document ---------------------------------------------------------------------------------

export interface OpenOptions {
  /** Makes the document if it does not exist; the content of whoever comes first counts. */
  create?: {
    kind: DocKind;
    content?: DeltaLike;
    /**
     * The id has just been made (`newDocId()`), so nobody else can have made the document: it can be
     * written in at once, offline too.
     */
    fresh?: boolean;
  };
  /** Opens without a session: cannot change anything, others do not see it. */
  readonly?: boolean;
}

/**
 * What a person is told:
 * - `saved`: the server has acknowledged everything, and others' changes arrive
 * - `saving`: something typed is not acknowledged yet
 * - `offline`: no server now; what is typed is kept (`doc.persistence`) and sent later
 * - `resync`: the text is being fetched anew, because the history was not the one held here
 */
export type DocState = "saved" | "saving" | "offline" | "resync";

/**
 * Where unsent text is kept.
 * - `stored`: on disk, before anything leaves
 * - `memory`: nowhere else. A reload loses what is unsent. `reason` says why: asked for; the platform
 *   has no storage; it was denied; it is full; it failed; another process has the document; or there
 *   are no Web Locks, without which two tabs would spoil each other's state
 */
export interface Persistence {
  readonly kind: "stored" | "memory";
  readonly reason?: "asked" | "unavailable" | "denied" | "full" | "failed" | "taken" | "no-locks";
}

export interface Change {
  /** From the text before to the text now. */
  readonly delta: Delta;
  /**
   * - `local`: by `submit` of this Doc; `origin` is what was passed to it
   * - `tab`: typed in another tab of this browser
   * - `remote`: by others
   * - `reset`: the text was replaced (first text, or a resync); delta leads there all the same
   */
  readonly source: "local" | "tab" | "remote" | "reset";
  readonly origin?: unknown;
}

/** Unsent text that could not be put into the document. It is kept until `discard`. */
export interface Draft {
  readonly id: string;
  /** Milliseconds since 1970. */
  readonly at: number;
  /** The change, on the text that it was typed into. */
  readonly delta: Delta;
  /** Its inserted text alone: what a person wants to copy out. */
  readonly text: string;
  /** Some of it may be in the document already: ask a person, never submit it again by yourself. */
  readonly maybeIn: boolean;
  /** The name of the error that led here, or `resync`, or `exists` (somebody else had created it). */
  readonly reason: string;
}

export interface Doc {
  readonly id: string;
  readonly kind: DocKind;
  readonly state: DocState;
  /** Something typed here is not acknowledged yet. */
  readonly unsaved: boolean;
  /** No text yet, or no permission, or opened so: `submit` would throw. */
  readonly readonly: boolean;
  readonly persistence: Persistence;
  readonly error: Error & WeftErrorInfo | null;
  /** Resolves when there is text to show; rejects if there will be none (`no-such-document`). */
  readonly ready: Promise<void>;
  /** Revision of the server that the text is at; 0 before the first. */
  readonly revision: number;
  /** In UTF-16 units, the newline at the end included. */
  readonly length: number;

  contents(): Delta;
  text(): string;
  /**
   * Applies a change and sees to it that it reaches the server once. `origin` comes back in
   * `Change.origin`. Returns null; or, where a rule of the document made it another change (a `rich`
   * document keeps its last newline), what is to be applied to the editor on top to be in step again.
   * Throws `read-only`, `bad-delta`, `embed-too-large`: then nothing has happened, and
   * `invert(delta, …)` or `contents()` puts the editor back.
   */
  submit(delta: DeltaLike, origin?: unknown): Delta | null;
  onChange(listener: (change: Change) => void): Unsubscribe;
  /** state, unsaved, readonly, persistence, error, title or drafts have changed. */
  onStatus(listener: () => void): Unsubscribe;
  /** Resolves when nothing is unsaved. */
  saved(): Promise<void>;

  readonly title: string;
  setTitle(title: string): void;

  readonly presence: Presence;
  readonly drafts: Drafts;

  /**
   * Stores what is unsent and lets the document go; it is sent after the next `open`. Where
   * `persistence` is `memory` nothing is stored: wait for `saved()` first.
   */
  close(): Promise<void>;
}

export interface Drafts {
  list(): readonly Draft[];
  discard(id: string): void;
}

// --- presence ---------------------------------------------------------------------------------

/** Both ends of a selection; a bare cursor has them equal. In units of the text as it is now. */
export interface Cursor {
  readonly anchor: number;
  readonly head: number;
}

/** What one person shows. Together at most 1 KiB of JSON. */
export interface PresenceState {
  readonly name?: string;
  readonly color?: string;
  readonly cursor?: Cursor | null;
  /** Whatever else the product wants to show. */
  readonly data?: unknown;
}

export interface Peer extends PresenceState {
  /** Stable as long as the peer is here; not secret. */
  readonly id: string;
  /** Another tab of this browser. */
  readonly tab: boolean;
}

export interface Presence {
  /** Merged into what was set before; sent when it can be, at most as often as the server allows. */
  set(state: PresenceState): void;
  /** Who else is here. Cursors move with the text by themselves. */
  peers(): readonly Peer[];
  /** Somebody came, moved, or went; also after changes of the text that moved cursors. */
  onPresence(listener: (peers: readonly Peer[]) => void): Unsubscribe;
}

// --- storage ----------------------------------------------------------------------------------

/** What is stored of a document: the last checkpoint, the journal items after it, and what `late` got. */
export interface StoredText {
  readonly checkpoint: Uint8Array | null;
  readonly journal: readonly Uint8Array[];
  readonly late?: Uint8Array | undefined;
}

/** One document's entry in a storage: see docs/sdk.md, "Storage". One caller at a time has it. */
export interface StorageDoc {
  /** Null where nothing is stored. */
  load(): Promise<StoredText | null>;
  /** Appends to the journal in one step; resolves when a crash cannot undo it. */
  append(items: readonly Uint8Array[], summary: StoredDoc): Promise<void>;
  /** Replaces checkpoint and journal in one step. */
  replace(checkpoint: Uint8Array, summary: StoredDoc): Promise<void>;
  /**
   * Optional: keeps this (null: nothing any more) in a place that is written when the call returns. It
   * is called as the page goes away, with at most 1 MiB.
   */
  late?(bytes: Uint8Array | null): void;
  close(): Promise<void>;
}
export interface Storage {
  /**
   * Rejects with a DOMException or an Error: the document then works in memory and says why.
   */
  doc(docId: string): Promise<StorageDoc>;
  list(): Promise<StoredDoc[]>;
  remove(docId: string): Promise<void>;
}
