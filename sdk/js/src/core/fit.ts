/** What an editor reports becomes an op that the document may take. */
import { compSize, EMBED, type Op, type Document } from "../ot/index.ts";
import { refusal } from "./errors.ts";

export function fit(text: Document, op: Op, rich: boolean, bytesMax: number): { op: Op; mend: Op | null } {
  text.check(op, rich);
  for (const comp of op.comps)
    if (comp.kind === EMBED && compSize(comp) >= bytesMax)
      throw refusal("embed-too-large", `an embed is at most ${bytesMax} bytes`, bytesMax);
  return { op, mend: null };
}
