import type { Persistence } from "../api.ts";

const REASONS: { [name: string]: Persistence["reason"] } = {
  QuotaExceededError: "full",
  ENOSPC: "full",
  EDQUOT: "full",
  SecurityError: "denied",
  NotAllowedError: "denied",
  EACCES: "denied",
  EPERM: "denied",
  EROFS: "denied",
  ELOCKED: "taken",
};

/** What a storage threw, as a word. */
export function reasonOf(error: unknown): NonNullable<Persistence["reason"]> {
  const { name, code } = (error ?? {}) as { name?: string; code?: string };
  return REASONS[code ?? ""] ?? REASONS[name ?? ""] ?? "failed";
}
