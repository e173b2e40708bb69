// The list of conversations.

import * as api from "./api.js";
import { byId, h, icon, toast } from "./dom.js";

const list = byId("conversations");

/** Shows the conversations, the most recent first; `onOpen(id)` when one is chosen. */
export class Sidebar {
  constructor(onOpen) {
    this.onOpen = onOpen;
    this.items = new Map();
    this.current = null;
  }

  /** Replace the list. */
  set(conversations) {
    this.items = new Map(conversations.map((item) => [item.id, item]));
    this.#draw();
  }

  /** Add or change one. */
  update(conversation) {
    this.items.set(conversation.id, conversation);
    this.#draw();
  }

  /** Take one away. */
  remove(id) {
    this.items.delete(id);
    this.#draw();
  }

  /** Mark the one that is open. */
  select(id) {
    this.current = id;
    this.#draw();
  }

  title(id) {
    return this.items.get(id)?.title || "New conversation";
  }

  #draw() {
    if (list.querySelector("input")) return; // somebody is renaming: drawn again afterwards
    const recent = [...this.items.values()].filter((item) => item.title || item.id === this.current);
    recent.sort((a, b) => b.updated_at.localeCompare(a.updated_at));
    const focused = document.activeElement?.closest?.("li[data-id]")?.dataset.id;
    list.replaceChildren(...recent.map((item) => this.#line(item)));
    if (focused) list.querySelector(`li[data-id="${CSS.escape(focused)}"] a`)?.focus();
  }

  #line(item) {
    const link = h("a", {
      href: `/c/${encodeURIComponent(item.id)}`,
      "aria-current": item.id === this.current ? "page" : null,
      title: item.title,
      onclick: (event) => {
        if (event.metaKey || event.ctrlKey || event.shiftKey) return;
        event.preventDefault();
        this.onOpen(item.id);
      },
    }, item.title || "New conversation");
    const rename = h("button", {
      type: "button", class: "quiet rename", "aria-label": `Rename “${item.title}”`,
      onclick: () => this.#rename(item),
    }, icon("pencil"));
    return h("li", { "data-id": item.id }, link, rename);
  }

  #rename(item) {
    const line = list.querySelector(`li[data-id="${CSS.escape(item.id)}"]`);
    const input = h("input", { type: "text", maxlength: "80", "aria-label": "New title" });
    input.value = item.title;
    let finished = false;
    const finish = async (save) => {
      if (finished) return;
      finished = true;
      const title = input.value.trim();
      input.remove();
      this.#draw();
      if (!save || !title || title === item.title) return;
      try {
        await api.rename(item.id, title);
      } catch (error) {
        toast(error.message);
      }
    };
    input.addEventListener("keydown", (event) => {
      if (event.key === "Enter") finish(true);
      if (event.key === "Escape") finish(false);
    });
    input.addEventListener("blur", () => finish(true));
    line.replaceChildren(input);
    input.select();
  }
}
