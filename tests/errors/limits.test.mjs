// The table of limits on the real programs: each of its options is known, printed, and refused out of
// range with the file's line; what Welcome tells is what was configured, and holds; each counter that
// the table names is on the page of its service.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { newSession } from './peer.mjs';
import { Stack } from './stack.mjs';

const root = fileURLToPath(new URL('../../', import.meta.url));
const build = process.env.WEFT_BUILD ?? `${root}build/release`;
const bin = process.env.WEFT_BIN ?? `${root}build/bin`;
const limits = JSON.parse(execFileSync(`${build}/tests/docs/weft-docs`, ['limits-json']));
const programs = { gateway: 'weft-gateway', worker: 'weft-ot-worker', archiver: 'weft-archiver' };

const run = (service, args, env = {}) => spawnSync(`${bin}/${programs[service]}`, args,
  { encoding: 'utf8', env: { PATH: process.env.PATH, ...env } });

let dir;
let stack;

before(async () => {
  dir = mkdtempSync(`${process.env.TMPDIR ?? tmpdir()}/weft-limits-`);
  stack = await Stack.start({ WEFT_OP_MAX: '2KiB', WEFT_FRAME_MAX: '8KiB', WEFT_PRESENCE_MAX: '100B',
    WEFT_PRESENCE_PER_SECOND: '3', WEFT_DOCUMENTS_PER_CONNECTION: '2', WEFT_FRAMES_PER_SECOND: '40000',
    WEFT_HEARTBEAT: '7s' });
});

after(() => {
  stack?.stop();
  rmSync(dir, { recursive: true, force: true });
});

for (const { service, name } of limits.filter((one) => one.option)) {
  test(`${programs[service]}: ${name} is an option`, () => {
    const shown = run(service, ['--print-config']);
    assert.equal(shown.status, 0, shown.stderr);
    assert.match(shown.stdout, new RegExp(`^; from default\n${name} = `, 'm'));

    const file = `${dir}/weft.ini`;
    writeFileSync(file, `; one\n[${service}]\n${name} = 99999999999999999\n`);
    const variable = `WEFT_${name.replaceAll('-', '_').toUpperCase()}`;
    for (const [args, env, where] of [
      [['--config', file], {}, `${file}, line 3`],
      [[], { [variable]: '99999999999999999' }, 'environment'],
      [[`--${name}`, 'x'], {}, 'flag']]) {
      const refused = run(service, args, env);
      assert.equal(refused.status, 2, where);
      assert.ok(refused.stderr.includes(`${name} = `) && refused.stderr.includes(`(${where}): must be`),
        refused.stderr);
    }
  });
}

test('a name that is not known is refused with its line', () => {
  const file = `${dir}/unknown.ini`;
  writeFileSync(file, '[gateway]\n\nframes-max = 1MiB\n');
  const refused = run('gateway', ['--config', file]);
  assert.equal(refused.status, 2);
  assert.match(refused.stderr, /unknown\.ini, line 3: unknown option frames-max/);
});

test('a frame that holds no op is refused at the start', () => {
  const refused = run('gateway', ['--id', 'g', '--link', 'ipc:///tmp/none', '--frame-max', '64KiB']);
  assert.notEqual(refused.status, 0);
  assert.match(refused.stderr, /--frame-max must hold an op of --op-max/);
});

// Of all pages of the service, summed: that limit's counter.
async function reached(name) {
  const { service, counter } = limits.find((one) => one.name === name);
  const pages = await Promise.all([1, 2].map((n) => stack.metrics(`${service}-${n}`)));
  const line = (page) => page.split('\n').find((one) => one.startsWith(`${counter} `));
  return pages.reduce((sum, page) => sum + Number(line(page).slice(counter.length)), 0);
}

for (const form of ['proto', 'json']) {
  test(`Welcome over ${form} tells what is configured, and that holds`, async () => {
    const peer = await stack.peer(form).hello();
    const { limits: told } = peer;
    const hit = ['op-max', 'presence-max', 'documents-per-connection', 'frame-max', 'doc-id-max', 'title-max'];
    const was = await Promise.all(hit.map(reached));
    const { type, version, features, server_time, ...values } = told;
    assert.deepEqual(values, { heartbeat_ms: 7000, op_bytes_max: 2048, op_components_max: 65536,
      document_bytes_max: 32 << 20, title_bytes_max: 1024, doc_id_bytes_max: 128, frame_bytes_max: 8192,
      frames_per_s_max: 40000, chunk_bytes_max: 65536, presence_bytes_max: 100, presence_per_s_max: 3,
      documents_max: 2 });
    const create = { kind: 'rich', content: [{ insert: 'a\n' }] };
    const use = await peer.open(`one ${form}`, { create });
    peer.submit(use, [{ insert: 'x'.repeat(2048) }]);
    const large = await peer.next('error');
    assert.deepEqual([large.name, large.detail], ['op-too-large', 2048]);
    await peer.edit(use, [{ insert: 'x'.repeat(2000) }]);
    peer.send({ type: 'presence', doc: use.doc, rev: 1, data: 'x'.repeat(99) });
    const presence = await peer.next('error');
    assert.deepEqual([presence.name, presence.detail], ['presence-too-large', 100]);
    await peer.open(`two ${form}`, { create });
    peer.send({ type: 'open', doc: `three ${form}`, session: newSession(), attempt: 1, create });
    const many = await peer.next('error');
    assert.deepEqual([many.name, many.detail], ['too-many-documents', 2]);
    peer.submit(use, undefined, { title: 'x'.repeat(1025) });
    assert.equal((await peer.next('error')).name, 'bad-title');
    peer.send({ type: 'open', doc: 'x'.repeat(129), session: newSession(), attempt: 1, create });
    assert.equal((await peer.next('error')).name, 'bad-doc-id');
    peer.ws.send('x'.repeat(8193), { binary: form === 'proto' });
    const frame = await peer.next('error');
    assert.deepEqual([frame.name, frame.detail], ['frame-too-large', 8192]);
    assert.equal((await peer.closed).code, 1009);
    // Each limit was hit once, and each is counted by its own counter.
    const now = await Promise.all(hit.map(reached));
    assert.deepEqual(now.map((count, i) => [hit[i], count - was[i]]), hit.map((name) => [name, 1]));
  });
}

test('presence beyond the rate is dropped, and counted', async () => {
  const dropped = () => reached('presence-per-second');
  const was = await dropped();
  const peer = await stack.peer('proto').hello();
  const use = await peer.open('cursors', { create: { kind: 'text', content: [] } });
  const cursor = { type: 'presence', doc: use.doc, rev: use.position.rev, data: 1 };
  peer.send(...Array(10).fill(cursor));
  await peer.ping();
  assert.equal(await dropped() - was, 7);
  peer.end();
});

test('each limit has a counter of its own', () => {
  const shared = limits.filter((one) => limits.some((other) => other !== one && other.counter === one.counter));
  assert.deepEqual(shared, []);
});

test('every counter of the table is on the page of its service', async () => {
  const pages = Object.fromEntries(await Promise.all(Object.keys(programs).map(async (service) =>
    [service, await stack.metrics(`${service}-1`)])));
  const missing = limits.filter(({ service, counter }) => !pages[service].includes(`\n${counter} `));
  assert.deepEqual(missing, []);
});
