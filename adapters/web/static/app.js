// The page: puts the parts together.

import * as api from "./api.js";
import { Composer } from "./composer.js";
import { Conversation } from "./conversation.js";
import { byId, clearToast, confirmed, freshId, setHtml, toast } from "./dom.js";
import { EventStream } from "./events.js";
import { Sidebar } from "./sidebar.js";
import { drawWelcome } from "./welcome.js";
import { Workspace } from "./workspace.js";

let current = null; // the id of the open conversation; null before its first message
let creating = null; // the promise of that id while it is being made
let loaded = false; // whether the open conversation has been drawn

const limits = await api.config();
const workspace = new Workspace();
const conversation = new Conversation(act, changed);
const sidebar = new Sidebar(open);
const composer = new Composer({ limits, conversation: ensureConversation, onSend: send });
const events = new EventStream({
  snapshot(picture) {
    sidebar.set(picture.conversations);
    if (current && !picture.conversation) {
      open(null);
      toast("There is no such conversation.");
      return;
    }
    loaded = true;
    workspace.set(picture.workspace ?? null);
    if (current) conversation.set(picture);
    changed();
  },
  conversation(item) { sidebar.update(item); changed(); },
  message(message) { conversation.update(message); },
  progress(change) { conversation.progress(change); },
  typing() { conversation.setTyping(true); },
  workspace(view) { workspace.set(view); changed(); },
  connection(up) { byId("offline").hidden = up; },
});

/** Open a conversation, or the first screen of a new one. */
function open(id, { push = true } = {}) {
  current = id;
  creating = null;
  loaded = id === null;
  clearToast();
  conversation.clear();
  workspace.set(null);
  composer.open(id);
  sidebar.select(id);
  events.follow(id);
  if (push) history.pushState(null, "", id ? `/c/${encodeURIComponent(id)}` : "/");
  showMenu(false);
  changed();
  composer.focus();
}

/** The id of the open conversation, made with its first message or file. */
function ensureConversation() {
  if (current) return Promise.resolve(current);
  creating ??= api.createConversation().then(({ id }) => {
    current = id;
    composer.adopt(id);
    sidebar.select(id);
    events.follow(id);
    history.replaceState(null, "", `/c/${encodeURIComponent(id)}`);
    return id;
  }).finally(() => { creating = null; });
  return creating;
}

// A message keeps its id until it was taken, so that sending it again can't double it.
let unsent = null;

async function send(message) {
  const content = JSON.stringify(message);
  if (unsent?.content !== content) unsent = { content, client_id: freshId() };
  try {
    const id = await ensureConversation();
    await api.say(id, { client_id: unsent.client_id, ...message });
    unsent = null;
    return true;
  } catch (error) {
    toast(error.message);
    return false;
  }
}

/** What a button stands for; a reset only after a question. */
async function act(name) {
  const agreed = name !== "reset" || await confirmed({
    title: "Reset this conversation's lab?",
    text: "The container ends and the bot forgets what was said. Your files stay.",
    action: "Reset",
  });
  if (agreed) await runCommand(name);
}

async function runCommand(name) {
  if (!current) return;
  try {
    const result = await api.command(current, name);
    if (result.html) say(result.html);
  } catch (error) {
    toast(error.message);
  }
}

function say(html) {
  const box = document.createElement("div");
  setHtml(box, html);
  toast(box.textContent.trim());
}

async function ask(text, files) {
  if (!files.length) {
    await send({ text, upload_ids: [] });
    return;
  }
  try {
    const id = await ensureConversation();
    const uploaded = await Promise.all(files.map((file) => api.upload(id, file, () => {}).done));
    await send({ text, upload_ids: uploaded.map((file) => file.id) });
  } catch (error) {
    toast(error.message);
  }
}

/** Bring what surrounds the messages in line with them. */
function changed() {
  const title = current ? sidebar.title(current) : "New conversation";
  byId("title").textContent = title;
  document.title = current ? `${title} · Threadlab` : "Threadlab";
  byId("welcome").hidden = !(loaded && conversation.empty);
  byId("hint").textContent = byId("welcome").hidden ? "" : limits.engine_note; // answers say it too
  byId("stop").hidden = !conversation.busy;
  byId("reset").hidden = !workspace.used;
}

function showMenu(shown) {
  document.body.classList.toggle("menu-open", shown);
  byId("veil").hidden = !shown;
  byId("menu").setAttribute("aria-expanded", String(shown));
}

byId("new").addEventListener("click", () => open(null));
byId("menu").addEventListener("click", () => showMenu(!document.body.classList.contains("menu-open")));
byId("veil").addEventListener("click", () => showMenu(false));
byId("stop").addEventListener("click", () => act("stop"));
byId("reset").addEventListener("click", () => act("reset"));
document.addEventListener("keydown", (event) => { if (event.key === "Escape") showMenu(false); });
window.addEventListener("popstate", () => open(conversationInAddress(), { push: false }));

function conversationInAddress() {
  const match = location.pathname.match(/^\/c\/([^/]+)$/);
  return match ? decodeURIComponent(match[1]) : null;
}

if (limits.engine_note) byId("text").placeholder = "Ask about a file or numbers…";
drawWelcome(byId("welcome"), { offline: Boolean(limits.engine_note), onAsk: ask });
open(conversationInAddress(), { push: false });
document.body.dataset.ready = "true";
