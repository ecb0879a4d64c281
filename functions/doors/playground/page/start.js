import { $, bringIntoView, button, make } from "./dom.js";
import { drawOverlay, MaskEditor } from "./editor.js";
import { say } from "./message.js";
import { asPng, isImage, isTooLarge } from "./files.js";
import { showClips, takeClip, takesClips } from "./own_options.js";
import { readRecipe } from "./recipe.js";

/** The image that a run begins with, the mask on it, and the images that are read with it. */
export class StartImage {
  #blob;
  #bitmap;
  #recipe;
  #editor = new MaskEditor(() => this.#show());
  /** Images that are read with it, by models that read several. */
  #more = [];
  #limits;
  #model;
  #onSize;
  #onRecipe;
  #onFiles;

  /**
   * @param onSize Called with the size of an image that was taken.
   * @param onFiles Called with what a run begins with, when that has changed.
   * @param onRecipe Called with a recipe that is to be made again; at once with that of audio.
   * @param limits Gives the limits of the server.
   * @param model Gives the model that is chosen.
   */
  constructor({ onSize, onRecipe, onFiles, limits, model }) {
    this.#onSize = onSize;
    this.#onFiles = onFiles;
    this.#onRecipe = onRecipe;
    this.#limits = limits;
    this.#model = model;
    $("more-file").onchange = async ({ target }) => {
      for (const file of [...target.files]) await this.#takeMore(file);
      target.value = "";
    };
    $("model").addEventListener("change", () => this.#showMore());
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

  /** Takes a file; says what is wrong with one that is no image. */
  async take(file) {
    if (file === undefined) return;
    if (isTooLarge(file, this.#limits())) return;
    if (file.type.startsWith("audio/")) return await this.#takeAudio(file);
    if (!await isImage(file)) return;
    await this.set(file);
    const recipe = await readRecipe(file).catch(() => undefined);
    this.#offer(recipe);
    say(recipe === undefined ? "Image taken" : "Image taken; it carries its recipe");
  }

  /** Takes audio: as a clip where the model reads some, else its recipe. */
  async #takeAudio(file) {
    const model = this.#model();
    if (model !== undefined && takesClips(model)) {
      if (await takeClip(file)) showClips();
      return;
    }
    const recipe = await readRecipe(file).catch(() => undefined);
    if (recipe === undefined) say("This audio carries no recipe, and this model reads no audio");
    else this.#onRecipe(recipe);
  }

  /** How many more images the model reads than the first. */
  get #places() {
    return (this.#model()?.images ?? 1) - 1;
  }

  /** Takes a file as one more image; says why it cannot. */
  async #takeMore(file) {
    if (this.#more.length >= this.#places) {
      say(`${this.#model().id} reads at most ${this.#places + 1} images: remove one first`);
      return;
    }
    if (isTooLarge(file, this.#limits()) || !await isImage(file)) return;
    this.setMore([...this.#more, file]);
    say(`Image ${this.#more.length + 1} taken`);
  }

  /** Reads these images with the first one. */
  setMore(files) {
    this.#more = files;
    this.#showMore();
  }

  #showMore() {
    for (const image of $("more-list").querySelectorAll("img")) URL.revokeObjectURL(image.src);
    $("more-images").hidden = this.#places < 1;
    $("more-list").replaceChildren(
      ...this.#more.map((file, i) =>
        make(
          "li",
          {},
          make("img", { src: URL.createObjectURL(file), alt: `Image ${i + 2}`, height: 64 }),
          button("Remove", () => this.setMore(this.#more.filter((one) => one !== file)), {
            "aria-label": `Remove image ${i + 2}`,
          }),
        )
      ),
    );
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
    this.#showMore();
    await this.#show();
    this.#onSize(bitmap.width, bitmap.height);
  }

  /** Begins with noise again. */
  remove() {
    this.#blob = undefined;
    this.setMore([]);
    $("start").classList.remove("has-image");
    $("start-image").hidden = true;
    $("file").value = "";
    this.#offer(undefined);
    this.#onFiles({});
  }

  /** The files of the request. */
  async files() {
    if (this.#blob === undefined) return {};
    const more = await Promise.all(this.#more.slice(0, this.#places).map(asPng));
    const mask = await this.#editor.mask();
    return { image: await asPng(this.#blob), mask, ...more.length > 0 ? { more } : {} };
  }

  /** Brings its place on the page into view. */
  reveal() {
    bringIntoView($("start"), "nearest");
  }

  async #show() {
    const preview = $("preview-canvas");
    const { width, height } = this.#bitmap;
    preview.width = width;
    preview.height = height;
    const context = preview.getContext("2d");
    context.drawImage(this.#bitmap, 0, 0);
    drawOverlay(context, this.#editor.overlay);
    const mask = await this.#editor.mask();
    const hasMask = mask !== undefined;
    this.#onFiles({ image: this.#blob, mask });
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
