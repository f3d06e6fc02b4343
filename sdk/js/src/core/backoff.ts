/**
 * When to try again, and where. The wait is random below a bound that doubles: a gateway's death
 * must not bring all its clients to the next one at once, again and again in step.
 */
const FIRST_MS = 500;
const MOST_MS = 30_000;

export class Backoff {
  private bound = FIRST_MS;
  private readonly random: () => number;

  constructor(random: () => number) {
    this.random = random;
  }

  /** Never below `atLeast`, which a server asked for. */
  next(atLeast = 0): number {
    const wait = atLeast + this.random() * this.bound;
    this.bound = Math.min(MOST_MS, this.bound * 2);
    return wait;
  }

  reset(): void {
    this.bound = FIRST_MS;
  }
}

/** The addresses in turn, from a random one on; those that a Drain named go first, once each. */
export class Addresses {
  private readonly urls: readonly string[];
  private at: number;
  private named: string[] = [];

  constructor(urls: readonly string[], random: () => number) {
    this.urls = urls;
    this.at = Math.floor(random() * urls.length);
  }

  name(urls: readonly string[]): void {
    this.named = [...urls];
  }

  next(): string {
    return this.named.shift() ?? this.urls[this.at++ % this.urls.length]!;
  }
}
