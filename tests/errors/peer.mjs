// A client on npm's `ws`, which knows nothing of Weft but docs/protocol.md: it sends what it is told,
// also what it should not, and keeps what comes until somebody asks for it.
import { createHash, randomBytes } from 'node:crypto';
import WebSocket from 'ws';
import { contentRead, frameWrite, framesRead } from './proto.mjs';

export const forms = { proto: 'weft.v1.proto', json: 'weft.v1.json' };
const WAIT_MS = 20000;

// 6 bytes of creation time and 10 random ones.
export function newSession(offsetMs = 0) {
  const time = Buffer.alloc(8);
  time.writeBigUInt64BE(BigInt(Date.now() + offsetMs));
  return Buffer.concat([time.subarray(2), randomBytes(10)]).toString('hex');
}

export const authorOf = (doc, session) => createHash('sha256').update(doc)
  .update(Buffer.from(session, 'hex')).digest('hex').slice(0, 16);

export class Peer {
  constructor(url, form) {
    this.form = form;
    this.queue = [];
    this.waiters = [];
    this.ws = new WebSocket(url, [forms[form]], { perMessageDeflate: false });
    this.ws.on('message', (data) => this.#take(data));
    // The end of a connection is what is tested, not a failure of the test.
    this.ws.on('error', () => {});
    this.connected = new Promise((resolve, reject) => {
      this.ws.once('open', resolve);
      this.ws.once('error', reject);
    });
    this.connected.catch(() => {});
    this.closed = new Promise((resolve) => {
      this.ws.once('close', (code, reason) => {
        resolve({ code, reason: reason.toString() });
        this.#wake();
      });
    });
  }

  #take(data) {
    const messages = this.form === 'proto' ? framesRead(data) : [JSON.parse(data.toString())];
    for (const message of messages) {
      if (message.type === 'chunk') this.#chunk(message);
      else if (message.type === 'opened' && message.payload_bytes) this.pieces = { message, parts: [], size: 0 };
      else this.queue.push(message);
    }
    this.#wake();
  }

  // A payload in pieces is given as the message that it belongs to.
  #chunk(chunk) {
    const { message, parts } = this.pieces;
    const part = Buffer.from(chunk.data);
    parts.push(part);
    this.pieces.size += part.length;
    if (this.pieces.size < message.payload_bytes) return;
    const payload = Buffer.concat(parts);
    const content = this.form === 'proto' ? contentRead(payload) : JSON.parse(payload.toString()).content;
    this.queue.push({ ...message, content });
  }

  #wake() {
    for (const waiter of [...this.waiters]) waiter();
  }

  // All in one write: the gateway reads them together.
  send(...messages) {
    this.ws._socket.cork();
    if (this.form === 'proto') this.ws.send(Buffer.concat(messages.map(frameWrite)));
    else for (const message of messages) this.ws.send(JSON.stringify(message));
    this.ws._socket.uncork();
  }

  // Bytes behind the library's back.
  raw(data) {
    this.ws._socket.write(data);
  }

  // The first message of this kind, taken out of the queue; what came before it stays.
  async next(matches, what, ms = WAIT_MS) {
    const test = typeof matches === 'string' ? (m) => m.type === matches : matches;
    const find = () => this.queue.findIndex(test);
    if (find() < 0) await this.#until(() => find() >= 0, what ?? matches, ms);
    return this.queue.splice(find(), 1)[0];
  }

  // Not beyond the end of the connection.
  #until(done, what, ms) {
    return new Promise((resolve, reject) => {
      const end = (settle, value) => {
        clearTimeout(timer);
        this.waiters = this.waiters.filter((one) => one !== look);
        settle(value);
      };
      const fail = (why) => end(reject, new Error(`${why}: no ${what}; there is ` +
        JSON.stringify(this.queue.slice(-5)).slice(0, 600)));
      const timer = setTimeout(() => fail(`after ${ms} ms`), ms);
      const look = () => {
        if (done()) end(resolve);
        else if (this.ws.readyState === WebSocket.CLOSED) fail('the connection has ended');
      };
      this.waiters.push(look);
      look();
    });
  }

  async hello() {
    await this.connected;
    this.send({ type: 'hello', version: 1 });
    this.limits = await this.next('welcome');
    return this;
  }

  // Opens, and keeps what a Submit needs.
  async open(doc, options = {}) {
    const session = 'session' in options ? options.session : newSession();
    this.send({ type: 'open', doc, session, attempt: 1, ...options });
    const opened = await this.next((m) => m.type === 'opened' && m.doc === doc, `opened of ${doc}`);
    return { doc, session, seq: 0, position: opened.position,
      text: (opened.content ?? []).map((one) => one.insert).join('') };
  }

  submit(use, op, options = {}) {
    this.send({ type: 'submit', doc: use.doc, seq: use.seq + 1, base: use.position, op, ...options });
  }

  // Submits and waits for the own record, going along with what others do.
  async edit(use, op, options) {
    const seq = use.seq + 1;
    const author = authorOf(use.doc, use.session);
    this.submit(use, op, options);
    for (let done = false; !done;) {
      const entry = await this.next((m) => m.doc === use.doc &&
        ['entry', 'error', 'opened', 'closed'].includes(m.type), `ack of seq ${seq}`);
      if (entry.type !== 'entry') throw new Error(`instead of an ack: ${JSON.stringify(entry)}`);
      if (entry.first_rev <= use.position.rev) continue;
      if (entry.hash_before !== use.position.hash) throw new Error('the chain is broken');
      use.position = { rev: entry.last_rev, hash: entry.hash_after };
      done = entry.records.some((record) => record.author === author && record.seq === seq);
    }
    use.seq = seq;
  }

  async ping() {
    const nonce = Math.floor(Math.random() * 1e9) + 1;
    this.send({ type: 'ping', nonce });
    await this.next((m) => m.type === 'pong' && m.nonce === nonce, 'pong');
  }

  end() {
    this.ws.terminate();
  }
}
