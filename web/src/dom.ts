/** A few lines in place of a framework: elements are made once and changed by those who made them. */

type Child = Node | string | null;
type Attributes = Record<string, string | number | boolean | null | ((event: never) => void)>;

const SVG = "http://www.w3.org/2000/svg";

/** h("button", { class: "plain", onclick: act }, "Do it"). `false` and null leave an attribute out. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") made.addEventListener(name.slice(2), value as EventListener);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false && value !== null) made.setAttribute(name, String(value));
  }
  made.append(...children.filter((child) => child !== null));
  return made;
}

/** An icon of strokes on a grid of 24. It says nothing to a screen reader: its button does. */
export function icon(path: string): SVGSVGElement {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const strokes = document.createElementNS(SVG, "path");
  strokes.setAttribute("d", path);
  svg.append(strokes);
  return svg;
}

/** Says something to who listens rather than looks. */
export function announce(words: string): void {
  const region = document.getElementById("announcements");
  if (!region) return;
  // The same words twice are said twice only if the region was empty between.
  region.textContent = "";
  requestAnimationFrame(() => (region.textContent = words));
}

let toastTimer: ReturnType<typeof setTimeout> | undefined;

/** A sentence that goes by itself. */
export function toast(words: string, ms = 6000): void {
  document.querySelector(".toast")?.remove();
  clearTimeout(toastTimer);
  const shown = h("div", { class: "toast" }, words);
  document.body.append(shown);
  toastTimer = setTimeout(() => shown.remove(), ms);
  announce(words);
}
