/**
 * What a key costs in SDK and binding: `begin` and `end` stand around the binding's handler, and what
 * the SDK put off to the end of the turn (frames, the journal) is counted, too.
 */
export class Stopwatch {
  keys = 0;
  sum = 0;
  most = 0;

  begin() {
    this.began = performance.now();
  }

  end() {
    const { began } = this;
    // Behind the SDK's own microtasks, which were queued before.
    queueMicrotask(() => queueMicrotask(() => this.add(performance.now() - began)));
  }

  add(ms) {
    this.keys++;
    this.sum += ms;
    this.most = Math.max(this.most, ms);
  }
}
