import { h } from "./dom.ts";

/** The product's sign: threads over and under. */
export function mark(): HTMLElement {
  return h("img", { class: "mark", src: "/icon.svg", alt: "", width: 28, height: 28 });
}
