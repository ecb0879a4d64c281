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
  checkSize,
  type Family,
  type FlowStepOptions,
  flowStepOptions,
  type LatentOptions,
  packLatents,
  planFlowRun,
  type SizeOptions,
  type TextRowOptions,
  textRowOptions,
  unpackLatents,
  vaeScaleFactor,
} from "@denoise/diffusion";
import type { QwenImage21Components } from "./components.ts";
import { encodeQwenImage21Prompts } from "./prompts.ts";

/** Options that all calls of Qwen-Image 2.1 take. */
export interface QwenImage21Options
  extends RunOptions, TextRowOptions, FlowStepOptions, AttentionKwargs {
  /** Guidance by a second call for the negative prompt, above 1 and where there is one. Defaults to 1: none. */
  readonly trueCfgScale?: number | undefined;
  /** Height and width of the images, where the call does not say one. Defaults to 1024. */
  readonly outputResolution?: number | undefined;
}

/** The declarations of {@linkcode QwenImage21Options}. */
export const qwenImage21Options: CallOptions<QwenImage21Options> = {
  ...attentionKwargs,
  ...runOptions,
  ...textRowOptions,
  ...flowStepOptions,
  trueCfgScale: { type: "number" },
  outputResolution: { type: "integer", minimum: 1 },
};

/** The side of the images, in pixels, where the call does not say it. */
const TRAINED_SIDE = 1024;

/** A latent is a token. */
const TOKEN = { patch: 1 };

/**
 * Qwen-Image 2.1 (Qwen Team, 2026): a rectified flow on latents whose text, as at time 0, comes before the image.
 * With guidance a step is two calls.
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
    const down = (side: number) => side - side % multiple;
    checkSize(height, width, down(height) > 0 && down(width) > 0 ? 1 : multiple);
    return { height: down(height), width: down(width) };
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
    const { trueCfgScale = 1, signal } = options;
    warnOfSize(warn, wantedSize(options), qwenImage21.size(components, options));
    const { wanted, unwanted } = await encodeQwenImage21Prompts(
      components,
      prompt,
      options,
      trueCfgScale > 1,
    );
    warnOfGuidance(warn, options, unwanted !== undefined);
    return {
      count: wanted.length,
      facts: { trueCfgScale: unwanted && trueCfgScale },
      denoiser({ height, width }) {
        const factor = vaeScaleFactor(vae);
        const grid = [height / factor, width / factor] as const;
        return async ({ input, timestep }) => {
          const tokens = packLatents(input, TOKEN);
          const time = Math.fround(timestep / 1000);
          const predict = async (encoderHiddenStates: readonly Tensor[]) =>
            (await transformer.forward(tokens, time, { encoderHiddenStates, grid, signal })).sample;
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

function warnOfSize(warn: (message: string) => void, wanted: ImageSize, made: ImageSize): void {
  if (wanted.height === made.height && wanted.width === made.width) return;
  warn(
    `The image is made ${made.width}x${made.height} in place of ${wanted.width}x${wanted.height}: width and ` +
      "height are cut to whole tokens",
  );
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
