// The menu that opens when a message begins with "/": commands, then their arguments.

import { argumentsOf, commandIcon } from "./commands.js";
import { byId, h } from "./dom.js";

const text = byId("text");
const list = byId("slash");
const DEBOUNCE_MS = 120;

/** Follows the message field. `commands` are offered (commands.js), `onRun(name, words)` runs. */
export class SlashMenu {
  constructor({ commands, onRun }) {
    this.commands = commands;
    this.onRun = onRun;
    this.items = [];
    this.active = -1;
    this.asked = 0;
    text.addEventListener("input", () => this.update());
    text.addEventListener("blur", () => this.close());
    text.addEventListener("focus", () => this.update());
    // A click must not take the focus away from the field.
    list.addEventListener("mousedown", (event) => event.preventDefault());
  }

  get open() {
    return !list.hidden;
  }

  close() {
    this.asked += 1;
    this.#show([], "");
  }

  /** A key in the field; true where it was for the menu. */
  key(event) {
    if (!this.open || event.isComposing) return false;
    if (event.key === "Escape") this.close();
    else if (event.key === "ArrowDown" || event.key === "ArrowUp") this.#move(event.key === "ArrowDown" ? 1 : -1);
    else if (event.key === "Tab" && this.items.length && !event.shiftKey) this.#take(Math.max(this.active, 0), false);
    else if (event.key === "Enter" && !event.shiftKey && this.active >= 0) this.#take(this.active, true);
    else return false;
    event.preventDefault();
    return true;
  }

  /** Bring the menu in line with what is written. */
  update() {
    clearTimeout(this.timer);
    const line = text.value;
    const name = line.match(/^\/([a-z]*)$/i);
    if (name) return this.#names(name[1].toLowerCase());
    const given = line.includes("\n") ? null : line.match(/^\/([a-z]+)\s+(.*)$/i);
    const spec = given && this.commands.find(given[1].toLowerCase());
    if (!spec?.listed || !spec.arguments.length) return this.close();
    return this.#arguments(spec, given[2]);
  }

  #names(typed) {
    this.asked += 1;
    const begin = this.commands.listed.filter((spec) => spec.name.startsWith(typed));
    const within = this.commands.listed.filter((spec) => !begin.includes(spec) && spec.name.includes(typed));
    const items = [...begin, ...within].map((spec) => ({
      icon: commandIcon(spec.name), name: `/${spec.name}`, detail: argumentsOf(spec), help: spec.help,
      line: `/${spec.name}${spec.arguments.length ? " " : ""}`, complete: runsAsItIs(spec, typed),
    }));
    this.#show(items, "", items.length ? 0 : -1);
  }

  #arguments(spec, rest) {
    const { argument, next, before, typed } = standing(spec, rest);
    const number = this.asked += 1;
    const start = `/${spec.name} ${before}`;
    const without = !argument.required && !typed ? " (may be left out)" : "";
    const hint = `${argument.name}: ${argument.help}${without}`;
    if (!argument.choices.length && !argument.completes) return this.#show([], hint);
    const offer = async () => {
      const all = await this.commands.choices(spec, argument, typed).catch(() => []);
      const choices = fitting(all, before);
      if (number !== this.asked) return;
      const items = choices.map(({ value, label }) => ({
        name: label, detail: "", help: "", line: `${start}${value}${next ? " " : ""}`,
        complete: !next || !(next.required || next.completes),
      }));
      // Without a word, Enter runs the command as it stands, if it may.
      this.#show(items, hint, items.length && (typed || argument.required) ? 0 : -1);
    };
    this.timer = setTimeout(offer, argument.completes ? DEBOUNCE_MS : 0);
    return undefined;
  }

  #show(items, hint, active = -1) {
    this.items = items;
    list.hidden = !items.length && !hint;
    text.setAttribute("aria-expanded", String(!list.hidden));
    list.replaceChildren(
      ...(hint ? [h("li", { class: "slash-hint", role: "presentation" }, hint)] : []),
      ...items.map((item, at) => h("li", {
        role: "option", id: `slash-${at}`, "aria-selected": "false", onclick: () => this.#take(at, true),
      }, item.icon, h("span", { class: "slash-name" }, item.name), h("span", { class: "slash-arguments" }, item.detail),
      h("span", { class: "slash-help" }, item.help))));
    this.#activate(active);
  }

  #move(by) {
    if (!this.items.length) return;
    const from = this.active < 0 && by < 0 ? 0 : this.active;
    this.#activate((from + by + this.items.length) % this.items.length);
  }

  #activate(at) {
    this.active = at;
    for (const option of list.querySelectorAll("[role=option]")) {
      const chosen = option.id === `slash-${at}`;
      option.setAttribute("aria-selected", String(chosen));
      if (chosen) option.scrollIntoView({ block: "nearest" });
    }
    if (at >= 0) text.setAttribute("aria-activedescendant", `slash-${at}`);
    else text.removeAttribute("aria-activedescendant");
  }

  #take(at, run) {
    const item = this.items[at];
    text.value = item.line;
    if (run && item.complete) {
      this.close();
      this.onRun();
      return;
    }
    text.dispatchEvent(new Event("input"));
  }
}

/** Whether Enter on a command's name runs it: it has no arguments, or may do without, fully typed. */
function runsAsItIs(spec, typed) {
  return !spec.arguments.length || (typed === spec.name && !spec.arguments[0].required);
}

/** Values that are said to be for the word before ("effort: high"), if any are. */
function fitting(choices, before) {
  const prefix = `${before.trim().split(" ").at(-1)}: `;
  const meant = choices.filter(({ label }) => label.startsWith(prefix));
  return meant.length ? meant : choices;
}

/** Which argument is being written: one word each, the last one takes the rest of the line. */
function standing(spec, rest) {
  const words = rest.split(/\s+/);
  const at = Math.min(words.length, spec.arguments.length) - 1;
  const typed = words.slice(at).join(" ");
  return {
    argument: spec.arguments[at], next: spec.arguments[at + 1], typed,
    before: words.slice(0, at).map((word) => `${word} `).join(""),
  };
}
