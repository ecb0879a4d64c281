import {
  adoptConfig,
  checkOptions,
  type ComponentLocation,
  DenoiseError,
  type FrozenConfig,
  joinPath,
  type JsonObject,
  type LoadOptions,
  loadOptions,
  locateComponent,
  type Model,
  type ModelClass,
  readConfig,
  Registry,
} from "@denoise/core";
import { Checkpoint } from "./graph/mod.ts";
import { hasDiffusersFiles, type ModelDefinition } from "./model_definition.ts";
import { checkStoredQuantization } from "./quantization/stored.ts";
import { OnnxModel } from "./onnx_model.ts";
import {
  type FindOptions,
  findWeights,
  openWeights,
  type StoredTensor,
  type WeightFiles,
  withScales,
} from "@denoise/safetensors";

/** The class of a model that runs on onnxruntime. */
export interface OnnxModelClass<M extends Model = Model> extends ModelClass<M> {
  /**
   * Makes a model of tensors at hand or at their places in files, by their names in a repo.
   *
   * @param config What config.json says.
   * @throws {DenoiseError} `missing_tensor`, `unexpected_tensor` or `unsupported_option`.
   */
  fromTensors(
    config: JsonObject,
    tensors: Iterable<readonly [string, StoredTensor]>,
    options?: LoadOptions,
  ): Promise<M>;
  /**
   * Makes a model of the tensors of loaded ones, at once. It computes in the type and on the device of
   * the first, and holds its weights where they are.
   *
   * @param config What config.json says.
   * @throws {DenoiseError} `missing_tensor`, `unexpected_tensor`, or `unsupported_option` for models
   *   that are quantized or changed by adapters.
   * @throws {TypeError} for models that do not run on onnxruntime.
   */
  fromModels(config: JsonObject, models: readonly ModelPart[]): M;
}

/** A model that another is made of. */
export interface ModelPart {
  /** The model. */
  readonly model: Model;
  /** The name that its tensors have in the other. */
  readonly rename: (name: string) => string;
}

/**
 * Makes the model class that users of diffusers know from pure functions.
 *
 * @example
 * ```ts
 * import { type Model, type ModelClass, number, type Tensor } from "@denoise/core";
 * import { defineModel, float32 } from "@denoise/onnx";
 * import { linear } from "@denoise/onnx/nn";
 *
 * interface Projection extends Model<{ width: number }> {
 *   forward(x: Tensor): Promise<Tensor>;
 * }
 *
 * export const Projection: ModelClass<Projection> = defineModel({
 *   className: "Projection",
 *   schema: { width: number(8) },
 *   graphs: {
 *     forward: {
 *       inputs: (config) => ({ x: float32("batch", config.width) }),
 *       build: (s, _config, { x }) => ({ y: linear(s.at("proj"), x!) }),
 *     },
 *   },
 *   methods: (model) => ({
 *     forward: async (x) => (await model.run("forward", { x })).y!,
 *   }),
 * });
 * ```
 */
export function defineModel<C extends object, M extends Model<C>>(
  definition: ModelDefinition<C, M>,
): OnnxModelClass<M> {
  return modelClass(definition, undefined);
}

function modelClass<C extends object, M extends Model<C>>(
  definition: ModelDefinition<C, M>,
  bound: Registry | undefined,
): OnnxModelClass<M> {
  const { className } = definition;
  const Class: OnnxModelClass<M> = {
    kind: "model",
    className,
    aliases: definition.aliases ?? [],
    using: (registry) => modelClass(definition, registry),
    async fromPretrained(id, options = {}) {
      const location = await locateComponent(id, options, bound, true);
      return await loadModel(definition, location, options, false);
    },
    load: (location, options) => loadModel(definition, location, options, true),
    async fromTensors(config, tensors, options = {}) {
      checkOptions(`make ${className} of tensors`, options, loadOptions);
      return await makeModel(definition, config, tensors, options);
    },
    fromModels: (config, models) => joinModels(definition, config, models),
    async fromSingleFile(file, options = {}) {
      const registry = options.registry ?? bound ?? new Registry();
      return await (await registry.singleFile()).model(Class, file, options, registry);
    },
  };
  return Class;
}

async function loadModel<C extends object, M extends Model<C>>(
  definition: ModelDefinition<C, M>,
  { path }: ComponentLocation,
  options: LoadOptions,
  isPart: boolean,
): Promise<M> {
  const { className } = definition;
  const source = await readConfig(joinPath(path, "config.json"));
  readModelConfig(definition, source); // says what cannot be built before weights are looked for
  const isDiffusers = hasDiffusersFiles(definition);
  const find = { ...options, prefer: isDiffusers ? "index" : "whole" } as const;
  const weights = await (isPart ? partWeights(className, path, find) : findWeights(path, find));
  const tensors = await withScales(await openWeights(weights));
  return await makeModel(definition, source, tensors, options, isPart);
}

function readModelConfig<C extends object, M extends Model<C>>(
  { className, schema, adapt = (config) => config, check }: ModelDefinition<C, M>,
  given: JsonObject,
): FrozenConfig<C> {
  checkStoredQuantization(className, given);
  const config = adoptConfig(className, schema, adapt(given));
  check?.(config);
  return config;
}

async function makeModel<C extends object, M extends Model<C>>(
  definition: ModelDefinition<C, M>,
  given: JsonObject,
  tensors: Iterable<readonly [string, StoredTensor]>,
  options: LoadOptions,
  isPart = false,
): Promise<M> {
  const config = readModelConfig(definition, given);
  const checkpoint = new Checkpoint(tensors, definition);
  const model = new OnnxModel(definition, config, given, checkpoint, options);
  model.verify();
  if (options.quantization !== undefined) await model.quantize(options.quantization, isPart);
  if (options.device !== undefined) await model.to(options.device);
  await model.readConstants();
  return Object.assign(model, model.methods()) as unknown as M;
}

function joinModels<C extends object, M extends Model<C>>(
  definition: ModelDefinition<C, M>,
  given: JsonObject,
  models: readonly ModelPart[],
): M {
  const parts = models.map(({ model, rename }) => {
    if (model instanceof OnnxModel) return { ...model.parts(), rename };
    throw new TypeError(
      `Cannot make ${definition.className} of ${model.className}: it must run on onnxruntime`,
    );
  });
  const config = readModelConfig(definition, given);
  const tensors = parts.flatMap(({ tensors, rename }) =>
    [...tensors].map(([name, tensor]) => [rename(name), tensor] as const)
  );
  const { options, device } = parts[0]!;
  const checkpoint = new Checkpoint(tensors, definition);
  const model = new OnnxModel(definition, config, given, checkpoint, options, device);
  model.verify();
  return Object.assign(model, model.methods()) as unknown as M;
}

/** The weights of a part of a pipeline; the plain ones where it lacks the variant, as in diffusers. */
async function partWeights(
  className: string,
  path: string,
  options: LoadOptions & FindOptions,
): Promise<WeightFiles> {
  const { variant, onWarning = console.warn } = options;
  try {
    return await findWeights(path, options);
  } catch (error) {
    const isMissing = error instanceof DenoiseError && error.code === "missing_file";
    if (!isMissing || variant === undefined) throw error;
    const plain = await findWeights(path, { ...options, variant: undefined });
    onWarning(
      `${className}: there are no weights of variant "${variant}"; the plain ones are taken`,
    );
    return plain;
  }
}
