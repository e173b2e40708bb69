// The messages of the open conversation, kept in step with the server.

import { Answer } from "./answer.js";
import { announce, byId, fileSize, h } from "./dom.js";
import { enlarge, fileIcon } from "./files.js";

const NEAR_END_PX = 80;

/** Draws messages; `onAction(name)` when a button under an answer is pressed. */
export class Conversation {
  constructor(onAction, onChange) {
    this.onAction = onAction;
    this.onChange = onChange;
    this.list = byId("messages");
    this.typing = byId("typing");
    this.scroll = byId("scroll");
    this.latest = byId("latest");
    this.messages = new Map();
    this.stuck = true; // to the end, until the person scrolls away
    this.scroll.addEventListener("scroll", () => this.#scrolled());
    this.latest.addEventListener("click", () => this.toEnd(true));
    new ResizeObserver(() => { if (this.stuck) this.toEnd(); }).observe(this.list);
  }

  /** Everything as it is now: what is already drawn and unchanged stays as it is. */
  set({ messages, typing, earlier }) {
    const ids = new Set(messages.map((message) => message.id));
    for (const [id, message] of this.messages) {
      if (!ids.has(id)) {
        message.element.remove();
        this.messages.delete(id);
      }
    }
    for (const message of messages) this.#put(message);
    for (const message of messages) this.list.append(this.messages.get(message.id).element);
    byId("earlier").hidden = !earlier;
    this.setTyping(typing);
  }

  clear() {
    this.set({ messages: [], typing: false, earlier: false });
    this.stuck = true;
    this.latest.hidden = true;
    this.scroll.scrollTop = 0;
  }

  /** One message, new or changed. */
  update(message) {
    const before = this.messages.get(message.id);
    this.#put(message);
    if (message.role === "bot") {
      this.setTyping(false);
      if (message.state === "done" && before?.view.state !== "done") {
        announce(message.failed ? "The answer failed." : "The answer is finished.");
      }
    } else if (!before) this.stuck = true;
    this.#after();
  }

  /** What changed in a running answer. */
  progress(change) {
    const message = this.messages.get(change.id);
    if (!message) return;
    message.progress(change);
    if (change.status) announce(change.status);
    this.#after();
  }

  setTyping(shown) {
    this.typing.hidden = !shown;
    this.#after();
  }

  get busy() {
    return !this.typing.hidden || [...this.messages.values()].some((message) => message.running);
  }

  get empty() {
    return this.messages.size === 0 && this.typing.hidden;
  }

  toEnd(smooth = false) {
    this.stuck = true;
    this.scroll.scrollTo({ top: this.scroll.scrollHeight, behavior: smooth ? "smooth" : "instant" });
  }

  #put(message) {
    const text = JSON.stringify(message);
    const known = this.messages.get(message.id);
    if (known?.drawn === text && message.state !== "running") return;
    if (known && message.role === "bot") known.update(message);
    else if (!known) {
      const made = message.role === "bot" ? new Answer(message, this.onAction) : person(message);
      this.messages.set(message.id, made);
      this.list.append(made.element);
    }
    this.messages.get(message.id).drawn = text;
  }

  #after() {
    if (this.stuck && !this.empty) this.toEnd();
    this.onChange();
  }

  #scrolled() {
    const below = this.scroll.scrollHeight - this.scroll.scrollTop - this.scroll.clientHeight;
    this.stuck = below < NEAR_END_PX;
    this.latest.hidden = this.stuck;
  }
}

function person(view) {
  const files = view.files.map((file) => file.image ? thumbnail(file) : chip(file));
  const element = h("li", { class: "message person", "data-id": view.id },
    h("span", { class: "visually-hidden" }, "You:"),
    ...(files.length ? [h("div", { class: "sent-files" }, ...files)] : []),
    ...(view.text ? [h("div", { class: "bubble" }, view.text)] : []));
  return { element, view, running: false };
}

function thumbnail(file) {
  return h("button", {
    type: "button", class: "thumbnail", "aria-label": `Enlarge ${file.name}`, title: file.name,
    onclick: () => enlarge(file.url, file.name),
  }, h("img", { src: file.url, alt: file.name, loading: "lazy" }));
}

function chip(file) {
  return h("a", { class: "sent-file", href: file.url, download: file.name }, fileIcon(file),
    h("span", { class: "file-name" }, file.name), h("span", { class: "file-size" }, fileSize(file.size_bytes)));
}
