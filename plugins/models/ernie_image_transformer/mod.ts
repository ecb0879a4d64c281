/**
 * ErnieImageTransformer2DModel: the denoiser of ERNIE-Image (Baidu, 2026), a rectified-flow transformer on one row of
 * tokens, those of the image before those of the text, with the same weights for both. All blocks are scaled,
 * shifted and gated by one layer of the time that they share. Positions are rotary over three axes
 * (arXiv:2104.09864): the text's length, row and column for the image, and the place in the text.
 *
 * @example
 * ```ts ignore
 * import { ErnieImageTransformer2DModel } from "@denoise/denoise";
 *
 * const transformer = await ErnieImageTransformer2DModel.fromPretrained("baidu/ERNIE-Image-Turbo", {
 *   subfolder: "transformer",
 * });
 * console.log(transformer.config.num_layers);
 * ```
 *
 * @module
 */
import { type FrozenConfig, type Model, type ModelClass, Tensor } from "@denoise/core";
import {
  defineModel,
  float32,
  pickRows,
  runByTextLength,
  timesteps,
  timestepTensor,
} from "@denoise/onnx";
import {
  gatedFeedForward,
  modulate,
  modulatedNorm,
  modulation,
  patchGrid,
  projectHeads,
  timestepEmbedding,
  unpatchify,
} from "@denoise/onnx/blocks";
import type { Scope, Value } from "@denoise/onnx/graph";
import {
  add,
  attention,
  chunk,
  concat,
  conv2d,
  linear,
  mul,
  reshape,
  rmsNorm,
  type Rotary,
  rotaryEmbedding,
  sinusoidalEmbedding,
  splitLike,
  toTokens,
  unsqueeze,
  withinFloat16,
} from "@denoise/onnx/nn";
import { check, type ErnieImageTransformerConfig, schema } from "./config.ts";

export type { ErnieImageTransformerConfig };

/** What an ErnieImageTransformer2DModel is given beside latents and timestep. */
export interface ErnieImageTransformerOptions {
  /** States of the text of each row, float32 [text tokens, text_in_dim]; lengths may differ. */
  readonly encoderHiddenStates: readonly Tensor[];
  /** Cancels the call. */
  readonly signal?: AbortSignal | undefined;
}

/** A loaded ErnieImageTransformer2DModel. */
export interface ErnieImageTransformer2DModel extends Model<ErnieImageTransformerConfig> {
  /**
   * The velocity from data to noise, float32 [N, out_channels, h, w]. Rows whose texts are equally long are computed
   * together; padding, which diffusers masks, is left out.
   *
   * @param hiddenStates Latents, float32 [N, in_channels, h, w].
   * @param timestep 0..1000, for all rows or for each.
   * @throws {TypeError} for texts that are not as many as rows.
   * @throws {RangeError} for sides that patches do not fill.
   */
  forward(
    hiddenStates: Tensor,
    timestep: number | readonly number[],
    options: ErnieImageTransformerOptions,
  ): Promise<{ sample: Tensor }>;
}

type Config = FrozenConfig<ErnieImageTransformerConfig>;
type Inputs = Readonly<Record<string, Value>>;

/** The denoiser of ERNIE-Image; `ErnieImageTransformer2DModel` of diffusers. */
export const ErnieImageTransformer2DModel: ModelClass<ErnieImageTransformer2DModel> = defineModel<
  ErnieImageTransformerConfig,
  ErnieImageTransformer2DModel
>({
  className: "ErnieImageTransformer2DModel",
  schema,
  check,
  graphs: {
    forward: {
      inputs: (config) => ({
        hidden_states: float32("batch", config.in_channels, "height", "width"),
        encoder_hidden_states: float32("batch", "text", config.text_in_dim),
        timestep: timesteps(),
        ids: { ...float32("all tokens", 3), exact: true },
      }),
      build,
    },
  },
  methods: (model) => ({
    async forward(hiddenStates, timestep, { encoderHiddenStates: texts, signal }) {
      const [count] = hiddenStates.dims as [number];
      if (texts.length !== count) {
        throw new TypeError(
          `Cannot run ErnieImageTransformer2DModel: there are ${texts.length} texts for ${count} rows of latents; ` +
            "give one for each",
        );
      }
      const grid = patchGrid(hiddenStates, model.config.patch_size);
      const times = timestepTensor(timestep, count);
      const { sample } = await runByTextLength(
        texts,
        (rows, states) =>
          model.run("forward", {
            hidden_states: pickRows(hiddenStates, rows),
            encoder_hidden_states: states,
            timestep: pickRows(times, rows),
            ids: tokenIds(grid, states.dims[1]!),
          }, { signal }),
      );
      return { sample: sample! };
    },
  }),
});

