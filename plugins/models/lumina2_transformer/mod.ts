/**
 * Lumina2Transformer2DModel: the denoiser of Lumina-Image 2.0 (Qin et al., 2025, arXiv:2503.21758): blocks that
 * refine text and image each by itself, then blocks on both as one row, whose positions are rotary.
 *
 * Not covered: `attention_kwargs`.
 *
 * @example
 * ```ts ignore
 * import { Lumina2Transformer2DModel } from "@denoise/denoise";
 *
 * const transformer = await Lumina2Transformer2DModel.fromPretrained(
 *   "Alpha-VLLM/Lumina-Image-2.0",
 *   { subfolder: "transformer" },
 * );
 * console.log(transformer.config.num_layers);
 * ```
 *
 * @module
 */
import { type FrozenConfig, type Model, type ModelClass, Tensor } from "@denoise/core";
import {
  defineModel,
  float32,
  latentTokens,
  pickRows,
  runByTextLength,
  timesteps,
  timestepTensor,
} from "@denoise/onnx";
import {
  gatedFeedForward,
  jointAttention,
  modulatedNorm,
  modulation,
  patchGrid,
  projectHeads,
  repeatHeads,
  sandwichBlock,
  timestepEmbedding,
  timestepWaves,
} from "@denoise/onnx/blocks";
import type { Scope, Value } from "@denoise/onnx/graph";
import { concat, linear, rmsNorm, type Rotary, rotaryEmbedding, splitLike } from "@denoise/onnx/nn";
import { type Lumina2TransformerConfig, schema } from "./config.ts";

export type { Lumina2TransformerConfig };

/** What a Lumina2Transformer2DModel is given beside latents and timestep. */
export interface Lumina2TransformerOptions {
  /** States of the text, float32 [N, text tokens, cap_feat_dim]. */
  readonly encoderHiddenStates: Tensor;
  /** int64 [N, text tokens], 1 for the tokens that count, which stand first. */
  readonly encoderAttentionMask: Tensor;
  /** Cancels the call. */
  readonly signal?: AbortSignal | undefined;
}

/** A loaded Lumina2Transformer2DModel. */
export interface Lumina2Transformer2DModel extends Model<Lumina2TransformerConfig> {
  /**
   * The velocity from noise to data, float32 [N, out_channels, h, w]. Rows whose texts are equally long are
   * computed together.
   *
   * @param hiddenStates Latents, float32 [N, in_channels, h, w]; sides are multiples of patch_size.
   * @param timestep 0..1, for all rows or for each: the share of data.
   * @throws {RangeError} for sides that are none, and for more tokens than there are positions.
   */
  forward(
    hiddenStates: Tensor,
    timestep: number | readonly number[],
    options: Lumina2TransformerOptions,
  ): Promise<{ sample: Tensor }>;
}

type Config = FrozenConfig<Lumina2TransformerConfig>;
type Inputs = Readonly<Record<string, Value>>;

/** The denoiser of Lumina-Image 2.0; `Lumina2Transformer2DModel` of diffusers. */
export const Lumina2Transformer2DModel: ModelClass<Lumina2Transformer2DModel> = defineModel<
  Lumina2TransformerConfig,
  Lumina2Transformer2DModel
>({
  className: "Lumina2Transformer2DModel",
  schema,
  graphs: {
    forward: {
      inputs: (config) => ({
        hidden_states: float32("batch", "tokens", config.patch_size ** 2 * config.in_channels),
        encoder_hidden_states: float32("batch", "text", config.cap_feat_dim),
        timestep: timesteps(),
        img_ids: { ...float32("tokens", 3), exact: true },
        txt_ids: { ...float32("text", 3), exact: true },
      }),
      build,
    },
  },
  methods: (model) => ({
    async forward(hiddenStates, timestep, { encoderHiddenStates, encoderAttentionMask, signal }) {
      const { patch_size: patch, in_channels, out_channels } = model.config;
      const [batch, , height, width] = hiddenStates.dims as [number, number, number, number];
      const texts = countedRows(encoderHiddenStates, encoderAttentionMask);
      const [rows, columns] = patchGrid(hiddenStates, patch);
      checkPositions(model.config, rows, columns, texts);
      const times = timestepTensor(timestep, batch);
      const { sample } = await runByTextLength(texts, async (picked, states) => {
        const { sample } = await model.run("forward", {
          hidden_states: latentTokens(pickRows(hiddenStates, picked), patch),
          encoder_hidden_states: states,
          timestep: pickRows(times, picked),
          ...positions(states.dims[1]!, rows, columns),
        }, { signal });
        const latents = sample!.reshape([
          picked.length,
          rows,
          columns,
          patch,
          patch,
          out_channels ?? in_channels,
        ])
          .permute([0, 5, 1, 3, 2, 4])
          .reshape([picked.length, out_channels ?? in_channels, height, width]);
        return { sample: latents };
      });
      return { sample };
    },
  }),
});

