/** A large paste keeps page and browser busy for a moment, and nothing moves: so that is said first. */
import type Quill from "quill";
import type { Range } from "quill";
import { toast } from "./dom.ts";

const LARGE_UNITS = 100_000;

type Pasted = { text?: string; html?: string };

export function announceLargePastes(quill: Quill): void {
  const { clipboard } = quill;
  const paste = clipboard.onPaste.bind(clipboard);
  clipboard.onPaste = (range: Range, pasted: Pasted) => {
    const units = Math.max(pasted.html?.length ?? 0, pasted.text?.length ?? 0);
    if (units < LARGE_UNITS) return paste(range, pasted);
    toast(`Pasting ${Math.ceil(units / 1024).toLocaleString()} KB…`, 60_000);
    // Behind the frame that shows it. Others may have written before the place meanwhile.
    requestAnimationFrame(() => setTimeout(() => {
      const now = quill.isEnabled() ? quill.getSelection(true) : null;
      if (now) paste(now, pasted);
      toast(now ? "Pasted." : "It could not be pasted.", 2000);
    }));
  };
}
