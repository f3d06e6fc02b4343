/**
 * A document in a tab that follows: the same core, with the leading tab as its server over a
 * BroadcastChannel. What it holds unsent is what the leader has not stored yet.
 */
import type { DocState, Draft, Persistence, WeftErrorInfo } from "../api.ts";
import { DocCore } from "../core/doc.ts";
import { PresenceCore } from "../core/presence.ts";
import { Replica, type StoredDraft } from "../core/replica.ts";
import { randomBytes, SESSION_BYTES } from "../core/session.ts";
import { TAB_LIMITS } from "../core/tabserver.ts";
import { encodeWords } from "../core/late.ts";
import { lastWords } from "../core/stored.ts";
import { encode } from "../ot/index.ts";
import { writeLate, wordsKey } from "../store/late.ts";
import { Lock } from "./lock.ts";
import { replicaHost, type Role, type RoleHost } from "./role.ts";
import type { DownFrame, UpFrame } from "../wire/frames.ts";
import { Words } from "../wire/gen/store.ts";

/** What the leader says of itself, whenever it changes. */
export interface LeaderStatus {
  state: DocState;
  unsaved: boolean;
  denied: boolean;
  stopped: boolean;
  error: { message: string; info: WeftErrorInfo } | null;
  persistence: Persistence;
  drafts: Draft[];
  opBytesMax: number;
  /** Of the server, that the text which it shows to other tabs is at. */
  revision: number;
}

/** A draft on its way to the leader, which keeps it. */
export interface MovedDraft extends Omit<StoredDraft, "op"> {
  op: Uint8Array;
}

/**
 * Between tabs. `leader` names one life of a leading tab, as a connection does: frames for another are
 * dropped. `to`: a tab, or null for all that follow.
 */
export type TabMessage = ToLeader | ToFollower;
type ToLeader = { way: "up"; from: string } & (
  | { hello: true }
  | { leader: string; session: Uint8Array; frame: UpFrame }
  | { draft: MovedDraft }
  | { discard: string }
  | { words: Uint8Array }
);
type ToFollower = { way: "down"; to: string | null; leader: string } & (
  | { frame: DownFrame }
  | { status: LeaderStatus }
);

export const tabLock = (tab: string): string => `weft-tab:${tab}`;

export class Follower implements Role {
  readonly replica: Replica;
  readonly presence: PresenceCore;
  readonly core: DocCore;
  readonly tab: string;
  status: LeaderStatus | null = null;
  private leader = "";
  /** The leader waits for it: so it knows when this tab is gone, whatever ended it. */
  private readonly alive: Lock;
  private flushing = false;
  private timer: ReturnType<typeof setInterval> | undefined;
  private readonly channel: BroadcastChannel;
  private readonly host: RoleHost;

  constructor(id: string, tab: string, channel: BroadcastChannel, host: RoleHost) {
    this.tab = tab;
    this.channel = channel;
    this.host = host;
    this.replica = new Replica(id, {
      ...replicaHost(host, () => this.presence),
      journal: () => {},
      checkpoint: () => {},
      now: Date.now,
    });
    this.replica.setSession(randomBytes(SESSION_BYTES));
    this.presence = new PresenceCore(this.replica, Math.random, (news) => host.presence(news));
    this.core = new DocCore(this.replica, this.presence, {
      mint: () => randomBytes(SESSION_BYTES),
      changed: () => host.status(),
    });
    this.core.stored(Infinity); // the leader does that
    this.alive = new Lock(tabLock(tab));
  }

  get persistence(): Persistence {
    return this.status?.persistence ?? { kind: "stored" };
  }

  get revision(): number {
    return this.status?.revision ?? 0;
  }

  start(): void {
    this.core.open();
    void this.alive.take();
    this.channel.onmessage = ({ data }: MessageEvent<TabMessage>) => this.take(data);
    this.post({ way: "up", from: this.tab, hello: true });
    this.timer = setInterval(() => this.tick(), 1000);
  }

  flush(): void {
    if (this.flushing) return;
    this.flushing = true;
    queueMicrotask(() => {
      this.flushing = false;
      this.pump();
    });
  }

  /** Stops hearing the channel: this tab leads now, or the document is closed. */
  stop(): void {
    clearInterval(this.timer);
    this.alive.release();
    this.channel.onmessage = null;
    this.core.disconnected();
  }

  /** What the leader does not have yet is said at once, and written where the next one finds it. */
  leave(gone: boolean): void {
    this.pump();
    // Who perhaps stays must not: it would say the same again under other names.
    const words = gone ? lastWords(this.replica) : null;
    if (!words) return;
    this.post({ way: "up", from: this.tab, words: Words.encode(words).finish() });
    writeLate(wordsKey(this.replica.id, this.tab), encodeWords(words));
  }

  async close(): Promise<void> {
    this.pump();
    this.stop();
  }

  discard(draft: string): void {
    this.post({ way: "up", from: this.tab, discard: draft });
  }

  private take(message: TabMessage): void {
    if (message.way !== "down" || (message.to !== null && message.to !== this.tab)) return;
    if (message.leader !== this.leader) {
      this.leader = message.leader;
      this.core.disconnected();
      this.core.connected(TAB_LIMITS);
    }
    if ("status" in message) {
      this.status = message.status;
      this.host.status();
    } else {
      this.core.frame(message.frame, Date.now());
      this.handDrafts();
    }
    this.pump();
  }

  /** The limit of an op is the leader's, so that what is too large is refused here already. */
  get opBytesMax(): number {
    return this.status?.opBytesMax ?? this.replica.opBytesMax;
  }

  private handDrafts(): void {
    for (const draft of this.replica.drafts.splice(0))
      this.post({ way: "up", from: this.tab, draft: { ...draft, op: encode(draft.op) } });
  }

  private pump(): void {
    const now = Date.now();
    for (let frame = this.core.pull(now); frame; frame = this.core.pull(now))
      this.post({
        way: "up", from: this.tab, leader: this.leader, session: this.replica.session, frame,
      });
  }

  private tick(): void {
    this.core.tick(Date.now());
    this.pump();
  }

  private post(message: TabMessage): void {
    this.channel.postMessage(message);
  }
}
