import { describe, expect, test } from "vitest";

import { decode, encode, fromDelta, OpBuilder, toDelta } from "../src/ot/index.ts";
import { rng, SEED, SWEEP } from "./rng.ts";
import { World, WorldClient } from "./world.ts";

function live(world: World): WorldClient {
  const client = new WorldClient(world).open();
  world.settle();
  expect(client.core.phase).toBe("live");
  return client;
}

const insert = (at: number, text: string) => new OpBuilder().retain(at).insert(text).finish();

function converged(world: World): void {
  for (const client of world.clients) {
    expect(client.replica.text!.text()).toBe(world.text.text());
    expect(encode(client.replica.text!.content())).toEqual(encode(world.text.content()));
    expect(encode(client.editor)).toEqual(encode(world.text.content()));
    expect(client.replica.unsaved).toBe(false);
  }
}

describe("rules", () => {
  test("what is typed in flight is one op, sent after the ack", () => {
    const world = new World(1), c = live(world);
    for (const [at, text] of [[0, "a"], [1, "b"], [2, "c"]] as const) {
      c.replica.edit(insert(at, text));
      c.send();
    }
    expect(c.up).toHaveLength(1);
    c.deliverUp();
    world.commit();
    c.deliverDown();
    c.send();
    expect(c.up).toMatchObject([{ $case: "submit", value: { seq: 2, body: encode(insert(1, "bc")) } }]);
    world.settle();
    expect(world.text.text()).toBe("abc\n");
  });

  test("a Submit does not leave before its launch is stored", () => {
    const world = new World(1), c = live(world);
    c.replica.edit(insert(0, "x"));
    c.pull();
    expect(c.up).toEqual([]);
    expect(c.replica.flight).not.toBeNull();
    c.send();
    expect(c.up).toMatchObject([{ $case: "submit", value: { seq: 1 } }]);
  });

  test("an Open does not leave before the session is stored", () => {
    const world = new World(1), c = new WorldClient(world).open();
    c.connect();
    expect(c.up).toEqual([]);
    c.send();
    expect(c.up).toMatchObject([{ $case: "open", value: { attempt: 1 } }]);
  });

  test("a resend is the same bytes with the same base, also after a crash", () => {
    const world = new World(1), c = live(world), other = live(world);
    c.replica.edit(insert(0, "x"));
    c.send();
    const first = c.up[0];
    c.disconnect();
    other.replica.edit(insert(0, "before "));
    other.send();
    other.deliverUp();
    world.commit();
    c.crash();
    c.connect();
    c.deliverUp();
    while (c.deliverDown());
    c.send();
    expect(c.up[0]).toEqual(first);
    expect(c.replica.text!.text()).toBe("before x\n");
    world.settle();
    converged(world);
  });

  test("an edit that takes the last one back leaves nothing to send", () => {
    const world = new World(1), c = live(world);
    c.disconnect();
    c.replica.edit(insert(0, "x"));
    c.replica.edit(new OpBuilder().delete(1).finish());
    expect(c.replica.unsaved).toBe(false);
  });

  test("a passing error: the op goes again as it was, after retry()", () => {
    const world = new World(1), c = live(world);
    c.replica.edit(insert(0, "x"));
    c.send();
    const [first] = c.up.splice(0);
    c.error(34, "retry-later", 1, false, 0, 1);
    c.deliverDown();
    expect(c.up).toEqual([]);
    c.core.retry();
    c.pull();
    expect(c.up).toEqual([first]);
    world.settle();
    converged(world);
  });

  test("a paste over the limit leaves in pieces that end between characters", () => {
    const world = new World(1), c = live(world);
    c.limits = { ...c.limits, opBytesMax: 1001 };
    c.disconnect();
    c.connect();
    world.settle();
    const text = "a💩é".repeat(1000);
    c.replica.edit(new OpBuilder().insert(text).finish());
    const sizes: number[] = [];
    const take = world.take.bind(world);
    world.take = (client, frame) => {
      if (frame.$case === "submit") sizes.push(frame.value.body.length);
      take(client, frame);
    };
    world.settle();
    expect(sizes.length).toBeGreaterThanOrEqual(7);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(1001);
    expect(world.text.text()).toBe(text + "\n");
    converged(world);
  });

  test("titles fly like ops; the last one stays", () => {
    const world = new World(1), a = live(world), b = live(world);
    a.replica.setTitle("A");
    a.replica.edit(insert(0, "x"));
    expect(a.replica.title).toBe("A");
    world.settle();
    expect(b.replica.title).toBe("A");
    b.replica.setTitle("B");
    b.crash(); // it was not stored
    world.settle();
    expect([world.title, a.replica.title, b.replica.title]).toEqual(["A", "A", "A"]);
    b.replica.setTitle("C");
    b.store();
    b.crash();
    expect(b.replica.title).toBe("C");
    world.settle();
    expect([world.title, a.replica.title]).toEqual(["C", "C"]);
    expect(a.replica.unsaved).toBe(false);
  });
});

