// What part of a conversation is in view: the newest question at the top, its answer growing below.

import { byId } from "./dom.js";

const NEAR_END_PX = 80;
const MARGIN_PX = 16;
const TALL_SHARE = 0.4; // of the view, at most, for a long question

const scroll = byId("scroll");
const room = byId("room");
const latest = byId("latest");

/** Moves when a question is shown or the person asks for the end, and not while an answer grows. */
export class View {
  constructor() {
    this.question = null;
    this.following = false; // the end, after the button, until the person scrolls up
    this.top = 0;
    scroll.addEventListener("scroll", () => this.#scrolled());
    latest.addEventListener("click", () => this.end());
    const sizes = new ResizeObserver(() => this.#resized());
    for (const element of [scroll, byId("messages"), byId("typing")]) sizes.observe(element);
  }

  /** Bring a question to the top; null for an empty conversation. */
  show(question) {
    this.question = question;
    this.following = false;
    this.#makeRoom();
    scroll.scrollTop = question ? this.#target() : 0;
    this.#offerEnd();
  }

  /** Go to the end, and stay there until the person scrolls up. */
  end() {
    this.following = true;
    this.#toEnd("smooth");
  }

  /** Where the view is when it shows the question; of a very long one its end. */
  #target() {
    const box = this.question.getBoundingClientRect();
    const top = box.top - scroll.getBoundingClientRect().top + scroll.scrollTop;
    return Math.max(top - MARGIN_PX, top + box.height - scroll.clientHeight * TALL_SHARE);
  }

  /** Space below the messages, without which a short answer would pull its question down. */
  #makeRoom() {
    let missing = 0;
    if (this.question) {
      const padding = parseFloat(getComputedStyle(scroll).paddingBottom);
      missing = this.#target() + scroll.clientHeight - padding - this.#end();
    }
    room.style.height = `${Math.max(0, Math.ceil(missing))}px`;
  }

  /** Where the messages end. */
  #end() {
    return room.getBoundingClientRect().top - scroll.getBoundingClientRect().top + scroll.scrollTop;
  }

  #resized() {
    this.#makeRoom();
    if (this.following) this.#toEnd("instant");
    this.#offerEnd();
  }

  #scrolled() {
    if (scroll.scrollTop < this.top && this.#below() > 0) this.following = false;
    this.top = scroll.scrollTop;
    this.#offerEnd();
  }

  #below() {
    return this.#end() - scroll.scrollTop - scroll.clientHeight;
  }

  #offerEnd() {
    latest.hidden = this.following || this.#below() < NEAR_END_PX;
  }

  #toEnd(behavior) {
    scroll.scrollTo({ top: scroll.scrollHeight, behavior });
  }
}
