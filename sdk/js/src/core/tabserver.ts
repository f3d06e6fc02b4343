/**
 * The leading tab as the server of the others: the protocol of docs/protocol.md over the local
 * history (history.ts), spoken by the DocCore of each following tab. A position is a local revision
 * and the history's epoch; a session is a tab.
 *
 * A revision is shown to other tabs when it is stored (docs/sdk.md, "Tabs").
 */
import { compose, decode, encode, type Op, transform } from "../ot/index.ts";
import { fromUtf8, hex, sameBytes, utf8 } from "./bytes.ts";
import { bodyBytes } from "./stored.ts";
import type { Limits } from "./conn.ts";
import type { DocCore } from "./doc.ts";
import { Kind } from "./kinds.ts";
import type { LocalRevision } from "./history.ts";
import { pass, type Replica } from "./replica.ts";
import { authorOf } from "./session.ts";
import type { DownFrame } from "../wire/frames.ts";
import {
  Content, type Open, type Opened, Opened_Outcome, Ops, type Record, type Submit,
} from "../wire/gen/client.ts";
import type { Words } from "../wire/gen/store.ts";

const NOTHING = new Uint8Array(0);

/** Presence and heartbeat of the wire do not count between tabs; the leader's own limits do. */
export const TAB_LIMITS: Limits = {
  version: 1, features: 0, serverTime: 0, heartbeatMs: 30_000, opBytesMax: 2 ** 31,
  frameBytesMax: 2 ** 31, documentBytesMax: 2 ** 31, chunkBytesMax: 2 ** 31,
  presenceBytesMax: 1024, presencePerSMax: 20, documentsMax: 1,
  framesPerSMax: 2 ** 31, opComponentsMax: 2 ** 31, docIdBytesMax: 128, titleBytesMax: 1024,
};

export class TabServer {
  private readonly replica: Replica;
  private readonly doc: Uint8Array;

  constructor(replica: Replica) {
    this.replica = replica;
    this.doc = utf8(replica.id);
  }

  /** Can an Open be answered now, when revisions up to `shown` may be seen? */
  canOpen(open: Open, shown: number): boolean {
    const { local, text } = this.replica;
    return text !== null && (local.rev === shown || this.since(open.rev, open.hash) !== null);
  }

  /** The answer to an Open that canOpen(). */
  open(open: Open, shown: number): DownFrame {
    const { local, kind } = this.replica;
    const missed = this.since(open.rev, open.hash);
    const opened: Opened = {
      doc: this.doc,
      outcome: Opened_Outcome.SNAPSHOT,
      rev: shown,
      hash: local.epoch,
      lastSeq: this.lastSeq(authorOf(this.replica.id, open.session), shown),
      docKind: kind,
      payloadBytes: 0,
      payload: NOTHING,
    };
    if (missed) {
      const records = missed.slice(0, Math.max(0, shown - open.rev)).map(recordOf);
      opened.outcome = Opened_Outcome.OPS;
      opened.rev = Math.max(shown, open.rev);
      opened.payload = Ops.encode({ records }).finish();
    } else {
      if (open.hash.length > 0) opened.outcome = Opened_Outcome.RESYNC;
      const content = encode(this.replica.text!.content());
      opened.payload = Content.encode({ content, title: utf8(this.replica.title) }).finish();
    }
    return { $case: "opened", value: opened };
  }

  /** As far as it may be seen: what is behind that comes as an Entry. */
  private lastSeq(author: Uint8Array, shown: number): number {
    const { local } = this.replica;
    const hidden = local.since(shown)?.find((revision) => sameBytes(revision.author, author));
    return hidden ? hidden.seq - 1 : (local.tabs.get(hex(author)) ?? 0);
  }

  /** The revisions after `from`, up to `to`, for all tabs. */
  entry(from: number, to: number): DownFrame | null {
    const { local } = this.replica;
    const revisions = to > from ? local.since(from)?.slice(0, to - from) : undefined;
    if (!revisions || revisions.length === 0) return null;
    return {
      $case: "entry",
      value: {
        doc: this.doc, firstRev: from + 1, lastRev: to, hashBefore: local.epoch, hashAfter: local.epoch,
        time: 0, records: revisions.map(recordOf),
      },
    };
  }