describe("creation", () => {
  const content = fromDelta([{ insert: "\n" }]);

  test("of two creators one wins; what the other typed is a draft that is not in", () => {
    const world = new World(1, false);
    const a = new WorldClient(world).open({ kind: 1, content, fresh: true });
    const b = new WorldClient(world).open({ kind: 1, content, fresh: true });
    a.replica.edit(insert(0, "from a"));
    b.replica.edit(insert(0, "from b"));
    world.settle();
    expect(world.text.text()).toBe("from a\n");
    expect(a.replica.drafts).toEqual([]);
    expect(b.replica.drafts).toMatchObject([{ maybeIn: false, reason: "exists" }]);
    expect(toDelta(b.replica.drafts[0]!.op)).toEqual([{ insert: "from b\n" }]);
    converged(world);
  });

  test("who creates without a fresh id reads only until the answer, which may be another's text", () => {
    const world = new World(1, false);
    const a = new WorldClient(world).open({ kind: 2, content: fromDelta([{ insert: "mine" }]), fresh: false });
    const b = new WorldClient(world).open({ kind: 2, content: fromDelta([{ insert: "theirs" }]), fresh: false });
    expect(a.replica.text).toBeNull();
    world.settle();
    expect(world.text.text()).toBe("mine");
    expect(b.replica.kind).toBe(2);
    converged(world);
    a.crash();
    expect(a.replica.text!.text()).toBe("mine");
  });

  test("the answer to a create is lost; when it asks again others have typed", () => {
    const world = new World(1, false);
    const a = new WorldClient(world).open({ kind: 1, content, fresh: true });
    a.replica.edit(insert(0, "a"));
    a.store();
    a.connect();
    a.deliverUp();
    a.disconnect();
    const b = live(world);
    b.replica.edit(insert(0, "b"));
    world.settle();
    a.crash();
    world.settle();
    expect(world.text.text()).toBe("ba\n");
    expect(a.replica.drafts).toEqual([]);
    converged(world);
  });

  test("without create a document that does not exist stops the core", () => {
    const world = new World(1, false), c = new WorldClient(world).open();
    world.settle();
    expect(c.core.phase).toBe("stopped");
    expect(c.core.error).toMatchObject({ code: "no-such-document", permanent: true, scope: "doc" });
  });
});

