// node judge.mjs [--cases N] [--seed N] [--vectors FOLDER] COMMAND [ARGUMENT…]
//
// Judges the algebra by Quill's own library and by ShareDB's type for it, by effect: what an op does to a document, not how its
// components are ordered (Quill moves inserts before deletes; docs/algebra.md says why Weft does not).
// COMMAND answers requests of common/json/json_ot.h, one JSON line each: `weftctl ot`.
//
// Prints the seed; the exit status is 1 if anything differs.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import readline from 'node:readline';
import { pathToFileURL } from 'node:url';
import quill from 'quill-delta';
import richText from 'rich-text';

export const Delta = quill.default ?? quill;

// What judges. ShareDB's type stands on another version of Quill's library and inverts nothing; its `left`
// says that the other op, over which one is rewritten, comes first.
export const JUDGES = [
  {
    name: 'Quill',
    compose: (a, b) => new Delta(a).compose(new Delta(b)),
    transform: (a, b, first) => new Delta(a).transform(new Delta(b), first),
    invert: (a, doc) => new Delta(a).invert(doc),
    cursor: (a, index, sticksLeft) => new Delta(a).transformPosition(index, sticksLeft),
  },
  {
    name: 'rich-text',
    compose: (a, b) => richText.type.compose(a, b),
    transform: (a, b, first) => richText.type.transform(b, a, first ? 'left' : 'right'),
    cursor: (a, index, sticksLeft) =>
      richText.type.transformPresence({ index, length: 0 }, a, !sticksLeft).index,
  },
];

// --- the command under judgement ---

export class Subject {
  constructor(command) {
    this.child = spawn(command[0], command.slice(1), { stdio: ['pipe', 'pipe', 'inherit'] });
    this.waiting = [];
    this.ended = new Promise((resolve) => {
      this.child.on('error', (error) => resolve(error.message));
      this.child.on('close', (code, signal) => resolve(`exit ${signal ?? code}`));
    });
    this.ended.then((why) => {
      this.why = why;
      for (const { reject } of this.waiting.splice(0)) reject(new Error(`the command ended: ${why}`));
    });
    this.child.stdin.on('error', () => {}); // the end is reported above
    readline.createInterface({ input: this.child.stdout }).on('line', (line) => {
      this.waiting.shift()?.resolve(JSON.parse(line));
    });
  }

  ask(request) {
    if (this.why) return Promise.reject(new Error(`the command ended: ${this.why}`));
    return new Promise((resolve, reject) => {
      this.waiting.push({ resolve, reject });
      this.child.stdin.write(JSON.stringify(request) + '\n');
    });
  }

  async close() {
    this.child.stdin.end();
    return this.ended;
  }
}

// --- effects ---

function canonical(value) {
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`;
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  const keys = Object.keys(value).sort();
  return `{${keys.map((key) => `${JSON.stringify(key)}:${canonical(value[key])}`).join()}}`;
}

// A document as one string per unit, so that it does not matter how its runs are cut.
export function units(delta) {
  const all = [];
  for (const op of delta.ops) {
    if (op.insert === undefined) throw new Error(`not a document: ${canonical(delta.ops)}`);
    const attributes = canonical(op.attributes ?? {});
    const parts = typeof op.insert === 'string' ? op.insert.split('') : [op.insert];
    for (const part of parts) all.push(`${canonical(part)} ${attributes}`);
  }
  return all.join('\n');
}

// The judge's answer and ours must do the same to the document `after`.
function sameEffect(after, ours, theirs) {
  return units(after.compose(new Delta(ours))) === units(after.compose(new Delta(theirs)));
}

// Does the answer do what the judge does? doc: one that a fits; returns what differs, or null.
function verdict(judge, request, doc, answer) {
  const { a, b } = request;
  if (request.fn === 'cursor') {
    const theirs = judge.cursor(a, request.index, request.sticks_left);
    return answer.index === theirs ? null : `not where ${judge.name} puts it: ${theirs}`;
  }
  if (!answer.result) return `refused: ${answer.error?.code}`;
  const ours = answer.result;
  const after = judge.compose(doc, a);
  switch (request.fn) {
    case 'apply':
      return units(new Delta(ours)) === units(after) ? null : `another document than ${judge.name}'s`;
    case 'compose': {
      if (!sameEffect(doc, ours, judge.compose(a, b))) return `not as ${judge.name} composes`;
      return units(doc.compose(new Delta(ours))) === units(judge.compose(after, b)) ? null
        : 'not as the steps';
    }
    case 'transform':
      return sameEffect(doc.compose(new Delta(a)), ours, judge.transform(a, b, request.first)) ? null
        : `not as ${judge.name} transforms`;
    case 'invert':
      if (units(doc.compose(new Delta(a)).compose(new Delta(ours))) !== units(doc)) return 'does not undo';
      return !judge.invert || sameEffect(doc.compose(new Delta(a)), ours, judge.invert(a, doc)) ? null
        : `not as ${judge.name} inverts`;
    default:
      throw new Error(request.fn);
  }
}

// --- random documents and ops ---

function generator(seed) { // mulberry32
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return (t ^ (t >>> 14)) >>> 0;
  };
  const below = (n) => next() % n;
  return { below, percent: (p) => below(100) < p, pick: (list) => list[below(list.length)] };
}

const KEYS = ['b', 'i', 'link', '\u{1f600}', '\ufb01'];
const VALUES = [true, 1, -0.5, 'x\n', { a: null }, [], 'y'];
const EMBEDS = [{ image: 'u' }, { a: { b: [1, 2] } }, { video: '' }];
const TEXTS = ['a', 'b', 'xy', '\n', '\u00e9', 'e\u0301', '\u20ac', '\u{1f4a9}', '\u{1f601}', '\0'];

