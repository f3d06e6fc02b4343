import { afterEach, describe, expect, test } from "vitest";

import { rng, SEED } from "../rng.ts";
import { away } from "./away.ts";
import { closeAll, URL } from "./help.ts";

afterEach(closeAll);

const KEYS = 10_000;

describe.skipIf(!URL)("with real servers", () => {
  for (const scattered of [false, true])
    test(`10,000 keystrokes offline, a new start between, meet 10,000 revisions ${
      scattered ? "all over the text" : "at both ends"
    } (WEFT_SEED=${SEED})`, async () => {
      const figures = await away({ keys: KEYS, scattered, random: rng(SEED) });
      console.log(JSON.stringify(figures));
      expect(figures).toMatchObject({ missing: 0, doubled: 0, drafts: 0 });
      expect(figures.revisions).toBeGreaterThanOrEqual(KEYS);
    }, 180_000);
});
