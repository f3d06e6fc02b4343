// node yjs.mjs TRACE.json.gz: a recorded session in Yjs, as weft-bench-ot prints its own figures.
//
// `edit`: each patch made in a Y.Text. `update`: each patch's update decoded and applied to another
// document, which is what "decoded as an op and applied to the rope" is in Weft.
import fs from 'node:fs';
import zlib from 'node:zlib';
import * as Y from 'yjs';

const trace = JSON.parse(zlib.gunzipSync(fs.readFileSync(process.argv[2])));
const patches = trace.txns.flatMap((txn) => txn.patches);

function figure(name, since) {
  const value = Number(process.hrtime.bigint() - since) / patches.length;
  console.log(JSON.stringify({ figure: name, size: patches.length, value: Math.round(value), unit: 'ns per edit' }));
}

function documentOf() {
  const doc = new Y.Doc();
  const text = doc.getText('');
  text.insert(0, trace.startContent);
  return { doc, text };
}

function edit(text, [position, deleted, inserted]) {
  if (deleted) text.delete(position, deleted);
  if (inserted) text.insert(position, inserted);
}

function check(text) {
  if (text.toString() !== trace.endContent) throw new Error('the text at the end is another');
}

{
  const { text } = documentOf();
  const begin = process.hrtime.bigint();
  for (const patch of patches) edit(text, patch);
  figure('Yjs edit', begin);
  check(text);
}
{
  const { doc, text } = documentOf();
  const updates = [Y.encodeStateAsUpdate(doc)];
  doc.on('update', (update) => updates.push(update));
  for (const patch of patches) doc.transact(() => edit(text, patch));
  const other = new Y.Doc();
  const begin = process.hrtime.bigint();
  for (const update of updates) Y.applyUpdate(other, update);
  figure('Yjs update', begin);
  check(other.getText(''));
}
