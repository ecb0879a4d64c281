import { type ConfigSchema, float, type FrozenConfig, numbers } from "@denoise/core";

/** Options of a Krea2Transformer2DModel, as they stand in config.json. */
export interface Krea2TransformerConfig {
  /** Channels of a token: those of the latents that are one. */
  readonly in_channels: number;
  /** Number of blocks. */
  readonly num_layers: number;
  /** Width of a head. */
  readonly attention_head_dim: number;
  /** How many heads. */
  readonly num_attention_heads: number;
  /** Heads of keys and values. */
  readonly num_key_value_heads: number;
  /** Width inside a block's feed forward. */
  readonly intermediate_size: number;
  /** How many sines and cosines the timestep becomes. */
  readonly timestep_embed_dim: number;
  /** Width of the text's states. */
  readonly text_hidden_dim: number;
  /** How many states of the language model there are for each token of the text. */
  readonly num_text_layers: number;
  /** Heads of the blocks on the text. */
  readonly text_num_attention_heads: number;
  /** Heads of keys and values of these. */
  readonly text_num_key_value_heads: number;
  /** Width inside the feed forward of these. */
  readonly text_intermediate_size: number;
  /** Blocks in which the states of a token attend to each other. */
  readonly num_layerwise_text_blocks: number;
  /** Blocks in which the tokens of the text do. */
  readonly num_refiner_text_blocks: number;
  /** Channels of a head for each axis of the positions. */
  readonly axes_dims_rope: readonly number[];
  /** The longest wavelength of the positions is 2π times this. */
  readonly rope_theta: number;
  /** Added to the mean square in each normalization. */
  readonly norm_eps: number;
}

/** The options with the reference's defaults. */
export const schema: ConfigSchema<Krea2TransformerConfig> = {
  in_channels: 64,
  num_layers: 28,
  attention_head_dim: 128,
  num_attention_heads: 48,
  num_key_value_heads: 12,
  intermediate_size: 16384,
  timestep_embed_dim: 256,
  text_hidden_dim: 2560,
  num_text_layers: 12,
  text_num_attention_heads: 20,
  text_num_key_value_heads: 20,
  text_intermediate_size: 6912,
  num_layerwise_text_blocks: 2,
  num_refiner_text_blocks: 2,
  axes_dims_rope: numbers([32, 48, 48]),
  rope_theta: float(1000),
  norm_eps: float(1e-5),
};

/** Refuses what cannot be built, before any weights are looked at. */
export function check(config: FrozenConfig<Krea2TransformerConfig>): void {
  const refuse = (what: string) => new RangeError(`Cannot build Krea2Transformer2DModel: ${what}`);
  const { axes_dims_rope, attention_head_dim, text_hidden_dim } = config;
  const width = axes_dims_rope.reduce((sum, one) => sum + one, 0);
  if (axes_dims_rope.length !== 3 || width !== attention_head_dim) {
    throw refuse(
      `axes_dims_rope is [${axes_dims_rope}]; there must be three, which add up to attention_head_dim, ` +
        `${attention_head_dim}`,
    );
  }
  const { num_attention_heads, num_key_value_heads } = config;
  const { text_num_attention_heads, text_num_key_value_heads } = config;
  if (num_attention_heads % num_key_value_heads !== 0) {
    throw refuse(
      `num_attention_heads is ${num_attention_heads}, which must be a multiple of num_key_value_heads, ` +
        `${num_key_value_heads}`,
    );
  }
  if (text_num_attention_heads % text_num_key_value_heads !== 0) {
    throw refuse(
      `text_num_attention_heads is ${text_num_attention_heads}, which must be a multiple of ` +
        `text_num_key_value_heads, ${text_num_key_value_heads}`,
    );
  }
  if (text_hidden_dim % text_num_attention_heads === 0) return;
  throw refuse(
    `text_hidden_dim is ${text_hidden_dim}, which must be a multiple of text_num_attention_heads, ` +
      `${text_num_attention_heads}`,
  );
}
