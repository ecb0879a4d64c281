import { ServeError } from "../contract/errors.ts";
import type { EncodedAudio, EncodedImage, Job, RunEvent } from "../contract/job.ts";
import type { ModelInfo } from "../contract/model_info.ts";
import type { EngineState, ServingEngine } from "../engine/engine.ts";
import { withSignal } from "../async/with_signal.ts";

/** The model that a {@linkcode FakeEngine} says it has. */
export const FAKE_MODEL: ModelInfo = {
  id: "fake",
  pipeline: "StableDiffusionPipeline",
  tasks: ["text-to-image", "image-to-image", "inpaint"],
  scheduler: "PNDMScheduler",
  schedulers: ["DDIMScheduler", "EulerDiscreteScheduler", "PNDMScheduler"],
  width: 64,
  height: 64,
  sizeMultiple: 8,
  takesSize: true,
};

/** What the model of a {@linkcode FakeEngine} says of itself where it makes audio. */
export const FAKE_AUDIO: Partial<ModelInfo> = {
  pipeline: "StableAudioPipeline",
  tasks: ["text-to-audio"],
  makes: "audio",
  scheduler: "EDMDPMSolverMultistepScheduler",
  schedulers: ["EDMDPMSolverMultistepScheduler"],
  width: 0,
  height: 0,
  sizeMultiple: 1,
  takesSize: false,
  seconds: 5,
  takesLength: true,
};

/** How a {@linkcode FakeEngine} runs. */
export interface FakeEngineOptions {
  /** Milliseconds of a step. */
  readonly stepMs?: number;
  /** Names of its models. Defaults to that of {@linkcode FAKE_MODEL}. */
  readonly models?: readonly string[];
  /** How many images its models read together. Defaults to one. */
  readonly images?: number;
  /** What its models say of themselves otherwise than {@linkcode FAKE_MODEL}. */
  readonly info?: Partial<ModelInfo>;
  /** Whether it is ready at once. */
  readonly ready?: boolean;
  /** What the recipes of its images say beside model and seed. */
  readonly recipe?: EncodedImage["recipe"];
  /** Throws the error of a run's step. */
  readonly fail?: (job: Job, step: number, attempt: number) => Error | undefined;
}

/** An engine without a model: its images are their seeds. */
export class FakeEngine implements ServingEngine {
  state: EngineState = { phase: "starting" };
  restarts = 0;
  /** What its card says is free. */
  freeBytes: number | undefined;
  /** Steps that were run, of all jobs. */
  steps = 0;
  /** Jobs that were begun, in order. */
  readonly begun: Job[] = [];
  readonly #options: FakeEngineOptions;
  #ready = Promise.withResolvers<readonly ModelInfo[]>();
  #gate = Promise.resolve();
  #gateStep = 1;

  constructor(options: FakeEngineOptions = {}) {
    this.#options = options;
    this.#ready.promise.catch(() => {});
    if (options.ready ?? true) this.becomeReady();
  }

  becomeReady(): void {
    const timing = { downloadMs: 0, loadMs: 0, warmupMs: 0 };
    const { models: ids = [FAKE_MODEL.id], images, info } = this.#options;
    const models = ids.map((id) => ({ ...FAKE_MODEL, images, ...info, id }));
    this.state = { phase: "ready", models, timing };
    this.#ready.resolve(models);
  }

  fail(): void {
    this.state = { phase: "failed", error: new Error("broken") };
    this.#ready.reject(new ServeError("model_unavailable", "The model could not be loaded"));
  }

  /** Loses its model, as when its process has died, or gets it after it had failed. */
  restart(): void {
    this.state = { phase: "starting" };
    this.#ready = Promise.withResolvers();
  }

  /**
   * Holds every run until the function that is returned is called.
   *
   * @param step The step at which runs are held, and after it. Defaults to the next one of each.
   */
  hold(step = 1): () => void {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#gate = promise;
    this.#gateStep = step;
    return resolve;
  }

  async ready(signal?: AbortSignal): Promise<readonly ModelInfo[]> {
    return await withSignal(this.#ready.promise, signal);
  }

  async *run(job: Job, signal: AbortSignal): AsyncGenerator<RunEvent, void, void> {
    await this.ready(signal);
    if (this.#options.models?.includes(job.model) === false) {
      throw new ServeError("model_not_found", `There is no model "${job.model}"`);
    }
    const attempt = this.begun.filter(({ id }) => id === job.id).length + 1;
    this.begun.push(job);
    const { steps: of = 4, count, previews } = job.input;
    for (let step = 1; step <= of; step++) {
      if (step >= this.#gateStep) await withSignal(this.#gate, signal);
      const { stepMs } = this.#options;
      if (stepMs !== undefined) await new Promise((resolve) => setTimeout(resolve, stepMs));
      signal.throwIfAborted();
      const error = this.#options.fail?.(job, step, attempt);
      if (error !== undefined) throw error;
      this.steps++;
      const etaMs = (of - step) * (stepMs ?? 0);
      yield { type: "step", step, of, stepMs: stepMs ?? 0, etaMs, at: Date.now() };
      if (step <= previews && this.#options.info?.makes !== "audio") {
        yield {
          type: "preview",
          index: step - 1,
          step,
          image: image(job, 0, this.#options.recipe),
        };
      }
    }
    const places = Array.from({ length: count }, (_, i) => i);
    const files = this.#options.info?.makes === "audio"
      ? { images: [], audios: places.map((i) => audio(job, i)) }
      : { images: places.map((i) => image(job, i, this.#options.recipe)) };
    const timing = { prepareMs: 0, stepsMs: 0, decodeMs: 0, encodeMs: 0 };
    yield { type: "succeeded", ...files, timing };
  }

  close(): Promise<void> {
    this.state = { phase: "closed" };
    return Promise.resolve();
  }
}

/** A PNG of one pixel, with the seed behind its end. */
function image(
  { input, model }: Job,
  index: number,
  recipe: EncodedImage["recipe"] = {},
): EncodedImage {
  const seed = String(BigInt(input.seed ?? "0") + BigInt(index));
  const png = Uint8Array.fromBase64(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
  );
  const bytes = new Uint8Array([...png, ...new TextEncoder().encode(seed)]);
  const { width = 64, height = 64, format } = input;
  return { bytes, mediaType: `image/${format}`, width, height, recipe: { ...recipe, model, seed } };
}

/** A WAV file of 16-bit silence at 8,000 Hz, with the seed behind its end. */
function audio({ input, model }: Job, index: number): EncodedAudio {
  const seed = String(BigInt(input.seed ?? "0") + BigInt(index));
  const { seconds = 5 } = input;
  const size = 2 * Math.trunc(8_000 * seconds);
  const bytes = new Uint8Array(44 + size + seed.length);
  const view = new DataView(bytes.buffer);
  const put = (at: number, text: string) => bytes.set(new TextEncoder().encode(text), at);
  put(0, "RIFF");
  view.setUint32(4, 36 + size, true);
  put(8, "WAVEfmt ");
  [16, 1, 8_000, 16_000].forEach((value, i) => view.setUint32([16, 20, 24, 28][i]!, value, true));
  [1, 1, 2, 16].forEach((value, i) => view.setUint16([20, 22, 32, 34][i]!, value, true));
  put(36, "data");
  view.setUint32(40, size, true);
  put(44 + size, seed);
  return { bytes, mediaType: "audio/wav", seconds, recipe: { model, seed } };
}
