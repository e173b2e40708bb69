// What is understood without a language model: the main kinds of questions, with an example each.

import { byId, h } from "./dom.js";

const KINDS = [
  ["Totals and averages", "total revenue by region"],
  ["Over time", "revenue by month as a line chart"],
  ["Only some rows", "total revenue for North in March 2025"],
  ["Best and worst", "top 5 rows by revenue"],
  ["Shares and comparisons", "share of revenue by product"],
  ["Charts", "histogram of units"],
  ["Cleaning and joining", "clean it"],
  ["Files back", "total revenue by region as an excel file"],
  ["Pictures", "make it grayscale and show a histogram"],
  ["Arithmetic", "what is 15% of 230"],
  ["Equations", "3x + 11 = 14. Show x."],
  ["Units", "convert 5 miles to km"],
  ["Your own Python", "```python\nprint(6 * 7)\n```"],
];

/** A button that opens the list, in the style of a link. */
export function abilities(attributes = {}) {
  return h("button", { type: "button", class: "link", onclick: show, ...attributes }, "What it understands");
}

function show() {
  const dialog = byId("abilities");
  byId("abilities-list").replaceChildren(...KINDS.flatMap(([kind, example]) => [
    h("dt", {}, kind), h("dd", { class: "example" }, example),
  ]));
  dialog.showModal();
  dialog.scrollTop = 0; // the focus is on its last button
}
