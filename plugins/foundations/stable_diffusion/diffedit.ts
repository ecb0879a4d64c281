import {
  type CallOptions,
  checkOptions,
  DenoiseError,
  type Image,
  type PipelineRun,
  randnTensor,
  roleKey,
  type RunOptions,
  runOptions,
  type Scheduler,
  Tensor,
} from "@denoise/core";
import {
  type BatchNoise,
  batchNoise,
  checkPrompts,
  decodeLatents,
  denormalize,
  drawnImages,
  encodeToLatents,
  type Family,
  guide,
  type ImagesInput,
  imageStartOptions,
  type LatentComponents,
  type LatentOptions,
  latentSpace,
  mixerBy,
  planRun,
  predictGuided,
  prepareImages,
  prepareMasks,
  type Prompt,
  promptOptions,
  repeatRows,
  sizeInPixels,
  type Start,
  timestepOptions,
  toImages,
  vaeScaleFactor,
} from "@denoise/diffusion";
import type { UNetControl } from "./control_nets.ts";
import { encodeText } from "./encode_text.ts";
import { sd, type SdModels } from "./sd.ts";
import type { StableDiffusionComponents } from "./stable_diffusion.ts";
import { conditionOnText, type GuidanceOptions } from "./text_conditioning.ts";

/** What DiffEdit consists of. */
export interface DiffEditComponents extends Omit<StableDiffusionComponents, "imageEncoder"> {
  /** DDIMInverseScheduler, or another one whose timesteps rise; `invert` needs it. */
  readonly inverseScheduler: Scheduler | null;
}

/** What `generateMask` is given. */
export interface GenerateMaskOptions extends Pick<RunOptions, "seed" | "generator" | "signal"> {
  /** The image to find the place of the edit in, or one for each prompt. */
  readonly image: ImagesInput;
  /** What the image is to show. */
  readonly targetPrompt?: Prompt | undefined;
  /** What it is not to show. */
  readonly targetNegativePrompt?: Prompt | undefined;
  /** States of the target prompt instead, float32 [N, tokens, width]. */
  readonly targetPromptEmbeds?: Tensor | undefined;
  /** States of the target's negative prompt instead, float32 [N, tokens, width]. */
  readonly targetNegativePromptEmbeds?: Tensor | undefined;
  /** What the image shows. */
  readonly sourcePrompt?: Prompt | undefined;
  /** What it does not show. */
  readonly sourceNegativePrompt?: Prompt | undefined;
  /** States of the source prompt instead, float32 [N, tokens, width]. */
  readonly sourcePromptEmbeds?: Tensor | undefined;
  /** States of the source's negative prompt instead, float32 [N, tokens, width]. */
  readonly sourceNegativePromptEmbeds?: Tensor | undefined;
  /** How many times the image is noised to compare what is predicted. Defaults to 10. */
  readonly numMapsPerMask?: number | undefined;
  /** How much it is noised, 0..1. Defaults to 0.5. */
  readonly maskEncodeStrength?: number | undefined;
  /** At how many times the mean difference differences are cut; half of that is the edge of the mask. Defaults to 3. */
  readonly maskThresholdingRatio?: number | undefined;
  /** Number of denoising steps of which the strength says one. Defaults to 50. */
  readonly numInferenceSteps?: number | undefined;
  /** How closely the prompts are followed. Defaults to 7.5; no guidance at 1 or below. */
  readonly guidanceScale?: number | undefined;
}

const maskOptions: CallOptions<GenerateMaskOptions> = {
  seed: runOptions.seed,
  generator: runOptions.generator,
  signal: runOptions.signal,
  image: imageStartOptions.image,
  targetPrompt: { type: "string", list: "allowed" },
  targetNegativePrompt: { type: "string", list: "allowed" },
  targetPromptEmbeds: { type: "tensor" },
  targetNegativePromptEmbeds: { type: "tensor" },
  sourcePrompt: { type: "string", list: "allowed" },
  sourceNegativePrompt: { type: "string", list: "allowed" },
  sourcePromptEmbeds: { type: "tensor" },
  sourceNegativePromptEmbeds: { type: "tensor" },
  numMapsPerMask: { type: "integer", minimum: 1, cost: "images" },
  maskEncodeStrength: { type: "number", minimum: 0, maximum: 1 },
  maskThresholdingRatio: { type: "number", minimum: 1e-6 },
  numInferenceSteps: timestepOptions.numInferenceSteps,
  guidanceScale: { type: "number" },
};

