/**
 * StableDiffusionLatentUpscalePipeline: an image, or the latents that another pipeline gave, twice as
 * wide and high (stabilityai/sd-x2-latent-upscaler, by Katherine Crowson). The UNet sees the small
 * latents beside those it makes, with the input and output of Karras et al. (arXiv:2206.00364), table 1.
 *
 * Of several prompts and a single image the image is made larger for each prompt.
 *
 * @example
 * ```ts ignore
 * import { StableDiffusionLatentUpscalePipeline, StableDiffusionPipeline } from "@denoise/denoise";
 *
 * const pipe = await StableDiffusionPipeline.fromPretrained(
 *   "stable-diffusion-v1-5/stable-diffusion-v1-5",
 * );
 * const upscale = await StableDiffusionLatentUpscalePipeline.fromPretrained(
 *   "stabilityai/sd-x2-latent-upscaler",
 * );
 * const prompt = "a photo of an astronaut, high resolution";
 * const { tensor } = await pipe(prompt, { seed: 33, outputType: "latent" });
 * const { images } = await upscale(prompt, {
 *   image: tensor,
 *   numInferenceSteps: 20,
 *   guidanceScale: 0,
 *   seed: 33,
 * });
 * await images[0].save("astronaut.png");
 * ```
 *
 * @module
 */
import {
  definePipeline,
  Generator,
  type ImageOutput,
  type Pipeline,
  type PipelineClass,
  type PipelineRun,
  type RunOptions,
  runOptions,
  type Scheduler,
  Tensor,
} from "@denoise/core";
import {
  type BatchNoise,
  batchNoise,
  checkOutputType,
  checkPrompts,
  countPrompts,
  denoise,
  describeRun,
  encodeToLatents,
  finishLatents,
  guide,
  type ImagesInput,
  initialLatents,
  planTimesteps,
  prepareImages,
  previewLatents,
  repeatRows,
  stepOptions,
  vaeScaleFactor,
  warnOfCut,
} from "@denoise/diffusion";
import { stableDiffusion, type StableDiffusionComponents } from "@denoise/stable-diffusion";

/** What a StableDiffusionLatentUpscalePipeline consists of. */
export type StableDiffusionLatentUpscaleComponents = Pick<
  StableDiffusionComponents,
  "vae" | "textEncoder" | "tokenizer" | "unet" | "scheduler"
>;

/** Options of a call. */
export interface StableDiffusionLatentUpscaleOptions extends RunOptions {
  /**
   * The small image, or one for each prompt, sides cut to multiples of 8; or latents, float32
   * [N, 4, height / 8, width / 8].
   */
  readonly image: ImagesInput;
  /** Number of denoising steps. Defaults to 75. */
  readonly numInferenceSteps?: number | undefined;
  /**
   * How closely the image follows the prompt. Defaults to 9; no guidance at 1 or below, and no
   * prompt at 0.
   */
  readonly guidanceScale?: number | undefined;
  /** What the image should not show: one text, or one for each prompt. */
  readonly negativePrompt?: string | readonly string[] | undefined;
  /** Own noise to begin with, float32 [N, 4, height / 4, width / 4] of the small image. */
  readonly latents?: Tensor | undefined;
  /** Text states instead of a prompt, float32 [prompts, tokens, width]; with `pooledPromptEmbeds`. */
  readonly promptEmbeds?: Tensor | undefined;
  /** Text states instead of a negative prompt, same shape; with `negativePooledPromptEmbeds`. */
  readonly negativePromptEmbeds?: Tensor | undefined;
  /** Pooled text, float32 [prompts, width]. */
  readonly pooledPromptEmbeds?: Tensor | undefined;
  /** Pooled negative text, same shape. */
  readonly negativePooledPromptEmbeds?: Tensor | undefined;
}

/** What a call is given: a prompt or several, none with `promptEmbeds`, then options. */
export type StableDiffusionLatentUpscaleArguments = [
  prompt: string | readonly string[] | undefined,
  options: StableDiffusionLatentUpscaleOptions,
];

/** A loaded StableDiffusionLatentUpscalePipeline. */
export type StableDiffusionLatentUpscalePipeline = Pipeline<
  StableDiffusionLatentUpscaleComponents,
  StableDiffusionLatentUpscaleArguments,
  ImageOutput
>;

