import { type AttentionKwargs, attentionKwargs } from "@denoise/adapters";
import {
  type CallOptions,
  configValue,
  randnTensor,
  type RunOptions,
  runOptions,
  type Scheduler,
  Tensor,
} from "@denoise/core";
import {
  binnedSize,
  type BinnedStartOptions,
  binnedStartOptions,
  type Family,
  fittedTo,
  imageLatentMeans,
  type ImageStartOptions,
  imageStartOptions,
  type LatentOptions,
  latentSpace,
  prepareImages,
  resizeSpatial,
  retrieveTimesteps,
  type Start,
  strengthTimesteps,
  type TimestepOptions,
} from "@denoise/diffusion";
import type { SanaComponents } from "./components.ts";
import { fromSanaNoise, sanaSize, sanaSizes } from "./family.ts";
import { encodeSanaPrompts, type SanaPromptOptions, sanaPromptOptions } from "./prompts.ts";

/** The prompts of a call of Sana-Sprint, which has no negative ones. */
export type SprintPromptOptions = Omit<
  SanaPromptOptions,
  "negativePrompt" | "negativePromptEmbeds" | "negativePromptAttentionMask"
>;

/** Options that calls of Sana-Sprint take. */
export interface SprintOptions
  extends RunOptions, SprintPromptOptions, Omit<TimestepOptions, "sigmas">, AttentionKwargs {
  /** How closely the image follows the prompt, as the model was distilled. Defaults to 4.5. */
  readonly guidanceScale?: number | undefined;
  /** The first angle, up to π/2, which is all noise. Defaults to 1.5708. */
  readonly maxTimesteps?: number | undefined;
  /** The second angle of a run of two steps; null puts it in the middle. Defaults to 1.3. */
  readonly intermediateTimesteps?: number | null | undefined;
}

const {
  negativePrompt: _prompt,
  negativePromptEmbeds: _embeds,
  negativePromptAttentionMask: _mask,
  ...promptOptions
} = sanaPromptOptions;

/** The declarations of {@linkcode SprintOptions}. */
export const sprintOptions: CallOptions<SprintOptions> = {
  ...attentionKwargs,
  ...runOptions,
  ...promptOptions,
  numInferenceSteps: { type: "integer", minimum: 1 },
  timesteps: { type: "number", list: "required" },
  guidanceScale: { type: "number" },
  maxTimesteps: { type: "number" },
  intermediateTimesteps: { type: "number", nullable: true },
};

/** The standard deviation of the data that the scheduler counts with. */
function sigmaData(scheduler: Scheduler): number {
  const found = configValue(scheduler.config, "sigma_data");
  if (typeof found === "number") return found;
  throw new TypeError(
    `Cannot sample Sana-Sprint with ${scheduler.className}: it has no sigma_data; use SCMScheduler`,
  );
}

/**
 * Sana-Sprint (Chen et al., 2025, arXiv:2503.09641): Sana distilled to one or two steps on an arc from noise to
 * data (TrigFlow), guided by an input of the model.
 */
