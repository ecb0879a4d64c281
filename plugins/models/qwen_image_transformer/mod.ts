/**
 * QwenImageTransformer2DModel: the denoiser of Qwen-Image, its edits and layers (Qwen Team, 2025,
 * arXiv:2508.02324), a rectified-flow transformer on tokens of 2x2 latents: blocks in which text and image
 * have weights of their own (MM-DiT, arXiv:2403.03206). Positions are rotary over three axes
 * (arXiv:2104.09864) and count from the middle of an image.
 *
 * Not covered: `attention_kwargs`.
 *
 * @example
 * ```ts ignore
 * import { QwenImageTransformer2DModel } from "@denoise/denoise";
 *
 * const transformer = await QwenImageTransformer2DModel.fromPretrained("Qwen/Qwen-Image", {
 *   subfolder: "transformer",
 * });
 * console.log(transformer.config.num_layers);
 * ```
 *
 * @module
 */
import type { FrozenConfig, Model, ModelClass, Tensor } from "@denoise/core";
import {
  centredIds,
  defineModel,
  float32,
  idsBeyond,
  type ImageShape,
  optional,
  pickRows,
  type Port,
  referenceTokens,
  runByTextLength,
  timesteps,
  timestepTensor,
  tokensOf,
} from "@denoise/onnx";
import { modulatedNorm, modulation, qwenImageBlock, qwenImageTime } from "@denoise/onnx/blocks";
import type { StepCached } from "@denoise/roles";
import type { Scope, Value } from "@denoise/onnx/graph";
import {
  add,
  concat,
  linear,
  mul,
  rmsNorm,
  rotaryEmbedding,
  unsqueeze,
  where,
} from "@denoise/onnx/nn";
import { check, type QwenImageTransformerConfig, schema } from "./config.ts";

export type { ImageShape, QwenImageTransformerConfig };

/** What a QwenImageTransformer2DModel is given beside tokens and timestep. */
export interface QwenImageTransformerOptions {
  /** States of the text of each row, float32 [text tokens, joint_attention_dim]; lengths may differ. */
  readonly encoderHiddenStates: readonly Tensor[];
  /** Frames, rows and columns of the tokens of each image: the one that is made, then reference images. */
  readonly imgShapes: readonly ImageShape[];
  /** For models with `use_additional_t_cond`: 1 for layers with a mask, else 0. Defaults to 0. */
  readonly additionalTCond?: number | undefined;
  /** What ControlNets add after the blocks, each for some in a row, float32 [N, tokens, width]. */
  readonly controlnetBlockSamples?: readonly Tensor[] | undefined;
  /** Cancels the call. */
  readonly signal?: AbortSignal | undefined;
}

/** A loaded QwenImageTransformer2DModel. */
export interface QwenImageTransformer2DModel extends Model<QwenImageTransformerConfig>, StepCached {
  /**
   * The velocity from data to noise at each token, float32 [N, tokens, patch_size²·out_channels]. Rows whose
   * texts are equally long are computed together.
   *
   * @param hiddenStates Packed latents of all images, float32 [N, tokens, in_channels].
   * @param timestep 0..1, for all rows or for each: the share of noise.
   * @throws {TypeError} for shapes or texts that do not go with the tokens.
   */
  forward(
    hiddenStates: Tensor,
    timestep: number | readonly number[],
    options: QwenImageTransformerOptions,
  ): Promise<{ sample: Tensor }>;
}

/** What is put before the inputs for residuals of ControlNets, one for each block. */
const RESIDUAL = "controlnet_block_samples";

type Config = FrozenConfig<QwenImageTransformerConfig>;
type Inputs = Readonly<Record<string, Value>>;

/** The denoiser of Qwen-Image; `QwenImageTransformer2DModel` of diffusers. */
export const QwenImageTransformer2DModel: ModelClass<QwenImageTransformer2DModel> = defineModel<
  QwenImageTransformerConfig,
  QwenImageTransformer2DModel
>({
  className: "QwenImageTransformer2DModel",
  schema,
  check,
  graphs: {
    forward: {
      inputs: (config) => ({
        hidden_states: float32("batch", "tokens", config.in_channels),
        encoder_hidden_states: float32("batch", "text", config.joint_attention_dim),
        timestep: timesteps(),
        img_ids: { ...float32("tokens", 3), exact: true },
        txt_ids: { ...float32("text", 3), exact: true },
        ...(config.zero_cond_t ? { reference: { ...float32("tokens"), exact: true } } : {}),
        ...(config.use_additional_t_cond ? { addition: timesteps() } : {}),
        ...residualPorts(config),
      }),
      build,
    },
  },
  methods: (model) => ({
    async forward(hiddenStates, timestep, options) {
      const { encoderHiddenStates, imgShapes, additionalTCond = 0, signal } = options;
      const { use_layer3d_rope: layered, zero_cond_t, use_additional_t_cond } = model.config;
      checkCall(hiddenStates, options);
      const times = timestepTensor(timestep, hiddenStates.dims[0]!);
      const residuals = options.controlnetBlockSamples ?? [];
      const { sample } = await runByTextLength(
        encoderHiddenStates,
        (rows, texts) =>
          model.run("forward", {
            hidden_states: pickRows(hiddenStates, rows),
            encoder_hidden_states: texts,
            timestep: pickRows(times, rows),
            img_ids: centredIds(imgShapes, layered),
            txt_ids: idsBeyond(texts.dims[1]!, imgShapes, layered),
            reference: zero_cond_t ? referenceTokens(imgShapes) : undefined,
            addition: use_additional_t_cond
              ? timestepTensor(additionalTCond, rows.length)
              : undefined,
            ...residualInputs(model.config, residuals.map((one) => pickRows(one, rows))),
          }, { signal }),
      );
      return { sample: sample! };
    },
  }),
});

