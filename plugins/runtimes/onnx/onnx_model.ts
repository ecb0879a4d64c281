import { mkdir, writeFile } from "node:fs/promises";
import {
  adoptConfig,
  DenoiseError,
  type Device,
  dumpConfig,
  type FrozenConfig,
  type GroupOffloadOptions,
  joinPath,
  type JsonObject,
  type LoadOptions,
  type Model,
  type PipelineCall,
  type Quantization,
  type Quantizations,
  type SaveOptions,
  Tensor,
  type TorchDtype,
} from "@denoise/core";
import {
  type AdaptableModel,
  type HotswapOptions,
  type LoraAdapter,
  loraScaleOf,
} from "@denoise/adapters";
import type { StepCached } from "@denoise/roles";
import { parseDevice } from "./devices.ts";
import type {
  Engine,
  EngineSession,
  SessionRunOptions,
  SessionSpec,
  Tensors,
} from "./engine/engine.ts";
import { engineOf } from "./engine/homes.ts";
import {
  assertAllUsed,
  type BuiltGraph,
  type Checkpoint,
  type ComputeDType,
  dropUnused,
  type Graph,
  type GraphAdapters,
  lowerings,
  type QuantizedWeight,
} from "./graph/mod.ts";
import { checkSaveOptions, readTensor, saveWeights, type StoredTensor } from "@denoise/safetensors";
import { hasDiffusersFiles, type ModelDefinition, type Runner } from "./model_definition.ts";
import { checkInputs, LORA_SCALE, makeGraph } from "./model_graph.ts";
import { membersOf, viewOf } from "./call.ts";
import {
  availableMemory,
  heldOn,
  leave,
  makeRoom,
  releaseOldest,
  type Resident,
  touch,
} from "./memory.ts";
import { ModelSessions, type SessionKey, sessionName } from "./model_sessions.ts";
import { finishProfile, profileBase, profileOf } from "./profile.ts";
import { Remembered } from "./remembered.ts";
import { cannotCache, cannotStream, fingerprint, stepCache } from "./step_cache/mod.ts";
import type { CutGraph, StepCache } from "./step_cache/step_cache.ts";
import { checkGroup, everyBlocks, picked, streamedSession } from "./streamed.ts";
import { optimizedSession } from "./optimized.ts";
import { quantized } from "./quantization/cache.ts";
import { quantizedLayers } from "./quantization/layers.ts";
import { describeMethod, type Method, methodOf } from "./quantization/method.ts";
import { greatestInt8 } from "./quantization/saturation.ts";
import { checkAdapters, checkApplied, noting } from "./check_adapters.ts";
import { type Replacements, replacementsOf } from "./replacements.ts";
import { type Exchanged, exchanged, fittedInto } from "./exchanged.ts";
import { fusedTensors } from "./fused.ts";
import { assertDevice } from "./probe.ts";

/** Makes sure that a device computes in a type; a CPU, which keeps 16-bit types, does in float32. */
function assertComputes(className: string, device: Device, dtype: TorchDtype): void {
  const { provider } = parseDevice(device);
  const { computes } = lowerings[provider];
  if (provider === "cpu" || computes.includes(dtype)) return;
  throw new DenoiseError(
    "unsupported_option",
    `Cannot move ${className} to ${JSON.stringify(device)}: it does not compute in ${dtype}; ` +
      `load the model with torchDtype ${computes.map((known) => `"${known}"`).join(" or ")}`,
  );
}

/** Makes sure that a device multiplies with weights that are quantized in a way. */
function assertQuantized(className: string, device: Device, method: Method): void {
  const { quantized } = lowerings[parseDevice(device).provider];
  if (quantized.includes(method.kind)) return;
  throw new DenoiseError(
    "unsupported_option",
    `Cannot move ${className} to ${JSON.stringify(device)}: its weights are quantized ` +
      `(${describeMethod(method)}), and that device has ` +
      (quantized.length === 0
        ? "no quantized products; load the model without quantization"
        : 'blocks of 4 and 8 bits alone; load the model with quantization "int4" or { bits: 8 }'),
  );
}

/** Tensors that an adapter adds to a model, by the names that its graphs ask for. */
export type Extension = ReadonlyMap<string, StoredTensor>;

