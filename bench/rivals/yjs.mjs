// node yjs.mjs TRACE.json.gz: a recorded session in Yjs, as weft-bench-ot prints its own figures: CPU time, the best
// of three rounds, of the first hundredth, the first tenth and the whole.
//
// `edit`: each patch made in a Y.Text. `update`: each patch's update decoded and applied to another
// document, which is what "decoded as an op and applied to the rope" is in Weft.
import fs from 'node:fs';
import zlib from 'node:zlib';
import * as Y from 'yjs';

const ROUNDS = 3;
const trace = JSON.parse(zlib.gunzipSync(fs.readFileSync(process.argv[2])));
const all = trace.txns.flatMap((txn) => txn.patches);

function documentOf() {
  const doc = new Y.Doc();
  const text = doc.getText('');
  text.insert(0, trace.startContent);
  return { doc, text };
}

function apply(text, [position, deleted, inserted]) {
  if (deleted) text.delete(position, deleted);
  if (inserted) text.insert(position, inserted);
}

function timed(work) {
  const begin = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(begin);
  return (user + system) * 1000;
}

function same(text, wanted) {
  if (text.toString() !== wanted) throw new Error('the text at the end is another');
}

function edited(patches) {
  const { text } = documentOf();
  const took = timed(() => patches.forEach((patch) => apply(text, patch)));
  if (patches.length === all.length) same(text, trace.endContent);
  return took;
}

function updated(patches) {
  const { doc, text } = documentOf();
  const updates = [Y.encodeStateAsUpdate(doc)];
  doc.on('update', (update) => updates.push(update));
  for (const patch of patches) doc.transact(() => apply(text, patch));
  const other = new Y.Doc();
  const took = timed(() => updates.forEach((update) => Y.applyUpdate(other, update)));
  same(other.getText(''), text.toString());
  return took;
}

for (const share of [100, 10, 1]) {
  const patches = all.slice(0, Math.floor(all.length / share));
  for (const [name, measured] of [['Yjs edit', edited], ['Yjs update', updated]]) {
    const best = Math.min(...Array.from({ length: ROUNDS }, () => measured(patches)));
    const value = Math.round(best / patches.length);
    console.log(JSON.stringify({ figure: name, size: patches.length, value, unit: 'ns per edit' }));
  }
}
