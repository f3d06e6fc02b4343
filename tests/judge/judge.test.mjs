// `node --test` here: judges the programs of the last build (WEFT_OT names another command).
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
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

test(`${command().join(' ')} does to documents what Quill's library and rich-text do`, async () => {
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
  assert.ok(complaints.every((text) => text.includes(' transforms')));
  for (const name of ['Quill', 'rich-text']) {
    assert.ok(complaints.some((text) => text.includes(`not as ${name} transforms`)), name);
  }
});

// In a folder of its own: where it fails, ot-fuzzer writes what it did there.
function fuzz(iterations, subject) {
  const cwd = fs.mkdtempSync(path.join(os.tmpdir(), 'weft-judge-'));
  const file = fileURLToPath(new URL('fuzzer.mjs', import.meta.url));
  const { status, stdout, stderr } = spawnSync(process.execPath,
    [file, '--iterations', String(iterations), ...subject], { cwd, encoding: 'utf8', timeout: 500_000 });
  if (status === 0) fs.rmSync(cwd, { recursive: true });
  return { status, cwd, output: stdout + stderr };
}

test('ot-fuzzer finds nothing', () => {
  const { status, output } = fuzz(1000 * sweep, command());
  assert.equal(status, 0, output);
  assert.match(output, / iterations, seed \d+: all agree/);
});

test('ot-fuzzer notices ties that are decided twice for one side', () => {
  const flipped = `sed -u 's/"first":true/"first":false/' | ${command().join(' ')}`;
  const { status, output, cwd } = fuzz(100, ['sh', '-c', flipped]);
  assert.notEqual(status, 0);
  assert.match(output, /CRASHED AT ITER/);
  fs.rmSync(cwd, { recursive: true });
});