/** The tensors of all extensions. */
function extended(extensions: ReadonlyMap<string, Extension>): [string, StoredTensor][] {
  return [...extensions.values()].flatMap((tensors) => [...tensors]);
}

/** A model to whose checkpoint adapters can add tensors. */
export interface ExtendableModel<C extends object = object> extends Model<C> {
  /** What was added, by the adapter's name. */
  readonly extensions: ReadonlyMap<string, Extension>;
  /**
   * Adds tensors from the next call on, in the place of what stands under that name; undefined
   * takes them away.
   *
   * @throws {DenoiseError} `unexpected_tensor` for those that no graph has a place for, and
   *   `missing_tensor` for those that are then missing; the model stays as it was.
   */
  setExtension(name: string, tensors: Extension | undefined): Promise<void>;
}

/** Weights that adapters are merged into. */
interface Fused {
  /** The adapters. */
  readonly list: readonly LoraAdapter[];
  /** The weights by their names. */
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  /** Those that are quantized, by the same names. */
  readonly quantized: ReadonlyMap<string, QuantizedWeight>;
}

const NOTHING_FUSED: Fused = { list: [], tensors: new Map(), quantized: new Map() };

/** What sessions were made for, and what their inputs are now. */
interface Swap {
  readonly made: Exchanged;
  readonly now: ReadonlyMap<string, Tensor>;
  /** Whether sessions that are there can take them. */
  readonly keepsSessions: boolean;
}

/** Whether an adapter is merged into the weights; turned off, it is not. */
function isFused({ fused, isDisabled = false, isUnloaded = false }: LoraAdapter): boolean {
  return fused !== undefined && (isUnloaded || !isDisabled);
}

/** The adapters that are computed beside the layers. */
function applied(adapters: readonly LoraAdapter[]): LoraAdapter[] {
  return adapters.filter((adapter) =>
    adapter.isActive !== false && !adapter.isDisabled && adapter.fused === undefined
  );
}

/** How one run of a graph goes beside its options. */
interface RunContext {
  /** Whose sessions it takes. */
  readonly sessions: ModelSessions;
  /** The call of a pipeline that it is a part of. */
  readonly call?: PipelineCall | undefined;
  /** What it multiplies the weights of adapters by. */
  readonly loraScale?: number | undefined;
  /** What a step cache remembers, by the text of each branch of guidance. */
  readonly states: Map<string, unknown>;
}

/** How many sessions have been profiled. */
let profiled = 0;

