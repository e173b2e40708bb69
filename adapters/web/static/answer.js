// The bot's message: status, code runs, text, images, files, notes, buttons.

import { commandIcon } from "./commands.js";
import { copy, withCopy } from "./copying.js";
import { fileSize, h, icon, setHtml } from "./dom.js";
import { enlarge, fileCard, picture } from "./files.js";
import { Runs } from "./runs.js";

/** One answer, updated in place so that what a person has opened stays open. */
export class Answer {
  constructor(view, { onAction, onJudge }) {
    this.onAction = onAction;
    this.onJudge = onJudge;
    this.runs = new Runs();
    this.status = h("p", { class: "status" }, h("span", { class: "spinner" }), h("span", {}));
    this.text = h("div", { class: "prose" });
    this.extras = h("div", { class: "extras" });
    this.element = h("li", { class: "message bot", "data-id": view.id },
      h("img", { class: "avatar", src: "/static/icon.svg", alt: "Threadlab", width: "28", height: "28" }),
      h("div", { class: "body" }, this.runs.element, this.text, this.status, this.extras));
    this.update(view);
  }

  /** The whole message as it is now. */
  update(view) {
    this.view = { ...view, runs: [...view.runs] };
    this.#draw();
  }

  /** What has changed since, while the answer is being worked on. */
  progress(change) {
    if (this.view.state === "done") return;
    this.view.state = "running";
    this.view.status = change.status;
    if (change.html !== undefined) this.view.html = change.html;
    for (const run of change.runs ?? []) {
      const at = this.view.runs.findIndex((known) => known.id === run.id);
      if (at < 0) this.view.runs.push(run);
      else this.view.runs[at] = run;
    }
    this.#draw();
  }

  get running() {
    return this.view.state === "running";
  }

  #draw() {
    const { view } = this;
    const done = view.state === "done";
    this.element.classList.toggle("failed", Boolean(view.failed));
    this.element.dataset.state = view.state;
    this.status.hidden = done;
    this.status.classList.toggle("paused", view.state === "paused");
    this.status.lastChild.textContent = view.status || "Thinking…";
    this.runs.set(view.runs);
    if (this.html !== view.html) {
      this.html = view.html;
      setHtml(this.text, view.html);
      decorate(this.text);
    }
    this.text.classList.toggle("growing", !done && Boolean(view.html));
    this.extras.replaceChildren(...(done ? this.#extras() : []));
  }

  #extras() {
    const { view } = this;
    const shown = new Set([...this.text.querySelectorAll("img")].map((image) => image.getAttribute("src")));
    const images = view.files.filter((file) => file.image && !shown.has(file.url));
    const parts = [];
    if (images.length) parts.push(h("div", { class: "pictures" }, ...images.map(figure)));
    else if (!shown.size) {
      const drawn = view.runs.flatMap((run) => run.images);
      if (drawn.length) {
        parts.push(h("div", { class: "pictures" }, ...drawn.map((url) => h("figure", {}, picture(url, "Chart")))));
      }
    }
    const cards = view.files.filter((file) => !file.image || shown.has(file.url));
    if (cards.length) parts.push(h("div", { class: "files" }, ...cards.map(fileCard)));
    for (const note of view.notes) {
      parts.push(h("p", { class: "note" }, icon(view.failed ? "alert" : "info"), h("span", {}, note)));
    }
    parts.push(this.#tools());
    return parts;
  }

  #tools() {
    const { actions, failed, text } = this.view;
    const ordered = failed ? actions.toSorted((one, other) => isRetry(other) - isRetry(one)) : actions;
    const buttons = ordered.map((action, at) => h("button", {
      type: "button", "data-action": action.command, onclick: () => this.onAction(action),
      class: failed && at === 0 && isRetry(action) ? "primary action" : "plain action",
    }, commandIcon(action.command), action.label));
    const copyAll = h("button", {
      type: "button", class: "quiet", "aria-label": "Copy the answer", title: "Copy the answer",
      onclick: (event) => copy(text, event.currentTarget),
    }, icon("copy"));
    const thumbs = this.onJudge && !failed ? [this.#thumb(true), this.#thumb(false)] : [];
    return h("div", { class: "tools" }, ...(text ? [copyAll] : []), ...thumbs,
      h("div", { class: "actions" }, ...buttons));
  }

  #thumb(good) {
    return h("button", {
      type: "button", class: "quiet thumb", "aria-label": good ? "Good answer" : "Bad answer",
      title: good ? "Good answer" : "Bad answer", "aria-pressed": String(this.view.good === good),
      onclick: () => this.onJudge(this.view.id, good),
    }, icon(good ? "good" : "bad"));
  }
}

function isRetry(action) {
  return action.command === "again" || action.command === "retry";
}

function figure(file) {
  return h("figure", {}, picture(file.url, file.name),
    h("figcaption", {}, h("a", { href: file.url, download: file.name }, icon("download"),
      h("span", { class: "file-name" }, file.name), h("span", { class: "file-size" }, fileSize(file.size_bytes)))));
}

function decorate(prose) {
  for (const block of prose.querySelectorAll("pre")) {
    const place = document.createComment("");
    block.replaceWith(place);
    place.replaceWith(withCopy(block, block.textContent));
  }
  for (const image of prose.querySelectorAll("img")) {
    image.addEventListener("click", () => enlarge(image.src, image.alt));
  }
}
