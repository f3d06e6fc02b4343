// What the logs hold at level debug, of all services: marked text, titles, presence, tokens, sessions
// and ids of documents are not in it; what an operator needs is, in both forms.
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { test } from 'node:test';
import { authorOf, newSession } from './peer.mjs';
import { Stack, root } from './stack.mjs';

const mark = (what) => `GEHEIM-${what}-4711`;
const services = ['gateway-1', 'worker-1', 'archiver-1'];
// docs/logs.md: event -> the keys of its third column.
const told = new Map([...readFileSync(`${root}/docs/logs.md`, 'utf8').matchAll(/^\| `([a-z-]+)` \| [a-z, ]+ \| (.*?) \|/gm)]
  .map(([, event, keys]) => [event, keys.match(/[a-z_]+/g) ?? []]));

for (const format of ['text', 'json']) {
  let stack;

  const logs = () => readdirSync(`${stack.dir}/log`).map((file) => file.replace(/\.log$/, ''));
  const lines = (name) => stack.log(name).trim().split('\n');
  const until = async (holds) => {
    for (const end = Date.now() + 20000; !holds() && Date.now() < end;)
      await new Promise((resolve) => { setTimeout(resolve, 50); });
    assert.ok(holds(), String(holds));
  };

  test(`logs as ${format}`, { timeout: 120000 }, async (t) => {
    stack = await Stack.start({ WEFT_LOG_LEVEL: 'debug', WEFT_LOG_FORMAT: format, WEFT_LOG_PER_SECOND: '5' },
      ['--gateways', '1', '--workers', '1']);
    t.after(() => stack.stop());
    const doc = mark('doc');
    const session = newSession();
    const secrets = [session, doc, ...['text', 'title', 'presence', 'token', 'subject', 'attribute', 'json', 'type', 'path']
      .map(mark)];

    for (const form of ['proto', 'json']) {
      const peer = stack.peer(form);
      await peer.connected;
      peer.send({ type: 'hello', version: 1, token: mark('token') });
      await peer.next('welcome');
      const use = await peer.open(doc, { session: form === 'proto' ? session : newSession(),
        create: { kind: 'rich', content: [{ insert: `${mark('text')}\n` }] } });
      await peer.edit(use, [{ insert: mark('text') }]);
      await peer.edit(use, undefined, { title: mark('title') });
      await peer.edit(use, undefined, { permission: { subject: mark('subject'), role: 'write' } });
      peer.send({ type: 'presence', doc, rev: use.position.rev, data: mark('presence') });
      // A refused op, then a flood of refusals, then a message that ends the connection.
      peer.submit(use, [{ insert: mark('text') }, { delete: 100000 }]);
      assert.equal((await peer.next('error')).name, 'op-too-long');
      peer.send(...Array(50).fill({ type: 'close', doc: mark('doc2') }));
      await peer.ping();
      if (form === 'json') peer.ws.send(`{"type":"${mark('type')}","${mark('json')}":1}`);
      else peer.ws.send(Buffer.from(mark('text')));
      await peer.closed;
    }
    await fetch(`http://127.0.0.1:${stack.port}/${mark('path')}?token=${mark('token')}`);
    await until(() => /segment-committed/.test(stack.log('archiver-1')));
    // Of 51 refusals twice over 20 at most are written; the rest is told of when their second is over.
    const pattern = format === 'json' ? /"suppressed":(\d+)/ : /suppressed=(\d+)/;
    const counted = () => lines('gateway-1').filter((line) => line.includes('client-error'))
      .reduce((sum, line) => sum + Number(line.match(pattern)?.[1] ?? 0), 0);
    const written = () => lines('gateway-1').filter((line) => /client-error.*conn/.test(line)).length;
    await until(() => counted() + written() === 102);

    await t.test('nothing secret', () => {
      for (const name of logs())
        for (const secret of secrets)
          assert.ok(!stack.log(name).includes(secret), `${secret} is in the log of ${name}`);
    });
    await t.test('one record per line, each with time, level and event', () => {
      for (const name of services) {
        for (const line of lines(name)) {
          if (format === 'json') {
            const { time, level, event } = JSON.parse(line);
            assert.match(`${time} ${level} ${event}`, /^\d{4}-\d\d-\d\dT[\d:.]+Z (debug|info|warn|error) [a-z-]+$/);
          } else {
            assert.match(line, /^\d{4}-\d\d-\d\dT[\d:.]+Z (debug|info|warn|error) [a-z-]+( [a-z_]+=("([^"\\]|\\.)*"|[^ "]+))*$/);
          }
        }
      }
    });
    await t.test('who, where and what happens next', () => {
      const about = (name, event) => lines(name).find((line) => line.includes(event)) ?? '';
      const refusal = lines('gateway-1').find((line) => line.includes('op-too-long'));
      const author = authorOf(doc, session);
      for (const part of ['client-error', 'conn', 'doc', 'shard', 'view', author, 'seq', 'the op is refused'])
        assert.ok(refusal.includes(part), `${part} is not in ${refusal}`);
      for (const part of ['doc', 'shard', 'view', 'serving it'])
        assert.ok(about('worker-1', 'doc-created').includes(part), about('worker-1', 'doc-created'));
      for (const event of ['conn-open', 'conn-error', 'conn-closed', 'started', 'storage-ready'])
        assert.ok(about('gateway-1', event), event);
    });
    await t.test('each line has the ids that docs/logs.md tells, and says what happens next', () => {
      if (format !== 'json') return;
      for (const line of services.flatMap(lines)) {
        const { time, level, event, msg, suppressed, ...ids } = JSON.parse(line);
        const unknown = Object.keys(ids).filter((key) => !told.get(event)?.includes(key));
        assert.deepEqual(unknown, [], line);
        assert.ok(msg || suppressed, line);
      }
    });
    await t.test('a flood of one event is counted, not written', () => {
      assert.ok(written() <= 20, `${written()} lines`);
    });
  });
}
