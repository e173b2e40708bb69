// Buttons that copy.

import { h, icon, toast } from "./dom.js";

/** A block with a button in its corner that copies `text`. */
export function withCopy(block, text) {
  return h("div", { class: "copyable" }, block, h("button", {
    type: "button", class: "quiet copy", "aria-label": "Copy the code",
    onclick: (event) => copy(text, event.currentTarget),
  }, icon("copy")));
}

/** Copy, and say so on the button. */
export async function copy(text, button) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    toast("The browser does not let this page copy.");
    return;
  }
  button.replaceChildren(icon("check"));
  setTimeout(() => button.replaceChildren(icon("copy")), 1500);
}
