/**
 * For the tests of the core: one document, its server in the simplest form that keeps the protocol, and
 * connections that carry frames one at a time and in order. Clients store what the core tells them to,
 * late, and can crash.
 */
import { DocCore } from "../src/core/doc.ts";
import type { Limits } from "../src/core/conn.ts";
import { hex, sameBytes, utf8 } from "../src/core/bytes.ts";
import { PresenceCore } from "../src/core/presence.ts";
import { Replica, type JournalItem } from "../src/core/replica.ts";
import { authorOf, mintSession } from "../src/core/session.ts";
import { encodeCheckpoint, encodeItem, restore } from "../src/core/stored.ts";
import {
  compose, decode, encode, fromDelta, Document, IDENTITY, type Op, OpBuilder, transform,
} from "../src/ot/index.ts";
import type { DownFrame, UpFrame } from "../src/wire/frames.ts";
import { Content, type Open, Opened_Outcome, Ops, type Record, type Submit } from "../src/wire/gen/client.ts";
import { rng } from "./rng.ts";

const EDIT = 2;
const TITLE = 3;
const NOTHING = new Uint8Array(0);

interface Revision {
  record: Record;
  /** An entry ends here: its hash counts. */
  hash: Uint8Array | null;
}

interface Session {
  lastSeq: number;
  lastBody: Uint8Array;
  closed: boolean;
  attempt: number;
}

export class World {
  readonly random: () => number;
  readonly id = "d";
  text = Document.of(fromDelta([{ insert: "\n" }]));
  title = "";
  revisions: Revision[] = [];
  sessions = new Map<string, Session>();
  clients: WorldClient[] = [];
  waiting: { author: Uint8Array; submit: Submit }[] = [];
  /** Percentages. */
  snapshots = 0;
  runs = 50;
  kind = 1;
  now = 1_700_000_000_000;
  repeats = 0;
  concurrent = 0;
  creator: Uint8Array | null = null;

  constructor(seed: number, exists = true) {
    this.random = rng(seed);
    if (exists) this.created(fromDelta([{ insert: "\n" }]), 1, NOTHING);
  }

  bytes(size: number): Uint8Array {
    return Uint8Array.from({ length: size }, () => Math.floor(this.random() * 256));
  }

  below(n: number): number {
    return Math.floor(this.random() * n);
  }

  chance(percent: number): boolean {
    return this.random() * 100 < percent;
  }

  get rev(): number {
    return this.revisions.length;
  }

  get hash(): Uint8Array {
    return this.revisions.at(-1)!.hash!;
  }

  private created(content: Op, kind: number, author: Uint8Array): void {
    this.text = Document.of(content);
    this.kind = kind;
    this.creator = author;
    const record = { author: NOTHING, seq: 0, kind: 1, body: encode(content), count: 1 };
    this.revisions.push({ record, hash: this.bytes(16) });
  }

  sessionOf(author: Uint8Array): Session {
    const key = hex(author);
    let session = this.sessions.get(key);
    if (!session) {
      session = { lastSeq: 0, lastBody: NOTHING, closed: false, attempt: 0 };
      this.sessions.set(key, session);
    }
    return session;
  }

  /** The store loses its newest entries, and everybody has to notice. */
  loseTail(entries: number): void {
    for (let i = 0; i < entries && this.rev > 1; i++) {
      do this.revisions.pop();
      while (!this.revisions.at(-1)!.hash);
    }
    this.text = Document.of(decode(this.revisions[0]!.record.body));
    this.sessions.forEach((session) => (session.lastSeq = 0));
    for (const { record } of this.revisions.slice(1)) {
      if (record.kind === EDIT) this.text = this.text.apply(decode(record.body));
      const session = this.sessionOf(record.author);
      session.lastSeq = record.seq;
    }
    this.waiting = [];
    for (const client of this.clients) client.disconnect();
  }

  // --- frames of a client ---

  take(client: WorldClient, frame: UpFrame): void {
    if (frame.$case === "open") this.open(client, frame.value);
    else if (frame.$case === "submit") this.submit(client, frame.value);
    else if (frame.$case === "close") {
      client.attached = null;
      client.give({ $case: "closed", value: { doc: utf8(this.id) } });
    } else if (frame.$case === "presence") this.presence(client, frame.value.rev, frame.value.data);
  }

