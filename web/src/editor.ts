import type { Cursor, WeftErrorInfo } from "@weft/client";

export type Refused = (error: Error & Partial<WeftErrorInfo>) => void;

/** What the document's page needs of an editor, rich or plain. */
export interface Editor {
  /** Buttons that belong to it; null: none. */
  readonly bar: HTMLElement | null;
  focus(): void;
  /** Does it show what the document holds? */
  inStep(): boolean;
  /** Puts text at the end, as if it were typed. */
  append(text: string): void;
  /** Scrolls to where somebody is. */
  show(cursor: Cursor): void;
  close(): void;
}
