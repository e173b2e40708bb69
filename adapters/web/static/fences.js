// A person's own text: fenced code is drawn as code, everything else as it was written.

import { h } from "./dom.js";

const FENCED = /^[ \t]*```[^`\n]*\n([\s\S]*?)(?:\n?^[ \t]*```[ \t]*(?:\n|$(?![\s\S]))|$(?![\s\S]))/gm;

/** The parts of a text, as elements and strings. */
export function withCode(text) {
  const parts = [];
  let end = 0;
  for (const fence of text.matchAll(FENCED)) {
    parts.push(text.slice(end, fence.index).replace(/\n$/, ""), h("pre", {}, h("code", {}, fence[1])));
    end = fence.index + fence[0].length;
  }
  parts.push(text.slice(end));
  return parts.filter((part) => part !== "");
}
