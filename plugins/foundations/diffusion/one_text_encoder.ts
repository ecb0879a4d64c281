import type { ComponentSpec } from "@denoise/core";

/** The roles of a model of latents with one text encoder and a transformer. */
export type OneTextEncoderRole = "scheduler" | "vae" | "textEncoder" | "tokenizer" | "transformer";

/**
 * The components of such a model, as the definitions of its pipelines declare them; the text encoder can
 * be left out by who has embeddings.
 */
export const oneTextEncoder: {
  readonly components: { readonly [role in OneTextEncoderRole]: ComponentSpec };
} = {
  components: {
    scheduler: { kind: "scheduler" },
    vae: { kind: "model" },
    textEncoder: { kind: "model", optional: true },
    tokenizer: { kind: "tokenizer", optional: true },
    transformer: { kind: "model" },
  },
};
