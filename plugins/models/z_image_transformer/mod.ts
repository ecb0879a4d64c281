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
import { type FrozenConfig, type Model, type ModelClass, Tensor } from "@denoise/core";
import {
  defineModel,
  float32,
  latentTokens,
  optional,
  pickRows,
  type Port,
  runByTextLength,
  timesteps,
  timestepTensor,
} from "@denoise/onnx";
import {
  firstPositions,
  modulatedNorm,
  modulation,
  timestepWaves,
  zImageBlock,
  zImageBlockOptions,
} from "@denoise/onnx/blocks";
import type { Scope, Value } from "@denoise/onnx/graph";
import {
  add,
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
import { imageIds, paddedLength, textIds, unpatchify } from "./tokens.ts";

export type { ZImageTransformerConfig };

/** What a ZImageTransformer2DModel is given beside latents and timestep. */
export interface ZImageTransformerOptions {
  /** States of the text of each row, float32 [text tokens, cap_feat_dim]; lengths may differ. */
  readonly encoderHiddenStates: readonly Tensor[];
  /**
   * What a ControlNet adds after some layers, by their number, each float32 [N, image and text tokens, dim], filled
   * up; for texts that are equally long.
   */
  readonly controlnetBlockSamples?: Readonly<Record<number, Tensor>> | undefined;
  /** Cancels the call. */
  readonly signal?: AbortSignal | undefined;
}

/** What a ControlNet shares with the transformer: its inputs as tokens, float32. */
export interface ZImageEmbedding {
  /** The image's tokens, filled up, [N, tokens, dim]. */
  readonly tokens: Tensor;
  /** The refined text, filled up, [N, text tokens, dim]. */
  readonly text: Tensor;
  /** The timestep, [N, at most 256]. */
  readonly temb: Tensor;
  /** Positions of both, image first, [tokens, width of a head / 2]. */
  readonly cos: Tensor;
  /** Positions of both, image first, [tokens, width of a head / 2]. */
  readonly sin: Tensor;
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
  /** What a ControlNet is given in place of latents and texts, which are equally long. */
  embed(
    hiddenStates: Tensor,
    timestep: number | readonly number[],
    options: Pick<ZImageTransformerOptions, "encoderHiddenStates" | "signal">,
  ): Promise<ZImageEmbedding>;
  /**
   * The image's tokens after the layers that see the image alone, [N, tokens, dim].
   *
   * @param hints What a ControlNet adds after some of these layers, by their number.
   */
  refine(
    embedding: ZImageEmbedding,
    hints: Readonly<Record<number, Tensor>>,
    options?: Pick<ZImageTransformerOptions, "signal">,
  ): Promise<Tensor>;
}

/** What is put before the inputs for what a ControlNet adds, before the number of the layer. */
const SAMPLES = "controlnet_block_samples";
const HINTS = "hints";

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
      inputs: (config) => ({ ...ports(config), ...added(SAMPLES, config, "n_layers") }),
      build,
    },
    embed: {
      inputs: ports,
      build(s, config, inputs) {
        const { tokens, ...others } = embed(s, config, inputs);
        return { tokens, ...others, ...positions(s, config, inputs.img_ids!, inputs.txt_ids!) };
      },
    },
    refine: {
      inputs: (config) => ({
        tokens: float32("batch", "padded tokens", config.dim),
        temb: float32("batch", "time"),
        cos: float32("row", "half"),
        sin: float32("row", "half"),
        ...added(HINTS, config, "n_refiner_layers"),
      }),
      build: (s, config, { tokens, temb, cos, sin, ...hints }) => ({
        refined: refineImage(s, config, tokens!, {
          temb: temb!,
          rotary: firstPositions(s, { cos: cos!, sin: sin! }, tokens!),
          hints,
        }),
      }),
    },
  },
  methods: (model) => ({
    async forward(hiddenStates, timestep, options) {
      const { encoderHiddenStates, controlnetBlockSamples: samples, signal } = options;
      checkCall(model.config, hiddenStates, encoderHiddenStates);
      if (samples !== undefined) checkEqual(encoderHiddenStates);
      const [batch, , height, width] = hiddenStates.dims as [number, number, number, number];
      const times = timestepTensor(timestep, batch);
      const { sample } = await runByTextLength(encoderHiddenStates, async (rows, texts) => {
        const { sample } = await model.run("forward", {
          ...inputsOf(pickRows(hiddenStates, rows), pickRows(times, rows), texts),
          ...numbered(SAMPLES, samples),
        }, { signal });
        return { sample: unpatchify(sample!, height, width) };
      });
      return { sample };
    },
    async embed(hiddenStates, timestep, { encoderHiddenStates, signal }) {
      checkCall(model.config, hiddenStates, encoderHiddenStates);
      checkEqual(encoderHiddenStates);
      const times = timestepTensor(timestep, hiddenStates.dims[0]!);
      const inputs = inputsOf(hiddenStates, times, Tensor.stack(encoderHiddenStates, 0));
      return await model.run("embed", inputs, { signal }) as unknown as ZImageEmbedding;
    },
    async refine({ tokens, temb, cos, sin }, hints, { signal } = {}) {
      const given = { tokens, temb, cos, sin, ...numbered(HINTS, hints) };
      return (await model.run("refine", given, { signal })).refined!;
    },
  }),
});

