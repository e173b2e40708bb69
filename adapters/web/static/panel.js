// The panel with the files of the open conversation's workspace.

import * as api from "./api.js";
import { deletionQuestion } from "./commands.js";
import { byId, confirmed, fileSize, h, icon, plainText } from "./dom.js";
import { fileIcon } from "./files.js";

const dialog = byId("panel");
const list = byId("panel-files");
const search = byId("panel-search");
const note = byId("panel-note");
const SEARCHED_FROM = 10;

/** Lists the files; gets and deletes them by the core's command `files`. `conversation()` is the
 * open conversation's id. */
export class FilesPanel {
  constructor({ conversation }) {
    this.conversation = conversation;
    this.files = [];
    byId("panel-all").addEventListener("click", (event) => this.#get("zip", event.currentTarget));
    byId("panel-close").addEventListener("click", () => dialog.close());
    dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
    search.addEventListener("input", () => this.#draw());
  }

  async open() {
    search.value = "";
    this.files = [];
    this.#draw();
    this.#say("");
    dialog.showModal();
    await this.#load();
  }

  close() {
    if (dialog.open) dialog.close();
  }

  async #load() {
    try {
      const { files, count } = await api.files(this.conversation());
      this.files = files;
      this.#draw();
      if (!count) this.#say("No files yet. Drop some into the conversation, or ask for one.");
      else this.#say(count > files.length ? `The newest ${files.length} of ${count}; the zip has all.` : "");
    } catch (error) {
      this.#say(error.message);
    }
  }

  #draw() {
    const wanted = search.value.trim().toLowerCase();
    const found = this.files.filter((file) => file.name.toLowerCase().includes(wanted));
    list.replaceChildren(...found.map((file) => this.#line(file)));
    search.hidden = this.files.length < SEARCHED_FROM;
    byId("panel-all").disabled = !this.files.length;
  }

  #line(file) {
    const { name } = file;
    return h("li", {},
      h("span", { class: "file-icon" }, fileIcon(file)),
      h("span", { class: "file-text" }, h("span", { class: "file-name", title: name }, name),
        h("span", { class: "file-size" }, detail(file))),
      h("button", {
        type: "button", class: "quiet", "aria-label": `Download ${name}`, title: "Download",
        onclick: (event) => this.#get(`get ${name}`, event.currentTarget),
      }, icon("download")),
      h("button", {
        type: "button", class: "quiet", "aria-label": `Delete ${name}`, title: "Delete",
        onclick: () => this.#delete(name),
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

  async #delete(name) {
    if (!await confirmed(deletionQuestion(name))) return;
    try {
      const result = await api.command(this.conversation(), "files", `delete ${name}`);
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

/** "12 kB · from Ann · 2 versions" */
function detail(file) {
  const brought = file.made_by_code ? "made by code" : file.author_name ? `from ${file.author_name}` : "sent";
  const versions = file.versions > 1 ? [`${file.versions} versions`] : [];
  return [fileSize(file.size_bytes), brought, ...versions].join(" · ");
}

function download(file) {
  const link = h("a", { href: file.url, download: file.name });
  document.body.append(link);
  link.click();
  link.remove();
}
