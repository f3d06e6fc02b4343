/**
 * Tabs of one browser: a leader that is a client of the server (world.ts), and tabs that follow it over
 * channels that keep order. The leader dies, with what it had not stored; a follower takes over.
 */
import { describe, expect, test } from "vitest";

import { DocCore } from "../src/core/doc.ts";
import { PresenceCore } from "../src/core/presence.ts";
import { Replica } from "../src/core/replica.ts";
import { TAB_LIMITS, TabServer } from "../src/core/tabserver.ts";
import { compose, encode, IDENTITY, type Op, OpBuilder } from "../src/ot/index.ts";
import type { DownFrame, UpFrame } from "../src/wire/frames.ts";
import { rng, SEED, SWEEP } from "./rng.ts";
import { World, WorldClient } from "./world.ts";

class Tab {
  core: DocCore;
  replica: Replica;
  up: UpFrame[] = [];
  down: DownFrame[] = [];
  editor: Op = IDENTITY;
  diverged = 0;

  constructor(world: World) {
    this.replica = new Replica(world.id, {
      changed: (op) => (this.editor = compose(this.editor, op)),
      committed: () => {},
      journal: () => {},
      checkpoint: () => {},
      now: () => world.now,
      random: (size) => world.bytes(size),
    });
    this.replica.setSession(world.bytes(16));
    this.core = new DocCore(this.replica, new PresenceCore(this.replica, world.random, () => {}), {
      mint: () => world.bytes(16),
      changed: () => {},
    });
    this.core.stored(Infinity);
    this.core.open();
  }

  /** `heard`: what it has said before comes to the new leader all the same. */
  newLeader(heard = false): void {
    this.up = this.up.filter((frame) => heard && frame.$case === "submit");
    this.down = [];
    this.core.disconnected();
    this.core.connected(TAB_LIMITS);
    this.pull();
  }

  pull(): void {
    for (let frame = this.core.pull(0); frame; frame = this.core.pull(0)) this.up.push(frame);
  }

  deliverDown(): boolean {
    const frame = this.down.shift();
    if (!frame) return false;
    this.core.frame(frame, 0);
    if (this.core.error?.code === "diverged") this.diverged++;
    this.pull();
    return true;
  }
}

class Browser {
  readonly world: World;
  leader: WorldClient;
  tabs: Tab[] = [];
  server: TabServer;
  shown: number;
  private opens: Tab[] = [];

  constructor(world: World) {
    this.world = world;
    this.leader = new WorldClient(world).open();
    this.server = new TabServer(this.leader.replica);
    this.shown = this.leader.replica.local.rev;
  }

  add(): Tab {
    const tab = new Tab(this.world);
    this.tabs.push(tab);
    tab.newLeader();
    return tab;
  }

  store(): void {
    this.leader.store();
    this.show(this.leader.replica.local.rev);
  }

  private show(rev: number): void {
    const entry = this.server.entry(this.shown, rev);
    if (entry) this.tabs.forEach((tab) => tab.down.push(entry));
    this.shown = rev;
    this.opens = this.opens.filter((tab) => !this.answer(tab));
  }

  private answer(tab: Tab): boolean {
    const open = tab.up[0];
    if (open?.$case !== "open") return true;
    if (!this.server.canOpen(open.value, this.shown)) return false;
    tab.up.shift();
    tab.down.push(this.server.open(open.value, this.shown));
    return true;
  }

  deliverUp(tab: Tab): boolean {
    const frame = tab.up[0];
    if (!frame || this.opens.includes(tab)) return false;
    if (frame.$case === "open") {
      if (!this.answer(tab)) this.opens.push(tab);
      return true;
    }
    tab.up.shift();
    if (frame.$case === "submit") {
      const outcome = this.server.submit(frame.value, tab.replica.session);
      if (outcome === "refused") throw new Error("the leader refused an edit");
      if (outcome === "lost") tab.down.push({ $case: "closed", value: { doc: frame.value.doc } });
    }
    if (frame.$case === "close") tab.down.push({ $case: "closed", value: frame.value });
    return true;
  }

  /** The leader's tab dies; the follower, if one is named, takes its state over. */
  leaderDies(heir: Tab | null): void {
    this.leader.crash();
    const { replica } = this.leader;
    this.server = new TabServer(replica);
    this.opens = [];
    if (heir) {
      while (heir.deliverDown()); // what was said before is heard before
      this.server.adopt(heir.core);
      if (heir.replica.text && replica.text) {
        expect(heir.replica.unsaved).toBe(false);
        expect(heir.replica.text.text()).toBe(replica.text.text());
      }
      this.tabs = this.tabs.filter((tab) => tab !== heir);
    }
    this.shown = heir ? -1 : replica.local.rev;
    if (heir) this.store();
    for (const tab of this.tabs) tab.newLeader(this.world.chance(50));
  }

  settle(): void {
    for (let busy = true, rounds = 0; busy; rounds++) {
      if (rounds > 200) throw new Error("it does not come to rest");
      busy = false;
      this.store();
      for (const tab of this.tabs) {
        tab.pull();
        while (this.deliverUp(tab) || tab.deliverDown()) busy = true;
      }
      this.store();
    }
  }
}

const insert = (at: number, text: string) => new OpBuilder().retain(at).insert(text).finish();

function browser(world: World, tabs: number): Browser {
  const made = new Browser(world);
  world.settle();
  for (let i = 0; i < tabs; i++) made.add();
  made.settle();
  return made;
}

