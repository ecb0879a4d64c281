const MOST = 16;
const LEAST = 0.05;
const STEP = 1.25;

/**
 * Something in a viewport that scrolls, at any scale: its width in CSS pixels is its own width times the
 * scale. The wheel zooms at the pointer; `fit` shows all of it.
 */
export class Zoom {
  #viewport;
  #content;
  #onChange;
  #size = { width: 1, height: 1 };
  #scale = 1;
  #fits = true;

  constructor(viewport, content, onChange = () => {}) {
    this.#viewport = viewport;
    this.#content = content;
    this.#onChange = onChange;
    viewport.addEventListener("wheel", (event) => {
      event.preventDefault();
      this.set(this.#scale * (event.deltaY < 0 ? STEP : 1 / STEP), event);
    }, { passive: false });
    new ResizeObserver(() => this.#fits && this.fit()).observe(viewport);
  }

  /** Screen pixels of one pixel of the content. */
  get scale() {
    return this.#scale;
  }

  /** Shows something of that size, all of it. */
  show(width, height) {
    this.#size = { width, height };
    this.fit();
  }

  /** Shows all of it. */
  fit() {
    const { clientWidth, clientHeight } = this.#viewport;
    if (clientWidth === 0) return;
    const { width, height } = this.#size;
    this.set(Math.min(clientWidth / width, clientHeight / height));
    this.#fits = true;
  }

  /** Shows it larger. */
  closer() {
    this.set(this.#scale * STEP);
  }

  /** Shows it smaller. */
  farther() {
    this.set(this.#scale / STEP);
  }

  /** Takes the keys that zoom; says whether it was one. */
  key({ key }) {
    const does = { "+": () => this.closer(), "=": () => this.closer(), "-": () => this.farther() };
    const work = key === "0" ? () => this.fit() : does[key];
    work?.();
    return work !== undefined;
  }

  /** Sets the scale; what is under the pointer, else in the middle, stays there. */
  set(scale, pointer) {
    const view = this.#viewport;
    const box = view.getBoundingClientRect();
    const x = pointer === undefined ? box.width / 2 : pointer.clientX - box.left;
    const y = pointer === undefined ? box.height / 2 : pointer.clientY - box.top;
    const next = Math.min(MOST, Math.max(LEAST, scale));
    const grown = next / this.#scale;
    const [left, top] = [(view.scrollLeft + x) * grown - x, (view.scrollTop + y) * grown - y];
    this.#scale = next;
    this.#fits = false;
    this.#content.style.width = `${Math.floor(this.#size.width * next)}px`;
    this.#content.style.height = `${Math.floor(this.#size.height * next)}px`;
    view.scrollTo(left, top);
    this.#onChange(next);
  }
}

/** Lets a viewport be moved by dragging, while `may` says so. */
export function dragToMove(viewport, may = () => true) {
  viewport.addEventListener("pointerdown", (event) => {
    if (!may() || event.pointerType === "touch") return;
    event.preventDefault();
    viewport.setPointerCapture(event.pointerId);
  });
  viewport.addEventListener("pointermove", (event) => {
    if (!viewport.hasPointerCapture(event.pointerId)) return;
    viewport.scrollBy(-event.movementX, -event.movementY);
  });
}