/** What `invert` is given beside its prompt. */
export interface InvertOptions extends
  Pick<RunOptions, "seed" | "generator" | "signal">,
  Pick<
    GuidanceOptions,
    "guidanceScale" | "negativePrompt" | "promptEmbeds" | "negativePromptEmbeds"
  > {
  /** The image to find latents of, or one for each prompt. */
  readonly image: ImagesInput;
  /** How far the way to noise is gone, 0..1. Defaults to 0.8. */
  readonly inpaintStrength?: number | undefined;
  /** Number of steps of the whole way. Defaults to 50. */
  readonly numInferenceSteps?: number | undefined;
  /** Whether images of all latents are given, too. Defaults to false. */
  readonly decodeLatents?: boolean | undefined;
}

const invertOptions: CallOptions<InvertOptions> = {
  seed: runOptions.seed,
  generator: runOptions.generator,
  signal: runOptions.signal,
  image: imageStartOptions.image,
  inpaintStrength: { type: "number", minimum: 0, maximum: 1 },
  numInferenceSteps: timestepOptions.numInferenceSteps,
  guidanceScale: { type: "number" },
  negativePrompt: promptOptions.negativePrompt,
  promptEmbeds: promptOptions.promptEmbeds,
  negativePromptEmbeds: promptOptions.negativePromptEmbeds,
  decodeLatents: { type: "boolean" },
};

/** What `invert` gives. */
export interface InvertedLatents {
  /** Latents from the noisiest on, float32 [N, steps, C, h, w]. */
  readonly latents: Tensor;
  /** Images of all of them, where they were asked for. */
  readonly images?: readonly Image[] | undefined;
}

/** What pipelines of DiffEdit can do beside their call. */
export interface DiffEditMethods {
  /**
   * Finds where an image has to change for a prompt: 1 there and 0 elsewhere, float32 [N, h, w] in the size of the latents.
   *
   * @throws {TypeError} without both prompts.
   */
  generateMask(options: GenerateMaskOptions): Promise<Tensor>;
  /**
   * Finds latents from which the prompt leads back to the image.
   *
   * @throws {DenoiseError} `missing_component` without `inverseScheduler`.
   */
  invert(prompt: Prompt | undefined, options: InvertOptions): Promise<InvertedLatents>;
}

type Run = PipelineRun<DiffEditComponents & LatentComponents>;

/** `generateMask` and `invert` of a pipeline. */
export function diffEditMethods(
  within: <T>(
    options: object,
    work: (run: PipelineRun<DiffEditComponents & LatentComponents>) => Promise<T>,
  ) => Promise<T>,
): DiffEditMethods {
  return {
    async generateMask(options) {
      checkOptions("generate a mask", options, maskOptions);
      return await within(options, (run) => generateMask(run, options));
    },
    async invert(prompt, options) {
      refuseRegularization(options);
      checkOptions("invert an image", options, invertOptions);
      return await within(options, (run) => invert(run, prompt, options));
    },
  };
}

/** Options of diffusers' `invert` that pull what is predicted towards white noise. */
const REGULARIZATION = ["numRegSteps", "numAutoCorrRolls", "lambdaAutoCorr", "lambdaKl"];

function refuseRegularization(options: object): void {
  const given = Object.keys(options).find((name) =>
    REGULARIZATION.some((one) => roleKey(one) === roleKey(name))
  );
  if (given === undefined) return;
  throw new TypeError(
    `Cannot invert an image with ${given}: the regularization follows gradients of what is predicted, which ` +
      "no graph of onnxruntime gives; leave it out, as it is off by default and no part of DiffEdit's paper",
  );
}

