import { type JointAttentionKwargs, jointAttentionKwargs } from "@denoise/adapters";
import { type CallOptions, type RunOptions, runOptions, Tensor } from "@denoise/core";
import {
  calculateShift,
  type Family,
  type FlowStepOptions,
  flowStepOptions,
  gridIds,
  type LatentOptions,
  packedSize,
  packedTokens,
  packLatents,
  planFlowRun,
  unpackLatents,
  vaeScaleFactor,
} from "@denoise/diffusion";
import type { OvisImageComponents } from "./components.ts";
import {
  encodeOvisImagePrompts,
  type OvisImagePromptOptions,
  ovisImagePromptOptions,
} from "./prompts.ts";

/** Options that calls of Ovis-Image take. */
export interface OvisImageOptions
  extends RunOptions, OvisImagePromptOptions, FlowStepOptions, JointAttentionKwargs {
  /** Guidance by a second call for the negative prompt, above 1. Defaults to 5. */
  readonly guidanceScale?: number | undefined;
}

/** The declarations of {@linkcode OvisImageOptions}. */
export const ovisImageOptions: CallOptions<OvisImageOptions> = {
  ...jointAttentionKwargs,
  ...runOptions,
  ...ovisImagePromptOptions,
  ...flowStepOptions,
  guidanceScale: { type: "number" },
};

/**
 * Ovis-Image (Alibaba, 2025, arXiv:2511.22982): a rectified flow on latents of 16 channels packed into tokens of
 * 2x2, conditioned on the states of a language model. Guided, a step is two calls.
 */
export const ovisImage: Family<OvisImageComponents, LatentOptions & OvisImageOptions, never> = {
  name: "ovis-image",
  size: packedSize,
  plan: ({ vae, scheduler }, options, size) =>
    planFlowRun(scheduler, options, calculateShift(packedTokens({ vae }, size), scheduler)),
  async encode(run, prompt, options) {
    const { transformer, vae } = run.components;
    const { guidanceScale = 5, signal } = options;
    const { wanted, unwanted } = await encodeOvisImagePrompts(
      run,
      prompt,
      options,
      guidanceScale > 1,
    );
    return {
      count: wanted.dims[0]!,
      facts: { guidanceScale: unwanted && guidanceScale },
      denoiser({ height, width }) {
        const factor = vaeScaleFactor(vae);
        const [rows, columns] = [height / factor, width / factor];
        const imgIds = gridIds(rows / 2, columns / 2);
        return async ({ input, timestep }) => {
          const tokens = packLatents(input);
          const time = Math.fround(timestep / 1000);
          const predict = async (encoderHiddenStates: Tensor) => {
            const txtIds = textIds(encoderHiddenStates.dims[1]!);
            const given = { encoderHiddenStates, imgIds, txtIds, signal };
            return (await transformer.forward(tokens, time, given)).sample;
          };
          const text = await predict(wanted);
          if (unwanted === undefined) return unpackLatents(text, rows, columns);
          const against = await predict(unwanted);
          const guided = against.add(text.sub(against).mul(guidanceScale));
          return unpackLatents(guided, rows, columns);
        };
      },
    };
  },
};

/** Coordinates of a text's tokens, float32 [tokens, 3]: their places on the axes of rows and columns. */
function textIds(tokens: number): Tensor {
  const ids = Array.from({ length: tokens }, (_, i) => [0, i, i]);
  return Tensor.from(ids, [tokens, 3]);
}
