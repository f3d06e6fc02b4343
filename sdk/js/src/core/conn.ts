/**
 * One connection for all documents of a client, without I/O: the shell moves bytes and tells the
 * time, the documents say what is to be sent.
 *
 *            goOnline            connect()         Welcome
 *   OFFLINE ─────────► WAITING ─────────► GREETING ───────► OPEN ──Drain──► OPEN with leaveAt
 *      ▲                  ▲                  │                │                  │
 *      │ goOffline: all   └───── lost ───────┴────────────────┴──────────────────┘
 *      └─────────────────────────────────── a permanent error about the connection: FAILED
 *
 * Every input takes `now` and may call the host; `due()` tells when `tick` wants to be called.
 */
import { decodeDown, encodeUp, type DownFrame, type UpFrame } from "../wire/frames.ts";
import { Addresses, Backoff } from "./backoff.ts";
import { fromUtf8 } from "./bytes.ts";
import { errorOf, WeftError } from "./errors.ts";
import { Code } from "./kinds.ts";

export type Limits = Extract<DownFrame, { $case: "welcome" }>["value"];

/** What the connection asks of the shell. */
export interface ConnHost {
  connect(url: string): void;
  send(message: Uint8Array): void;
  /** Nothing of this socket is told any more. */
  close(code: number, reason: string): void;
  changed(): void;
}

/** What it asks of a document. */
export interface ConnDoc {
  /** The connection is open: there is something to pull. */
  connected(limits: Limits): void;
  disconnected(): void;
  frame(frame: DownFrame, now: number): void;
  /** A Close has left that is not answered yet. */
  readonly closing: boolean;
  /** The time that a passing error asked for is over. */
  retry(): void;
  /** The next frame to send now, or null. */
  pull(now: number): UpFrame | null;
  /** When tick wants to be called. */
  due(): number;
  tick(now: number): void;
}

export type ConnPhase = "offline" | "waiting" | "greeting" | "open" | "failed";

/** From the start of a connection to Welcome. */
const WELCOME_MS = 10_000;
/** From a Ping to anything at all. */
const PONG_MS = 10_000;
/** Frames of one turn share messages up to about this size, far below what a gateway takes. */
const MESSAGE_BYTES = 64 * 1024;
const NORMAL = 1000;
const GOING_AWAY = 4000;

export class ConnCore {
  phase: ConnPhase = "offline";
  error: WeftError | null = null;
  limits: Limits | null = null;
  /** What is to be added to the local clock to have the server's. */
  clockOffset = 0;
  retryAt: number | null = null;

  private readonly host: ConnHost;
  private readonly random: () => number;
  private readonly backoff: Backoff;
  private readonly addresses: Addresses;
  private readonly docs = new Map<string, ConnDoc>();
  private readonly retries = new Map<string, number>();
  private retryAfterMs = 0;
  private welcomeBy = Infinity;
  private leaveAt = Infinity;
  private pingAt = Infinity;
  private pongBy = Infinity;
  private nonce = 0;

  constructor(urls: readonly string[], host: ConnHost, random: () => number) {
    this.host = host;
    this.random = random;
    this.backoff = new Backoff(random);
    this.addresses = new Addresses(urls, random);
  }

  /** Uses that were given up: until the server has said so too, what it says of them is not for the next. */
  private readonly ending = new Set<string>();

  // --- documents ---

  add(id: string, doc: ConnDoc): void {
    this.docs.set(id, doc);
    if (this.phase === "open" && !this.ending.has(id)) doc.connected(this.limits!);
  }

  remove(id: string): void {
    if (this.phase === "open" && this.docs.get(id)?.closing) this.ending.add(id);
    this.docs.delete(id);
    this.retries.delete(id);
  }

  /** Sends what the documents have to say. After every edit, and after every event here. */
  flush(now: number): void {
    if (this.phase !== "open") return;
    let frames: UpFrame[] = [];
    let size = 0;
    for (const doc of this.docs.values())
      for (let frame = doc.pull(now); frame; frame = doc.pull(now)) {
        const bytes = weight(frame);
        if (size + bytes > MESSAGE_BYTES && frames.length > 0) {
          this.send(frames, now);
          frames = [];
          size = 0;
        }
        frames.push(frame);
        size += bytes;
      }
    if (frames.length > 0) this.send(frames, now);
  }

  private send(frames: UpFrame[], now: number): void {
    this.host.send(encodeUp(frames));
    this.pingAt = now + this.limits!.heartbeatMs / 2;
  }

  // --- what the person or the browser says ---

  goOnline(now: number): void {
    if (this.phase === "greeting" || this.phase === "open") return;
    this.backoff.reset();
    this.error = null;
    this.enter("waiting");
    this.retryAt = now;
    this.tick(now);
  }

  goOffline(): void {
    this.hangUp(NORMAL, "");
    this.enter("offline");
  }

  // --- the socket ---

  opened(token: Uint8Array, now: number): void {
    this.host.send(encodeUp([{ $case: "hello", value: { version: 1, features: 0, token } }]));
    this.welcomeBy = now + WELCOME_MS;
  }

