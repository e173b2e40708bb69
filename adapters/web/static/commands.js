// The commands of the core: which there are, what is asked before one runs, where its result goes.

import * as api from "./api.js";
import { confirmed, icon, plainText, toast } from "./dom.js";

const ICONS = new Set(["code", "effort", "files", "forget", "help", "memory", "mode", "model", "notebook", "reset", "retry", "settings", "status", "stop", "usage"]);
const OTHER_ICONS = { again: "retry", files: "folder", forget: "trash", mode: "memory" };
const EFFECT_IS_SEEN = new Set(["again", "forget", "reset", "retry", "stop"]); // their result is a passing sentence

/** Runs commands in the open conversation. `conversation()` promises its id, `results` shows. */
export class Commands {
  constructor({ conversation, results }) {
    this.conversation = conversation;
    this.results = results;
    this.all = [];
    this.erasing = null; // the conversation that this tab deletes
  }

  async load() {
    this.all = (await api.commands()).commands.map(withPlainHelp);
  }

  get listed() {
    return this.all.filter((spec) => spec.listed);
  }

  find(name) {
    return this.all.find((spec) => spec.name === name);
  }

  /** A line of the composer as a command: `{name, words}`; null for everything else. A slash and
   * one unknown word is a mistyped command rather than a question: the server says so. */
  parse(line) {
    const match = line.trim().match(/^\/([a-z]+)(?:\s+([\s\S]*))?$/i);
    const name = match?.[1].toLowerCase();
    const known = match && (this.find(name)?.listed || (!this.find(name) && !match[2]));
    return known ? { name, words: match[2] ?? "" } : null;
  }

  /** Run one, after a question where it can't be taken back. True where it was run. Its result
   * bears the `label` of the button that was pressed, or else the command as it was written. */
  async run(name, words = "", label = null) {
    const question = questionBefore(name, words);
    if (question && !await confirmed(question)) return false;
    const card = EFFECT_IS_SEEN.has(name) ? null : this.results.begin(name, words, label);
    try {
      const id = await this.conversation();
      if (name === "forget") this.erasing = id;
      const result = await api.command(id, name, name === "forget" ? "yes" : words);
      if (card) card.finish(result);
      else toast(plainText(result.html));
      return result.ok;
    } catch (error) {
      card?.remove();
      toast(error.message);
      return false;
    }
  }

  /** Values for an argument of a command: all there are, or those that the core suggests. */
  async choices(spec, argument, typed) {
    if (!argument.completes) {
      return argument.choices.filter((value) => value.startsWith(typed.toLowerCase())).map((value) => ({ value, label: value }));
    }
    const id = await this.conversation();
    return (await api.complete(id, spec.name, argument.name, typed)).choices;
  }
}

export function commandIcon(name) {
  return icon(OTHER_ICONS[name] ?? (ICONS.has(name) ? name : "slash"));
}

/** How a command is written: `memory <1g|4g>`; what is in brackets may be left out. */
export function argumentsOf(spec) {
  return spec.arguments.map((argument) => {
    const shown = argument.choices.length && argument.choices.length <= 5 ? argument.choices.join("|") : argument.name;
    return argument.required ? `<${shown}>` : `[${shown}]`;
  }).join(" ");
}

/** Help is Markdown, and shown as text. */
function withPlainHelp(spec) {
  const plain = (item) => ({ ...item, help: item.help.replaceAll("`", "") });
  return { ...plain(spec), arguments: spec.arguments.map(plain) };
}

/** What is asked before a file of the workspace is deleted. */
export function deletionQuestion(name) {
  return {
    title: `Delete ${name}?`, action: "Delete",
    text: "Later questions do not find it any more. What answers have posted stays in the conversation.",
  };
}

function questionBefore(name, words) {
  if (name === "forget") {
    return {
      title: "Delete this conversation?", action: "Delete",
      text: "Its messages, files, container and everything else that is kept of it are erased for good.",
    };
  }
  const file = name === "files" && words.trim().match(/^delete\s+(.+)$/i);
  if (file) return deletionQuestion(file[1]);
  if (name !== "reset") return null;
  const files = words.trim() ? "Its files go too." : "Your files stay.";
  return {
    title: "Reset this conversation's lab?", action: "Reset",
    text: `The container ends and the bot forgets what was said. ${files}`,
  };
}
