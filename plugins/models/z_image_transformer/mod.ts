/**
 * ZImageTransformer2DModel: the denoiser of Z-Image and Z-Image-Turbo (Z-Image Team, 2025,
 * arXiv:2511.22699), a rectified-flow transformer on tokens of 2x2 latents: a few blocks on the image and
 * on the text alone, then blocks on both as one row. Positions are rotary over three axes
 * (arXiv:2104.09864).
 *
 * Not covered: the inputs of Omni (`siglip_feats`, `image_noise_mask`), `controlnet_block_samples`, latents of
 * several frames.
 *
 * @example
 * ```ts ignore
 * import { ZImageTransformer2DModel } from "@denoise/denoise";
 *
 * const transformer = await ZImageTransformer2DModel.fromPretrained("Tongyi-MAI/Z-Image-Turbo", {
 *   subfolder: "transformer",
 * });
 * console.log(transformer.config.n_layers);
 * ```
 *
 * @module
 */
import type { FrozenConfig, Model, ModelClass, Tensor } from "@denoise/core";
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
  jointAttention,
  modulatedNorm,
  modulation,
  projectHeads,
  sandwichBlock,
  timestepWaves,
} from "@denoise/onnx/blocks";
import type { Scope, Value } from "@denoise/onnx/graph";
import {
  concat,
  expand,
  linear,
  mul,
  rmsNorm,
  type Rotary,
  rotaryEmbedding,
  shapeOf,
  silu,
  sub,
} from "@denoise/onnx/nn";
import { check, schema, type ZImageTransformerConfig } from "./config.ts";
import { imageIds, paddedLength, patchify, textIds, unpatchify } from "./tokens.ts";

export type { ZImageTransformerConfig };

/** What a ZImageTransformer2DModel is given beside latents and timestep. */
export interface ZImageTransformerOptions {
  /** States of the text of each row, float32 [text tokens, cap_feat_dim]; lengths may differ. */
  readonly encoderHiddenStates: readonly Tensor[];
  /** Cancels the call. */
  readonly signal?: AbortSignal | undefined;
}

/** A loaded ZImageTransformer2DModel. */
export interface ZImageTransformer2DModel extends Model<ZImageTransformerConfig> {
  /**
   * The velocity from noise to data at each latent, float32 [N, in_channels, h, w]. Rows whose texts are
   * equally long are computed together.
   *
   * @param hiddenStates Latents, float32 [N, in_channels, h, w] of even sides.
   * @param timestep 0..1, for all rows or for each: the share of data.
   * @throws {TypeError} for latents or texts of other sizes.
   * @throws {RangeError} for more tokens than there are positions.
   */
  forward(
    hiddenStates: Tensor,
    timestep: number | readonly number[],
    options: ZImageTransformerOptions,
  ): Promise<{ sample: Tensor }>;
}

type Config = FrozenConfig<ZImageTransformerConfig>;
type Inputs = Readonly<Record<string, Value>>;

/** The denoiser of Z-Image; `ZImageTransformer2DModel` of diffusers. */
export const ZImageTransformer2DModel: ModelClass<ZImageTransformer2DModel> = defineModel<
  ZImageTransformerConfig,
  ZImageTransformer2DModel
>({
  className: "ZImageTransformer2DModel",
  schema,
  check,
  ignore: [/^norm_final\.weight$/], // in its authors' files, and used by nothing
  graphs: {
    forward: {
      inputs: (config) => ({
        hidden_states: float32("batch", "tokens", 4 * config.in_channels),
        encoder_hidden_states: float32("batch", "text", config.cap_feat_dim),
        timestep: timesteps(),
        img_ids: { ...float32("padded tokens", 3), exact: true },
        txt_ids: { ...float32("padded text", 3), exact: true },
      }),
      build,
    },
  },
  methods: (model) => ({
    async forward(hiddenStates, timestep, { encoderHiddenStates, signal }) {
      checkCall(model.config, hiddenStates, encoderHiddenStates);
      const [batch, , height, width] = hiddenStates.dims as [number, number, number, number];
      const times = timestepTensor(timestep, batch);
      const { sample } = await runByTextLength(encoderHiddenStates, async (rows, texts) => {
        const tokens = texts.dims[1]!;
        const { sample } = await model.run("forward", {
          hidden_states: patchify(pickRows(hiddenStates, rows)),
          encoder_hidden_states: texts,
          timestep: pickRows(times, rows),
          img_ids: imageIds(height / 2, width / 2, tokens),
          txt_ids: textIds(tokens),
        }, { signal });
        return { sample: unpatchify(sample!, height, width) };
      });
      return { sample };
    },
  }),
});

