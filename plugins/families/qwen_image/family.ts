import { type AttentionKwargs, attentionKwargs } from "@denoise/adapters";
import {
  type CallOptions,
  type ImageSize,
  type PipelineRun,
  type RunOptions,
  runOptions,
  Tensor,
} from "@denoise/core";
import {
  calculateShift,
  type Family,
  type FlowStepOptions,
  flowStepOptions,
  type LatentOptions,
  latentSpace,
  packedTokens,
  packLatents,
  planFlowRun,
  type Prompt,
  type SizeOptions,
  type TextRows,
  unpackLatents,
  vaeScaleFactor,
  wholeSize,
} from "@denoise/diffusion";
import type { QwenImageComponents } from "./components.ts";
import type { QwenImageControl } from "./control_nets.ts";
import {
  encodeQwenImagePrompts,
  type QwenImagePromptOptions,
  qwenImagePromptOptions,
} from "./prompts.ts";

/** Options that all calls of Qwen-Image take. */
export interface QwenImageOptions
  extends RunOptions, QwenImagePromptOptions, FlowStepOptions, AttentionKwargs {
  /** Guidance by a second call for the negative prompt, above 1 and where there is one. Defaults to 4. */
  readonly trueCfgScale?: number | undefined;
}

/** The declarations of {@linkcode QwenImageOptions}. */
export const qwenImageOptions: CallOptions<QwenImageOptions> = {
  ...attentionKwargs,
  ...runOptions,
  ...qwenImagePromptOptions,
  ...flowStepOptions,
  trueCfgScale: { type: "number" },
};

/** Latents of a side where the call says none (`default_sample_size`). */
const TRAINED_SIZE = 128;

/** Reference images as tokens behind those that are made. */
export interface QwenImageReferences {
  /** float32 [1, tokens, C]; undefined where the denoiser's input has their latents behind those that are made. */
  readonly tokens: Tensor | undefined;
  /** Frames, rows and columns of the tokens of each. */
  readonly shapes: readonly (readonly [frames: number, rows: number, columns: number])[];
  /** The size that the result has where the call says none. */
  readonly size: ImageSize;
}

/** What a class of the family does with its prompts and images. */
export interface QwenImageKind<C extends QwenImageComponents, O> {
  /** The family's name. */
  readonly name: string;
  /** Encodes the prompts of a call, and the reference images that it speaks of. */
  readonly encode: (
    run: PipelineRun<C>,
    prompt: Prompt | undefined,
    options: O,
    guided: boolean,
  ) => Promise<{
    readonly texts: TextRows;
    readonly references?: QwenImageReferences | undefined;
  }>;
}

/**
 * A family of Qwen-Image (Qwen Team, 2025, arXiv:2508.02324): a rectified flow on latents of 16 channels packed
 * into tokens of 2x2, conditioned on the states of a language model. With a negative prompt a step is two calls,
 * and each token of the guided prediction is as long as that of the prompt alone.
 */
export function qwenImageWith<
  C extends QwenImageComponents,
  O extends LatentOptions & QwenImageOptions,
>(
  { name, encode }: QwenImageKind<C, O>,
): Family<C, O, QwenImageControl> {
  const size = ({ vae }: Pick<C, "vae">, given: SizeOptions): ImageSize => {
    const factor = vaeScaleFactor(vae);
    const trained = TRAINED_SIZE * factor;
    const { height = trained, width = trained } = given;
    return wholeSize({ height, width }, 2 * factor); // two latents are a token
  };
  return {
    name,
    size,
    plan({ vae, scheduler }, options, size) {
      const mu = calculateShift(packedTokens({ vae }, size), scheduler);
      return planFlowRun(scheduler, options, mu);
    },
    async encode(run, prompt, options) {
      const { transformer, vae } = run.components;
      const { trueCfgScale = 4, height, width, signal } = options;
      const { texts, references } = await encode(run, prompt, options, trueCfgScale > 1);
      const { wanted, unwanted } = texts;
      const count = wanted.length;
      return {
        count,
        facts: { trueCfgScale: unwanted && trueCfgScale },
        size: references && size(run.components, {
          height: height ?? references.size.height,
          width: width ?? references.size.width,
        }),
        denoiser(size) {
          const factor = vaeScaleFactor(vae);
          const [rows, columns] = [size.height / factor, size.width / factor];
          const imgShapes = [[1, rows / 2, columns / 2] as const, ...references?.shapes ?? []];
          const beside = references?.tokens?.repeat([count, 1, 1]);
          return async ({ input, timestep, index, control }) => {
            const { channels } = latentSpace(vae);
            const made = packLatents(input.slice(1, 0, channels));
            const given = input.dims[1] === channels
              ? beside
              : packLatents(input.slice(1, channels));
            const tokens = given === undefined ? made : Tensor.cat([made, given], 1);
            const time = Math.fround(timestep / 1000);
            const controlnetBlockSamples = await control?.(
              { tokens, timestep: time, index },
              { encoderHiddenStates: wanted, imgShapes, signal },
            );
            const predict = async (encoderHiddenStates: readonly Tensor[]) => {
              const { sample } = await transformer.forward(tokens, time, {
                ...{ encoderHiddenStates, imgShapes, controlnetBlockSamples, signal },
              });
              return sample.slice(1, 0, made.dims[1]!);
            };
            const text = await predict(wanted);
            if (unwanted === undefined) return unpackLatents(text, rows, columns);
            const guided = guideByLength(text, await predict(unwanted), trueCfgScale);
            return unpackLatents(guided, rows, columns);
          };
        },
      };
    },
  };
}

/** Qwen-Image from prompts alone, and from what a start begins with. */
export const qwenImage: Family<
  QwenImageComponents,
  LatentOptions & QwenImageOptions,
  QwenImageControl
> = qwenImageWith({
  name: "qwen-image",
  encode: async (run, prompt, options, guided) => ({
    texts: await encodeQwenImagePrompts(run, prompt, options, guided),
  }),
});

/**
 * Classifier-free guidance, each token brought to the length that it has for the prompt alone.
 *
 * @param text float32 [N, tokens, C].
 * @param negative float32 [N, tokens, C].
 */
export function guideByLength(text: Tensor, negative: Tensor, scale: number): Tensor {
  const guided = negative.add(text.sub(negative).mul(scale));
  return guided.mul(lengths(text).div(lengths(guided)));
}

/** Euclidean length over the last axis, which stays. */
function lengths(x: Tensor): Tensor {
  return x.mul(x).sum([-1], { keepDims: true }).sqrt();
}
