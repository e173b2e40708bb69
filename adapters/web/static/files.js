// Files as people see them: images, cards, chips.

import { byId, fileSize, h, icon } from "./dom.js";

const TABLES = /\.(csv|tsv|xlsx?|ods|parquet|json)$/i;

/** The icon that fits a file. */
export function fileIcon(file) {
  if (file.image || file.media_type?.startsWith("image/")) return icon("image");
  return icon(TABLES.test(file.name) ? "table" : "file");
}

/** A file to download. */
export function fileCard(file) {
  return h("a", { class: "file", href: file.url, download: file.name },
    h("span", { class: "file-icon" }, fileIcon(file)),
    h("span", { class: "file-text" },
      h("span", { class: "file-name" }, file.name),
      h("span", { class: "file-size" }, fileSize(file.size_bytes))),
    icon("download"));
}

/** An image that grows when clicked. */
export function picture(url, name) {
  const image = h("img", { src: url, alt: name, loading: "lazy" });
  return h("button", {
    type: "button", class: "picture", "aria-label": `Enlarge ${name}`, onclick: () => enlarge(url, name),
  }, image);
}

/** Show an image over the page. */
export function enlarge(url, name) {
  const image = byId("lightbox-image");
  image.src = url;
  image.alt = name;
  byId("lightbox").showModal();
}

byId("lightbox").addEventListener("click", (event) => {
  if (event.target.id === "lightbox") event.target.close();
});
