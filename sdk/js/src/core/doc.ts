/**
 * What a client does for one document on a connection: common/client in TypeScript. Frames in, frames
 * out; the text and what is unsent are the replica's (replica.ts).
 *
 *   phase   IDLE ──open()──► OPENING ──Opened──► LIVE        STOPPED: a permanent error that no
 *                               ▲                  │         session of ours can mend; text stays
 *                               └─ lost, refused ──┘
 *
 *   link: what the server holds for us on this connection. What comes while it is not ASKED or
 *   ATTACHED belongs to a use of the document that has ended, and is dropped.
 *
 *   DETACHED ──Open──► ASKED ──Opened──► ATTACHED
 *     ▲  └─error, Closed─┘ └───reopen()──┐  │ │ reopen()
 *     │                                  ▼  │ ▼
 *     └──Closed, not-open── CLOSING ◄─Close─ CLOSE_DUE     (connection lost: DETACHED from all)
 *
 * After an error that ends the session the document goes on by itself under a new one (docs/sdk.md,
 * "A document").
 */
import { decode } from "../ot/index.ts";
import { concat, fromUtf8, sameBytes, utf8 } from "./bytes.ts";
import type { ConnDoc, Limits } from "./conn.ts";
import { errorOf, type ErrorFrame, WeftError } from "./errors.ts";
import { Code, Scope } from "./kinds.ts";
import type { PresenceCore } from "./presence.ts";
import type { Position, Replica } from "./replica.ts";
import {
  type Chunk, Content, type Entry, type Opened, Opened_Outcome, Ops, type Record,
} from "../wire/gen/client.ts";
import type { DownFrame, UpFrame } from "../wire/frames.ts";

export type DocPhase = "idle" | "opening" | "live" | "stopped";
type Link = "detached" | "asked" | "attached" | "close-due" | "closing";

export interface DocHost {
  /** A new session's id, by the server's clock. */
  mint(): Uint8Array;
  /** phase, error, or something that is shown has changed. */
  changed(): void;
}

/** A document of the greatest size, and attributes; more is not collected. */
const PAYLOAD_BYTES_MAX = 64 * 1024 * 1024;
const NOTHING = new Uint8Array(0);

export class DocCore implements ConnDoc {
  phase: DocPhase = "idle";
  error: WeftError | null = null;
  /** Another text is on its way, because ours is not that of any position. */
  resyncing = false;
  readonly replica: Replica;
  readonly presence: PresenceCore;

  private readonly host: DocHost;
  private readonly id: Uint8Array;
  private online = false;
  private link: Link = "detached";
  /** A passing error: nothing is asked until retry(). */
  private waits = false;
  /** The op in flight is to be sent (again). */
  private submitDue = false;
  private collecting: { opened: Opened; parts: Uint8Array[]; size: number } | null = null;
  private storedVersion = 0;
  /** A Submit leaves when this is stored, an Open when its session is. */
  private flightVersion = 0;
  private sessionVersion = 0;

  constructor(replica: Replica, presence: PresenceCore, host: DocHost) {
    this.replica = replica;
    this.presence = presence;
    this.host = host;
    this.id = utf8(replica.id);
  }

  open(): void {
    this.phase = "opening";
    this.sessionVersion = this.replica.version;
    this.host.changed();
  }

  /** Nothing more is wanted; Close is sent by the next pull. */
  close(): void {
    this.reopen();
    this.phase = "idle";
  }

  get closing(): boolean {
    return this.link === "closing";
  }

  /** Everything that was told to the host up to this version is stored (or never will be). */
  stored(version: number): void {
    this.storedVersion = version;
  }

  // --- the connection ---

  connected(limits: Limits): void {
    this.online = true;
    this.replica.opBytesMax = limits.opBytesMax;
    if (limits.opComponentsMax) this.replica.opComponentsMax = limits.opComponentsMax;
    this.presence.connected(limits);
    this.host.changed();
  }

  disconnected(): void {
    this.online = false;
    this.link = "detached";
    this.collecting = null;
    this.submitDue = this.waits = false;
    if (this.phase === "live") this.phase = "opening";
    this.presence.disconnected();
    this.host.changed();
  }

  retry(): void {
    this.waits = false;
    if (this.phase === "live") this.submitDue = this.replica.flight !== null;
  }

  due(): number {
    return this.phase === "live" ? this.presence.due() : Infinity;
  }

  tick(now: number): void {
    this.presence.tick(now);
  }

  pull(now: number): UpFrame | null {
    if (!this.online) return null;
    const { replica } = this;
    if (this.link === "close-due") {
      this.link = "closing";
      return { $case: "close", value: { doc: this.id } };
    }
    if (this.link === "detached" && this.phase === "opening" && !this.waits)
      return this.storedVersion >= this.sessionVersion ? this.openFrame() : null;
    if (this.phase !== "live" || this.collecting) return null;
    if (!this.waits && replica.waiting && replica.session.length > 0) {
      replica.launch();
      this.flightVersion = replica.version;
      this.submitDue = true;
    }
    if (this.submitDue && !this.waits && this.storedVersion >= this.flightVersion)
      return this.submitFrame();
    return this.link === "attached" ? this.presence.pull(now, this.id) : null;
  }

