import { BinaryWriter } from "@bufbuild/protobuf/wire";
import { beforeEach, describe, expect, test } from "vitest";

import { utf8 } from "../src/core/bytes.ts";
import { ConnCore, type ConnDoc, type ConnHost } from "../src/core/conn.ts";
import type { DownFrame, UpFrame } from "../src/wire/frames.ts";
import { ClientFrame, ServerFrame } from "../src/wire/gen/client.ts";
import { BinaryReader } from "@bufbuild/protobuf/wire";

class Host implements ConnHost {
  connects: string[] = [];
  frames: UpFrame[] = [];
  closes: number[] = [];
  changes = 0;

  connect(url: string): void {
    this.connects.push(url);
  }
  send(message: Uint8Array): void {
    const reader = new BinaryReader(message);
    while (reader.pos < reader.len) this.frames.push(ClientFrame.decode(reader, reader.uint32()).frame!);
  }
  close(code: number): void {
    this.closes.push(code);
  }
  changed(): void {
    this.changes++;
  }
}

class FakeDoc implements ConnDoc {
  closing = false;
  out: UpFrame[] = [];
  told: string[] = [];
  due = () => Infinity;
  tick = (): void => {};
  connected(): void {
    this.told.push("connected");
  }
  disconnected(): void {
    this.told.push("disconnected");
  }
  frame(frame: DownFrame): void {
    this.told.push(frame.$case);
  }
  retry(): void {
    this.told.push("retry");
  }
  pull(): UpFrame | null {
    return this.out.shift() ?? null;
  }
}

function message(...frames: DownFrame[]): Uint8Array {
  const writer = new BinaryWriter();
  for (const frame of frames) ServerFrame.encode({ frame }, writer.fork()).join();
  return writer.finish();
}

function welcome(serverTime = 1_000_000): DownFrame {
  return {
    $case: "welcome",
    value: {
      version: 1, features: 0, serverTime, heartbeatMs: 30_000, opBytesMax: 262144,
      frameBytesMax: 1 << 20, documentBytesMax: 1 << 25, chunkBytesMax: 65536, presenceBytesMax: 1024,
      presencePerSMax: 20, documentsMax: 1000, framesPerSMax: 50_000, opComponentsMax: 65_536,
      docIdBytesMax: 128, titleBytesMax: 1024,
    },
  };
}

function error(code: number, name: string, scope: number, permanent: boolean, retryAfterMs = 0, doc = ""): DownFrame {
  return {
    $case: "error",
    value: {
      code, name: utf8(name), scope, permanent, retryAfterMs, doc: utf8(doc), seq: 0,
      message: utf8("a sentence"), detail: 0,
    },
  };
}

const URLS = ["ws://a/", "ws://b/", "ws://c/"];
let host: Host, core: ConnCore, chance: number;

beforeEach(() => {
  host = new Host();
  chance = 0.5;
  core = new ConnCore(URLS, host, () => chance);
});

function online(now = 0): void {
  core.goOnline(now);
  core.opened(utf8("secret"), now);
  core.received(message(welcome(now + 5000)), now);
}

