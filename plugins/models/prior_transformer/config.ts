import { anything, type ConfigSchema, float, maybe, number, string } from "@denoise/core";
import { checkKnown } from "@denoise/onnx";

/** Options of a PriorTransformer, as they stand in config.json. */
export interface PriorTransformerConfig {
  /** The number of attention heads. */
  readonly num_attention_heads: number;
  /** Channels of a head. */
  readonly attention_head_dim: number;
  /** How many blocks. */
  readonly num_layers: number;
  /** Width of the vectors that are denoised, and of the states of a text. */
  readonly embedding_dim: number;
  /** Tokens of a text; where `additional_embeddings` is 0, vectors of a sample. */
  readonly num_embeddings: number;
  /** How many tokens stand behind those of the text. */
  readonly additional_embeddings: number;
  /** Used in training alone. */
  readonly dropout: number;
  /** Activation in the time embedding. */
  readonly time_embed_act_fn: string;
  /** How tokens are normalized before the first block: `"layer"`, or not at all. */
  readonly norm_in_type: string | null;
  /** How the vector that is followed is normalized: `"layer"`, or not at all. */
  readonly embedding_proj_norm_type: string | null;
  /** How the states of a text are projected: `"linear"`, or there are none. */
  readonly encoder_hid_proj_type: string | null;
  /** `"prd"`: a token of its own is what is made of; without, the vectors of the sample are. */
  readonly added_emb_type: string | null;
  /** Width of the time embedding; all channels when null. */
  readonly time_embed_dim: number | null;
  /** Width of the vector that is followed; `embedding_dim` when null. */
  readonly embedding_proj_dim: number | null;
  /** Width of the result; `embedding_dim` when null. */
  readonly clip_embed_dim: number | null;
}

/** The options with the reference's defaults. */
export const schema: ConfigSchema<PriorTransformerConfig> = {
  num_attention_heads: 32,
  attention_head_dim: 64,
  num_layers: 20,
  embedding_dim: 768,
  num_embeddings: 77,
  additional_embeddings: 4,
  dropout: float(0),
  time_embed_act_fn: "silu",
  norm_in_type: maybe(string),
  embedding_proj_norm_type: maybe(string),
  encoder_hid_proj_type: anything<string | null>("linear"),
  added_emb_type: anything<string | null>("prd"),
  time_embed_dim: maybe(number),
  embedding_proj_dim: maybe(number),
  clip_embed_dim: maybe(number),
};

/** Refuses what cannot be built, before any weights are looked at. */
export function check(config: PriorTransformerConfig): void {
  checkKnown("PriorTransformer", config, {
    norm_in_type: ["layer", null],
    embedding_proj_norm_type: ["layer", null],
    encoder_hid_proj_type: ["linear", null],
    added_emb_type: ["prd", null],
  });
}
