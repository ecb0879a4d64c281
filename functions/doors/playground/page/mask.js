/** The part of an image that is inpainted, in its own pixels; every stroke can be undone. */
export class Mask {
  #canvas;
  #context;
  #done = [];
  #undone = [];

  constructor(width, height) {
    this.#canvas = new OffscreenCanvas(width, height);
    this.#context = this.#canvas.getContext("2d", { willReadFrequently: true });
  }

  /** White where it is inpainted, else transparent. */
  get canvas() {
    return this.#canvas;
  }

  /** Whether there is something to take back, and to bring back. */
  get history() {
    return { undo: this.#done.length > 0, redo: this.#undone.length > 0 };
  }

  /** Begins a stroke of the brush; `{ x, y }` and the diameter are in pixels of the image. */
  begin(place, diameter, erases) {
    this.#do({ kind: "stroke", points: [place], diameter, erases });
  }

  /** Goes on with the stroke. */
  extend(place) {
    const stroke = this.#done.at(-1);
    this.#line(stroke, stroke.points.at(-1), place);
    stroke.points.push(place);
  }

  /** Keeps all of the image. */
  clear() {
    this.#do({ kind: "clear" });
  }

  /** Swaps what is inpainted and what is kept. */
  invert() {
    this.#do({ kind: "invert" });
  }

  /** Takes a mask that is white where it inpaints and black elsewhere. */
  async open(blob) {
    this.#do({ kind: "image", bitmap: await createImageBitmap(blob) });
  }

  /** Takes the last step back. */
  undo() {
    this.#undone.push(this.#done.pop());
    this.#context.clearRect(0, 0, this.#canvas.width, this.#canvas.height);
    for (const step of this.#done) this.#draw(step);
  }

  /** Brings the step back that was taken back last. */
  redo() {
    const step = this.#undone.pop();
    this.#done.push(step);
    this.#draw(step);
  }

  /** White on black as PNG, or undefined where nothing is inpainted. */
  async toBlob() {
    const { width, height } = this.#canvas;
    const { data } = this.#context.getImageData(0, 0, width, height);
    if (!data.some((value, i) => i % 4 === 3 && value > 0)) return undefined;
    const canvas = new OffscreenCanvas(width, height);
    const context = canvas.getContext("2d");
    context.fillStyle = "black";
    context.fillRect(0, 0, width, height);
    context.drawImage(this.#canvas, 0, 0);
    return await canvas.convertToBlob({ type: "image/png" });
  }

  #do(step) {
    this.#done.push(step);
    this.#undone = [];
    this.#draw(step);
  }

  #draw(step) {
    const { width, height } = this.#canvas;
    const context = this.#context;
    context.fillStyle = "white";
    if (step.kind === "stroke") {
      step.points.forEach((to, i) => this.#line(step, step.points[i - 1] ?? to, to));
    } else if (step.kind === "clear") {
      context.clearRect(0, 0, width, height);
    } else if (step.kind === "invert") {
      context.globalCompositeOperation = "xor";
      context.fillRect(0, 0, width, height);
    } else {
      this.#drawImage(step.bitmap);
    }
  }

  /** A line with round ends; of one point a disc. */
  #line({ diameter, erases }, from, to) {
    const context = this.#context;
    context.globalCompositeOperation = erases ? "destination-out" : "source-over";
    context.fillStyle = context.strokeStyle = "white";
    context.lineWidth = diameter;
    context.beginPath();
    context.moveTo(from.x, from.y);
    context.lineTo(to.x, to.y);
    context.stroke();
    context.beginPath();
    context.arc(to.x, to.y, diameter / 2, 0, 2 * Math.PI);
    context.fill();
  }

  #drawImage(bitmap) {
    const { width, height } = this.#canvas;
    const context = this.#context;
    context.globalCompositeOperation = "source-over";
    context.drawImage(bitmap, 0, 0, width, height);
    const pixels = context.getImageData(0, 0, width, height);
    for (let i = 0; i < pixels.data.length; i += 4) {
      const covered = pixels.data[i];
      pixels.data.set([255, 255, 255, covered], i);
    }
    context.putImageData(pixels, 0, 0);
  }
}