  private presence(from: WorldClient, rev: number, data: Uint8Array): void {
    if (!from.attached) return;
    for (const to of this.clients)
      if (to.attached && to.online)
        to.give({
          $case: "presence", value: { doc: utf8(this.id), author: from.attached, rev, data, gone: false },
        });
  }

  open(client: WorldClient, open: Open): void {
    const author = open.session.length > 0 ? authorOf(this.id, open.session) : NOTHING;
    const session = this.sessionOf(author);
    if (open.session.length > 0 && session.closed) return client.error(28, "session-closed", 2, true);
    if (open.session.length > 0 && open.attempt < session.attempt)
      return client.error(26, "session-replaced", 2, true, session.attempt);
    session.attempt = open.attempt;
    for (const other of this.clients)
      if (other !== client && other.attached && sameBytes(other.attached, author)) other.attached = null;
    if (this.rev === 0) {
      if (!open.create) return client.error(21, "no-such-document", 2, true);
      this.created(decode(open.create.content), open.create.docKind, author);
    }
    client.attached = author;
    client.opened(open.rev, open.hash, author);
  }

  submit(client: WorldClient, submit: Submit): void {
    if (!client.attached) return client.error(22, "not-open", 2, true);
    const author = client.attached;
    const session = this.sessionOf(author);
    const waits = this.waiting.find((item) => sameBytes(item.author, author));
    if (waits || submit.seq === session.lastSeq) {
      const body = waits ? waits.submit.body : session.lastBody;
      if (!sameBytes(body, submit.body)) throw new Error("the same seq with other bytes");
      this.repeats++;
      return;
    }
    if (submit.seq !== session.lastSeq + 1) throw new Error(`seq ${submit.seq} after ${session.lastSeq}`);
    const base = this.revisions[submit.baseRev - 1];
    if (!base?.hash || !sameBytes(base.hash, submit.baseHash)) throw new Error("no such base");
    this.waiting.push({ author, submit });
  }

  /** What waits becomes one entry. */
  commit(): void {
    if (this.waiting.length === 0) return;
    const before = { rev: this.rev, hash: this.hash };
    const records: Record[] = [];
    for (const { author, submit } of this.waiting) {
      let { body } = submit;
      const since = this.revisions.slice(submit.baseRev);
      if (since.length > 0) this.concurrent++;
      if (submit.kind === EDIT) {
        let op = decode(body);
        for (const { record } of since)
          if (record.kind === EDIT) op = transform(decode(record.body), op, true);
        this.text.check(op, this.kind === 1);
        this.text = this.text.apply(op);
        body = encode(op);
      } else if (submit.kind === TITLE) {
        this.title = new TextDecoder().decode(body);
      }
      const record = { author, seq: submit.seq, kind: submit.kind, body, count: 1 };
      Object.assign(this.sessionOf(author), { lastSeq: submit.seq, lastBody: submit.body });
      records.push(record);
      this.revisions.push({ record, hash: null });
    }
    this.waiting = [];
    this.revisions.at(-1)!.hash = this.bytes(16);
    for (const client of this.clients)
      if (client.online && client.attached)
        client.give({
          $case: "entry",
          value: {
            doc: utf8(this.id), firstRev: before.rev + 1, lastRev: this.rev, hashBefore: before.hash,
            hashAfter: this.hash, time: 0, records,
          },
        });
  }

  /** Records after a revision, as a client of that author may get them: runs of others are composed. */
  recordsSince(rev: number, author: Uint8Array): Record[] {
    const out: Record[] = [];
    for (const { record } of this.revisions.slice(rev)) {
      const last = out.at(-1);
      const own = sameBytes(record.author, author);
      const joins = last && !own && record.kind === EDIT && last.kind === EDIT &&
        !(last.author.length > 0 && sameBytes(last.author, author)) && this.chance(this.runs);
      if (!joins) out.push(record);
      else
        out[out.length - 1] = {
          author: NOTHING, seq: 0, kind: EDIT, count: last.count + 1,
          body: encode(compose(decode(last.body), decode(record.body))),
        };
    }
    return out;
  }

