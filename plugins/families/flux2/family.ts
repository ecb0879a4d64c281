import { type CallOptions, type RunOptions, runOptions, Tensor } from "@denoise/core";
import {
  checkSize,
  type Family,
  type ImagesInput,
  type LatentOptions,
  latentSpace,
  planFlowRun,
  type TimestepOptions,
  timestepOptions,
} from "@denoise/diffusion";
import type { Flux2Components } from "./components.ts";
import { encodeKleinPrompts, type Flux2PromptOptions, flux2PromptOptions } from "./prompts.ts";
import { encodeReferences } from "./references.ts";
import { imageIds, latentsOf, textIds, tokensOf } from "./tokens.ts";

/** Options that all calls of FLUX.2 klein take. */
export interface Flux2KleinOptions
  extends RunOptions, Flux2PromptOptions, Omit<TimestepOptions, "timesteps"> {
  /**
   * Reference images that the prompt speaks of, in the order in which it does; none makes an image of the prompt
   * alone. Without `height` and `width` the result is as large as the first one.
   */
  readonly image?: ImagesInput | undefined;
  /** Guidance away from an empty text by a second call, above 1; distilled models have none. Defaults to 4. */
  readonly guidanceScale?: number | undefined;
}

const { timesteps: _timesteps, ...stepOptions } = timestepOptions;

/** The declarations of {@linkcode Flux2KleinOptions}. */
export const flux2KleinOptions: CallOptions<Flux2KleinOptions> = {
  ...runOptions,
  ...flux2PromptOptions,
  ...stepOptions,
  image: { type: "image", list: "allowed", together: 10 },
  guidanceScale: { type: "number" },
};

/** Tokens of a side where nothing says it: 1024 pixels with an autoencoder of the real size. */
const TRAINED_SIZE = 64;

/**
 * The shift μ of a run of so many steps on so many tokens, which BFL found by experiment
 * (`compute_empirical_mu`).
 */
export function empiricalShift(tokens: number, steps: number): number {
  const at200 = 0.00016927 * tokens + 0.45666666;
  if (tokens > 4300) return at200;
  const at10 = 8.73809524e-05 * tokens + 1.89833333;
  const slope = (at200 - at10) / 190;
  return slope * steps + (at200 - 200 * slope);
}

/**
 * FLUX.2 klein (Black Forest Labs, 2026): a rectified flow on latents of 128 channels, conditioned on three
 * states of a language model, and on reference images as tokens behind those that are made.
 */
export const flux2: Family<Flux2Components, LatentOptions & Flux2KleinOptions, never> = {
  name: "flux2-klein",
  size({ vae }, given) {
    const { factor } = latentSpace(vae);
    const trained = TRAINED_SIZE * factor;
    const { height = trained, width = trained } = given;
    checkSize(height, width, factor);
    return { height, width };
  },
  plan({ vae, scheduler }, options, { height, width }) {
    const { factor } = latentSpace(vae);
    const { numInferenceSteps = 50 } = options;
    const tokens = (height / factor) * (width / factor);
    return planFlowRun(scheduler, options, empiricalShift(tokens, numInferenceSteps));
  },
  async encode(run, prompt, options) {
    const { transformer, vae } = run.components;
    const { guidanceScale = 4, image, signal } = options;
    const guided = guidanceScale > 1 && run.settings.is_distilled !== true;
    const { wanted, unwanted } = await encodeKleinPrompts(run, prompt, options, guided);
    const count = wanted.dims[0]!;
    const references = image === undefined ? undefined : await encodeReferences(run, image);
    const { height, width } = { ...references?.size, ...definedSize(options) };
    return {
      count,
      facts: { guidanceScale: guided ? guidanceScale : undefined },
      size: references && flux2.size(run.components, { height, width }),
      denoiser(size) {
        const { factor } = latentSpace(vae);
        const [rows, columns] = [size.height / factor, size.width / factor];
        const own = imageIds(rows, columns);
        const imgIds = references === undefined ? own : Tensor.cat([own, references.ids], 0);
        const beside = references?.tokens.repeat([count, 1, 1]);
        return async ({ input, timestep }) => {
          const made = tokensOf(input);
          const tokens = beside === undefined ? made : Tensor.cat([made, beside], 1);
          const time = Math.fround(timestep / 1000);
          const predict = async (encoderHiddenStates: Tensor) => {
            const txtIds = textIds(encoderHiddenStates.dims[1]!);
            const given = { encoderHiddenStates, imgIds, txtIds, signal };
            const { sample } = await transformer.forward(tokens, time, given);
            return latentsOf(sample.slice(1, 0, rows * columns), rows, columns);
          };
          const text = await predict(wanted);
          if (unwanted === undefined) return text;
          const empty = await predict(unwanted);
          return empty.add(text.sub(empty).mul(guidanceScale));
        };
      },
    };
  },
};

/** Height and width, where the call says them. */
function definedSize(
  { height, width }: Pick<LatentOptions, "height" | "width">,
): { height?: number; width?: number } {
  return {
    ...(height === undefined ? {} : { height }),
    ...(width === undefined ? {} : { width }),
  };
}