function ports(config: Config): Record<string, Port> {
  return {
    hidden_states: float32("batch", "tokens", 4 * config.in_channels),
    encoder_hidden_states: float32("batch", "text", config.cap_feat_dim),
    timestep: timesteps(),
    img_ids: { ...float32("padded tokens", 3), exact: true },
    txt_ids: { ...float32("padded text", 3), exact: true },
  };
}

/** What may be added after each of so many layers. */
function added(
  name: string,
  config: Config,
  layers: "n_layers" | "n_refiner_layers",
): Record<string, Port> {
  const port = optional(float32("batch", `${name} row`, config.dim));
  return Object.fromEntries(
    Array.from({ length: config[layers] }, (_, i) => [`${name}_${i}`, port]),
  );
}

function numbered(name: string, given: Readonly<Record<number, Tensor>> = {}) {
  return Object.fromEntries(Object.entries(given).map(([i, x]) => [`${name}_${i}`, x]));
}

function inputsOf(latents: Tensor, timestep: Tensor, texts: Tensor): Record<string, Tensor> {
  const [height, width] = latents.dims.slice(2) as [number, number];
  const tokens = texts.dims[1]!;
  return {
    hidden_states: latentTokens(latents, 2),
    encoder_hidden_states: texts,
    timestep,
    img_ids: imageIds(height / 2, width / 2, tokens),
    txt_ids: textIds(tokens),
  };
}

/** With a ControlNet rows are of one length. */
function checkEqual(texts: readonly Tensor[]): void {
  const lengths = new Set(texts.map(({ dims }) => dims[0]));
  if (lengths.size === 1) return;
  throw new TypeError(
    `Cannot control rows whose texts have ${[...lengths].join(" and ")} tokens together: call ` +
      "ZImageTransformer2DModel once for each length",
  );
}

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

/** Positions of the image's tokens, then the text's. */
function positions(s: Scope, config: Config, ...ids: readonly Value[]): Rotary {
  const { rope_theta: theta, axes_dims: widths } = config;
  return rotaryEmbedding(s, concat(s, ids, 0), { widths, theta });
}

/** Image and text as tokens, those of the text refined, and the timestep. */
function embed(
  s: Scope,
  config: Config,
  inputs: Inputs,
): { readonly tokens: Value; readonly text: Value; readonly temb: Value } {
  const { hidden_states, encoder_hidden_states, img_ids, txt_ids, timestep } = inputs;
  const { norm_eps: eps, n_refiner_layers } = config;
  const temb = time(s.at("t_embedder"), timestep!, config);
  const embedded = linear(s.at("all_x_embedder", PATCH), hidden_states!); // [N, tokens, C]
  const tokens = fillUp(s, embedded, "x_pad_token", img_ids!);
  const seen = rmsNorm(s.at("cap_embedder.0"), encoder_hidden_states!, { eps });
  let text = fillUp(s, linear(s.at("cap_embedder.1"), seen), "cap_pad_token", txt_ids!);
  const rotary = positions(s, config, txt_ids!);
  for (let i = 0; i < n_refiner_layers; i++) {
    text = zImageBlock(s.at("context_refiner", i), text, zImageBlockOptions(config, rotary));
  }
  return { tokens, text, temb };
}

/** The layers that see the image alone, and what a ControlNet adds after them. */
function refineImage(
  s: Scope,
  config: Config,
  tokens: Value,
  { temb, rotary, hints }: {
    readonly temb: Value;
    readonly rotary: Rotary;
    readonly hints: Inputs;
  },
): Value {
  let image = tokens;
  for (let i = 0; i < config.n_refiner_layers; i++) {
    image = zImageBlock(s.at("noise_refiner", i), image, zImageBlockOptions(config, rotary, temb));
    const hint = hints[`${HINTS}_${i}`];
    if (hint !== undefined) image = add(s, image, hint);
  }
  return image;
}

function build(s: Scope, config: Config, inputs: Inputs): Inputs {
  const { hidden_states, img_ids, txt_ids } = inputs;
  const { tokens, text, temb } = embed(s, config, inputs);
  const rotary = positions(s, config, img_ids!);
  const image = refineImage(s, config, tokens, { temb, rotary, hints: {} });

  let row = concat(s, [image, text], 1);
  const all = positions(s, config, img_ids!, txt_ids!);
  for (let i = 0; i < config.n_layers; i++) {
    row = zImageBlock(s.at("layers", i), row, zImageBlockOptions(config, all, temb));
    const sample = inputs[`${SAMPLES}_${i}`];
    if (sample !== undefined) row = add(s, row, sample);
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