describe("tabs", () => {
  test("see each other's edits without the server, and the server gets all of them", () => {
    const world = new World(1), b = browser(world, 2);
    b.leader.disconnect();
    b.leader.replica.edit(insert(0, "leader "));
    b.tabs[0]!.replica.edit(insert(0, "first "));
    b.tabs[1]!.replica.edit(insert(0, "second "));
    b.settle();
    const text = b.leader.replica.text!.text();
    expect(text).toHaveLength(21);
    for (const tab of b.tabs) expect(tab.replica.text!.text()).toBe(text);
    world.settle();
    b.settle();
    expect(world.text.text()).toBe(text);
  });

  test("an edit is shown to others when it is stored, not before", () => {
    const world = new World(1), b = browser(world, 2);
    b.tabs[0]!.replica.edit(insert(0, "x"));
    b.tabs[0]!.pull();
    b.deliverUp(b.tabs[0]!);
    expect(b.leader.replica.text!.text()).toBe("x\n");
    expect(b.tabs[1]!.down).toEqual([]);
    expect(b.tabs[0]!.replica.unsaved).toBe(true);
    b.store();
    for (const tab of b.tabs) while (tab.deliverDown());
    expect(b.tabs[1]!.replica.text!.text()).toBe("x\n");
    expect(b.tabs[0]!.replica.unsaved).toBe(false);
  });

  test("a title set in one tab is everybody's", () => {
    const world = new World(1), b = browser(world, 2);
    b.tabs[0]!.replica.setTitle("T");
    b.settle();
    world.settle();
    expect([world.title, b.leader.replica.title, b.tabs[1]!.replica.title]).toEqual(["T", "T", "T"]);
  });

  test("a leader dies with an edit that it had not stored: the tab sends it again, once", () => {
    const world = new World(1), b = browser(world, 2);
    const [heir, other] = b.tabs as [Tab, Tab];
    heir.replica.edit(insert(0, "h"));
    other.replica.edit(insert(0, "o"));
    for (const tab of b.tabs) {
      tab.pull();
      b.deliverUp(tab);
    }
    b.leaderDies(heir);
    b.settle();
    world.settle();
    expect([...world.text.text()].sort().join("")).toBe("\nho");
    expect(other.replica.text!.text()).toBe(world.text.text());
  });

  test("a text that is replaced reaches all tabs; what one had unsent is a draft there", () => {
    const world = new World(1), b = browser(world, 1);
    b.leader.replica.edit(insert(0, "lost "));
    world.settle();
    b.settle();
    const tab = b.tabs[0]!;
    tab.replica.edit(insert(0, "unsent "));
    tab.pull();
    world.loseTail(1);
    world.settle();
    b.store();
    tab.newLeader(); // what the hub does when the text is replaced
    b.settle();
    expect(tab.replica.text!.text()).toBe("\n");
    expect(tab.replica.drafts).toMatchObject([{ reason: "resync" }]);
    expect(tab.core.phase).toBe("live");
  });

  test(`at random: everybody has the same text, nothing of a living tab is lost or doubled (WEFT_SEED=${SEED})`, () => {
    let deaths = 0;
    for (let i = 0; i < 200 * SWEEP; i++) {
      const seed = SEED + i;
      const world = new World(seed), random = rng(seed ^ 0x7ab5);
      const percent = (p: number) => random() * 100 < p;
      const other = new WorldClient(world).open();
      const b = browser(world, 3);
      let next = 0x4e00;
      for (let step = 0; step < 250; step++) {
        const tab = b.tabs[Math.floor(random() * b.tabs.length)];
        const typed = String.fromCodePoint(next);
        const at = (length: number) => Math.floor(random() * length);
        if (tab?.replica.text && percent(30)) {
          tab.replica.edit(insert(at(tab.replica.text.length), typed));
          next++;
        } else if (percent(10)) {
          // The leader's own are stored at once: what it does not store dies with it, by right.
          b.leader.replica.edit(insert(at(b.leader.replica.text!.length), typed));
          b.store();
          next++;
        } else if (other.replica.text && percent(15)) {
          other.replica.edit(insert(at(other.replica.text.length), typed));
          next++;
        }
        if (percent(20)) b.store();
        if (percent(20)) world.commit();
        if (percent(3)) b.leader.disconnect();
        if (percent(20)) b.leader.connect();
        other.send();
        other.connect();
        for (const client of [b.leader, other]) {
          client.pull();
          if (percent(60)) client.deliverUp();
          if (percent(60)) client.deliverDown();
        }
        if (tab) {
          tab.pull();
          if (percent(60)) b.deliverUp(tab);
          if (percent(60)) tab.deliverDown();
        }
        if (percent(1)) {
          deaths++;
          b.leaderDies(percent(50) && tab ? tab : null);
        }
        if (b.tabs.length < 2 && percent(10)) b.add();
      }
      for (let rounds = 0; rounds < 3; rounds++) {
        b.settle();
        world.settle();
      }
      b.settle();
      const text = world.text.text();
      const all = [b.leader.replica, other.replica, ...b.tabs.map((tab) => tab.replica)];
      for (const replica of all) {
        expect(replica.text!.text(), `seed ${seed}`).toBe(text);
        expect(replica.drafts, `seed ${seed}`).toEqual([]);
      }
      for (const tab of b.tabs) {
        expect(encode(tab.editor)).toEqual(encode(world.text.content()));
        expect(tab.diverged, `seed ${seed}`).toBe(0);
      }
      expect([...text].sort().join(""), `seed ${seed}`).toBe(
        "\n" + Array.from({ length: next - 0x4e00 }, (_, k) => String.fromCodePoint(0x4e00 + k)).join(""),
      );
    }
    expect(deaths).toBeGreaterThan(100);
  }, 30_000 * SWEEP);
});
