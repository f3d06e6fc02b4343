/** Questions to a person, as modal dialogs: the browser keeps the focus inside and Escape closes. */
import { h } from "./dom.ts";
import { NAME_SIZE_MAX } from "./person.ts";

function open(dialog: HTMLDialogElement, closed: () => void): void {
  dialog.addEventListener("close", () => {
    dialog.remove();
    closed();
  });
  document.body.append(dialog);
  dialog.showModal();
}

/** Resolves with what was typed; with the name as it was if the person would rather not say. */
export function askName(current: string): Promise<string> {
  return new Promise((resolve) => {
    const input = h("input", {
      id: "person-name",
      name: "name",
      autocomplete: "name",
      maxlength: NAME_SIZE_MAX,
      value: current,
      placeholder: "Ada Lovelace",
    });
    const dialog = h(
      "dialog",
      { class: "dialog", "aria-labelledby": "name-title" },
      h(
        "form",
        { method: "dialog" },
        h("h2", { id: "name-title" }, "What is your name?"),
        h("p", { id: "name-why" }, "The others see it beside your cursor. It is asked only once."),
        h("label", { class: "visually-hidden", for: "person-name" }, "Your name"),
        input,
        h("div", { class: "dialog-actions" }, h("button", { class: "primary" }, "Start writing")),
      ),
    );
    open(dialog, () => resolve(input.value.trim() || current));
    input.select();
  });
}

/** Shows a link for copying by hand, where the browser does not let the page do it. */
export function showLink(link: string): void {
  const input = h("input", { readonly: true, value: link, "aria-label": "Link to this document" });
  const dialog = h(
    "dialog",
    { class: "dialog", "aria-labelledby": "link-title" },
    h(
      "form",
      { method: "dialog" },
      h("h2", { id: "link-title" }, "Link to this document"),
      h("p", {}, "Whoever has this link can read and write."),
      input,
      h("div", { class: "dialog-actions" }, h("button", { class: "primary" }, "Done")),
    ),
  );
  open(dialog, () => undefined);
  input.select();
}

/** Asks for an address to link to; an empty answer takes the link away, null leaves it. */
export function askAddress(current: string): Promise<string | null> {
  return new Promise((resolve) => {
    const input = h("input", {
      id: "link-address",
      inputmode: "url",
      value: current,
      placeholder: "https://",
      autocomplete: "off",
    });
    const dialog = h(
      "dialog",
      { class: "dialog", "aria-labelledby": "address-title" },
      h(
        "form",
        { method: "dialog" },
        h("h2", { id: "address-title" }, "Link"),
        h("label", { class: "visually-hidden", for: "link-address" }, "Address"),
        input,
        h(
          "div",
          { class: "dialog-actions" },
          current ? h("button", { class: "quiet", value: "remove" }, "Remove") : null,
          h("button", { class: "primary", value: "set" }, "Link"),
        ),
      ),
    );
    // Enter presses the first button of a form: that must not be the one that removes.
    input.addEventListener("keydown", (event) => {
      if (event.key !== "Enter") return;
      event.preventDefault();
      dialog.close("set");
    });
    open(dialog, () => {
      if (dialog.returnValue === "set") resolve(input.value.trim());
      else resolve(dialog.returnValue === "remove" ? "" : null);
    });
    input.select();
  });
}

/** True if the person says yes. */
export function confirmed(title: string, words: string, yes: string): Promise<boolean> {
  return new Promise((resolve) => {
    const dialog = h(
      "dialog",
      { class: "dialog", "aria-labelledby": "confirm-title" },
      h(
        "form",
        { method: "dialog" },
        h("h2", { id: "confirm-title" }, title),
        h("p", {}, words),
        h(
          "div",
          { class: "dialog-actions" },
          h("button", { class: "quiet", value: "no", autofocus: true }, "Cancel"),
          h("button", { class: "danger", value: "yes" }, yes),
        ),
      ),
    );
    open(dialog, () => resolve(dialog.returnValue === "yes"));
  });
}