const { vae, textEncoder, tokenizer, unet, scheduler } = stableDiffusion.components;

/** Images or latents to larger images; `StableDiffusionLatentUpscalePipeline` of diffusers. */
export const StableDiffusionLatentUpscalePipeline: PipelineClass<
  StableDiffusionLatentUpscaleComponents,
  StableDiffusionLatentUpscaleArguments,
  ImageOutput
> = definePipeline({
  className: "StableDiffusionLatentUpscalePipeline",
  task: "upscaling",
  family: "stable-diffusion-latent-upscale",
  takesPrompt: true,
  options: {
    ...runOptions,
    image: { type: "image", list: "allowed", required: true },
    numInferenceSteps: { type: "integer", minimum: 1 },
    guidanceScale: { type: "number" },
    negativePrompt: { type: "string", list: "allowed" },
    latents: { type: "tensor" },
    promptEmbeds: { type: "tensor" },
    negativePromptEmbeds: { type: "tensor" },
    pooledPromptEmbeds: { type: "tensor" },
    negativePooledPromptEmbeds: { type: "tensor" },
  },
  defaults: { numInferenceSteps: 75, guidanceScale: 9 },
  components: { vae, textEncoder, tokenizer, unet, scheduler },
  generate,
});

type Run = PipelineRun<StableDiffusionLatentUpscaleComponents>;

async function* generate(run: Run, ...[prompt, options]: StableDiffusionLatentUpscaleArguments) {
  const { unet, vae, scheduler } = run.components;
  const { numInferenceSteps = 75, guidanceScale = 9, outputType, signal } = options ?? {};
  checkOutputType(outputType);
  checkTexts(prompt, options);
  const count = countPrompts(prompt, options);
  const guidance = guidanceScale > 1;
  const said = guidanceScale === 0 && prompt !== undefined ? Array(count).fill("") : prompt;
  const [embeds, pooled] = await encodeTexts(run, said, options, guidance);

  const noise = batchNoise(count, options);
  const small = await smallLatents(run, options.image, count, noise);
  const timesteps = planTimesteps(scheduler, { numInferenceSteps });
  const sigmas = sigmasOf(scheduler);
  const timestepCond = Tensor.cat([noiseLevel(pooled.dims[0]!), pooled], 1);
  checkChannels(unet.config, vae.config.latent_channels + small.dims[1]!, timestepCond.dims[1]!);
  const beside = small.repeatInterleave(2, 2).repeatInterleave(2, 3); // [N, C, 2h, 2w]
  const dims = [count, vae.config.latent_channels, ...beside.dims.slice(2)];
  const latents = initialLatents(dims, noise, scheduler, options.latents);
  const settings = stepOptions(scheduler, noise);
  const facts = { steps: numInferenceSteps, guidanceScale };
  const recipe = describeRun(prompt, { negativePrompt: options.negativePrompt }, facts, noise);
  const twice = (x: Tensor) => guidance ? Tensor.cat([x, x]) : x;

  const predict = async (latents: Tensor, timestep: number, index: number) => {
    const sigma = Tensor.from([sigmas[index]!]);
    const noisy = twice(latents);
    const scaled = scheduler.scaleModelInput(noisy, timestep);
    const predicted = await unet.forward(
      Tensor.cat([scaled, twice(beside)], 1),
      sigma.map((x) => Math.fround(Math.log(x)) * 0.25).item(),
      { encoderHiddenStates: embeds, timestepCond, signal },
    );
    const sample = predicted.sample.slice(1, 0, -1); // the last channel is a variance that is not used
    const skip = sigma.map((x) => 1 / Math.fround(Math.fround(x * x) + 1)).item();
    const out = scheduler.scaleModelInput(sigma, timestep).item();
    const clean = noisy.mul(skip).add(sample.mul(out));
    return guidance ? guide(clean, guidanceScale) : clean;
  };
  const { latents: last } = yield* denoise(latents, {
    scheduler,
    timesteps,
    settings,
    options,
    predict,
    preview: (stepped) => previewLatents(run, stepped, recipe),
  });
  return await finishLatents(run, last, outputType, recipe);
}

type Options = StableDiffusionLatentUpscaleOptions;

