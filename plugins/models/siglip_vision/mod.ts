/**
 * SiglipVisionModel: what SigLIP finds in an image. Zhai et al., "Sigmoid Loss for Language Image
 * Pre-Training" (arXiv:2303.15343); the class of transformers. It encodes images for FLUX.1 Redux
 * and for the IP-Adapter of Stable Diffusion 3.5.
 *
 * Not covered: `interpolate_pos_encoding`.
 *
 * @example
 * ```ts ignore
 * import { randn, SiglipVisionModel } from "@denoise/denoise";
 *
 * const encoder = await SiglipVisionModel.fromPretrained("./image_encoder");
 * const { lastHiddenState } = await encoder.forward(randn([1, 3, 384, 384]));
 * ```
 *
 * @module
 */
import { type ConfigSchema, float, type Model, type ModelClass, type Tensor } from "@denoise/core";
import { defineModel, float32, type GraphDefinition, nestedConfig } from "@denoise/onnx";
import { clipEncoder, type ClipEncoderConfig, joinedAttention } from "@denoise/onnx/blocks";
import type { Scope, Value } from "@denoise/onnx/graph";
import {
  activation,
  add,
  concat,
  conv2d,
  expand,
  layerNorm,
  linear,
  shapeOf,
  squeeze,
  toTokens,
} from "@denoise/onnx/nn";

/** Options of a SiglipVisionModel, as they stand in config.json. */
export interface SiglipVisionConfig extends ClipEncoderConfig {
  /** Width of the states. */
  readonly hidden_size: number;
  /** Width inside the feed forward layers. */
  readonly intermediate_size: number;
  /** Channels of the images. */
  readonly num_channels: number;
  /** Height and width of the images. */
  readonly image_size: number;
  /** Height and width of the patches that they are cut into. */
  readonly patch_size: number;
  /** Whether there is a layer that makes one state of all of them. */
  readonly vision_use_head: boolean;
}

const schema: ConfigSchema<SiglipVisionConfig> = {
  hidden_size: 768,
  intermediate_size: 3072,
  num_hidden_layers: 12,
  num_attention_heads: 12,
  num_channels: 3,
  image_size: 224,
  patch_size: 16,
  hidden_act: "gelu_pytorch_tanh",
  layer_norm_eps: float(1e-6),
  vision_use_head: true,
};

/** What a SigLIP vision model gives. */
export interface SiglipVisionOutput {
  /** The normalized state of each patch, float32 [N, patches, width]. */
  readonly lastHiddenState: Tensor;
  /** One state for the whole image, float32 [N, width], where the model has a head. */
  readonly poolerOutput?: Tensor | undefined;
  /** What enters the layers, then the states after each, when they were asked for. */
  readonly hiddenStates?: readonly Tensor[] | undefined;
}

/** A loaded SiglipVisionModel. */
export interface SiglipVisionModel extends Model<SiglipVisionConfig> {
  /**
   * States of an image.
   *
   * @param pixelValues float32 [N, 3, H, W], as SiglipImageProcessor makes them.
   */
  forward(
    pixelValues: Tensor,
    options?: { readonly outputHiddenStates?: boolean | undefined },
  ): Promise<SiglipVisionOutput>;
}

const forward: GraphDefinition<SiglipVisionConfig> = {
  inputs: ({ num_channels, image_size }) => ({
    pixel_values: float32("batch", num_channels, image_size, image_size),
  }),
  build(s, config, { pixel_values }) {
    const { patch_size: stride, layer_norm_eps: eps } = config;
    const embeddings = s.at("embeddings");
    const patches = toTokens(
      s,
      conv2d(embeddings.at("patch_embedding"), pixel_values!, { stride }),
    );
    const placed = add(s, patches, embeddings.tensor("position_embedding.weight"));
    const states = clipEncoder(s.at("encoder"), placed, config);
    const last = layerNorm(s.at("post_layernorm"), states.at(-1)!, { eps });
    return {
      last_hidden_state: last,
      ...(config.vision_use_head ? { pooler_output: head(s.at("head"), last, config) } : {}),
      ...Object.fromEntries(states.map((state, i) => [`hidden_state_${i}`, state])),
    };
  },
};

/** A learned query that attends to all states (`SiglipMultiheadAttentionPoolingHead`). */
function head(s: Scope, states: Value, config: SiglipVisionConfig): Value {
  const { hidden_size: width, num_attention_heads: heads, layer_norm_eps: eps } = config;
  const rows = concat(s, [shapeOf(s, states, 0, 1), s.ints([1, width])], 0);
  const probe = expand(s, s.tensor("probe", [1, 1, width]), rows);
  const inputs = { query: probe, key: states, value: states };
  const attended = joinedAttention(s.at("attention"), inputs, { width, heads });
  const hidden = linear(s.at("mlp.fc1"), layerNorm(s.at("layernorm"), attended, { eps }));
  const fed = linear(s.at("mlp.fc2"), activation(s, hidden, config.hidden_act));
  return squeeze(s, add(s, attended, fed), [1]); // [N, width]
}

/** What SigLIP finds in an image; `SiglipVisionModel` of transformers. */
export const SiglipVisionModel: ModelClass<SiglipVisionModel> = defineModel<
  SiglipVisionConfig,
  SiglipVisionModel
>({
  className: "SiglipVisionModel",
  library: "transformers",
  schema,
  adapt: (config) => nestedConfig(config, "vision_config"),
  rename: (stored) => stored.replace(/^(vision_model\.)+/, ""),
  // a checkpoint of the whole of SigLIP has the other tower, too
  ignore: [/embeddings\.position_ids$/, /^text_model\./, /^logit_(scale|bias)$/],
  graphs: { forward },
  methods: (model) => ({
    async forward(pixelValues, { outputHiddenStates = false } = {}) {
      const { num_hidden_layers, vision_use_head } = model.config;
      const count = outputHiddenStates ? num_hidden_layers + 1 : 0;
      const names = Array.from({ length: count }, (_, i) => `hidden_state_${i}`);
      const own = ["last_hidden_state", ...(vision_use_head ? ["pooler_output"] : [])];
      const outputs = [...own, ...names];
      const result = await model.run("forward", { pixel_values: pixelValues }, { outputs });
      return {
        lastHiddenState: result.last_hidden_state!,
        poolerOutput: result.pooler_output,
        hiddenStates: outputHiddenStates ? names.map((name) => result[name]!) : undefined,
      };
    },
  }),
});
