// The menu of the open conversation, and lists to choose a value from.

import * as api from "./api.js";
import { commandIcon } from "./commands.js";
import { byId, h, icon, toast } from "./dom.js";

const LABELS = {
  notebook: "Notebook", status: "Status", usage: "Usage", model: "Model…", effort: "Effort…",
  memory: "Memory…", mode: "Container mode…", settings: "Settings", help: "Help", reset: "Reset…",
};
const GROUPS = [["notebook", "status", "usage"], ["model", "effort", "memory", "mode", "settings"], ["help", "reset"]];
const CHOSEN = new Set(["model", "effort", "memory", "mode"]);

const button = byId("more");
const menu = byId("more-menu");

/** Opens under its button. `conversation` has `id()` and `title()`; `onFiles()` opens the panel. */
export class ConversationMenu {
  constructor({ commands, conversation, onFiles }) {
    this.commands = commands;
    this.conversation = conversation;
    this.onFiles = onFiles;
    button.addEventListener("click", () => this.#toggle(menu.hidden));
    menu.addEventListener("keydown", (event) => this.#key(event));
    menu.addEventListener("focusout", (event) => {
      if (!menu.contains(event.relatedTarget) && event.relatedTarget !== button) this.#toggle(false);
    });
  }

  #toggle(shown) {
    if (shown) menu.replaceChildren(...this.#items());
    menu.hidden = !shown;
    button.setAttribute("aria-expanded", String(shown));
    if (shown) menu.querySelector("button").focus();
  }

  #items() {
    const items = [this.#item(icon("pencil"), "Rename…", () => this.#rename())];
    if (this.commands.find("files")) items.push(this.#item(commandIcon("files"), "Files", this.onFiles));
    for (const group of GROUPS) {
      const offered = group.map((name) => this.commands.find(name)).filter((spec) => spec?.listed);
      if (offered.length) items.push(h("hr", {}));
      items.push(...offered.map((spec) => this.#command(spec)));
    }
    if (this.commands.find("forget")) {
      const forget = this.#item(commandIcon("forget"), "Delete conversation…", () => this.commands.run("forget"));
      forget.classList.add("dangerous");
      items.push(h("hr", {}), forget);
    }
    return items;
  }

  #command(spec) {
    const act = CHOSEN.has(spec.name) ? () => this.#choose(spec) : () => this.commands.run(spec.name, "", LABELS[spec.name]);
    return this.#item(commandIcon(spec.name), LABELS[spec.name], act, spec.help);
  }

  #item(image, label, act, help) {
    return h("button", {
      type: "button", role: "menuitem", title: help, onclick: () => { this.#toggle(false); button.focus(); act(); },
    }, image, label);
  }

  #key(event) {
    const items = [...menu.querySelectorAll("button")];
    const at = items.indexOf(document.activeElement);
    const next = { ArrowDown: at + 1, ArrowUp: at - 1 + items.length, Home: 0, End: items.length - 1 }[event.key];
    if (event.key === "Escape") {
      this.#toggle(false);
      button.focus();
    } else if (next !== undefined) items[next % items.length].focus();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** A list of values for a command's first argument. */
  async #choose(spec) {
    const [argument] = spec.arguments;
    let choices;
    try {
      choices = argument ? await this.commands.choices(spec, argument, "") : [];
    } catch (error) {
      toast(error.message);
      return;
    }
    if (!choices.length) {
      this.commands.run(spec.name);
      return;
    }
    const dialog = byId("chooser");
    byId("chooser-title").textContent = LABELS[spec.name].replace("…", "");
    byId("chooser-text").textContent = `${spec.help[0].toUpperCase()}${spec.help.slice(1)}.`;
    byId("chooser-list").replaceChildren(...choices.map(({ value, label }) => h("button", {
      type: "button", class: "plain", onclick: () => { dialog.close(); this.commands.run(spec.name, value); },
    }, label)));
    dialog.showModal();
  }

  #rename() {
    const dialog = byId("rename");
    const field = byId("rename-title");
    field.value = this.conversation.title();
    dialog.returnValue = "";
    dialog.showModal();
    field.select();
    dialog.addEventListener("close", async () => {
      const title = field.value.trim();
      if (dialog.returnValue !== "yes" || !title) return;
      await api.rename(this.conversation.id(), title).catch((error) => toast(error.message));
    }, { once: true });
  }
}
