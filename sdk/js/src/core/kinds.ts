/** Numbers of the wire that have no name in the generated code. */

/** record.Kind */
export const Kind = { NONE: 0, CREATE: 1, EDIT: 2, TITLE: 3, PERMISSION: 4, CLOSE: 5 } as const;

/** Error codes that a client acts on (docs/protocol.md, "Errors"). */
export const Code = {
  NOT_OPEN: 22,
  SESSION_REPLACED: 26,
  SESSION_EXPIRED: 27,
  SESSION_CLOSED: 28,
  CLOCK_SKEW: 29,
  DENIED: 30,
  SEQ_GAP: 57,
  SEQ_OLD: 58,
  SEQ_REUSED: 59,
} as const;

export const Scope = { OP: 1, DOC: 2, CONNECTION: 3 } as const;
