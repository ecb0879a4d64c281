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
import type { ChromaComponents } from "./components.ts";
import {
  type ChromaPromptOptions,
  chromaPromptOptions,
  type ChromaText,
  encodeChromaPrompts,
} from "./prompts.ts";

/** Options that all calls of Chroma take. */
export interface ChromaOptions
  extends RunOptions, ChromaPromptOptions, FlowStepOptions, JointAttentionKwargs {
  /** How closely the image follows the prompt: above 1 each step is two calls. */
  readonly guidanceScale?: number | undefined;
}

/** The declarations of {@linkcode ChromaOptions}. */
export const chromaOptions: CallOptions<ChromaOptions> = {
  ...jointAttentionKwargs,
  ...runOptions,
  ...chromaPromptOptions,
  ...flowStepOptions,
  guidanceScale: { type: "number" },
};

/**
 * Chroma (Lodestone Rock, 2025): FLUX.1 without pooled text and guidance as an input, guided by a second
 * call for the negative prompt; its transformer attends to one token of padding alone.
 */
export const chroma: Family<ChromaComponents, LatentOptions & ChromaOptions, never> = {
  name: "chroma",
  size: packedSize,
  plan({ vae, scheduler }, options, size) {
    const mu = calculateShift(packedTokens({ vae }, size), scheduler);
    return planFlowRun(scheduler, options, mu);
  },
  async encode(run, prompt, options) {
    const { transformer, vae } = run.components;
    const { guidanceScale = 5, signal } = options;
    const guided = guidanceScale > 1;
    const [text, negative] = await encodeChromaPrompts(run, prompt, options, guided);
    return {
      count: text.embeds.dims[0]!,
      facts: { guidanceScale },
      denoiser({ height, width }) {
        const factor = vaeScaleFactor(vae);
        const [rows, columns] = [height / factor, width / factor];
        const imgIds = gridIds(rows / 2, columns / 2);
        return async ({ input, timestep }) => {
          const tokens = packLatents(input);
          const predict = async ({ embeds, mask }: ChromaText) => {
            const image = Tensor.ones([mask.dims[0]!, imgIds.dims[0]!]);
            const { sample } = await transformer.forward(tokens, Math.fround(timestep / 1000), {
              encoderHiddenStates: embeds,
              imgIds,
              txtIds: Tensor.zeros([embeds.dims[1]!, 3]),
              attentionMask: Tensor.cat([mask, image], 1),
              signal,
            });
            return sample;
          };
          const wanted = await predict(text);
          if (negative === undefined) return unpackLatents(wanted, rows, columns);
          const unwanted = await predict(negative);
          const mixed = unwanted.add(wanted.sub(unwanted).mul(guidanceScale));
          return unpackLatents(mixed, rows, columns);
        };
      },
    };
  },
};
