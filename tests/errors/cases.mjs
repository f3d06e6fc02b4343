// How each error of the table is provoked, by its name. A case gets a Situation and returns the peer
// that is then told. Many errors have several ways to them; each is a case with a name of its own.
import { randomBytes } from 'node:crypto';
import { COMMON } from './stack.mjs';
import { newSession } from './peer.mjs';

const DAY_MS = 86400000;
const COMPONENTS_MAX = 65536; // op-components
const hash = () => randomBytes(16).toString('hex');
const anyBase = () => ({ rev: 1, hash: hash() });
const fresh = () => `document ${randomBytes(8).toString('hex')}`;
const rich = (text) => ({ kind: 'rich', content: [{ insert: text }] });
const filler = (size) => 'x'.repeat(size);

async function gone(pid) {
  for (;;) {
    try {
      process.kill(pid, 0);
    } catch {
      return;
    }
    await new Promise((resolve) => { setTimeout(resolve, 20); });
  }
}

// Waits for what the case is about, where other answers come before it or others may be told.
async function told(peer, matches = 'error') {
  peer.queue.unshift(await peer.next(matches));
  return peer;
}

export class Situation {
  constructor(stack, form) {
    this.stack = stack;
    this.form = form;
    this.peers = [];
  }

  // Connected, no Hello yet.
  async stranger() {
    const peer = this.stack.peer(this.form);
    this.peers.push(peer);
    await peer.connected;
    return peer;
  }

  async peer() {
    return (await this.stranger()).hello();
  }

  // A peer that has the document open.
  async at(doc, options) {
    const peer = await this.peer();
    return { peer, use: await peer.open(doc, options) };
  }

  async created(text = 'text\n') {
    return this.at(fresh(), { create: rich(text) });
  }

  end() {
    for (const peer of this.peers) peer.end();
  }
}

// ---- what goes to everybody's document, and is not taken ----

const submits = (op, options) => async (x) => {
  const { peer, use } = await x.at(COMMON);
  peer.submit(use, typeof op === 'function' ? op(use) : op, options);
  return peer;
};

const opens = (options, doc = COMMON) => async (x) => {
  const peer = await x.peer();
  peer.send({ type: 'open', doc, session: newSession(), attempt: 1, ...options() });
  return peer;
};

const greets = (bytes) => async (x) => {
  const peer = await x.peer();
  peer.raw(bytes);
  return peer;
};

const says = (text, options) => async (x) => {
  const peer = await x.peer();
  peer.ws.send(text, options);
  return peer;
};

const insert = [{ insert: 'x' }];
const far = { doc: COMMON, seq: 1, base: anyBase(), op: insert };

