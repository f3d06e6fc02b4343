/** A replica as bytes and back: what a storage keeps (proto/store.proto). */
import { decode, Document, encode } from "../ot/index.ts";
import { hex, utf8 } from "./bytes.ts";
import { Kind } from "./kinds.ts";
import type { LocalRevision } from "./history.ts";
import type { JournalItem, Replica } from "./replica.ts";
import { Checkpoint, Item, type Local, type Words } from "../wire/gen/store.ts";

const VERSION = 1;
const NOTHING = new Uint8Array(0);

export function encodeItem(item: JournalItem): Uint8Array {
  return Item.encode({ item }).finish();
}

/** `id`: random, to know this checkpoint by. */
export function encodeCheckpoint(r: Replica, id: Uint8Array): Uint8Array {
  const { flight, local } = r;
  return Checkpoint.encode({
    version: VERSION,
    id,
    docKind: r.kind,
    session: r.session,
    attempt: r.attempt,
    seq: r.seq,
    hasText: r.text !== null,
    text: r.text ? encode(r.text.content()) : NOTHING,
    rev: r.position?.rev ?? 0,
    hash: r.position?.hash ?? NOTHING,
    title: r.serverTitle,
    flight: flight
      ? {
          kind: flight.kind,
          sent: flight.sent,
          baseRev: flight.base.rev,
          baseHash: flight.base.hash,
          op: flight.op ? encode(flight.op) : NOTHING,
        }
      : undefined,
    buffer: r.buffer ? encode(r.buffer) : NOTHING,
    hasNextTitle: r.nextTitle !== null,
    nextTitle: r.nextTitle ?? "",
    create: r.create
      ? { docKind: r.create.kind, content: r.create.content, fresh: r.create.fresh }
      : undefined,
    unsure: r.unsure,
    reason: r.reason,
    drafts: r.drafts.map((draft) => ({ ...draft, op: encode(draft.op) })),
    opBytesMax: r.opBytesMax,
    epoch: local.epoch,
    localRev: local.rev,
    history: local.last().map(encodeLocal),
    tabs: [...local.tabs].map(([author, seq]) => ({ author: fromHex(author), seq })),
    denied: r.denied,
  }).finish();
}

export function checkpointId(checkpoint: Uint8Array): Uint8Array {
  return Checkpoint.decode(checkpoint).id;
}

/**
 * Fills a new replica with a stored state. Throws where it is not readable; whoever calls then begins
 * anew and keeps the bytes aside.
 */
export function restore(r: Replica, checkpoint: Uint8Array, journal: readonly Uint8Array[]): void {
  const c = Checkpoint.decode(checkpoint);
  if (c.version !== VERSION) throw new Error(`a stored state of version ${c.version}`);
  r.setSession(c.session);
  r.kind = c.docKind;
  r.attempt = c.attempt;
  r.seq = c.seq;
  r.text = c.hasText ? Document.of(decode(c.text)) : null;
  r.position = c.hash.length > 0 ? { rev: c.rev, hash: c.hash } : null;
  r.serverTitle = c.title;
  r.flight = c.flight
    ? {
        kind: c.flight.kind,
        sent: c.flight.sent,
        base: { rev: c.flight.baseRev, hash: c.flight.baseHash },
        op: c.flight.kind === Kind.EDIT ? decode(c.flight.op) : null,
      }
    : null;
  r.buffer = c.buffer.length > 0 ? decode(c.buffer) : null;
  r.nextTitle = c.hasNextTitle ? c.nextTitle : null;
  r.create = c.create
    ? { kind: c.create.docKind, content: c.create.content, fresh: c.create.fresh }
    : null;
  r.unsure = c.unsure;
  r.reason = c.reason;
  r.drafts = c.drafts.map((draft) => ({ ...draft, op: decode(draft.op) }));
  r.opBytesMax = c.opBytesMax;
  r.denied = c.denied;
  r.local.restore(c.epoch, c.localRev, c.history.map(decodeLocal));
  for (const { author, seq } of c.tabs) r.local.tabs.set(hex(author), seq);
  for (const bytes of journal) replay(r, Item.decode(bytes).item);
}

function replay(r: Replica, item: JournalItem | undefined): void {
  switch (item?.$case) {
    case "edit":
      return r.edited(decode(item.value.op), tabOf(item.value));
    case "title":
      return r.setTitle(item.value.title, tabOf(item.value));
    case "launch": {
      const { kind, sent, rest } = item.value;
      const stays = rest.length > 0 ? decode(rest) : null;
      return r.launched(kind, sent, kind === Kind.EDIT ? decode(sent) : null, stays);
    }
    case "remote": {
      const { records, rev, hash, lastSeq } = item.value;
      return r.remote(records, { rev, hash }, lastSeq);
    }
    default:
      throw new Error("a journal item of a kind that is not known");
  }
}

function tabOf({ author, seq }: { author: Uint8Array; seq: number }) {
  return author.length > 0 ? { author, seq } : undefined;
}

/** What a following tab has typed and not heard of again. Null: nothing. */
export function lastWords({ session, position, seq, flight, buffer, nextTitle }: Replica): Words | null {
  const said = [];
  if (flight) said.push({ kind: flight.kind, body: flight.op ? encode(flight.op) : flight.sent });
  if (buffer) said.push({ kind: Kind.EDIT, body: encode(buffer) });
  if (nextTitle !== null) said.push({ kind: Kind.TITLE, body: utf8(nextTitle) });
  if (said.length === 0 || !position) return null;
  return { session, rev: position.rev, epoch: position.hash, seq: flight ? seq : seq + 1, said };
}

export function encodeLocal({ kind, body, author, seq }: LocalRevision): Local {
  return { kind, body: bodyBytes(body), author, seq };
}

export function bodyBytes(body: LocalRevision["body"]): Uint8Array {
  return typeof body === "string" ? new TextEncoder().encode(body) : encode(body);
}

function decodeLocal({ kind, body, author, seq }: Local): LocalRevision {
  const bytes = body.length + 50;
  if (kind === Kind.TITLE) return { kind, body: new TextDecoder().decode(body), author, seq, bytes };
  return { kind, body: decode(body), author, seq, bytes };
}

function fromHex(text: string): Uint8Array {
  return Uint8Array.from(text.match(/../g) ?? [], (byte) => parseInt(byte, 16));
}
