import {
  type CallOptions,
  configValue,
  DenoiseError,
  type RunOptions,
  runOptions,
  Tensor,
} from "@denoise/core";
import {
  checkSize,
  decodeLatents,
  type Family,
  type LatentOptions,
  latentSpace,
  planFlowRun,
  type TextRowOptions,
  textRowOptions,
} from "@denoise/diffusion";
import type { Autoencoder } from "@denoise/roles";
import type { ErnieImageComponents } from "./components.ts";
import { encodeErnieImagePrompts } from "./prompts.ts";

/** Options that calls of ERNIE-Image take. */
export interface ErnieImageOptions extends RunOptions, TextRowOptions {
  /** Denoising steps. Defaults to 50; Turbo is made for 8. */
  readonly numInferenceSteps?: number | undefined;
  /** Guidance by a second call for the negative prompt, above 1. Defaults to 4; Turbo is made for 1. */
  readonly guidanceScale?: number | undefined;
  /** Must be false, which is the default: the language model that rewrites prompts (`pe`) is not run. */
  readonly usePe?: boolean | undefined;
}

/** The declarations of {@linkcode ErnieImageOptions}. */
export const ernieImageOptions: CallOptions<ErnieImageOptions> = {
  ...runOptions,
  ...textRowOptions,
  numInferenceSteps: { type: "integer", minimum: 1 },
  guidanceScale: { type: "number" },
  usePe: { type: "boolean" },
};

/** The side of the images, in pixels, where the call does not say it. */
const TRAINED_SIDE = 1024;

/**
 * ERNIE-Image (Baidu, 2026): a rectified flow on the latents of FLUX.2, conditioned on the states of a language model.
 * With guidance a step is two calls.
 */
export const ernieImage: Family<ErnieImageComponents, LatentOptions & ErnieImageOptions, never> = {
  name: "ernie-image",
  size({ vae }, { height = TRAINED_SIDE, width = TRAINED_SIDE }) {
    checkSize(height, width, latentSpace(vae).factor);
    return { height, width };
  },
  plan: ({ scheduler }, options) => planFlowRun(scheduler, options, undefined, "torch to 0"),
  async encode(run, prompt, options) {
    const { transformer } = run.components;
    const { guidanceScale = 4, usePe = false, signal } = options;
    if (usePe) throw noEnhancer();
    const guided = guidanceScale > 1;
    const { wanted, unwanted } = await encodeErnieImagePrompts(run, prompt, options, guided);
    return {
      count: wanted.length,
      facts: { guidanceScale: unwanted && guidanceScale },
      denoiser: () => async ({ input, timestep }) => {
        const predict = async (encoderHiddenStates: readonly Tensor[]) =>
          (await transformer.forward(input, timestep, { encoderHiddenStates, signal })).sample;
        const text = await predict(wanted);
        if (unwanted === undefined) return text;
        const against = await predict(unwanted);
        return against.add(text.sub(against).mul(guidanceScale));
      },
    };
  },
  decode: async (vae, latents, options) =>
    await decodeLatents(vae, asTrained(vae, latents), options),
};

/** What the variance of latents is enlarged by in training; configs say `batch_norm_eps` otherwise. */
const TRAINED_EPS = 1e-5;

/**
 * Latents of which the autoencoder makes what it would with {@linkcode TRAINED_EPS}, as ErnieImagePipeline does.
 *
 * @param latents float32 [N, C, h, w].
 */
function asTrained(vae: Autoencoder, latents: Tensor): Tensor {
  const space = latentSpace(vae);
  const eps = Number(configValue(vae.config, "batch_norm_eps") ?? TRAINED_EPS);
  const patch = [1, space.channels / 4, 2, 2];
  const rate = space.normalize(Tensor.ones(patch)).sub(space.normalize(Tensor.zeros(patch))); // 1/σ, [1, C, 1, 1]
  const variance = rate.pow(-2).add(TRAINED_EPS - eps);
  return latents.mul(variance.sqrt().mul(rate));
}

function noEnhancer(): DenoiseError {
  return new DenoiseError(
    "unsupported_option",
    "Cannot rewrite the prompt: usePe is true, but the prompt enhancer of ERNIE-Image is not run; supported is " +
      "false, which takes the prompt as it is. Give a long and detailed one",
  );
}
