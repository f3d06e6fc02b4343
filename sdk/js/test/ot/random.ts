/**
 * Random documents and ops for tests, from a seed. WEFT_SEED=<seed> starts elsewhere, WEFT_SWEEP=n
 * runs n times as many cases.
 */
import { attrsFromObject, Document, type Op, OpBuilder } from "../../src/ot/index.ts";

export const SEED = Number(process.env.WEFT_SEED ?? 1);
export const SWEEP = Number(process.env.WEFT_SWEEP ?? 1);

/** mulberry32. */
export class Random {
  constructor(private state: number) {}

  private next(): number {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return (t ^ (t >>> 14)) >>> 0;
  }

  /** 0 ≤ result < n. */
  below(n: number): number {
    return this.next() % n;
  }

  between(low: number, high: number): number {
    return low + this.below(high - low + 1);
  }

  percent(n: number): boolean {
    return this.below(100) < n;
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)] as T;
  }
}

// In UTF-16 order, U+1F600 (surrogates) comes before U+FB01.
const KEYS = ["", "b", "link", "\u{1f600}", "\ufb01"];
const VALUES = [true, 1, -0.5, "x\n", { a: null }, [], 1e21, { z: [1, { y: "é" }], "\ufb01": 0 }];
const EMBEDS = [{}, { image: "u" }, { a: { b: [1, 2] } }];
const TEXTS = ["a", "b", "xy", "\n", "\u00e9", "e\u0301", "\u20ac", "\u{1f4a9}", "\u{1f601}", "\0"];

export interface Mix {
  /** Most components of an op. */
  readonly comps: number;
  /** Most units of a component, about. */
  readonly length: number;
  readonly attrs: boolean;
  readonly embeds: boolean;
}

export const SMALL: Mix = { comps: 6, length: 6, attrs: true, embeds: true };
export const PLAIN: Mix = { comps: 4, length: 3, attrs: false, embeds: false };
export const LARGE: Mix = { comps: 12, length: 2000, attrs: true, embeds: true };

function randomAttrs(random: Random, mix: Mix, nulls: boolean) {
  if (!mix.attrs || random.percent(40)) return null;
  const object: Record<string, unknown> = {};
  for (const key of KEYS) {
    if (!random.percent(30)) continue;
    // Mostly the first values, so that equal ones meet.
    const value = random.percent(70) ? random.pick(VALUES.slice(0, 2)) : random.pick(VALUES);
    object[key] = nulls && random.percent(30) ? null : value;
  }
  return attrsFromObject(object, nulls);
}

function putInsert(random: Random, mix: Mix, out: OpBuilder): number {
  if (mix.embeds && random.percent(20)) {
    out.embed(JSON.stringify(random.pick(EMBEDS)), randomAttrs(random, mix, false));
    return 1;
  }
  let text = "";
  const length = random.between(1, random.percent(50) ? 2 : mix.length);
  while (text.length < length) text += random.pick(TEXTS);
  out.insert(text, randomAttrs(random, mix, false));
  return text.length;
}

export function randomDocument(random: Random, units: number, mix: Mix): Document {
  const out = new OpBuilder();
  for (let have = 0; have < units; ) have += putInsert(random, mix, out);
  return Document.of(out.finish());
}

/** An op that fits the document. */
export function randomOp(random: Random, doc: Document, mix: Mix): Op {
  const out = new OpBuilder();
  let at = 0;
  const go = (length: number) => {
    at = Math.min(at + length, doc.length);
    if (doc.cutsPair(at)) at++;
  };
  if (doc.length > mix.length && random.percent(50)) {
    go(random.below(doc.length));
    out.retain(at);
  }
  for (let n = random.below(mix.comps + 1); n > 0; n--) {
    const kind = random.below(10);
    if (kind < 4 || at === doc.length) {
      putInsert(random, mix, out);
      continue;
    }
    const from = at;
    const rest = doc.length - at;
    go(random.percent(5) ? rest : random.between(1, random.percent(50) ? 2 : mix.length));
    if (kind < 7) out.delete(at - from);
    else out.retain(at - from, randomAttrs(random, mix, true));
  }
  return out.finish();
}
