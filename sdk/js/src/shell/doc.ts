/**
 * A Doc, as people use it: one object for as long as the document is open, whatever this tab is for it
 * meanwhile.
 *
 *   OPENING ──lock, or none needed──► LEADER ◄──the lock came── FOLLOWER
 *      └──────another tab has the lock──────────────────────────────▲
 */
import type {
  Change, Delta, DeltaLike, Doc, DocKind, DocState, Draft, Drafts, OpenOptions, Persistence, Presence,
  Storage, StorageDoc,
} from "../api.ts";
import { fit } from "../core/fit.ts";
import { infoOf, refusal, WeftError } from "../core/errors.ts";
import { hex, utf8 } from "../core/bytes.ts";
import type { PeerNews } from "../core/presence.ts";
import type { ChangeSource, StoredDraft } from "../core/replica.ts";
import { randomBytes } from "../core/session.ts";
import { type Op, toDelta } from "../ot/index.ts";
import { reasonOf } from "../store/reason.ts";
import { Emitter } from "./emitter.ts";
import { Follower, type LeaderStatus } from "./follower.ts";
import { Hub } from "./hub.ts";
import { Leader } from "./leader.ts";
import { Lock } from "./lock.ts";
import type { Role, RoleHost } from "./role.ts";
import type { Socket } from "./socket.ts";

export interface DocContext {
  socket: Socket;
  storage: Storage | null;
  /** Why there is no storage. */
  reason: Persistence["reason"];
  /** Whether other tabs are looked for. */
  tabs: boolean;
}

export class DocImpl implements Doc {
  readonly id: string;
  readonly ready: Promise<void>;
  readonly presence: Presence;
  readonly drafts: Drafts;

  private role: Role | null = null;
  private voice: RoleHost | null = null;
  private hub: Hub | null = null;
  private lock: Lock | null = null;
  private channel: BroadcastChannel | null = null;
  private closing: Promise<void> | null = null;
  private begun: Promise<void> = Promise.resolve();
  private origin: unknown;
  private readonly tab = hex(randomBytes(8));
  private readonly changes = new Emitter<[Change]>();
  private readonly statuses = new Emitter<[]>();
  private readonly presences = new Emitter<[ReturnType<Presence["peers"]>]>();
  private readonly context: DocContext;
  private readonly options: OpenOptions;
  private readonly onClosing: () => void;
  private settle!: { resolve: () => void; reject: (error: Error) => void };

  constructor(id: string, options: OpenOptions, context: DocContext, onClosing: () => void) {
    this.onClosing = onClosing;
    this.id = id;
    this.options = options;
    this.context = context;
    this.ready = new Promise((resolve, reject) => (this.settle = { resolve, reject }));
    this.ready.catch(() => {}); // also in doc.error; who does not wait need not hear it twice
    this.presence = {
      set: (state) => {
        this.role?.presence.set(state, Date.now());
        this.role?.flush();
      },
      peers: () => this.role?.presence.peers() ?? [],
      onPresence: (listener) => this.presences.on(listener),
    };
    this.drafts = { list: () => this.draftList(), discard: (draft) => this.discard(draft) };
  }

  // --- roles ---

  /** `after`: its last use here may still be storing. */
  begin(after?: Promise<void>): void {
    this.begun = Promise.resolve(after)
      .then(() => this.choose())
      .catch((error: Error) => this.settle.reject(error));
  }

  private async choose(): Promise<void> {
    const { tabs, storage } = this.context;
    if (!tabs || !storage || this.options.readonly) return this.lead(storage, this.context.reason);
    this.lock = new Lock(`weft:${this.id}`);
    let free: boolean;
    try {
      free = await this.lock.tryTake();
    } catch (error) {
      this.lock = null; // a page without an origin of its own has neither locks nor storage
      return this.lead(null, reasonOf(error));
    }
    if (free) return this.lead(storage, undefined);
    this.channel = new BroadcastChannel(`weft:${this.id}`);
    const host = this.roleHost();
    this.take(new Follower(this.id, this.tab, this.channel, host), host);
    if (await this.lock.take()) await this.lead(storage, undefined);
  }

