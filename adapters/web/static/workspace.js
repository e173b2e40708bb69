// The chip that tells how the conversation's container is.

import { byId, h } from "./dom.js";

const chip = byId("container");
const TICK_MS = 1000;

/** Shows the container's state and counts its time down; `onExpired()` when it has run out. */
export class Workspace {
  constructor() {
    setInterval(() => this.#draw(), TICK_MS);
  }

  set(view) {
    this.view = view;
    this.ends = view?.expires_in_seconds === null || view === null
      ? null : performance.now() + view.expires_in_seconds * 1000;
    this.#draw();
  }

  /** Whether there is something to reset. */
  get used() {
    return Boolean(this.view) && (this.view.state !== "none" || this.view.file_count > 0);
  }

  #draw() {
    const { view } = this;
    chip.hidden = !view || view.state === "none";
    if (chip.hidden) return;
    const left = this.ends === null ? null : Math.max(0, this.ends - performance.now()) / 1000;
    const over = view.state === "expired" || left === 0;
    chip.dataset.state = over ? "expired" : view.state;
    const state = over ? "asleep" : left === null ? "running" : clock(left);
    chip.replaceChildren(h("span", { class: "chip-name" }, over ? "Container " : "Container · "), state);
    chip.title = over
      ? "It ended after being idle. The next message starts a fresh one with the same files."
      : [`${view.file_count} ${view.file_count === 1 ? "file" : "files"}`, view.memory_limit && `${view.memory_limit} memory`,
        left !== null && "ends when idle that long"].filter(Boolean).join(", ");
  }
}

/** "19:59" */
function clock(seconds) {
  const whole = Math.ceil(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")} left`;
}
