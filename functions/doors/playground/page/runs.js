import { compose, draw } from "./api.js";
import { makesAudio } from "./audio.js";
import { $ } from "./dom.js";
import { entryOf, previewUrl } from "./entry.js";
import { markFault } from "./form.js";
import { Frame } from "./frame.js";
import { say, showNotes } from "./message.js";
import { askForKey, key } from "./settings.js";

const seconds = (ms) => `${(ms / 1000).toFixed(1)} s`;

/** Makes images, one run at a time, and shows them as they emerge. */
export class Runs {
  #running;
  #form;
  #onBegin;
  #onImage;

  /**
   * @param form Knows the models.
   * @param onBegin Called when the results of the run before are taken away.
   * @param onImage Called with each image that is made; keeps it and gives it its place in a frame.
   */
  constructor(form, { onBegin, onImage }) {
    this.#form = form;
    this.#onBegin = onBegin;
    this.#onImage = onImage;
    $("cancel").onclick = () => this.cancel();
  }

  /** Ends the run; says whether there was one. */
  cancel() {
    this.#running?.abort();
    return this.#running !== undefined;
  }

  /**
   * Makes the images of some requests, side by side. One that the server refuses is told in its place, and
   * the others go on.
   *
   * @param requests Each with `fields` and a `label`.
   * @param files What they begin with.
   */
  async run(requests, files) {
    if (this.#running !== undefined) {
      say("A run is under way: wait for it, or cancel it first");
      return;
    }
    this.#running = new AbortController();
    this.#showRunning(true);
    markFault(undefined);
    showNotes([]);
    say("Sending …");
    $("results").replaceChildren();
    this.#onBegin();
    const notes = [];
    const faults = [];
    try {
      for (const request of requests) {
        const fault = await this.#one(request, files, notes);
        if (fault !== undefined) faults.push(fault);
      }
      const made = requests.length - faults.length;
      if (faults.length === 0) say("Done");
      else if (made > 0) say(`Done: ${made} of ${requests.length}`);
      else tell(faults[0]);
    } catch (error) {
      say(error.name === "AbortError" ? "Cancelled" : error.message);
    } finally {
      this.#running = undefined;
      this.#showRunning(false);
    }
  }

  /** Makes the images of one request; gives the fault for which it was refused. */
  async #one(request, files, notes) {
    const { fields, label } = request;
    const { signal } = this.#running;
    const model = this.#form.modelOf(fields.model);
    let frame = new Frame(label, fields, model);
    frame.reveal();
    const note = (texts) => {
      notes.push(...texts);
      showNotes(notes);
    };
    try {
      const events = makesAudio(model)
        ? compose(fields, key(), signal)
        : draw(fields, files, key(), signal);
      for await (const event of events) {
        if (event.kind === "queued") {
          say(event.position > 0 ? `Waiting, ${event.position} before this` : "Starting …");
        } else if (event.kind === "step") {
          frame.progress(event.step, event.of);
          say(`Step ${event.step} of ${event.of}, ${seconds(event.eta_ms)} left`);
        } else if (event.kind === "partial_image") {
          frame.preview(previewUrl(event));
        } else if (event.kind === "warning") {
          note([event.message]);
        } else if (event.kind === "completed") {
          note(event.warnings ?? []);
          frame ??= new Frame(label, fields, model);
          await this.#onImage(entryOf(event, request, files, event.warnings), frame);
          frame = undefined;
        }
      }
    } catch (error) {
      if (signal.aborted) {
        frame?.remove();
        throw new DOMException("Cancelled", "AbortError");
      }
      frame?.fail(error.message);
      return error;
    }
  }

  #showRunning(runs) {
    $("draw").disabled = runs;
    $("cancel").disabled = !runs;
    $("stage").classList.toggle("runs", runs);
    $("stage").setAttribute("aria-busy", String(runs));
  }
}

/** Says why nothing was made, and goes where it can be mended. */
function tell(fault) {
  say(fault.message);
  if (fault.status === 401) askForKey();
  else markFault(fault.param);
}
