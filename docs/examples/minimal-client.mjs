// A whole client of Weft in plain JavaScript: docs/protocol.md on the subprotocol weft.v1.json, in
// memory. typist.mjs beside it puts it to use.
import { createHash, randomBytes } from "node:crypto";

// --- the algebra (docs/algebra.md), on Quill Deltas ---

const kindOf = (c) => ("insert" in c ? "insert" : "delete" in c ? "delete" : "retain");
const sizeOf = (c) => c.delete ?? c.retain ?? (typeof c.insert === "string" ? c.insert.length : 1);
const sorted = (attributes) => JSON.stringify(Object.entries(attributes ?? {}).sort());

const pieceOf = (c, from, size) => kindOf(c) !== "insert" ? { ...c, [kindOf(c)]: size }
  : typeof c.insert === "string" ? { ...c, insert: c.insert.slice(from, from + size) } : c;

/** Reads an op piece by piece; behind its end it retains without end. */
function reader(op) {
  let index = 0, offset = 0;
  return {
    more: () => index < op.length,
    kind: () => (index < op.length ? kindOf(op[index]) : "retain"),
    left: () => (index < op.length ? sizeOf(op[index]) - offset : Infinity),
    take(size = this.left()) {
      if (index >= op.length) return { retain: size };
      const taken = pieceOf(op[index], offset, size);
      offset += size;
      if (offset === sizeOf(op[index])) [index, offset] = [index + 1, 0];
      return taken;
    },
  };
}

/** Appends a component; neighbours that are alike are one. */
function push(op, c) {
  const { attributes, ...rest } = c;
  const next = attributes && Object.keys(attributes).length ? { ...rest, attributes } : rest;
  const last = op.at(-1), kind = kindOf(next);
  const alike = last && kindOf(last) === kind && sorted(last.attributes) === sorted(attributes) &&
    typeof last.insert !== "object" && typeof next.insert !== "object";
  if (alike) op[op.length - 1] = { ...last, [kind]: last[kind] + next[kind] };
  else op.push(next);
}

/** A retain at the end says nothing. */
function normal(op) {
  if (op.at(-1)?.retain && !op.at(-1).attributes) op.pop();
  return op;
}

export function compose(a, b) {
  const out = [], x = reader(a), y = reader(b);
  while (x.more() || y.more()) {
    if (y.kind() === "insert") push(out, y.take());
    else if (x.kind() === "delete") push(out, x.take());
    else {
      const size = Math.min(x.left(), y.left()), p = x.take(size), q = y.take(size);
      if (q.delete) p.retain && push(out, q);
      else {
        const attributes = { ...p.attributes, ...q.attributes };
        if (!p.retain) for (const key in attributes) if (attributes[key] === null) delete attributes[key];
        push(out, { ...p, attributes });
      }
    }
  }
  return normal(out);
}

/** b, made on the same text as a, rewritten to apply after it. `first`: a comes first in the history. */
export function transform(a, b, first) {
  const out = [], x = reader(a), y = reader(b);
  while (y.more()) {
    if (x.kind() === "insert" && (first || y.kind() !== "insert")) push(out, { retain: sizeOf(x.take()) });
    else if (y.kind() === "insert") push(out, y.take());
    else {
      const size = Math.min(x.left(), y.left()), p = x.take(size), q = y.take(size);
      if (p.delete) continue;
      const ours = Object.entries(q.attributes ?? {});
      const kept = ours.filter(([key]) => !first || !(key in (p.attributes ?? {})));
      push(out, q.delete ? q : { retain: size, attributes: Object.fromEntries(kept) });
    }
  }
  return normal(out);
}

/** An op of others, which comes first, and one of ours, each rewritten over the other. */
const pass = (other, own) => [transform(own, other, false), transform(other, own, true)];

const EMPTY = [{ insert: "\n" }];
export class MinimalClient {
  text = []; // inserts, with everything that is unsent
  position = null;
  flight = null; // { seq, base, sent, op }: op is what sent has become
  buffer = null;
  #seq = 0;
  #attempt = 0;
  #pieces = null;

