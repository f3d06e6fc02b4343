// weft.v1.proto for this test alone, written from proto/client.proto: messages have the shape that
// weft.v1.json gives them, so that each case is written once.

// ---- writing ----

function varint(value) {
  const bytes = [];
  let rest = BigInt(value);
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  bytes.push(Number(rest));
  return Buffer.from(bytes);
}

const number = (field, value) =>
  value ? Buffer.concat([varint(field << 3), varint(value)]) : Buffer.alloc(0);

function bytes(field, value) {
  if (value === undefined) return Buffer.alloc(0);
  const data = typeof value === 'string' ? Buffer.from(value) : value;
  return Buffer.concat([varint((field << 3) | 2), varint(data.length), data]);
}

const hex = (field, value) => bytes(field, value === undefined ? value : Buffer.from(value, 'hex'));

// An attribute list, its size in front; values are strings.
function attributes(list) {
  const pairs = Object.entries(list).flatMap(([key, value]) => {
    const [name, text] = [Buffer.from(key), Buffer.from(JSON.stringify(value))];
    return [varint(name.length), name, varint(text.length), text];
  });
  const data = Buffer.concat(pairs);
  return Buffer.concat([varint(data.length), data]);
}

// The binary form of an op (docs/algebra.md); only retains have attributes here.
export function opEncode(delta) {
  const parts = [Buffer.of(1)];
  for (const one of delta) {
    const text = Buffer.from(one.insert ?? '');
    if (one.insert !== undefined) parts.push(varint((text.length << 3) | 2), text);
    else if (one.delete) parts.push(varint((one.delete << 3) | 1));
    else if (one.attributes) parts.push(varint((one.retain << 3) | 4), attributes(one.attributes));
    else parts.push(varint(one.retain << 3));
  }
  return Buffer.concat(parts);
}

const kinds = { none: 0, rich: 1, text: 2 };
const roles = { none: 0, read: 1, write: 2, own: 3 };

function submitBody(m) {
  if (m.title !== undefined) return [3, Buffer.from(m.title)];
  if (m.permission) {
    return [4, Buffer.concat([
      bytes(1, m.permission.subject), number(2, roles[m.permission.role])])];
  }
  return [m.kind ?? 2, m.body ?? opEncode(m.op)];
}

const writers = {
  hello: (m) => [1, [number(1, m.version), bytes(3, m.token)]],
  open: (m) => [2, [bytes(1, m.doc), hex(2, m.session), number(3, m.position?.rev),
    hex(4, m.position?.hash),
    bytes(5, m.create && Buffer.concat([number(1, kinds[m.create.kind]),
      bytes(2, opEncode(m.create.content))])), number(6, m.attempt)]],
  submit: (m) => {
    const [kind, body] = submitBody(m);
    return [3, [bytes(1, m.doc), number(2, m.seq), number(3, m.base.rev), hex(4, m.base.hash),
      number(5, kind), bytes(6, body)]];
  },
  close: (m) => [4, [bytes(1, m.doc)]],
  presence: (m) => [5, [bytes(1, m.doc), number(3, m.rev), bytes(4, JSON.stringify(m.data))]],
  ping: (m) => [6, [number(1, m.nonce)]],
};

export function frameWrite(message) {
  const [field, parts] = writers[message.type](message);
  const frame = bytes(field, Buffer.concat(parts));
  return Buffer.concat([varint(frame.length), frame]);
}

// ---- reading ----

function varintRead(at) {
  let value = 0n;
  for (let shift = 0n; ; shift += 7n) {
    const byte = at.data[at.offset++];
    value |= BigInt(byte & 127) << shift;
    if (byte < 128) return Number(value);
  }
}

// The fields of a message, by number, each a list.
function fields(data) {
  const at = { data, offset: 0 };
  const found = {};
  while (at.offset < data.length) {
    const key = varintRead(at);
    let value = varintRead(at);
    if ((key & 7) === 2) {
      value = data.subarray(at.offset, at.offset + value);
      at.offset += value.length;
    }
    (found[key >> 3] ??= []).push(value);
  }
  return { number: (n) => found[n]?.[0] ?? 0, text: (n) => (found[n]?.[0] ?? '').toString(),
    hex: (n) => found[n]?.[0].toString('hex'), data: (n) => found[n]?.[0] ?? Buffer.alloc(0),
    all: (n) => found[n] ?? [], has: (n) => n in found };
}

// The text of a content, an op of inserts only.
function textOf(op) {
  const at = { data: op, offset: 1 };
  let text = '';
  while (at.offset < op.length) {
    const header = varintRead(at);
    if (header & 4) at.offset += varintRead(at);
    text += op.subarray(at.offset, at.offset + (header >> 3)).toString();
    at.offset += header >> 3;
  }
  return text;
}

export const contentRead = (payload) => [{ insert: textOf(fields(payload).data(1)) }];

const outcomes = ['none', 'up-to-date', 'ops', 'snapshot', 'resync'];

const readers = [null,
  (f) => ({ type: 'welcome', frame_bytes_max: f.number(6), op_bytes_max: f.number(5),
    presence_bytes_max: f.number(9), documents_max: f.number(11), heartbeat_ms: f.number(4),
    document_bytes_max: f.number(7), chunk_bytes_max: f.number(8), presence_per_s_max: f.number(10),
    frames_per_s_max: f.number(12), op_components_max: f.number(13), doc_id_bytes_max: f.number(14),
    title_bytes_max: f.number(15) }),
  (f) => ({ type: 'opened', doc: f.text(1), outcome: outcomes[f.number(2)],
    position: { rev: f.number(3), hash: f.hex(4) }, last_seq: f.number(5),
    payload_bytes: f.has(8) ? 0 : f.number(7),
    content: f.has(8) && f.number(2) > 2 ? contentRead(f.data(8)) : undefined }),
  (f) => ({ type: 'chunk', doc: f.text(1), offset: f.number(2), data: f.data(3) }),
  (f) => ({ type: 'entry', doc: f.text(1), first_rev: f.number(2), last_rev: f.number(3),
    hash_before: f.hex(4), hash_after: f.hex(5),
    records: f.all(7).map((one) => fields(one)).map((r) => ({
      author: r.hex(1), seq: r.number(2) })) }),
  (f) => ({ type: 'accepted', doc: f.text(1), seq: f.number(2), rev: f.number(3) }),
  (f) => ({ type: 'error', code: f.number(1), name: f.text(2),
    scope: [undefined, 'op', 'doc', 'connection'][f.number(3)], permanent: !!f.number(4),
    retry_after_ms: f.number(5), doc: f.text(6), seq: f.number(7), message: f.text(8),
    detail: f.number(9) }),
  (f) => ({ type: 'presence', doc: f.text(1) }),
  (f) => ({ type: 'drain', deadline_ms: f.number(1) }),
  (f) => ({ type: 'pong', nonce: f.number(1) }),
  (f) => ({ type: 'closed', doc: f.text(1) }),
];

export function framesRead(message) {
  const at = { data: message, offset: 0 };
  const frames = [];
  while (at.offset < message.length) {
    const size = varintRead(at);
    const frame = fields(message.subarray(at.offset, at.offset + size));
    at.offset += size;
    const type = readers.findIndex((reader, n) => reader && frame.has(n));
    frames.push(readers[type](fields(frame.data(type))));
  }
  return frames;
}