  private async lead(storage: Storage | null, reason: Persistence["reason"]): Promise<void> {
    const host = this.roleHost();
    const leader = await this.loadLeader(this.options.readonly ? null : storage, reason, host);
    if (this.closing) return leader.close();
    const follower = this.role instanceof Follower ? this.role : null;
    follower?.stop();
    if (this.lock && leader.persistence.kind === "stored") {
      this.channel ??= new BroadcastChannel(`weft:${this.id}`);
      this.hub = new Hub(leader, this.channel, () => this.leaderStatus());
      if (follower) this.hub.adopt(follower);
    } else {
      // What is not stored nobody can take over: each tab for itself.
      this.lock?.release();
      this.channel?.close();
    }
    if (follower) leader.presence.inherit(follower.presence);
    this.take(leader, host, follower);
    this.hub?.announce();
    this.hub?.readWords();
  }

  private async loadLeader(
    storage: Storage | null, reason: Persistence["reason"], host: RoleHost,
  ): Promise<Leader> {
    const { socket } = this.context;
    let entry: StorageDoc | null = null;
    try {
      entry = storage && (await storage.doc(this.id));
      return await Leader.load(this.id, socket, entry, reason, this.options, host);
    } catch (error) {
      if (error instanceof WeftError) throw error;
      await entry?.close().catch(() => {});
      return Leader.load(this.id, socket, null, reasonOf(error), this.options, host);
    }
  }

  /** `before`: the role that this tab had, whose text is shown. */
  private take(role: Role, host: RoleHost, before: Role | null = null): void {
    this.role = role;
    this.voice = host;
    role.start();
    const { text } = role.replica;
    const shown = before?.replica.text ?? null;
    if (text && shown?.text() !== text.text()) this.emitReset(text.content(), shown?.length ?? 0);
    this.statusChanged();
  }

  /** Only the role that this tab has is heard. */
  private roleHost(): RoleHost {
    const host: RoleHost = {
      changed: (op, source) => this.voice === host && this.changed(op, source),
      status: () => this.voice === host && this.statusChanged(),
      presence: (news) => this.voice === host && this.presenceChanged(news),
    };
    return host;
  }

  // --- what the roles say ---

  private changed(op: Op, source: ChangeSource): void {
    if (source === "reset") this.hub?.reset();
    const change = { delta: toDelta(op), source };
    this.changes.emit(source === "local" ? { ...change, origin: this.origin } : change);
    this.settle.resolve();
  }

  private emitReset(content: Op, unitsBefore: number): void {
    const delta = toDelta(content);
    if (unitsBefore > 0) delta.push({ delete: unitsBefore });
    this.changes.emit({ delta, source: "reset" });
    this.settle.resolve();
  }

  private statusChanged(): void {
    if (this.stopped && !this.role!.replica.text) this.settle.reject(this.error!);
    this.hub?.statusChanged();
    this.statuses.emit();
  }

  private presenceChanged(news?: PeerNews): void {
    if (news) this.hub?.presence(news);
    this.presences.emit(this.presence.peers());
  }

  private leaderStatus(): LeaderStatus {
    const { state, unsaved, persistence, stopped, error } = this;
    const { replica: { denied, opBytesMax }, shownRevision: revision } = this.role as Leader;
    return {
      state, unsaved, denied, stopped, persistence, opBytesMax, revision,
      error: error && { message: error.message, info: infoOf(error) },
      drafts: this.draftList(),
    };
  }

  // --- Doc ---

  get kind(): DocKind {
    return this.role?.replica.kind === 2 ? "text" : "rich";
  }

  get state(): DocState {
    const { role } = this;
    if (!role) return "offline";
    if (role instanceof Follower && role.status)
      return role.status.state === "saved" && role.replica.unsaved ? "saving" : role.status.state;
    if (role.core.resyncing) return "resync";
    if (role.core.phase !== "live") return "offline";
    return role.replica.unsaved ? "saving" : "saved";
  }

  get unsaved(): boolean {
    const { role } = this;
    return !!role?.replica.unsaved || (role instanceof Follower && !!role.status?.unsaved);
  }

