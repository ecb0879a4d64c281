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
  checkPrompts,
  countPrompts,
  encodeToLatents,
  type Family,
  guide,
  type ImagesInput,
  imageStartOptions,
  initialLatents,
  latentPipeline,
  prepareImages,
  type Prompt,
  repeatRows,
  sizeInPixels,
  type Start,
  timestepOptions,
  vaeScaleFactor,
  warnOfCut,
} from "@denoise/diffusion";
import {
  sd,
  stableDiffusion,
  type StableDiffusionComponents,
  type UNetControl,
  xlPromptOptions,
} from "@denoise/stable-diffusion";

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
  prompt: Prompt | undefined,
  options: StableDiffusionLatentUpscaleOptions,
];

/** A loaded StableDiffusionLatentUpscalePipeline. */
export type StableDiffusionLatentUpscalePipeline = Pipeline<
  StableDiffusionLatentUpscaleComponents,
  StableDiffusionLatentUpscaleArguments,
  ImageOutput
>;

type Run = PipelineRun<StableDiffusionLatentUpscaleComponents>;

/** A UNet conditioned on text and σ, whose output is mixed with its input as Karras et al. do. */
const upscaler: Family<
  StableDiffusionLatentUpscaleComponents,
  StableDiffusionLatentUpscaleOptions,
  UNetControl
> = {
  name: "stable-diffusion-latent-upscale",
  size: sd.size,
  async encode(run, prompt, options) {
    const { unet, scheduler } = run.components;
    const { guidanceScale = 1, signal } = options;
    checkTexts(prompt, options);
    const count = countPrompts(prompt, options);
    const guidance = guidanceScale > 1;
    const said = guidanceScale === 0 && prompt !== undefined ? Array(count).fill("") : prompt;
    const [embeds, pooled] = await encodeTexts(run, said, options, guidance);
    const timestepCond = Tensor.cat([noiseLevel(pooled.dims[0]!), pooled], 1);
    checkCondition(unet.config.time_cond_proj_dim, timestepCond.dims[1]!);
    const conditioning = { encoderHiddenStates: embeds, timestepCond, signal };
    const twice = (x: Tensor) => guidance ? Tensor.cat([x, x]) : x;
    return {
      count,
      facts: { guidanceScale },
      denoiser: () => async ({ input, latents, timestep, index }) => {
        const sigma = Tensor.from([sigmasOf(scheduler)[index]!]);
        const noise = sigma.map((x) => Math.fround(Math.log(x)) * 0.25).item();
        const predicted = await unet.forward(twice(input), noise, conditioning);
        const sample = predicted.sample.slice(1, 0, -1); // the last channel is a variance that is not used
        const skip = sigma.map((x) => 1 / Math.fround(Math.fround(x * x) + 1)).item();
        const out = scheduler.scaleModelInput(sigma, timestep).item();
        const clean = twice(latents).mul(skip).add(sample.mul(out));
        return guidance ? guide(clean, guidanceScale) : clean;
      },
    };
  },
};

/** From noise, with the small latents beside it, each four times over. */
const fromSmallLatents: Start<
  StableDiffusionLatentUpscaleComponents,
  StableDiffusionLatentUpscaleOptions
> = {
  from: "noise",
  check: ({ unet, vae }) => checkChannels(unet.config.in_channels, 2 * vae.config.latent_channels),
  async begin(run, options, { count, noise, plan: planFor }) {
    const { vae, scheduler } = run.components;
    const { latent_channels: channels } = vae.config;
    const small = await smallLatents(run, options.image, count, noise);
    const beside = small.repeatInterleave(2, 2).repeatInterleave(2, 3); // [N, C, 2h, 2w]
    const size = sizeInPixels(beside, vae);
    const plan = planFor(size);
    sigmasOf(scheduler);
    const dims = [count, channels, ...beside.dims.slice(2)];
    return {
      ...{ size, plan, controls: [] },
      latents: initialLatents(dims, noise, scheduler, options.latents),
      denoiserInput: (scaled) => Tensor.cat([scaled, beside], 1),
    };
  },
};