/** Checks prompts, and that states and pooled text come together. */
function checkTexts(prompt: string | readonly string[] | undefined, options: Options): void {
  if (options?.image === undefined) {
    throw new TypeError("Cannot make an image larger: there is none; give it as image");
  }
  checkPrompts(prompt, options);
  const pairs = [
    ["promptEmbeds", "pooledPromptEmbeds"],
    ["negativePromptEmbeds", "negativePooledPromptEmbeds"],
  ] as const;
  for (const [states, pooled] of pairs) {
    if ((options[states] === undefined) === (options[pooled] === undefined)) continue;
    const [given, missing] = options[states] === undefined ? [pooled, states] : [states, pooled];
    throw new TypeError(
      `Cannot encode the prompt: ${given} is given without ${missing}; give both, of one encoder`,
    );
  }
}

/** States of texts, float32 [N or 2N, tokens, width], and their pooled ones, [N or 2N, width]. */
async function encodeTexts(
  run: Run,
  prompt: string | readonly string[] | undefined,
  options: Options,
  guidance: boolean,
): Promise<readonly [embeds: Tensor, pooled: Tensor]> {
  const { promptEmbeds, pooledPromptEmbeds, negativePrompt = "" } = options;
  const { negativePromptEmbeds, negativePooledPromptEmbeds } = options;
  const count = countPrompts(prompt, options);
  const rows = (text: string | readonly string[]) =>
    typeof text === "string" ? Array<string>(count).fill(text) : text;
  if (prompt !== undefined) warnOfCut({ ...run.components, warn: run.warn }, rows(prompt));
  const positive = promptEmbeds === undefined
    ? await encode(run, rows(prompt!))
    : [promptEmbeds, pooledPromptEmbeds!] as const;
  if (!guidance) return positive;
  const negative = negativePromptEmbeds === undefined
    ? await encode(run, rows(negativePrompt), positive[0].dims[1]!)
    : [negativePromptEmbeds, negativePooledPromptEmbeds!] as const;
  return [Tensor.cat([negative[0], positive[0]]), Tensor.cat([negative[1], positive[1]])];
}

/** The states behind the last layer, without the final normalization, and the pooled ones. */
async function encode(
  { components: { tokenizer, textEncoder } }: Run,
  texts: readonly string[],
  maxLength = tokenizer.modelMaxLength,
): Promise<readonly [embeds: Tensor, pooled: Tensor]> {
  const { inputIds } = tokenizer.encode(texts, {
    padding: "max_length",
    maxLength,
    truncation: true,
  });
  const output = await textEncoder.forward(inputIds, { outputHiddenStates: true });
  return [output.hiddenStates!.at(-1)!, output.poolerOutput];
}

/** The latents of the small images, or those given: float32 [count, C, h, w]. */
async function smallLatents(
  run: Run,
  image: ImagesInput,
  count: number,
  { generator }: BatchNoise,
): Promise<Tensor> {
  const { vae } = run.components;
  const images = await prepareImages(await run.images(), image, {
    multiple: vaeScaleFactor(vae),
    resample: "bicubic",
    latentChannels: vae.config.latent_channels,
  });
  const isShared = generator instanceof Generator;
  const rows = isShared ? images : repeatRows(images, count, "images");
  return await encodeToLatents(vae, rows, generator, count);
}

/** What the UNet is told of the noise on the small image, which is none: float32 [N, 128]. */
function noiseLevel(count: number): Tensor {
  return Tensor.cat([Tensor.ones([count, 64]), Tensor.zeros([count, 64])], 1);
}

/** The standard deviations of the noise at each step. */
function sigmasOf({ sigmas, className }: Scheduler): readonly number[] {
  if (sigmas !== undefined) return sigmas;
  throw new TypeError(
    `Cannot make an image larger with ${className}: it plans no sigmas, of which the UNet is told; ` +
      "use a scheduler that does, such as EulerDiscreteScheduler",
  );
}

function checkChannels(
  { in_channels: have, time_cond_proj_dim: width }: StableDiffusionComponents["unet"]["config"],
  channels: number,
  condition: number,
): void {
  if (have !== channels) {
    throw new RangeError(
      `Cannot make an image larger with a UNet of ${have} input channels: it must have ` +
        `${channels}, for latents and the small latents`,
    );
  }
  if (width === condition) return;
  throw new RangeError(
    `Cannot make an image larger with a UNet whose time_cond_proj_dim is ${width}: it must be ` +
      `${condition}, for the noise level and the pooled text`,
  );
}
