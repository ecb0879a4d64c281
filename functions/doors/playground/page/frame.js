import { isAudio, makesAudio, WAVE_SHAPE } from "./audio.js";
import { $, bringIntoView, make } from "./dom.js";
import { titleOf } from "./entry.js";
import { schedulerName } from "./names.js";
import { noise } from "./noise.js";

/** The shape of the place of a request's results: that of the size that it asks for. */
function shapeOf({ size }, model) {
  if (makesAudio(model)) return WAVE_SHAPE;
  const { width, height } = model;
  const [, x, y] = size?.match(/^(\d+)x(\d+)$/) ?? [, width, height];
  return Number(x) / Number(y);
}

/** A place among the results, in which an image or audio comes out of noise. */
export class Frame {
  #figure = make("figure");
  #view = make("button", { type: "button", className: "open", disabled: true });
  #image = new Image();
  #noise = noise();
  #bar = make("progress", { max: 1, value: 0 });
  #caption = make("figcaption");
  #label;

  /**
   * @param label What tells it from those beside it; empty for one that stands alone.
   * @param fields The fields of its request.
   * @param model What the server says of its model.
   */
  constructor(label, fields, model) {
    this.#label = label;
    this.#image.alt = "";
    this.#figure.style.setProperty("--aspect", String(shapeOf(fields, model)));
    this.#view.setAttribute("aria-label", "Enlarge");
    this.#bar.setAttribute(
      "aria-label",
      `Progress of ${label || (makesAudio(model) ? "the audio" : "the image")}`,
    );
    this.#view.append(this.#noise);
    this.#caption.append(...this.#head());
    this.#figure.append(this.#view, this.#bar, this.#caption);
    $("results").append(this.#figure);
    count();
  }

  /** Brings it into view, where the window does not show it yet: with all of it, if that is possible. */
  reveal() {
    const { top } = $("stage").getBoundingClientRect();
    if (top < 0 || top > innerHeight / 3) bringIntoView($("stage"));
  }

  /** Shows how far it is. */
  progress(step, of) {
    this.#bar.max = of;
    this.#bar.value = step;
    this.#view.style.setProperty("--left", String(1 - step / of));
  }

  /** Shows the image as it emerges. */
  preview(src) {
    this.#image.src = src;
    this.#image.alt = "The image as it emerges";
    if (!this.#image.isConnected) this.#view.prepend(this.#image);
  }

  /** Says why there is no image. */
  fail(message) {
    this.#bar.remove();
    this.#noise.remove();
    this.#caption.replaceChildren(...this.#head(), make("p", { className: "fault" }, message));
  }

  /** Takes the place away. */
  remove() {
    this.#figure.remove();
    count();
  }

  /** Shows the finished image, or plays the audio, with what can be done with it. */
  finish(entry, tools, onOpen) {
    const { recipe } = entry;
    const title = titleOf(entry);
    this.preview(entry.poster);
    this.#image.alt = title;
    this.#view.style.setProperty("--left", "0");
    if (isAudio(entry)) this.#play(entry.url, title);
    else {
      this.#view.setAttribute("aria-label", `Enlarge: ${title}`);
      this.#view.disabled = false;
      this.#view.onclick = onOpen;
    }
    this.#bar.remove();
    this.#noise.remove();
    this.#caption.replaceChildren(...this.#head(), factsOf(recipe));
    this.#figure.append(tools);
  }

  /** A player below the drawing of the wave, which plays and pauses it too. */
  #play(url, title) {
    const player = make("audio", { controls: true, src: url, "aria-label": title });
    this.#view.after(player);
    this.#view.setAttribute("aria-label", `Play or pause: ${title}`);
    this.#view.disabled = false;
    this.#view.onclick = () => player.paused ? player.play() : player.pause();
  }

  #head() {
    return this.#label === "" ? [] : [make("strong", {}, this.#label), " "];
  }
}

/** What an image was made with, in a line. */
export function factsOf(recipe) {
  return [
    recipe.scheduler && schedulerName(recipe.scheduler),
    recipe.steps && `${recipe.steps} steps`,
    recipe.guidanceScale !== undefined && `guidance ${recipe.guidanceScale}`,
    recipe.seed !== undefined && `seed ${recipe.seed}`,
    recipe.width && `${recipe.width} × ${recipe.height}`,
    lengthOf(recipe),
  ].filter(Boolean).join(", ");
}

/** How long the audio of a recipe is, as text. */
function lengthOf(
  { audioDuration, audioLengthInS = audioDuration, audioStartInS = 0, audioEndInS },
) {
  const seconds = audioLengthInS ??
    (audioEndInS === undefined ? undefined : audioEndInS - audioStartInS);
  return seconds === undefined ? undefined : `${Number(seconds.toFixed(2))} s`;
}

/** Lets the style know how many results there are: one is shown large. */
function count() {
  const figures = document.querySelectorAll("#results figure").length;
  $("results").dataset.count = String(figures);
  $("welcome")?.remove();
}