const { vae, textEncoder, tokenizer, unet, scheduler } = stableDiffusion.components;

/** Images or latents to larger images; `StableDiffusionLatentUpscalePipeline` of diffusers. */
export const StableDiffusionLatentUpscalePipeline: PipelineClass<
  StableDiffusionLatentUpscaleComponents,
  StableDiffusionLatentUpscaleArguments,
  ImageOutput
> = latentPipeline({
  className: "StableDiffusionLatentUpscalePipeline",
  task: "upscaling",
  family: upscaler,
  start: fromSmallLatents,
  components: { vae, textEncoder, tokenizer, unet, scheduler },
  options: {
    ...runOptions,
    image: imageStartOptions.image,
    numInferenceSteps: timestepOptions.numInferenceSteps,
    guidanceScale: { type: "number" },
    latents: { type: "tensor" },
    negativePrompt: xlPromptOptions.negativePrompt,
    promptEmbeds: xlPromptOptions.promptEmbeds,
    negativePromptEmbeds: xlPromptOptions.negativePromptEmbeds,
    pooledPromptEmbeds: xlPromptOptions.pooledPromptEmbeds,
    negativePooledPromptEmbeds: xlPromptOptions.negativePooledPromptEmbeds,
  },
  defaults: { numInferenceSteps: 75, guidanceScale: 9 },
});

type Options = StableDiffusionLatentUpscaleOptions;

/** Checks prompts, and that states and pooled text come together. */
function checkTexts(prompt: string | readonly string[] | undefined, options: Options): void {
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
  const positive = promptEmbeds === undefined
    ? await encode(run, rows(prompt!), { warn: run.warn })
    : [promptEmbeds, pooledPromptEmbeds!] as const;
  if (!guidance) return positive;
  const negative = negativePromptEmbeds === undefined
    ? await encode(run, rows(negativePrompt), { maxLength: positive[0].dims[1] })
    : [negativePromptEmbeds, negativePooledPromptEmbeds!] as const;
  return [Tensor.cat([negative[0], positive[0]]), Tensor.cat([negative[1], positive[1]])];
}

/** The states behind the last layer, without the final normalization, and the pooled ones. */
async function encode(
  { components: { tokenizer, textEncoder } }: Run,
  texts: readonly string[],
  { maxLength = tokenizer.modelMaxLength, warn }: {
    readonly maxLength?: number | undefined;
    readonly warn?: (message: string) => void;
  },
): Promise<readonly [embeds: Tensor, pooled: Tensor]> {
  const tokens = tokenizer.encode(texts, {
    padding: "max_length",
    maxLength,
    truncation: true,
  });
  if (warn !== undefined) warnOfCut({ tokenizer, warn }, tokens);
  const output = await textEncoder.forward(tokens.inputIds, { outputHiddenStates: true });
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

/** The embedding of the noise on the small image, which is none: float32 [N, 128]. */
function noiseLevel(count: number): Tensor {
  return Tensor.cat([Tensor.ones([count, 64]), Tensor.zeros([count, 64])], 1);
}

/** The standard deviations of the noise at each step. */
function sigmasOf({ sigmas, className }: Scheduler): readonly number[] {
  if (sigmas !== undefined) return sigmas;
  throw new TypeError(
    `Cannot make an image larger with ${className}: it plans no sigmas, which the UNet is conditioned on; ` +
      "use a scheduler that does, such as EulerDiscreteScheduler",
  );
}

function checkChannels(have: number, wanted: number): void {
  if (have === wanted) return;
  throw new RangeError(
    `Cannot make an image larger with a UNet of ${have} input channels: it must have ` +
      `${wanted}, for latents and the small latents`,
  );
}

function checkCondition(width: number | null, wanted: number): void {
  if (width === wanted) return;
  throw new RangeError(
    `Cannot make an image larger with a UNet whose time_cond_proj_dim is ${width}: it must be ` +
      `${wanted}, for the noise level and the pooled text`,
  );
}
