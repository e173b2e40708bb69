// Where messages are written: text, files by button, drop and paste; drafts survive a reload.

import { byId, fileSize, toast } from "./dom.js";
import { SlashMenu } from "./slash.js";
import { Uploads } from "./uploads.js";

const form = byId("composer");
const text = byId("text");

/** The composer. `onSend({text, upload_ids})` resolves true when the message was taken;
 * `commands.parse` knows a command, which goes to `onCommand({name, words})` instead. */
export class Composer {
  constructor({ limits, conversation, commands, onSend, onCommand }) {
    this.onSend = onSend;
    this.onCommand = onCommand;
    this.commands = commands;
    this.slash = new SlashMenu({ commands, onRun: () => this.send() });
    this.draftKey = "draft:";
    this.uploads = new Uploads({ limits, conversation, onChange: () => this.#uploaded() });
    text.maxLength = limits.text_limit_chars;
    form.addEventListener("submit", (event) => { event.preventDefault(); this.send(); });
    text.addEventListener("input", () => { this.queued = false; this.#changed(); });
    text.addEventListener("keydown", (event) => this.#key(event));
    byId("attach").addEventListener("click", () => byId("files").click());
    byId("files").addEventListener("change", (event) => {
      this.uploads.add([...event.target.files]);
      event.target.value = "";
      text.focus();
    });
    text.addEventListener("beforeinput", (event) => refuseTooLong(event, limits.text_limit_chars));
    this.#paste();
    this.#drop(limits);
  }

  /** Turn to another conversation and its draft. */
  open(conversation) {
    this.queued = false;
    this.uploads.drop();
    this.draftKey = `draft:${conversation ?? ""}`;
    const draft = JSON.parse(sessionStorage.getItem(this.draftKey) ?? "{}");
    text.value = draft.text ?? "";
    this.uploads.restore(draft.uploads ?? []);
  }

  /** The conversation has got its id while its first message is being written. */
  adopt(conversation) {
    sessionStorage.removeItem(this.draftKey);
    this.draftKey = `draft:${conversation}`;
    this.#changed();
  }

  /** Put a text into the field, for the person to finish. */
  fill(value) {
    text.value = value;
    this.#changed();
    text.focus();
    this.slash.update();
  }

  /** Ready for typing; not on a phone, whose keyboard would cover the page. */
  focus() {
    if (matchMedia("(hover: hover)").matches) text.focus();
  }

  async send() {
    if (this.uploads.pending && !this.sending) {
      this.queued = true; // sent when the files have arrived, unless the text is changed before
      toast("Your message is sent as soon as its files are uploaded.");
    }
    if (!this.#ready() || this.sending) return;
    const command = this.commands.parse(text.value);
    if (command) {
      this.fill("");
      this.onCommand(command);
      return;
    }
    this.sending = true;
    const message = { text: text.value.trim(), upload_ids: this.uploads.views.map((view) => view.id) };
    try {
      if (await this.onSend(message)) {
        text.value = "";
        this.uploads.clear();
      }
    } finally {
      this.sending = false;
      this.#changed();
    }
  }

  #uploaded() {
    this.#changed();
    if (!this.queued || this.uploads.pending) return;
    this.queued = false;
    if (!this.uploads.failed) this.send();
  }

  #ready() {
    return !this.uploads.pending && Boolean(text.value.trim() || this.uploads.views.length);
  }

  #changed() {
    text.style.height = "auto";
    // Empty, it would measure its placeholder, which may need two lines on a phone.
    if (text.value) text.style.height = `${text.scrollHeight}px`;
    byId("send").disabled = !this.#ready();
    const draft = { text: text.value, uploads: this.uploads.views };
    if (draft.text || draft.uploads.length) sessionStorage.setItem(this.draftKey, JSON.stringify(draft));
    else sessionStorage.removeItem(this.draftKey);
  }

  #key(event) {
    if (this.slash.key(event)) return;
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    this.send();
  }

  #paste() {
    document.addEventListener("paste", (event) => {
      const files = [...(event.clipboardData?.files ?? [])];
      if (!files.length) return;
      event.preventDefault();
      this.uploads.add(files.map(named));
    });
  }

  #drop(limits) {
    const zone = byId("dropzone");
    zone.querySelector("span").textContent += ` · up to ${fileSize(limits.attachment_limit_bytes)} each`;
    const hasFiles = (event) => event.dataTransfer?.types.includes("Files");
    let depth = 0;
    const leave = () => { depth = 0; zone.hidden = true; };
    document.addEventListener("dragenter", (event) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      depth += 1;
      zone.hidden = false;
    });
    document.addEventListener("dragover", (event) => { if (hasFiles(event)) event.preventDefault(); });
    document.addEventListener("dragleave", () => { depth -= 1; if (depth <= 0) leave(); });
    document.addEventListener("drop", (event) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      leave();
      this.uploads.add([...event.dataTransfer.files]);
      text.focus();
    });
  }
}

/** Nothing of a conversation that was deleted stays in this tab. */
export function forgetDraft(conversation) {
  sessionStorage.removeItem(`draft:${conversation}`);
}

/** A text that does not fit is refused: the field itself would cut it and say nothing. */
function refuseTooLong(event, limitChars) {
  const replaced = text.selectionEnd - text.selectionStart;
  const added = event.data ?? event.dataTransfer?.getData("text/plain") ?? "";
  if (text.value.length - replaced + added.length <= limitChars) return;
  event.preventDefault();
  toast(`A message has at most ${limitChars.toLocaleString("en")} characters. Attach longer text as a file.`);
}

/** Pasted images are all called "image.png": give them a name that tells them apart. */
function named(file) {
  if (file.name !== "image.png") return file;
  const moment = new Date().toISOString().slice(0, 19).replace(/[T:]/g, "-");
  return new File([file], `pasted-${moment}.png`, { type: file.type });
}