  private openFrame(): UpFrame {
    const { create, position, session } = this.replica;
    this.link = "asked";
    this.replica.attempt++;
    return {
      $case: "open",
      value: {
        doc: this.id,
        session,
        rev: position?.rev ?? 0,
        hash: position?.hash ?? NOTHING,
        create: create ? { docKind: create.kind, content: create.content } : undefined,
        attempt: session.length > 0 ? this.replica.attempt : 0,
      },
    };
  }

  private submitFrame(): UpFrame {
    const { sent, base, kind } = this.replica.flight!;
    this.submitDue = false;
    return {
      $case: "submit",
      value: {
        doc: this.id, seq: this.replica.seq, baseRev: base.rev, baseHash: base.hash, kind, body: sent,
      },
    };
  }

  /** The use that the server knows of ends, and another is asked for. */
  private reopen(): void {
    this.phase = "opening";
    this.collecting = null;
    this.submitDue = this.waits = false;
    if (this.link === "asked" || this.link === "attached") this.link = "close-due";
  }

  // --- frames ---

  frame(frame: DownFrame, now: number): void {
    const heard = this.link === "asked" || this.link === "attached";
    try {
      if (frame.$case === "opened") heard && this.opened(frame.value);
      else if (frame.$case === "chunk") heard && this.chunk(frame.value);
      else if (frame.$case === "entry") heard && this.entry(frame.value);
      else if (frame.$case === "error") this.refused(frame.value);
      else if (frame.$case === "presence") heard && this.presence.take(frame.value, now);
      else if (frame.$case === "closed" && this.link !== "asked") this.linkOver();
      // Accepted: the op's own record comes, or has come, in the order of the history.
    } catch (error) {
      this.diverged(error instanceof Error ? error.message : String(error), false);
    }
    if (this.phase === "live") this.presence.caughtUp(now);
    this.host.changed();
  }

  /** `keepPosition`: the text is still the one of the position. */
  private diverged(message: string, keepPosition: boolean): void {
    this.error = new WeftError(message, {
      code: "diverged", permanent: false, scope: "doc", doc: this.replica.id,
    });
    if (!keepPosition) {
      this.resyncing = true;
      this.replica.forgetPosition();
    }
    this.reopen();
  }

  private linkOver(): void {
    this.link = "detached";
    this.collecting = null;
    this.submitDue = false;
    if (this.phase === "live") this.phase = "opening";
  }

  // --- Opened ---

  private opened(opened: Opened): void {
    if (this.phase !== "live" && this.phase !== "opening") return;
    this.collecting = null;
    if (opened.payloadBytes <= opened.payload.length) return this.openedWhole(opened, opened.payload);
    if (opened.payloadBytes > PAYLOAD_BYTES_MAX)
      return this.diverged(`a document of ${opened.payloadBytes} bytes`, false);
    this.collecting = { opened, parts: [opened.payload], size: opened.payload.length };
  }

  private chunk(chunk: Chunk): void {
    const { collecting } = this;
    if (!collecting) return; // of an Opened that we have given up
    if (chunk.offset !== collecting.size ||
        chunk.data.length > collecting.opened.payloadBytes - collecting.size)
      return this.diverged("a chunk that does not follow", this.link === "attached");
    collecting.parts.push(chunk.data);
    collecting.size += chunk.data.length;
    if (collecting.size < collecting.opened.payloadBytes) return;
    this.collecting = null;
    this.openedWhole(collecting.opened, concat(...collecting.parts));
  }

  private openedWhole(opened: Opened, payload: Uint8Array): void {
    const asked = this.link === "asked";
    const { outcome } = opened;
    if (outcome === Opened_Outcome.SNAPSHOT || outcome === Opened_Outcome.RESYNC) {
      this.link = "attached";
      this.content(opened, Content.decode(payload));
      if (this.link !== "attached") return; // it goes on under a new session
    } else if (!this.ops(opened, outcome === Opened_Outcome.OPS ? Ops.decode(payload).records : [])) {
      return;
    }
    this.link = "attached";
    const { replica } = this;
    if (replica.flight && opened.lastSeq >= replica.seq)
      return this.diverged("accepted, yet neither shown nor among the ops", false);
    if (!replica.flight && opened.lastSeq > replica.seq) {
      replica.seq = opened.lastSeq;
      replica.checkpoint();
    }
    this.phase = "live";
    this.resyncing = false;
    this.error = null;
    // Where we have not asked for it, the gateway has resent what it holds of ours.
    if (asked) this.submitDue = replica.flight !== null;
  }

