import type { Json, JsonObject } from "@denoise/core";

/** How the trainer scaled an adapter, as PEFT's config says: what its files carry beside the tensors. */
export interface AdapterNote {
  /**
   * What the change of a layer is multiplied by: alpha / rank, or alpha / √rank where it is
   * rank-stabilised (rsLoRA; Kalajdzievski, arXiv:2312.03732).
   *
   * @param layer Its name with dots, without the component's.
   * @param rank That its matrices have; undefined where they do not show it.
   * @throws {RangeError} when the note says another rank.
   */
  scaleOf(layer: string, rank: number | undefined): number;
  /** Whether it says that the weights are decomposed into length and direction (DoRA). */
  readonly usesDora: boolean;
  /** Whether it says that layers get a bias of their own. */
  readonly hasBias: boolean;
}

/** Options that change nothing in a result: about training, memory, or given by the tensors themselves. */
const WITHOUT_EFFECT: readonly string[] = [
  ...["peft_type", "auto_mapping", "peft_version", "base_model_name_or_path", "revision"],
  ...["task_type", "inference_mode", "target_modules", "exclude_modules", "layers_to_transform"],
  ...["layers_pattern", "lora_dropout", "rank_dropout", "module_dropout", "rank_dropout_scale"],
  ...["fan_in_fan_out", "bias", "megatron_config", "megatron_core", "loftq_config", "eva_config"],
  ...["corda_config", "lora_ga_config", "runtime_config", "qalora_group_size", "init_weights"],
  ...["decompose_both", "decompose_factor", "use_effective_conv2d", "ensure_weight_tying"],
];

const READ: readonly string[] = [
  ...["r", "lora_alpha", "alpha", "rank_pattern", "alpha_pattern"],
  ...["use_rslora", "use_dora", "lora_bias", "init_lora_weights"],
];

/** Options that make something else of an adapter unless they are left as they are. */
const UNSUPPORTED: readonly string[] = [
  ...["modules_to_save", "trainable_token_indices", "layer_replication", "alora_invocation_tokens"],
  ...["use_qalora", "target_parameters", "use_bdlora", "arrow_config", "kasa_config"],
  ...["monteclora_config", "velora_config"],
];

/** Ways to begin the training that leave the base weights as they are. */
const PLAIN_STARTS: readonly Json[] = [true, false, null, "gaussian", "eva", "orthogonal"];

/** What PEFT takes for rank and alpha where a note does not say. */
const DEFAULT = 8;

function isEmpty(value: Json | undefined): boolean {
  if (Array.isArray(value)) return value.length === 0;
  return value === undefined || value === null || value === false;
}

/**
 * Reads a config of PEFT's LoRA, LoHa or LoKr.
 *
 * @throws {RangeError} naming an option that changes the result and is not supported.
 */
export function readNote(values: JsonObject): AdapterNote {
  for (const [name, value] of Object.entries(values)) {
    if (WITHOUT_EFFECT.includes(name) || READ.includes(name)) continue;
    if (!UNSUPPORTED.includes(name)) {
      throw new RangeError(`its note has "${name}", an unknown option`);
    }
    if (!isEmpty(value)) {
      throw new RangeError(
        `its note says ${name}: ${JSON.stringify(value)}, which is not supported`,
      );
    }
  }
  const { init_lora_weights: start = true } = values;
  if (!PLAIN_STARTS.includes(start)) {
    throw new RangeError(
      `its note says init_lora_weights: ${
        JSON.stringify(start)
      }, which changes the base weights, ` +
        `and is not supported; convert it to a plain LoRA (save_pretrained with ` +
        `path_initial_model_for_weight_conversion)`,
    );
  }
  const number = (name: string, otherwise: number): number => {
    const value = values[name] ?? otherwise;
    if (typeof value === "number" && Number.isFinite(value)) return value;
    throw new RangeError(`its note says ${name}: ${JSON.stringify(value)}, which is no number`);
  };
  const rank = number("r", DEFAULT);
  const alpha = "alpha" in values ? number("alpha", DEFAULT) : number("lora_alpha", DEFAULT);
  const [rankFor, alphaFor] = [patterns(values, "rank_pattern"), patterns(values, "alpha_pattern")];
  const isStabilised = values["use_rslora"] === true;
  return {
    scaleOf(layer, found) {
      const stated = rankFor(layer) ?? rank;
      if (found !== undefined && found !== stated) {
        throw new RangeError(`its rank is ${found}, where the note of the file says ${stated}`);
      }
      return (alphaFor(layer) ?? alpha) / (isStabilised ? Math.sqrt(stated) : stated);
    },
    usesDora: values["use_dora"] === true,
    hasBias: values["lora_bias"] === true,
  };
}

/** Numbers for layers whose name ends in what a regular expression says; the first that fits counts. */
function patterns(values: JsonObject, name: string): (layer: string) => number | undefined {
  const given = values[name] ?? {};
  if (typeof given !== "object" || Array.isArray(given)) {
    throw new RangeError(`its note says ${name}: ${JSON.stringify(given)}, which is no object`);
  }
  const list = Object.entries(given as JsonObject).map(([pattern, value]) => {
    if (typeof value !== "number" || !Number.isFinite(value)) {
      throw new RangeError(`its note says ${name}: ${JSON.stringify(given)}, which has no numbers`);
    }
    try {
      return [new RegExp(`^(.*\\.)?(${pattern})$`), value] as const;
    } catch {
      throw new RangeError(`its note has a ${name} that is no expression: "${pattern}"`);
    }
  });
  return (layer) =>
    list.find(([pattern]) => pattern.test(layer) || pattern.test(`text_model.${layer}`))?.[1];
}