  get readonly(): boolean {
    const { role } = this;
    if (!role?.replica.text || this.closing || this.stopped) return true;
    return role.replica.session.length === 0 || this.denied;
  }

  private get denied(): boolean {
    return this.role instanceof Follower ? !!this.role.status?.denied : !!this.role?.replica.denied;
  }

  /** A permanent error has ended it. */
  private get stopped(): boolean {
    if (this.role instanceof Follower) return !!this.role.status?.stopped;
    return this.role?.core.phase === "stopped";
  }

  get persistence(): Persistence {
    return this.role?.persistence ?? { kind: "memory", reason: "unavailable" };
  }

  get error(): WeftError | null {
    const told = this.role instanceof Follower ? this.role.status?.error : null;
    return told ? new WeftError(told.message, told.info) : (this.role?.core.error ?? null);
  }

  get revision(): number {
    return this.role?.revision ?? 0;
  }

  get length(): number {
    return this.role?.replica.text?.length ?? 0;
  }

  contents(): Delta {
    const text = this.role?.replica.text;
    return text ? toDelta(text.content()) : [];
  }

  text(): string {
    return this.role?.replica.text?.text() ?? "";
  }

  submit(delta: DeltaLike, origin?: unknown): Delta | null {
    const { role } = this;
    if (!role || this.readonly) throw refusal("read-only", "this document cannot be changed now");
    const { replica } = role;
    const limit = role instanceof Follower ? role.opBytesMax : replica.opBytesMax;
    const { op, correction } = fit(replica.text!, delta, this.kind, limit);
    this.origin = origin;
    try {
      replica.edit(op);
    } finally {
      this.origin = undefined;
    }
    role.flush();
    this.statusChanged();
    return correction;
  }

  onChange(listener: (change: Change) => void): () => void {
    return this.changes.on(listener);
  }

  onStatus(listener: () => void): () => void {
    return this.statuses.on(listener);
  }

  saved(): Promise<void> {
    if (!this.unsaved) return Promise.resolve();
    return new Promise((resolve) => {
      const off = this.onStatus(() => {
        if (this.unsaved) return;
        off();
        resolve();
      });
    });
  }

  get title(): string {
    return this.role?.replica.title ?? "";
  }

  setTitle(title: string): void {
    const { role } = this;
    if (!role || this.readonly) throw refusal("read-only", "this document cannot be changed now");
    if (title === this.title) return;
    const bytes = utf8(title).length;
    if (bytes > TITLE_BYTES_MAX)
      throw refusal("bad-title", `a title is at most ${TITLE_BYTES_MAX} bytes`, TITLE_BYTES_MAX);
    role.replica.setTitle(title);
    role.flush();
    this.statusChanged();
  }

  private draftList(): Draft[] {
    if (this.role instanceof Follower) return this.role.status?.drafts ?? [];
    return this.role?.replica.drafts.map(draftOf) ?? [];
  }

  private discard(draft: string): void {
    if (this.role instanceof Follower) this.role.discard(draft);
    else this.role?.replica.discardDraft(draft);
    if (this.role) this.statusChanged();
  }

  /** The page goes away: for certain (`gone`), or perhaps. */
  leave(gone: boolean): void {
    this.role?.leave(gone);
  }

  close(): Promise<void> {
    if (!this.closing) {
      this.closing = this.end();
      this.onClosing();
    }
    return this.closing;
  }

  private async end(): Promise<void> {
    this.settle.reject(new WeftError("the document was closed", {
      code: "closed", permanent: true, scope: "doc", doc: this.id,
    }));
    this.hub?.close();
    if (!(this.role instanceof Leader)) this.lock?.release(); // it may wait for that
    await this.begun;
    await this.role?.close();
    this.lock?.release();
    this.channel?.close();
  }
}

const TITLE_BYTES_MAX = 1024;

function draftOf({ id, at, op, maybeIn, reason }: StoredDraft): Draft {
  const delta = toDelta(op);
  const text = delta.map(({ insert }) => (typeof insert === "string" ? insert : "")).join("");
  return { id, at, delta, text, maybeIn, reason };
}
