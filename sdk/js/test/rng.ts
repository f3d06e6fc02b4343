/** Random numbers from a seed (mulberry32), for tests that must be played again. */
export function rng(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** The seed that `WEFT_SEED` names, or one of the clock's. */
export const SEED = Number(process.env["WEFT_SEED"] ?? Date.now() % 2 ** 31);
/** `WEFT_SWEEP=n` tries n times as many cases. */
export const SWEEP = Number(process.env["WEFT_SWEEP"] ?? 1);
