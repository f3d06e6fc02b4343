// A real Weft of two gateways and two workers in a directory of its own, and two people who edit a
// document there the whole time: whatever is done to the servers, their document goes on.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, chmodSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { Peer } from './peer.mjs';

export const root = fileURLToPath(new URL('../../', import.meta.url));
export const bin = process.env.WEFT_BIN ?? `${root}build/bin`;

const freePort = () => new Promise((resolve) => {
  const server = createServer().listen(0, '127.0.0.1', () => {
    const { port } = server.address();
    server.close(() => resolve(port));
  });
});

export class Stack {
  // settings: WEFT_ variables for the services.
  static async start(settings = {}, options = []) {
    const stack = new Stack();
    stack.dir = mkdtempSync(`${process.env.TMPDIR ?? tmpdir()}/weft-errors-`);
    chmodSync(stack.dir, 0o711);
    stack.port = await freePort();
    stack.url = `ws://127.0.0.1:${stack.port}/`;
    stack.env = { ...process.env, WEFT_BIN: bin, ...settings };
    stack.script('up', '-d', '--port', String(stack.port), ...options);
    return stack;
  }

  #run(name, args) {
    const done = spawnSync(`${root}scripts/${name}`, args,
      { env: this.env, stdio: ['ignore', 'pipe', 'pipe'], encoding: 'utf8' });
    if (done.status !== 0) throw new Error(`scripts/${name}: ${done.stdout}${done.stderr}`);
    return done.stdout;
  }

  script(name, ...args) {
    return this.#run(name, [...args, '--dir', this.dir]);
  }

  weftctl(...args) {
    return this.#run('weftctl', ['--dir', this.dir, ...args]);
  }

  pid(name) {
    return Number(readFileSync(`${this.dir}/pids/${name}`, 'utf8').split(' ')[0]);
  }

  // Where the sockets are.
  runtime() {
    return readFileSync(`${this.dir}/settings`, 'utf8').match(/^RUNTIME=(.*)$/m)[1];
  }

  log(name) {
    return readFileSync(`${this.dir}/log/${name}.log`, 'utf8');
  }

  async metrics(name) {
    const address = readFileSync(`${this.dir}/admin/${name}`, 'utf8').trim();
    return (await fetch(`http://${address}/metrics`)).text();
  }

  peer(form) {
    return new Peer(this.url, form);
  }

  // How many clients were told this error.
  async errors(name) {
    const pages = await Promise.all(['gateway-1', 'gateway-2'].map((one) => this.metrics(one)));
    const pattern = new RegExp(`client_errors_total\\{error="${name}"\\} (\\d+)`);
    return pages.reduce((sum, page) => sum + Number(page.match(pattern)[1]), 0);
  }

  stop() {
    this.script('down');
    if (!process.env.WEFT_KEEP) rmSync(this.dir, { recursive: true, force: true });
  }
}

export const COMMON = 'the common document';
// A character of two units in front, where everybody can try to cut it.
const CONTENT = '\u{1F4A9} common\n';

// Two people at the common document, one on each subprotocol.
export class Witness {
  constructor(stack) {
    this.stack = stack;
    this.edits = 0;
  }

  async begin() {
    this.people = [];
    for (const form of ['proto', 'json']) {
      const peer = await this.stack.peer(form).hello();
      const use = await peer.open(COMMON,
        { create: { kind: 'rich', content: [{ insert: CONTENT }] } });
      this.people.push({ peer, use });
    }
  }

  // Each writes once, and each has its own record and the other's.
  async goesOn() {
    for (const { peer, use } of this.people) {
      await peer.edit(use, [{ retain: 2 }, { insert: '.' }]);
      this.edits++;
      for (const other of this.people) {
        while (other.use.position.rev < use.position.rev) {
          const entry = await other.peer.next((m) => m.type === 'entry' && m.doc === COMMON, 'entry');
          if (entry.first_rev <= other.use.position.rev) continue;
          if (entry.hash_before !== other.use.position.hash) throw new Error('the chain is broken');
          other.use.position = { rev: entry.last_rev, hash: entry.hash_after };
        }
      }
    }
  }

  // On new connections: after one whose gateway was stopped.
  async again() {
    this.end();
    await this.begin();
  }

  end() {
    for (const { peer } of this.people) peer.end();
  }
}