export const cases = {
  'bad-frame': {
    'a frame that is not masked': greets(Buffer.from([0x82, 1, 0])),
    'reserved bits': greets(Buffer.from([0xf2, 0x80, 1, 2, 3, 4])),
    'an unknown opcode': greets(Buffer.from([0x83, 0x80, 1, 2, 3, 4])),
    'a ping in pieces': greets(Buffer.from([0x09, 0x80, 1, 2, 3, 4])),
    'a continuation of nothing': greets(Buffer.from([0x80, 0x80, 1, 2, 3, 4])),
    'noise': greets(randomBytes(4000).fill(0xff, 0, 2)),
    'the other kind of message': (x) => says(x.form === 'json' ? Buffer.from('{}') : '{}')(x),
    'text that is not UTF-8': (x) => says(Buffer.from('{"type":"ping\xff"}', 'latin1'),
      { binary: false })(x),
    'a message that is none': { only: 'proto', run: says(Buffer.from([3, 0xff, 0xff, 0xff])) },
    'an empty message': { only: 'proto', run: says(Buffer.alloc(0)) },
    'a message cut short': { only: 'proto', run: says(Buffer.from([200, 1, 0x0a, 3])) },
    'a session of 15 bytes': { only: 'proto', run: opens(() => ({ session: hash().slice(2) })) },
  },
  'bad-json': {
    'no JSON': says('{"type":"ping"'),
    'no object': says('["ping"]'),
    'a member that is not known': says('{"type":"ping","nounce":7}'),
    'a type that is no name': says('{"type":7}'),
    'half a surrogate pair': says('{"type":"close","doc":"\\ud83d"}'),
    'a session of 15 bytes': opens(() => ({ session: hash().slice(2) })),
    'brackets without end': says('['.repeat(100000)),
    'an op that is none': submits([{ insert: 'x', delete: 1 }]),
  },
  'unknown-type': { 'a mistyped name': says('{"type":"hullo"}') },
  'frame-too-large': {
    'a length alone': greets(Buffer.from([0x82, 0xff, 0, 0, 0, 1, 0, 0, 0, 0, 1, 2, 3, 4])),
    'a whole one': async (x) => {
      const peer = await x.peer();
      peer.ws.send(filler(peer.limits.frame_bytes_max + 1), { binary: x.form === 'proto' });
      return peer;
    },
    'pieces without end': async (x) => {
      const peer = await x.peer();
      for (let i = 0; i < 5; i++)
        peer.ws.send(filler(peer.limits.frame_bytes_max / 4), { binary: x.form === 'proto', fin: false });
      return peer;
    },
  },
  'bad-version': {
    'a version to come': async (x) => {
      const peer = await x.stranger();
      peer.send({ type: 'hello', version: 2 });
      return peer;
    },
  },
  'hello-expected': {
    'an open before it': async (x) => {
      const peer = await x.stranger();
      peer.send({ type: 'open', doc: COMMON });
      return peer;
    },
  },
  'hello-twice': {
    'two': async (x) => {
      const peer = await x.peer();
      peer.send({ type: 'hello', version: 1 });
      return peer;
    },
  },
  'too-fast': {
    'more than a second may have': async (x) => {
      const { peer, use } = await x.created();
      const cursor = { type: 'presence', doc: use.doc, rev: use.position.rev, data: 1 };
      peer.send(...Array(2 * x.stack.framesPerSecond).fill(cursor));
      return peer;
    },
  },
  'slow-reader': {
    'answers are not read': async (x) => {
      const peer = await x.peer();
      const ask = { type: 'submit', ...far, doc: filler(128) };
      peer.ws._socket.pause();
      const until = Date.now() + 15000;
      const before = await x.stack.errors('slow-reader');
      while ((await x.stack.errors('slow-reader')) === before && Date.now() < until) {
        peer.send(...Array(x.stack.framesPerSecond / 2).fill(ask));
        await new Promise((resolve) => { setTimeout(resolve, 1000); });
      }
      peer.ws._socket.resume();
      return told(peer, (m) => m.name === 'slow-reader');
    },
  },
  silent: { 'no Hello': (x) => x.stranger() },
  draining: {
    // Of many connections some are at the gateway that is asked to stop.
    'at a gateway that stops': async (x) => {
      const peers = await Promise.all(Array.from({ length: 12 }, () => x.stranger()));
      const pid = x.stack.pid('gateway-1');
      process.kill(pid, 'SIGTERM');
      x.after = async () => {
        await gone(pid);
        x.stack.script('run-service', 'gateway-1');
        await x.witness.again();
      };
      return Promise.any(peers.map((peer) => told(peer, (m) => m.name === 'draining')));
    },
  },
  overloaded: {
    'messages in part beyond what all may hold': async (x) => {
      const peers = [];
      for (let i = 0; i < 4; i++) {
        const peer = await x.peer();
        peer.ws.send(filler(900000), { binary: x.form === 'proto', fin: false });
        peers.push(peer);
      }
      return Promise.any(peers.map((peer) => told(peer, (m) => m.detail === 2 << 20))); // input-max
    },
  },

  'bad-doc-id': {
    'none': opens(() => ({}), ''),
    'a long one': opens(() => ({}), filler(129)),
    'with a control character': opens(() => ({}), 'a\nb'),
  },
  'no-such-document': {
    'open without create': async (x) => {
      const peer = await x.peer();
      peer.send({ type: 'open', doc: fresh(), session: newSession(), attempt: 1 });
      return peer;
    },
  },
  'not-open': {
    'submit': async (x) => {
      const peer = await x.peer();
      peer.send({ type: 'submit', ...far });
      return peer;
    },
    'close': async (x) => {
      const peer = await x.peer();
      peer.send({ type: 'close', doc: COMMON });
      return peer;
    },
    'presence': async (x) => {
      const peer = await x.peer();
      peer.send({ type: 'presence', doc: COMMON, rev: 1, data: 1 });
      return peer;
    },
  },
  'already-open': {
    'twice': async (x) => {
      const { peer } = await x.at(COMMON);
      peer.send({ type: 'open', doc: COMMON, session: newSession(), attempt: 1 });
      return peer;
    },
  },
  'too-many-documents': {
    'one more': async (x) => {
      const peer = await x.peer();
      const many = Array.from({ length: peer.limits.documents_max + 1 }, () => ({
        type: 'open', doc: fresh(), session: newSession(), attempt: 1, create: rich('a\n') }));
      peer.send(...many);
      return peer;
    },
  },
  'session-replaced': {
    'another connection takes it': async (x) => {
      const { peer, use } = await x.at(COMMON);
      await (await x.peer()).open(COMMON, { session: use.session, attempt: 2 });
      return peer;
    },
    'an earlier attempt comes later': async (x) => {
      const { use } = await x.at(COMMON, { attempt: 5 });
      const peer = await x.peer();
      peer.send({ type: 'open', doc: COMMON, session: use.session, attempt: 4 });
      return peer;
    },
  },
  'session-expired': {
    'a session of last winter': opens(() => ({ session: newSession(-91 * DAY_MS) })),
  },
  'session-closed': {
    'an op after the end': async (x) => {
      const { peer, use } = await x.at(COMMON);
      peer.submit(use, insert, { seq: 7 });
      await peer.next((m) => m.name === 'seq-gap', 'seq-gap');
      peer.submit(use, insert);
      return peer;
    },
    'an open after the end': async (x) => {
      const { peer, use } = await x.at(COMMON);
      peer.submit(use, insert, { seq: 7 });
      await peer.next((m) => m.name === 'seq-gap', 'seq-gap');
      const other = await x.peer();
      other.send({ type: 'open', doc: COMMON, session: use.session, attempt: 2 });
      return other;
    },
  },
  'clock-skew': {
    'a session of tomorrow': opens(() => ({ session: newSession(DAY_MS) })),
  },
  denied: {
    'writing where all may read': async (x) => {
      const { peer, use } = await x.created();
      await peer.edit(use, undefined, { permission: { subject: '', role: 'read' } });
      peer.submit(use, insert);
      return peer;
    },
    'opening where nobody may': async (x) => {
      const { peer, use } = await x.created();
      await peer.edit(use, undefined, { permission: { subject: '', role: 'none' } });
      const other = await x.peer();
      other.send({ type: 'open', doc: use.doc, session: newSession(), attempt: 1 });
      return other;
    },
  },
  'bad-position': {
    'a hash without a revision': opens(() => ({ position: { rev: 0, hash: hash() } })),
  },
  'bad-create': {
    'no newline at the end': async (x) => {
      const peer = await x.peer();
      peer.send({ type: 'open', doc: fresh(), session: newSession(), attempt: 1, create: rich('a') });
      return peer;
    },
  },
  'retry-later': {
    // While the workers stand still ops are kept, up to a bound.
    'more unacked than may be kept': async (x) => {
      const uses = [];
      const peer = await x.peer();
      for (let i = 0; i < 6; i++) uses.push(await peer.open(fresh(), { create: rich('a\n') }));
      const workers = [x.stack.pid('worker-1'), x.stack.pid('worker-2')];
      for (const pid of workers) process.kill(pid, 'SIGSTOP');
      try {
        for (const use of uses) peer.submit(use, [{ insert: filler(250000) }]);
        return await told(peer);
      } finally {
        for (const pid of workers) process.kill(pid, 'SIGCONT');
      }
    },
  },

  'bad-op': {
    'a version to come': submits(undefined, { body: Buffer.from([2]) }),
    'an insert of nothing': submits(undefined, { body: Buffer.from([1, 2]) }),
    'bytes that are no text': submits(undefined, { body: Buffer.from([1, 10, 0xff]) }),
    'not in normal form': submits(undefined, { body: Buffer.from([1, 10, 65, 10, 66]) }),
  },
  'op-too-large': {
    'a byte more': async (x) => {
      const { peer, use } = await x.at(COMMON);
      peer.submit(use, [{ insert: filler(peer.limits.op_bytes_max) }]);
      return peer;
    },
  },
  'too-many-components': {
    // It ends nothing: the same seq is taken in another form.
    'a pair more': async (x) => {
      const { peer, use } = await x.at(await x.longDocument());
      const one = [{ retain: 1 }, { delete: 1 }];
      peer.submit(use, Array(COMPONENTS_MAX / 2 + 1).fill(one).flat());
      const error = await peer.next('error');
      await peer.edit(use, [{ insert: 'x' }, { delete: 1 }]);
      peer.queue.unshift(error);
      return peer;
    },
  },
  'op-grows': {
    // A format is repeated on each side of every insert that it meets.
    'a format of a text that many write into': async (x) => {
      const { peer, use } = await x.created(`${filler(20)}\n`);
      const { peer: other, use: its } = await x.at(use.doc);
      for (let i = 0; i < 12; i++) await other.edit(its, [{ retain: 1 + 2 * i }, { insert: 'y' }]);
      peer.submit(use, [{ retain: 20, attributes: { k: filler(50000) } }]);
      return told(peer);
    },
  },
  'op-too-long': {
    'a retain beyond the end': submits([{ retain: 1000000 }, { insert: 'x' }]),
    'a delete beyond the end': submits([{ delete: 1000000 }]),
    'more than any document has': { only: 'proto', run: submits(undefined,
      { body: Buffer.from('018980808040', 'hex') }) },
  },
  'cuts-pair': {
    'an insert inside it': submits([{ retain: 1 }, { insert: 'x' }]),
    'a delete of its half': submits([{ delete: 1 }]),
  },
  'breaks-newline': {
    'all deleted': submits((use) => [{ delete: use.text.length }]),
    'text behind it': submits((use) => [{ retain: use.text.length }, { insert: 'x' }]),
  },
  'document-too-large': {
    'an op on a full one': async (x) => {
      const { peer, use } = await x.at(await x.fullDocument());
      peer.submit(use, [{ insert: filler(250000) }]);
      return peer;
    },
  },
  'bad-seq': { 'zero': submits(insert, { seq: 0 }) },
  'seq-gap': { 'the fifth first': submits(insert, { seq: 5 }) },
  'seq-reused': {
    'for another op': async (x) => {
      const { peer, use } = await x.at(COMMON);
      await peer.edit(use, [{ retain: 2 }, { insert: ',' }]);
      peer.submit(use, insert, { seq: 1 });
      return peer;
    },
  },
  'in-flight': {
    'two at once': async (x) => {
      const { peer, use } = await x.at(COMMON);
      const one = { type: 'submit', doc: COMMON, base: use.position, op: [{ retain: 2 }, { insert: ';' }] };
      peer.send({ ...one, seq: 1 }, { ...one, seq: 2 });
      return peer;
    },
  },
  'bad-base': {
    'a revision from the future': (x) => submits(insert, { base: { rev: 1000000, hash: hash() } })(x),
    'a history that is another': (x) => submits(insert, { base: anyBase() })(x),
    'none': submits(insert, { base: { rev: 0, hash: hash() } }),
  },
  'bad-kind': { 'a create': submits(insert, { kind: 1 }), 'a close': submits(insert, { kind: 5 }) },
  'bad-title': {
    'a long one': submits(undefined, { title: filler(1025) }),
    'not UTF-8': { only: 'proto', run: async (x) => {
      const { peer, use } = await x.created();
      peer.submit(use, undefined, { kind: 3, body: Buffer.from([0xff]) });
      const error = await peer.next('error');
      await peer.edit(use, undefined, { title: 'one that is' });
      peer.queue.unshift(error);
      return peer;
    } },
  },
  'bad-permission': {
    'a long subject': submits(undefined, { permission: { subject: filler(129), role: 'read' } }),
    'noise': { only: 'proto', run: submits(undefined, { kind: 4, body: Buffer.from([0xff]) }) },
  },
  'read-only': {
    'submit': async (x) => {
      const { peer, use } = await x.at(COMMON, { session: undefined });
      peer.submit(use, insert);
      return peer;
    },
    'presence': async (x) => {
      const { peer } = await x.at(COMMON, { session: undefined });
      peer.send({ type: 'presence', doc: COMMON, rev: 1, data: 1 });
      return peer;
    },
  },
  'presence-too-large': {
    'a byte more': async (x) => {
      const { peer, use } = await x.at(COMMON);
      peer.send({ type: 'presence', doc: COMMON, rev: use.position.rev,
        data: filler(peer.limits.presence_bytes_max) });
      return peer;
    },
  },
};
