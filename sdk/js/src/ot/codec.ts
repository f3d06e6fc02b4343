/**
 * The binary form of ops. The offset table is docs/algebra.md, "Binary form": one op has exactly one
 * encoding, so equal ops are equal bytes.
 */
import { type Attrs, internAttrs, sameAttrs } from "./attrs.ts";
import { OtError, tooLarge } from "./error.ts";
import { isCanonicalJson } from "./json.ts";
import { Comp, DELETE, EMBED, IDENTITY, INSERT, type Kind, Op, RETAIN, UNITS_MAX } from "./op.ts";
import { utf8Read, utf8Size, utf8Write } from "./utf8.ts";

const VERSION = 0x01;
const HAS_ATTRS = 4;

export interface OpLimits {
  readonly bytesMax: number;
  readonly compsMax: number;
}
/** What the services make themselves: composed runs and snapshots. */
const STORED_LIMITS: OpLimits = { bytesMax: 128 * 2 ** 20, compsMax: 8 * 2 ** 20 };

// --- writing ---

// Numbers may pass 32 bits (a length of 2^31 shifted by 3), so there are no shifts here.
function varintSize(value: number): number {
  let size = 1;
  for (; value >= 128; value = Math.floor(value / 128)) size++;
  return size;
}

function varintWrite(value: number, out: Uint8Array, at: number): number {
  for (; value >= 128; value = Math.floor(value / 128)) out[at++] = (value % 128) | 128;
  out[at++] = value;
  return at;
}

function attrsSize(attrs: Attrs): number {
  let size = 0;
  for (const list of [attrs.keys, attrs.values]) {
    for (const text of list) {
      const bytes = utf8Size(text);
      size += varintSize(bytes) + bytes;
    }
  }
  return size;
}

function attrsWrite(attrs: Attrs, out: Uint8Array, at: number): number {
  attrs.keys.forEach((key, i) => {
    const value = attrs.values[i] as string;
    at = utf8Write(key, out, varintWrite(utf8Size(key), out, at));
    at = utf8Write(value, out, varintWrite(utf8Size(value), out, at));
  });
  return at;
}

function headerOf(comp: Comp): number {
  const length = comp.kind >= INSERT ? utf8Size(comp.content) : comp.length;
  return length * 8 + (comp.attrs === null ? 0 : HAS_ATTRS) + comp.kind;
}

/** Bytes of the binary form of one component. */
export function compSize(comp: Comp): number {
  let size = varintSize(headerOf(comp)) + utf8Size(comp.content);
  if (comp.attrs !== null) {
    const list = attrsSize(comp.attrs);
    size += varintSize(list) + list;
  }
  return size;
}

/** Bytes of the binary form. */
export function encodedSize(op: Op): number {
  return op.comps.reduce((size, comp) => size + compSize(comp), 1);
}

export function encode(op: Op): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(encodedSize(op));
  let at = 1;
  out[0] = VERSION;
  for (const comp of op.comps) {
    at = varintWrite(headerOf(comp), out, at);
    if (comp.attrs !== null) {
      at = varintWrite(attrsSize(comp.attrs), out, at);
      at = attrsWrite(comp.attrs, out, at);
    }
    at = utf8Write(comp.content, out, at);
  }
  return out;
}

// --- reading ---

/** Takes parts off bytes from the front. */
class Reader {
  constructor(
    readonly bytes: Uint8Array,
    public at: number,
    readonly end: number,
  ) {}

  /** -1: cut short, not minimal, or more than 64 bits. Above 2^53 the last digits are lost. */
  varint(): number {
    let value = 0;
    for (let scale = 1, size = 1; this.at < this.end; scale *= 128, size++) {
      const byte = this.bytes[this.at++] as number;
      if (size === 10 && byte > 1) return -1;
      value += (byte & 127) * scale;
      if (byte < 128) return byte === 0 && size > 1 ? -1 : value;
    }
    return -1;
  }

  /** Passes over `size` bytes; false if there are not so many. */
  skip(size: number): boolean {
    if (size > this.end - this.at) return false;
    this.at += size;
    return true;
  }
}

/** One component as framed. */
interface Frame {
  kind: Kind;
  /** What the header says: units, or bytes of the content. */
  length: number;
  attrsFrom: number;
  attrsTo: number;
  contentFrom: number;
}

