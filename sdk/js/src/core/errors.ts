import type { WeftErrorInfo } from "../api.ts";
import { fromUtf8 } from "./bytes.ts";
import type { DownFrame } from "../wire/frames.ts";

/** See WeftErrorInfo in api.ts. */
export class WeftError extends Error implements WeftErrorInfo {
  override readonly name = "WeftError";
  readonly code: string;
  readonly permanent: boolean;
  readonly scope: WeftErrorInfo["scope"];
  declare readonly doc?: string;
  declare readonly detail?: number;
  declare readonly retryAfterMs?: number;

  constructor(message: string, info: WeftErrorInfo) {
    super(message);
    this.code = info.code;
    this.permanent = info.permanent;
    this.scope = info.scope;
    if (info.doc !== undefined) this.doc = info.doc;
    if (info.detail !== undefined) this.detail = info.detail;
    if (info.retryAfterMs !== undefined) this.retryAfterMs = info.retryAfterMs;
  }
}

/** What can be passed between tabs, and made an error again. */
export function infoOf({ code, permanent, scope, doc, detail, retryAfterMs }: WeftError): WeftErrorInfo {
  return {
    code, permanent, scope,
    ...(doc !== undefined && { doc }),
    ...(detail !== undefined && { detail }),
    ...(retryAfterMs !== undefined && { retryAfterMs }),
  };
}

const SCOPES = ["op", "op", "doc", "connection"] as const;

export type ErrorFrame = Extract<DownFrame, { $case: "error" }>["value"];

export function errorOf(frame: ErrorFrame): WeftError {
  return new WeftError(fromUtf8(frame.message), {
    code: fromUtf8(frame.name),
    permanent: frame.permanent,
    scope: SCOPES[frame.scope] ?? "connection",
    detail: frame.detail,
    retryAfterMs: frame.retryAfterMs,
    ...(frame.doc.length > 0 && { doc: fromUtf8(frame.doc) }),
  });
}

/** A refusal of the SDK's own: nothing has happened. */
export function refusal(code: string, message: string, detail?: number): WeftError {
  const info = { code, permanent: true, scope: "op" as const };
  return new WeftError(message, detail === undefined ? info : { ...info, detail });
}
