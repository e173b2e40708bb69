// The page: puts the parts together.

import { abilities } from "./abilities.js";
import * as api from "./api.js";
import { Commands } from "./commands.js";
import { Composer, forgetDraft } from "./composer.js";
import { Conversation } from "./conversation.js";
import { byId, clearToast, freshId, plainText, toast } from "./dom.js";
import { EventStream } from "./events.js";
import { ConversationMenu } from "./menu.js";
import { FilesPanel } from "./panel.js";
import { Results } from "./results.js";
import { Sidebar } from "./sidebar.js";
import { drawWelcome } from "./welcome.js";
import { Workspace } from "./workspace.js";

let current = null; // the id of the open conversation; null before its first message
let creating = null; // the promise of that id while it is being made
let loaded = false; // whether the open conversation has been drawn

const limits = await api.config();
const understands = abilities(); // besides the first screen's
const workspace = new Workspace();
const results = new Results({ onAction: act, onChange: changed });
const commands = new Commands({ conversation: ensureConversation, results });
await commands.load();
const conversation = new Conversation({
  onAction: act, onChange: changed, onJudge: commands.find("feedback") ? judge : null,
});
const sidebar = new Sidebar(open);
const composer = new Composer({
  limits, conversation: ensureConversation, commands, onSend: send,
  onCommand: ({ name, words }) => run(name, words),
});
const panel = new FilesPanel({ conversation: () => current });
new ConversationMenu({
  commands, conversation: { id: () => current, title: () => sidebar.title(current) }, onFiles: () => panel.open(),
});
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
    if (current) {
      conversation.set(picture);
      results.place();
    }
    changed();
  },
  conversation(item) { sidebar.update(item); changed(); },
  message(message) { conversation.update(message); },
  progress(change) { conversation.progress(change); },
  typing() { conversation.setTyping(true); },
  workspace(view) { workspace.set(view); changed(); },
  forgotten({ id }) {
    sidebar.remove(id);
    if (id === current) {
      open(null);
      if (id !== commands.erasing) toast("This conversation was deleted elsewhere.");
    }
    forgetDraft(id);
  },
  connection(up) { byId("offline").hidden = up; },
});

/** Open a conversation, or the first screen of a new one. */
function open(id, { push = true } = {}) {
  current = id;
  creating = null;
  loaded = id === null;
  clearToast();
  conversation.clear();
  results.clear();
  panel.close();
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
  clearToast();
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

/** What a button stands for: a command, but files have a panel of their own. */
function act(action) {
  if (action.command === "files" && !action.arguments) return panel.open();
  return run(action.command, action.arguments, action.label);
}

/** A command; the answer to one that asks again is brought into view. */
async function run(name, words, label) {
  const done = await commands.run(name, words, label);
  if (done && (name === "again" || name === "retry")) conversation.showEnd();
}

async function judge(id, good) {
  try {
    const result = await api.judge(current, id, good);
    if (!result.ok) toast(plainText(result.html));
  } catch (error) {
    toast(error.message);
  }
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
  byId("welcome").hidden = !(loaded && conversation.empty && results.empty);
  drawHint();
  byId("stop").hidden = !conversation.busy;
  byId("reset").hidden = !workspace.used;
  byId("show-files").hidden = !current || !commands.find("files");
  byId("more").hidden = !current;
}

/** The note about the engine, which answers bear too, until there are any; then what helps on. */
function drawHint() {
  const offline = Boolean(limits.engine_note);
  const beginning = !byId("welcome").hidden;
  byId("hint-text").textContent = beginning && offline ? limits.engine_note : `/ for commands${offline ? " · " : ""}`;
  understands.hidden = beginning || !offline;
}

function showMenu(shown) {
  document.body.classList.toggle("menu-open", shown);
  byId("veil").hidden = !shown;
  byId("menu").setAttribute("aria-expanded", String(shown));
}

byId("new").addEventListener("click", () => open(null));
byId("menu").addEventListener("click", () => showMenu(!document.body.classList.contains("menu-open")));
byId("veil").addEventListener("click", () => showMenu(false));
byId("stop").addEventListener("click", () => commands.run("stop"));
byId("reset").addEventListener("click", () => commands.run("reset"));
byId("container").addEventListener("click", () => commands.run("status"));
byId("show-files").addEventListener("click", () => panel.open());
byId("rename-cancel").addEventListener("click", () => byId("rename").close());
document.addEventListener("keydown", (event) => { if (event.key === "Escape") showMenu(false); });
window.addEventListener("popstate", () => open(conversationInAddress(), { push: false }));

function conversationInAddress() {
  const match = location.pathname.match(/^\/c\/([^/]+)$/);
  return match ? decodeURIComponent(match[1]) : null;
}

if (limits.engine_note) byId("text").placeholder = "Ask about a file or numbers…";
byId("hint").append(understands);
drawWelcome(byId("welcome"), { offline: Boolean(limits.engine_note), onAsk: ask });
open(conversationInAddress(), { push: false });
document.body.dataset.ready = "true";
