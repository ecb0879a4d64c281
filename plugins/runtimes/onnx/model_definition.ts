import {
  type ConfigSchema,
  DenoiseError,
  type FrozenConfig,
  type JsonObject,
  type Model,
  Tensor,
} from "@denoise/core";
import type { StepCached } from "@denoise/roles";
import type { SessionRunOptions } from "./engine/engine.ts";
import type { Dim, Scope, Value } from "./graph/mod.ts";

/** An input of a model's graph. */
export interface Port {
  /** The type of the tensor that is given. */
  readonly dtype: "float32" | "int64" | "int32" | "bool" | "uint8";
  /** Its sizes: numbers, or names for those that vary; equal names are equal sizes. */
  readonly dims: readonly Dim[];
  /** A call may leave it out; the graph is then built without it. */
  readonly optional?: boolean;
  /** Keeps float32 where the graph computes in 16 bits, as timesteps need. */
  readonly exact?: boolean;
}

/** One of the graphs that a model consists of: `forward`, or `encode` and `decode`. */
export interface GraphDefinition<C extends object> {
  /** Its inputs by name; `added` tells whether an adapter has added a module or tensor of a name. */
  readonly inputs: (
    config: FrozenConfig<C>,
    added: (name: string) => boolean,
  ) => Readonly<Record<string, Port>>;
  /**
   * Builds it and gives its outputs by name. An optional input that a call leaves out is not in
   * `inputs`.
   */
  readonly build: (
    s: Scope,
    config: FrozenConfig<C>,
    inputs: Readonly<Record<string, Value>>,
  ) => Readonly<Record<string, Value>>;
  /**
   * Into how many bands of rows convolutions cut their input when they are quantized. Defaults to 1;
   * more where images of full size go through, whose nine places under a kernel lie side by side.
   */
  readonly bands?: number;
  /**
   * Whether a session holds no more than what the outputs of a run depend on, one session for each set
   * of outputs that is asked for. Defaults to false: one session gives them all.
   */
  readonly cut?: boolean;
  /** Whether another graph takes the same tensors, so that a model is checked without this one. Defaults to false. */
  readonly isVariant?: boolean;
}

/** How a model runs its graphs; the methods of a class are written with it. */
export interface Runner<C extends object> {
  /** The options that shape the model. */
  readonly config: FrozenConfig<C>;
  /** Whether an adapter has added a module or tensor of that name. */
  added(name: string): boolean;
  /**
   * Runs a graph, starting its session when this is the first time.
   *
   * @param inputs Tensors by the names of the graph's inputs; undefined ones are left out.
   */
  run(
    graph: string,
    inputs: Readonly<Record<string, Tensor | undefined>>,
    options?: SessionRunOptions,
  ): Promise<Readonly<Record<string, Tensor>>>;
}

