import { describe, expect, test } from "vitest";

import { utf8 } from "../src/core/bytes.ts";
import { OpBuilder } from "../src/ot/index.ts";
import { rng, SEED, SWEEP } from "./rng.ts";
import { World, WorldClient } from "./world.ts";

const insert = (at: number, text: string) => new OpBuilder().retain(at).insert(text).finish();

function two(world: World): [WorldClient, WorldClient] {
  const clients = [new WorldClient(world).open(), new WorldClient(world).open()] as const;
  world.settle();
  return [...clients];
}

/** A second passes, in steps. */
function pass(world: World): void {
  for (let i = 0; i < 10; i++) {
    world.now += 150;
    for (const client of world.clients) client.presence.tick(world.now);
    world.settle();
  }
}

describe("presence", () => {
  test("both learn of each other, whoever came first", () => {
    const world = new World(1), [a, b] = two(world);
    a.presence.set({ name: "A" }, world.now);
    pass(world);
    b.presence.set({ name: "B" }, world.now);
    pass(world);
    const late = new WorldClient(world).open();
    world.settle();
    late.presence.set({ name: "L" }, world.now);
    pass(world);
    const names = (client: WorldClient) => client.presence.peers().map(({ name }) => name).sort();
    expect([names(a), names(b), names(late)]).toEqual([["B", "L"], ["A", "L"], ["A", "B"]]);
  });

  test("a peer's own inserts push its cursor, others' at the same place do not", () => {
    const world = new World(1), [a, b] = two(world);
    a.replica.edit(insert(0, "0123456789"));
    world.settle();
    a.presence.set({ cursor: { anchor: 5, head: 5 } }, world.now);
    pass(world);
    const cursor = () => b.presence.peers()[0]!.cursor!.head;
    expect(cursor()).toBe(5);
    b.replica.edit(insert(5, "bb"));
    expect(cursor()).toBe(5);
    world.settle();
    a.replica.edit(insert(5, "aa"));
    world.settle();
    expect(b.replica.text!.text()).toBe("01234aabb56789\n");
    expect(cursor()).toBe(7);
    b.replica.edit(new OpBuilder().retain(2).delete(4).finish());
    expect(cursor()).toBe(3);
  });

  test("a cursor in unsent text comes out behind it once that is there", () => {
    const world = new World(1), [a, b] = two(world);
    a.replica.edit(insert(0, "typed"));
    a.presence.set({ cursor: { anchor: 5, head: 5 } }, world.now);
    a.pull(); // nothing is stored: the op stays, presence goes
    expect(a.up).toMatchObject([{ $case: "presence", value: { rev: 1 } }]);
    a.deliverUp();
    b.replica.edit(insert(0, "b"));
    b.deliverDown();
    expect(b.presence.peers()[0]!.cursor!.head).toBe(0);
    world.settle();
    const { text } = b.replica;
    expect(text!.text().slice(0, b.presence.peers()[0]!.cursor!.head)).toContain("typed");
  });

  test("presence from ahead waits for the revisions it was taken at", () => {
    const world = new World(1), [a, b] = two(world);
    a.replica.edit(insert(0, "abc"));
    a.send();
    a.deliverUp();
    world.commit();
    a.deliverDown();
    a.presence.set({ cursor: { anchor: 3, head: 3 } }, world.now);
    a.pull();
    a.deliverUp();
    b.down.reverse(); // as if by another way
    b.deliverDown();
    expect(b.presence.peers()).toEqual([]);
    b.deliverDown();
    expect(b.presence.peers()[0]!.cursor).toEqual({ anchor: 3, head: 3 });
  });

  test("presence from behind moves with the revisions since it was taken", () => {
    const world = new World(1), [a, b] = two(world);
    a.replica.edit(insert(0, "abc"));
    world.settle();
    const { rev } = b.replica.position!;
    b.replica.edit(insert(0, "12"));
    world.settle();
    b.replica.edit(insert(5, "34")); // at the cursor of another: does not push it
    world.settle();
    expect(b.replica.text!.text()).toBe("12abc34\n");
    const data = utf8('{"cursor":{"anchor":1,"head":3}}');
    b.core.frame({
      $case: "presence",
      value: { doc: utf8("d"), author: a.replica.author, rev, data, gone: false },
    }, world.now);
    expect(b.presence.peers()[0]!.cursor).toEqual({ anchor: 3, head: 5 });
  });

  test("not more often than allowed; the last word counts", () => {
    const world = new World(1), [a] = two(world);
    for (let i = 0; i < 50; i++) {
      a.presence.set({ data: i }, world.now + i * 10);
      const frame = a.core.pull(world.now + i * 10);
      if (frame) a.up.push(frame);
    }
    expect(a.up.length).toBeGreaterThan(3);
    expect(a.up.length).toBeLessThan(7);
    world.now += 1000;
    a.pull();
    const last = a.up.at(-1)!;
    expect(last.$case === "presence" && new TextDecoder().decode(last.value.data)).toBe('{"data":49}');
  });

  test("who is silent, says so, or was seen on a connection that ended, is gone", () => {
    const world = new World(1), [a, b] = two(world);
    const shown = () => b.presence.peers().length;
    const again = () => {
      a.presence.set({ name: "A" }, world.now);
      pass(world);
      expect(shown()).toBe(1);
    };
    again();
    b.core.frame({
      $case: "presence",
      value: { doc: utf8("d"), author: a.replica.author, rev: 1, data: new Uint8Array(0), gone: true },
    }, world.now);
    expect(shown()).toBe(0);
    again();
    b.presence.tick(world.now + 38_000);
    expect(shown()).toBe(1);
    b.presence.tick(world.now + 41_000);
    expect(shown()).toBe(0);
    again();
    b.disconnect();
    expect(shown()).toBe(0);
  });

  test("what a stranger sends is anything", () => {
    const world = new World(1), [a, b] = two(world);
    const say = (data: string) => {
      b.core.frame({
        $case: "presence",
        value: { doc: utf8("d"), author: a.replica.author, rev: 1, data: utf8(data), gone: false },
      }, world.now);
      return b.presence.peers()[0];
    };
    for (const data of ["", "{", "7", "null", "[]"]) say(data);
    expect(say('{"name":7,"color":{},"cursor":{"anchor":-1,"head":"x"}}')).toMatchObject({ cursor: null });
    expect(say('{"cursor":7}')).toMatchObject({ cursor: { anchor: 1, head: 1 } }); // the text is that long
    expect(say('{"cursor":{"anchor":1e300,"head":0}}')).toMatchObject({ cursor: null });
  });

  test(`cursors never leave the text, whatever happens (WEFT_SEED=${SEED})`, () => {
    for (let i = 0; i < 100 * SWEEP; i++) {
      const world = new World(SEED + i), random = rng(SEED + i);
      const clients = two(world);
      for (let step = 0; step < 150; step++) {
        const client = clients[Math.floor(random() * 2)]!;
        const { text } = client.replica;
        if (text && random() < 0.4) client.type("xy", true);
        if (text && random() < 0.3) {
          const place = () => Math.floor(random() * (text.length + 1));
          client.presence.set({ cursor: { anchor: place(), head: place() } }, world.now);
        }
        world.now += 60;
        if (random() < 0.5) client.store();
        if (random() < 0.3) world.commit();
        client.pull();
        if (random() < 0.7) client.deliverUp();
        if (random() < 0.7) client.deliverDown();
        for (const peer of client.presence.peers())
          for (const place of [peer.cursor?.anchor ?? 0, peer.cursor?.head ?? 0])
            expect(place >= 0 && place <= client.replica.text!.length, `seed ${SEED + i}`).toBe(true);
      }
    }
  });
});
