/** The servers under the persons: what they have counted and stored, and how they die. */
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { promisify } from "node:util";
import assert from "node:assert/strict";
import { root, WAIT_MS } from "./lib.mjs";

const run = promisify(execFile);
const DIR = process.env.WEFT_DIR;
assert.ok(DIR, "WEFT_DIR is not set: run this by tests/system/with-stack");

/** The workers' counters, summed over both: those of `weft_worker_NAME_total`. */
export async function workersCounted(...names) {
  const sums = names.map(() => 0);
  for (const worker of ["worker-1", "worker-2"]) {
    const admin = readFileSync(`${DIR}/admin/${worker}`, "utf8").trim();
    const text = await (await fetch(`http://${admin}/metrics`)).text();
    names.forEach((name, i) => {
      const line = new RegExp(`^weft_worker_${name}_total (\\d+)$`, "m").exec(text);
      assert.ok(line, `${worker} counts no ${name}`);
      sums[i] += Number(line[1]);
    });
  }
  return sums;
}

/** A process that has ended, whether or not somebody has asked how. */
function gone(pid) {
  try {
    return /^[ZX]/.test(readFileSync(`/proc/${pid}/stat`, "utf8").replace(/.*\) /, ""));
  } catch {
    return true;
  }
}

/** `kill -9`, and a new process in its place. */
export async function killed(name) {
  const pid = Number(readFileSync(`${DIR}/pids/${name}`, "utf8").split(" ")[0]);
  process.kill(pid, "SIGKILL");
  while (!gone(pid)) await new Promise((resolve) => setTimeout(resolve, 10));
  await run(`${root}scripts/run-service`, [name, "--dir", DIR]);
}

/** Waits until PostgreSQL alone holds all of a document: the archiver has emptied its stream. */
export async function archived(id) {
  const settings = readFileSync(`${DIR}/settings`, "utf8");
  const socket = `${/^RUNTIME=(.*)$/m.exec(settings)[1]}/redis.sock`;
  const redis = async (...args) => (await run("redis-cli", ["-s", socket, ...args])).stdout.trim();
  const end = Date.now() + WAIT_MS;
  for (;;) {
    const key = await redis("--scan", "--pattern", `weft:*:log:${id}`);
    if (!key || (await redis("xlen", key)) === "0") return;
    assert.ok(Date.now() < end, `the archiver does not empty the stream of ${id}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