describe("a connection", () => {
  test("says Hello with the token, and is open with Welcome", () => {
    online(100);
    expect(host.connects).toEqual(["ws://b/"]);
    expect(host.frames).toEqual([
      { $case: "hello", value: { version: 1, features: 0, token: utf8("secret") } },
    ]);
    expect(core.phase).toBe("open");
    expect(core.clockOffset).toBe(5000);
  });

  test("without a Welcome in time it tries the next address", () => {
    core.goOnline(0);
    core.opened(new Uint8Array(0), 0);
    expect(core.due()).toBe(10_000);
    core.tick(10_000);
    expect(core.phase).toBe("waiting");
    expect(core.retryAt).toBe(10_250);
    core.tick(10_250);
    expect(host.connects).toEqual(["ws://b/", "ws://c/"]);
  });

  test("waits longer each time, below a bound, and no longer after a Welcome", () => {
    const waits: number[] = [];
    chance = 1 - 1e-9;
    core.goOnline(0);
    for (let now = 0, i = 0; i < 9; i++) {
      core.closed(now);
      waits.push(Math.round(core.retryAt! - now));
      now = core.retryAt!;
      core.tick(now);
    }
    expect(waits).toEqual([500, 1000, 2000, 4000, 8000, 16000, 30000, 30000, 30000]);
    core.received(message(welcome()), 0);
    core.closed(0);
    expect(Math.round(core.retryAt!)).toBe(500);
  });

  test("never tries sooner than the server asked", () => {
    online();
    chance = 0;
    core.received(message(error(13, "overloaded", 3, false, 2000)), 10);
    expect(core.phase).toBe("waiting");
    expect(core.retryAt).toBe(2010);
    expect(core.error?.code).toBe("overloaded");
  });

  test("a permanent error about the connection ends it, until somebody asks again", () => {
    online();
    core.received(message(error(8, "unauthenticated", 3, true)), 10);
    expect(core.phase).toBe("failed");
    expect(core.due()).toBe(Infinity);
    expect(core.error).toMatchObject({ code: "unauthenticated", permanent: true, scope: "connection" });
    core.goOnline(20);
    expect(core.phase).toBe("greeting");
    expect(core.error).toBeNull();
  });

  test("a Ping leaves after half a heartbeat of silence; no answer means it is lost", () => {
    online();
    expect(core.due()).toBe(15_000);
    core.tick(15_000);
    expect(host.frames.at(-1)).toEqual({ $case: "ping", value: { nonce: 1 } });
    core.received(message({ $case: "pong", value: { nonce: 1, serverTime: 99_000 } }), 15_020);
    expect(core.clockOffset).toBe(99_000 - 15_020);
    core.tick(30_000);
    core.tick(40_000);
    expect(core.phase).toBe("waiting");
    expect(host.closes).toEqual([4000]);
  });

  test("bytes that are no message end it", () => {
    online();
    core.received(Uint8Array.of(5, 1), 10);
    expect(core.phase).toBe("waiting");
  });

  test("Drain: at a moment of its own it goes to an address that was named", () => {
    online();
    core.received(message({ $case: "drain", value: { deadlineMs: 2000, addresses: [utf8("ws://z/")] } }), 100);
    expect(core.due()).toBe(600);
    core.tick(599);
    expect(host.connects).toHaveLength(1);
    core.tick(600);
    expect(host.connects.at(-1)).toBe("ws://z/");
    expect(core.phase).toBe("greeting");
  });

  test("offline is offline, also for what still comes", () => {
    online();
    core.goOffline();
    core.closed(20);
    core.received(message(welcome()), 30);
    expect(core.phase).toBe("offline");
    expect(core.due()).toBe(Infinity);
  });
});

describe("documents", () => {
  const submit = (bytes: number): UpFrame => ({
    $case: "submit",
    value: {
      doc: utf8("d"), seq: 1, baseRev: 1, baseHash: new Uint8Array(16), kind: 2, body: new Uint8Array(bytes),
    },
  });

  test("hear of the connection and get their frames", () => {
    const a = new FakeDoc(), b = new FakeDoc();
    core.add("a", a);
    online();
    core.add("b", b);
    core.received(message({ $case: "closed", value: { doc: utf8("b") } }), 10);
    core.closed(20);
    expect(a.told).toEqual(["connected", "disconnected"]);
    expect(b.told).toEqual(["connected", "closed", "disconnected"]);
  });

  test("opened again before the end of the last use is heard: nothing of that reaches the new one", () => {
    const last = new FakeDoc(), next = new FakeDoc();
    core.add("d", last);
    online();
    last.closing = true;
    core.remove("d");
    core.add("d", next);
    core.received(message(error(34, "retry-later", 2, false, 500, "d")), 10);
    expect(next.told).toEqual([]);
    core.received(message({ $case: "closed", value: { doc: utf8("d") } }), 11);
    expect(next.told).toEqual(["connected"]);
    core.received(message({ $case: "closed", value: { doc: utf8("d") } }), 12);
    expect(next.told).toEqual(["connected", "closed"]);
    next.closing = true;
    core.remove("d");
    const third = new FakeDoc();
    core.add("d", third);
    core.closed(20);
    online(20_000);
    expect(third.told).toEqual(["disconnected", "connected"]);
  });

  test("many frames leave in few messages, none too large", () => {
    const doc = new FakeDoc();
    core.add("d", doc);
    online();
    const sizes: number[] = [];
    host.send = (bytes) => void sizes.push(bytes.length);
    doc.out = Array.from({ length: 10 }, () => submit(30_000));
    core.flush(10);
    expect(sizes).toHaveLength(5);
    expect(Math.max(...sizes)).toBeLessThan(65_536);
  });

  test("a passing error is tried again after the time it asked for", () => {
    const doc = new FakeDoc();
    core.add("d", doc);
    online();
    core.received(message(error(34, "retry-later", 2, false, 500, "d")), 1000);
    expect(core.due()).toBe(1750);
    core.tick(1749);
    expect(doc.told).not.toContain("retry");
    core.tick(1750);
    expect(doc.told).toEqual(["connected", "error", "retry"]);
  });

  test("a retry that was due on a lost connection does not come on the next", () => {
    const doc = new FakeDoc();
    core.add("d", doc);
    online();
    core.received(message(error(34, "retry-later", 2, false, 500, "d")), 1000);
    core.closed(1100);
    online(1200);
    core.tick(2000);
    expect(doc.told).not.toContain("retry");
  });
});
