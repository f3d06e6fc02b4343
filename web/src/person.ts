/** Who writes here: a name, asked for once, and a colour. Kept by the browser, told to those who are here. */

export interface Person {
  readonly name: string;
  readonly color: string;
}

/** Dark enough for white letters (at least 4.5:1), far enough apart to be told from another. */
export const COLORS = [
  "#2f6f73",
  "#a4502e",
  "#5b5aa6",
  "#8a6116",
  "#9c3f63",
  "#3d7146",
  "#32658f",
  "#7d4a93",
] as const;

const KEY = "weft.person";

export const NAME_SIZE_MAX = 40;

/** Null: nobody has told a name here yet. */
export function storedPerson(): Person | null {
  try {
    const stored: unknown = JSON.parse(localStorage.getItem(KEY) ?? "null");
    if (isPerson(stored)) return stored;
  } catch {
    // Denied or damaged: as if nothing was kept.
  }
  return null;
}

export function storePerson(person: Person): void {
  try {
    localStorage.setItem(KEY, JSON.stringify(person));
  } catch {
    // Then it is asked again next time.
  }
}

export function newPerson(name: string): Person {
  const trimmed = name.trim().slice(0, NAME_SIZE_MAX).trim();
  const color = COLORS[Math.floor(Math.random() * COLORS.length)] ?? COLORS[0];
  return { name: trimmed || "Guest", color };
}

/** "Ada Lovelace" → "AL", "ada" → "A". Whole characters, also where one is a pair. */
export function initials(name: string): string {
  const words = name.trim().split(/\s+/).filter(Boolean);
  const first = words[0] ?? "?";
  const last = words.length > 1 ? (words.at(-1) ?? "") : "";
  return ([...first].slice(0, 1).join("") + [...last].slice(0, 1).join("")).toLocaleUpperCase();
}

function isPerson(value: unknown): value is Person {
  const person = value as Partial<Person> | null;
  return (
    typeof person?.name === "string" &&
    person.name !== "" &&
    (COLORS as readonly unknown[]).includes(person.color)
  );
}
