// A gateway under thousands of hostile connections: noise, requests that come a byte at a time or never
// end, messages that never end, frames that are too large or come before Hello, answers that nobody
// reads, and JSON that takes fifty times its size to read. Its memory stays within what docs/limits.md
// states, and two people go on editing.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { execFileSync } from 'node:child_process';
import { newSession } from './peer.mjs';
import { Stack, Witness } from './stack.mjs';

const root = fileURLToPath(new URL('../../', import.meta.url));
const build = process.env.WEFT_BUILD ?? `${root}build/release`;
const limits = JSON.parse(execFileSync(`${build}/tests/docs/weft-docs`, ['limits-json']));
const fixed = (name) => limits.find((one) => one.name === name).value;

const MIB = 1 << 20;
const CONNECTIONS = 3000;
const CONN_BYTES = 2048; // GW_CONN_BYTES
const DOCUMENTS = 1000;
const DOCUMENT_BYTES = 512; // GW_DOCUMENT_BYTES
const INPUT = 16 * MIB;
const OUT_TOTAL = 16 * MIB;
const MESSAGE_MEMORY = fixed('message-memory');
const FLOOD_MS = 10000;

let stack;
let witness;

before(async () => {
  stack = await Stack.start({ WEFT_CONNECTIONS_MAX: String(CONNECTIONS), WEFT_INPUT_MAX: `${INPUT}B`,
    WEFT_OUT_TOTAL: `${OUT_TOTAL}B`, WEFT_OUT_MAX: '64KiB', WEFT_REQUEST: '3s', WEFT_HELLO: '3s',
    WEFT_OPEN_DOCUMENTS_MAX: String(DOCUMENTS) }, ['--gateways', '1', '--workers', '1']);
  witness = new Witness(stack);
  await witness.begin();
});

after(() => {
  witness?.end();
  stack?.stop();
});

function residentBytes() {
  const status = readFileSync(`/proc/${stack.pid('gateway-1')}/status`, 'utf8');
  return Number(status.match(/^VmRSS:\s+(\d+) kB/m)[1]) * 1024;
}

const upgrade = (form) => 'GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
  'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n' +
  `Sec-WebSocket-Protocol: weft.v1.${form}\r\n\r\n`;

// A text frame; a mask of zeros leaves the bytes as they are. Its length is in the shortest form, or
// the gateway ends the connection before it has read a word.
function textFrame(text, fin = true) {
  const data = Buffer.from(text);
  const size = data.length < 126 ? 0 : data.length < 65536 ? 2 : 8;
  const head = Buffer.alloc(2 + size + 4);
  head[0] = (fin ? 0x80 : 0) | 1;
  head[1] = 0x80 | (size === 0 ? data.length : size === 2 ? 126 : 127);
  if (size === 2) head.writeUInt16BE(data.length, 2);
  if (size === 8) head.writeBigUInt64BE(BigInt(data.length), 2);
  return Buffer.concat([head, data]);
}

const hello = textFrame('{"type":"hello","version":1}');
const half = textFrame('x'.repeat(900000), false);
const huge = Buffer.concat([textFrame('x'.repeat(MIB + 1)), Buffer.alloc(MIB)]);
const noise = randomBytes(60000);
const asks = Buffer.concat(Array(2000).fill(textFrame(`{"type":"close","doc":"${'x'.repeat(120)}"}`)));
const bomb = textFrame(`[${'[],'.repeat(340000)}[]]`);
const unfinished = textFrame('x'.repeat(MIB)).subarray(0, 900000); // the largest that may be
const early = textFrame(`{"type":"open","doc":"${'x'.repeat(100)}"}`);
const pings = textFrame('{"type":"ping","nonce":1}');
const attackers = {
  'nothing': () => {},
  'noise': (socket) => socket.write(noise),
  'half a request': (socket) => socket.write(`GET / HTTP/1.1\r\nX: ${'x'.repeat(8000)}`),
  'noise after the upgrade': (socket) => socket.write(upgrade('proto')) && socket.write(noise),
  'half a message': (socket) => socket.write(upgrade('json')) && socket.write(half),
  'a frame too large': (socket) => socket.write(upgrade('json')) && socket.write(huge),
  'the end at once': (socket) => socket.end(),
  'a request byte by byte': (socket) => {
    const text = upgrade('proto');
    let at = 0;
    const timer = setInterval(() => {
      if (socket.destroyed || at === text.length) clearInterval(timer);
      else socket.write(text[at++]);
    }, 200);
    socket.on('close', () => clearInterval(timer));
  },
  'half of the largest frame': (socket) => socket.write(upgrade('json')) && socket.write(unfinished),
  'frames before Hello': (socket) => socket.write(upgrade('json')) && socket.write(early),
  'pongs not read': (socket) => {
    socket.pause();
    socket.write(upgrade('json'));
    socket.write(hello);
    socket.write(Buffer.concat(Array(20000).fill(pings)));
  },
  'answers not read': (socket) => {
    socket.pause();
    socket.write(upgrade('json'));
    socket.write(hello);
    socket.write(asks);
  },
};