export const sanaSprint: Family<SanaComponents, LatentOptions & SprintOptions, never> = {
  name: "sana-sprint",
  size: sanaSize,
  plan({ scheduler }, options) {
    const { numInferenceSteps = 2, timesteps: own, strength = 1 } = options;
    const { maxTimesteps, intermediateTimesteps } = options;
    const planned = retrieveTimesteps(scheduler, { numInferenceSteps, timesteps: own }, {
      ...(maxTimesteps === undefined ? {} : { maxTimesteps }),
      ...(intermediateTimesteps === undefined ? {} : { intermediateTimesteps }),
    });
    const steps = scheduler.numInferenceSteps ?? planned.length;
    return { steps, timesteps: strengthTimesteps(scheduler, strength, steps, "up") };
  },
  async encode(run, prompt, options) {
    const { transformer, scheduler } = run.components;
    const { guidanceScale = 4.5, signal } = options;
    const { guidance_embeds, guidance_embeds_scale } = transformer.config;
    const deviation = sigmaData(scheduler);
    const [{ embeds, mask }] = await encodeSanaPrompts(run, prompt, options, false);
    const f = Math.fround;
    const guidance = guidance_embeds ? f(f(guidanceScale) * f(guidance_embeds_scale)) : undefined;
    return {
      count: embeds.dims[0]!,
      facts: { guidanceScale: guidance_embeds ? guidanceScale : undefined },
      denoiser: () => async ({ latents, timestep }) => {
        const [sine, cosine] = [f(Math.sin(timestep)), f(Math.cos(timestep))];
        const s = f(sine / f(cosine + sine));
        const length = f(Math.sqrt(f(f(s * s) + f(f(1 - s) ** 2))));
        const input = latents.div(deviation).mul(length);
        const { sample } = await transformer.forward(input, s, {
          ...{ encoderHiddenStates: embeds, encoderAttentionMask: mask, guidance, signal },
        });
        const kept = f(1 - f(2 * s));
        const made = f(kept + f(2 * f(s * s)));
        return input.mul(kept).add(sample.mul(made)).div(length).mul(deviation);
      },
    };
  },
  result: ({ latents, last }, _steps, { scheduler }) =>
    (last?.predOriginalSample ?? latents).div(sigmaData(scheduler)),
  previewed(stepped, { scheduler }) {
    const { predOriginalSample = stepped.prevSample } = stepped;
    return { ...stepped, predOriginalSample: predOriginalSample.div(sigmaData(scheduler)) };
  },
};

/** From noise, as strong as the data is. */
export const fromSprintNoise: Start<SanaComponents, LatentOptions & BinnedStartOptions> = {
  ...fromSanaNoise,
  async begin(run, options, facts) {
    const begun = await fromSanaNoise.begin(run, options, facts);
    return { ...begun, latents: begun.latents.mul(sigmaData(run.components.scheduler)) };
  },
};

/** Options of a call that begins with an image. */
export interface SprintImageOptions extends ImageStartOptions, BinnedStartOptions {}

/** The declarations of {@linkcode SprintImageOptions}. */
export const sprintImageOptions: CallOptions<SprintImageOptions> = {
  ...imageStartOptions,
  ...binnedStartOptions,
};

/** From an image, turned towards noise by the first angle. */
export const fromSprintImage: Start<SanaComponents, LatentOptions & SprintImageOptions> = {
  from: "image",
  check: (components, options) => binnedSize(sanaSizes, components, options),
  async begin(run, options, { count, noise, plan }) {
    const { vae, scheduler } = run.components;
    const { size, made } = binnedSize(sanaSizes, run.components, options);
    const planned = plan(made);
    const begun = { size: made, plan: planned, controls: [], fitted: fittedTo(size, made) };
    if (options.latents !== undefined) return { latents: options.latents, ...begun };
    const { channels } = latentSpace(vae);
    const deviation = sigmaData(scheduler);
    const isLatents = options.image instanceof Tensor && options.image.dims.at(-3) === channels;
    const given = options.image instanceof Tensor && !isLatents
      ? resized(options.image, made)
      : options.image;
    const images = await prepareImages(await run.images(), given, {
      ...made,
      latentChannels: channels,
    });
    const encoded = await imageLatentMeans(vae, images, count);
    const clean = isLatents ? encoded : encoded.mul(deviation);
    const drawn = randnTensor(clean.dims, noise.generator).mul(deviation);
    const [angle] = planned.timesteps as [number];
    const latents = clean.mul(Math.fround(Math.cos(angle)))
      .add(drawn.mul(Math.fround(Math.sin(angle))));
    return { latents, ...begun };
  },
};

/** An image that is a tensor in that size, as torch resizes it. */
function resized(image: Tensor, { height, width }: { height: number; width: number }): Tensor {
  const batch = image.dims.length === 3 ? image.unsqueeze(0) : image;
  return batch.dims[2] === height && batch.dims[3] === width
    ? batch
    : resizeSpatial(batch, height, width, "bilinear");
}
