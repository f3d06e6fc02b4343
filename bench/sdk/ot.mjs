/** What the algebra costs in this Node. Lengths are UTF-16 units. */
import { imported } from "./imported.mjs";

const ot = await imported("sdk/js/src/ot/index.ts");
const { attrsFromObject, compose, decode, Document, encode, fitToDocument, OpBuilder } = ot;
const { toDelta, transform } = ot;

const OPS = 1000;
const DOCUMENT_UNITS = 1_000_000;
let sink = 0; // keeps results alive, so that the engine cannot leave the work out

/** Median of 5 runs of `count` calls, after one to warm up; nanoseconds of CPU time per call. */
function nanoseconds(count, call) {
  const runs = [];
  for (let run = 0; run < 6; run++) {
    const start = process.cpuUsage();
    for (let i = 0; i < count; i++) sink += call(i);
    const { user, system } = process.cpuUsage(start);
    runs.push(((user + system) * 1000) / count);
  }
  return Math.round(runs.slice(1).sort((a, b) => a - b)[2]);
}

// People typing all over a document: four keys in five are letters, the fifth takes one back.
const typing = Array.from({ length: OPS }, (_, i) => {
  const at = new OpBuilder().retain(1 + ((i * 7919) % (DOCUMENT_UNITS / 2)));
  return (i % 5 === 4 ? at.delete(1) : at.insert("x")).finish();
});
const op = (i) => typing[i % OPS];
const other = (i) => typing[(i * 7 + 3) % OPS];
const encoded = typing.map(encode);

const words = "The quick brown fox jumps over the lazy dog. ";
const plain = Document.of(
  new OpBuilder().insert(words.repeat(DOCUMENT_UNITS / words.length + 1)).finish(),
);
/** A format on every second stretch of 5 units. */
function formatted() {
  const bold = new OpBuilder();
  const attrs = attrsFromObject({ bold: true }, true);
  for (let at = 0; at + 10 <= plain.length; at += 10) bold.retain(5).retain(5, attrs);
  return plain.apply(bold.finish());
}

/** One key: what the editor reports becomes an op, is applied, and takes its binary form. */
function typist(start) {
  let doc = start;
  let at = start.length / 2;
  return () => {
    at = Math.floor(at);
    const fitted = fitToDocument(doc, [{ retain: at++ }, { insert: "y" }], "text");
    doc = doc.apply(fitted.op);
    return encode(fitted.op).length;
  };
}

function scattered(start) {
  let doc = start;
  return (i) => {
    doc = doc.apply(op(i));
    return doc.length;
  };
}

/** All figures; nanoseconds of a call unless the name says otherwise. */
export function algebra() {
  const rich = formatted();
  const stored = encode(rich.content());
  const figures = {
    transform_ns: nanoseconds(300_000, (i) => transform(op(i), other(i), (i & 1) === 0).unitsIn),
    compose_ns: nanoseconds(300_000, (i) => compose(op(i), other(i)).unitsIn),
    encode_ns: nanoseconds(300_000, (i) => encode(op(i)).length),
    decode_ns: nanoseconds(300_000, (i) => decode(encoded[i % OPS]).unitsIn),
    document: { units: rich.length, runs: rich.content().comps.length, bytes: stored.length },
    key_plain_ns: nanoseconds(30_000, typist(plain)),
    key_rich_ns: nanoseconds(30_000, typist(rich)),
    apply_scattered_ns: nanoseconds(30_000, scattered(rich)),
    invert_ns: nanoseconds(30_000, (i) => rich.invert(op(i)).unitsIn),
    load_ms: nanoseconds(3, () => Document.of(decode(stored)).length) / 1e6,
    delta_ms: nanoseconds(3, () => toDelta(rich.content()).length) / 1e6,
    text_ms: nanoseconds(3, () => rich.text().length) / 1e6,
  };
  if (!sink) throw new Error("nothing was measured");
  return { ...figures, transforms_per_s: Math.round(1e9 / figures.transform_ns) };
}