  private content(opened: Opened, content: Content): void {
    const resync = opened.outcome === Opened_Outcome.RESYNC;
    const sent = this.replica.replace(
      decode(content.content), opened.docKind, { rev: opened.rev, hash: opened.hash },
      fromUtf8(content.title), resync ? "resync" : "",
    );
    this.resyncing = false;
    // The session has ended, or what it sent may be in: only a new one is safe (I5).
    if (this.replica.session.length > 0 && (sent || resync)) {
      this.renew("resync", false, false);
      this.reopen();
    }
  }

  /** OPS; and UP_TO_DATE, which is OPS without any. False: it went wrong. */
  private ops(opened: Opened, records: readonly Record[]): boolean {
    const { replica } = this;
    const position = { rev: opened.rev, hash: opened.hash };
    if (!replica.text && replica.create) {
      replica.kind = replica.create.kind;
      replica.setText(decode(replica.create.content));
    }
    if (!replica.text || (!replica.position && !replica.create)) {
      this.diverged("ops, without a text that they apply to", false);
      return false;
    }
    const reached = records.reduce((rev, record) => rev + (record.count || 1), replica.position?.rev ?? 1);
    if (reached !== opened.rev ||
        (records.length === 0 && replica.position && !samePosition(replica.position, position))) {
      // An answer to our own question is not asked for twice.
      this.diverged("ops that do not lead to where they say", this.link === "attached");
      return false;
    }
    if (opened.docKind) replica.kind = opened.docKind;
    const created = replica.create !== null;
    replica.remote(records, position, opened.lastSeq);
    if (created) replica.checkpoint(); // the first text that is worth storing whole
    return true;
  }

  // --- Entry ---

  private entry(entry: Entry): void {
    const { position } = this.replica;
    if (this.phase !== "live" || !position || entry.lastRev <= position.rev) return;
    if (this.collecting || entry.firstRev !== position.rev + 1 ||
        !sameBytes(entry.hashBefore, position.hash))
      return this.diverged("an entry that does not follow", true);
    this.replica.remote(entry.records, { rev: entry.lastRev, hash: entry.hashAfter });
  }

  // --- Error ---

  private refused(error: ErrorFrame): void {
    const stopped = this.phase === "stopped" || this.phase === "idle";
    if (error.code === Code.NOT_OPEN) {
      // To our Close, or to a Submit that crossed the end; either came before a later Open.
      if (this.link !== "asked") this.linkOver();
      return;
    }
    if (this.link === "detached" || this.link === "closing") return;
    if (error.scope === Scope.OP && (!this.replica.flight || error.seq !== this.replica.seq || stopped))
      return; // presence, or an answer that was overtaken
    const behind = this.behind(error);
    if (error.scope === Scope.DOC) this.linkOver();
    if (stopped || behind) return;
    this.error = errorOf(error);
    if (!error.permanent) this.waits = true;
    else if (error.scope === Scope.OP || SESSION_OVER.has(error.code)) this.sessionOver(error);
    else this.phase = "stopped";
  }

  /**
   * The answer to our own Open: the session is held by a later attempt than ours. We are alive and
   * ask now, so ours is the latest in truth: our state is an older one than was last in use.
   */
  private behind(error: ErrorFrame): boolean {
    if (error.code !== Code.SESSION_REPLACED || this.link !== "asked" ||
        error.detail <= this.replica.attempt)
      return false;
    this.replica.attempt = error.detail;
    return true;
  }

  private sessionOver(error: ErrorFrame): void {
    const about = error.scope === Scope.OP;
    if (error.code === Code.DENIED) this.replica.denied = true;
    // Where another goes on with a copy of our state, it has what waits here as well.
    const copied = error.code === Code.SESSION_REPLACED && this.replica.buffer !== null;
    const maybeIn = about ? DOUBTFUL.has(error.code) : this.replica.flight !== null || copied;
    this.renew(fromUtf8(error.name), copied, maybeIn);
    this.resyncing = this.replica.position === null;
    this.reopen();
  }

  private renew(reason: string, doubtful: boolean, maybeIn: boolean): void {
    this.replica.renew(this.host.mint(), reason, doubtful, maybeIn);
    this.sessionVersion = this.replica.version;
  }
}

const SESSION_OVER = new Set<number>([
  Code.SESSION_REPLACED, Code.SESSION_EXPIRED, Code.SESSION_CLOSED, Code.CLOCK_SKEW,
]);
/** Errors about an op that do not say that it is not in the history. */
const DOUBTFUL = new Set<number>([Code.SEQ_GAP, Code.SEQ_OLD, Code.SEQ_REUSED]);

function samePosition(a: Position, b: Position): boolean {
  return a.rev === b.rev && sameBytes(a.hash, b.hash);
}
