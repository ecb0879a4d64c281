import { type CallOptions, type RunOptions, runOptions } from "@denoise/core";
import {
  type Family,
  type LatentOptions,
  type NoiseStartOptions,
  noiseStartOptions,
  timestepOptions,
} from "@denoise/diffusion";
import {
  conditionOnText,
  type GuidanceOptions,
  guidanceOptions,
  predictByUNet,
  sdSize,
  type UNetControl,
} from "@denoise/stable-diffusion";
import { objectsInBoxes } from "./boxes.ts";
import type { GligenComponents } from "./components.ts";
import { boxRows, forAllObjects, groundRows, phraseVectors } from "./objects.ts";
import { type GligenPlaces, gligenPlaces } from "./start.ts";

/** Options that calls of GLIGEN have in common. */
export interface GligenCallOptions
  extends RunOptions, GuidanceOptions, NoiseStartOptions, GligenPlaces {
  /** Number of denoising steps. Defaults to 50. */
  readonly numInferenceSteps?: number | undefined;
  /** Noise on the way of DDIM, 0..1; other schedulers ignore it. Defaults to 0. */
  readonly eta?: number | undefined;
}

/** The declarations of {@linkcode GligenCallOptions}. */
export const gligenCallOptions: CallOptions<GligenCallOptions> = {
  ...runOptions,
  ...guidanceOptions,
  ...noiseStartOptions,
  ...gligenPlaces,
  numInferenceSteps: timestepOptions.numInferenceSteps,
  eta: { type: "number" },
};

/** Options of a call whose objects are said by phrases. */
export interface GligenOptions extends GligenCallOptions {
  /** What is in each of `gligenBoxes`. */
  readonly gligenPhrases: readonly string[];
}

/** The declarations of {@linkcode GligenOptions}. */
export const gligenOptions: CallOptions<GligenOptions> = {
  ...gligenCallOptions,
  gligenPhrases: { type: "string", list: "required", required: true },
};

/** The defaults of calls of GLIGEN. */
export const gligenDefaults = {
  numInferenceSteps: 50,
  guidanceScale: 7.5,
  gligenScheduledSamplingBeta: 0.3,
} as const;

/** Stable Diffusion whose first steps know of objects at places, said by phrases. */
export const gligen: Family<GligenComponents, LatentOptions & GligenOptions, UNetControl> = {
  name: "stable-diffusion-gligen",
  size: sdSize,
  async encode(run, prompt, options) {
    const { unet, scheduler } = run.components;
    const { gligenScheduledSamplingBeta: beta = 0.3, signal } = options;
    const { gligenBoxes, gligenPhrases } = options;
    const { boxes, lists } = objectsInBoxes(gligenBoxes, { gligenPhrases }, run.warn);
    const text = await conditionOnText(run, prompt, options);
    const { count, guidance, guidanceScale, encoderHiddenStates, timestepCond } = text;
    const vectors = await phraseVectors(run.components, lists.gligenPhrases);
    const objects = { ...boxRows(boxes), positiveEmbeddings: forAllObjects(vectors) };
    const known = groundRows(objects, count, guidance);
    const conditioning = { encoderHiddenStates, timestepCond, signal };
    const guided = { guidance, guidanceScale };
    return {
      count,
      facts: {
        ...{ guidanceScale, gligenScheduledSamplingBeta: beta },
        ...{ gligenPhrases: gligenPhrases.join(" | "), gligenBoxes: JSON.stringify(gligenBoxes) },
        promptSyntax: options.promptSyntax,
      },
      denoiser() {
        const grounded = Math.trunc(beta * scheduler.timesteps.length);
        const plain = predictByUNet(unet, conditioning, guided);
        const placed = predictByUNet(unet, { ...conditioning, gligen: known }, guided);
        return (call) => (call.index < grounded ? placed : plain)(call);
      },
    };
  },
};
