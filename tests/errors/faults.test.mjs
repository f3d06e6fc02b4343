// What stands still under a load without trouble moves where there is trouble: each number of the pages
// is provoked on a running Weft, by real signals, servers that are away, disks that forget and clients
// that misbehave. tests/system/metrics.py holds all three together: each number moves under load or
// here, or stands in its table of those that no real process can be made to move.
import { execFileSync, spawn } from 'node:child_process';
import { cpSync, readFileSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';
import { moves, repeat, until } from './metrics.mjs';
import { newSession } from './peer.mjs';
import { Stack, bin, root } from './stack.mjs';

const LINK_PEERS = 1024; // link-peers
const workers = ['worker-1', 'worker-2'];
const archivers = ['archiver-1', 'archiver-2'];
const text = { kind: 'text', content: [] };
const filler = (size) => 'x'.repeat(size);

let stack;
let count = 0;
let load;

before(async () => {
  stack = await Stack.start({ WEFT_OUT_MAX: '64KiB', WEFT_INPUT_MAX: '2MiB', WEFT_HELLO: '1s',
    WEFT_REQUEST: '1s', WEFT_HEARTBEAT: '10s', WEFT_SNAPSHOT_REVISIONS: '10', WEFT_SWEEP: '100ms',
    WEFT_IDLE: '1s', WEFT_TAIL_MAX: '4MiB', WEFT_POLL: '50ms', WEFT_DRAIN: '2s' },
  ['--archivers', '2']);
});

after(() => {
  load?.kill();
  stack?.stop();
});

const shows = (names, act) => moves(stack, names, act);
const signal = (name, names) => {
  for (const one of [names].flat()) process.kill(stack.pid(one), name);
};
const start = (...names) => { for (const name of names) stack.script('run-service', name); };
const redis = (...args) => execFileSync('redis-cli', ['-s', `${stack.runtime()}/redis.sock`, ...args],
  { encoding: 'utf8' }).trim();

async function person(options) {
  const peer = await stack.peer('proto').hello();
  return { peer, use: await peer.open(`fault-${count++}`, { create: text, ...options }) };
}

// People who write in documents of their own as long as the test lasts; they come back by themselves.
async function people(t) {
  load = spawn(`${bin}/weft-load`, ['rate', '--docs', '20', '--editors', '2', '--rate', '200', '--seconds', '600',
    '--settle', '1', '--quiet', '--url', stack.url, '--dir', stack.dir], { stdio: 'ignore' });
  t.after(() => load.kill());
  await shows(['weft_gateway_ack_seconds'], () => {});
}

// All processes back, and somebody can write.
async function well() {
  await until(async () => {
    const { peer, use } = await person();
    await peer.edit(use, [{ insert: 'x' }]);
    peer.end();
    return true;
  });
}

test('clients that go, ask, mistype and keep silent', async () => {
  await shows(['weft_gateway_closed_total', 'weft_gateway_client_errors_total', 'weft_gateway_ws_errors_total',
    'weft_gateway_pings_total', 'weft_gateway_http_total{answer="page"}', 'weft_gateway_http_total{answer="refused"}',
    'weft_gateway_dropped_total{reason="no-request"}', 'weft_gateway_presence_dropped_total',
    'weft_gateway_limits_total', 'weft_gateway_socket_limits_total', 'weft_gateway_input_full_total',
    'weft_worker_refused_total', 'weft_worker_repeats_total', 'weft_worker_resyncs_total', 'weft_worker_limits_total'],
  async () => {
    const http = `http://127.0.0.1:${stack.port}`;
    await fetch(`${http}/`);
    await fetch(`${http}/none/such`);
    connect(stack.port, '127.0.0.1').on('error', () => {}).write(`GET / HTTP/1.1\r\nX: ${filler(9000)}`);
    connect(stack.port, '127.0.0.1').on('error', () => {});

    const { peer, use } = await person();
    peer.ws.ping();
    const cursor = { type: 'presence', doc: use.doc, rev: use.position.rev, data: 1 };
    peer.send(...Array(100).fill(cursor));
    peer.submit(use, [{ delete: 9 }]);
    await peer.next('error');
    const base = use.position;
    const session = newSession();
    const { peer: other, use: its } = await person({ session });
    const seen = its.position;
    await other.edit(its, [{ insert: 'x' }]);
    other.send({ type: 'submit', doc: its.doc, seq: 1, base: seen, op: [{ insert: 'x' }] });
    await other.next('accepted');
    const back = await stack.peer('proto').hello();
    back.send({ type: 'open', doc: 'tomorrow', session: newSession(86400000), attempt: 1, create: text });
    await back.next('error');
    await back.open(use.doc, { position: { rev: base.rev, hash: '00'.repeat(16) } });
    other.raw(Buffer.from([0x82, 1, 0]));
    await other.closed;

    const halves = await Promise.all(Array.from({ length: 12 }, () => stack.peer('proto').hello()));
    for (const one of halves) one.ws.send(Buffer.alloc(900000), { fin: false });
    await Promise.any(halves.map((one) => one.closed));
    for (const one of [peer, back, ...halves]) one.end();
  });
});

// Asks, and does not read the answers.
async function deaf(seen) {
  const peer = await stack.peer('proto').hello();
  const ask = { type: 'close', doc: filler(128) };
  peer.ws._socket.pause();
  await repeat(async () => {
    for (let i = 0; i < 4; i++) peer.send(...Array(5000).fill(ask));
    await new Promise((resolve) => { setTimeout(resolve, 1000); });
  }, seen);
  peer.end();
}

test('a reader who does not read', async () => {
  await shows(['weft_gateway_lagging_total', 'weft_socket_writes_blocked_total'], async (seen) => {
    const { peer, use } = await person();
    const reader = await stack.peer('proto').hello();
    await reader.open(use.doc);
    reader.ws._socket.pause();
    await repeat(async () => {
      await peer.edit(use, [{ insert: filler(200000) }]);
      await peer.edit(use, [{ delete: 200000 }]);
    }, seen);
    reader.end();
    peer.end();
  });
  await shows(['weft_gateway_client_errors_total{error="slow-reader"}'], deaf);
});

test('a worker that dies, and comes back', async (t) => {
  await people(t);
  await shows(['weft_gateway_worker_lost_total', 'weft_gateway_view', 'weft_gateway_view_changes_total',
    'weft_worker_view', 'weft_worker_view_changes_total', 'weft_link_peers'],
  async () => signal('SIGKILL', 'worker-1'));
  // What it gets back is kept by the other until it is archived.
  signal('SIGSTOP', archivers);
  await shows(['weft_worker_handoffs_total', 'weft_worker_handed_documents', 'weft_gateway_moved_total',
    'weft_link_contacts_total', 'process_start_time_seconds'], async () => start('worker-1'));
  signal('SIGCONT', archivers);
  // Back at once, while ops are on their way to its predecessor.
  await shows(['weft_gateway_resubmits_total'], async (seen) => repeat(async () => {
    signal('SIGKILL', 'worker-1');
    start('worker-1');
    await well();
  }, seen));
});

// Messages to a worker's inbox, as docs/link.md frames them.
function inbox(...messages) {
  const socket = connect(`${stack.runtime()}/link/worker-1`);
  socket.on('error', () => {});
  for (const message of messages) {
    const size = Buffer.alloc(4);
    size.writeUInt32BE(message.length);
    socket.write(Buffer.concat([size, message]));
  }
  return socket;
}

// A heartbeat (common/link/link_frame.h) from a process that is not there, to one that never was.
function heartbeat(from) {
  const address = Buffer.from(`ipc:///nowhere/${from}`);
  const head = Buffer.alloc(56);
  head.write('WLK\x01\x02');
  head.writeUInt16BE(address.length, 6);
  for (const at of [8, 16, 24]) head.writeBigUInt64BE(from, at);
  return Buffer.concat([head, address]);
}

test('strangers who reach a worker\'s inbox', async () => {
  let socket;
  await shows(['weft_link_refused_total', 'weft_link_wrong_target_total', 'weft_link_limits_total{limit="link-peers"}',
    'weft_worker_contacts_unanswered_total'], () => {
    const callers = Array.from({ length: LINK_PEERS + 10 }, (_, i) => heartbeat(BigInt(i + 1)));
    socket = inbox(Buffer.from('no message of ours'), ...callers);
  });
  socket.destroy();
  signal('SIGKILL', 'worker-1');
  start('worker-1');
  await well();
});

test('workers that are put to sleep, and wake up', async () => {
  const peer = await stack.peer('proto').hello();
  const uses = [];
  for (let i = 0; i < 8; i++) uses.push(await peer.open(`asleep ${i}`, { create: text }));
  // More than fits into sockets: the rest waits for its process.
  await shows(['weft_link_breakers{state="open"}', 'weft_link_breaker_opened_total', 'weft_link_queued_bytes'], async (seen) => {
    signal('SIGSTOP', workers);
    for (const use of uses) peer.submit(use, [{ insert: filler(200000) }]);
    await until(seen);
    signal('SIGCONT', workers);
  });
  peer.end();
  await well();
});

test('Redis that stands still, dies, and has lost its functions', async (t) => {
  await people(t);
  await shows(['weft_storage_breaker_state', 'weft_storage_breaker_opened_total', 'weft_storage_breaker_refused_total',
    'weft_worker_put_off_total', 'weft_gateway_retries_total'], async (seen) => {
    signal('SIGSTOP', 'redis');
    const peer = await stack.peer('proto').hello();
    peer.send({ type: 'open', doc: 'put off', session: newSession(), attempt: 1, create: text });
    await until(seen);
    signal('SIGCONT', 'redis');
    peer.end();
  });
  await well();
  // It dies with appends that it has not answered.
  const { peer, use } = await person();
  await shows(['weft_redis_library_loads_total'], async () => {
    redis('FUNCTION', 'FLUSH');
    signal('SIGSTOP', 'redis');
    await shows(['weft_worker_submits_total'], () => peer.submit(use, [{ insert: 'x' }]));
    await shows(['weft_storage_ready', 'weft_redis_losses_total', 'weft_worker_appends_unknown_total'],
      () => signal('SIGKILL', 'redis'));
    await shows(['weft_redis_connects_total'], () => start('redis'));
  });
  peer.end();
  await well();
});

test('PostgreSQL that dies', async (t) => {
  await people(t);
  await shows(['weft_postgres_losses_total', 'weft_postgres_connections', 'weft_archiver_failed_total'],
    () => signal('SIGKILL', 'postgres'));
  await shows(['weft_postgres_connects_total'], () => start('postgres'));
  await well();
});

test('documents that are kept, dropped and handed over', async () => {
  await shows(['weft_archiver_snapshots_total', 'weft_worker_evictions_total'], async () => {
    const { peer, use } = await person();
    for (let i = 0; i < 30; i++) await peer.edit(use, [{ insert: 'x' }]);
    peer.end();
  });
  signal('SIGSTOP', archivers);
  const { peer, use } = await person();
  await shows(['weft_worker_slowed_total'], async (seen) => {
    while (!seen()) await Promise.race([peer.edit(use, [{ insert: filler(200000) }]).catch(() => {}), until(seen)]);
  });
  peer.end();
  await shows(['weft_storage_read_pages_total'], async () => signal('SIGCONT', archivers));
  await well();
});

test('a disk of Redis that forgets what was saved', async () => {
  const log = `${stack.dir}/redis/appendonlydir`;
  const kept = `${stack.dir}/appendonlydir`;
  const keep = () => {
    signal('SIGSTOP', 'redis');
    rmSync(kept, { recursive: true, force: true });
    cpSync(log, kept, { recursive: true });
    signal('SIGCONT', 'redis');
  };
  const forget = () => {
    signal('SIGKILL', 'redis');
    rmSync(log, { recursive: true });
    cpSync(kept, log, { recursive: true });
    start('redis');
  };
  signal('SIGSTOP', archivers);
  const { peer, use } = await person();
  await peer.edit(use, [{ insert: 'kept' }]);
  keep();
  await peer.edit(use, [{ insert: 'lost' }]);
  await shows(['weft_worker_reappended_total'], async () => forget());
  await peer.edit(use, [{ insert: 'on' }]);

  keep();
  await peer.edit(use, [{ insert: 'archived' }]);
  signal('SIGCONT', archivers);
  await until(() => stack.weftctl('lag', '--json').includes('"waiting":0,'));
  peer.end();
  signal('SIGKILL', workers);
  await shows(['weft_archiver_rebases_total'], async () => forget());
  start(...workers);
  await well();
});

test('a dirty mark that is gone, and a log that is damaged', async () => {
  signal('SIGSTOP', archivers);
  const { peer, use } = await person();
  await peer.edit(use, [{ insert: 'marked' }]);
  for (const key of redis('--scan', '--pattern', 'weft:*:dirty').split('\n')) redis('DEL', key);
  await shows(['weft_archiver_remarked_total'], async () => signal('SIGCONT', archivers));

  signal('SIGSTOP', archivers);
  await peer.edit(use, [{ insert: 'damaged' }]);
  peer.end();
  const key = redis('--scan', '--pattern', `weft:*:log:${use.doc}`);
  redis('EVAL', readFileSync(`${root}tests/support/damage.lua`, 'utf8'), '2', key, 'aside');
  await shows(['weft_worker_quarantines_total', 'weft_worker_quarantined', 'weft_archiver_damaged_total'], async () => {
    signal('SIGKILL', workers);
    start(...workers);
    const reader = await stack.peer('proto').hello();
    reader.send({ type: 'open', doc: use.doc });
    await reader.next((m) => m.name === 'quarantined');
    reader.end();
    signal('SIGCONT', archivers);
  });
});

test('bounds that an operator sets, and those of the system', async () => {
  await shows(['process_max_fds', 'weft_archiver_jobs_limit', 'weft_archiver_limits_total{limit="jobs"}',
    'weft_account_limit_bytes'], async () => {
    execFileSync('prlimit', ['--pid', String(stack.pid('gateway-1')), '--nofile=2000:2000']);
    stack.env.WEFT_JOBS = '1';
    stack.env.WEFT_CACHE_MAX = '3MiB';
    signal('SIGKILL', 'archiver-1');
    start('archiver-1');
    signal('SIGKILL', 'archiver-2');
    await well();
  });
  await shows(['weft_socket_sends_full_total{full="all"}'], async (seen) => {
    Object.assign(stack.env, { WEFT_OUT_MAX: '1GiB', WEFT_OUT_TOTAL: '8MiB' });
    signal('SIGKILL', ['gateway-1', 'gateway-2']);
    start('gateway-1', 'gateway-2');
    await deaf(seen);
  });
});

test('a replica that does not confirm', async (t) => {
  const other = await Stack.start({}, ['--durability', 'replica', '--gateways', '1', '--workers', '1']);
  t.after(() => other.stop());
  const peer = await other.peer('proto').hello();
  const use = await peer.open('replicated', { create: text });
  await moves(other, ['weft_redis_waits_total'], () => peer.edit(use, [{ insert: 'x' }]));
  await moves(other, ['weft_redis_waits_short_total'], () => {
    process.kill(other.pid('redis-replica'), 'SIGSTOP');
    peer.submit(use, [{ insert: 'x' }]);
  });
  process.kill(other.pid('redis-replica'), 'SIGCONT');
  await peer.next('entry');
  peer.end();
});
