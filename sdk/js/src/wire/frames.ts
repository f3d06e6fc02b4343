/** A WebSocket message of `weft.v1.proto`: frames, each behind its length as a varint. */
import { BinaryReader, BinaryWriter } from "@bufbuild/protobuf/wire";

import { ClientFrame, ServerFrame } from "./gen/client.ts";

export type UpFrame = NonNullable<ClientFrame["frame"]>;
export type DownFrame = NonNullable<ServerFrame["frame"]>;

export function encodeUp(frames: readonly UpFrame[]): Uint8Array {
  const writer = new BinaryWriter();
  for (const frame of frames) ClientFrame.encode({ frame }, writer.fork()).join();
  return writer.finish();
}

/** Throws where the bytes are no message. Frames that this SDK does not know are left out. */
export function decodeDown(message: Uint8Array): DownFrame[] {
  const reader = new BinaryReader(message);
  const frames: DownFrame[] = [];
  while (reader.pos < reader.len) {
    const { frame } = ServerFrame.decode(reader, reader.uint32());
    if (frame) frames.push(frame);
  }
  return frames;
}