// Keeps this many connections of each kind for a while; who is thrown out comes again.
async function flood(kinds, each) {
  const sockets = new Set();
  let count = 0;
  let over = false;
  const attack = (kind) => {
    const socket = connect(stack.port, '127.0.0.1');
    sockets.add(socket);
    count++;
    socket.on('error', () => {});
    socket.on('close', () => {
      sockets.delete(socket);
      if (!over) setTimeout(attack, 50, kind);
    });
    socket.on('data', () => {});
    kind(socket);
  };
  let most = 0;
  for (const kind of kinds) for (let i = 0; i < each; i++) attack(kind);
  try {
    for (const end = Date.now() + FLOOD_MS; Date.now() < end;) {
      await witness.goesOn();
      most = Math.max(most, residentBytes());
      await new Promise((resolve) => { setTimeout(resolve, 50); });
    }
  } finally {
    over = true;
    for (const socket of sockets) socket.destroy();
  }
  return { count, most };
}

function within(t, before_, { count, most }, bound) {
  t.diagnostic(`${count} connections, resident ${(before_ / MIB).toFixed(1)} MiB before and at most ` +
    `${(most / MIB).toFixed(1)} MiB, bound ${((before_ + bound) / MIB).toFixed(1)} MiB`);
  assert.ok(count > CONNECTIONS / 2);
  assert.ok(most <= before_ + bound);
}

// None of these has a document: the accounts for them stay empty.
test('memory is bounded under a flood', { timeout: 60000 }, async (t) => {
  const begin = residentBytes();
  within(t, begin, await flood(Object.values(attackers), Math.floor(CONNECTIONS / (Object.keys(attackers).length + 1))),
    CONNECTIONS * CONN_BYTES + INPUT + OUT_TOTAL);
});

test('memory is bounded where messages are made to take much of it', { timeout: 60000 }, async (t) => {
  const begin = residentBytes();
  const bombs = (socket) => socket.write(upgrade('json')) && socket.write(bomb);
  const result = await flood([bombs], 20);
  within(t, begin, { ...result, count: CONNECTIONS }, 20 * CONN_BYTES + INPUT + OUT_TOTAL + MESSAGE_MEMORY);
});

test('documents are bounded where each opens as many as it may', { timeout: 60000 }, async () => {
  const begin = residentBytes();
  const peers = await Promise.all(Array.from({ length: 12 }, () => stack.peer('proto').hello()));
  for (const peer of peers) {
    peer.send(...Array.from({ length: 100 }, () => ({ type: 'open', doc: randomBytes(60).toString('hex'),
      session: newSession(), attempt: 1, create: { kind: 'text', content: [{ insert: 'x' }] } })));
  }
  const counts = { opened: 0, 'retry-later': 0 };
  for (const peer of peers) {
    for (let i = 0; i < 100; i++) {
      const answer = await peer.next((m) => m.type === 'opened' || m.type === 'error');
      counts[answer.name ?? answer.type]++;
    }
  }
  // The two people have one open, each.
  assert.deepEqual(counts, { opened: DOCUMENTS - 2, 'retry-later': 1200 - DOCUMENTS + 2 });
  assert.ok(residentBytes() <= begin + DOCUMENTS * DOCUMENT_BYTES + OUT_TOTAL);
  await witness.goesOn();
  for (const peer of peers) peer.end();
});

test('when it is over all is as before', { timeout: 60000 }, async () => {
  const sockets = async () => Number((await stack.metrics('gateway-1')).match(/\nweft_gateway_sockets (\d+)/)[1]);
  while (await sockets() > 2) await new Promise((resolve) => { setTimeout(resolve, 100); });
  await witness.goesOn();
});
