// node fuzzer.mjs [--iterations N] COMMAND [ARGUMENT…]
//
// Drives the algebra by ot-fuzzer, which ShareDB's types are tested with: three editors of one document make ten
// random ops; apply, compose, the diamond of the composed ops and of the ops one by one must agree. What an op
// does to a document is said by rich-text. SEED=n replays another run. Where it crashes it writes what it did to
// fuzzercrash.data in the current directory.
//
// The fuzzer asks and waits, so the command is spoken to through two named pipes, not as judge.mjs does.
// It knows no inverse that needs the document: judge.mjs judges that.
import { execFileSync, spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import fuzzer from 'ot-fuzzer';
import richText from 'rich-text';
import { Delta, randomOp, units } from './judge.mjs';

const LENGTH_GOOD = 30; // each run goes on with the document of the last one

class Subject {
  constructor(command) {
    this.folder = fs.mkdtempSync(path.join(os.tmpdir(), 'weft-judge-'));
    const [to, from] = ['to', 'from'].map((name) => path.join(this.folder, name));
    execFileSync('mkfifo', [to, from]);
    this.child = spawn('sh', ['-c', '"$@" <"$0/to" >"$0/from"', this.folder, ...command],
      { stdio: ['ignore', 'ignore', 'inherit'] });
    this.to = fs.openSync(to, 'w'); // in the order in which the shell opens them
    this.from = fs.openSync(from, 'r');
    this.rest = '';
  }

  ask(request) {
    const chunk = Buffer.alloc(1 << 16);
    fs.writeSync(this.to, JSON.stringify(request) + '\n');
    let parts = [];
    for (;;) {
      const size = fs.readSync(this.from, chunk);
      if (size === 0) throw new Error('the command ended');
      parts.push(Buffer.from(chunk.subarray(0, size)));
      if (chunk[size - 1] === 0x0a) break;
    }
    const answer = JSON.parse(Buffer.concat(parts).toString());
    if (answer.error) throw new Error(`${JSON.stringify(request)}: ${JSON.stringify(answer)}`);
    return answer.result;
  }

  close() {
    fs.closeSync(this.to);
    fs.closeSync(this.from);
    fs.rmSync(this.folder, { recursive: true });
  }
}

function typeOf(subject) {
  return {
    name: 'weft',
    create: () => [],
    apply: (doc, a) => subject.ask({ fn: 'apply', doc, a }),
    compose: (a, b) => subject.ask({ fn: 'compose', a, b }),
    // Rewrites the first to apply after the second; left comes first.
    transform: (b, a, side) => subject.ask({ fn: 'transform', a, b, first: side !== 'left' }),
    serialize: (doc) => units(new Delta(doc)),
  };
}

const rng = {
  below: fuzzer.randomInt,
  percent: (p) => fuzzer.randomInt(100) < p,
  pick: (list) => list[fuzzer.randomInt(list.length)],
};

function opAndDocument(doc) {
  const op = randomOp(rng, new Delta(doc), LENGTH_GOOD);
  return [op, richText.type.apply(doc, op).ops];
}

const args = process.argv.slice(2);
const iterations = args[0] === '--iterations' ? Number(args.splice(0, 2)[1]) : 1000;
const subject = new Subject(args);
try {
  fuzzer(typeOf(subject), opAndDocument, iterations);
  console.log(`ot-fuzzer: ${iterations} iterations, seed ${process.env.SEED ?? 1}: all agree`);
} finally {
  subject.close();
}
