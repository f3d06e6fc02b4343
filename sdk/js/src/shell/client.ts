/** A client: one connection, the documents that are open, and where they are stored. */
import type {
  Client, ConnectionState, ConnectOptions, Doc, OpenOptions, StoredDoc, Unsubscribe,
} from "../api.ts";
import type { ConnPhase } from "../core/conn.ts";
import { WeftError } from "../core/errors.ts";
import { indexedDbStorage } from "../store/indexeddb.ts";
import { DocImpl, type DocContext } from "./doc.ts";
import { Emitter } from "./emitter.ts";
import { Lock } from "./lock.ts";
import { Socket } from "./socket.ts";

const STATES: { [phase in ConnPhase]: ConnectionState } = {
  offline: "offline",
  waiting: "connecting",
  greeting: "connecting",
  open: "online",
  failed: "failed",
};

class ClientImpl implements Client {
  private readonly docs = new Map<string, DocImpl>();
  private readonly closing = new Map<string, { doc: DocImpl; done: Promise<void> }>();
  private readonly states = new Emitter<[ConnectionState]>();
  private readonly socket: Socket;
  private readonly context: DocContext;
  private readonly unlisten: () => void;
  /** The person wants to be online; the browser may know that there is no network. */
  private wanted = true;
  private shown: ConnectionState = "offline";
  private closed = false;

  constructor(options: ConnectOptions) {
    this.socket = new Socket(options, () => this.changed());
    this.context = { socket: this.socket, ...where(options) };
    this.unlisten = this.listen();
    this.goOnline();
  }

  get state(): ConnectionState {
    return STATES[this.socket.core.phase];
  }

  get error(): WeftError | null {
    return this.socket.core.error;
  }

  get retryAt(): number | null {
    return this.socket.core.retryAt;
  }

  onState(listener: (state: ConnectionState) => void): Unsubscribe {
    return this.states.on(listener);
  }

  open(docId: string, options: OpenOptions = {}): Doc {
    if (this.closed)
      throw new WeftError("the client was closed", { code: "closed", permanent: true, scope: "connection" });
    const open = this.docs.get(docId);
    if (open) return open;
    const doc = new DocImpl(docId, options, this.context, () => this.docClosing(docId));
    this.docs.set(docId, doc);
    // Its last use here may still be storing.
    doc.begin(this.closing.get(docId)?.done);
    return doc;
  }

  private docClosing(docId: string): void {
    const doc = this.docs.get(docId)!;
    this.docs.delete(docId);
    const done = doc.close().finally(() => {
      if (this.closing.get(docId)?.doc === doc) this.closing.delete(docId);
    });
    this.closing.set(docId, { doc, done });
  }

  async stored(): Promise<StoredDoc[]> {
    return (await this.context.storage?.list()) ?? [];
  }

  async forget(docId: string): Promise<void> {
    if (this.docs.has(docId))
      throw new WeftError("close the document first", { code: "open", permanent: true, scope: "doc", doc: docId });
    await this.closing.get(docId)?.done;
    await this.context.storage?.remove(docId);
  }

  goOffline(): void {
    this.wanted = false;
    this.socket.core.goOffline();
  }

  goOnline(): void {
    this.wanted = true;
    this.socket.core.goOnline(Date.now());
  }

  async close(): Promise<void> {
    this.closed = true;
    await Promise.all([...this.docs.values()].map((doc) => doc.close()));
    await Promise.all([...this.closing.values()].map(({ done }) => done));
    this.socket.core.goOffline();
    this.unlisten();
  }

  private changed(): void {
    if (this.state === this.shown) return;
    this.shown = this.state;
    this.states.emit(this.shown);
  }

  private leave(gone: boolean): void {
    for (const doc of this.docs.values()) doc.leave(gone);
    for (const { doc } of this.closing.values()) doc.leave(gone);
  }

  /** What a browser tells: that the network is back, that the person is leaving. */
  private listen(): () => void {
    if (typeof window === "undefined") return () => {};
    const online = (): void => void (this.wanted && this.socket.core.goOnline(Date.now()));
    const leave = (event: BeforeUnloadEvent): void => {
      if ([...this.docs.values()].some((doc) => doc.unsaved)) event.preventDefault();
    };
    // A telephone ends pages that are hidden without another word; others are told when they go.
    const hidden = (): void => {
      if (document.visibilityState === "hidden") this.leave(false);
    };
    const gone = ({ persisted }: PageTransitionEvent): void => this.leave(!persisted);
    window.addEventListener("online", online);
    window.addEventListener("beforeunload", leave);
    window.addEventListener("pagehide", gone);
    document.addEventListener("visibilitychange", hidden);
    return () => {
      window.removeEventListener("online", online);
      window.removeEventListener("beforeunload", leave);
      window.removeEventListener("pagehide", gone);
      document.removeEventListener("visibilitychange", hidden);
    };
  }
}

/** Where documents are stored, or why they are not. */
function where({ storage }: ConnectOptions): Omit<DocContext, "socket"> {
  const none = (reason: DocContext["reason"]) => ({ storage: null, reason, tabs: false });
  const page = typeof window !== "undefined";
  if (storage === "memory") return none("asked");
  // In a page two tabs may have one storage: without locks they would write one state.
  if (page && !Lock.available) return none("no-locks");
  if (storage) return { storage, reason: undefined, tabs: page };
  if (typeof indexedDB === "undefined") return none("unavailable");
  return { storage: indexedDbStorage(), reason: undefined, tabs: true };
}

export function connect(options: ConnectOptions): Client {
  return new ClientImpl(options);
}
