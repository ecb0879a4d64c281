/**
 * T5EncoderModel: the text encoder of DeepFloyd IF, PixArt, Stable Diffusion 3 and FLUX. Raffel et
 * al., "Exploring the Limits of Transfer Learning with a Unified Text-to-Text Transformer"
 * (arXiv:1910.10683); the class of transformers, with T5 (`"relu"`) and T5 1.1 (`"gated-gelu"`)
 * layers.
 *
 * The last linear layer of each feed-forward part stays float32 where weights are held in float16,
 * and so do the states between layers, as float16 cannot hold what comes out of them.
 *
 * @example
 * ```ts ignore
 * import { T5EncoderModel, T5Tokenizer } from "@denoise/denoise";
 *
 * const repo = "PixArt-alpha/PixArt-XL-2-512x512";
 * const tokenizer = await T5Tokenizer.fromPretrained(repo, { subfolder: "tokenizer" });
 * const encoder = await T5EncoderModel.fromPretrained(repo, { subfolder: "text_encoder" });
 * const { inputIds, attentionMask } = tokenizer.encode("a cactus with a happy face");
 * const { lastHiddenState } = await encoder.forward(inputIds, { attentionMask });
 * ```
 *
 * @module
 */
import type { FrozenConfig, Model, ModelClass, Tensor } from "@denoise/core";
import type { TextEncoderOptions, TextEncoderOutput } from "@denoise/roles";
import { defineModel, type GraphDefinition, int64, optional } from "@denoise/onnx";
import type { Scope, Value } from "@denoise/onnx/graph";
import {
  activation,
  add,
  attention,
  embedding,
  linear,
  maskBias,
  mul,
  rmsNorm,
} from "@denoise/onnx/nn";
import { check, feedForward, schema, type T5Config, umt5Schema } from "./config.ts";
import { relativePositionBias } from "./relative_position.ts";

export type { T5Config };

/** What a T5 encoder gives. */
export type T5EncoderOutput = Pick<TextEncoderOutput, "lastHiddenState" | "hiddenStates">;

/** A loaded T5EncoderModel. */
export interface T5EncoderModel extends Model<T5Config> {
  /**
   * States of each token: `lastHiddenState` float32 [N, tokens, d_model] after the final norm; with
   * `outputHiddenStates` also the states before each layer, and the normalized last ones.
   *
   * @param inputIds int64 [N, tokens].
   */
  forward(
    inputIds: Tensor,
    options?: Pick<TextEncoderOptions, "attentionMask" | "outputHiddenStates">,
  ): Promise<T5EncoderOutput>;
}

type Config = FrozenConfig<T5Config>;

/** @param everyLayer Whether each layer has distances of its own, not the first one's. */
const forward = (everyLayer: boolean): GraphDefinition<T5Config> => ({
  inputs: () => ({
    input_ids: int64("batch", "tokens"),
    attention_mask: optional(int64("batch", "tokens")),
  }),
  build(s, config, { input_ids, attention_mask }) {
    const encoder = s.at("encoder");
    const eps = config.layer_norm_epsilon;
    const hidden = attention_mask && maskBias(s, attention_mask, HIDDEN);
    const biasOf = (layer: number) => {
      const module = encoder.at("block", layer, "layer.0.SelfAttention");
      const distance = relativePositionBias(module, input_ids!, config);
      return hidden === undefined ? distance : add(s, distance, hidden); // [N or 1, heads, tokens, tokens]
    };
    const first = everyLayer ? undefined : biasOf(0);

    let x = s.cast(embedding(s.at("shared"), input_ids!), "float32"); // [N, tokens, d_model]
    const states: Value[] = [];
    for (let i = 0; i < config.num_layers; i++) {
      states.push(x);
      x = layer(encoder.at("block", i, "layer"), x, first ?? biasOf(i), config);
    }
    const last = rmsNorm(encoder.at("final_layer_norm"), x, { eps });
    return {
      last_hidden_state: last,
      ...Object.fromEntries([...states, last].map((state, i) => [`hidden_state_${i}`, state])),
    };
  },
});

