// The first screen: what this is, and something to try.

import { abilities } from "./abilities.js";
import { h, icon } from "./dom.js";

const SAMPLE = "/static/sample-sales.csv";
const PROMPTS = [
  { icon: "sum", title: "Solve an equation", text: "3x + 11 = 14. Show x." },
  { icon: "steps", title: "Compute step by step",
    text: "Compute 4 * 3.82. Then take the square root of that result. Then again." },
  { icon: "code", title: "Run your own Python",
    text: "```python\nimport sympy\nprint(list(sympy.primerange(2, 60)))\n```" },
];

const ABOUT = "Every conversation has a Python lab of its own.";
const WITH_MODEL = `${ABOUT} Drop a spreadsheet, an image or a PDF, ask in plain words, and get numbers, charts and files back.`;
const WITHOUT_MODEL = `${ABOUT} There is no language model here: it understands a fixed list of questions about tables, pictures, numbers and Python.`;

/** Draw it. `onAsk(text, files)` sends a message; `offline`: no language model answers. */
export function drawWelcome(root, { offline, onAsk }) {
  const sample = h("button", { type: "button", class: "sample featured", id: "try-sample", onclick: () => withSample(onAsk) },
    icon("table"), h("span", {}, h("strong", {}, "Try with the sample spreadsheet"),
      h("span", {}, "Total revenue by region and a bar chart")));
  const others = PROMPTS.map((prompt) => h("button", {
    type: "button", class: "sample", onclick: () => onAsk(prompt.text, []),
  }, icon(prompt.icon), h("span", {}, h("strong", {}, prompt.title), h("span", {}, preview(prompt.text)))));
  root.replaceChildren(
    h("img", { src: "/static/icon.svg", alt: "", width: "56", height: "56" }),
    h("h2", {}, "What shall we compute?"),
    offline ? h("p", {}, `${WITHOUT_MODEL} `, abilities({ id: "understands" })) : h("p", {}, WITH_MODEL),
    h("div", { class: "samples" }, sample, ...others));
}

function preview(text) {
  return text.replace(/```(python)?/g, "").replace(/\s+/g, " ").trim();
}

async function withSample(onAsk) {
  const response = await fetch(SAMPLE);
  const file = new File([await response.blob()], "sample-sales.csv", { type: "text/csv" });
  await onAsk("total revenue by region and a bar chart", [file]);
}
