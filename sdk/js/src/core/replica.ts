/**
 * A document as one client has it: text, position, the op in flight, what waits, drafts; and the
 * transitions between such states. It knows nothing of connections (doc.ts) and of disks: each
 * transition is told to the host as a journal item, or as a checkpoint where it is no small step,
 * and replaying these gives the same state again (stored.ts).
 *
 *   text = text of the server at `position` + op in flight + buffer
 *
 * Rules (docs/protocol.md, "Editing"): one op in flight; it never changes and is never composed with
 * others; foreign ops pass first the op in flight, then the buffer, each once, foreign side first.
 */
import {
  compose, decode, encode, encodedSize, Document, IDENTITY, type Op, OpBuilder, transform,
} from "../ot/index.ts";
import { fromUtf8, hex, sameBytes, utf8 } from "./bytes.ts";
import { LocalHistory } from "./history.ts";
import { Kind } from "./kinds.ts";
import { authorOf } from "./session.ts";
import { COMPONENTS_MAX, split } from "./split.ts";
import type { Record } from "../wire/gen/client.ts";
import type { Item } from "../wire/gen/store.ts";

export type JournalItem = NonNullable<Item["item"]>;

export interface Position {
  readonly rev: number;
  readonly hash: Uint8Array;
}

export interface Flight {
  readonly kind: number;
  /** As it left, and leaves again. */
  readonly sent: Uint8Array;
  readonly base: Position;
  /** As it applies to the text of now; null: not an edit. */
  op: Op | null;
}

export interface StoredDraft {
  readonly id: string;
  readonly at: number;
  readonly op: Op;
  readonly maybeIn: boolean;
  readonly reason: string;
}

/** Who typed an edit: a following tab, by its name for it. */
export interface TabName {
  readonly author: Uint8Array;
  readonly seq: number;
}

export type ChangeSource = "local" | "tab" | "remote" | "reset";

export interface ReplicaHost {
  /** From the text before to the text now; author: empty where not known, or our own. */
  changed(op: Op, source: ChangeSource, author: Uint8Array): void;
  /** A record of the server, as it stands in the history: for what is kept in its coordinates. */
  committed(record: Record, op: Op | null, rev: number): void;
  /** What has happened, to be stored. */
  journal(item: JournalItem): void;
  /** Everything is to be stored anew. */
  checkpoint(): void;
  now(): number;
  random(size: number): Uint8Array;
}

/** Thrown where the server's history and ours do not meet: a bug somewhere, or a lost tail. */
export class Diverged extends Error {}

const NOBODY = new Uint8Array(0);
const OP_BYTES_MAX = 256 * 1024;
/** What is pasted is stored in pieces: a page that goes away meanwhile keeps as many as it can (late.ts). */
const PIECE_BYTES = 128 * 1024;

export class Replica {
  kind = 0;
  session: Uint8Array = NOBODY;
  author: Uint8Array = NOBODY;
  attempt = 0;
  /** Of the op in flight, or the last one acked. */
  seq = 0;
  text: Document | null = null;
  position: Position | null = null;
  flight: Flight | null = null;
  buffer: Op | null = null;
  nextTitle: string | null = null;
  serverTitle = "";
  create: { kind: number; content: Uint8Array; fresh: boolean } | null = null;
  /** What is unsent was sent under a session that was given up: it may be in the history. */
  unsure = false;
  /** Why the last session was given up. */
  reason = "";
  /** The server has refused an edit of ours. */
  denied = false;
  drafts: StoredDraft[] = [];
  opBytesMax = OP_BYTES_MAX;
  opComponentsMax = COMPONENTS_MAX;
  /** Counts what was told to the host to be stored. */
  version = 0;
  readonly local: LocalHistory;
  readonly id: string;
  private readonly host: ReplicaHost;

  constructor(id: string, host: ReplicaHost) {
    this.id = id;
    this.host = host;
    this.local = new LocalHistory(host.random(16));
  }

  get unsaved(): boolean {
    return !!(this.flight || this.buffer || this.nextTitle !== null || this.create);
  }

  get title(): string {
    if (this.nextTitle !== null) return this.nextTitle;
    return this.flight?.kind === Kind.TITLE ? fromUtf8(this.flight.sent) : this.serverTitle;
  }

  setSession(session: Uint8Array): void {
    this.session = session;
    this.author = session.length > 0 ? authorOf(this.id, session) : NOBODY;
    this.seq = this.attempt = 0;
  }

  // --- what is typed ---