  constructor(WebSocket, url, doc, onChange = () => {}) {
    Object.assign(this, { WebSocket, url, doc, onChange });
    const time = Buffer.alloc(8);
    time.writeBigUInt64BE(BigInt(Date.now()));
    const session = Buffer.concat([time.subarray(2), randomBytes(10)]);
    this.session = session.toString("hex");
    this.author = createHash("sha256").update(doc).update(session).digest("hex").slice(0, 16);
    this.connect();
  }

  get saved() { return this.position !== null && !this.flight && !this.buffer; }
  get plain() { return this.text.map(({ insert }) => insert.at ? insert : "\ufffc").join(""); }

  connect() {
    this.socket = new this.WebSocket(this.url, ["weft.v1.json"]);
    this.socket.onopen = () => {
      this.send({ type: "hello", version: 1 });
      this.open();
    };
    this.socket.onmessage = ({ data }) => this.frame(JSON.parse(data));
    this.socket.onerror = () => {};
    this.socket.onclose = () => {
      this.live = false;
      if (!this.closed) setTimeout(() => this.connect(), 500 + 1000 * Math.random());
    };
  }

  close() { this.closed = true; this.socket.close(); }
  send(message) { this.socket.send(JSON.stringify(message)); }
  open() {
    this.send({
      type: "open", doc: this.doc, session: this.session, attempt: ++this.#attempt,
      ...(this.position ? { position: this.position } : { create: { kind: "rich", content: EMPTY } }),
    });
  }

  /** What a person types is there at once, and leaves when nothing else is on its way. */
  edit(op) {
    this.text = compose(this.text, op);
    this.buffer = this.buffer ? compose(this.buffer, op) : op;
    this.launch();
  }

  launch() {
    if (!this.live || this.flight || !this.buffer) return;
    this.flight = { seq: ++this.#seq, base: this.position, sent: this.buffer, op: this.buffer };
    this.buffer = null;
    this.submit();
  }

  submit() {
    this.send({ type: "submit", doc: this.doc, seq: this.flight.seq, base: this.flight.base, op: this.flight.sent });
  }

  frame(message) {
    if (message.payload_bytes) this.#pieces = { ...message, joined: "" };
    else if (message.type === "opened") this.opened(message);
    else if (message.type === "chunk" && this.#pieces) {
      this.#pieces.joined += message.data;
      if (Buffer.byteLength(this.#pieces.joined) === this.#pieces.payload_bytes)
        this.opened({ ...this.#pieces, ...JSON.parse(this.#pieces.joined) });
    } else if (message.type === "entry") this.entry(message);
    else if (message.type === "error") this.error(message);
    this.onChange();
  }

  opened({ outcome, position, content, records = [] }) {
    if (outcome === "resync" || (content && this.flight))
      throw new Error("the history is another one; what is unsaved is a draft");
    if (content) this.text = content;
    else if (!this.position) this.text = EMPTY; // it is we who created the document
    for (const record of records) this.record(record);
    this.position = position;
    this.live = true;
    if (this.flight) this.submit();
    this.launch();
  }

  entry({ first_rev, last_rev, hash_before, hash_after, records }) {
    if (!this.live || last_rev <= this.position.rev) return;
    if (first_rev !== this.position.rev + 1 || hash_before !== this.position.hash) return this.socket.close();
    for (const record of records) this.record(record);
    this.position = { rev: last_rev, hash: hash_after };
    this.launch();
  }

  record({ author, seq, op }) {
    if (author === this.author && seq === this.flight?.seq) this.flight = null; // saved
    else if (op && author !== this.author) {
      if (this.flight) [op, this.flight.op] = pass(op, this.flight.op);
      if (this.buffer) [op, this.buffer] = pass(op, this.buffer);
      this.text = compose(this.text, op);
    }
  }

  error({ permanent, name, message, scope, retry_after_ms }) {
    if (permanent) throw new Error(`${name}: ${message}`);
    setTimeout(() => {
      if (scope === "op" && this.flight) this.submit();
      if (scope === "doc") this.open();
    }, retry_after_ms * (1 + Math.random()));
  }
}
