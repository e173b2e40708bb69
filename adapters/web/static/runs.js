// The code runs of an answer: each collapsible; many of them fold into one line.

import { withCopy } from "./copying.js";
import { h, icon, setHtml } from "./dom.js";
import { picture } from "./files.js";

const WORDS = {
  writing: "Writing Python…", running: "Running Python…", done: "Ran Python",
  raised: "Python, with an error", failed: "Python failed", stopped: "Python, stopped",
};
const ICONS = { writing: "code", running: "code", done: "check", raised: "alert", failed: "cross", stopped: "stop" };
const BUSY = new Set(["writing", "running"]);
const GROUPED_FROM = 3;

/** All runs of one answer. More than two fold into "Ran Python 4 times", but for one at work. */
export class Runs {
  constructor() {
    this.known = new Map();
    this.title = h("span", { class: "run-title" });
    this.mark = h("span", { class: "mark" });
    this.folded = h("div", { class: "runs" });
    this.group = h("details", { class: "run-group", hidden: true },
      h("summary", {}, this.mark, this.title, h("span", { class: "chevron" }, icon("chevron"))), this.folded);
    this.element = h("div", { class: "runs" }, this.group);
  }

  /** The runs as they are now. */
  set(views) {
    const ids = new Set(views.map((view) => view.id));
    for (const [id, run] of this.known) {
      if (!ids.has(id)) {
        run.element.remove();
        this.known.delete(id);
      }
    }
    const ended = views.filter((view) => !BUSY.has(view.state));
    const grouped = views.length >= GROUPED_FROM;
    for (const view of views) {
      const known = this.known.get(view.id);
      if (known) known.update(view);
      else this.known.set(view.id, new Run(view));
      const { element } = this.known.get(view.id);
      const place = grouped && ended.includes(view) ? this.folded : this.element;
      if (element.parentNode !== place) place.append(element);
    }
    this.element.hidden = !views.length;
    this.group.hidden = !grouped || !ended.length;
    if (!this.group.hidden) this.#summary(ended);
  }

  #summary(ended) {
    const worst = ["failed", "raised"].find((state) => ended.some((view) => view.state === state)) ?? "done";
    const bad = ended.filter((view) => view.state === "raised" || view.state === "failed").length;
    this.group.dataset.state = worst;
    this.mark.replaceChildren(icon(ICONS[worst]));
    this.title.textContent = `Ran Python ${ended.length} times${bad ? `, ${bad} with an error` : ""}`;
  }
}

/** One run of code, collapsible; open while it is at work, unless the person decides otherwise. */
class Run {
  constructor(view) {
    this.mark = h("span", { class: "mark" });
    this.title = h("span", { class: "run-title" });
    this.body = h("div", { class: "run-body" });
    this.element = h("details", { class: "run" },
      h("summary", { onclick: () => { this.touched = true; } },
        this.mark, this.title, h("span", { class: "chevron" }, icon("chevron"))),
      this.body);
    this.update(view);
  }

  update(view) {
    const text = JSON.stringify(view);
    if (text === this.drawn) return;
    this.drawn = text;
    const busy = BUSY.has(view.state);
    if (!this.touched) this.element.open = busy;
    this.element.dataset.state = view.state;
    this.mark.replaceChildren(icon(ICONS[view.state] ?? "code"));
    this.title.replaceChildren(WORDS[view.state] ?? view.state,
      ...(view.title ? [h("span", { class: "run-about" }, view.title)] : []));
    this.#body(view);
  }

  #body(view) {
    const code = h("code", {});
    setHtml(code, view.code_html);
    const block = h("pre", { class: "code" }, code);
    const parts = [withCopy(block, view.code)];
    if (view.logs) {
      parts.push(h("p", { class: "caption" }, "Output"), h("pre", { class: "logs" }, view.logs));
    }
    for (const url of view.images) parts.push(picture(url, "Output of the code"));
    this.body.replaceChildren(...parts);
    if (BUSY.has(view.state)) block.scrollTop = block.scrollHeight;
  }
}