/** The text encoder T5; `T5EncoderModel` of transformers. */
export const T5EncoderModel: ModelClass<T5EncoderModel> = encoderClass("T5EncoderModel", false);

/** A loaded UMT5EncoderModel. */
export type UMT5EncoderModel = T5EncoderModel;

/**
 * The text encoder UMT5 (Chung et al., 2023, arXiv:2304.09151), T5 with distances of its own in each layer;
 * `UMT5EncoderModel` of transformers.
 */
export const UMT5EncoderModel: ModelClass<UMT5EncoderModel> = encoderClass(
  "UMT5EncoderModel",
  true,
);

function encoderClass(className: string, everyLayer: boolean): ModelClass<T5EncoderModel> {
  return defineModel<T5Config, T5EncoderModel>({
    className,
    library: "transformers",
    schema: everyLayer ? umt5Schema : schema,
    check: (config) => check(config, className),
    rename: (stored) => stored === "encoder.embed_tokens.weight" ? "shared.weight" : stored,
    ignore: [/^decoder\./, /^lm_head\./],
    keepInFloat32: (name, dtype) => dtype === "float16" && name.endsWith(".wo.weight"),
    graphs: { forward: forward(everyLayer) },
    methods: (model) => ({
      async forward(inputIds, { attentionMask, outputHiddenStates = false } = {}) {
        const count = outputHiddenStates ? model.config.num_layers + 1 : 0;
        const names = Array.from({ length: count }, (_, i) => `hidden_state_${i}`);
        const result = await model.run("forward", {
          input_ids: inputIds,
          attention_mask: attentionMask,
        }, { outputs: ["last_hidden_state", ...names] });
        return {
          lastHiddenState: result.last_hidden_state!,
          hiddenStates: outputHiddenStates ? names.map((name) => result[name]!) : undefined,
        };
      },
    }),
  });
}

/** No layer of T5 has a bias. */
const PLAIN = { bias: false } as const;

/** Added to the scores of masked tokens; float16 can hold it. */
const HIDDEN = -65504;

/** Self-attention and feed forward, each after a normalization and added in float32 (`T5Block`). */
function layer(s: Scope, x: Value, bias: Value, config: Config): Value {
  const attended = selfAttention(s.at(0), x, bias, config);
  const seen = add(s, x, s.cast(attended, "float32"));
  return add(s, seen, feed(s.at(1), seen, config));
}

/** Attention whose scores are not scaled (`T5LayerSelfAttention`). */
function selfAttention(s: Scope, x: Value, bias: Value, config: Config): Value {
  const module = s.at("SelfAttention");
  const normal = rmsNorm(s.at("layer_norm"), x, { eps: config.layer_norm_epsilon });
  const [query, key, value] = ["q", "k", "v"].map((name) =>
    linear(module.at(name), normal, PLAIN)
  ) as [
    Value,
    Value,
    Value,
  ];
  const options = { heads: config.num_heads, scale: 1, bias };
  return linear(module.at("o"), attention(module, { query, key, value }, options), PLAIN);
}

/** Two linear layers with an activation, or a gate, between them (`T5LayerFF`). */
function feed(s: Scope, x: Value, config: Config): Value {
  const module = s.at("DenseReluDense");
  const { gated, activation: name } = feedForward(config.feed_forward_proj);
  const normal = rmsNorm(s.at("layer_norm"), x, { eps: config.layer_norm_epsilon });
  const hidden = gated
    ? mul(
      s,
      activation(s, linear(module.at("wi_0"), normal, PLAIN), name),
      linear(module.at("wi_1"), normal, PLAIN),
    )
    : activation(s, linear(module.at("wi"), normal, PLAIN), name);
  const out = s.weightDType === "float16" ? module.at("wo").exact() : module.at("wo");
  return s.cast(linear(out, out.cast(hidden), PLAIN), "float32");
}
