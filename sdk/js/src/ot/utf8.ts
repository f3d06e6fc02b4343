/** UTF-8 of well-formed strings. Most texts are short: a loop beats a call to the platform. */

const SHORT = 64;
// A byte order mark is a character like others here.
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Bytes that the text takes. */
export function utf8Size(text: string): number {
  let size = text.length;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    // Three bytes for a unit above U+07FF, but a pair has four.
    if (unit >= 0x80) size += unit < 0x800 || (unit & 0xf800) === 0xd800 ? 1 : 2;
  }
  return size;
}

/** Writes the text at `at`, where there is room; returns the place behind it. */
export function utf8Write(text: string, out: Uint8Array, at: number): number {
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x80) {
      out[at++] = unit;
    } else if (unit < 0x800) {
      out[at++] = 0xc0 | (unit >> 6);
      out[at++] = 0x80 | (unit & 0x3f);
    } else if ((unit & 0xf800) !== 0xd800) {
      out[at++] = 0xe0 | (unit >> 12);
      out[at++] = 0x80 | ((unit >> 6) & 0x3f);
      out[at++] = 0x80 | (unit & 0x3f);
    } else {
      const char = text.codePointAt(i++) as number;
      out[at++] = 0xf0 | (char >> 18);
      out[at++] = 0x80 | ((char >> 12) & 0x3f);
      out[at++] = 0x80 | ((char >> 6) & 0x3f);
      out[at++] = 0x80 | (char & 0x3f);
    }
  }
  return at;
}

/** The text of bytes from..to, or null if they are not UTF-8. */
export function utf8Read(bytes: Uint8Array, from: number, to: number): string | null {
  let text = "";
  let at = from;
  while (at < to && to - from <= SHORT && (bytes[at] as number) < 0x80) {
    text += String.fromCharCode(bytes[at++] as number);
  }
  if (at === to) return text;
  try {
    return decoder.decode(bytes.subarray(from, to));
  } catch {
    return null;
  }
}