/** Couairon et al., "DiffEdit" (arXiv:2210.11427), section 3.2, step 1. */
async function generateMask(run: Run, options: GenerateMaskOptions): Promise<Tensor> {
  const { unet, scheduler, tokenizer, textEncoder } = run.components;
  const { guidanceScale = 7.5, numMapsPerMask: maps = 10, maskEncodeStrength = 0.5 } = options;
  const { maskThresholdingRatio = 3, numInferenceSteps = 50, signal } = options;
  const guidance = guidanceScale > 1;
  const sides = [
    {
      prompt: options.sourcePrompt,
      negativePrompt: options.sourceNegativePrompt,
      promptEmbeds: options.sourcePromptEmbeds,
      negativePromptEmbeds: options.sourceNegativePromptEmbeds,
    },
    {
      prompt: options.targetPrompt,
      negativePrompt: options.targetNegativePrompt,
      promptEmbeds: options.targetPromptEmbeds,
      negativePromptEmbeds: options.targetNegativePromptEmbeds,
    },
  ];
  const encoder = { tokenizer, textEncoder, warn: run.warn };
  const states: Tensor[] = [];
  for (const { prompt, ...side } of sides) {
    checkPrompts(prompt, side);
    const given = { ...side, numImagesPerPrompt: maps };
    const texts = await encodeText(encoder, prompt, guidance, given);
    // the reference takes one for the other here, so that it guides away from what is wanted
    states.push(texts.promptEmbeds, ...(guidance ? [texts.negativePromptEmbeds!] : []));
  }
  const [count, wanted] = [states[0]!, states.at(-1)!].map(({ dims }) => dims[0]!) as [
    number,
    number,
  ];
  if (count !== wanted) {
    throw new RangeError(
      `Cannot compare ${count / maps} and ${
        wanted / maps
      } prompts: give as many for the source as for the target`,
    );
  }
  const { timesteps: [timestep] } = planRun(scheduler, {
    numInferenceSteps,
    strength: maskEncodeStrength,
  });
  const noise = batchNoise(count, options);
  const images = (await imagesOf(run, options.image)).repeatInterleave(maps, 0);
  const clean = await latentsOf(run, images, count, noise, options);
  const added = randnTensor(clean.dims, noise.generator);
  const noisy = scheduler.addNoise(clean, added, [timestep!]);
  const input = scheduler.scaleModelInput(Tensor.cat(states.map(() => noisy)), timestep!);
  const conditioning = { encoderHiddenStates: Tensor.cat(states), signal };
  const { sample } = await unet.forward(input, timestep!, conditioning);
  const [source, target] = sample.chunk(2)
    .map((half) => guidance ? guide(half, guidanceScale) : half) as [Tensor, Tensor];
  const [, channels, height, width] = clean.dims as [number, number, number, number];
  const difference = target.sub(source).abs()
    .reshape([count / maps, maps * channels, height, width]).mean([1]);
  const most = difference.mean().item() * maskThresholdingRatio;
  return difference.clamp(0, most).div(most).map((x) => x <= 0.5 ? 0 : 1);
}