describe("the end of a session", () => {
  function inFlight(c: WorldClient): void {
    c.replica.edit(insert(0, "flies "));
    c.send();
    c.replica.edit(insert(0, "waits "));
  }

  test.each([
    [27, "session-expired", 2, true],
    [28, "session-closed", 2, true],
    [26, "session-replaced", 2, true],
    [58, "seq-old", 1, true],
    [59, "seq-reused", 1, true],
    [55, "document-too-large", 1, false],
    [61, "bad-base", 1, false],
  ])("%i %s: what was in flight is a draft, once", (code, name, scope, maybeIn) => {
    const world = new World(1), c = live(world);
    inFlight(c);
    c.up = [];
    c.error(code, name, scope, true, 0, 1);
    c.store();
    world.settle();
    expect(world.text.text()).toBe("\n");
    expect(c.replica.drafts).toMatchObject([{ maybeIn, reason: name }]);
    expect(toDelta(c.replica.drafts[0]!.op)).toEqual([{ insert: "waits flies " }]);
    converged(world);
    c.replica.edit(insert(0, "goes on"));
    world.settle();
    expect(world.text.text()).toBe("goes on\n");
    c.crash();
    expect(c.replica.drafts).toHaveLength(1);
    c.replica.discardDraft(c.replica.drafts[0]!.id);
    c.store();
    c.crash();
    expect(c.replica.drafts).toEqual([]);
  });

  test.each([[27, "session-expired"], [29, "clock-skew"]])(
    "%i %s with nothing in flight: what waits goes on from the same position", (code, name) => {
      const world = new World(1), c = live(world), other = live(world);
      c.disconnect();
      c.replica.edit(insert(0, "offline "));
      other.replica.edit(insert(0, "meanwhile "));
      other.send();
      other.deliverUp();
      world.commit();
      c.connect();
      c.up = [];
      c.error(code, name, 2, true);
      world.settle();
      expect(c.replica.drafts).toEqual([]);
      expect(world.text.text()).toBe("meanwhile offline \n");
      converged(world);
    },
  );

  test("denied: a draft, and read-only until permissions change", () => {
    const world = new World(1), c = live(world);
    inFlight(c);
    c.up = [];
    c.error(30, "denied", 1, true, 0, 1);
    world.settle();
    expect(c.replica.denied).toBe(true);
    expect(c.replica.drafts).toMatchObject([{ maybeIn: false, reason: "denied" }]);
    converged(world);
  });

  test("a store that lost its tail: unsent text becomes a draft, nothing goes by itself", () => {
    const world = new World(1), c = live(world), other = live(world);
    other.replica.edit(insert(0, "lost "));
    world.settle();
    inFlight(c);
    world.loseTail(1);
    world.settle();
    expect(world.text.text()).toBe("\n");
    expect(c.replica.drafts).toMatchObject([{ maybeIn: true, reason: "resync" }]);
    expect(other.replica.drafts).toEqual([]);
    converged(world);
    for (const client of [c, other]) client.replica.edit(insert(0, "new "));
    world.settle();
    expect(world.text.text()).toBe("new new \n");
    converged(world);
  });

  test("a client back from an older state opens again with one attempt more", () => {
    const world = new World(1), c = live(world);
    for (let i = 0; i < 5; i++) {
      c.disconnect();
      c.connect();
      world.settle();
    }
    const held = c.attached!;
    c.crash();
    world.sessionOf(held).attempt = 7; // by a connection that is not over for the server
    world.settle();
    expect(c.core.phase).toBe("live");
    expect(c.core.error).toBeNull();
    expect(c.attached).toEqual(held);
    expect(c.replica.attempt).toBe(8);
  });
});

describe("what does not follow", () => {
  test("a gap is closed first, then opened again with the position", () => {
    const world = new World(1), c = live(world), other = live(world);
    c.replica.edit(insert(0, "x"));
    c.send();
    c.up = [];
    other.replica.edit(insert(0, "y"));
    other.send();
    other.deliverUp();
    world.commit();
    c.down = []; // lost, which a connection does not do
    other.replica.edit(insert(0, "z"));
    while (other.deliverDown());
    other.send();
    other.deliverUp();
    world.commit();
    while (c.deliverDown());
    expect(c.diverged).toBe(1);
    expect(c.up).toMatchObject([{ $case: "close" }]);
    world.settle();
    expect(c.replica.drafts).toEqual([]);
    converged(world);
  });

  test("an own op that came out differently: reported, a draft, and a new session", () => {
    const world = new World(1), c = live(world);
    c.replica.edit(insert(0, "x"));
    c.send();
    const up = c.up[0]!;
    if (up.$case === "submit") up.value.body = encode(insert(0, "other"));
    const { session } = c.replica;
    c.deliverUp();
    world.commit();
    c.deliverDown();
    expect(c.diverged).toBe(1);
    world.settle();
    expect(c.replica.drafts).toMatchObject([{ maybeIn: true }]);
    expect(c.replica.session).not.toEqual(session);
    converged(world);
  });

  test("two lives of one stored state: the second one's text is not doubled", () => {
    const world = new World(1), c = live(world);
    const old = { checkpoint: c.disk.checkpoint, journal: [...c.disk.journal] };
    c.replica.edit(insert(0, "once "));
    world.settle();
    expect(world.text.text()).toBe("once \n");
    c.disk = old;
    c.crash();
    world.settle();
    expect(world.text.text()).toBe("once \n");
    converged(world);
  });
});

