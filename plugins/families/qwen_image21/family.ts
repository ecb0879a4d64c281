import { type AttentionKwargs, attentionKwargs } from "@denoise/adapters";
import {
  type CallOptions,
  type ImageSize,
  type RunOptions,
  runOptions,
  type Tensor,
} from "@denoise/core";
import {
  calculateShift,
  type Family,
  type FlowStepOptions,
  flowStepOptions,
  type ImagesInput,
  type LatentOptions,
  packLatents,
  planFlowRun,
  type SizeOptions,
  type TextRowOptions,
  textRowOptions,
  unpackLatents,
  vaeScaleFactor,
  wholeSize,
} from "@denoise/diffusion";
import type { QwenImage21Components } from "./components.ts";
import { readImages } from "./images.ts";
import { encodeQwenImage21Prompts } from "./prompts.ts";
import type { QwenImage21ReadImages } from "./transformer.ts";

/** Options that all calls of Qwen-Image 2.1 take. */
export interface QwenImage21Options
  extends RunOptions, TextRowOptions, FlowStepOptions, AttentionKwargs {
  /**
   * Images that the prompt speaks of, which all prompts of the call have in common, as `<image1>`, `<image2>` in
   * their order; none makes an image of the prompt alone. Each is brought to about `outputResolution`² pixels in its
   * shape; without `height` and `width` the result has the last one's size.
   */
  readonly image?: ImagesInput | undefined;
  /**
   * Whether text and images before the prompt are computed once, not in each step, by models for which this changes
   * nothing (`causal_condition`). It takes as much memory as their keys and values in all layers. Defaults to true.
   */
  readonly useKvCache?: boolean | undefined;
  /** Guidance by a second call for the negative prompt, above 1 and where there is one. Defaults to 1: none. */
  readonly trueCfgScale?: number | undefined;
  /** Height and width of the images, where the call does not say one, and the square of images given. Defaults to 1024. */
  readonly outputResolution?: number | undefined;
}

/** The declarations of {@linkcode QwenImage21Options}. */
export const qwenImage21Options: CallOptions<QwenImage21Options> = {
  ...attentionKwargs,
  ...runOptions,
  ...textRowOptions,
  ...flowStepOptions,
  image: { type: "image", list: "allowed", together: 10 },
  useKvCache: { type: "boolean" },
  trueCfgScale: { type: "number" },
  outputResolution: { type: "integer", minimum: 1 },
};

/** The side of the images, in pixels, where the call does not say it. */
const TRAINED_SIDE = 1024;

/** A latent is a token. */
const TOKEN = { patch: 1 };

/**
 * Qwen-Image 2.1 (Qwen Team, 2026): a rectified flow on latents whose text, as at time 0, comes before the image;
 * images that the text speaks of stand among it. With guidance a step is two calls.
 */
export const qwenImage21: Family<
  QwenImage21Components,
  LatentOptions & QwenImage21Options,
  never
> = {
  name: "qwen-image-2.1",
  size: (components, given) => {
    const multiple = 2 * vaeScaleFactor(components.vae); // tokens are counted by four
    const { height, width } = wantedSize(given);
    return wholeSize({ height, width }, multiple);
  },
  plan({ scheduler, vae }, options, { height, width }, { settings }) {
    const tokens = height * width / vaeScaleFactor(vae) ** 2;
    const own = settings["sample_sigmas"] as readonly number[] | null;
    const sigmas = options.sigmas ?? own ?? undefined;
    return planFlowRun(scheduler, { ...options, sigmas }, calculateShift(tokens, scheduler));
  },
  async encode(run, prompt, options) {
    const { components, warn } = run;
    const { transformer, vae } = components;
    const { trueCfgScale = 1, useKvCache = true, outputResolution = TRAINED_SIDE, image, signal } =
      options;
    const images = image === undefined ? undefined : await readImages(run, image, outputResolution);
    const sized = { ...options, ...sizeWith(options, images?.size) };
    const size = qwenImage21.size(components, sized);
    const { wanted, unwanted, before } = await encodeQwenImage21Prompts(
      components,
      prompt,
      options,
      { guided: trueCfgScale > 1, images: images?.seen },
    );
    warnOfGuidance(warn, options, unwanted !== undefined);
    const given = (images?.latents ?? []).map((latents, i) => ({ ...latents, text: before[i]! }));
    const isKept = useKvCache && transformer.config.causal_condition;
    return {
      count: wanted.length,
      facts: { trueCfgScale: unwanted && trueCfgScale },
      size: images && size,
      asked: wantedSize(sized),
      denoiser({ height, width }) {
        const factor = vaeScaleFactor(vae);
        const grid = [height / factor, width / factor] as const;
        let kept: Promise<QwenImage21ReadImages> | undefined;
        const read = async (time: number) => {
          if (given.length === 0) return undefined;
          if (!isKept) return await transformer.references(given, time, { signal });
          return await (kept ??= transformer.references(given, time, { signal }));
        };
        return async ({ input, timestep }) => {
          const tokens = packLatents(input, TOKEN);
          const time = Math.fround(timestep / 1000);
          const references = await read(time);
          const predict = async (encoderHiddenStates: readonly Tensor[]) => {
            const call = { encoderHiddenStates, grid, references, signal };
            return (await transformer.forward(tokens, time, call)).sample;
          };
          const text = await predict(wanted);
          if (unwanted === undefined) return unpackLatents(text, ...grid, TOKEN);
          const negative = await predict(unwanted);
          const guided = negative.add(text.sub(negative).mul(trueCfgScale));
          return unpackLatents(guided, ...grid, TOKEN);
        };
      },
    };
  },
};

function wantedSize(
  { outputResolution: side = TRAINED_SIDE, height = side, width = side }:
    & SizeOptions
    & Pick<QwenImage21Options, "outputResolution">,
): ImageSize {
  return { height, width };
}

/** The sides that a call says, else those of an image. */
function sizeWith({ height, width }: SizeOptions, size: ImageSize | undefined): SizeOptions {
  return { height: height ?? size?.height, width: width ?? size?.width };
}

/** Warns of half of a guidance: a scale alone, or a negative prompt alone. */
function warnOfGuidance(
  warn: (message: string) => void,
  { trueCfgScale = 1, negativePrompt, negativePromptEmbeds }: QwenImage21Options,
  isGuided: boolean,
): void {
  if (isGuided) return;
  if (trueCfgScale > 1) {
    warn(`trueCfgScale is ${trueCfgScale}, but there is no negativePrompt: nothing is guided`);
  } else if ((negativePrompt ?? negativePromptEmbeds) !== undefined) {
    warn(
      `There is a negativePrompt, but trueCfgScale is ${trueCfgScale}, not above 1: nothing is guided`,
    );
  }
}
