import { $, bringIntoView } from "./dom.js";
import { drawOverlay, MaskEditor } from "./editor.js";
import { say } from "./message.js";
import { isTooLarge } from "./file_size.js";
import { readRecipe } from "./recipe.js";

/** The image that a run begins with, and the mask on it. */
export class StartImage {
  #blob;
  #bitmap;
  #recipe;
  #editor = new MaskEditor(() => this.#show());
  #limits;
  #onSize;
  #onRecipe;

  /**
   * @param onSize Called with the size of an image that was taken.
   * @param onRecipe Called with a recipe that is to be made again; at once with that of audio.
   * @param limits Gives the limits of the server.
   */
  constructor({ onSize, onRecipe, limits }) {
    this.#onSize = onSize;
    this.#onRecipe = onRecipe;
    this.#limits = limits;
    $("file").onchange = ({ target }) => this.take(target.files[0]);
    $("edit-mask").onclick = $("preview").onclick = () => this.#editor.open();
    $("clear-mask").onclick = () => this.#editor.clear();
    $("remove-image").onclick = () => this.remove();
    $("use-recipe").onclick = () => {
      const recipe = this.#recipe;
      this.remove();
      onRecipe(recipe);
    };
    this.#takeDrops();
    addEventListener("paste", ({ clipboardData }) => {
      const [file] = clipboardData.files;
      if (file !== undefined) this.take(file);
    });
  }

  /** Whether there is one. */
  get isThere() {
    return this.#blob !== undefined;
  }

  /** Takes a file; says what is wrong with one that is no image. */
  async take(file) {
    if (file === undefined) return;
    if (isTooLarge(file, this.#limits())) return;
    if (file.type.startsWith("audio/")) {
      const recipe = await readRecipe(file).catch(() => undefined);
      if (recipe === undefined) say("This audio carries no recipe, and no run begins with audio");
      else this.#onRecipe(recipe);
      return;
    }
    try {
      await this.set(file);
    } catch {
      say("This file is no image that the browser can read: choose a PNG, JPEG, WebP or GIF");
      return;
    }
    const recipe = await readRecipe(file).catch(() => undefined);
    this.#offer(recipe);
    say(recipe === undefined ? "Image taken" : "Image taken; it carries its recipe");
  }

  /** Begins with that image, and a mask of the same size. */
  async set(blob, mask) {
    const bitmap = await createImageBitmap(blob);
    this.#bitmap = bitmap;
    await this.#editor.load(bitmap, mask);
    this.#blob = blob;
    this.#offer(undefined);
    $("start").classList.add("has-image");
    $("start-image").hidden = false;
    await this.#show();
    this.#onSize(bitmap.width, bitmap.height);
  }

  /** Begins with noise again. */
  remove() {
    this.#blob = undefined;
    $("start").classList.remove("has-image");
    $("start-image").hidden = true;
    $("file").value = "";
    this.#offer(undefined);
  }

  /** The files of the request. */
  async files() {
    if (this.#blob === undefined) return {};
    return { image: await this.#png(), mask: await this.#editor.mask() };
  }

  /** Brings its place on the page into view. */
  reveal() {
    bringIntoView($("start"), "nearest");
  }

  /** A PNG as it is, so that its pixels stay; anything else as PNG. */
  async #png() {
    if (this.#blob.type === "image/png") return this.#blob;
    const canvas = new OffscreenCanvas(this.#bitmap.width, this.#bitmap.height);
    canvas.getContext("2d").drawImage(this.#bitmap, 0, 0);
    return await canvas.convertToBlob({ type: "image/png" });
  }

  async #show() {
    const preview = $("preview-canvas");
    const { width, height } = this.#bitmap;
    preview.width = width;
    preview.height = height;
    const context = preview.getContext("2d");
    context.drawImage(this.#bitmap, 0, 0);
    drawOverlay(context, this.#editor.overlay);
    const hasMask = await this.#editor.mask() !== undefined;
    $("start-facts").textContent = hasMask
      ? `${width} × ${height}; only what is marked is inpainted`
      : `${width} × ${height}; all of it is changed`;
    $("clear-mask").disabled = !hasMask;
  }

  #offer(recipe) {
    this.#recipe = recipe;
    $("recipe-offer").hidden = recipe === undefined;
    if (recipe === undefined) return;
    const fromImage = recipe.strength !== undefined;
    $("recipe-note").textContent = fromImage
      ? "It was made from another image, which its recipe does not hold."
      : "It can be made again exactly, without this start.";
  }

  #takeDrops() {
    let depth = 0;
    const over = (change) => {
      depth = Math.max(0, depth + change);
      document.body.classList.toggle("over", depth > 0);
    };
    addEventListener("dragenter", () => over(1));
    addEventListener("dragleave", () => over(-1));
    addEventListener("dragover", (event) => event.preventDefault());
    addEventListener("drop", (event) => {
      event.preventDefault();
      over(-depth);
      this.take(event.dataTransfer.files[0]);
    });
  }
}
