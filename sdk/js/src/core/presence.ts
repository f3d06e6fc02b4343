/**
 * Who is here, and where their cursors are, for one document. Cursors are kept in units of the text as
 * it is now, with what is unsent, and move with every change of it.
 *
 * On the way they stand at a revision of the server. The sender maps its own back over what it has
 * unsent; it can be no more exact than that, and need not be: the op that it was mapped back over
 * carries the cursor along when it arrives. The receiver maps forward over the revisions since, then
 * over its own unsent ops. A peer's own inserts push its cursor, others' at the same place do not.
 *
 * Presence is not stored by the server, so whoever comes learns of the others when they send next:
 * they do when somebody new appears, and every now and then, which also tells that they live.
 */
import { canonicalJson, DELETE, type Op, RETAIN, transformCursor } from "../ot/index.ts";
import type { Cursor, Peer, PresenceState } from "../api.ts";
import { fromUtf8, hex, sameBytes, utf8 } from "./bytes.ts";
import type { Limits } from "./conn.ts";
import { refusal } from "./errors.ts";
import type { Replica } from "./replica.ts";
import type { UpFrame } from "../wire/frames.ts";
import type { Presence as PresenceFrame } from "../wire/gen/client.ts";

/** Cursors follow the text by themselves: what is sent are jumps, and ten of them a second look smooth. */
const SEND_EVERY_MS = 100;
const REPEAT_EVERY_MS = 15_000;
const SILENT_MS = 40_000;
/** An answer to somebody new comes within this time, at random: not all at once. */
const GREET_WITHIN_MS = 1000;
/** Ops of the server that a late frame may have to be mapped over. */
const RECENT_MAX = 200;
/** A document may have more viewers than a person can tell apart; a list of more is of no use. */
const PEERS_MAX = 500;

interface Recent {
  readonly rev: number;
  readonly op: Op;
  readonly author: Uint8Array;
}

/** Somebody said something of himself, or (null) went. */
export interface PeerNews {
  readonly author: Uint8Array;
  readonly state: PresenceState | null;
}

interface Held {
  readonly author: Uint8Array;
  peer: Peer;
  heardAt: number;
}

export class PresenceCore {
  /** What this tab shows. */
  private mine: PresenceState = {};
  /** What is sent: of this tab, or of the one that was last heard among those that share the session. */
  private own: PresenceState = {};
  private sendAt = Infinity;
  private sentAt = -Infinity;
  private bytesMax = 1024;
  private readonly held = new Map<string, Held>();
  private recent: Recent[] = [];
  /** Presence taken at a revision that we have not reached: the last one of each author. */
  private readonly early = new Map<string, PresenceFrame>();
  private readonly replica: Replica;
  private readonly random: () => number;
  private readonly changed: (news?: PeerNews) => void;

  constructor(replica: Replica, random: () => number, changed: (news?: PeerNews) => void) {
    this.replica = replica;
    this.random = random;
    this.changed = changed;
  }

  peers(): Peer[] {
    return [...this.held.values()].map(({ peer }) => peer);
  }

  set(state: PresenceState, now: number): void {
    const next = { ...this.mine, ...state };
    const size = presenceBytes(next).length;
    if (size > this.bytesMax)
      throw refusal("presence-too-large", `presence is at most ${this.bytesMax} bytes`, this.bytesMax);
    this.mine = next;
    this.send(next, now);
    this.changed({ author: this.replica.author, state: next });
  }

  private send(state: PresenceState, now: number): void {
    this.own = state;
    this.sendBy(Math.max(now, this.sentAt + SEND_EVERY_MS));
  }

  /** Another role of the same tab goes on with what was shown. */
  inherit(from: PresenceCore): void {
    this.mine = this.own = from.mine;
    this.sendBy(0);
  }

  // --- the other tabs of this browser, where this one leads ---

