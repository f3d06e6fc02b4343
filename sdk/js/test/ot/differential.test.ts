/**
 * One stream of random requests, answered here and by the C library: the answers must be equal to the
 * component and the byte, refusals included; which of several faults of a Delta is told is free.
 * WEFT_CASES=n asks n times (20,000), WEFT_SEED=<seed> starts elsewhere.
 */
import { expect, test } from "vitest";
import { canonicalJson } from "../../src/ot/index.ts";
import { answer, type Answer, type Request } from "./answer.ts";
import { Random, SEED, SWEEP } from "./random.ts";
import { randomRequest } from "./requests.ts";
import { Weftctl } from "./weftctl.ts";

const CASES = Number(process.env.WEFT_CASES ?? 20_000 * SWEEP);
const BATCH = 500;

/** Messages are for people. */
function comparable(line: string): string {
  const theirs = JSON.parse(line) as Answer;
  return canonicalJson(theirs.error ? { error: { code: theirs.error.code } } : theirs);
}

/** A Delta with several faults may be refused for any of them: C meets some of them before it is one. */
const OF_A_DELTA = /^\{"error":\{"code":"(bad-json|bad-utf8|bad-attributes|too-large)"\}\}$/;

function bothRefuseDelta(request: Request, ...answers: string[]): boolean {
  return request.fn !== "decode" && answers.every((text) => OF_A_DELTA.test(text));
}

test("TypeScript and C answer alike", { timeout: 30_000 + CASES * 10 }, async () => {
  const random = new Random(SEED);
  const weftctl = new Weftctl();
  const outcomes = new Map<string, number>();
  for (let done = 0; done < CASES; done += BATCH) {
    const length = Math.min(BATCH, CASES - done);
    const requests = Array.from({ length }, () => randomRequest(random));
    const theirs = await weftctl.ask(requests.map((request) => JSON.stringify(request)));
    requests.forEach((request, i) => {
      const ours = answer(request);
      const label = `case ${done + i}: ${JSON.stringify(request)}`;
      const [we, they] = [canonicalJson(ours), comparable(theirs[i] as string)];
      if (!bothRefuseDelta(request, we, they)) expect(we, label).toBe(they);
      const outcome = `${request.fn} ${ours.error?.code ?? "ok"}`;
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    });
  }
  await weftctl.close();
  const tally = [...outcomes].sort().map(([outcome, count]) => `${outcome} ${count}`);
  console.log(`WEFT_SEED=${SEED}: ${CASES} cases: ${tally.join(", ")}`);
  for (const fn of ["apply", "invert", "compose", "transform", "cursor", "encode", "decode"]) {
    expect(outcomes.get(`${fn} ok`), fn).toBeGreaterThan(CASES / 100);
  }
});
