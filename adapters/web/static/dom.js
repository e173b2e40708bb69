// Making elements. Text goes in as textContent; HTML only through `setHtml`.

/** An element: `h("a", {href}, "text", child)`; `class` and `on…` work as expected. */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/** An icon of icons.svg. */
export function icon(name) {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(space, "use");
  use.setAttribute("href", `/static/icons.svg#${name}`);
  svg.append(use);
  return svg;
}

/** Insert HTML that the server has sanitised (adapters/web/render.py), and no other. */
export function setHtml(element, sanitisedHtml) {
  element.innerHTML = sanitisedHtml;
}

/** The words of sanitised HTML, for places that show text alone. */
export function plainText(sanitisedHtml) {
  const box = document.createElement("div");
  setHtml(box, sanitisedHtml);
  return box.textContent.trim();
}

export const byId = (id) => document.getElementById(id);

/** "1.2 MB": sizes in decimal units, as file managers show them. */
export function fileSize(bytes) {
  if (bytes === null || bytes === undefined) return "";
  const units = ["bytes", "kB", "MB", "GB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${value < 10 ? Math.round(value * 10) / 10 : Math.round(value)} ${units[unit]}`;
}

/** An id that the server takes; crypto.randomUUID is missing on plain http from other machines. */
export function freshId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

let toastTimer;

/** A short sentence at the edge of the page. */
export function toast(text) {
  const box = byId("toast");
  box.textContent = text;
  box.hidden = false;
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => { box.hidden = true; }, 6000);
}

/** Take the sentence away: it belongs to what is no longer shown. */
export function clearToast() {
  byId("toast").hidden = true;
  clearTimeout(toastTimer);
}

/** Tell people who listen instead of look. */
export function announce(text) {
  const live = byId("live");
  if (live.textContent !== text) live.textContent = text;
}

/** Ask before something that can't be taken back; true where the person agrees. */
export function confirmed({ title, text, action }) {
  const dialog = byId("confirm");
  byId("confirm-title").textContent = title;
  byId("confirm-text").textContent = text;
  byId("confirm-yes").textContent = action;
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
  });
}