  /**
   * A tab's edit becomes one of ours, once. `lost`: we do not have what it is based on, the tab must
   * open again. `refused`: it does not fit.
   */
  submit(submit: Submit, session: Uint8Array): "done" | "lost" | "refused" {
    const { replica } = this;
    const author = authorOf(replica.id, session);
    const { seq } = submit;
    if (seq <= (replica.local.tabs.get(hex(author)) ?? 0)) return "done"; // and was or will be shown
    const since = this.since(submit.baseRev, submit.baseHash);
    if (!since || !replica.text) return "lost";
    try {
      if (submit.kind === Kind.TITLE) replica.setTitle(fromUtf8(submit.body), { author, seq });
      else replica.edit(over(since, decode(submit.body)), { author, seq });
    } catch {
      return "refused";
    }
    return "done";
  }

  /**
   * What a tab typed last, before it went: as if it had stayed and sent one after the other. What is
   * known by its name already is passed over.
   */
  words({ session, rev, epoch, seq: first, said }: Words): void {
    const { replica } = this;
    const author = authorOf(replica.id, session);
    const since = this.since(rev, epoch);
    let waits = said.map(({ kind, body }, i) =>
      ({ seq: first + i, body: kind === Kind.TITLE ? fromUtf8(body) : decode(body) }));
    if (!since || !replica.text) return this.wordsLost(waits.flatMap(({ body }) => typeof body === "string" ? [] : body));
    for (const { body: item, author: by, seq } of since) {
      if (sameBytes(by, author)) waits = waits.filter((one) => one.seq > seq);
      else if (typeof item !== "string") waits = passed(item, waits);
    }
    const known = replica.local.tabs.get(hex(author)) ?? 0;
    for (const { seq, body } of waits) {
      if (seq <= known) continue;
      if (typeof body === "string") replica.setTitle(body, { author, seq });
      else replica.edit(body, { author, seq });
    }
  }

  /** There is no text any more that they would fit: a person has to look. */
  private wordsLost(ops: readonly Op[]): void {
    if (ops.length === 0) return;
    this.replica.addDraft(ops.reduce((a, b) => compose(a, b)), true, "resync");
    this.replica.checkpoint();
  }

  /**
   * A tab that followed leads now, with the state that it has found on the disk: what it holds itself
   * goes into that state at once. There is nothing to wait for, since all of it is stored.
   */
  adopt(follower: DocCore): void {
    const { local } = this.replica;
    const { replica } = follower;
    follower.disconnected();
    follower.connected(TAB_LIMITS);
    for (let frame = follower.pull(0); frame; frame = follower.pull(0)) {
      if (frame.$case === "open") {
        if (!this.canOpen(frame.value, local.rev)) return; // there is no text here yet
        follower.frame(this.open(frame.value, local.rev), 0);
      } else if (frame.$case === "submit") {
        if (this.submit(frame.value, replica.session) !== "done") return;
        const entry = this.entry(replica.position!.rev, local.rev);
        if (entry) follower.frame(entry, 0);
      } else if (frame.$case === "close") {
        follower.frame({ $case: "closed", value: frame.value }, 0);
      }
    }
  }

  since(rev: number, epoch: Uint8Array): readonly LocalRevision[] | null {
    const { local } = this.replica;
    return sameBytes(epoch, local.epoch) ? local.since(rev) : null;
  }
}

/** The tab's op stood beside these revisions, which come first. */
function over(revisions: readonly LocalRevision[], op: Op): Op {
  return revisions.reduce(
    (moved, { body }) => (typeof body === "string" ? moved : transform(body, moved, true)), op,
  );
}

type Waiting = { readonly seq: number; readonly body: Op | string };

function passed(item: Op, waits: readonly Waiting[]): Waiting[] {
  let foreign = item;
  return waits.map(({ seq, body }) => {
    if (typeof body === "string") return { seq, body };
    const [over, own] = pass(foreign, body);
    foreign = over;
    return { seq, body: own };
  });
}

function recordOf({ kind, body, author, seq }: LocalRevision): Record {
  return { author, seq, kind, body: bodyBytes(body), count: 1 };
}