  /** `since`: what changed the text after the tab's presence was taken. */
  fromTab(
    author: Uint8Array, data: Uint8Array, since: readonly { op: Op; author: Uint8Array }[], now: number,
  ): void {
    const state = parse(data);
    if (!state) return;
    let { cursor } = state;
    if (cursor)
      for (const { op, author: by } of since) cursor = moveCursor(op, cursor, !sameBytes(by, author));
    const placed = { ...state, cursor: cursor ?? null };
    this.hold(hex(author), author, placed, true, now);
    this.send(placed, now);
  }

  gone(author: Uint8Array): void {
    if (this.held.delete(hex(author))) this.changed({ author, state: null });
  }

  /** Everybody, as they are now. */
  all(): PeerNews[] {
    const mine = { author: this.replica.author, state: this.mine };
    return [mine, ...[...this.held.values()].map(({ author, peer }) => ({ author, state: stateOf(peer) }))];
  }

  // --- the text changes ---

  /** From the text before to the text now. */
  textChanged(op: Op, author: Uint8Array): void {
    let any = false;
    for (const held of this.held.values()) {
      const before = held.peer.cursor;
      if (!before) continue;
      const after = moveCursor(op, before, !sameBytes(held.author, author));
      if (after.anchor === before.anchor && after.head === before.head) continue;
      held.peer = { ...held.peer, cursor: after };
      any = true;
    }
    if (this.own.cursor) this.own = { ...this.own, cursor: moveCursor(op, this.own.cursor, true) };
    if (this.mine.cursor) this.mine = { ...this.mine, cursor: moveCursor(op, this.mine.cursor, true) };
    if (any) this.changed();
  }

  /** An op of the server's history, in its coordinates; null: a revision that touches no text. */
  committed(op: Op | null, author: Uint8Array, rev: number): void {
    if (op) this.recent.push({ rev, op, author });
    if (this.recent.length > 2 * RECENT_MAX) this.recent = this.recent.slice(-RECENT_MAX);
  }

  /** The text was replaced: nothing that was said of places in it holds. */
  reset(): void {
    this.recent = [];
    for (const held of this.held.values()) held.peer = { ...held.peer, cursor: null };
    this.changed();
  }

  // --- the connection ---

  connected(limits: Limits): void {
    this.bytesMax = limits.presenceBytesMax;
    if (Object.keys(this.own).length > 0) this.sendBy(0);
  }

  disconnected(): void {
    this.sendAt = Infinity;
    this.early.clear();
    for (const { author, peer } of this.held.values()) if (!peer.tab) this.gone(author);
  }

  take(frame: PresenceFrame, now: number): void {
    if (sameBytes(frame.author, this.replica.author)) return;
    const id = hex(frame.author);
    const rev = this.replica.position?.rev ?? 0;
    if (frame.gone) {
      this.early.delete(id);
      this.gone(frame.author);
    } else if (frame.rev > rev) {
      if (this.early.size < PEERS_MAX || this.early.has(id)) this.early.set(id, frame);
    } else {
      this.show(id, frame, now);
    }
  }

  /** Revisions have come: what was early may not be so any more. */
  caughtUp(now: number): void {
    const rev = this.replica.position?.rev ?? 0;
    for (const [id, frame] of this.early)
      if (frame.rev <= rev) {
        this.early.delete(id);
        this.show(id, frame, now);
      }
  }

  private show(id: string, frame: PresenceFrame, now: number): void {
    const state = parse(frame.data);
    if (!state) return;
    const cursor = state.cursor ? this.toText(state.cursor, frame) : null;
    if (!this.hold(id, frame.author, { ...state, cursor }, false, now)) return;
    this.sendBy(now + this.random() * GREET_WITHIN_MS);
  }

  /** True: somebody new. */
  private hold(id: string, author: Uint8Array, state: PresenceState, tab: boolean, now: number): boolean {
    const known = this.held.has(id);
    if (!known && this.held.size >= PEERS_MAX) return false;
    this.held.set(id, { author, peer: { ...state, id, tab }, heardAt: now });
    this.changed({ author, state });
    return !known;
  }

