/** A browser whose profile is on disk: its process can be killed, and what it has kept is there again. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import assert from "node:assert/strict";
import { chromium } from "playwright-core";
import { CHROMIUM, Person, SCREEN } from "./lib.mjs";

export class Profile {
  folder = mkdtempSync(join(tmpdir(), "weft-profile-"));
  context = null;

  constructor(name) {
    this.name = name;
  }

  /** Starts the browser; resolves with a person in its only tab. */
  async start() {
    this.context = await chromium.launchPersistentContext(this.folder, { ...CHROMIUM, ...SCREEN });
    const [blank] = this.context.pages();
    const person = await Person.in(this.context, this.name);
    await blank?.close();
    return person;
  }

  /** SIGKILL: nothing is flushed, nobody is asked. */
  async kill() {
    const gone = new Promise((resolve) => this.context.once("close", resolve));
    process.kill(this.process(), "SIGKILL");
    await gone;
  }

  /** The browser itself: its helpers are told a type. */
  process() {
    const ours = `--user-data-dir=${this.folder}`;
    for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
      let line;
      try {
        line = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
      } catch {
        continue; // it has ended meanwhile
      }
      if (line.includes(ours) && !line.some((word) => word.startsWith("--type="))) return Number(pid);
    }
    return assert.fail(`no browser runs in ${this.folder}`);
  }

  async remove() {
    await this.context?.close();
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 });
  }
}