/** DDIM the other way round: the same paper, section 3.2, step 2. */
async function invert(
  run: Run,
  prompt: Prompt | undefined,
  options: InvertOptions,
): Promise<InvertedLatents> {
  const { unet, vae, inverseScheduler: scheduler } = run.components;
  const { inpaintStrength = 0.8, numInferenceSteps = 50, signal } = options;
  if (!scheduler) {
    throw new DenoiseError(
      "missing_component",
      "Cannot invert an image without an inverseScheduler: put one in its place, as in " +
        "pipe.inverseScheduler = DDIMInverseScheduler.fromConfig(pipe.scheduler.config)",
    );
  }
  const text = await conditionOnText(run, prompt, options);
  const { count, guidance, guidanceScale, encoderHiddenStates, timestepCond } = text;
  const noise = batchNoise(count, options);
  let latents = await latentsOf(run, await imagesOf(run, options.image), count, noise, options);
  scheduler.setTimesteps(numInferenceSteps);
  const steps = Math.min(Math.trunc(numInferenceSteps * inpaintStrength), numInferenceSteps);
  const timesteps = scheduler.timesteps.slice(
    0,
    scheduler.timesteps.length - numInferenceSteps + steps,
  );
  if (timesteps.length === 0) {
    throw new RangeError(
      `Cannot invert an image with inpaintStrength ${inpaintStrength}: of ${numInferenceSteps} steps none is left`,
    );
  }
  const conditioning = { encoderHiddenStates, timestepCond, signal };
  const inverted: Tensor[] = [];
  for (const timestep of timesteps) {
    signal?.throwIfAborted();
    const output = await predictGuided(
      { guidance, guidanceScale },
      scheduler.scaleModelInput(latents, timestep),
      (input) => unet.forward(input, timestep, conditioning),
    );
    latents = scheduler.step(output, timestep, latents).prevSample;
    inverted.unshift(latents.unsqueeze(1));
  }
  const all = Tensor.cat(inverted, 1); // [N, steps, C, h, w]
  if (options.decodeLatents !== true) return { latents: all };
  const rows = all.reshape([count * timesteps.length, ...latents.dims.slice(1)]);
  const shown = denormalize(await decodeLatents(vae, rows));
  return { latents: all, images: await toImages(run, shown, () => ({})) };
}

/** Images in their own size, cut to multiples of what a latent covers, float32 [N, 3, H, W]. */
async function imagesOf(run: Run, image: ImagesInput): Promise<Tensor> {
  const { vae } = run.components;
  const { channels: latentChannels } = latentSpace(vae);
  return await prepareImages(await run.images(), image, {
    multiple: vaeScaleFactor(vae),
    latentChannels,
  });
}

async function latentsOf(
  { components: { vae } }: Run,
  images: Tensor,
  count: number,
  { generator }: BatchNoise,
  options: Pick<RunOptions, "seed" | "generator" | "signal">,
): Promise<Tensor> {
  return await encodeToLatents(vae, drawnImages(images, count, options), generator, count);
}

/** Options of a call that edits inverted latents, or an image of which it makes these first. */
export interface DiffEditOptions
  extends
    Pick<GenerateMaskOptions, "numMapsPerMask" | "maskEncodeStrength" | "maskThresholdingRatio"> {
  /** 1 or white where the image changes, in the size of the latents, such as `generateMask` gives it: [h, w] or [N, h, w]. */
  readonly maskImage?: ImagesInput | undefined;
  /** What `invert` gives as `latents`, float32 [N, steps, C, h, w]. */
  readonly imageLatents?: Tensor | undefined;
  /**
   * The image to edit, where `maskImage` or `imageLatents` is left out: the call makes them first, as `generateMask` and `invert` do
   * with the same seed, steps and guidance.
   */
  readonly image?: ImagesInput | undefined;
  /** What that image shows. */
  readonly sourcePrompt?: Prompt | undefined;
  /** Which part of the steps is run, 0..1; the same as of `invert`. Defaults to 0.8. */
  readonly inpaintStrength?: number | undefined;
}

/** The declarations of {@linkcode DiffEditOptions}. */
export const diffEditOptions: CallOptions<DiffEditOptions> = {
  maskImage: { type: "image", list: "allowed" },
  imageLatents: { type: "tensor" },
  image: { type: "image", list: "allowed" },
  sourcePrompt: maskOptions.sourcePrompt,
  numMapsPerMask: maskOptions.numMapsPerMask,
  maskEncodeStrength: maskOptions.maskEncodeStrength,
  maskThresholdingRatio: maskOptions.maskThresholdingRatio,
  inpaintStrength: { type: "number", minimum: 0, maximum: 1 },
};

/**
 * The options of a call with mask and latents: those that it is given, or what `generateMask` and `invert` make of its image.
 *
 * @throws {TypeError} where there is neither, and for options that nothing is left for.
 */
export async function findMaskAndLatents<
  O extends DiffEditOptions & LatentOptions & GuidanceOptions,