/** A model as pure functions, from which {@linkcode defineModel} makes the class. */
export interface ModelDefinition<C extends object, M extends Model<C>> {
  /** The class name in diffusers or transformers, which repos use. */
  readonly className: string;
  /** Other class names in repos that mean the same class. */
  readonly aliases?: readonly string[];
  /** The library whose names its files have. Defaults to `"diffusers"`. */
  readonly library?:
    | "diffusers"
    | "transformers"
    | "stable_diffusion"
    | "kandinsky"
    | "kolors"
    | "latent_diffusion"
    | "paint_by_example"
    | "deepfloyd_if"
    | "unclip";
  /** Whose names its files have, where they are not those of its library. */
  readonly layout?: "diffusers" | undefined;
  /** The options in config.json. */
  readonly schema: ConfigSchema<C>;
  /** Brings a config.json of another layout into the schema's, such as one with `text_config`. */
  readonly adapt?: (config: JsonObject) => JsonObject;
  /**
   * Refuses configs that cannot be built, by throwing {@linkcode unsupportedOption}, before any
   * weights are looked at.
   */
  readonly check?: (config: FrozenConfig<C>) => void;
  /** Today's name of a tensor that old checkpoints store under another one. */
  readonly rename?: (stored: string) => string;
  /** Tensors that may be in a checkpoint and are not needed, such as `position_ids`. */
  readonly ignore?: readonly RegExp[];
  /** Tensors of the reference class on which no output depends; a checkpoint must have them too. */
  readonly idle?: (config: FrozenConfig<C>) => readonly string[];
  /** Tensors that its methods compute with, not its graphs: they are read when it is loaded. */
  readonly constants?: (config: FrozenConfig<C>) => readonly string[];
  /**
   * Whether a tensor stays float32 where weights are held in 16 bits of that kind, as `_keep_in_fp32_modules`
   * says: in transformers for float16, in diffusers for both; the graph takes them with
   * {@linkcode Scope.exact}.
   */
  readonly keepInFloat32?: (name: string, dtype: "float16" | "bfloat16") => boolean;
  /**
   * Whether it computes in float32 where its weights are held in float16, whose range it leaves: what
   * `force_upcast` says of autoencoders.
   */
  readonly upcasts?: (config: FrozenConfig<C>) => boolean;
  /** Its graphs by name. */
  readonly graphs: Readonly<Record<string, GraphDefinition<C>>>;
  /** The methods of its class, such as `forward`. */
  readonly methods: (
    model: Runner<C>,
    constants: Readonly<Record<string, Tensor>>,
  ) => Omit<M, keyof Model<C> | keyof StepCached>;
}

/** Whether a model's files have the names that diffusers gives them, not those of transformers. */
export function hasDiffusersFiles<C extends object, M extends Model<C>>(
  { library = "diffusers", layout }: Pick<ModelDefinition<C, M>, "library" | "layout">,
): boolean {
  return library === "diffusers" || layout === "diffusers";
}

/**
 * The config of one part of a model of several: what stands under `key` where config.json nests it, as
 * CLIP's nests `text_config` and `vision_config`; else the config itself.
 */
export function nestedConfig(config: JsonObject, key: string): JsonObject {
  const nested = config[key];
  const isNested = typeof nested === "object" && nested !== null && !Array.isArray(nested);
  return isNested ? nested as JsonObject : config;
}

/** A float32 input. */
export function float32(...dims: readonly Dim[]): Port {
  return { dtype: "float32", dims };
}

/** An int64 input, such as token ids. */
export function int64(...dims: readonly Dim[]): Port {
  return { dtype: "int64", dims };
}

/** A float32 input [N] that stays float32 where the graph computes in 16 bits. */
export function timesteps(dim: Dim = "batch"): Port {
  return { dtype: "float32", dims: [dim], exact: true };
}

/** An input that a call may leave out. */
export function optional(port: Port): Port {
  return { ...port, optional: true };
}

/** The error for a config option whose value cannot be built, naming both. */
export function unsupportedOption(
  className: string,
  option: string,
  value: unknown,
  supported?: readonly unknown[],
): DenoiseError {
  const known = supported?.map((item) => JSON.stringify(item)).join(", ");
  return new DenoiseError(
    "unsupported_option",
    `Cannot build ${className}: ${option} = ${JSON.stringify(value)} is not supported` +
      (known === undefined ? "" : `; supported are ${known}`),
  );
}

/**
 * Timesteps as a model takes them: float32 [batch].
 *
 * @param timestep One for all samples, or one for each.
 * @throws {TypeError} when there are several, but not one for each.
 */
export function timestepTensor(timestep: number | readonly number[], batch: number): Tensor {
  const given = typeof timestep === "number" ? [timestep] : timestep;
  if (given.length !== 1 && given.length !== batch) {
    throw new TypeError(
      `Cannot use ${given.length} timesteps: give one, or one for each of ${batch} samples`,
    );
  }
  const values = given.length === 1 ? new Float32Array(batch).fill(given[0]!) : given;
  return new Tensor("float32", Float32Array.from(values), [batch]);
}