/** The states that count of each row. */
function countedRows(states: Tensor, mask: Tensor): Tensor[] {
  return Array.from({ length: states.dims[0]! }, (_, row) => {
    const counted = Array.from(mask.slice(0, row, row + 1).data, Number)
      .reduce((sum, value) => sum + value, 0);
    return states.slice(0, row, row + 1).slice(1, 0, counted).squeeze(0);
  });
}

function checkPositions(
  { patch_size: patch, axes_lens }: Config,
  rows: number,
  columns: number,
  texts: readonly Tensor[],
): void {
  const [places, mostRows, mostColumns] = axes_lens as readonly [number, number, number];
  const longest = Math.max(...texts.map(({ dims }) => dims[0]!));
  if (longest < places && rows <= mostRows && columns <= mostColumns) return;
  throw new RangeError(
    `Cannot denoise latents of ${rows * patch} x ${
      columns * patch
    } with a text of ${longest} tokens: there are ` +
      `positions for texts of up to ${places - 1} tokens and latents of up to ` +
      `${mostRows * patch} x ${mostColumns * patch}`,
  );
}

/** Text counts on the first axis; the image has the place behind it, row and column. */
function positions(tokens: number, rows: number, columns: number) {
  const text = Float32Array.from({ length: 3 * tokens }, (_, i) => i % 3 === 0 ? i / 3 : 0);
  const image = new Float32Array(3 * rows * columns);
  for (let i = 0; i < rows * columns; i++) {
    image.set([tokens, Math.floor(i / columns), i % columns], 3 * i);
  }
  return {
    txt_ids: Tensor.from(text, [tokens, 3]),
    img_ids: Tensor.from(image, [rows * columns, 3]),
  };
}

function build(s: Scope, config: Config, inputs: Inputs): Inputs {
  const { hidden_states, encoder_hidden_states, timestep, img_ids, txt_ids } = inputs;
  const { norm_eps: eps, axes_dim_rope: widths, hidden_size: width } = config;
  const rotary = (ids: Value) => rotaryEmbedding(s, ids, { widths });
  const embed = s.at("time_caption_embed");
  const temb = timestepEmbedding(embed.at("timestep_embedder"), timestepWaves(s, timestep!));
  const caption = embed.at("caption_embedder");
  const normal = rmsNorm(caption.at(0), encoder_hidden_states!, { eps });
  let text = linear(caption.at(1), normal); // [N, text, C]
  let image = linear(s.at("x_embedder"), hidden_states!); // [N, tokens, C]
  for (let i = 0; i < config.num_refiner_layers; i++) {
    text = block(s.at("context_refiner", i), text, rotary(txt_ids!), config);
    image = block(s.at("noise_refiner", i), image, rotary(img_ids!), config, temb);
  }
  let row = concat(s, [text, image], 1);
  const all = rotary(concat(s, [txt_ids!, img_ids!], 0));
  for (let i = 0; i < config.num_layers; i++) {
    row = block(s.at("layers", i), row, all, config, temb);
  }
  const [, last] = splitLike(s, row, [text, image], 1) as [Value, Value];
  const [scale] = modulation(s.at("norm_out.linear_1"), temb, 1) as [Value];
  const out = modulatedNorm(s, last, [scale], { width });
  return { sample: linear(s.at("norm_out.linear_2"), out) };
}

/** One block, modulated where there is a time (`Lumina2TransformerBlock`). */
function block(s: Scope, x: Value, rotary: Rotary, config: Config, temb?: Value): Value {
  const isTimed = temb !== undefined;
  return sandwichBlock(s, x, {
    norms: [
      s.at(isTimed ? "norm1.norm" : "norm1"),
      s.at("norm2"),
      s.at("ffn_norm1"),
      s.at("ffn_norm2"),
    ],
    vectors: isTimed ? modulation(s.at("norm1.linear"), temb, 4) : [],
    eps: config.norm_eps,
    attend: (of) => selfAttention(s.at("attn"), of, rotary, config),
    feed: (of) =>
      gatedFeedForward(s.at("feed_forward"), of, { names: ["linear_1", "linear_3", "linear_2"] }),
  });
}

/** Attention of heads that share keys and values in groups. */
function selfAttention(s: Scope, x: Value, rotary: Rotary, config: Config): Value {
  const { num_attention_heads: heads, num_kv_heads: keyHeads, hidden_size } = config;
  const { query, key, value } = projectHeads(s, x, { heads, keyHeads, bias: false, eps: 1e-5 });
  const shared = { keyHeads, headWidth: hidden_size / heads, times: heads / keyHeads };
  const [seen] = jointAttention(s, [{
    query,
    key: repeatHeads(s, key, shared),
    value: repeatHeads(s, value, shared),
  }], { heads, rotary }) as [Value];
  return linear(s.at("to_out.0"), seen, { bias: false });
}