function checkCall(config: Config, latents: Tensor, texts: readonly Tensor[]): void {
  const [batch = 0, , height = 0, width = 0] = latents.dims;
  if (latents.dims.length !== 4 || height % 2 !== 0 || width % 2 !== 0) {
    throw new TypeError(
      `Cannot run ZImageTransformer2DModel: latents must be float32 [N, ${config.in_channels}, h, w] ` +
        `with even sides, but are [${latents.dims.join(", ")}]`,
    );
  }
  if (texts.length !== batch) {
    throw new TypeError(
      `Cannot run ZImageTransformer2DModel: there are ${texts.length} texts for ${batch} rows of ` +
        "latents; give one for each",
    );
  }
  const [places, rows, columns] = config.axes_lens as readonly [number, number, number];
  for (const { dims } of texts) {
    const [tokens = 0] = dims;
    if (dims.length !== 2 || tokens === 0) {
      throw new TypeError(
        `Cannot run ZImageTransformer2DModel: the states of a text must be float32 [tokens, ` +
          `${config.cap_feat_dim}], but are [${dims.join(", ")}]`,
      );
    }
    const isInside = paddedLength(tokens) + 1 < places && height / 2 <= rows &&
      width / 2 <= columns;
    if (isInside) continue;
    throw new RangeError(
      `Cannot run ZImageTransformer2DModel with ${tokens} tokens of text and latents of ` +
        `${height}x${width}: it has positions for texts of up to ` +
        `${Math.floor((places - 2) / 32) * 32} tokens and latents of up to ${2 * rows}x${
          2 * columns
        }`,
    );
  }
}

function build(s: Scope, config: Config, inputs: Inputs): Inputs {
  const { hidden_states, encoder_hidden_states, img_ids, txt_ids, timestep } = inputs;
  const { rope_theta: theta, axes_dims: widths, n_refiner_layers, norm_eps: eps } = config;
  const positions = (ids: Value) => rotaryEmbedding(s, ids, { widths, theta });
  const temb = time(s.at("t_embedder"), timestep!, config);

  const embedded = linear(s.at("all_x_embedder", PATCH), hidden_states!); // [N, tokens, C]
  let image = fillUp(s, embedded, "x_pad_token", img_ids!);
  const seen = rmsNorm(s.at("cap_embedder.0"), encoder_hidden_states!, { eps });
  let text = fillUp(s, linear(s.at("cap_embedder.1"), seen), "cap_pad_token", txt_ids!);
  for (let i = 0; i < n_refiner_layers; i++) {
    image = block(s.at("noise_refiner", i), image, positions(img_ids!), config, temb);
    text = block(s.at("context_refiner", i), text, positions(txt_ids!), config);
  }

  let row = concat(s, [image, text], 1);
  const rotary = positions(concat(s, [img_ids!, txt_ids!], 0));
  for (let i = 0; i < config.n_layers; i++) {
    row = block(s.at("layers", i), row, rotary, config, temb);
  }
  const ends = [s.ints([0]), shapeOf(s, hidden_states!, 1, 2), s.ints([1])];
  const last = s.op("Slice", [row, ...ends]); // [N, tokens, C]
  const final = s.at("all_final_layer", PATCH);
  const [scale] = modulation(final.at("adaLN_modulation.1"), temb, 1) as [Value];
  const normal = modulatedNorm(final, last, [scale], { width: config.dim });
  return { sample: linear(final.at("linear"), normal) };
}

/** Under which name the layers for tokens of 2x2 latents of one frame are. */
const PATCH = "2-1";

/** The timestep as a vector of at most 256 channels (`TimestepEmbedder`). */
function time(s: Scope, timestep: Value, { t_scale }: Config): Value {
  const waves = timestepWaves(s, mul(s, timestep, t_scale));
  return linear(s.at("mlp.2"), silu(s, linear(s.at("mlp.0"), waves)));
}

/** Tokens with a learned one behind them, until there are as many as ids. */
function fillUp(s: Scope, x: Value, name: string, ids: Value): Value {
  const count = sub(s, shapeOf(s, ids, 0, 1), shapeOf(s, x, 1, 2));
  const sizes = concat(s, [shapeOf(s, x, 0, 1), count, s.ints([1])], 0);
  const padding = expand(s, s.cast(s.tensor(name)), sizes); // [N, count, C]
  return concat(s, [x, padding], 1);
}

/** One block, modulated where there is a time (`ZImageTransformerBlock`). */
function block(s: Scope, x: Value, rotary: Rotary, config: Config, temb?: Value): Value {
  const { n_heads: heads, norm_eps: eps, qk_norm } = config;
  const attn = s.at("attention");
  return sandwichBlock(s, x, {
    norms: [
      s.at("attention_norm1"),
      s.at("attention_norm2"),
      s.at("ffn_norm1"),
      s.at("ffn_norm2"),
    ],
    vectors: temb === undefined
      ? []
      : modulation(s.at("adaLN_modulation.0"), temb, 4, { activate: false }),
    eps,
    attend(of) {
      const projected = projectHeads(attn, of, {
        heads,
        bias: false,
        norms: qk_norm ? undefined : null,
        eps: 1e-5, // whatever norm_eps is
      });
      const [seen] = jointAttention(attn, [projected], { heads, rotary }) as [Value];
      return linear(attn.at("to_out.0"), seen, { bias: false });
    },
    feed: (of) => gatedFeedForward(s.at("feed_forward"), of, { names: ["w1", "w3", "w2"] }),
  });
}