function checkCall(
  { dims }: Tensor,
  { encoderHiddenStates: texts, imgShapes }: QwenImageTransformerOptions,
): void {
  const tokens = imgShapes.reduce((sum, shape) => sum + tokensOf(shape), 0);
  if (tokens !== dims[1] || imgShapes.length === 0) {
    throw new TypeError(
      `Cannot run QwenImageTransformer2DModel: imgShapes say ${tokens} tokens, but hiddenStates are ` +
        `[${dims.join(", ")}]`,
    );
  }
  if (texts.length === dims[0]) return;
  throw new TypeError(
    `Cannot run QwenImageTransformer2DModel: there are ${texts.length} texts for ${
      dims[0]
    } rows of ` +
      "tokens; give one for each",
  );
}

function residualPorts(config: Config): Record<string, Port> {
  const port = optional(float32("batch", "tokens", widthOf(config)));
  return Object.fromEntries(
    Array.from({ length: config.num_layers }, (_, i) => [`${RESIDUAL}_${i}`, port]),
  );
}

/** The residual of each block: a ControlNet has fewer, which then stand for several in a row. */
function residualInputs(
  { num_layers }: Config,
  given: readonly Tensor[],
): Record<string, Tensor> {
  if (given.length === 0) return {};
  const each = Math.ceil(num_layers / given.length);
  return Object.fromEntries(
    Array.from(
      { length: num_layers },
      (_, i) => [`${RESIDUAL}_${i}`, given[Math.floor(i / each)]!],
    ),
  );
}

function build(s: Scope, config: Config, inputs: Inputs): Inputs {
  const { hidden_states, encoder_hidden_states, timestep, img_ids, txt_ids } = inputs;
  const { reference, addition } = inputs;
  const time = s.at("time_text_embed");
  const temb = qwenImageTime(time, timestep!, addition);
  const times: Times = {
    temb,
    // reference images as at time 0
    still: reference && {
      temb: qwenImageTime(time, mul(s, timestep!, 0), addition),
      tokens: s.op("Greater", [
        unsqueeze(s, reference, [0, 2]),
        s.graph.floats([0], [1], "float32"),
      ]),
    },
  };
  const ids = concat(s, [txt_ids!, img_ids!], 0);
  const rotary = rotaryEmbedding(s, ids, { widths: config.axes_dims_rope });
  let image = linear(s.at("img_in"), hidden_states!); // [N, tokens, C]
  const normal = rmsNorm(s.at("txt_norm"), encoder_hidden_states!);
  let text = linear(s.at("txt_in"), normal); // [N, text, C]
  s.graph.markTimestepScale(1000);
  s.graph.markBlock([image, text]);
  for (let i = 0; i < config.num_layers; i++) {
    [text, image] = qwenImageBlock(s.at("transformer_blocks", i), [text, image], {
      ...{ heads: config.num_attention_heads, width: widthOf(config), rotary },
      modulated: (layer, part) => tokenModulation(layer, part, times),
    });
    const residual = inputs[`${RESIDUAL}_${i}`];
    if (residual !== undefined) image = add(s, image, residual);
    s.graph.markBlock([image, text]);
  }
  const [scale, shift] = modulation(s.at("norm_out.linear"), temb, 2) as [Value, Value];
  const last = modulatedNorm(s, image, [scale, shift], { width: widthOf(config) });
  return { sample: linear(s.at("proj_out"), last) };
}

/** Timesteps as the tokens are conditioned on them. */
interface Times {
  /** [N, C]. */
  readonly temb: Value;
  /** Where some tokens have another time: that one, [N, C], and which tokens, boolean [1, tokens, 1]. */
  readonly still: { readonly temb: Value; readonly tokens: Value } | undefined;
}

/** Channels of a token inside. */
function widthOf({ num_attention_heads, attention_head_dim }: Config): number {
  return num_attention_heads * attention_head_dim;
}

/** Six vectors [N, 1, C], or [N, tokens, C] where some tokens of the image have another time. */
function tokenModulation(s: Scope, part: "txt" | "img", { temb, still }: Times): Value[] {
  const moving = modulation(s, temb, 6);
  if (part === "txt" || still === undefined) return moving;
  const standing = modulation(s, still.temb, 6);
  return moving.map((vector, i) => where(s, still.tokens, standing[i]!, vector));
}
