/** The WebSocket and the clock of a connection: it moves bytes, ConnCore decides. */
import type { ConnectOptions, WebSocketClass, WebSocketLike } from "../api.ts";
import { utf8 } from "../core/bytes.ts";
import { ConnCore, type ConnHost } from "../core/conn.ts";
import { WeftError } from "../core/errors.ts";

const SUBPROTOCOL = "weft.v1.proto";

export class Socket implements ConnHost {
  readonly core: ConnCore;
  private socket: WebSocketLike | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private timerAt = Infinity;
  private flushing = false;
  private readonly WebSocket: WebSocketClass;
  private readonly token: ConnectOptions["token"];
  private readonly onChanged: () => void;

  constructor(options: ConnectOptions, onChanged: () => void) {
    const found = options.WebSocket ?? (globalThis as { WebSocket?: WebSocketClass }).WebSocket;
    if (!found)
      throw new WeftError("there is no WebSocket here: give connect() a class, as that of the package ws", {
        code: "no-websocket", permanent: true, scope: "connection",
      });
    this.WebSocket = found;
    this.token = options.token;
    this.onChanged = onChanged;
    this.core = new ConnCore([options.urls].flat(), this, Math.random);
  }

  /** The server's clock. */
  now(): number {
    return Date.now() + this.core.clockOffset;
  }

  /** Something is to be sent: at the end of this turn, with all that comes until then. */
  flush(): void {
    if (this.flushing) return;
    this.flushing = true;
    queueMicrotask(() => {
      this.flushing = false;
      this.core.flush(Date.now());
      this.schedule();
    });
  }

  // --- what the core asks ---

  connect(url: string): void {
    const socket = new this.WebSocket(url, [SUBPROTOCOL]);
    this.socket = socket;
    socket.binaryType = "arraybuffer";
    socket.onopen = () => void this.greet(socket).catch(() => socket.onclose?.({} as never));
    socket.onmessage = ({ data }) => {
      if (this.socket !== socket) return;
      this.core.received(new Uint8Array(data as ArrayBuffer), Date.now());
      this.schedule();
    };
    socket.onclose = socket.onerror = () => {
      if (this.socket !== socket) return;
      this.core.closed(Date.now());
      this.schedule();
    };
    this.schedule();
  }

  private async greet(socket: WebSocketLike): Promise<void> {
    const { token } = this;
    const value = typeof token === "function" ? await token() : (token ?? "");
    if (this.socket !== socket) return;
    this.core.opened(utf8(value), Date.now());
    this.schedule();
  }

  send(message: Uint8Array): void {
    this.socket!.send(message);
  }

  close(code: number, reason: string): void {
    const socket = this.socket;
    this.socket = null;
    if (!socket) return;
    socket.onopen = socket.onmessage = null;
    // Not null: the class of the package ws throws what nobody listens to.
    socket.onclose = socket.onerror = () => {};
    socket.close(code, reason);
  }

  changed(): void {
    this.onChanged();
    this.schedule();
  }

  // --- time ---

  schedule(): void {
    const at = this.core.due();
    if (at === this.timerAt) return;
    clearTimeout(this.timer);
    this.timerAt = at;
    if (at === Infinity) return;
    this.timer = setTimeout(() => {
      this.timerAt = Infinity;
      this.core.tick(Date.now());
      this.schedule();
    }, Math.max(0, Math.min(at - Date.now(), 2 ** 31 - 1)));
  }
}
