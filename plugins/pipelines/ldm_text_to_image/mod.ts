/**
 * LDMTextToImagePipeline: images from text by the first latent diffusion model that was trained on
 * text (CompVis/ldm-text2im-large-256). Rombach et al. (arXiv:2112.10752), section 4.3.1.
 *
 * As in the reference the noise to begin with is not scaled by the scheduler, so schedulers that begin
 * with a larger one than DDIM and PNDM give other images than they might; and latents have an eighth
 * of the sides, whatever the autoencoder makes of them. What DDIM draws with `eta` comes from the call's
 * generators, where the reference draws it from torch's global one.
 *
 * @example
 * ```ts ignore
 * import { LDMTextToImagePipeline } from "@denoise/denoise";
 *
 * const pipe = await LDMTextToImagePipeline.fromPretrained("CompVis/ldm-text2im-large-256");
 * const { images } = await pipe("A painting of a squirrel eating a burger", {
 *   guidanceScale: 6,
 *   eta: 0.3,
 *   seed: 0,
 * });
 * await images[0].save("squirrel.png");
 * ```
 *
 * @module
 */
import {
  definePipeline,
  type ImageOutput,
  type ImageSize,
  type Model,
  type Pipeline,
  type PipelineClass,
  type PipelineRun,
  type RunOptions,
  runOptions,
  type Scheduler,
  Tensor,
} from "@denoise/core";
import type { Autoencoder, Denoiser, Tokenizer } from "@denoise/roles";
import {
  type AutoencoderConfig,
  batchNoise,
  checkPrompts,
  checkSize,
  denoise,
  type DenoiserConfig,
  denormalize,
  describeRun,
  imageOutput,
  initialLatents,
  predictGuided,
  previewLatents,
  retrieveTimesteps,
  sampleSize,
  sizeOptions,
  stepOptions,
  vaeScaleFactor,
} from "@denoise/diffusion";

/** What an LDMTextToImagePipeline consists of. */
export interface LDMTextToImageComponents {
  /** VQModel or AutoencoderKL. */
  readonly vqvae: Autoencoder<AutoencoderConfig>;
  /** LDMBertModel. */
  readonly bert: Model & {
    forward(inputIds: Tensor): Promise<{ readonly lastHiddenState: Tensor }>;
  };
  /** BertTokenizer. */
  readonly tokenizer: Tokenizer;
  /** UNet2DConditionModel. */
  readonly unet: Denoiser<DenoiserConfig>;
  /** Any scheduler for the trained noise, such as DDIMScheduler. */
  readonly scheduler: Scheduler;
}

/** Options of a call. */
export interface LDMTextToImageOptions extends RunOptions {
  /** Height in pixels, a multiple of 8. Defaults to what the model was trained for. */
  readonly height?: number | undefined;
  /** Width in pixels, a multiple of 8. Defaults to what the model was trained for. */
  readonly width?: number | undefined;
  /** Number of denoising steps. Defaults to 50. */
  readonly numInferenceSteps?: number | undefined;
  /** How closely the image follows the prompt. Defaults to 1, which is no guidance. */
  readonly guidanceScale?: number | undefined;
  /** Noise on the way of DDIM, 0..1; other schedulers ignore it. */
  readonly eta?: number | undefined;
  /** Own noise to begin with, float32 [N, C, height / 8, width / 8]. */
  readonly latents?: Tensor | undefined;
}

/** What a call is given: a prompt or several, then options. */
export type LDMTextToImageArguments = [
  prompt: string | readonly string[],
  options?: LDMTextToImageOptions,
];

/** A loaded LDMTextToImagePipeline. */
export type LDMTextToImagePipeline = Pipeline<
  LDMTextToImageComponents,
  LDMTextToImageArguments,
  ImageOutput
>;

/** Text to images; `LDMTextToImagePipeline` of diffusers. */
export const LDMTextToImagePipeline: PipelineClass<
  LDMTextToImageComponents,
  LDMTextToImageArguments,
  ImageOutput
