import { type CrossAttentionKwargs, crossAttentionKwargs } from "@denoise/adapters";
import { type CallOptions, type PipelineRun, Tensor } from "@denoise/core";
import {
  checkPrompts,
  guidanceScaleEmbedding,
  type PromptOptions,
  promptOptions,
} from "@denoise/diffusion";
import { type PromptSyntaxOptions, promptSyntaxOptions } from "@denoise/prompt-syntax";
import { encodeText } from "./encode_text.ts";
import type { StableDiffusionComponents } from "./stable_diffusion.ts";
import type { TextUNet } from "./unet.ts";

/** Options of a call that follows a text. */
export interface GuidanceOptions extends PromptOptions, PromptSyntaxOptions, CrossAttentionKwargs {
  /** How closely the image follows the prompt. Defaults to 7.5; no guidance at 1 or below. */
  readonly guidanceScale?: number | undefined;
}

/** The declarations of {@linkcode GuidanceOptions}. */
export const guidanceOptions: CallOptions<GuidanceOptions> = {
  ...crossAttentionKwargs,
  ...promptOptions,
  ...promptSyntaxOptions,
  guidanceScale: { type: "number" },
};

/** What tells the denoiser of the text. */
export interface TextConditioning {
  /** Images to make. */
  readonly count: number;
  /** Whether the denoiser is called for `[uncond, text]` at once. */
  readonly guidance: boolean;
  /** How closely the text is followed. */
  readonly guidanceScale: number;
  /** float32 [N or 2N, tokens, width]. */
  readonly encoderHiddenStates: Tensor;
  /** The embedded guidance scale, float32 [N, width], in latent consistency models. */
  readonly timestepCond: Tensor | undefined;
}

/** Encodes the prompts of a call for its denoiser. */
export async function conditionOnText(
  run: Pick<
    PipelineRun<
      & { readonly unet: TextUNet }
      & Pick<StableDiffusionComponents, "tokenizer" | "textEncoder">
    >,
    "components" | "warn"
  >,
  prompt: string | readonly string[] | undefined,
  options: GuidanceOptions,
): Promise<TextConditioning> {
  checkPrompts(prompt, options);
  const { unet, tokenizer, textEncoder } = run.components;
  const { guidanceScale = 7.5 } = options;
  const width = unet.config.time_cond_proj_dim;
  const guidance = guidanceScale > 1 && width === null;
  const encoder = { tokenizer, textEncoder, warn: run.warn };
  const encoded = await encodeText(encoder, prompt, guidance, options);
  const { promptEmbeds, negativePromptEmbeds } = encoded;
  const count = promptEmbeds.dims[0]!;
  return {
    count,
    guidance,
    guidanceScale,
    encoderHiddenStates: guidance
      ? Tensor.cat([negativePromptEmbeds!, promptEmbeds])
      : promptEmbeds,
    timestepCond: width === null
      ? undefined
      : guidanceScaleEmbedding(guidanceScale - 1, count, width),
  };
}
