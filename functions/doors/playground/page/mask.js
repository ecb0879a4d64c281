/** An image that the user can draw a mask on. */
export class MaskEditor {
  #canvas;
  #context;
  #brush;
  #image;
  #mask = new OffscreenCanvas(1, 1);
  #hasMask = false;
  #cursor = { x: 0, y: 0 };

  constructor(canvas, brush) {
    this.#canvas = canvas;
    this.#context = canvas.getContext("2d");
    this.#brush = brush;
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      this.#paint(this.#place(event));
    });
    canvas.addEventListener("pointermove", (event) => {
      if (event.buttons > 0) this.#paint(this.#place(event));
    });
    canvas.addEventListener("keydown", (event) => this.#key(event));
  }

  /** Takes an image to begin with. */
  async open(blob) {
    this.#image = await createImageBitmap(blob);
    const { width, height } = this.#image;
    this.#canvas.width = width;
    this.#canvas.height = height;
    this.#mask = new OffscreenCanvas(width, height);
    this.#cursor = { x: width / 2, y: height / 2 };
    this.clear();
  }

  /** Takes every stroke away. */
  clear() {
    this.#mask.getContext("2d").clearRect(0, 0, this.#mask.width, this.#mask.height);
    this.#hasMask = false;
    this.#draw();
  }

  /** The image as PNG. */
  async image() {
    const canvas = new OffscreenCanvas(this.#image.width, this.#image.height);
    canvas.getContext("2d").drawImage(this.#image, 0, 0);
    return await canvas.convertToBlob({ type: "image/png" });
  }

  /** White strokes on black as PNG, or undefined without a stroke. */
  async mask() {
    if (!this.#hasMask) return undefined;
    const canvas = new OffscreenCanvas(this.#mask.width, this.#mask.height);
    const context = canvas.getContext("2d");
    context.fillStyle = "black";
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.drawImage(this.#mask, 0, 0);
    return await canvas.convertToBlob({ type: "image/png" });
  }

  #place(event) {
    const box = this.#canvas.getBoundingClientRect();
    return {
      x: (event.clientX - box.left) * this.#canvas.width / box.width,
      y: (event.clientY - box.top) * this.#canvas.height / box.height,
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
    if (move === undefined && event.key !== " ") return;
    event.preventDefault();
    if (move === undefined) return this.#paint(this.#cursor);
    const { width, height } = this.#canvas;
    this.#cursor = {
      x: Math.min(width, Math.max(0, this.#cursor.x + move[0])),
      y: Math.min(height, Math.max(0, this.#cursor.y + move[1])),
    };
    this.#draw();
  }

  #paint({ x, y }) {
    const context = this.#mask.getContext("2d");
    context.fillStyle = "white";
    context.beginPath();
    context.arc(x, y, Number(this.#brush.value) / 2, 0, 2 * Math.PI);
    context.fill();
    this.#hasMask = true;
    this.#cursor = { x, y };
    this.#draw();
  }

  #draw() {
    if (this.#image === undefined) return;
    const { width, height } = this.#canvas;
    this.#context.drawImage(this.#image, 0, 0);
    this.#context.globalAlpha = 0.6;
    this.#context.drawImage(this.#mask, 0, 0, width, height);
    this.#context.globalAlpha = 1;
    this.#context.strokeStyle = "black";
    this.#context.beginPath();
    this.#context.arc(this.#cursor.x, this.#cursor.y, Number(this.#brush.value) / 2, 0, 7);
    this.#context.stroke();
  }
}
