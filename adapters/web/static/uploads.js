// Files on their way to a message: chips with progress, each removable.

import * as api from "./api.js";
import { byId, fileSize, h, icon, toast } from "./dom.js";
import { fileIcon } from "./files.js";

const list = byId("uploads");

/** The files attached to the message being written. */
export class Uploads {
  constructor({ limits, conversation, onChange }) {
    this.limits = limits;
    this.conversation = conversation; // () => Promise of the id to upload to
    this.onChange = onChange;
    this.items = [];
  }

  /** Start uploading files; those that can't go are said so at once. */
  add(files) {
    for (const file of files) {
      if (this.items.length >= this.limits.files_per_message) {
        toast(`At most ${this.limits.files_per_message} files go with one message.`);
        break;
      }
      if (file.size > this.limits.attachment_limit_bytes) {
        toast(`${file.name} is larger than ${fileSize(this.limits.attachment_limit_bytes)}.`);
        continue;
      }
      this.#start(file);
    }
  }

  /** Show again what an earlier visit has uploaded. */
  restore(views) {
    for (const view of views) {
      const item = { file: view, view };
      this.items.push(item);
      this.#chip(item);
      this.#draw(item);
    }
    this.onChange();
  }

  get pending() {
    return this.items.some((item) => !item.view && !item.error);
  }

  get failed() {
    return this.items.some((item) => item.error);
  }

  get views() {
    return this.items.flatMap((item) => item.view ? [item.view] : []);
  }

  clear() {
    this.items = [];
    list.replaceChildren();
    this.onChange();
  }

  /** Break off what is still on its way, and forget everything. */
  drop() {
    for (const item of this.items) item.abort?.();
    this.clear();
  }

  async #start(file) {
    const item = { file };
    this.items.push(item);
    this.#chip(item);
    this.onChange();
    try {
      const id = await this.conversation();
      if (!this.items.includes(item)) return;
      const { done, abort } = api.upload(id, file, (share) => this.#progress(item, share));
      item.abort = abort;
      item.view = await done;
    } catch (error) {
      if (error.name === "AbortError") return;
      item.error = error.message;
    }
    this.#draw(item);
    this.onChange();
  }

  #chip(item) {
    const { file } = item;
    item.bar = h("progress", { max: "1", value: "0", "aria-label": `Uploading ${file.name}` });
    item.detail = h("span", { class: "file-size" }, fileSize(file.size));
    item.element = h("li", { class: "upload" },
      h("span", { class: "file-icon" }, fileIcon({ name: file.name, media_type: file.type ?? file.media_type })),
      h("span", { class: "file-text" }, h("span", { class: "file-name", title: file.name }, file.name), item.detail),
      h("button", {
        type: "button", class: "quiet", "aria-label": `Remove ${file.name}`, onclick: () => this.#remove(item),
      }, icon("close")), item.bar);
    list.append(item.element);
  }

  #progress(item, share) {
    item.bar.value = share;
    item.detail.textContent = `${Math.round(share * 100)} % of ${fileSize(item.file.size)}`;
  }

  #draw(item) {
    item.bar.hidden = true;
    item.element.classList.toggle("failed", Boolean(item.error));
    item.element.classList.toggle("ready", Boolean(item.view));
    item.detail.textContent = item.error || item.view.warning || fileSize(item.view.size_bytes);
  }

  #remove(item) {
    item.abort?.();
    this.items = this.items.filter((other) => other !== item);
    item.element.remove();
    this.onChange();
    byId("text").focus();
  }
}
