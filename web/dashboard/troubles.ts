/** What is wrong, the worst first: the line at the head of the page. */
import { linksOpen, SERVERS, type Point } from "./history.ts";
import { all, reachable, sum, total, type Kind } from "./metrics.ts";
import { word, type Level } from "./numbers.ts";
import { TILES } from "./tiles.ts";

export interface Trouble {
  level: Exclude<Level, "">;
  words: string;
}

const KINDS: readonly Kind[] = ["gateway", "worker", "archiver"];
const MEANING = { redis: "Redis is away: nothing is saved", postgres: "PostgreSQL is away" };
const ACCOUNT_FULL = 0.8;

function ofProcesses(): Trouble[] {
  const found: Trouble[] = [];
  const away = all().filter((p) => p.away).map((p) => p.name);
  for (const kind of all().length > 1 ? KINDS : [])
    if (!reachable(kind).length) found.push({ level: "bad", words: `no ${kind}` });
  if (away.length) found.push({ level: "bad", words: `${away.join(", ")} ${away.length > 1 ? "do" : "does"} not answer` });
  for (const p of reachable()) {
    const open = linksOpen(p);
    if (open) found.push({ level: "warn", words: `${p.name}: ${open} ${open > 1 ? "links" : "link"} open` });
    for (const { labels, value } of p.page.get("weft_account_bytes") ?? []) {
      const account = labels["account"] ?? "";
      const limit = sum(p.page, "weft_account_limit_bytes", { account });
      if (limit && value > ACCOUNT_FULL * limit)
        found.push({ level: "warn", words: `${p.name}: ${account} ${((100 * value) / limit).toFixed(0)} % full` });
    }
  }
  return found;
}

export function troubles(now: Point): Trouble[] {
  const found = ofProcesses();
  for (const server of SERVERS)
    if (now.breakers.some((b) => b.server === server)) found.push({ level: "bad", words: MEANING[server] });
  const quarantined = total(reachable("worker"), (p) => sum(p.page, "weft_worker_quarantined"));
  if (quarantined) found.push({ level: "bad", words: `${quarantined} documents in quarantine` });
  for (const tile of TILES) {
    const level = tile.level?.(now);
    if (level && tile.title !== "Servers") found.push({ level, words: `${tile.title}: ${word(tile.show(now))}` });
  }
  return found.sort((a, b) => Number(a.level === "warn") - Number(b.level === "warn"));
}