/** A loaded model: its graphs are built from the config, its sessions made when they are first run. */
export class OnnxModel<C extends object, M extends Model<C>>
  implements AdaptableModel<C>, ExtendableModel<C>, Runner<C>, Resident {
  readonly className: string;
  readonly library: string;
  readonly dtype: TorchDtype;
  #config: FrozenConfig<C>;
  readonly #definition: ModelDefinition<C, M>;
  readonly #source: JsonObject;
  #base: Checkpoint;
  readonly #options: LoadOptions;
  readonly #engine: Engine;
  readonly #sessions = new ModelSessions((key) => this.#open(key, this.#profile));
  readonly #remembered = new Remembered();
  #device: Device;
  #adapters: readonly LoraAdapter[] = [];
  #replaced: Replacements = { tensors: new Map(), config: {}, adapters: [] };
  #fused: Fused = NOTHING_FUSED;
  #hotswap: HotswapOptions | undefined;
  /** What sessions were made for, and what their inputs are now. */
  #exchanged: Swap | undefined;
  readonly #exchangedNames = new Map<string, readonly string[]>();
  readonly #constantsOf = new Map<string, Tensors>();
  #extensions: ReadonlyMap<string, Extension> = new Map();
  #checkpoint: Checkpoint;
  #method: Method | undefined;
  readonly #profiles: (readonly [prefix: string, name: string])[] = [];
  #constants: Readonly<Record<string, Tensor>> = {};
  #runs = 0;
  #offloads = false;
  #heldBytes = 0;
  #group: number | undefined;
  #stepCache: StepCache | undefined;
  readonly #cuts = new Map<string, CutGraph<unknown> & { readonly results: readonly string[] }>();
  readonly #states = new Map<string, unknown>();

  constructor(
    definition: ModelDefinition<C, M>,
    config: FrozenConfig<C>,
    source: JsonObject,
    checkpoint: Checkpoint,
    options: LoadOptions,
    device: Device = "cpu",
  ) {
    this.#device = device;
    this.className = definition.className;
    this.library = definition.library ?? "diffusers";
    this.#config = config;
    this.dtype = options.torchDtype ?? "float32";
    this.#definition = definition;
    this.#source = source;
    this.#base = checkpoint;
    this.#checkpoint = checkpoint;
    this.#options = options;
    this.#engine = engineOf(options.engine);
  }

  get config(): FrozenConfig<C> {
    return this.#config;
  }

  get device(): Device {
    return this.#device;
  }

  get numParameters(): number {
    return this.#base.numParameters;
  }

  get adapters(): readonly LoraAdapter[] {
    return this.#adapters;
  }

  get layerShapes(): ReadonlyMap<string, readonly number[]> {
    const weights = [...this.#base.entries(), ...this.#replaced.tensors]
      .filter(([name, { dims }]) => name.endsWith(".weight") && dims.length >= 2);
    return new Map(weights.map(([name, { dims }]) => [name.slice(0, -".weight".length), dims]));
  }

  /** Sessions that run go on to their end with what they were made of. */
  async setAdapters(adapters: readonly LoraAdapter[]): Promise<void> {
    const before = [this.#replaced, this.#fused, this.#checkpoint, this.#config] as const;
    const replaced = await replacementsOf(adapters, (name) => this.#base.peek(name));
    const asked = new Set<string>();
    const noted = replaced.adapters.map((adapter) => ({
      ...adapter,
      layers: noting(adapter.layers, asked),
    }));
    let swaps: Swap | undefined;
    try {
      this.#replace({ ...replaced, adapters: noted }, NOTHING_FUSED);
      checkAdapters(this.className, this.layerShapes, replaced.adapters);
      this.verify(noted);
      checkApplied(this.className, adapters, asked);
      this.#replace(replaced, await this.#fuse(replaced.adapters, before[1]));
      swaps = this.#swap(replaced.adapters, before);
    } catch (error) {
      [this.#replaced, this.#fused, this.#checkpoint, this.#config] = before;
      throw error;
    }
    if (swaps?.keepsSessions) this.#remembered.clear();
    else await this.dispose();
    this.#constantsOf.clear();
    this.#exchanged = swaps;
    this.#adapters = [...adapters];
  }

  get isHotswapEnabled(): boolean {
    return this.#hotswap !== undefined;
  }

  async enableLoraHotswap(options: HotswapOptions = {}): Promise<void> {
    const { targetRank } = options;
    if (targetRank !== undefined && !(Number.isInteger(targetRank) && targetRank >= 1)) {
      throw new RangeError(
        `Cannot exchange LoRAs of ${this.className}: targetRank must be an integer from 1, but is ` +
          targetRank,
      );
    }
    const before = this.#hotswap;
    this.#hotswap = options;
    try {
      await this.setAdapters(this.#adapters);
    } catch (error) {
      this.#hotswap = before;
      throw error;
    }
  }

  /** The inputs of sessions for these adapters, and whether those that are there can take them. */
  #swap(
    adapters: readonly LoraAdapter[],
    [replaced, fused]: readonly [Replacements, Fused, ...unknown[]],
  ): Swap | undefined {
    if (this.#hotswap === undefined) return undefined;
    const shapes = this.layerShapes;
    const now = exchanged(this.className, applied(adapters), shapes, this.#hotswap);
    const { made } = this.#exchanged ?? {};
    const isSame = this.#fused === fused && this.#replaced.tensors.size === 0 &&
      replaced.tensors.size === 0;
    const inputs = made && isSame ? fittedInto(now, made) : undefined;
    if (made === undefined || inputs === undefined) {
      return { made: now, now: now.tensors, keepsSessions: false };
    }
    return { made, now: inputs, keepsSessions: true };
  }

  /** In which type the tensor of that name is held. */
  #dtypeOf(name: string): TorchDtype {
    const { dtype } = this;
    if (dtype === "float32") return dtype;
    return this.#definition.keepInFloat32?.(name, dtype) ? "float32" : dtype;
  }

  /** The weights that adapters are merged into; those of before where these are the same adapters. */
  async #fuse(adapters: readonly LoraAdapter[], known: Fused): Promise<Fused> {
    const list = adapters.filter(isFused);
    if (list.length === 0) return NOTHING_FUSED;
    const isKnown = list.length === known.list.length &&
      list.every(({ layers, fused }, i) =>
        layers === known.list[i]!.layers && fused === known.list[i]!.fused
      );
    if (isKnown) return known;
    const tensors = await fusedTensors(this.#checkpoint, list, {
      className: this.className,
      engine: this.#engine,
      dtypeOf: (name) => this.#dtypeOf(name),
    });
    const weights = [...tensors].filter(([name]) => this.#base.isQuantized(name));
    if (this.#method === undefined || weights.length === 0) {
      return { list, tensors, quantized: new Map() };
    }
    const most = await this.#greatest(this.#method);
    return { list, tensors, quantized: await quantized(weights, this.#method, most) };
  }

  /** Takes what adapters put in the place of the model's own. */
  #replace(replaced: Replacements, fused: Fused): void {
    const changed = [this.#replaced, this.#fused, replaced, fused]
      .some(({ tensors }) => tensors.size > 0);
    this.#replaced = replaced;
    this.#fused = fused;
    if (!changed) return;
    const { className, schema, adapt = (config) => config } = this.#definition;
    this.#checkpoint = this.#extended(this.#extensions);
    const source = adapt(this.#source);
    this.#config = adoptConfig(className, schema, { ...source, ...replaced.config });
  }

  /** The checkpoint with extensions, and with what adapters put in the place of the model's own. */
  #extended(extensions: ReadonlyMap<string, Extension>): Checkpoint {
    const { tensors, quantized } = this.#fused;
    const added = [...extended(extensions), ...this.#replaced.tensors, ...tensors];
    return added.length === 0 ? this.#base : this.#base.with(added, quantized);
  }

  get extensions(): ReadonlyMap<string, Extension> {
    return this.#extensions;
  }

  async setExtension(name: string, tensors: Extension | undefined): Promise<void> {
    const extensions = new Map(this.#extensions);
    if (tensors === undefined) extensions.delete(name);
    else extensions.set(name, tensors);
    const before = this.#checkpoint;
    this.#checkpoint = this.#extended(extensions);
    try {
      this.#buildAll();
      assertAllUsed(this.#checkpoint, this.className);
    } catch (error) {
      this.#checkpoint = before;
      throw error;
    }
    this.#extensions = extensions;
    await this.dispose();
  }

  readonly added = (name: string): boolean => this.#checkpoint.added(name);

  /** Such as `UNet2DModel(113673219 parameters, float32 on cpu)`. */
  toString(): string {
    const type = this.#method === undefined ? this.dtype : describeMethod(this.#method);
    return `${this.className}(${this.numParameters} parameters, ${type} on ${this.device})`;
  }

  /** Reads the tensors that its methods compute with. */
  async readConstants(): Promise<void> {
    const { constants } = this.#definition;
    const read = (constants?.(this.config) ?? []).map(async (name) =>
      [name, await readTensor(this.#checkpoint.take(name, ""))] as const
    );
    this.#constants = Object.fromEntries(await Promise.all(read));
  }

  /** Its methods, which compute with these tensors. */
  methods(): Omit<M, keyof Model<C> | keyof StepCached> {
    return this.#definition.methods(this, this.#constants);
  }

  /**
   * What another model is made of: its tensors, and how it was loaded.
   *
   * @throws {DenoiseError} `unsupported_option` for what the other would not have.
   */
  parts(): {
    readonly tensors: Iterable<[string, StoredTensor]>;
    readonly options: LoadOptions;
    readonly device: Device;
  } {
    const { torchDtype, engine, onWarning, unexpectedTensors } = this.#options;
    const changed = this.#method !== undefined
      ? "its weights are quantized; load it without"
      : this.#adapters.length > 0 || this.#extensions.size > 0
      ? "adapters change it; unload them first"
      : undefined;
    if (changed !== undefined) {
      throw new DenoiseError(
        "unsupported_option",
        `Cannot make another model of ${this.className}: ${changed}`,
      );
    }
    return {
      tensors: this.#base.entries(),
      options: { torchDtype, engine, onWarning, unexpectedTensors },
      device: this.#device,
    };
  }

  /**
   * Makes sure that the checkpoint has what the config implies, and nothing else.
   *
   * @param adapters That are built into its graphs, whether they are in use or not. Defaults to those in use.
   */
  verify(adapters?: readonly LoraAdapter[]): void {
    const { unexpectedTensors, onWarning = console.warn } = this.#options;
    this.#buildAll(adapters);
    if (unexpectedTensors !== "warn") return assertAllUsed(this.#checkpoint, this.className);
    const warning = dropUnused(this.#checkpoint, this.className);
    if (warning !== undefined) onWarning(warning);
  }

  /** Builds every graph with all its inputs, so that a tensor too many or too few shows at once. */
  #buildAll(adapters?: readonly LoraAdapter[]): void {
    const list = adapters?.map((adapter) => ({ ...adapter, weight: 1 }));
    for (const [name, graph] of Object.entries(this.#definition.graphs)) {
      if (graph.isVariant) continue;
      const inputs = Object.keys(graph.inputs(this.config, this.added));
      this.#graph(name, inputs, undefined, list && { list });
    }
    const { idle, constants } = this.#definition;
    const others = [...idle?.(this.config) ?? [], ...constants?.(this.config) ?? []];
    for (const name of others) this.#checkpoint.take(name, "");
  }

  /**
   * Takes quantized weights in the place of those that layers multiply with.
   *
   * @param isPart It is one of the models of a pipeline: where none of its layers can be quantized,
   *   that is a warning instead of an error.
   */
  async quantize(asked: Quantization | Quantizations, isPart: boolean): Promise<void> {
    const isEncoder = this.library === "transformers";
    const method = methodOf(this.className, asked, isEncoder);
    assertQuantized(this.className, this.#device, method);
    const isFullSize = Object.values(this.#definition.graphs).some(({ bands = 1 }) => bands > 1);
    const weights = quantizedLayers(this.#base.factors(), method.kind, isFullSize);
    if (weights.length === 0) {
      const problem = `Cannot quantize ${this.className}: ` +
        (isFullSize && method.kind === "blocks"
          ? `its convolutions of whole images are not multiplied in blocks ("int8" has them)`
          : "none of its layers is wide enough");
      if (!isPart) throw new DenoiseError("unsupported_option", `${problem}; load it without`);
      (this.#options.onWarning ?? console.warn)(`${problem}; it stays as it is`);
      return;
    }
    const most = await this.#greatest(method);
    this.#base = this.#base.withQuantized(await quantized(weights, method, most));
    this.#checkpoint = this.#base;
    this.#method = method;
  }

  /** The greatest value of products of bytes; 0 where there are none. */
  async #greatest(method: Method): Promise<number> {
    const hasBytes = method.kind === "int8" || method.roundsInput === true;
    return hasBytes ? await greatestInt8(this.#engine) : 0;
  }

  async run(
    name: string,
    inputs: Readonly<Record<string, Tensor | undefined>>,
    options: SessionRunOptions = {},
  ): Promise<Readonly<Record<string, Tensor>>> {
    const [sessions, states] = [this.#sessions, this.#states];
    return await this.#run(name, inputs, options, { sessions, states });
  }

  get isCacheEnabled(): boolean {
    return this.#stepCache !== undefined;
  }

  async enableCache(config: object): Promise<void> {
    if (this.#stepCache !== undefined) {
      throw new DenoiseError(
        "unsupported_option",
        `Cannot cache the steps of ${this.className} twice: call disableCache() first`,
      );
    }
    if (this.#group !== undefined) throw cannotStream(this.className);
    const cache = stepCache(config);
    const { forward } = this.#definition.graphs;
    if (forward === undefined) throw cannotCache(this.className, "a step cache", "it has no steps");
    const inputs = Object.keys(forward.inputs(this.config, this.added));
    cache.cut(this.#graph("forward", inputs), this.className); // says what cannot be cut
    await this.#sessions.release();
    this.#stepCache = cache;
  }

  async disableCache(): Promise<void> {
    this.#stepCache = undefined;
    this.#cuts.clear();
    this.#states.clear();
    await this.#sessions.release();
  }

  /** A step of the forward graph by the cache; each branch of guidance, known by its text, has a state. */
  async #cachedStep(
    given: Tensors,
    options: SessionRunOptions,
    { sessions, states }: Pick<RunContext, "sessions" | "states">,
  ): Promise<Tensors> {
    const cache = this.#stepCache!;
    const inputs = Object.keys(given);
    const key = inputs.toSorted().join(" ");
    let cut = this.#cuts.get(key);
    if (cut === undefined) {
      const graph = this.#graph("forward", inputs);
      cut = { ...cache.cut(graph, `${this.className}.forward`), results: graph.outputNames };
      this.#cuts.set(key, cut);
    }
    const { parts, results } = cut;
    const branch = fingerprint(given["encoder_hidden_states"]);
    const state = states.get(branch) ?? cache.start();
    states.set(branch, state);
    const constants = this.#constantsFor("forward", inputs);
    const values = new Map(Object.entries({ ...given, ...constants }));
    const runPart = async (index: number) => {
      const part = { index, graph: parts[index]! };
      const session = await sessions.get({ graph: "forward", inputs, part });
      const made = await session.run(picked(values, part.graph.inputs), options);
      for (const [name, value] of Object.entries(made)) values.set(name, value);
    };
    return await cut.run({ values, results, runPart }, state);
  }

  async #run(
    name: string,
    inputs: Readonly<Record<string, Tensor | undefined>>,
    options: SessionRunOptions,
    { sessions, call, loraScale = 1, states }: RunContext,
  ): Promise<Readonly<Record<string, Tensor>>> {
    const given = Object.fromEntries(
      Object.entries(inputs).filter((entry): entry is [string, Tensor] => entry[1] !== undefined),
    );
    const graph = this.#definition.graphs[name]!;
    checkInputs(`${this.className}.${name}`, graph.inputs(this.config, this.added), given);
    if (loraScale !== 1 && this.#beside.list.length > 0) {
      given[LORA_SCALE] = new Tensor("float32", Float32Array.of(loraScale), []);
    }
    const isOwn = sessions === this.#sessions && options.onDevice !== true;
    const key = isOwn ? Remembered.keyOf(name, given, options.outputs) : undefined;
    const known = key === undefined ? undefined : this.#remembered.get(key);
    if (known !== undefined) return known;
    if (call !== undefined) await this.#enter(call);
    touch(this);
    this.#runs++;
    try {
      const outputs = graph.cut ? options.outputs : undefined;
      const inputNames = Object.keys(given);
      if (this.#stepCache !== undefined && name === "forward") {
        return await this.#cachedStep(given, options, { sessions, states });
      }
      const session = await sessions.get({ graph: name, inputs: inputNames, outputs });
      const constants = this.#constantsFor(name, inputNames, outputs);
      const results = await session.run(given, { ...options, constants });
      if (key !== undefined) this.#remembered.set(key, results);
      return results;
    } finally {
      this.#runs--;
    }
  }

  /** The matrices of adapters that a session takes as inputs: the same object until others take their place. */
  #constantsFor(
    graph: string,
    inputs: readonly string[],
    outputs?: readonly string[],
  ): Tensors | undefined {
    if (this.#exchanged === undefined) return undefined;
    const key = sessionName(graph, inputs, outputs);
    const known = this.#constantsOf.get(key);
    if (known !== undefined) return known;
    const { now } = this.#exchanged;
    const constants = picked(now, this.#exchangedNames.get(key)!);
    this.#constantsOf.set(key, constants);
    return constants;
  }

  get heldBytes(): number {
    return this.#heldBytes;
  }

  get isBusy(): boolean {
    return this.#runs > 0;
  }

  enableModelCpuOffload(): void {
    this.#offloads = true;
  }

  async enableGroupOffload({ numBlocksPerGroup = 1 }: GroupOffloadOptions = {}): Promise<void> {
    checkGroup(this.className, numBlocksPerGroup);
    if (this.isCacheEnabled) throw cannotStream(this.className);
    this.#group = numBlocksPerGroup;
    await this.release();
  }

  /**
   * The model as it takes part in a call of a pipeline: with sessions that are profiled where the call asks
   * for that, and in memory while it is its turn where it is offloaded.
   */
  forCall(call: PipelineCall): this {
    const profile = profileOf(call);
    const loraScale = loraScaleOf(call.options);
    const isPlain = !this.#offloads && !this.isCacheEnabled && loraScale === 1;
    if (profile === undefined && isPlain) return this;
    const prefix = profile && ((name: string) => profile.prefix(name));
    const sessions = profile?.add(new ModelSessions((key) => this.#open(key, prefix!))) ??
      this.#sessions;
    if (this.#offloads) membersOf(call).add(this);
    const context = { sessions, call, loraScale, states: new Map<string, unknown>() };
    const runner: Runner<C> = {
      config: this.config,
      added: this.added,
      run: (name, inputs, options = {}) => this.#run(name, inputs, options, context),
    };
    return viewOf(this, this.#definition.methods(runner, this.#constants));
  }

  /** Before the steps of a call and after them, the other models of it make room. */
  async #enter(call: PipelineCall): Promise<void> {
    if (!this.#offloads || call.isStepping) return;
    for (const other of membersOf(call)) if (other !== this) await other.release();
  }

  async to(device: Device): Promise<this> {
    if (device !== this.#device) {
      assertComputes(this.className, device, this.dtype);
      if (this.#method !== undefined) assertQuantized(this.className, device, this.#method);
      await assertDevice(this.#engine, device);
      await this.dispose();
      this.#device = device;
    }
    return this;
  }

  checkSave(options: SaveOptions): void {
    checkSaveOptions(options);
  }

  async savePretrained(folder: string, options: SaveOptions = {}): Promise<void> {
    checkSaveOptions(options);
    await mkdir(folder, { recursive: true });
    const isDiffusers = hasDiffusersFiles(this.#definition);
    const config = isDiffusers ? this.config : this.#source;
    await writeFile(joinPath(folder, "config.json"), dumpConfig(config) + "\n");
    const fused = this.#fused.tensors;
    // transformers knows a class by the names of its files, with what we have no use for, as what reads images
    const own = new Map(
      Array.from(this.#base.entries(), ([name, stored]) => {
        const saved = isDiffusers ? name : this.#base.storedName(name);
        return [saved, { name, stored: fused.get(name) ?? stored }];
      }),
    );
    const others = isDiffusers ? [] : [...this.#base.others()];
    const all = [...Array.from(own, ([saved, { stored }]) => [saved, stored] as const), ...others];
    const moved = await saveWeights(all, {
      ...options,
      folder,
      stem: isDiffusers ? "diffusion_pytorch_model" : "model",
      dtypeOf: (saved) => this.#dtypeOf(own.get(saved)?.name ?? saved),
    });
    if (moved === undefined) return;
    const places = Array.from(own, ([saved, { name }]) => [name, moved.get(saved)!] as const);
    this.#base = this.#base.moved(places, others.map(([name]) => [name, moved.get(name)!]));
    this.#fused = NOTHING_FUSED; // what was merged is in the files now
    this.#adapters = this.#adapters.filter((adapter) => !isFused(adapter));
    this.#checkpoint = this.#extended(this.#extensions);
  }

  async dispose(): Promise<void> {
    this.#remembered.clear();
    await this.release();
  }

  /** Gives the memory of its sessions back; what it remembers of prompts stays. */
  async release(): Promise<void> {
    leave(this);
    this.#cuts.clear();
    await this.#sessions.release();
    this.#heldBytes = 0;
    const profiles = this.#profiles.splice(0);
    for (const [prefix, name] of profiles) await finishProfile(prefix, name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.dispose();
  }

  /** Whether weights come in blocks, whose products want them repacked. */
  get #hasBlocks(): boolean {
    return [...this.#base.entries()].some(([_, { blocks }]) =>
      blocks !== undefined && blocks.levels === undefined
    );
  }

  /** Where the profile of a graph's next session goes, if DENOISE_PROFILE wants one. */
  readonly #profile = (name: string): string | undefined => {
    const base = profileBase();
    if (base === undefined) return undefined;
    const prefix = `${base}.${name}.${++profiled}`;
    this.#profiles.push([prefix, name]);
    return prefix;
  };

  /** Makes a session: of the whole graph, or of its parts one after another where it is streamed. */
  async #open(
    { graph: name, inputs, outputs, part }: SessionKey,
    profileFor: (name: string) => string | undefined,
  ): Promise<EngineSession> {
    const full = `${this.className}.${name}`;
    if (part !== undefined) return await this.#start(full, part.graph, profileFor(full));
    const graph = this.#graph(name, inputs, outputs);
    const whole = graph.build(full);
    const group = this.#group ?? await this.#groupThatFits(whole.bytes);
    if (group === undefined) {
      const session = await this.#start(full, whole, profileFor(full));
      this.#heldBytes += whole.bytes;
      return session;
    }
    const parts = graph.buildParts(full, everyBlocks(group));
    return streamedSession({
      name: full,
      parts,
      results: graph.outputNames,
      open: (part) => this.#start(full, part, profileFor(full)),
    });
  }

  /** Into groups of how many blocks a graph must be cut; undefined where it fits whole. */
  async #groupThatFits(bytes: number): Promise<number | undefined> {
    const { onWarning = console.warn, gpuMemoryLimit } = this.#options;
    const device = this.#device;
    if (device !== "cpu" && gpuMemoryLimit === undefined) return undefined;
    const available = device === "cpu" ? availableMemory : () => gpuMemoryLimit! - heldOn(device);
    const { fits, room, released } = await makeRoom(this, bytes, available);
    const megabytes = (count: number) => `${Math.round(count / 1e6)} MB`;
    const why = `${this.className} has ${megabytes(bytes)} of weights, and ${megabytes(room)} of ` +
      "memory are free for them";
    if (!fits) {
      onWarning(`${why}: it is streamed, one block after another, as enableGroupOffload() does`);
    } else if (released.length > 0) onWarning(`${why}, now that ${released.join(", ")} made room`);
    return fits ? undefined : 1;
  }

  /** Makes a session; where a card has no room for it, others leave, the least recently used first. */
  async #start(
    name: string,
    graph: BuiltGraph,
    profile: string | undefined,
  ): Promise<EngineSession> {
    for (;;) {
      try {
        return await this.#create(name, graph, profile);
      } catch (error) {
        const isFull = error instanceof DenoiseError && error.code === "out_of_memory";
        const released = isFull ? await releaseOldest(this) : undefined;
        if (released === undefined) throw error;
        const { onWarning = console.warn } = this.#options;
        onWarning(`${released} made room for ${this.className} on ${this.#device}`);
      }
    }
  }

  #create(name: string, graph: BuiltGraph, profile: string | undefined): Promise<EngineSession> {
    const { model, folder, files, widens, channelsLast } = graph;
    const spec: SessionSpec = {
      model,
      folder,
      channelsLast,
      name,
      device: this.#device,
      deviceOptions: this.#device === "cpu" ? undefined : this.#options.deviceOptions,
      threads: this.#options.threads,
      profile,
      // without it, a card's convolutions of channels last turn their weights around at every run
      prepacking: this.#method !== undefined || this.#hasBlocks || channelsLast,
    };
    const isPlain = this.#beside.list.length === 0 && this.#replaced.tensors.size === 0 &&
      this.#extensions.size === 0 && !widens;
    const { optimize, onWarning = console.warn } = this.#options;
    return optimize === "speed" && this.#device === "cpu" && isPlain
      ? optimizedSession(this.#engine, spec, { files, onWarning })
      : this.#engine.createSession(spec);
  }

  /** The adapters that are computed beside the layers. */
  get #beside(): GraphAdapters {
    return this.#exchanged === undefined
      ? { list: applied(this.#replaced.adapters) }
      : { list: this.#exchanged.made.adapters, exchanges: true };
  }

  #graph(
    name: string,
    inputs: readonly string[],
    outputs?: readonly string[],
    adapters: GraphAdapters = this.#beside,
  ): Graph {
    const { provider } = parseDevice(this.#device);
    const upcasts = this.dtype === "float16" && this.#definition.upcasts?.(this.config);
    const dtype: ComputeDType = provider === "cpu" || upcasts ? "float32" : this.dtype;
    const graph = makeGraph(
      this.#definition.graphs[name]!,
      this.config,
      this.#checkpoint,
      new Set(inputs),
      {
        ...{ lowering: lowerings[provider], dtype, outputs },
        ...{ weightDType: this.dtype, adapters },
      },
    );
    if (adapters.exchanges) {
      this.#exchangedNames.set(sessionName(name, inputs, outputs), graph.exchangedNames);
    }
    return graph;
  }
}