>(
  run: PipelineRun<DiffEditComponents & LatentComponents>,
  targetPrompt: Prompt | undefined,
  options: O,
): Promise<O> {
  const { image, sourcePrompt, maskImage, imageLatents, inpaintStrength, promptSyntax } = options;
  const { seed, generator, signal, guidanceScale, numInferenceSteps } = options;
  const { numMapsPerMask, maskEncodeStrength, maskThresholdingRatio } = options;
  const ofMask = { numMapsPerMask, maskEncodeStrength, maskThresholdingRatio };
  const isWhole = maskImage !== undefined && imageLatents !== undefined;
  const useless = Object.entries({
    ...isWhole && { image, sourcePrompt },
    ...maskImage !== undefined && ofMask,
    ...!isWhole && { promptSyntax },
  }).filter(([_, value]) => value !== undefined).map(([name]) => name);
  if (useless.length > 0) {
    const why = promptSyntax !== undefined && !isWhole
      ? "the mask is found for prompts as they are"
      : "what they are for is given already";
    throw new TypeError(`Cannot use ${useless.join(" and ")}: ${why}; leave that out`);
  }
  if (isWhole) return options;
  if (image === undefined || sourcePrompt === undefined) {
    throw new TypeError(
      "Cannot edit an image without image and sourcePrompt: give both, the image and what it shows, or give " +
        "maskImage and imageLatents, as generateMask and invert make them",
    );
  }
  const shared = { image, seed, generator, signal, guidanceScale, numInferenceSteps };
  const found = maskImage ??
    await generateMask(run, {
      ...{ ...shared, ...ofMask, sourcePrompt, targetPrompt },
      targetPromptEmbeds: options.promptEmbeds,
    });
  const inverted = imageLatents ??
    (await invert(run, sourcePrompt, { ...shared, inpaintStrength })).latents;
  return { ...options, maskImage: found, imageLatents: inverted };
}

/** DiffEdit with Stable Diffusion 1.x and 2.x. Couairon et al., "DiffEdit" (arXiv:2210.11427). */
export const diffEdit: Family<
  SdModels & DiffEditComponents,
  LatentOptions & GuidanceOptions & DiffEditOptions,
  UNetControl
> = {
  ...sd,
  name: "stable-diffusion-diffedit",
  plan: ({ scheduler }, { inpaintStrength, ...options }) =>
    planRun(scheduler, { ...options, strength: inpaintStrength ?? 0.8 }),
};

/** From inverted latents, of which those around the mask are put back after each step. */
export const fromInverted: Start<
  DiffEditComponents & LatentComponents,
  LatentOptions & DiffEditOptions
> = {
  from: "mask",
  async begin(run, options, { count, ...facts }) {
    const { vae } = run.components;
    const given = options.imageLatents!; // as findMaskAndLatents settles it
    const mask = await prepareMasks(await run.images(), options.maskImage!, { multiple: 1 });
    const [height, width] = mask.dims.slice(2) as [number, number];
    const wanted = [latentSpace(vae).channels, height, width];
    const [prompts = 0, steps = 0, ...one] = given.dims;
    if (String(one) !== String(wanted)) {
      throw new TypeError(
        `Cannot edit latents of shape [${
          given.dims.join(", ")
        }] by a mask of ${width}x${height}: imageLatents must have ` +
          `[prompts, steps, ${wanted.join(", ")}], and the mask a place for each of theirs`,
      );
    }
    const size = sizeInPixels(given.select(1, 0), vae);
    const plan = facts.plan(size);
    const { timesteps: { length } } = plan;
    if (steps !== length || count % prompts !== 0) {
      throw new RangeError(
        `Cannot edit ${count} images in ${length} steps with latents of ${prompts} prompts and ${steps} steps: imageLatents must ` +
          "have those of each step, of the same numInferenceSteps and inpaintStrength",
      );
    }
    const around = Array.from(
      { length },
      (_, i) => given.select(1, i).repeatInterleave(count / prompts, 0),
    );
    const mix = mixerBy(repeatRows(mask, count, "masks"));
    return {
      ...{ latents: around[0]!, size, plan, controls: [] },
      keep: (latents, _, index) => mix(latents, around[index]!),
    };
  },
};
