/** Numbers as people read them: digits and a unit, which are shown in two sizes. */

export type Shown = readonly [digits: string, unit: string];
export type Level = "" | "warn" | "bad";

export function amount(value: number | null): Shown {
  if (value === null) return ["–", ""];
  if (value >= 9_999_500) return [(value / 1e6).toFixed(1), "M"];
  if (value >= 99_950) return [(value / 1e3).toFixed(0), "k"];
  if (value >= 9_999.5) return [(value / 1e3).toFixed(1), "k"];
  return [value >= 10 || Number.isInteger(value) ? value.toFixed(0) : value.toFixed(1), ""];
}

export function time(seconds: number | null): Shown {
  if (seconds === null) return ["–", ""];
  const ms = seconds * 1000;
  if (ms === 0) return ["0", "s"];
  if (ms < 1) return [(ms * 1000).toFixed(0), "µs"];
  if (ms < 10) return [ms.toFixed(1), "ms"];
  if (ms < 1000) return [ms.toFixed(0), "ms"];
  if (seconds < 120) return [seconds.toFixed(seconds < 10 ? 1 : 0), "s"];
  return [(seconds / 60).toFixed(0), "min"];
}

export const word = ([digits, unit]: Shown): string => (unit ? `${digits} ${unit}` : digits);

export const levelOf = (value: number, warn: number, bad: number): Level =>
  value >= bad ? "bad" : value >= warn ? "warn" : "";
