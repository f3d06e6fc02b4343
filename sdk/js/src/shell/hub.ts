/** The leader's end of the channel to the tabs that follow. */
import type { PresenceState } from "../api.ts";
import { decode } from "../ot/index.ts";
import { authorOf, randomBytes } from "../core/session.ts";
import { hex, sameBytes, utf8 } from "../core/bytes.ts";
import { type PeerNews, presenceBytes } from "../core/presence.ts";
import { TabServer } from "../core/tabserver.ts";
import { Kind, Scope } from "../core/kinds.ts";
import type { Leader } from "./leader.ts";
import { readLate, wordsKey, wordsKeys, writeLate } from "../store/late.ts";
import { Lock } from "./lock.ts";
import { type Follower, type LeaderStatus, tabLock, type TabMessage } from "./follower.ts";
import type { DownFrame, UpFrame } from "../wire/frames.ts";
import type { Open } from "../wire/gen/client.ts";
import { Words } from "../wire/gen/store.ts";

const BAD_OP = 50;

export class Hub {
  /** Of this life of the document: another one makes every tab open again. */
  private name = hex(randomBytes(8));
  private announced: number;
  private announcedStatus = "";
  private opens: { tab: string; open: Open }[] = [];
  private authors = new Map<string, Uint8Array>();
  private readonly watches = new Set<Lock>();
  private readonly server: TabServer;
  private readonly leader: Leader;
  private readonly channel: BroadcastChannel;
  private readonly status: () => LeaderStatus;

  constructor(leader: Leader, channel: BroadcastChannel, status: () => LeaderStatus) {
    this.leader = leader;
    this.channel = channel;
    this.status = status;
    this.server = new TabServer(leader.replica);
    this.announced = leader.shown;
    leader.onShown = () => {
      this.show();
      this.statusChanged();
    };
    channel.onmessage = ({ data }: MessageEvent<TabMessage>) => this.take(data);
  }

  /** Tells all tabs that this one leads, and how it stands. */
  announce(): void {
    const status = this.status();
    this.announcedStatus = JSON.stringify(status);
    this.post({ way: "down", to: null, leader: this.name, status });
  }

  /** Tells it only if it is news: this is asked with every key. */
  statusChanged(): void {
    if (JSON.stringify(this.status()) !== this.announcedStatus) this.announce();
  }

  /** The text was replaced, and with it the history. */
  reset(): void {
    this.name = hex(randomBytes(8));
    this.announced = this.leader.replica.local.rev;
    this.opens = [];
    this.announce();
  }

  /** Passed on to all tabs but the one that said it. */
  presence({ author, state }: PeerNews): void {
    for (const [tab, by] of this.authors)
      if (!sameBytes(by, author)) this.send(tab, this.presenceFrame(author, state));
  }

  private presenceFrame(author: Uint8Array, state: PresenceState | null): DownFrame {
    const { id, local } = this.leader.replica;
    const data = state ? presenceBytes(state) : new Uint8Array(0);
    return {
      $case: "presence",
      value: { doc: utf8(id), author, rev: local.rev, data, gone: state === null },
    };
  }

  close(): void {
    this.channel.onmessage = null;
    this.leader.onShown = () => {};
    this.watches.forEach((lock) => lock.release());
  }

  /** What this tab held as a follower goes into the state that it now leads with. */
  adopt(follower: Follower): void {
    this.server.adopt(follower.core);
    for (const draft of follower.replica.drafts) this.leader.replica.keepDraft(draft);
  }

  // --- what tabs say ---

  private take(message: TabMessage): void {
    if (message.way !== "up") return;
    const tab = message.from;
    if ("hello" in message) this.announce();
    else if ("frame" in message)
      message.leader === this.name && this.frame(tab, message.frame, message.session);
    else if ("words" in message) this.words(wordsKey(this.leader.replica.id, tab), message.words);
    else if ("draft" in message)
      this.leader.replica.keepDraft({ ...message.draft, op: decode(message.draft.op) });
    else this.leader.replica.discardDraft(message.discard);
  }

  /** What tabs had typed when they went, and no leader took any more. */
  readWords(): void {
    for (const key of wordsKeys(this.leader.replica.id)) {
      const bytes = readLate(key);
      if (bytes) this.words(key, bytes);
    }
  }

  private words(key: string, bytes: Uint8Array): void {
    this.server.words(Words.decode(bytes));
    this.leader.flush();
    void this.leader.idle().then(() => writeLate(key, null));
  }

  private frame(tab: string, frame: UpFrame, session: Uint8Array): void {
    const { replica } = this.leader;
    const author = authorOf(replica.id, session);
    switch (frame.$case) {
      case "open":
        if (!this.authors.has(tab)) void this.watch(tab);
        this.authors.set(tab, author);
        this.opens.push({ tab, open: frame.value });
        return this.show();
      case "submit": {
        const outcome = this.server.submit(frame.value, session);
        const { doc, seq } = frame.value;
        if (outcome === "lost") this.send(tab, { $case: "closed", value: { doc } });
        if (outcome === "refused") this.send(tab, refusal(doc, seq));
        return this.leader.flush();
      }
      case "close":
        return this.send(tab, { $case: "closed", value: frame.value });
      case "presence": {
        const { rev, data } = frame.value;
        const since = replica.local.since(rev);
        if (!since) return;
        const ops = since.flatMap(({ kind, body, author: by }) =>
          kind === Kind.EDIT && typeof body !== "string" ? [{ op: body, author: by }] : []);
        this.leader.presence.fromTab(author, data, ops, Date.now());
        return this.leader.flush();
      }
    }
  }

  /** Its lock comes free when the tab ends. */
  private async watch(tab: string): Promise<void> {
    const lock = new Lock(tabLock(tab));
    this.watches.add(lock);
    if (await lock.take()) {
      const author = this.authors.get(tab)!;
      this.authors.delete(tab);
      this.leader.presence.gone(author);
    }
    lock.release();
    this.watches.delete(lock);
  }

  // --- what they are shown ---

  private show(): void {
    const { shown } = this.leader;
    const entry = this.server.entry(this.announced, shown);
    if (entry) this.send(null, entry);
    this.announced = Math.max(this.announced, shown);
    this.opens = this.opens.filter(({ tab, open }) => {
      if (!this.server.canOpen(open, shown)) return true;
      this.send(tab, this.server.open(open, shown));
      for (const { author, state } of this.leader.presence.all())
        this.send(tab, this.presenceFrame(author, state));
      return false;
    });
  }

  private send(tab: string | null, frame: DownFrame): void {
    this.post({ way: "down", to: tab, leader: this.name, frame });
  }

  private post(message: TabMessage): void {
    this.channel.postMessage(message);
  }
}

function refusal(doc: Uint8Array, seq: number): DownFrame {
  return {
    $case: "error",
    value: {
      code: BAD_OP, name: utf8("bad-op"), scope: Scope.OP, permanent: true, retryAfterMs: 0, doc, seq,
      message: utf8("the edit does not fit the text of the leading tab"), detail: 0,
    },
  };
}