function takeFrame(r: Reader): Frame {
  const low = (r.bytes[r.at] as number) & 7;
  const header = r.varint();
  if (header < 8) throw new OtError("bad-form");
  const kind = (low & 3) as Kind;
  const length = (header - low) / 8;
  if (length > UNITS_MAX) throw tooLarge("a component covers", UNITS_MAX, "units");
  let attrsFrom = r.at;
  if (low & HAS_ATTRS) {
    const size = kind === DELETE ? -1 : r.varint();
    attrsFrom = r.at;
    if (size <= 0 || !r.skip(size)) throw new OtError("bad-form");
  }
  const attrsTo = r.at;
  if (kind >= INSERT && !r.skip(length)) throw new OtError("bad-form");
  return { kind, length, attrsFrom, attrsTo, contentFrom: attrsTo };
}

/** Checks the frame of everything before anything is made of it. */
function countFrames(bytes: Uint8Array, compsMax: number): void {
  const r = new Reader(bytes, 1, bytes.length);
  for (let count = 0; r.at < r.end; count++) {
    if (count === compsMax) throw tooLarge("an op has", compsMax, "components");
    takeFrame(r);
  }
}

function takeText(r: Reader): string {
  const size = r.varint();
  const from = r.at;
  const text = size >= 0 && r.skip(size) ? utf8Read(r.bytes, from, r.at) : null;
  if (text === null) throw new OtError("bad-attributes");
  return text;
}

function decodeAttrs(bytes: Uint8Array, from: number, to: number, nulls: boolean): Attrs | null {
  const r = new Reader(bytes, from, to);
  const keys: string[] = [];
  const values: string[] = [];
  while (r.at < r.end) {
    const key = takeText(r);
    const value = takeText(r);
    const last = keys[keys.length - 1];
    if (!isCanonicalJson(value) || (!nulls && value === "null")) throw new OtError("bad-attributes");
    if (last !== undefined && last >= key) throw new OtError("bad-attributes");
    keys.push(key);
    values.push(value);
  }
  return internAttrs(keys, values);
}

function decodeComp(bytes: Uint8Array, f: Frame): Comp {
  const attrs =
    f.attrsTo > f.attrsFrom
      ? decodeAttrs(bytes, f.attrsFrom, f.attrsTo, f.kind === RETAIN)
      : null;
  if (f.kind < INSERT) return new Comp(f.kind, f.length, "", attrs);
  const content = utf8Read(bytes, f.contentFrom, f.contentFrom + f.length);
  if (f.kind === INSERT) {
    if (content === null) throw new OtError("bad-utf8");
    return new Comp(INSERT, content.length, content, attrs);
  }
  if (content === null || content[0] !== "{" || !isCanonicalJson(content)) {
    throw new OtError("bad-embed");
  }
  return new Comp(EMBED, 1, content, attrs);
}

/** Checks everything that can be checked without the document. */
export function decode(bytes: Uint8Array, limits: OpLimits = STORED_LIMITS): Op {
  if (bytes.length > limits.bytesMax) throw tooLarge("an op is", limits.bytesMax, "bytes");
  if (bytes[0] !== VERSION) throw new OtError("bad-form");
  countFrames(bytes, limits.compsMax);
  const comps: Comp[] = [];
  let unitsIn = 0;
  let unitsOut = 0;
  let last: Comp | null = null;
  for (const r = new Reader(bytes, 1, bytes.length); r.at < r.end; ) {
    const comp = decodeComp(bytes, takeFrame(r));
    if (last?.kind === comp.kind && comp.kind !== EMBED && sameAttrs(last.attrs, comp.attrs)) {
      throw new OtError("not-normal");
    }
    if (comp.kind < INSERT) unitsIn += comp.length;
    if (comp.kind !== DELETE) unitsOut += comp.length;
    if (unitsIn > UNITS_MAX || unitsOut > UNITS_MAX) throw tooLarge("an op covers", UNITS_MAX, "units");
    comps.push(comp);
    last = comp;
  }
  if (last === null) return IDENTITY;
  if (last.kind === RETAIN && last.attrs === null) throw new OtError("not-normal");
  return new Op(comps, unitsIn, unitsOut);
}
