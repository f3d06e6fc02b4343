import type { Delta, DeltaLike } from "../api.ts";

export function opsOf(delta: DeltaLike): Delta {
  return [...("ops" in delta ? delta.ops : delta)];
}
