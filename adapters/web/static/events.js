// One event stream for this tab: everything shown comes from it.

import { config } from "./api.js";

const KINDS = ["snapshot", "conversation", "message", "progress", "typing", "workspace", "forgotten"];
const RETRY_MS = 1500;
const HIDDEN_MS = 20000;

/** Follows one conversation (or none); `handlers` by kind of event, and `connection(isUp)`. */
export class EventStream {
  constructor(handlers) {
    this.handlers = handlers;
    this.conversation = null;
    document.addEventListener("visibilitychange", () => this.#visibility());
  }

  /** Follow another conversation; it begins with a snapshot. */
  follow(conversation) {
    this.conversation = conversation;
    this.#open();
  }

  #open() {
    this.#close();
    const query = this.conversation ? `?conversation=${encodeURIComponent(this.conversation)}` : "";
    const source = new EventSource(`/api/events${query}`);
    this.source = source;
    source.onopen = () => this.handlers.connection(true);
    source.onerror = () => {
      this.handlers.connection(false);
      // The browser comes back by itself after a broken line, but not after a refusal.
      if (source.readyState === EventSource.CLOSED) this.#again();
    };
    for (const kind of KINDS) {
      source.addEventListener(kind, (event) => this.handlers[kind](JSON.parse(event.data)));
    }
  }

  #close() {
    clearTimeout(this.timer);
    this.source?.close();
    this.source = null;
  }

  #again() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.#open(), RETRY_MS);
    config().catch(() => {}); // where the token is wanted anew, asking leads to its form
  }

  // A browser has six connections to one host for all tabs: those nobody looks at give theirs back.
  #visibility() {
    clearTimeout(this.timer);
    if (document.hidden) this.timer = setTimeout(() => this.#close(), HIDDEN_MS);
    else if (!this.source) this.#open();
  }
}