  /** Throws what Text.check throws; then nothing has happened. */
  edit(op: Op, by?: TabName): void {
    this.text!.check(op, this.kind === 1);
    if (op.isIdentity && !by) return;
    // A tab's edit has one name, so it stays one.
    for (let rest: Op | null = op, piece: Op; rest; this.edited(piece, by))
      [piece, rest] = by ? [rest, null] : split(rest, PIECE_BYTES);
  }

  /** One that is known to fit. */
  edited(op: Op, by?: TabName): void {
    this.text = this.text!.apply(op);
    const buffer = this.buffer ? compose(this.buffer, op) : op;
    this.buffer = buffer.isIdentity ? null : buffer;
    const author = by?.author ?? NOBODY, seq = by?.seq ?? 0;
    const bytes = encode(op);
    this.local.push({ kind: Kind.EDIT, body: op, author, seq, bytes: bytes.length + 50 });
    this.journal({ $case: "edit", value: { op: bytes, author, seq } });
    this.host.changed(op, by ? "tab" : "local", author);
  }

  setTitle(title: string, by?: TabName): void {
    this.nextTitle = title;
    const author = by?.author ?? NOBODY, seq = by?.seq ?? 0;
    this.local.push({ kind: Kind.TITLE, body: title, author, seq, bytes: title.length + 50 });
    this.journal({ $case: "title", value: { title, author, seq } });
  }

  // --- what leaves ---

  /** Whether there is something that could take off. */
  get waiting(): boolean {
    return !this.flight && !!this.position && (!!this.buffer || this.nextTitle !== null);
  }

  /** What waits takes off: the buffer, or as much of it as one op may carry; then the title. */
  launch(): void {
    if (!this.buffer) return this.launched(Kind.TITLE, utf8(this.nextTitle!), null, null);
    const [first, rest] = split(this.buffer, this.opBytesMax, this.opComponentsMax);
    this.launched(Kind.EDIT, encode(first), first, rest);
  }

  launched(kind: number, sent: Uint8Array, op: Op | null, rest: Op | null): void {
    if (kind === Kind.TITLE) this.nextTitle = null;
    else this.buffer = rest;
    this.seq++;
    this.flight = { kind, sent, base: this.position!, op };
    const stays = rest ? encode(rest) : NOBODY;
    this.journal({ $case: "launch", value: { seq: this.seq, kind, sent, rest: stays } });
  }

  // --- what the server says ---

  /** Records that follow our position (or revision 1, which we created), up to `position`. */
  remote(records: readonly Record[], position: Position, lastSeq = 0): void {
    let rev = this.position?.rev ?? 1;
    for (const record of records) {
      rev += record.count || 1;
      if (this.isOwn(record)) this.own(record, rev);
      else this.foreign(record, rev);
    }
    this.position = position;
    this.create = null; // no other answer says that it is we who created
    if (!this.flight && lastSeq > this.seq) this.seq = lastSeq; // a former life used this session
    this.journal({
      $case: "remote",
      value: { records: [...records], rev: position.rev, hash: position.hash, lastSeq },
    });
  }

  private isOwn(record: Record): boolean {
    return record.seq > 0 && this.author.length > 0 && sameBytes(record.author, this.author);
  }

  /** It must equal what the op in flight has become. */
  private own(record: Record, rev: number): void {
    const { flight } = this;
    if (!flight || record.seq !== this.seq || record.kind !== flight.kind) {
      // Somebody went on with this session from a state that we do not have.
      this.unsure = true;
      throw new Diverged(`seq ${record.seq} of this session is not the op in flight`);
    }
    const expected = flight.op ? encode(flight.op) : flight.sent;
    if (!sameBytes(record.body, expected))
      throw new Diverged(`seq ${record.seq} came out as another op than computed here`);
    if (flight.kind === Kind.TITLE) this.serverTitle = fromUtf8(flight.sent);
    this.flight = null;
    this.host.committed(record, flight.op, rev);
  }

  private foreign(record: Record, rev: number): void {
    switch (record.kind) {
      case Kind.EDIT: {
        const op = decode(record.body);
        this.foreignEdit(op, record.author);
        return this.host.committed(record, op, rev);
      }
      case Kind.NONE:
        throw new Diverged("a record of a kind that is not known: who knows what it did");
      case Kind.TITLE:
        this.foreignTitle(fromUtf8(record.body));
        break;
      case Kind.PERMISSION:
        this.denied = false; // perhaps; the next refusal tells
    }
    this.host.committed(record, null, rev);
  }

