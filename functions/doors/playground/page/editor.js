import { $ } from "./dom.js";
import { Mask } from "./mask.js";
import { dragToMove, Zoom } from "./zoom.js";

/** The dialog in which a mask is drawn over an image, at any scale. */
export class MaskEditor {
  #canvas = $("canvas");
  #context = this.#canvas.getContext("2d");
  #brush = $("brush");
  #zoom = new Zoom($("editor-view"), this.#canvas, (scale) => {
    $("editor-scale").textContent = `${Math.round(scale * 100)} %`;
  });
  #image;
  #mask;
  #cursor = { x: 0, y: 0 };
  #onChange;

  /** @param onChange Called when the mask has changed. */
  constructor(onChange) {
    this.#onChange = onChange;
    const canvas = this.#canvas;
    const paints = () => this.#tool() !== "move";
    canvas.addEventListener("pointerdown", (event) => {
      if (!paints() || event.button > 0) return;
      canvas.setPointerCapture(event.pointerId);
      this.#begin(this.#place(event));
    });
    canvas.addEventListener("pointermove", (event) => {
      if (!paints()) return;
      this.#cursor = this.#place(event);
      if (canvas.hasPointerCapture(event.pointerId)) this.#mask.extend(this.#cursor);
      this.#draw();
    });
    canvas.addEventListener("lostpointercapture", () => this.#onChange());
    dragToMove($("editor-view"), () => !paints());
    canvas.addEventListener("keydown", (event) => this.#key(event));
    $("editor").addEventListener("keydown", (event) => {
      if (event.key.toLowerCase() !== "z" || !(event.ctrlKey || event.metaKey)) return;
      event.preventDefault();
      this.#change(event.shiftKey ? "redo" : "undo");
    });
    for (const name of ["undo", "redo", "clear", "invert"]) {
      $(`editor-${name}`).onclick = () => this.#change(name);
    }
    for (const input of document.querySelectorAll("[name=tool]")) {
      input.onchange = () => canvas.classList.toggle("moves", !paints());
    }
    this.#brush.oninput = () => this.#draw();
    $("editor-closer").onclick = () => this.#zoom.closer();
    $("editor-farther").onclick = () => this.#zoom.farther();
    $("editor-fit").onclick = () => this.#zoom.fit();
    $("editor-close").onclick = () => $("editor").close();
  }

  /** Takes an image to draw on, and the mask that it has had. */
  async load(bitmap, mask) {
    const { width, height } = bitmap;
    this.#image = bitmap;
    this.#mask = new Mask(width, height);
    if (mask !== undefined) await this.#mask.open(mask);
    this.#canvas.width = width;
    this.#canvas.height = height;
    this.#cursor = { x: width / 2, y: height / 2 };
    const short = Math.min(width, height);
    this.#brush.max = String(Math.max(8, Math.round(short / 2)));
    this.#brush.value = String(Math.max(4, Math.round(short / 8)));
    this.#draw();
  }

  /** Opens the dialog. */
  open() {
    $("editor").showModal();
    this.#zoom.show(this.#canvas.width, this.#canvas.height);
    this.#canvas.focus();
  }

  /** Keeps all of the image. */
  clear() {
    this.#change("clear");
  }

  /** The mask as PNG, or undefined where nothing is inpainted. */
  async mask() {
    return await this.#mask.toBlob();
  }

  /** What is inpainted, to be drawn over the image. */
  get overlay() {
    return this.#mask.canvas;
  }

  #tool() {
    return document.querySelector("[name=tool]:checked").value;
  }

  #begin(place) {
    this.#cursor = place;
    this.#mask.begin(place, Number(this.#brush.value), this.#tool() === "erase");
    this.#draw();
  }

  #change(name) {
    const { history } = this.#mask;
    if (history[name] === false) return;
    this.#mask[name]();
    this.#draw();
    this.#onChange();
  }

  #place({ clientX, clientY }) {
    const box = this.#canvas.getBoundingClientRect();
    return {
      x: (clientX - box.left) * this.#canvas.width / box.width,
      y: (clientY - box.top) * this.#canvas.height / box.height,
    };
  }

  #key(event) {
    const step = Number(this.#brush.value) / 2;
    const moves = {
      ArrowLeft: [-step, 0],
      ArrowRight: [step, 0],
      ArrowUp: [0, -step],
      ArrowDown: [0, step],
    };
    const move = moves[event.key];
    if (move !== undefined) {
      const { width, height } = this.#canvas;
      this.#cursor = {
        x: Math.min(width, Math.max(0, this.#cursor.x + move[0])),
        y: Math.min(height, Math.max(0, this.#cursor.y + move[1])),
      };
      this.#draw();
    } else if (event.key === " ") {
      this.#begin(this.#cursor);
      this.#onChange();
    } else if (event.ctrlKey || event.metaKey || !this.#zoom.key(event)) {
      return;
    }
    event.preventDefault();
  }

  #draw() {
    const context = this.#context;
    const { width, height } = this.#canvas;
    context.globalAlpha = 1;
    context.drawImage(this.#image, 0, 0);
    drawOverlay(context, this.#mask.canvas);
    context.lineWidth = Math.max(1, Math.min(width, height) / 200);
    for (const [radius, colour] of [[0, "black"], [context.lineWidth, "white"]]) {
      context.strokeStyle = colour;
      context.beginPath();
      const { x, y } = this.#cursor;
      context.arc(x, y, Number(this.#brush.value) / 2 + radius, 0, 2 * Math.PI);
      context.stroke();
    }
    const { undo, redo } = this.#mask.history;
    $("editor-undo").disabled = !undo;
    $("editor-redo").disabled = !redo;
  }
}

/** The colours of what is marked: stripes, which are seen on any image. */
const MARKS = ["#f0187a", "#ffffff"];
/** How many stripes there are along the shorter side. */
const STRIPES = 24;

/** Draws what a mask covers over an image, so that one sees through it. */
export function drawOverlay(context, mask) {
  const { width, height } = mask;
  const tinted = new OffscreenCanvas(width, height);
  const tint = tinted.getContext("2d");
  tint.fillStyle = MARKS[0];
  tint.fillRect(0, 0, width, height);
  tint.strokeStyle = MARKS[1];
  tint.lineWidth = Math.min(width, height) / STRIPES / 3;
  for (let x = -height; x < width; x += 3 * tint.lineWidth) {
    tint.beginPath();
    tint.moveTo(x, height);
    tint.lineTo(x + height, 0);
    tint.stroke();
  }
  tint.globalCompositeOperation = "destination-in";
  tint.drawImage(mask, 0, 0);
  context.globalAlpha = 0.6;
  context.drawImage(tinted, 0, 0);
  context.globalAlpha = 1;
}
