/**
 * Language models as text encoders, in files of their own and in whole checkpoints, as ComfyUI stores them: under the
 * names of transformers, with the tokenizer's file as a tensor beside them.
 *
 * @module
 */
import { inside, type NamedTensor, type Tensors } from "./tensors.ts";

/** What ComfyUI calls each model in a checkpoint that has more than one: `text_encoders.NAME.transformer.`. */
const NAMES: Readonly<Record<string, readonly string[]>> = {
  Gemma2Model: ["gemma2_2b"],
  Gemma3ForConditionalGeneration: [],
  Gemma3TextModel: [],
  LlamaModel: [],
  Mistral3ForConditionalGeneration: [],
  Qwen2_5_VLForConditionalGeneration: ["qwen25_7b"],
  Qwen3Model: ["qwen3_4b"],
  Qwen3VLForConditionalGeneration: [],
};

/** Classes of language models that single files may hold. */
export const languageModels: readonly string[] = Object.keys(NAMES);

/** Files of tokenizers that lie in a file as tensors. */
const TOKENIZERS = ["spiece_model", "tekken_model", "tokenizer_json"];

/** Models that hold one for texts within, whose files may hold that alone. */
const WRAPPED = ["Mistral3ForConditionalGeneration", "Gemma3ForConditionalGeneration"];

const TABLE = /^(model\.)?(language_model\.)?(model\.)?embed_tokens\.weight$/;

/** The tensors of a language model; none where the file holds none. */
export function languageModelTensors(className: string, all: Tensors): NamedTensor[] {
  const prefixes = NAMES[className]!.map((name) => `text_encoders.${name}.transformer.`);
  const isAlone = [...all.keys()].some((name) => TABLE.test(name));
  const found = inside(all, isAlone ? [""] : prefixes);
  const isText = WRAPPED.includes(className) &&
    !found.some(([name]) => /(^|\.)language_model\./.test(name));
  return found
    .filter(([name]) => !TOKENIZERS.includes(name))
    .map(([name, tensor]) => [isText ? `language_model.${name}` : name, tensor]);
}
