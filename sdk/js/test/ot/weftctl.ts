/** `weftctl ot`: the C library as a child that answers one JSON line each, in order. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const folder = process.env.WEFT_BIN ?? fileURLToPath(new URL("../../../../build/bin", import.meta.url));

export class Weftctl {
  private readonly child: ChildProcess;
  private readonly lines: AsyncIterator<string>;

  constructor() {
    const path = `${folder}/weftctl`;
    if (!existsSync(path)) throw new Error(`${path} is missing: build it, or set WEFT_BIN`);
    this.child = spawn(path, ["ot"], { stdio: ["pipe", "pipe", "inherit"] });
    const { stdout } = this.child;
    if (!stdout) throw new Error("no pipe");
    this.lines = createInterface({ input: stdout })[Symbol.asyncIterator]();
  }

  /** The answers, one line for each request. */
  async ask(requests: readonly string[]): Promise<string[]> {
    // All at once, read meanwhile: the child would block on a full pipe otherwise.
    this.child.stdin?.write(requests.map((request) => `${request}\n`).join(""));
    const answers: string[] = [];
    while (answers.length < requests.length) {
      const line = await this.lines.next();
      if (line.done) throw new Error(`weftctl ended after ${requests[answers.length]}`);
      answers.push(line.value);
    }
    return answers;
  }

  async close(): Promise<void> {
    const ended = once(this.child, "close");
    this.child.stdin?.end();
    await ended;
  }
}