/** A character of its own for every insert. */
let next = 0x4e00;
const unique = (): string => String.fromCodePoint(0x4e00 + ((next++ - 0x4e00) % 20_000));

function schedule(seed: number, destructive: boolean): World {
  const world = new World(seed);
  const random = rng(seed ^ 0x5eed);
  const percent = (p: number) => random() * 100 < p;
  world.snapshots = destructive && percent(30) ? 20 : 0;
  const clients = Array.from({ length: 2 + Math.floor(random() * 4) }, () => new WorldClient(world).open());
  for (const client of clients) client.store();
  world.settle();
  for (let step = 0; step < 250; step++) {
    const client = clients[Math.floor(random() * clients.length)]!;
    if (percent(35)) client.type(destructive ? "xy💩"[Math.floor(random() * 2)]! : unique(), destructive);
    else if (percent(30)) client.store();
    else if (percent(3)) client.disconnect();
    else if (percent(3)) client.crash();
    else if (percent(3) && client.attached && client.online && client.core.phase === "live") {
      const { position, author } = client.replica;
      client.down = []; // the gateway has opened it again, from where it had last sent to
      client.opened(position!.rev, position!.hash, author);
    } else if (percent(40)) client.connect();
    else if (percent(15)) world.commit();
    client.pull();
    if (percent(60)) client.deliverUp();
    if (percent(60)) client.deliverDown();
  }
  world.settle();
  return world;
}

describe("at random", () => {
  test(`delay, loss and crashes: everybody has the same text (WEFT_SEED=${SEED})`, () => {
    let concurrent = 0, repeats = 0;
    for (let i = 0; i < 300 * SWEEP; i++) {
      const world = schedule(SEED + i, true);
      converged(world);
      for (const client of world.clients) expect(client.diverged, `seed ${SEED + i}`).toBe(0);
      concurrent += world.concurrent;
      repeats += world.repeats;
    }
    expect(concurrent).toBeGreaterThan(1000);
    expect(repeats).toBeGreaterThan(50);
  }, 30_000 * SWEEP);

  test(`nothing stored is lost, nothing is doubled (WEFT_SEED=${SEED})`, () => {
    for (let i = 0; i < 300 * SWEEP; i++) {
      const seed = SEED + i;
      const world = schedule(seed, false);
      converged(world);
      const text = world.text.text();
      expect(new Set(text).size, `seed ${seed}: doubled`).toBe(text.length);
      for (const client of world.clients) expect(client.replica.drafts, `seed ${seed}`).toEqual([]);
    }
  }, 30_000 * SWEEP);
});

test("the bytes of a stored state that are not known are not half read", async () => {
  const { restore } = await import("../src/core/stored.ts");
  const world = new World(1), c = live(world);
  c.replica.edit(insert(0, "x"));
  c.store();
  const { checkpoint, journal } = c.disk;
  const other = new WorldClient(world);
  expect(() => restore(other.replica, checkpoint!, [...journal, Uint8Array.of(0xfa, 1, 0)])).toThrow(/journal/);
  expect(() => restore(other.replica, Uint8Array.of(8, 99), [])).toThrow(/version 99/);
  expect(decode(encode(world.text.content())).comps).toHaveLength(1);
});