> = definePipeline({
  className: "LDMTextToImagePipeline",
  task: "text-to-image",
  family: "latent-diffusion-text-to-image",
  takesPrompt: true,
  options: {
    ...runOptions,
    ...sizeOptions,
    numInferenceSteps: { type: "integer", minimum: 1 },
    guidanceScale: { type: "number" },
    eta: { type: "number" },
    latents: { type: "tensor" },
  },
  defaults: { numInferenceSteps: 50, guidanceScale: 1 },
  defaultSize: trainedSize,
  components: {
    vqvae: { kind: "model" },
    bert: { kind: "model" },
    tokenizer: { kind: "tokenizer" },
    unet: { kind: "model" },
    scheduler: { kind: "scheduler" },
  },
  generate,
});

type Run = PipelineRun<LDMTextToImageComponents>;

/** How many pixels wide and high one of the denoiser's latents is taken for. */
const FACTOR = 8;

async function* generate(run: Run, ...[prompt, options = {}]: LDMTextToImageArguments) {
  const { unet, vqvae, scheduler } = run.components;
  const { guidanceScale = 1, numInferenceSteps = 50, eta = 0, outputType, signal } = options;
  checkPrompts(prompt, {});
  const trained = trainedSize(run.components);
  const { height = trained.height, width = trained.width } = options;
  checkSize(height, width, FACTOR);
  const prompts = [prompt].flat();
  const count = prompts.length;
  const guidance = guidanceScale !== 1;
  const positive = await encode(run, prompts);
  const encoderHiddenStates = guidance
    ? Tensor.cat([await encode(run, prompts.map(() => "")), positive])
    : positive;

  const noise = batchNoise(count, options);
  const dims = [count, unet.config.in_channels, height / FACTOR, width / FACTOR];
  const latents = initialLatents(dims, noise, { initNoiseSigma: 1 }, options.latents);
  const timesteps = retrieveTimesteps(scheduler, { numInferenceSteps });
  const settings = stepOptions(scheduler, noise, { eta });
  const facts = { steps: numInferenceSteps, guidanceScale, eta, width, height };
  const recipe = describeRun(prompt, {}, facts, noise);

  const shown = { ...run, components: { vae: vqvae } };
  const { latents: last } = yield* denoise(latents, {
    scheduler,
    timesteps,
    settings,
    options,
    predict: (latents, timestep) =>
      predictGuided(
        { guidance, guidanceScale },
        latents,
        (input) => unet.forward(input, timestep, { encoderHiddenStates, signal }),
      ),
    preview: (stepped) => previewLatents(shown, stepped, recipe, decoding(vqvae.config)),
  });
  if (outputType === "latent") return { images: [], tensor: last };
  return await imageOutput(
    run,
    denormalize(await decoding(vqvae.config)(vqvae, last)),
    outputType,
    recipe,
  );
}

/** The size in pixels that the model was trained for. */
function trainedSize(
  { unet, vqvae }: Pick<LDMTextToImageComponents, "unet" | "vqvae">,
): ImageSize {
  const [rows, columns] = sampleSize(unet.config.sample_size);
  const factor = vaeScaleFactor(vqvae);
  return { height: rows * factor, width: columns * factor };
}

/** Tokens of a row that the text encoder is given. */
const TOKENS = 77;

/** Texts to states of their tokens: float32 [texts, 77, width]. */
async function encode({ components }: Run, texts: readonly string[]): Promise<Tensor> {
  const { inputIds } = components.tokenizer.encode(texts, {
    padding: "max_length",
    maxLength: TOKENS,
    truncation: true,
  });
  return (await components.bert.forward(inputIds)).lastHiddenState;
}

/** Makes images in about -1..1 of latents; the reference looks at the scaling factor alone. */
function decoding({ scaling_factor }: AutoencoderConfig) {
  return async (vqvae: Autoencoder, latents: Tensor): Promise<Tensor> =>
    (await vqvae.decode(latents.mul(1 / scaling_factor))).sample;
}
