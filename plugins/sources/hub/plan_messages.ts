/** What a plan tells the user: warnings about variants, refusals of pickles. */

import { DenoiseError } from "@denoise/core";
import { type ChosenWeights, folderOf, hasLegacyShards, isPickle, modelFiles } from "./weights.ts";

/** Lines about what a choice of weights leaves to wonder about. */
export function weightWarnings(
  { files, ofVariant }: ChosenWeights,
  names: readonly string[],
  variant: string | undefined,
): string[] {
  if (variant === undefined) return [];
  const warnings: string[] = [];
  if (hasLegacyShards(names, variant)) {
    warnings.push(
      `The shards of variant ${variant} are named in a deprecated way ` +
        `(model-00001-of-00002.${variant}.safetensors); they are loaded all the same`,
    );
  }
  const plain = files.filter((name) => !ofVariant.includes(name));
  if (plain.length > 0) {
    warnings.push(
      `A mixture of ${variant} and non-${variant} filenames will be loaded.\n` +
        `Loaded ${variant} filenames: [${[...ofVariant].sort().join(", ")}]\n` +
        `Loaded non-${variant} filenames: [${plain.sort().join(", ")}]`,
    );
  }
  return warnings;
}

/** The refusal of components that have no .safetensors weights. */
export function pickleError(
  id: string,
  names: readonly string[],
  components: readonly string[],
  variant: string | undefined,
): DenoiseError {
  const inThem = names.filter((name) =>
    components[0] === "" || components.includes(folderOf(name))
  );
  const pickles = inThem.filter(isPickle);
  const where = components[0] === "" ? id : `${components.join(", ")} of ${id}`;
  const has = pickles.length > 0
    ? `it has ${pickles.slice(0, 5).join(", ")}${pickles.length > 5 ? ", ..." : ""}, Python ` +
      "pickles that can run code when they are read, and are never fetched here"
    : `it has ${modelFiles(inThem).slice(0, 5).join(", ") || "no weights at all"}`;
  return new DenoiseError(
    pickles.length > 0 ? "pickle_refused" : "missing_file",
    "Could not find the necessary `safetensors` weights in " +
      `${where}${variant === undefined ? "" : ` (variant=${variant})`}: ${has}. Use a repo or a ` +
      'revision that has .safetensors (often { revision: "refs/pr/1" }), pass the component ' +
      "yourself, or convert it once in Python with save_pretrained(folder, safe_serialization=True)",
  );
}
