import { type CallOptions, DenoiseError, type Scheduler, Tensor } from "@denoise/core";
import {
  checkPrompts,
  type Family,
  guide,
  latentDims,
  type LatentOptions,
  mixerBy,
  planRun,
  resizeSpatial,
  vaeScaleFactor,
} from "@denoise/diffusion";
import {
  type BetaConfig,
  type BetaScheduleName,
  makeNoiseSchedule,
  type SignalAndNoise,
  toDenoised,
  toNoise,
} from "@denoise/schedules";
import type { AttendedOutput } from "@denoise/roles";
import type { UNetControl } from "./control_nets.ts";
import { encodeText } from "./encode_text.ts";
import { conditionOnImages, type ImagePromptOptions } from "./image_prompt.ts";
import type { SdModels } from "./sd.ts";
import { sdSize } from "./stable_diffusion.ts";
import type { GuidanceOptions } from "./text_conditioning.ts";
import { predictByUNet, type TextUNet, type UNetConditioning } from "./unet.ts";

/** Options of a call that is guided by the UNet's own attention. */
export interface SagOptions {
  /** How much the attention guides; 0.75 and up to 1 are usual, none at 0. Defaults to 0.75. */
  readonly sagScale?: number | undefined;
}

/** The declarations of {@linkcode SagOptions}. */
export const sagOptions: CallOptions<SagOptions> = {
  sagScale: { type: "number", minimum: 0 },
};

/**
 * Self-attention guidance with Stable Diffusion 1.x and 2.x: what the UNet attends to most is blurred in the clean
 * image that it predicts, and the prediction moves away from the one for that image. Hong et al., "Improving Sample
 * Quality of Diffusion Models Using Self-Attention Guidance" (arXiv:2210.00939), algorithm 1 and equation 16.
 */
export const selfAttention: Family<
  SdModels,
  LatentOptions & SagOptions & GuidanceOptions & ImagePromptOptions,
  UNetControl
> = {
  name: "stable-diffusion-sag",
  size: sdSize,
  plan({ scheduler }, options) {
    const plan = planRun(scheduler, options);
    checkScheduler(scheduler);
    return plan;
  },
  async encode(run, prompt, options) {
    checkPrompts(prompt, options);
    const { unet, tokenizer, textEncoder, vae, scheduler } = run.components;
    const { guidanceScale = 7.5, sagScale = 0.75 } = options;
    const guidance = guidanceScale > 1;
    const encoder = { tokenizer, textEncoder, warn: run.warn };
    const texts = await encodeText(encoder, prompt, guidance, options);
    const { promptEmbeds, negativePromptEmbeds } = texts;
    const count = promptEmbeds.dims[0]!;
    const images = await conditionOnImages(run.components, options, { count, guidance });
    const conditioning: UNetConditioning = {
      encoderHiddenStates: guidance
        ? Tensor.cat([negativePromptEmbeds!, promptEmbeds])
        : promptEmbeds,
      ...images,
      signal: options.signal,
    };
    const unguided = guidance ? firstHalf(conditioning) : conditioning;
    return {
      count,
      facts: { guidanceScale, sagScale, promptSyntax: options.promptSyntax },
      denoiser(size) {
        if (sagScale <= 0) {
          return predictByUNet(unet, conditioning, { guidance, guidanceScale });
        }
        checkBlurred(latentDims(vae, 1, size), vaeScaleFactor(vae));
        const levelAt = trainedLevels(scheduler);
        return async ({ input, latents, timestep }) => {
          const rows = guidance ? Tensor.cat([input, input]) : input;
          const { sample, middleAttention } = await attend(unet, rows, timestep, conditioning);
          const [output, attention] = [sample, middleAttention]
            .map((x) => x.chunk(guidance ? 2 : 1)[0]!) as [Tensor, Tensor];
          const level = levelAt(timestep);
          const degraded = degrade(scheduler, { latents, output, attention, timestep, level });
          // one session does for both calls
          const poorer = await attend(unet, degraded, timestep, unguided);
          const guided = guidance ? guide(sample, guidanceScale) : sample;
          return guided.add(output.sub(poorer.sample).mul(sagScale));
        };
      },
    };
  },
};

async function attend(
  unet: TextUNet,
  sample: Tensor,
  timestep: number,
  conditioning: UNetConditioning,
): Promise<AttendedOutput> {
  const attended = await unet.forwardAttended?.(sample, timestep, conditioning);
  if (attended !== undefined) return attended;
  throw new TypeError(
    `Cannot guide by self-attention with a ${unet.className}: it has no forwardAttended(); use a UNet2DConditionModel`,
  );
}

/** What is given for the first half of the rows. */
function firstHalf(conditioning: UNetConditioning): UNetConditioning {
  const half = (x: Tensor) => x.chunk(2)[0]!;
  return {
    ...conditioning,
    encoderHiddenStates: half(conditioning.encoderHiddenStates),
    imageEmbeds: conditioning.imageEmbeds?.map(half),
    imageStates: conditioning.imageStates?.map((states) => states && half(states)),
  };
}

/** What of a scheduler's config says how noisy its samples are. */
type NoiseConfig = BetaConfig<BetaScheduleName> & { readonly prediction_type: string };

