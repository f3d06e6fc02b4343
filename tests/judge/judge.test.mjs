// `node --test` here: judges the programs of the last build (WEFT_OT names another command).
import assert from 'node:assert/strict';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { judge } from './judge.mjs';

const root = fileURLToPath(new URL('../../', import.meta.url));

function command() {
  if (process.env.WEFT_OT) return process.env.WEFT_OT.split(' ');
  return [`${process.env.WEFT_BIN ?? `${root}build/bin`}/weftctl`, 'ot'];
}

const folder = `${root}tests/vectors`;
const sweep = Number(process.env.WEFT_SWEEP ?? 1);

test(`${command().join(' ')} does to documents what Quill's library does`, async () => {
  const { complaints, vectors } = await judge({
    command: command(), count: 20000 * sweep, seed: 4711, vectors: folder });
  assert.deepEqual(complaints, []);
  assert.ok(vectors > 250);
});

// A judge that never finds anything is none: with ties and attributes decided the wrong way round.
test('the judge notices a command that answers wrongly', async () => {
  const flipped = `sed -u 's/"first":true/"first":false/' | ${command().join(' ')}`;
  const { complaints } = await judge({ command: ['sh', '-c', flipped], count: 2000, seed: 1 });
  assert.ok(complaints.length > 10);
  assert.ok(complaints.every((text) => text.includes('not as Quill transforms')));
});
