import {
  adoptConfig,
  type ComponentLocation,
  DenoiseError,
  type Device,
  dumpConfig,
  type FrozenConfig,
  joinPath,
  type JsonObject,
  type LoadOptions,
  locateComponent,
  type Model,
  type ModelClass,
  readConfig,
  type Registry,
  type Tensor,
  type TorchDtype,
} from "@denoise/core";
import { parseDevice } from "./devices.ts";
import { assertDevice } from "./probe.ts";
import type { Engine, EngineSession } from "./engine/engine.ts";
import { engineOf } from "./engine/homes.ts";
import { assertAllUsed, Checkpoint, type ComputeDType, lowerings } from "./graph/mod.ts";
import { buildGraph, checkInputs } from "./model_graph.ts";
import type { ModelDefinition, Runner } from "./model_definition.ts";
import { findWeights, openWeights, type WeightFiles } from "./weights/find.ts";
import { saveWeights } from "./weights/save.ts";

/**
 * Makes the model class that users of diffusers know from pure functions.
 *
 * @example
 * ```ts
 * import type { Model, ModelClass, Tensor } from "@denoise/core";
 * import { defineModel, float32 } from "@denoise/onnx";
 * import { linear } from "@denoise/onnx/nn";
 *
 * interface Projection extends Model<{ width: number }> {
 *   forward(x: Tensor): Promise<Tensor>;
 * }
 *
 * export const Projection: ModelClass<Projection> = defineModel({
 *   className: "Projection",
 *   schema: { defaults: { width: 8 } },
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
): ModelClass<M> {
  return modelClass(definition, undefined);
}

function modelClass<C extends object, M extends Model<C>>(
  definition: ModelDefinition<C, M>,
  bound: Registry | undefined,
): ModelClass<M> {
  const { className } = definition;
  return {
    kind: "model",
    className,
    aliases: definition.aliases ?? [],
    using: (registry) => modelClass(definition, registry),
    async fromPretrained(id, options = {}) {
      const location = await locateComponent(id, options, bound, true);
      return await loadModel(definition, location, options, await weightsIn(location, options));
    },
    async load(location, options) {
      const weights = await weightsIn(location, options, className);
      return await loadModel(definition, location, options, weights);
    },
  };
}

/**
 * The weights of a component. As a part of a pipeline, of class `part`, a component that lacks the
 * variant has its plain weights taken, as diffusers does.
 */
async function weightsIn(
  { path }: ComponentLocation,
  options: LoadOptions,
  part?: string,
): Promise<WeightFiles> {
  try {
    return await findWeights(path, options);
  } catch (error) {
    const lacksVariant = error instanceof DenoiseError && error.code === "missing_file" &&
      options.variant !== undefined;
    if (part === undefined || !lacksVariant) throw error;
    const plain = await findWeights(path, { ...options, variant: undefined });
    const warn = options.onWarning ?? console.warn;
    warn(
      `${part}: there are no weights of variant "${options.variant}", so the plain ones are taken`,
    );
    return plain;
  }
}

async function loadModel<C extends object, M extends Model<C>>(
  definition: ModelDefinition<C, M>,
  { path }: ComponentLocation,
  options: LoadOptions,
  weights: WeightFiles,
): Promise<M> {
  const { className, schema, adapt = (config) => config } = definition;
  const source = adapt(await readConfig(joinPath(path, "config.json")));
  const config = adoptConfig(className, schema, source);
  definition.check?.(config);
  const checkpoint = new Checkpoint(await openWeights(weights), definition);
  const model = new OnnxModel(definition, config, source, checkpoint, options);
  model.verify();
  if (options.device !== undefined) await model.to(options.device);
  return Object.assign(model, definition.methods(model)) as unknown as M;
}

const DTYPES: readonly TorchDtype[] = ["float32", "float16", "bfloat16"];

function checkDType(dtype: TorchDtype = "float32"): TorchDtype {
  if (DTYPES.includes(dtype)) return dtype;
  throw new RangeError(`torchDtype must be one of ${DTYPES.join(", ")}, but is "${dtype}"`);
}

