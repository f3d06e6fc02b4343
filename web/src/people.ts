/** Who is here: a row of initials. A click leads to where somebody writes. */
import type { Doc, Peer } from "@weft/client";
import { announce, h } from "./dom.ts";
import { initials, type Person } from "./person.ts";

/** More are a number. */
const SHOWN_MAX = 5;

export class People {
  readonly element = h("ul", { class: "people", "aria-label": "Who is here" });
  private names = new Map<string, string>();
  private readonly stop: () => void;

  constructor(
    private readonly doc: Doc,
    private person: Person,
    private readonly rename: () => void,
    private readonly show: (peer: Peer) => void,
  ) {
    this.stop = doc.presence.onPresence(() => this.update());
    this.update();
  }

  destroy(): void {
    this.stop();
  }

  setPerson(person: Person): void {
    this.person = person;
    this.update();
  }

  /** Cursors move all the time: the row is made anew only when who is here has changed. */
  private key = "";
  private update(): void {
    const peers = this.doc.presence.peers();
    const key = JSON.stringify([this.person, ...peers.map((peer) => [peer.id, peer.name, peer.color])]);
    if (key === this.key) return;
    this.key = key;
    this.tell(peers);
    const shown = peers.slice(0, SHOWN_MAX);
    const items = [this.mine(), ...shown.map((peer) => this.theirs(peer))];
    if (peers.length > shown.length) {
      const others = peers.slice(SHOWN_MAX).map(nameOf).join(", ");
      const more = `+${peers.length - shown.length}`;
      items.push(h("li", {}, h("span", { class: "avatar more", title: others }, more)));
    }
    this.element.replaceChildren(...items);
  }

  private mine(): HTMLElement {
    const { name, color } = this.person;
    const label = `${name} (you). Change your name`;
    const me = h(
      "button",
      { type: "button", class: "avatar", title: label, "aria-label": label, onclick: this.rename },
      initials(name),
    );
    me.style.setProperty("--color", color);
    return h("li", {}, me);
  }

  private theirs(peer: Peer): HTMLElement {
    const name = nameOf(peer);
    const label = peer.tab ? `${name}, in another tab` : name;
    const button = h(
      "button",
      {
        type: "button",
        class: "avatar",
        title: label,
        "aria-label": `${label}. Go to where they write`,
        onclick: () => {
          const now = this.doc.presence.peers().find((one) => one.id === peer.id);
          if (now?.cursor) this.show(now);
        },
      },
      initials(name),
    );
    button.style.setProperty("--color", peer.color ?? "#767676");
    return h("li", {}, button);
  }

  private tell(peers: readonly Peer[]): void {
    const now = new Map(peers.map((peer) => [peer.id, nameOf(peer)]));
    const came = [...now].filter(([id]) => !this.names.has(id)).map(([, name]) => name);
    const left = [...this.names].filter(([id]) => !now.has(id)).map(([, name]) => name);
    this.names = now;
    if (came.length) announce(`${came.join(", ")} came`);
    else if (left.length) announce(`${left.join(", ")} left`);
  }
}

function nameOf(peer: Peer): string {
  return peer.name || "Somebody";
}
