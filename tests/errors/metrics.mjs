// Pages of metrics, and whether a number moved.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';

const LINE = /^([a-z_][a-z0-9_]*)(?:\{(.*)\})? (\S+)$/;
const PATIENCE_MS = 30000;
const pause = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });

// {kinds, series: Map of `name{labels}` to its value}
function pageRead(text) {
  const kinds = {};
  const series = new Map();
  for (const line of text.split('\n')) {
    const type = line.match(/^# TYPE (\S+) (\S+)/);
    if (type) kinds[type[1]] = type[2];
    const found = line.match(LINE);
    if (found) series.set(found[2] ? `${found[1]}{${found[2]}}` : found[1], Number(found[3]));
  }
  return { kinds, series };
}

// The pages of all services that answer now, by process.
async function pages(stack) {
  const all = new Map();
  await Promise.all(readdirSync(`${stack.dir}/admin`).map(async (name) => {
    try {
      const address = readFileSync(`${stack.dir}/admin/${name}`, 'utf8').trim();
      const answer = await fetch(`http://${address}/metrics`, { signal: AbortSignal.timeout(500) });
      all.set(name, pageRead(await answer.text()));
    } catch {
      // Killed or stopped: that is what these tests do.
    }
  }));
  return all;
}

// A counter moves by going up, in a process of its own from 0 on; anything else by being another.
function movedOn(name, was, now) {
  const started = 'process_start_time_seconds';
  const sameLife = was && was.series.get(started) === now.series.get(started);
  for (const [key, value] of now.series) {
    const family = key.replace(/\{.*/, '');
    if (key !== name && family !== name && family !== `${name}_count`) continue;
    const counts = (now.kinds[family] ?? 'histogram') !== 'gauge';
    const before = counts && !sameLife ? 0 : was?.series.get(key) ?? value;
    if (counts ? value > before : value !== before) return true;
  }
  return false;
}

// Does something, and sees each of these move while it is done or after it: families, or single
// series as they stand on the page.
export async function moves(stack, names, act) {
  // Who is dead at the beginning shows what it showed last.
  const was = new Map([...stack.pages ?? [], ...await pages(stack)]);
  const left = new Set(names);
  let acts = true;
  let end = Infinity;
  const look = (async () => {
    while (left.size && Date.now() < end) {
      const now = await pages(stack);
      stack.pages = new Map([...was, ...now]);
      for (const [process, page] of now)
        for (const name of left) if (movedOn(name, was.get(process), page)) left.delete(name);
      await pause(acts ? 20 : 100);
    }
  })();
  try {
    await act(() => left.size === 0);
  } catch (error) {
    end = 0;
    error.message += `; did not move so far: ${[...left].join(' ')}`;
    throw error;
  }
  acts = false;
  end = Date.now() + PATIENCE_MS;
  await look;
  assert.deepEqual([...left], [], 'these did not move');
}

// Waits until it holds.
export async function until(holds, what = String(holds)) {
  for (const end = Date.now() + PATIENCE_MS; Date.now() < end; await pause(50))
    if (await holds()) return;
  assert.fail(`waited in vain: ${what}`);
}

// Does something again and again until it holds.
export async function repeat(act, holds) {
  for (const end = Date.now() + PATIENCE_MS; !await holds() && Date.now() < end;) await act();
}
