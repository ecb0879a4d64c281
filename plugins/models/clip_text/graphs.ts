import { type FrozenConfig, Tensor } from "@denoise/core";
import { float32, type GraphDefinition, int64, optional } from "@denoise/onnx";
import { clipEncoder } from "@denoise/onnx/blocks";
import type { Scope, Value } from "@denoise/onnx/graph";
import {
  add,
  concat,
  embedding,
  hiddenScore,
  layerNorm,
  linear,
  maskBias,
  shapeOf,
} from "@denoise/onnx/nn";
import type { CLIPTextConfig } from "./config.ts";

type Config = FrozenConfig<CLIPTextConfig>;

/** Each token sees itself and those before: [1, 1, tokens, tokens]. */
function causalBias(s: Scope, ids: Value, limit: number): Value {
  const hidden = hiddenScore(s);
  const table = new Float32Array(limit * limit).map((_, i) =>
    i % limit > Math.floor(i / limit) ? hidden : 0
  );
  const tokens = shapeOf(s, ids, 1, 2);
  const ends = concat(s, [tokens, tokens], 0);
  return s.op("Slice", [
    s.floats(table, [1, 1, limit, limit]),
    s.ints([0, 0]),
    ends,
    s.ints([2, 3]),
  ]);
}

function embed(s: Scope, ids: Value): Value {
  const positions = s.op("Slice", [
    s.tensor("position_embedding.weight"),
    s.ints([0]),
    shapeOf(s, ids, 1, 2),
    s.ints([0]),
  ]);
  return add(s, embedding(s.at("token_embedding"), ids), positions); // [N, tokens, width]
}

/**
 * Where the end of the text is in each row, int64 [N, 1]: its state stands for the text. A card has no
 * operator that finds the greatest integer.
 */
export function endsOfTexts(inputIds: Tensor, config: Config): Tensor {
  const [eos] = [config.eos_token_id].flat();
  const [rows, tokens] = inputIds.dims as [number, number];
  const ids = Array.from(inputIds.data, Number);
  const places = Array.from({ length: rows }, (_, row) => {
    const own = ids.slice(row * tokens, (row + 1) * tokens);
    // configs that say 2 are of a time when the end's id was the highest
    const end = eos === 2 ? own.reduce((most, id) => Math.max(most, id), 0) : eos;
    return BigInt(Math.max(0, own.indexOf(end!)));
  });
  return new Tensor("int64", BigInt64Array.from(places), [rows, 1]);
}

/** Token ids to the states of every layer, the normalized last one, and the pooled one. */
export const forward = (projected: boolean): GraphDefinition<CLIPTextConfig> => ({
  inputs: () => ({
    input_ids: int64("batch", "tokens"),
    attention_mask: optional(int64("batch", "tokens")),
    end_of_text: int64("batch", 1),
  }),
  build(s, config, { input_ids, attention_mask, end_of_text }) {
    const causal = causalBias(s, input_ids!, config.max_position_embeddings);
    const bias = attention_mask === undefined
      ? causal
      : add(s, causal, maskBias(s, attention_mask));
    const tokens = embed(s.at("embeddings"), input_ids!);
    const states = clipEncoder(s.at("encoder"), tokens, config, bias);
    const norm = { eps: config.layer_norm_eps };
    const last = layerNorm(s.at("final_layer_norm"), states.at(-1)!, norm);
    const pooler = s.op("GatherND", [last, end_of_text!], { batch_dims: 1 }); // [N, width]
    return {
      last_hidden_state: last,
      pooler_output: pooler,
      ...(projected
        ? { text_embeds: linear(s.at("text_projection"), pooler, { bias: false }) }
        : {}),
      ...Object.fromEntries(states.map((state, i) => [`hidden_state_${i}`, state])),
    };
  },
});

/** The final normalization alone, for states of an earlier layer. */
export const finalNorm: GraphDefinition<CLIPTextConfig> = {
  inputs: (config) => ({ states: float32("batch", "tokens", config.hidden_size) }),
  build: (s, config, { states }) => ({
    normal: layerNorm(s.at("final_layer_norm"), states!, { eps: config.layer_norm_eps }),
  }),
};
