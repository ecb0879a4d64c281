import { type CallOptions, type RunOptions, runOptions, type Tensor } from "@denoise/core";
import {
  checkSize,
  type Family,
  type FlowStepOptions,
  flowStepOptions,
  fromNoise,
  imageLatentMeans,
  type ImagesInput,
  initialLatents,
  type LatentOptions,
  type NoiseStartOptions,
  planFlowRun,
  prepareImages,
  repeatForPrompts,
  type Start,
  vaeScaleFactor,
} from "@denoise/diffusion";
import type { AnimaComponents } from "./components.ts";
import { type AnimaPromptOptions, animaPromptOptions, encodeAnimaPrompts } from "./prompts.ts";

/** Options of a call of Anima. */
export interface AnimaOptions extends RunOptions, AnimaPromptOptions, FlowStepOptions {
  /** The image to change, or one for each prompt, resized to height and width; none begins with noise. */
  readonly image?: ImagesInput | undefined;
  /** Denoising strength, with an image: 0 changes nothing, 1 leaves nothing of it. Defaults to 0.9. */
  readonly strength?: number | undefined;
  /** Guidance away from the negative prompt by a second call; 1 is none. Defaults to 4. */
  readonly guidanceScale?: number | undefined;
}

/** The declarations of {@linkcode AnimaOptions}. */
export const animaOptions: CallOptions<AnimaOptions> = {
  ...runOptions,
  ...animaPromptOptions,
  ...flowStepOptions,
  image: { type: "image", list: "allowed" },
  strength: { type: "number", minimum: 0, maximum: 1 },
  guidanceScale: { type: "number" },
};

/** What a call of the family reads. */
export type AnimaCall = LatentOptions & AnimaOptions & NoiseStartOptions;

/** Latents of a side where the call says none (`default_sample_size`). */
const TRAINED_SIZE = 128;

/** The strength of a call. */
function strengthOf({ image, strength = 0.9 }: AnimaCall): number | undefined {
  return image === undefined ? undefined : strength;
}

/**
 * Anima (CircleStone Labs, 2026): a rectified flow on latents of 16 channels by a transformer of Cosmos, conditioned on
 * what a network of its own makes of a language model's states. Guidance is a second call.
 */
export const anima: Family<AnimaComponents, AnimaCall, never> = {
  name: "anima",
  size({ vae }, given) {
    const factor = vaeScaleFactor(vae);
    const trained = TRAINED_SIZE * factor;
    const { height = trained, width = trained } = given;
    checkSize(height, width, 2 * factor); // two latents are a token
    return { height, width };
  },
  plan: ({ scheduler }, options) =>
    planFlowRun(scheduler, { ...options, strength: strengthOf(options) }),
  async encode(run, prompt, options) {
    const { guidanceScale = 4, signal } = options;
    const isGuided = Math.abs(guidanceScale - 1) >= 1e-9;
    const { wanted, unwanted } = await encodeAnimaPrompts(run, prompt, options, isGuided);
    return {
      count: wanted.dims[0]!,
      facts: { guidanceScale: isGuided ? guidanceScale : undefined, strength: strengthOf(options) },
      denoiser() {
        const { transformer } = run.components;
        return async ({ input, timestep }) => {
          const share = Math.fround(timestep / 1000);
          const predict = async (encoderHiddenStates: Tensor) =>
            (await transformer.forward(input, share, { encoderHiddenStates, signal })).sample;
          const text = await predict(wanted);
          if (unwanted === undefined) return text;
          const negative = await predict(unwanted);
          return negative.add(text.sub(negative).mul(guidanceScale));
        };
      },
    };
  },
};

/** From an image where there is one, noised as far as the strength says; else from noise alone. */
export const fromAnimaImage: Start<AnimaComponents, AnimaCall> = {
  from: "noise",
  async begin(run, { image, ...options }, { count, noise, ...facts }) {
    if (image === undefined) return await fromNoise.begin(run, options, { count, noise, ...facts });
    const { vae, scheduler } = run.components;
    const size = facts.size();
    const plan = facts.plan(size);
    const images = await prepareImages(await run.images(), image, size);
    const own = await imageLatentMeans(vae, images, images.dims[0]!);
    const clean = repeatForPrompts(own, count / (options.numImagesPerPrompt ?? 1), count);
    const drawn = initialLatents(clean.dims, noise, { initNoiseSigma: 1 }, options.latents);
    const latents = scheduler.addNoise(clean, drawn, [plan.timesteps[0]!]);
    return { latents, size, plan, controls: [] };
  },
};
