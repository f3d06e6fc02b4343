// `node --test` here: every error of the table (common/wire/wire_error.h) against a running Weft, on
// each subprotocol that can have it. Each costs its sender at most its connection; two people go on
// editing the document that most of it is aimed at, and see each other's edits after each case.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import WebSocket from 'ws';
import { Situation, cases } from './cases.mjs';
import { forms } from './peer.mjs';
import { Stack, Witness } from './stack.mjs';

const root = fileURLToPath(new URL('../../', import.meta.url));
const build = process.env.WEFT_BUILD ?? `${root}build/release`;
const table = JSON.parse(execFileSync(`${build}/tests/docs/weft-docs`, ['errors-json']));
const row = (name) => table.find((one) => one.name === name);

// Small where the default would only make the test slow.
const FRAMES_PER_SECOND = 4000;
const settings = {
  WEFT_FRAMES_PER_SECOND: String(FRAMES_PER_SECOND), WEFT_OUT_MAX: '64KiB', WEFT_INPUT_MAX: '2MiB',
  WEFT_UNACKED_MAX: '1MiB', WEFT_HELLO: '1s', WEFT_REQUEST: '1s', WEFT_DRAIN: '1s',
  WEFT_DOCUMENTS_PER_CONNECTION: '30',
};

// What a close frame says (docs/protocol.md, "Close codes").
const closeCodes = {
  'bad-frame': [1002, 1003, 1007], 'bad-json': [1007], 'unknown-type': [1007],
  'frame-too-large': [1009], unauthenticated: [3000], silent: [3008], 'slow-reader': [1013],
  overloaded: [1013], 'no-memory': [1013], draining: [1012],
};

let stack;
let witness;
let full;

before(async () => {
  stack = await Stack.start(settings);
  stack.framesPerSecond = FRAMES_PER_SECOND;
  witness = new Witness(stack);
  await witness.begin();
});

after(() => {
  witness?.end();
  stack?.stop();
});

// A document with as much text as it may have, made once.
async function fullDocument() {
  if (full) return full;
  const peer = await stack.peer('proto').hello();
  const use = await peer.open('the full document', { create: { kind: 'text', content: [] } });
  for (let left = 32 << 20; left > 0;) {
    const size = Math.min(left, 250000);
    await peer.edit(use, [{ insert: 'x'.repeat(size) }]);
    left -= size;
  }
  peer.end();
  full = use.doc;
  return full;
}

// A document that has room for an op of very many components.
async function longDocument() {
  const peer = await stack.peer('proto').hello();
  const doc = `long ${Math.random()}`;
  await peer.open(doc, { create: { kind: 'text', content: [{ insert: 'x'.repeat(100000) }] } });
  peer.end();
  return doc;
}

function check(error, expected) {
  assert.equal(error.name, expected.name, error.message);
  assert.equal(error.code, expected.code);
  assert.equal(error.scope, expected.scope);
  assert.equal(error.permanent, expected.permanent);
  assert.equal(error.retry_after_ms ?? 0, expected.retry_after_ms);
  const sentence = expected.sentence.replace('%llu', String(error.detail ?? 0));
  assert.ok(error.message.startsWith(sentence), error.message);
}

async function checkEnd(peer, error) {
  const { code, reason } = await peer.closed;
  assert.equal(reason, error.name);
  assert.ok((closeCodes[error.name] ?? [1008]).includes(code), `close code ${code}`);
}

async function provoke(form, name, run) {
  const x = new Situation(stack, form);
  x.witness = witness;
  x.fullDocument = fullDocument;
  x.longDocument = longDocument;
  try {
    const peer = await run(x);
    const error = await peer.next('error', name);
    check(error, row(name));
    // The sender loses what the scope says and no more.
    if (error.scope === 'connection') await checkEnd(peer, error);
    else await peer.ping();
    await x.after?.();
    await witness.goesOn();
  } finally {
    x.end();
  }
}

for (const one of table.filter((each) => !each.shown)) {
  for (const form of ['proto', 'json'].filter((each) => one[each])) {
    const ways = Object.entries(cases[one.name] ?? {})
      .map(([what, way]) => (way.run ? { what, ...way } : { what, run: way }))
      .filter((way) => !way.only || way.only === form);
    test(`${one.name} over ${forms[form]}`, async (t) => {
      assert.ok(ways.length, 'a row of the table without a test');
      for (const { what, run } of ways)
        await t.test(what, { timeout: 120000 }, () => provoke(form, one.name, run));
    });
  }
}

// ---- what has no row: it is answered over HTTP ----

async function refused(headers, status) {
  const ws = new WebSocket(stack.url, headers.protocol ?? [], headers);
  const answer = await new Promise((resolve) => {
    ws.on('error', () => {});
    ws.on('unexpected-response', (request, response) => {
      let text = '';
      response.on('data', (part) => { text += part; }).on('end', () => {
        resolve({ status: response.statusCode, text });
      });
    });
    ws.on('open', () => resolve({ status: 101 }));
  });
  ws.terminate();
  assert.equal(answer.status, status);
  await witness.goesOn();
  return answer.text;
}

test('a wrong subprotocol is told which there are', async () => {
  assert.match(await refused({ protocol: ['weft.v9.json'] }, 400), /weft\.v1\.proto.*weft\.v1\.json/);
  assert.match(await refused({}, 400), /weft\.v1\.json/);
});

test('another WebSocket version is told ours', () => refused({ protocol: ['weft.v1.json'], protocolVersion: 8 }, 426));

// Bytes on a bare socket, until the gateway ends it; within WEFT_REQUEST it must.
async function ended(bytes) {
  const socket = connect(stack.port, '127.0.0.1').on('error', () => {});
  let text = '';
  socket.on('data', (part) => { text += part; }).write(bytes);
  await new Promise((resolve) => { socket.on('close', resolve); });
  await witness.goesOn();
  return text;
}

test('a request that is none is told so', async () => {
  assert.match(await ended('\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03'.repeat(9) + '\r\n\r\n'), /^HTTP\/1.1 400 /);
  assert.match(await ended('GET / HTTP/1.1\r\nX: ' + 'x'.repeat(9000)), /^HTTP\/1.1 431 /);
});

test('a request that never ends is ended', { timeout: 20000 }, () => ended('GET / HTTP/1.1\r\nHost:'));

// ---- the table itself ----

test('there is no case for an error that is not in the table', () => {
  assert.deepEqual(Object.keys(cases).filter((name) => !row(name) || row(name).shown), []);
});

test('the unit tests that the table names exist', () => {
  for (const { name, shown } of table.filter((each) => each.shown)) {
    const found = execFileSync('grep', ['-rlE', `START_TEST\\(${shown}\\)`, `${root}common`,
      `${root}services`, '--include=*_test.c'], { encoding: 'utf8' });
    assert.ok(found, `${name}: no unit test ${shown}`);
  }
});
