/**
 * QwenImageControlNetModel: a copy of some of Qwen-Image's blocks that is given an image (edges, a pose, a depth
 * map, what a mask leaves) and adds to what the blocks of the transformer hand on, after Zhang, Rao and Agrawala
 * (arXiv:2302.05543).
 *
 * @example
 * ```ts ignore
 * import { QwenImageControlNetModel, QwenImageControlNetPipeline } from "@denoise/denoise";
 *
 * const controlnet = await QwenImageControlNetModel.fromPretrained(
 *   "InstantX/Qwen-Image-ControlNet-Union",
 * );
 * const pipe = await QwenImageControlNetPipeline.fromPretrained("Qwen/Qwen-Image", { controlnet });
 * ```
 *
 * @module
 */
import { type FrozenConfig, type Model, type ModelClass, Tensor } from "@denoise/core";
import {
  centredIds,
  defineModel,
  float32,
  idsBeyond,
  type ImageShape,
  pickRows,
  runByTextLength,
  timesteps,
  timestepTensor,
} from "@denoise/onnx";
import { modulation, qwenImageBlock, qwenImageTime } from "@denoise/onnx/blocks";
import type { Scope, Value } from "@denoise/onnx/graph";
import { add, concat, linear, mul, rmsNorm, rotaryEmbedding } from "@denoise/onnx/nn";
import { type QwenImageControlNetConfig, schema } from "./config.ts";

export type { ImageShape, QwenImageControlNetConfig };

/** What a QwenImageControlNetModel is given beside tokens and timestep. */
export interface QwenImageControlNetOptions {
  /** The control image as tokens, float32 [N, tokens, in_channels + extra_condition_channels]. */
  readonly controlnetCond: Tensor;
  /** What the residuals are multiplied with. Defaults to 1. */
  readonly conditioningScale?: number | undefined;
  /** States of the text of each row, float32 [text tokens, joint_attention_dim]; lengths may differ. */
  readonly encoderHiddenStates: readonly Tensor[];
  /** Frames, rows and columns of the tokens of the image. */
  readonly imgShapes: readonly ImageShape[];
  /** Cancels the call. */
  readonly signal?: AbortSignal | undefined;
}

/** A loaded QwenImageControlNetModel. */
export interface QwenImageControlNetModel extends Model<QwenImageControlNetConfig> {
  /**
   * Residuals for one call of the transformer, one for each block, float32 [N, tokens, width]. Rows whose texts
   * are equally long are computed together.
   *
   * @param hiddenStates Packed latents, float32 [N, tokens, in_channels].
   * @param timestep 0..1, for all rows or for each: the share of noise.
   */
  forward(
    hiddenStates: Tensor,
    timestep: number | readonly number[],
    options: QwenImageControlNetOptions,
  ): Promise<{ readonly controlnetBlockSamples: readonly Tensor[] }>;
}

type Config = FrozenConfig<QwenImageControlNetConfig>;
type Inputs = Readonly<Record<string, Value>>;

/** The name of the outputs, before the number of the block. */
const SAMPLES = "controlnet_block_samples";

/** The networks that control Qwen-Image; `QwenImageControlNetModel` of diffusers. */
export const QwenImageControlNetModel: ModelClass<QwenImageControlNetModel> = defineModel<
  QwenImageControlNetConfig,
  QwenImageControlNetModel
>({
  className: "QwenImageControlNetModel",
  schema,
  graphs: {
    forward: {
      inputs: (config) => ({
        hidden_states: float32("batch", "tokens", config.in_channels),
        controlnet_cond: float32(
          "batch",
          "tokens",
          config.in_channels + config.extra_condition_channels,
        ),
        scale: float32(1),
        encoder_hidden_states: float32("batch", "text", config.joint_attention_dim),
        timestep: timesteps(),
        img_ids: { ...float32("tokens", 3), exact: true },
        txt_ids: { ...float32("text", 3), exact: true },
      }),
      build,
    },
  },
  methods: (model) => ({
    async forward(hiddenStates, timestep, options) {
      const { controlnetCond, conditioningScale = 1, encoderHiddenStates, imgShapes } = options;
      const times = timestepTensor(timestep, hiddenStates.dims[0]!);
      const result = await runByTextLength(
        encoderHiddenStates,
        (rows, texts) =>
          model.run("forward", {
            hidden_states: pickRows(hiddenStates, rows),
            controlnet_cond: pickRows(controlnetCond, rows),
            scale: Tensor.from([conditioningScale]),
            encoder_hidden_states: texts,
            timestep: pickRows(times, rows),
            img_ids: centredIds(imgShapes),
            txt_ids: idsBeyond(texts.dims[1]!, imgShapes),
          }, { signal: options.signal, onDevice: true }),
      ); // the transformer takes them from there
      const count = model.config.num_layers;
      const samples = Array.from({ length: count }, (_, i) => result[`${SAMPLES}_${i}`]!);
      return { controlnetBlockSamples: samples };
    },
  }),
});

function build(s: Scope, config: Config, inputs: Inputs): Inputs {
  const { hidden_states, controlnet_cond, encoder_hidden_states, scale } = inputs;
  const temb = qwenImageTime(s.at("time_text_embed"), inputs.timestep!);
  const ids = concat(s, [inputs.txt_ids!, inputs.img_ids!], 0);
  const control = linear(s.at("controlnet_x_embedder"), controlnet_cond!);
  let image = add(s, linear(s.at("img_in"), hidden_states!), control); // [N, tokens, C]
  let text = linear(s.at("txt_in"), rmsNorm(s.at("txt_norm"), encoder_hidden_states!));
  const options = {
    heads: config.num_attention_heads,
    width: config.num_attention_heads * config.attention_head_dim,
    rotary: rotaryEmbedding(s, ids, { widths: config.axes_dims_rope }),
    modulated: (layer: Scope) => modulation(layer, temb, 6),
  };
  const outputs: Record<string, Value> = {};
  for (let i = 0; i < config.num_layers; i++) {
    [text, image] = qwenImageBlock(s.at("transformer_blocks", i), [text, image], options);
    outputs[`${SAMPLES}_${i}`] = mul(s, linear(s.at("controlnet_blocks", i), image), scale!);
  }
  return outputs;
}
