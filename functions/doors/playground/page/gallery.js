import { $, button, make } from "./dom.js";
import { confirmed } from "./confirm.js";
import { fileName, titleOf, withUrl } from "./entry.js";
import { say } from "./message.js";
import * as store from "./store.js";
import { zip } from "./zip.js";

/** The images and audio that were made in this browser, the newest first. */
export class Gallery {
  #entries = [];
  #items = new Map();
  #onChoose;

  /** @param onChoose Called with the images and the place of the one that is chosen. */
  constructor(onChoose) {
    this.#onChoose = onChoose;
    $("save-all").onclick = () => this.#saveAll();
    $("delete-all").onclick = () => this.#deleteAll();
  }

  /** Shows what is kept. */
  async load() {
    try {
      for (const entry of (await store.kept()).reverse()) this.#show(await withUrl(entry));
    } catch {
      $("gallery-note").textContent =
        "This browser keeps no images for this page: save those that you want to keep.";
    }
    this.#count();
  }

  /** Keeps an image; one that finds no room is still shown until the page is left. */
  async add(entry) {
    let added = await withUrl(entry);
    try {
      added = { ...added, id: (await store.keep(entry)).id };
    } catch {
      $("gallery-note").textContent =
        "This browser has no room for more images: download these, then delete some.";
    }
    this.#show(added);
    this.#count();
    return added;
  }

  /** Takes an image away. */
  async remove(entry) {
    if (entry.id !== undefined) await store.remove(entry.id);
    this.#items.get(entry.url)?.remove();
    this.#items.delete(entry.url);
    this.#entries = this.#entries.filter(({ url }) => url !== entry.url);
    this.#count();
  }

  #show(entry) {
    this.#entries.unshift(entry);
    const title = titleOf(entry);
    const open = button("", () => this.#onChoose(this.#entries, this.#entries.indexOf(entry)), {
      className: "thumb",
      title,
      "aria-label": `Show again: ${title}`,
    });
    open.append(make("img", { src: entry.poster, alt: "", loading: "lazy" }));
    const away = button("×", () => this.remove(entry), {
      className: "away",
      title: "Delete",
      "aria-label": `Delete: ${title}`,
    });
    const item = make("li", {}, open, away);
    this.#items.set(entry.url, item);
    $("gallery-list").prepend(item);
  }

  #count() {
    const { length } = this.#entries;
    $("gallery-title").textContent = length === 0 ? "Gallery" : `Gallery (${length})`;
    $("save-all").disabled = $("delete-all").disabled = length === 0;
  }

  async #saveAll() {
    const files = this.#entries.map((entry, i) => ({
      name: fileName(entry, this.#entries.length - i),
      blob: entry.blob,
      at: entry.at,
    }));
    const url = URL.createObjectURL(await zip(files));
    make("a", { href: url, download: "denoise.zip" }).click();
    setTimeout(() => URL.revokeObjectURL(url), 60_000); // the download has begun by then
    say(`${files.length} ${files.length === 1 ? "file" : "files"} in denoise.zip`);
  }

  async #deleteAll() {
    const { length } = this.#entries;
    if (!await confirmed(`Delete ${length === 1 ? "it" : `all ${length}`}?`)) return;
    await store.removeAll();
    for (const entry of this.#entries) this.#items.get(entry.url).remove();
    this.#items.clear();
    this.#entries = [];
    this.#count();
  }
}
