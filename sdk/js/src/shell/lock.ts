/** A Web Lock that is held until it is released, or the page goes. */
export class Lock {
  private readonly name: string;
  private readonly aborter = new AbortController();
  private letGo: () => void = () => {};

  constructor(name: string) {
    this.name = name;
  }

  static get available(): boolean {
    return typeof navigator !== "undefined" && "locks" in navigator && !!navigator.locks;
  }

  /** True if nobody has it. */
  tryTake(): Promise<boolean> {
    return this.request({ ifAvailable: true });
  }

  /** True when it is ours; false: it was released while it waited. */
  take(): Promise<boolean> {
    return this.request({ signal: this.aborter.signal });
  }

  release(): void {
    this.aborter.abort();
    this.letGo();
  }

  private request(options: LockOptions): Promise<boolean> {
    return new Promise((resolve, reject) => {
      const held = new Promise<void>((done) => (this.letGo = done));
      navigator.locks
        .request(this.name, options, (lock) => {
          resolve(lock !== null);
          return lock ? held : undefined;
        })
        .catch((error: unknown) => (this.aborter.signal.aborted ? resolve(false) : reject(error)));
    });
  }
}
