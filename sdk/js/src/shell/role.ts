/** What a document is in this tab: the leader of the browser's tabs (or alone), or a follower. */
import type { Persistence } from "../api.ts";
import type { DocCore } from "../core/doc.ts";
import { Kind } from "../core/kinds.ts";
import type { PeerNews, PresenceCore } from "../core/presence.ts";
import type { ChangeSource, Replica, ReplicaHost } from "../core/replica.ts";
import { randomBytes } from "../core/session.ts";
import type { Op } from "../ot/index.ts";

export interface Role {
  readonly replica: Replica;
  readonly core: DocCore;
  readonly presence: PresenceCore;
  readonly persistence: Persistence;
  readonly revision: number;
  start(): void;
  /** Something is to be sent. */
  flush(): void;
  /** The page goes away, perhaps: what is not stored or said yet has to be, at once. */
  leave(gone: boolean): void;
  close(): Promise<void>;
}

/** What a role tells the Doc. */
export interface RoleHost {
  changed(op: Op, source: ChangeSource): void;
  status(): void;
  presence(news?: PeerNews): void;
}

/** What both roles do with the news of their replica. */
export function replicaHost(
  host: RoleHost, presence: () => PresenceCore,
): Pick<ReplicaHost, "changed" | "committed" | "random"> {
  return {
    changed(op, source, author) {
      if (source === "reset") presence().reset();
      else presence().textChanged(op, author);
      host.changed(op, source);
    },
    committed(record, op, rev) {
      presence().committed(record.kind === Kind.EDIT ? op : null, record.author, rev);
    },
    random: randomBytes,
  };
}