class OnnxModel<C extends object, M extends Model<C>> implements Model<C>, Runner<C> {
  readonly className: string;
  readonly library: string;
  readonly config: FrozenConfig<C>;
  readonly dtype: TorchDtype;
  readonly #definition: ModelDefinition<C, M>;
  readonly #source: JsonObject;
  readonly #checkpoint: Checkpoint;
  readonly #options: LoadOptions;
  readonly #engine: Engine;
  readonly #sessions = new Map<string, Promise<EngineSession>>();
  #device: Device = "cpu";

  constructor(
    definition: ModelDefinition<C, M>,
    config: FrozenConfig<C>,
    source: JsonObject,
    checkpoint: Checkpoint,
    options: LoadOptions,
  ) {
    this.className = definition.className;
    this.library = definition.library ?? "diffusers";
    this.config = config;
    this.dtype = checkDType(options.torchDtype);
    this.#definition = definition;
    this.#source = source;
    this.#checkpoint = checkpoint;
    this.#options = options;
    this.#engine = engineOf(options.engine);
  }

  get device(): Device {
    return this.#device;
  }

  get numParameters(): number {
    return this.#checkpoint.numParameters;
  }

  /** Such as `UNet2DModel(113673219 parameters, float32 on cpu)`. */
  toString(): string {
    return `${this.className}(${this.numParameters} parameters, ${this.dtype} on ${this.device})`;
  }

  /** Builds every graph with all its inputs, so that a tensor too many or too few shows at once. */
  verify(): void {
    for (const [name, graph] of Object.entries(this.#definition.graphs)) {
      this.#build(name, Object.keys(graph.inputs(this.config)));
    }
    assertAllUsed(this.#checkpoint, this.className);
  }

  async run(
    name: string,
    inputs: Readonly<Record<string, Tensor | undefined>>,
    options: { readonly outputs?: readonly string[]; readonly signal?: AbortSignal | undefined } =
      {},
  ): Promise<Readonly<Record<string, Tensor>>> {
    const given = Object.fromEntries(
      Object.entries(inputs).filter((entry): entry is [string, Tensor] => entry[1] !== undefined),
    );
    const graph = this.#definition.graphs[name]!;
    checkInputs(`${this.className}.${name}`, graph.inputs(this.config), given);
    const session = await this.#session(name, Object.keys(given));
    return await session.run(given, options);
  }

  async to(device: Device): Promise<this> {
    if (device !== this.#device) {
      await assertDevice(this.#engine, device);
      await this.dispose();
      this.#device = device;
    }
    return this;
  }

  async savePretrained(folder: string): Promise<void> {
    await Deno.mkdir(folder, { recursive: true });
    const isDiffusers = (this.#definition.library ?? "diffusers") === "diffusers";
    const config = isDiffusers ? this.config : this.#source;
    await Deno.writeTextFile(joinPath(folder, "config.json"), dumpConfig(config) + "\n");
    const file = isDiffusers ? "diffusion_pytorch_model.safetensors" : "model.safetensors";
    await saveWeights(joinPath(folder, file), this.#checkpoint.entries(), this.dtype);
  }

  async dispose(): Promise<void> {
    const sessions = [...this.#sessions.values()];
    this.#sessions.clear();
    await Promise.all(sessions.map(async (session) => (await session).release()));
  }

  /** The session of a graph with these inputs, made when it is first asked for. */
  #session(name: string, inputs: readonly string[]): Promise<EngineSession> {
    const key = [name, ...inputs.toSorted()].join(" ");
    const known = this.#sessions.get(key);
    if (known !== undefined) return known;
    const session = this.#engine.createSession({
      ...this.#build(name, inputs),
      name: `${this.className}.${name}`,
      device: this.#device,
      threads: this.#options.threads,
    });
    this.#sessions.set(key, session);
    session.catch(() => this.#sessions.delete(key));
    return session;
  }

  #build(name: string, inputs: readonly string[]) {
    const { provider } = parseDevice(this.#device);
    const dtype: ComputeDType = provider !== "cpu" && this.dtype === "float16"
      ? "float16"
      : "float32";
    return buildGraph(
      `${this.className}.${name}`,
      this.#definition.graphs[name]!,
      this.config,
      this.#checkpoint,
      new Set(inputs),
      { lowering: lowerings[provider], dtype, weightDType: this.dtype },
    );
  }
}
