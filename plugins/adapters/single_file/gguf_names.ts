/**
 * Names that llama.cpp gives to the tensors of text encoders in .gguf files.
 *
 * @module
 */
import { inside, type NamedTensor, type Tensors } from "./tensors.ts";

type Names = readonly (readonly [RegExp, string])[];

/** T5's encoder (`LLM_ARCH_T5ENCODER`). */
const T5: Names = [
  [/^token_embd\./, "shared."],
  [/^enc\.output_norm\./, "encoder.final_layer_norm."],
  [/^enc\.blk\.(\d+)\.attn_norm\./, "encoder.block.$1.layer.0.layer_norm."],
  [
    /^enc\.blk\.(\d+)\.attn_rel_b\./,
    "encoder.block.$1.layer.0.SelfAttention.relative_attention_bias.",
  ],
  [/^enc\.blk\.(\d+)\.attn_([qkvo])\./, "encoder.block.$1.layer.0.SelfAttention.$2."],
  [/^enc\.blk\.(\d+)\.ffn_norm\./, "encoder.block.$1.layer.1.layer_norm."],
  [/^enc\.blk\.(\d+)\.ffn_gate\./, "encoder.block.$1.layer.1.DenseReluDense.wi_0."],
  [/^enc\.blk\.(\d+)\.ffn_up\./, "encoder.block.$1.layer.1.DenseReluDense.wi_1."],
  [/^enc\.blk\.(\d+)\.ffn_down\./, "encoder.block.$1.layer.1.DenseReluDense.wo."],
];

/** Language models of Qwen (`LLM_ARCH_QWEN3`). */
const QWEN: Names = [
  [/^token_embd\./, "embed_tokens."],
  [/^output_norm\./, "norm."],
  [/^output\./, "lm_head."],
  [/^blk\.(\d+)\.attn_norm\./, "layers.$1.input_layernorm."],
  [/^blk\.(\d+)\.attn_([qkv])\./, "layers.$1.self_attn.$2_proj."],
  [/^blk\.(\d+)\.attn_([qk])_norm\./, "layers.$1.self_attn.$2_norm."],
  [/^blk\.(\d+)\.attn_output\./, "layers.$1.self_attn.o_proj."],
  [/^blk\.(\d+)\.ffn_norm\./, "layers.$1.post_attention_layernorm."],
  [/^blk\.(\d+)\.ffn_(gate|up|down)\./, "layers.$1.mlp.$2_proj."],
];

function renamed(tensors: Tensors, names: Names): NamedTensor[] {
  return [...tensors].map(([stored, tensor]) => {
    const found = names.find(([pattern]) => pattern.test(stored));
    return [found === undefined ? stored : stored.replace(...found), tensor];
  });
}

/** The tensors of T5's encoder in a checkpoint, or in a file of its own. */
export function t5Tensors(all: Tensors, prefix: string): NamedTensor[] {
  if (all.has("enc.blk.0.attn_q.weight")) return renamed(all, T5);
  const isAlone = all.has("encoder.final_layer_norm.weight");
  // the table of words is stored twice in some files, the tokenizer's file in others
  const others = ["encoder.embed_tokens.weight", "spiece_model"];
  return inside(all, isAlone ? [""] : [prefix]).filter(([name]) => !others.includes(name));
}

/** The tensors of a language model of Qwen under the names of llama.cpp; undefined where there are none. */
export function qwenTensors(all: Tensors): NamedTensor[] | undefined {
  return all.has("blk.0.attn_q.weight") ? renamed(all, QWEN) : undefined;
}