const PREDICTIONS = ["epsilon", "sample", "v_prediction"];

/** Refuses schedulers whose samples are not √ᾱ·x0 + √(1 − ᾱ)·ε of a trained timestep, as diffusers does. */
function checkScheduler({ className, config, initNoiseSigma }: Scheduler): void {
  const { beta_schedule, prediction_type } = config as Partial<NoiseConfig>;
  if (initNoiseSigma === 1 && beta_schedule !== undefined && prediction_type !== undefined) {
    if (PREDICTIONS.includes(prediction_type)) return;
    throw new DenoiseError(
      "unsupported_option",
      `Cannot guide by self-attention with prediction_type ${JSON.stringify(prediction_type)} of ` +
        `${className}: it must be ${PREDICTIONS.map((name) => `"${name}"`).join(", ")}`,
    );
  }
  throw new DenoiseError(
    "unsupported_option",
    `Cannot guide by self-attention with ${className}: use DDIMScheduler, PNDMScheduler, DDPMScheduler, ` +
      "DEISMultistepScheduler, UniPCMultistepScheduler, DPMSolverMultistepScheduler or DPMSolverSinglestepScheduler",
  );
}

/** Signal and noise at the trained timesteps. */
function trainedLevels({ config, sigmas }: Scheduler): (timestep: number) => SignalAndNoise {
  // methods with sigmas do not let the signal of the last timestep be 0
  const options = sigmas === undefined ? {} : { lastAlphaCumprod: 2 ** -24 };
  const { alphasCumprod } = makeNoiseSchedule(config as NoiseConfig, options);
  return (timestep) => {
    const bar = alphasCumprod[timestep]!;
    return { alpha: Math.sqrt(bar), sigma: Math.sqrt(Math.fround(1 - bar)) };
  };
}

/** What a step has seen. */
interface Seen {
  /** float32 [N, C, h, w]. */
  readonly latents: Tensor;
  /** What the UNet gave for them, float32 [N, C, h, w]. */
  readonly output: Tensor;
  /** How much attention the pixels in the middle received, float32 [N, h', w']. */
  readonly attention: Tensor;
  readonly timestep: number;
  readonly level: SignalAndNoise;
}

/** The latents with what is attended to most blurred, as noisy as before. */
function degrade(
  scheduler: Scheduler,
  { latents, output, attention, timestep, level }: Seen,
): Tensor {
  const { prediction_type } = scheduler.config as NoiseConfig;
  const clean = toDenoised(prediction_type, latents, output, level);
  const noise = toNoise(prediction_type, latents, output, level);
  const [, channels, height, width] = latents.dims as [number, number, number, number];
  const most = attention.map((x) => x > 1 ? 1 : 0).unsqueeze(1); // the mean of all is 1
  const mask = resizeSpatial(most, height, width, "nearest").repeat([1, channels, 1, 1]);
  const mixed = mixerBy(mask)(gaussianBlur(clean), clean);
  return scheduler.addNoise(mixed, noise, [timestep]);
}

/** Latents on each side of the one that is blurred. */
const REACH = 4;

/** The Gaussian of standard deviation 1 at -4..4, which adds up to 1. */
const GAUSSIAN = gaussian();

function gaussian(): Float32Array {
  const f = Math.fround;
  const values = Float32Array.from(
    { length: 2 * REACH + 1 },
    (_, i) => Math.exp(-0.5 * (i - REACH) ** 2),
  );
  const sum = values.reduce((so, x) => f(so + x), 0);
  return values.map((x) => x / sum);
}

/** Each plane blurred, with its edges mirrored, float32 [N, C, h, w]. */
function gaussianBlur(x: Tensor): Tensor {
  const [, , height, width] = x.dims as [number, number, number, number];
  const source = x.toFloat32Array();
  const [rows, out] = [new Float64Array(source.length), new Float32Array(source.length)];
  const mirrored = (at: number, size: number) => {
    const inside = Math.abs(at);
    return inside < size ? inside : 2 * (size - 1) - inside;
  };
  const sum = (at: number, size: number, value: (at: number) => number) => {
    let so = 0;
    for (const [i, weight] of GAUSSIAN.entries()) {
      so += weight * value(mirrored(at + i - REACH, size));
    }
    return so;
  };
  for (let start = 0; start < source.length; start += width) {
    for (let i = 0; i < width; i++) rows[start + i] = sum(i, width, (at) => source[start + at]!);
  }
  for (let plane = 0; plane < source.length; plane += height * width) {
    for (let i = 0; i < height; i++) {
      for (let j = 0; j < width; j++) {
        out[plane + i * width + j] = sum(i, height, (at) => rows[plane + at * width + j]!);
      }
    }
  }
  return new Tensor("float32", out, x.dims);
}

function checkBlurred([, , height, width]: readonly number[], factor: number): void {
  if (Math.min(height!, width!) > REACH) return;
  throw new RangeError(
    `Cannot guide images of ${width! * factor}x${
      height! * factor
    } by self-attention: both sides must be at least ` +
      `${(REACH + 1) * factor} to be blurred; give larger ones, or sagScale 0`,
  );
}
