// What commands say: cards among the messages, there until they are dismissed or the page is left.

import { commandIcon } from "./commands.js";
import { announce, byId, h, icon, plainText, setHtml } from "./dom.js";
import { fileCard } from "./files.js";

/** The cards of the open conversation; `onAction(action)` when a button on one is pressed. */
export class Results {
  constructor({ onAction, onChange }) {
    this.onAction = onAction;
    this.onChange = onChange;
    this.list = byId("messages");
    this.cards = new Set();
  }

  /** A card for a command that has just been given. */
  begin(name, words, label) {
    const given = label ?? h("code", {}, `/${[name, words.trim()].filter(Boolean).join(" ")}`);
    const card = new Card(name, given, { onAction: this.onAction, onRemove: () => this.#remove(card) });
    card.after = [...this.list.querySelectorAll(".message")].at(-1) ?? null;
    this.cards.add(card);
    this.list.append(card.element);
    this.onChange();
    card.element.scrollIntoView({ block: "nearest" });
    return card;
  }

  /** The messages were drawn anew: each card goes back to where it was given. */
  place() {
    // The last first, so that several in one place keep their order.
    for (const card of [...this.cards].reverse()) {
      if (card.after?.isConnected) card.after.after(card.element);
      else this.list.prepend(card.element);
    }
  }

  clear() {
    for (const card of this.cards) card.element.remove();
    this.cards.clear();
  }

  get empty() {
    return this.cards.size === 0;
  }

  #remove(card) {
    card.element.remove();
    this.cards.delete(card);
    this.onChange();
    byId("text").focus();
  }
}

/** One command's result. */
class Card {
  constructor(name, given, { onAction, onRemove }) {
    this.name = name;
    this.onAction = onAction;
    this.remove = onRemove;
    this.body = h("div", { class: "result-body" }, h("p", { class: "status" }, h("span", { class: "dots", "aria-hidden": "true" }, h("i"), h("i"), h("i")), "Working…"));
    const title = h("span", { class: "given" }, given);
    this.element = h("li", { class: "result", "data-command": name, "data-state": "running", "aria-label": `Result of ${title.textContent}` },
      h("div", { class: "result-head" }, commandIcon(name), title,
        h("button", { type: "button", class: "quiet", "aria-label": "Dismiss", onclick: () => this.remove() }, icon("close"))),
      this.body);
  }

  finish(result) {
    const text = h("div", { class: "prose" });
    setHtml(text, result.html);
    const buttons = result.actions.map((action) => h("button", {
      type: "button", class: "plain", "data-action": action.command, onclick: () => this.onAction(action),
    }, commandIcon(action.command), action.label));
    this.element.dataset.state = result.ok ? "done" : "refused";
    this.body.replaceChildren(...[
      text,
      result.files.length ? h("div", { class: "files" }, ...result.files.map(fileCard)) : null,
      buttons.length ? h("div", { class: "tools" }, ...buttons) : null,
    ].filter(Boolean));
    announce(plainText(result.html));
    this.element.scrollIntoView({ block: "nearest" });
  }
}
