// The messages of the open conversation, kept in step with the server.

import { Answer } from "./answer.js";
import { announce, byId, fileSize, h, icon } from "./dom.js";
import { withCode } from "./fences.js";
import { enlarge, fileIcon } from "./files.js";
import { View } from "./view.js";

/** Draws messages. `handlers` has `onAction(action)` and `onJudge(id, good)` for buttons under an
 * answer, and `onChange()`. */
export class Conversation {
  constructor(handlers) {
    this.handlers = handlers;
    this.onChange = handlers.onChange;
    this.list = byId("messages");
    this.typing = byId("typing");
    this.messages = new Map();
    this.view = new View();
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
    if (!this.view.question) this.#showQuestion();
  }

  clear() {
    this.set({ messages: [], typing: false, earlier: false });
    this.view.show(null);
  }

  /** One message, new or changed. */
  update(message) {
    const before = this.messages.get(message.id)?.view.state;
    this.#put(message);
    if (message.role === "bot") {
      this.setTyping(false);
      if (message.state === "done" && before !== "done") {
        announce(message.failed ? "The answer failed." : "The answer is finished.");
      }
    } else if (!before && message.role === "person") this.#showQuestion();
    else if (!before) this.view.end();
    else if (message.state === "taken") this.setTyping(false);
    this.onChange();
  }

  /** What changed in a running answer. */
  progress(change) {
    const message = this.messages.get(change.id);
    if (!message) return;
    message.progress(change);
    if (change.status) announce(change.status);
    this.onChange();
  }

  /** Go to the end, where an answer without a new question appears. */
  showEnd() {
    this.view.end();
  }

  setTyping(shown) {
    this.typing.hidden = !shown;
    this.onChange();
  }

  get busy() {
    return !this.typing.hidden || [...this.messages.values()].some((message) => message.running);
  }

  get empty() {
    return this.messages.size === 0 && this.typing.hidden;
  }

  #put(message) {
    const text = JSON.stringify(message);
    const known = this.messages.get(message.id);
    if (known?.drawn === text && message.state !== "running") return;
    if (known) known.update?.(message);
    else if (!known) {
      const made = this.#made(message);
      this.messages.set(message.id, made);
      this.list.append(made.element);
    }
    this.messages.get(message.id).drawn = text;
  }

  #made(message) {
    if (message.role === "bot") return new Answer(message, this.handlers);
    return message.role === "note" ? note(message) : person(message);
  }

  /** The newest question to the top of the view, its answer below it. */
  #showQuestion() {
    const newest = [...this.list.querySelectorAll(".person")].at(-1);
    if (newest) this.view.show(newest);
  }
}

function person(view) {
  const files = view.files.map((file) => file.image ? thumbnail(file) : chip(file));
  const element = h("li", { class: "message person", "data-id": view.id },
    h("span", { class: "visually-hidden" }, "You:"),
    ...(files.length ? [h("div", { class: "sent-files" }, ...files)] : []),
    ...(view.text ? [h("div", { class: "bubble" }, ...withCode(view.text))] : []));
  const taken = h("p", { class: "taken" }, icon("check"), "In the workspace. Ask about it whenever you like.");
  const drawn = {
    element, running: false,
    update(now) {
      drawn.view = now;
      if (now.state === "taken") element.append(taken);
    },
  };
  drawn.update(view);
  return drawn;
}

function note(view) {
  return { element: h("li", { class: "divider", "data-id": view.id }, h("span", {}, view.text)), view, running: false };
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