  settle(): void {
    for (const client of this.clients) client.connect();
    for (let rounds = 0; rounds < 200; rounds++) {
      let busy = false;
      for (const client of this.clients) {
        if (!client.online) client.connect();
        client.send();
        while (client.deliverUp() || client.deliverDown()) busy = true;
      }
      if (this.waiting.length > 0) busy = true;
      this.commit();
      if (!busy) return;
    }
    throw new Error("it does not come to rest");
  }
}

export const LIMITS: Limits = {
  version: 1, features: 0, serverTime: 0, heartbeatMs: 30_000, opBytesMax: 262144, frameBytesMax: 1 << 20,
  documentBytesMax: 1 << 25, chunkBytesMax: 65536, presenceBytesMax: 1024, presencePerSMax: 20,
  documentsMax: 1000, framesPerSMax: 50_000, opComponentsMax: 65_536, docIdBytesMax: 128, titleBytesMax: 1024,
};

/** What the disk of a client holds. */
interface Disk {
  checkpoint: Uint8Array | null;
  journal: Uint8Array[];
}

export class WorldClient {
  readonly world: World;
  core!: DocCore;
  replica!: Replica;
  presence!: PresenceCore;
  attached: Uint8Array | null = null;
  online = false;
  up: UpFrame[] = [];
  down: DownFrame[] = [];
  disk: Disk = { checkpoint: null, journal: [] };
  limits = LIMITS;
  /** The text as an editor has it that goes by the changes alone. */
  editor: Op = IDENTITY;
  sources: string[] = [];
  diverged = 0;
  private due: { items: JournalItem[]; checkpoint: boolean } = { items: [], checkpoint: false };

  constructor(world: World, readonlyClient = false) {
    this.world = world;
    world.clients.push(this);
    this.make();
    if (!readonlyClient) this.replica.setSession(this.mint());
    this.replica.checkpoint();
  }

  private mint(): Uint8Array {
    return mintSession(this.world.now, this.world.bytes(10));
  }

  private make(): void {
    const { world } = this;
    this.due = { items: [], checkpoint: false };
    this.editor = IDENTITY;
    this.replica = new Replica(world.id, {
      changed: (op, source, author) => {
        this.editor = compose(this.editor, op);
        this.sources.push(source);
        if (source === "reset") this.presence.reset();
        else this.presence.textChanged(op, author);
      },
      committed: (record, op, rev) => this.presence.committed(op, record.author, rev),
      journal: (item) => this.due.items.push(item),
      checkpoint: () => (this.due = { items: [], checkpoint: true }),
      now: () => world.now,
      random: (size) => world.bytes(size),
    });
    this.presence = new PresenceCore(this.replica, world.random, () => {});
    this.core = new DocCore(this.replica, this.presence, { mint: () => this.mint(), changed: () => {} });
  }

  open(create?: { kind: number; content: Op; fresh: boolean }): this {
    if (create) {
      this.replica.create = { ...create, content: encode(create.content) };
      if (create.fresh) {
        this.replica.kind = create.kind;
        this.replica.setText(create.content);
      }
      this.replica.checkpoint();
    }
    this.core.open();
    return this;
  }

  /** Everything that is due reaches the disk. */
  store(): void {
    const { items, checkpoint } = this.due;
    this.due = { items: [], checkpoint: false };
    if (checkpoint) this.disk = { checkpoint: encodeCheckpoint(this.replica, NOTHING), journal: [] };
    else this.disk.journal.push(...items.map(encodeItem));
    this.core.stored(this.replica.version);
  }

  /** The tab dies; what was not on the disk is gone. */
  crash(): void {
    this.disconnect();
    const { checkpoint, journal } = this.disk;
    this.make();
    if (!checkpoint) {
      this.replica.setSession(this.mint());
      this.replica.checkpoint();
    } else {
      restore(this.replica, checkpoint, journal);
      this.due = { items: [], checkpoint: false };
      this.core.stored(this.replica.version);
      this.editor = this.replica.text?.content() ?? IDENTITY;
    }
    this.core.open();
  }

