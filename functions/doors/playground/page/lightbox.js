import { $ } from "./dom.js";
import { factsOf } from "./frame.js";
import { dragToMove, Zoom } from "./zoom.js";

/** The dialog that shows images at full size, at any scale, one after another. */
export class Lightbox {
  #entries = [];
  #at = 0;
  #zoom = new Zoom($("lightbox-view"), $("lightbox-image"), (scale) => {
    $("lightbox-scale").textContent = `${Math.round(scale * 100)} %`;
    $("lightbox-image").classList.toggle("pixels", scale >= 8);
  });

  constructor() {
    const view = $("lightbox-view");
    dragToMove(view);
    view.ondblclick = (event) =>
      this.#zoom.scale === 1 ? this.#zoom.fit() : this.#zoom.set(1, event);
    $("lightbox-previous").onclick = () => this.#go(-1);
    $("lightbox-next").onclick = () => this.#go(1);
    $("lightbox-closer").onclick = () => this.#zoom.closer();
    $("lightbox-farther").onclick = () => this.#zoom.farther();
    $("lightbox-fit").onclick = () => this.#zoom.fit();
    $("lightbox-close").onclick = () => $("lightbox").close();
    $("lightbox").onkeydown = (event) => {
      const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (step !== undefined) this.#go(step);
      else if (event.ctrlKey || event.metaKey || !this.#zoom.key(event)) return;
      event.preventDefault();
    };
  }

  /** Shows one of some images. */
  open(entries, at) {
    this.#entries = entries;
    $("lightbox").showModal();
    $("lightbox-view").focus();
    this.#show(at);
  }

  #go(step) {
    const next = this.#at + step;
    if (next >= 0 && next < this.#entries.length) this.#show(next);
  }

  #show(at) {
    this.#at = at;
    const { url, recipe } = this.#entries[at];
    const image = $("lightbox-image");
    $("lightbox-view").setAttribute("aria-busy", "true");
    image.onload = () => {
      this.#zoom.show(image.naturalWidth, image.naturalHeight);
      $("lightbox-view").removeAttribute("aria-busy");
    };
    image.src = url;
    image.alt = recipe.prompt || "image";
    $("lightbox-caption").textContent = [recipe.prompt, factsOf(recipe)].filter(Boolean).join(
      " — ",
    );
    $("lightbox-previous").disabled = at === 0;
    $("lightbox-next").disabled = at === this.#entries.length - 1;
  }
}
