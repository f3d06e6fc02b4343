/** Listeners of one event. One that throws spoils neither the others nor us: the error is reported. */
import type { Unsubscribe } from "../api.ts";

export class Emitter<T extends unknown[]> {
  private readonly listeners = new Set<(...args: T) => void>();

  on(listener: (...args: T) => void): Unsubscribe {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  emit(...args: T): void {
    for (const listener of [...this.listeners]) {
      try {
        listener(...args);
      } catch (error) {
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}
