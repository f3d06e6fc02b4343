/** Everything the algebra refuses, under the names of the C library and of the protocol. */

const SENTENCES = {
  "bad-form": "the bytes are not an op in binary form",
  "not-normal": "the op is not in normal form",
  "bad-utf8": "text is not UTF-8, or holds half of a surrogate pair",
  "bad-attributes":
    "attributes are not sorted, occur twice, are not canonical JSON, or are null on an insert",
  "bad-embed": "an embed's value is not a canonical JSON object",
  "too-large": "more bytes, components or units than allowed",
  "too-long": "the op covers more than the document has",
  "cuts-pair": "the op would split a surrogate pair",
  "breaks-newline": "the op deletes the final newline or inserts behind it",
  "not-document": "a document consists of inserts and embeds only",
  "bad-json": "this is no Delta",
} as const;

export type OtCode = keyof typeof SENTENCES;

export class OtError extends Error {
  override readonly name = "OtError";

  constructor(
    readonly code: OtCode,
    detail?: string,
  ) {
    super(detail === undefined ? SENTENCES[code] : `${SENTENCES[code]}: ${detail}`);
  }
}

/** Says the limit, too: "an op has at most 5 components". */
export function tooLarge(what: string, most: number, unit: string): OtError {
  return new OtError("too-large", `${what} at most ${most} ${unit}`);
}
