import type { ComponentSpec } from "@denoise/core";
import type { LanguageModel, Tokenizer } from "@denoise/roles";
import { stableDiffusionXL, type StableDiffusionXLComponents } from "@denoise/stable-diffusion";

/** What reads the prompts of Kolors. */
export interface KolorsEncoders {
  /** ChatGLMModel; null with text states of one's own. */
  readonly textEncoder: LanguageModel | null;
  /** ChatGLMTokenizer. */
  readonly tokenizer: Tokenizer | null;
}

/** What the Kolors pipelines consist of. */
export interface KolorsComponents extends
  KolorsEncoders,
  Omit<
    StableDiffusionXLComponents,
    "textEncoder" | "textEncoder2" | "tokenizer" | "tokenizer2"
  > {}

const { textEncoder2: _encoder, tokenizer2: _tokenizer, ...components } =
  stableDiffusionXL.components;

/** What the definitions of these pipelines share. */
export const kolorsParts: {
  readonly components: { readonly [K in keyof KolorsComponents]: ComponentSpec };
  readonly settings: { readonly force_zeros_for_empty_prompt: boolean };
} = { components, settings: { force_zeros_for_empty_prompt: false } };
