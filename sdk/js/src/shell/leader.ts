/**
 * A document in the tab (or process) that has its storage, session and connection; and the server of
 * the tabs that follow, if there may be any.
 */
import type { OpenOptions, Persistence, StorageDoc, StoredText } from "../api.ts";
import { DocCore } from "../core/doc.ts";
import { refusal } from "../core/errors.ts";
import { PresenceCore } from "../core/presence.ts";
import { Replica } from "../core/replica.ts";
import { mintSession, randomBytes } from "../core/session.ts";
import { type StoredState, withLate } from "../core/late.ts";
import { checkpointId, restore } from "../core/stored.ts";
import { fromDelta, encode } from "../ot/index.ts";
import { type StoredPoint, Writer } from "../store/writer.ts";
import { replicaHost, type RoleHost, type Role } from "./role.ts";
import type { Socket } from "./socket.ts";

/** A session from ahead of the server's clock is refused, and what we know of that is as old as its way. */
const CLOCK_MARGIN_MS = 2000;

const KINDS = { rich: 1, text: 2 } as const;

export class Leader implements Role {
  readonly replica: Replica;
  readonly presence: PresenceCore;
  readonly core: DocCore;
  /** `shown` has grown. */
  onShown: () => void = () => {};
  private readonly writer: Writer;
  private readonly socket: Socket;
  private storedRev = 0;
  private storedServerRev = 0;

  private constructor(
    id: string, socket: Socket, storage: StorageDoc | null, reason: Persistence["reason"],
    { state, point, late }: Found, options: OpenOptions, host: RoleHost,
  ) {
    this.socket = socket;
    // Until the state is there, nothing that happens to the replica is news.
    let quiet = true;
    const told = replicaHost(host, () => this.presence);
    this.replica = new Replica(id, {
      ...told,
      changed: (...change) => quiet || told.changed(...change),
      committed: (...record) => quiet || told.committed(...record),
      journal: (item) => quiet || this.writer.journal(item),
      checkpoint: () => quiet || this.writer.checkpoint(),
      now: () => socket.now(),
    });
    this.presence = new PresenceCore(this.replica, Math.random, (news) => host.presence(news));
    if (state) restore(this.replica, state.checkpoint, state.journal);
    else if (!options.readonly) this.replica.setSession(this.mint());
    const begins = options.create && isUnknown(this.replica);
    if (begins) begin(this.replica, options.create!);
    quiet = false;
    this.core = new DocCore(this.replica, this.presence, {
      mint: () => this.mint(),
      changed: () => host.status(),
    });
    this.writer = new Writer(this.replica, storage, reason, point, {
      stored: (version, rev, serverRev) => this.stored(version, rev, serverRev),
      changed: () => host.status(),
    });
    if (!state || begins) this.replica.checkpoint();
    else if (late) this.writer.resumed(late.items);
    else this.stored(this.replica.version, this.replica.local.rev, this.revision);
  }

  /** `storage`: what this process alone has now; null: `reason` says why there is none. */
  static async load(
    id: string, socket: Socket, storage: StorageDoc | null, reason: Persistence["reason"],
    options: OpenOptions, host: RoleHost,
  ): Promise<Leader> {
    const found = whatIs(storage ? await storage.load() : null);
    return new Leader(id, socket, storage, reason, found, options, host);
  }

  get persistence(): Persistence {
    return this.writer.persistence;
  }

  /** The newest local revision that other tabs may see. */
  get shown(): number {
    return Math.min(this.storedRev, this.replica.local.rev);
  }

  /** The server's revision that the text is at. */
  get revision(): number {
    return this.replica.position?.rev ?? 0;
  }

  /** The same of the text that other tabs see. */
  get shownRevision(): number {
    return Math.min(this.storedServerRev, this.revision);
  }

  start(): void {
    this.core.open();
    this.socket.core.add(this.replica.id, this.core);
    this.flush();
  }

  flush(): void {
    this.socket.flush();
  }

  leave(): void {
    this.writer.leave();
  }

  /** Resolves when everything so far is stored. */
  idle(): Promise<void> {
    return this.writer.idle();
  }

  async close(): Promise<void> {
    this.core.close();
    this.socket.core.flush(Date.now());
    this.socket.core.remove(this.replica.id);
    await this.writer.close();
  }

  private stored(version: number, rev: number, serverRev: number): void {
    this.core.stored(version);
    this.storedRev = rev;
    this.storedServerRev = serverRev;
    this.onShown();
    this.flush();
  }

  private mint(): Uint8Array {
    return mintSession(this.socket.now() - CLOCK_MARGIN_MS, randomBytes(10));
  }
}

/** What a storage holds: the state to begin with, and what of it is stored for certain. */
interface Found {
  readonly state: StoredState | null;
  readonly point: StoredPoint;
  /** The state has what came late in it: these items, or (null) it is another state. */
  readonly late: { readonly items: readonly Uint8Array[] | null } | null;
}

function whatIs(stored: StoredText | null): Found {
  const { checkpoint, journal, late } = stored ?? { checkpoint: null, journal: [], late: undefined };
  const state = checkpoint ? { checkpoint, journal } : null;
  const id = checkpoint ? checkpointId(checkpoint) : new Uint8Array(0);
  const more = late ? withLate(state, late) : null;
  const items = more?.checkpoint === checkpoint ? more!.journal.slice(journal.length) : null;
  return { state: more ?? state, point: { id, count: journal.length }, late: more && { items } };
}

/** Nothing of the document is stored here; perhaps that it was asked for, and was not there. */
function isUnknown({ text, position, create }: Replica): boolean {
  return !text && !position && !create;
}

function begin(replica: Replica, create: NonNullable<OpenOptions["create"]>): void {
  const kind = KINDS[create.kind];
  const content = fromDelta(create.content ?? (create.kind === "rich" ? [{ insert: "\n" }] : []));
  const bytes = encode(content);
  if (bytes.length > replica.opBytesMax)
    throw refusal("op-too-large", `content to create is at most ${replica.opBytesMax} bytes`);
  replica.create = { kind, content: bytes, fresh: create.fresh === true };
  if (!create.fresh) return;
  replica.kind = kind;
  replica.setText(content);
}