  /** From the revision that it was taken at to the text of now; null: too long ago. */
  private toText(cursor: Cursor, frame: PresenceFrame): Cursor | null {
    const { flight, buffer, position, text } = this.replica;
    const since = this.recent.filter(({ rev }) => rev > frame.rev);
    if (since.length === 0 && frame.rev < position!.rev && this.recent.length === 0) return null;
    let at = cursor;
    for (const { op, author } of since) at = moveCursor(op, at, !sameBytes(author, frame.author));
    for (const op of [flight?.op, buffer]) if (op) at = moveCursor(op, at, true);
    const most = text!.length;
    return { anchor: Math.min(at.anchor, most), head: Math.min(at.head, most) };
  }

  // --- time ---

  due(): number {
    const oldest = Math.min(...[...this.held.values()].map(({ heardAt }) => heardAt));
    return Math.min(this.sendAt, oldest + SILENT_MS);
  }

  tick(now: number): void {
    for (const { author, heardAt } of this.held.values())
      if (now >= heardAt + SILENT_MS) this.gone(author);
  }

  pull(now: number, doc: Uint8Array): UpFrame | null {
    if (now < this.sendAt || !this.replica.position || this.replica.session.length === 0) return null;
    this.sendAt = now + REPEAT_EVERY_MS;
    this.sentAt = now;
    const { cursor } = this.own;
    const state = cursor ? { ...this.own, cursor: this.fromText(cursor) } : this.own;
    const data = presenceBytes(state);
    return {
      $case: "presence",
      value: { doc, author: new Uint8Array(0), rev: this.replica.position.rev, data, gone: false },
    };
  }

  private fromText(cursor: Cursor): Cursor {
    let at = cursor;
    for (const op of [this.replica.buffer, this.replica.flight?.op])
      if (op) at = { anchor: unmoved(op, at.anchor), head: unmoved(op, at.head) };
    return at;
  }

  private sendBy(time: number): void {
    this.sendAt = Math.min(this.sendAt, time);
  }
}

function stateOf({ id: _, tab: __, ...state }: Peer): PresenceState {
  return state;
}

export function presenceBytes(state: PresenceState): Uint8Array {
  return utf8(canonicalJson(state));
}

function moveCursor(op: Op, { anchor, head }: Cursor, sticksLeft: boolean): Cursor {
  const to = transformCursor(op, head, sticksLeft);
  return { anchor: anchor === head ? to : transformCursor(op, anchor, sticksLeft), head: to };
}

/** Where the place was before the op: what stands in an insert of it stood where that was made. */
function unmoved(op: Op, index: number): number {
  let before = 0, after = 0;
  for (const { kind, length } of op.comps) {
    if (kind === DELETE) {
      if (index === after) return before;
      before += length;
    } else if (kind === RETAIN) {
      if (index <= after + length) break;
      before += length;
      after += length;
    } else {
      if (index < after + length) return before;
      after += length;
    }
  }
  return before + index - after;
}

/** What a peer sent is anything. */
function parse(data: Uint8Array): PresenceState | null {
  let value: unknown;
  try {
    value = JSON.parse(fromUtf8(data));
  } catch {
    return null;
  }
  if (typeof value !== "object" || value === null) return null;
  const { name, color, cursor, data: more } = value as PresenceState & Record<string, unknown>;
  return {
    ...(typeof name === "string" && { name }),
    ...(typeof color === "string" && { color }),
    ...(more !== undefined && { data: more }),
    cursor: cursorOf(cursor),
  };
}

/** A bare number, as simple clients send it, is a cursor without a selection. */
function cursorOf(value: unknown): Cursor | null {
  if (isPlace(value)) return { anchor: value, head: value };
  const { anchor, head } = (value ?? {}) as Partial<Cursor>;
  return isPlace(anchor) && isPlace(head) ? { anchor, head } : null;
}

const isPlace = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