  private foreignEdit(item: Op, author: Uint8Array): void {
    const { flight, buffer } = this;
    let op = item;
    let flying = flight?.op ?? null, waits = buffer;
    if (flying) [op, flying] = pass(op, flying);
    if (waits) [op, waits] = pass(op, waits);
    this.text = this.text!.apply(op);
    if (flight) flight.op = flying;
    this.buffer = waits;
    const bytes = encodedSize(op) + 50;
    this.local.push({ kind: Kind.EDIT, body: op, author: NOBODY, seq: 0, bytes });
    this.host.changed(op, "remote", author);
  }

  private foreignTitle(title: string): void {
    const before = this.title;
    this.serverTitle = title;
    if (this.title === before) return;
    const bytes = title.length + 50;
    this.local.push({ kind: Kind.TITLE, body: title, author: NOBODY, seq: 0, bytes });
  }

  /**
   * The whole document takes the place of the text. What was unsent becomes a draft; true if it may
   * be in the history, so that only a new session is safe.
   */
  replace(content: Op, kind: number, position: Position, title: string, reason: string): boolean {
    const sent = this.flight !== null;
    if (this.flight?.op || this.buffer)
      this.addDraft(this.pending(), sent || this.unsure, reason || this.reason || "exists");
    if (this.flight?.kind === Kind.TITLE) this.nextTitle ??= fromUtf8(this.flight.sent);
    this.dropPending();
    this.create = null;
    this.kind = kind;
    this.position = position;
    this.serverTitle = title;
    this.setText(content);
    this.checkpoint();
    return sent;
  }

  /** The text is what we ask to be created: now, if nobody else can have made it. */
  setText(content: Op): void {
    const before = this.text?.length ?? 0;
    this.text = Document.of(content);
    this.local.reset(this.host.random(16));
    this.host.changed(compose(new OpBuilder().delete(before).finish(), content), "reset", NOBODY);
  }

  /** All that is unsent or unanswered, as one op on the text without it. */
  pending(): Op {
    const ops = [
      this.create?.fresh ? decode(this.create.content) : null,
      this.flight?.op ?? null,
      this.buffer,
    ];
    return ops.reduce<Op>((all, op) => (op ? compose(all, op) : all), IDENTITY);
  }

  private dropPending(): void {
    this.flight = this.buffer = null;
    this.unsure = false;
    this.reason = "";
  }

  addDraft(op: Op, maybeIn: boolean, reason: string): void {
    const id = hex(this.host.random(8));
    this.drafts.push({ id, at: this.host.now(), op, maybeIn, reason });
  }

  /** One that was made elsewhere. */
  keepDraft(draft: StoredDraft): void {
    this.drafts.push(draft);
    this.checkpoint();
  }

  discardDraft(id: string): void {
    this.drafts = this.drafts.filter((draft) => draft.id !== id);
    this.checkpoint();
  }

  // --- the end of a session ---

  /**
   * Goes on under another session. `doubtful`: what is unsent may be in the history, or must not be
   * submitted again; it becomes a draft when the snapshot comes, which is then asked for.
   */
  renew(session: Uint8Array, reason: string, doubtful: boolean, maybeIn: boolean): void {
    if (doubtful || this.flight) {
      const title = this.flight?.kind === Kind.TITLE ? fromUtf8(this.flight.sent) : null;
      const edits = [this.flight?.op ?? null, this.buffer].filter((op) => op !== null);
      this.buffer = edits.length > 0 ? edits.reduce((a, b) => compose(a, b)) : null;
      this.nextTitle ??= reason === "denied" || reason === "bad-title" ? null : title;
      this.flight = null;
      this.unsure ||= maybeIn;
      this.reason = reason;
      // The text is that of the position only if nothing of ours is in it.
      if (this.buffer) this.position = null;
    }
    this.setSession(session);
    this.checkpoint();
  }

  private journal(item: JournalItem): void {
    this.version++;
    this.host.journal(item);
  }

  checkpoint(): void {
    this.version++;
    this.host.checkpoint();
  }

  /** The text is not that of any position of the server, or may not be. */
  forgetPosition(): void {
    this.position = null;
    this.checkpoint();
  }
}

/** A foreign op meets one of ours: both rewritten over the other. The foreign one comes first. */
export function pass(foreign: Op, own: Op): [foreign: Op, own: Op] {
  return [transform(own, foreign, false), transform(foreign, own, true)];
}