  received(message: Uint8Array, now: number): void {
    let frames: DownFrame[];
    try {
      frames = decodeDown(message);
    } catch {
      this.lost(now);
      return;
    }
    this.pongBy = Infinity;
    for (const frame of frames) {
      if (this.phase !== "greeting" && this.phase !== "open") return;
      this.take(frame, now);
    }
    this.flush(now);
  }

  /** The socket has ended, or could not be opened. */
  closed(now: number): void {
    if (this.phase === "greeting" || this.phase === "open") this.lost(now);
  }

  // --- time ---

  due(): number {
    const times = [...this.retries.values()];
    if (this.phase === "waiting") times.push(this.retryAt!);
    if (this.phase === "greeting") times.push(this.welcomeBy);
    if (this.phase === "open") {
      times.push(this.leaveAt, this.pingAt, this.pongBy);
      for (const doc of this.docs.values()) times.push(doc.due());
    }
    return Math.min(Infinity, ...times);
  }

  tick(now: number): void {
    if (this.phase === "waiting" && now >= this.retryAt!) this.connect(now);
    else if (this.phase === "greeting" && now >= this.welcomeBy) this.lost(now);
    else if (this.phase === "open") this.tickOpen(now);
  }

  private tickOpen(now: number): void {
    if (now >= this.pongBy) return this.lost(now);
    if (now >= this.leaveAt) {
      this.hangUp(NORMAL, "");
      return this.connect(now);
    }
    for (const [id, at] of this.retries)
      if (now >= at) {
        this.retries.delete(id);
        this.docs.get(id)?.retry();
      }
    for (const doc of this.docs.values()) doc.tick(now);
    this.flush(now);
    if (now >= this.pingAt) {
      this.send([{ $case: "ping", value: { nonce: ++this.nonce } }], now);
      this.pongBy = Math.min(this.pongBy, now + PONG_MS);
    }
  }

  // --- frames ---

  private take(frame: DownFrame, now: number): void {
    switch (frame.$case) {
      case "welcome":
        return this.welcome(frame.value, now);
      case "pong":
        return this.clock(frame.value.serverTime, now);
      case "drain":
        this.addresses.name(frame.value.addresses.map(fromUtf8));
        this.leaveAt = now + (this.random() * frame.value.deadlineMs) / 2;
        return;
      case "error":
        if (frame.value.scope === 3 || frame.value.doc.length === 0) return this.refused(frame, now);
        if (this.ending.has(fromUtf8(frame.value.doc))) break;
        if (!frame.value.permanent) this.retryLater(frame, now);
    }
    if (this.ending.has(fromUtf8(frame.value.doc))) return this.ends(frame);
    this.docs.get(fromUtf8(frame.value.doc))?.frame(frame, now);
  }

  private ends(frame: DownFrame & { value: { doc: Uint8Array } }): void {
    const id = fromUtf8(frame.value.doc);
    if (frame.$case !== "closed" && !(frame.$case === "error" && frame.value.code === Code.NOT_OPEN)) return;
    this.ending.delete(id);
    this.docs.get(id)?.connected(this.limits!);
  }

  private welcome(limits: Limits, now: number): void {
    this.limits = limits;
    this.clock(limits.serverTime, now);
    this.backoff.reset();
    this.pingAt = now + limits.heartbeatMs / 2;
    this.enter("open");
    for (const doc of this.docs.values()) doc.connected(limits);
  }

  private clock(serverTime: number, now: number): void {
    if (serverTime > 0) this.clockOffset = serverTime - now;
  }

  private retryLater(frame: Extract<DownFrame, { $case: "error" }>, now: number): void {
    const wait = Math.max(100, frame.value.retryAfterMs);
    this.retries.set(fromUtf8(frame.value.doc), now + wait * (1 + this.random()));
  }

  /** An error about the connection: a close frame follows, but there is no need to wait for it. */
  private refused(frame: Extract<DownFrame, { $case: "error" }>, now: number): void {
    this.error = errorOf(frame.value);
    this.retryAfterMs = frame.value.retryAfterMs;
    if (!frame.value.permanent) return this.lost(now);
    this.hangUp(NORMAL, "");
    this.enter("failed");
  }

  // --- moves ---

  private connect(now: number): void {
    this.welcomeBy = now + WELCOME_MS;
    this.enter("greeting");
    this.host.connect(this.addresses.next());
  }

  private lost(now: number): void {
    this.hangUp(GOING_AWAY, "no answer");
    this.retryAt = now + this.backoff.next(this.retryAfterMs);
    this.retryAfterMs = 0;
    this.enter("waiting");
  }

  private hangUp(code: number, reason: string): void {
    if (this.phase !== "greeting" && this.phase !== "open") return;
    this.host.close(code, reason);
    this.welcomeBy = this.leaveAt = this.pingAt = this.pongBy = Infinity;
    this.retries.clear();
    this.ending.clear();
    if (this.phase === "open") for (const doc of this.docs.values()) doc.disconnected();
  }

  private enter(phase: ConnPhase): void {
    this.phase = phase;
    if (phase !== "waiting") this.retryAt = null;
    if (phase === "open") this.error = null;
    this.host.changed();
  }
}

function weight(frame: UpFrame): number {
  if (frame.$case === "submit") return frame.value.body.length + 200;
  if (frame.$case === "open") return (frame.value.create?.content.length ?? 0) + 250;
  return 200;
}