function randomAttributes(rng, nulls) {
  if (rng.percent(45)) return undefined;
  const attributes = {};
  for (const key of KEYS) {
    if (rng.percent(30)) attributes[key] = nulls && rng.percent(30) ? null : rng.pick(VALUES);
  }
  return Object.keys(attributes).length ? attributes : undefined;
}

function randomInsert(rng) {
  const attributes = randomAttributes(rng, false);
  let insert = rng.percent(20) ? rng.pick(EMBEDS) : '';
  for (let n = rng.below(5) + 1; typeof insert === 'string' && n > 0; n--) insert += rng.pick(TEXTS);
  return attributes ? { insert, attributes } : { insert };
}

function randomDocument(rng) {
  return new Delta(Array.from({ length: rng.below(6) }, () => randomInsert(rng)));
}

// One boolean per unit: may a component begin before it?
function borders(doc) {
  const all = [];
  for (const { insert } of doc.ops) {
    if (typeof insert !== 'string') all.push(true);
    else for (const character of insert) all.push(true, ...(character.length > 1 ? [false] : []));
  }
  return all;
}

// Components in any order: gaps are faithful, so a delete before an insert is another op. A document that is
// longer than is good becomes shorter.
export function randomOp(rng, doc, lengthGood = Infinity) {
  const border = borders(doc);
  const inserts = border.length > lengthGood ? 10 : 40; // percent
  const ops = [];
  let at = 0;
  for (let n = rng.below(7); n > 0; n--) {
    if (rng.percent(inserts) || at === border.length) {
      ops.push(randomInsert(rng));
      continue;
    }
    let length = 1 + rng.below(Math.min(5, border.length - at));
    while (border[at + length] === false) length++;
    at += length;
    const attributes = randomAttributes(rng, true);
    ops.push(rng.percent(45) ? { delete: length }
      : attributes ? { retain: length, attributes } : { retain: length });
  }
  return ops;
}

function randomCase(seed) {
  const rng = generator(seed);
  const doc = randomDocument(rng);
  const a = randomOp(rng, doc);
  const fn = rng.pick(['apply', 'compose', 'transform', 'invert', 'cursor']);
  const request = { fn, a };
  if (fn === 'cursor') {
    // In Quill's order: there alone is its place behind a deleted unit ours.
    request.a = a.reduce((delta, op) => delta.push(op), new Delta()).ops;
    Object.assign(request, { index: rng.below(borders(doc).length + 1), sticks_left: rng.percent(50) });
  }
  if (fn === 'apply' || fn === 'invert') request.doc = doc.ops;
  if (fn === 'compose') request.b = randomOp(rng, doc.compose(new Delta(a)));
  if (fn === 'transform') Object.assign(request, { b: randomOp(rng, doc), first: rng.percent(50) });
  return { name: `seed ${seed}`, request, doc };
}

// Vectors of compose and transform come without a document: any that is long enough will do.
function vectorCases(folder) {
  const cases = [];
  for (const file of fs.readdirSync(folder).filter((name) => name.endsWith('.json'))) {
    for (const request of JSON.parse(fs.readFileSync(path.join(folder, file), 'utf8')).cases) {
      if (!['apply', 'compose', 'transform', 'invert'].includes(request.fn)) continue;
      if (request.answer.error) continue; // Quill refuses nothing
      const doc = new Delta(request.doc ?? [{ insert: 'x'.repeat(100) }]);
      cases.push({ name: `${file}: ${request.name}`, request, doc });
    }
  }
  return cases;
}

// --- judging ---

// Returns what differs, as sentences.
export async function judge({ command, count, seed, vectors }) {
  const subject = new Subject(command);
  const complaints = [];
  const hear = async ({ name, request, doc }) => {
    const answer = await subject.ask(request);
    for (const why of JUDGES.map((judge) => verdict(judge, request, doc, answer)).filter(Boolean)) complaints.push(`${name}: ${why}\n  ${JSON.stringify(request)}\n  ${JSON.stringify(answer)}`);
  };
  const cases = vectors ? vectorCases(vectors) : [];
  for (let i = 0; i < cases.length; i += 100) await Promise.all(cases.slice(i, i + 100).map(hear));
  for (let i = 0; i < count && complaints.length < 20; i += 100) {
    const batch = Array.from({ length: Math.min(100, count - i) }, (_, k) => randomCase(seed + i + k));
    await Promise.all(batch.map(hear));
  }
  const end = await subject.close();
  if (end !== 'exit 0') complaints.push(`the command ended badly: ${end}`);
  return { complaints, vectors: cases.length };
}

async function main(args) {
  const options = { count: 20000, seed: 1 };
  while (args[0]?.startsWith('--')) {
    const [name, value] = args.splice(0, 2);
    if (name === '--cases') options.count = Number(value);
    else if (name === '--seed') options.seed = Number(value);
    else if (name === '--vectors') options.vectors = value;
    else throw new Error(`unknown option ${name}`);
  }
  if (args.length === 0) throw new Error('which command? node judge.mjs weftctl ot');
  const { complaints, vectors } = await judge({ ...options, command: args });
  for (const complaint of complaints) console.log(complaint);
  console.log(`${options.count} cases from seed ${options.seed}, ${vectors} vectors: `
    + `${complaints.length} differ`);
  process.exitCode = complaints.length ? 1 : 0;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await main(process.argv.slice(2));
