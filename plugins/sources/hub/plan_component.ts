/** Which files of a repo one component needs. */

import { DenoiseError } from "@denoise/core";
import { type FilePlan, IGNORED, MODEL_INDEX, MODULAR_MODEL_INDEX, ROOT_FILES } from "./plan.ts";
import { pickleError, weightWarnings } from "./plan_messages.ts";
import { chooseWeights, folderOf, isPickle, modelFiles, withoutSafetensors } from "./weights.ts";

/** What is wanted of one component. */
export interface ComponentPlanOptions {
  /** The component's folder. Defaults to the root. */
  readonly subfolder?: string | undefined;
  /** Whether it has weights: `true` they must be there, `false` none are taken. */
  readonly weights?: boolean | undefined;
  /** Weights variant such as `"fp16"`. */
  readonly variant?: string | undefined;
  /** The repo's id, for messages. */
  readonly id?: string | undefined;
}

/** Files without weights that a component may have at the root, where a repo keeps much else. */
const COMPONENT_FILES = new Set([
  ...ROOT_FILES.filter((name) => ![MODEL_INDEX, MODULAR_MODEL_INDEX, "pipeline.py"].includes(name)),
  "added_tokens.json",
  "image_processor_config.json",
  "merges.txt",
  "sentencepiece.bpe.model",
  "special_tokens_map.json",
  "spiece.model",
  "tokenizer.model",
  "vocab.json",
  "vocab.txt",
]);

/** Endings of weights, in this format or another. */
const ANY_WEIGHTS = /\.(safetensors|bin|onnx|pb|msgpack|flashpack|h5|ot|gguf|tflite)$/;

/**
 * The files of one component, in its folder or at the root.
 *
 * @throws {DenoiseError} `missing_file` when there is no such folder or nothing of the variant,
 * `pickle_refused` when its weights are only there as pickles.
 */
export function planComponent(
  names: readonly string[],
  options: ComponentPlanOptions = {},
): FilePlan {
  const { subfolder = "", variant, id = "this repo" } = options;
  const inFolder = names.filter((name) => folderOf(name) === subfolder);
  if (inFolder.length === 0) throw noFolder(id, subfolder, names);
  const small = inFolder.filter((name) =>
    subfolder === ""
      ? COMPONENT_FILES.has(name)
      : !ANY_WEIGHTS.test(name) && !isPickle(name) && !/\.(safetensors|bin)\..*json$/.test(name)
  );
  if (options.weights === false) return { files: small.sort(), warnings: [] };
  const stored = modelFiles(inFolder).length > 0;
  if (!stored && options.weights !== true) return { files: small.sort(), warnings: [] };

  const lacking = withoutSafetensors(inFolder, [], new Set([subfolder]), variant);
  if (lacking.length > 0) throw pickleError(id, inFolder, [subfolder], variant);
  const weights = chooseWeights(inFolder, variant, IGNORED);
  return {
    files: [...new Set([...small, ...weights.files])].sort(),
    warnings: weightWarnings(weights, inFolder, variant),
  };
}

function noFolder(id: string, subfolder: string, names: readonly string[]): DenoiseError {
  const folders = [...new Set(names.map(folderOf))].filter((name) => name !== "").sort();
  return new DenoiseError(
    "missing_file",
    subfolder === ""
      ? `Cannot load a component from the root of ${id}: no file lies there; ` +
        `its folders are ${folders.join(", ") || "none"}`
      : `Cannot load ${JSON.stringify(subfolder)} of ${id}: there is no such folder; ` +
        `its folders are ${folders.slice(0, 20).join(", ") || "none"}`,
  );
}
