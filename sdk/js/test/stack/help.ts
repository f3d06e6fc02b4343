/** For tests against real servers: WEFT_URL names them (scripts/test sdk starts some). */
import { WebSocket } from "ws";

import { type Client, connect, type ConnectOptions, type Doc, type WebSocketClass } from "../../src/index.ts";

export const URL = process.env["WEFT_URL"] ?? "";

const clients: Client[] = [];

export function client(options: Partial<ConnectOptions> = {}): Client {
  const made = connect({
    urls: URL, storage: "memory", WebSocket: WebSocket as unknown as WebSocketClass, ...options,
  });
  clients.push(made);
  return made;
}

export async function closeAll(): Promise<void> {
  await Promise.all(clients.splice(0).map((made) => made.close()));
}

/** Resolves when it holds; it is looked at after every status and change of the documents. */
export function until(holds: () => boolean, ...docs: Doc[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => {
      off.forEach((stop) => stop());
      reject(new Error(`not within 50 s: ${holds}`));
    }, 50_000);
    const look = (): void => {
      if (!holds()) return;
      clearTimeout(late);
      off.forEach((stop) => stop());
      resolve();
    };
    const off = docs.flatMap((doc) => [doc.onStatus(look), doc.onChange(look), doc.presence.onPresence(look)]);
    look();
  });
}

export function together(...docs: Doc[]): Promise<void> {
  return until(
    () => docs.every((doc) => doc.state === "saved" && doc.text() === docs[0]!.text() && doc.revision === docs[0]!.revision),
    ...docs,
  );
}