/** Coordinates of the tokens of image and text, float32 [all tokens, 3]. */
function tokenIds([rows, columns]: readonly [number, number], text: number): Tensor {
  const image = Array.from(
    { length: rows * columns },
    (_, i) => [text, Math.floor(i / columns), i % columns],
  );
  const words = Array.from({ length: text }, (_, i) => [i, 0, 0]);
  return Tensor.from([...image, ...words], [image.length + text, 3]);
}

function build(s: Scope, config: Config, inputs: Inputs): Inputs {
  const { hidden_states: latents, encoder_hidden_states: states, timestep, ids } = inputs;
  const { hidden_size: width, patch_size: patch, eps } = config;
  const waves = sinusoidalEmbedding(s, timestep!, { width, downscaleFreqShift: 0 });
  const temb = timestepEmbedding(s.at("time_embedding"), waves); // [N, C]
  const vectors = modulation(s.at("adaLN_modulation.1"), temb, 6) as Six;
  const image = toTokens(s, conv2d(s.at("x_embedder.proj"), latents!, { stride: patch })); // [N, tokens, C]
  const text = config.text_in_dim === width
    ? states!
    : linear(s.at("text_proj"), states!, { bias: false }); // [N, text, C]
  const rotary = rotaryEmbedding(s, ids!, {
    widths: config.rope_axes_dim,
    theta: config.rope_theta,
  });
  let row = concat(s, [image, text], 1);
  for (let i = 0; i < config.num_layers; i++) {
    row = block(s.at("layers", i), row, { vectors, rotary, config });
  }
  const [made] = splitLike(s, row, [image, text], 1) as [Value];
  const last = modulation(s.at("final_norm.linear"), temb, 2, { activate: false });
  const normal = modulatedNorm(s, made, last as [Value, Value], { width, eps });
  const tokens = linear(s.at("final_linear"), normal); // [N, tokens, patch²·C']
  const sample = unpatchify(s, tokens, latents!, { patch, channels: config.out_channels });
  return { sample };
}

type Six = [Value, Value, Value, Value, Value, Value];

/** `ErnieImageSharedAdaLNBlock`. */
function block(
  s: Scope,
  x: Value,
  { vectors, rotary, config }: {
    readonly vectors: Six;
    readonly rotary: Rotary;
    readonly config: Config;
  },
): Value {
  const { eps } = config;
  const [shift, scale, gate, shiftFf, scaleFf, gateFf] = vectors;
  const normal = modulate(s, rmsNorm(s.at("adaLN_sa_ln"), x, { eps }), scale, shift);
  const seen = attend(s.at("self_attention"), normal, rotary, config);
  const attended = add(s, x, mul(s, gate, seen));
  const normalFf = modulate(s, rmsNorm(s.at("adaLN_mlp_ln"), attended, { eps }), scaleFf, shiftFf);
  const fed = gatedFeedForward(s.at("mlp"), normalFf, {
    names: ["gate_proj", "up_proj", "linear_fc2"],
    activation: "gelu",
  });
  return withinFloat16(s, add(s, attended, mul(s, gateFf, fed)));
}

/** Attention of all tokens to all (`ErnieImageSingleStreamAttnProcessor`). */
function attend(s: Scope, x: Value, rotary: Rotary, config: Config): Value {
  const { num_attention_heads: heads, eps } = config;
  const { query, key, value } = projectHeads(s, x, { heads, bias: false, eps });
  const turned = (of: Value) => turn(s, of, rotary, heads);
  const seen = attention(s, { query: turned(query), key: turned(key), value }, { heads });
  return linear(s.at("to_out.0"), seen, { bias: false });
}

/**
 * Queries or keys with their positions: channels of the first and second half of a head form pairs, but each has the
 * angle that it has where neighbours do, so that it is no rotation. The models are trained so.
 *
 * @param x [N, tokens, heads·width].
 */
function turn(s: Scope, x: Value, { cos, sin }: Rotary, heads: number): Value {
  const split = reshape(s, x, [0, 0, heads, -1]); // [N, tokens, heads, width]
  const [first, second] = chunk(s, split, 2, -1) as [Value, Value];
  const other = concat(s, [mul(s, second, -1), first], -1);
  const twice = (wave: Value) => {
    const column = unsqueeze(s, wave, [2]); // [tokens, width / 2, 1]
    return reshape(s, concat(s, [column, column], 2), [0, 1, -1]); // [tokens, 1, width]
  };
  const turned = add(s, mul(s, split, twice(cos)), mul(s, other, twice(sin)));
  return reshape(s, turned, [0, 0, -1]);
}
