// The panel with the files of the open conversation's workspace.

import * as api from "./api.js";
import { byId, confirmed, h, icon, plainText } from "./dom.js";
import { fileIcon } from "./files.js";

const dialog = byId("panel");
const list = byId("panel-files");
const search = byId("panel-search");
const note = byId("panel-note");
const SHOWN_MAX = 25; // as many as the core suggests at once
const DEBOUNCE_MS = 150;

/** Lists, gets and deletes files by the core's command `files`. `conversation()` is the open id. */
export class FilesPanel {
  constructor({ commands, conversation }) {
    this.commands = commands;
    this.conversation = conversation;
    this.asked = 0;
    byId("panel-all").addEventListener("click", (event) => this.#get("zip", event.currentTarget));
    byId("panel-close").addEventListener("click", () => dialog.close());
    dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
    search.addEventListener("input", () => {
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.#load(), DEBOUNCE_MS);
    });
  }

  async open() {
    search.value = "";
    list.replaceChildren();
    dialog.showModal();
    await this.#load();
    search.hidden = list.children.length < SHOWN_MAX;
  }

  close() {
    if (dialog.open) dialog.close();
  }

  async #load() {
    const number = this.asked += 1;
    const spec = this.commands.find("files");
    const argument = spec.arguments.find((one) => one.completes) ?? { name: "name", completes: true };
    try {
      const choices = await this.commands.choices(spec, argument, search.value.trim());
      if (number !== this.asked) return;
      list.replaceChildren(...choices.map((choice) => this.#line(choice)));
      byId("panel-all").disabled = !choices.length && !search.value;
      this.#say(choices.length ? "" : search.value ? "No file of that name." : "No files yet. Drop some into the conversation, or ask for one.");
    } catch (error) {
      this.#say(error.message);
    }
  }

  #line({ value, label }) {
    const [name, detail] = parts(label);
    return h("li", {},
      h("span", { class: "file-icon" }, fileIcon({ name })),
      h("span", { class: "file-text" }, h("span", { class: "file-name", title: name }, name),
        h("span", { class: "file-size" }, detail)),
      h("button", {
        type: "button", class: "quiet", "aria-label": `Download ${name}`, title: "Download",
        onclick: (event) => this.#get(`get ${value}`, event.currentTarget),
      }, icon("download")),
      h("button", {
        type: "button", class: "quiet", "aria-label": `Delete ${name}`, title: "Delete",
        onclick: () => this.#delete(name, value),
      }, icon("trash")));
  }

  async #get(words, button) {
    button.disabled = true;
    try {
      const result = await api.command(this.conversation(), "files", words);
      this.#say(result.files.length ? "" : plainText(result.html));
      for (const file of result.files) download(file);
    } catch (error) {
      this.#say(error.message);
    } finally {
      button.disabled = false;
    }
  }

  async #delete(name, value) {
    const agreed = await confirmed({
      title: `Delete ${name}?`, action: "Delete",
      text: "Code of later questions does not find it any more. What was posted stays in the conversation.",
    });
    if (!agreed) return;
    try {
      const result = await api.command(this.conversation(), "files", `delete ${value}`);
      await this.#load();
      this.#say(plainText(result.html));
    } catch (error) {
      this.#say(error.message);
    }
  }

  #say(text) {
    note.textContent = text;
  }
}

/** "sales.csv (1.2 kB, Ann)" or "sales.csv · 1.2 kB · Ann": the name, and what is said of it. */
function parts(label) {
  const match = label.match(/^(.+?)(?: · (.+)| \(([^()]*)\)| [–—] (.+))$/);
  return match ? [match[1], match[2] ?? match[3] ?? match[4]] : [label, ""];
}

function download(file) {
  const link = h("a", { href: file.url, download: file.name });
  document.body.append(link);
  link.click();
  link.remove();
}