  connect(): void {
    if (this.online) return;
    this.online = true;
    this.core.connected(this.limits);
    this.pull();
  }

  disconnect(): void {
    if (!this.online) return;
    this.online = false;
    this.attached = null;
    this.up = [];
    this.down = [];
    this.core.disconnected();
  }

  /** What is there to send, as far as the disk allows; and the disk does. */
  send(): void {
    this.pull();
    this.store();
    this.pull();
  }

  pull(): void {
    for (let frame = this.core.pull(this.world.now); frame; frame = this.core.pull(this.world.now))
      this.up.push(frame);
  }

  deliverUp(): boolean {
    const frame = this.up.shift();
    if (frame) this.world.take(this, frame);
    return frame !== undefined;
  }

  deliverDown(): boolean {
    const frame = this.down.shift();
    if (!frame) return false;
    const before = this.core.error;
    this.core.frame(frame, this.world.now);
    if (this.core.error !== before && this.core.error?.code === "diverged") this.diverged++;
    this.pull();
    return true;
  }

  give(frame: DownFrame): void {
    this.down.push(frame);
  }

  error(code: number, name: string, scope: number, permanent: boolean, detail = 0, seq = 0): void {
    if (scope === 2) this.attached = null;
    this.give({
      $case: "error",
      value: {
        code, name: utf8(name), scope, permanent, retryAfterMs: 0, doc: utf8(this.world.id), seq,
        message: utf8(name), detail,
      },
    });
  }

  /** The answer to an Open, or an unasked one. */
  opened(rev: number, hash: Uint8Array, author: Uint8Array): void {
    const { world } = this;
    const at = world.revisions[rev - 1];
    const known = rev > 0 && !!at?.hash && sameBytes(at.hash, hash);
    const creator = rev === 0 && author.length > 0 && sameBytes(world.creator!, author);
    const session = world.sessionOf(author);
    let outcome: number = Opened_Outcome.SNAPSHOT, payload: Uint8Array = NOTHING;
    if ((known || creator) && !world.chance(world.snapshots)) {
      const records = world.recordsSince(known ? rev : 1, author);
      outcome = records.length > 0 ? Opened_Outcome.OPS : Opened_Outcome.UP_TO_DATE;
      if (records.length > 0) payload = Ops.encode({ records }).finish();
    } else {
      if (rev > 0 && !known) {
        outcome = Opened_Outcome.RESYNC;
        session.closed = true;
      }
      payload = Content.encode({ content: encode(world.text.content()), title: utf8(world.title) }).finish();
    }
    const pieces = payload.length > 40 && world.chance(50);
    const first = pieces ? 17 : payload.length;
    this.give({
      $case: "opened",
      value: {
        doc: utf8(world.id), outcome: outcome as never, rev: world.rev, hash: world.hash,
        lastSeq: author.length > 0 ? session.lastSeq : 0, docKind: world.kind,
        payloadBytes: payload.length, payload: payload.slice(0, first),
      },
    });
    for (let offset = first; offset < payload.length; offset += 100)
      this.give({
        $case: "chunk",
        value: { doc: utf8(world.id), offset, data: payload.slice(offset, offset + 100) },
      });
  }

  /** Edits at random: text, formats, deletes; no place within a surrogate pair. */
  type(insert: string, destructive: boolean): boolean {
    const { text } = this.replica;
    if (!text || this.replica.session.length === 0 || this.core.phase === "stopped") return false;
    const { world } = this;
    const units = text.length - (this.replica.kind === 1 ? 1 : 0);
    const at = world.below(units + 1);
    const builder = new OpBuilder().retain(at);
    const length = Math.min(units - at, 1 + world.below(3));
    if (destructive && length > 0 && world.chance(40)) builder.delete(length);
    if (!destructive || world.chance(70)) builder.insert(insert);
    try {
      this.replica.edit(builder.finish());
    } catch {
      return false; // it would have cut a pair
    }
    return true;
  }
}
