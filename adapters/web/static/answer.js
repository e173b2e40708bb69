// The bot's message: status, code runs, text, images, files, notes, buttons.

import { fileSize, h, icon, setHtml, toast } from "./dom.js";
import { enlarge, fileCard, picture } from "./files.js";

const RUN_WORDS = {
  writing: "Writing Python…", running: "Running Python…", done: "Ran Python",
  raised: "Python, with an error", failed: "Python failed", stopped: "Python, stopped",
};
const ACTION_WORDS = { retry: "Retry" }; // Reset and Stop have their places elsewhere on the page
const RUN_ICONS = { writing: "code", running: "code", done: "check", raised: "alert", failed: "cross", stopped: "stop" };
const BUSY = new Set(["writing", "running"]);

/** One answer, updated in place so that what a person has opened stays open. */
export class Answer {
  constructor(view, onAction) {
    this.onAction = onAction;
    this.runs = new Map();
    this.status = h("p", { class: "status" }, h("span", { class: "spinner" }), h("span", {}));
    this.steps = h("div", { class: "runs" });
    this.text = h("div", { class: "prose" });
    this.extras = h("div", { class: "extras" });
    this.element = h("li", { class: "message bot", "data-id": view.id },
      h("img", { class: "avatar", src: "/static/icon.svg", alt: "Threadlab", width: "28", height: "28" }),
      h("div", { class: "body" }, this.steps, this.text, this.status, this.extras));
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
    this.#drawRuns();
    if (this.html !== view.html) {
      this.html = view.html;
      setHtml(this.text, view.html);
      decorate(this.text);
    }
    this.text.classList.toggle("growing", !done && Boolean(view.html));
    this.extras.replaceChildren(...(done ? this.#extras() : []));
  }

  #drawRuns() {
    const ids = new Set(this.view.runs.map((run) => run.id));
    for (const [id, run] of this.runs) {
      if (!ids.has(id)) {
        run.element.remove();
        this.runs.delete(id);
      }
    }
    for (const run of this.view.runs) {
      const known = this.runs.get(run.id);
      if (known) known.update(run);
      else {
        const made = new Run(run);
        this.runs.set(run.id, made);
        this.steps.append(made.element);
      }
    }
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
    const offered = this.view.actions.filter((action) => action in ACTION_WORDS);
    const buttons = offered.map((action) => h("button", {
      type: "button", class: "plain action", "data-action": action, onclick: () => this.onAction(action),
    }, icon(action), ACTION_WORDS[action]));
    const copyAll = h("button", {
      type: "button", class: "quiet", "aria-label": "Copy the answer",
      onclick: (event) => copy(this.view.text, event.currentTarget),
    }, icon("copy"));
    return h("div", { class: "tools" }, ...(this.view.text ? [copyAll] : []), ...buttons);
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
    this.mark.replaceChildren(icon(RUN_ICONS[view.state] ?? "code"));
    this.title.replaceChildren(RUN_WORDS[view.state] ?? view.state,
      ...(view.title ? [h("span", { class: "run-about" }, view.title)] : []));
    this.#body(view);
  }

  #body(view) {
    const code = h("code", {});
    setHtml(code, view.code_html);
    const block = h("pre", { class: "code" }, code);
    const parts = [block];
    addCopy(block, view.code);
    if (view.logs) {
      parts.push(h("p", { class: "caption" }, "Output"), h("pre", { class: "logs" }, view.logs));
    }
    for (const url of view.images) parts.push(picture(url, "Output of the code"));
    this.body.replaceChildren(...parts);
    if (BUSY.has(view.state)) block.scrollTop = block.scrollHeight;
  }
}

function figure(file) {
  return h("figure", {}, picture(file.url, file.name),
    h("figcaption", {}, h("a", { href: file.url, download: file.name }, icon("download"),
      h("span", { class: "file-name" }, file.name), h("span", { class: "file-size" }, fileSize(file.size_bytes)))));
}

function decorate(prose) {
  for (const block of prose.querySelectorAll("pre")) addCopy(block, block.textContent);
  for (const image of prose.querySelectorAll("img")) {
    image.addEventListener("click", () => enlarge(image.src, image.alt));
  }
}

function addCopy(block, text) {
  const holder = h("div", { class: "copyable" });
  block.replaceWith(holder);
  holder.append(block, h("button", {
    type: "button", class: "quiet copy", "aria-label": "Copy the code",
    onclick: (event) => copy(text, event.currentTarget),
  }, icon("copy")));
}

async function copy(text, button) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    toast("The browser does not let this page copy.");
    return;
  }
  button.replaceChildren(icon("check"));
  setTimeout(() => button.replaceChildren(icon("copy")), 1500);
}
