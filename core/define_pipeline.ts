import { mkdir, writeFile } from "node:fs/promises";
import { type CallOption, checkOptions } from "./call_options.ts";
import {
  deepFreeze,
  describeConfig,
  type FrozenConfig,
  type Json,
  type JsonObject,
} from "./config.ts";
import { DenoiseError } from "./errors.ts";
import {
  type Device,
  isFolder,
  joinPath,
  type LoadOptions,
  loadOptions,
  locate,
  type TorchDtype,
} from "./loading.ts";
import type { Recipe } from "./media.ts";
import { MODEL_INDEX, type ModelIndex, readModelIndex } from "./model_index.ts";
import type {
  ComponentSpec,
  GroupOffloadOptions,
  ImageSize,
  PipelineCall,
  PipelineClass,
  PipelineDefinition,
  PipelineLoadOptions,
  PipelineRun,
  PipelineStep,
  PreviewDecoder,
  RunOptions,
  SettledArguments,
  SharedPipeline,
} from "./pipeline.ts";
import type { ComponentLocation } from "./plugin.ts";
import { type ProgressBarConfig, progressBarOptions, type ShowProgress } from "./progress.ts";
import { checkQuantizations, quantizationOf } from "./quantization.ts";
import { Registry } from "./registry.ts";
import type { SaveOptions } from "./saving.ts";
import type { SchedulerClass } from "./scheduler.ts";
import type { SingleFileOptions } from "./single_file.ts";
import { DIFFUSERS_VERSION, VERSION } from "./version.ts";

/** `textEncoder` as `text_encoder`, `tokenizer2` as `tokenizer_2`, `t5Tokenizer` as `t5_tokenizer`. */
export function roleKey(role: string): string {
  return role.replace(/[A-Z]|(?<=..)[0-9]+/g, (part) => `_${part.toLowerCase()}`);
}

type Parts = Record<string, unknown>;

/** What the loader needs to know of any component object. */
interface Part {
  readonly className: string;
  readonly library?: string;
  readonly device?: Device;
  readonly dtype?: TorchDtype;
  clone?(): unknown;
  to?(device: Device): Promise<unknown>;
  dispose?(): Promise<void>;
  savePretrained?(folder: string, options?: SaveOptions): Promise<void>;
  checkSave?(options: SaveOptions): void;
  forCall?(call: PipelineCall): unknown;
  enableModelCpuOffload?(): void;
  enableGroupOffload?(options: GroupOffloadOptions): Promise<void>;
}

/** Under this key model_index.json may say which values of options its models do best with. */
const DEFAULTS = "_defaults";

/** What a repo suggests for options of the class, by diffusers' names (`num_inference_steps`). */
function suggested(
  className: string,
  index: JsonObject,
  declared: Readonly<Record<string, CallOption>>,
): JsonObject {
  const given = index[DEFAULTS];
  if (typeof given !== "object" || given === null || Array.isArray(given)) return {};
  const named = Object.fromEntries(
    Object.entries(given as JsonObject)
      .map(([key, value]) => [key.replace(/_([a-z0-9])/g, (_, c) => c.toUpperCase()), value])
      .filter(([name]) => Object.hasOwn(declared, name as string)),
  );
  checkOptions(`take the ${DEFAULTS} of ${MODEL_INDEX} for ${className}`, named, declared, "some");
  return named;
}

interface Origin {
  readonly location?: ComponentLocation | undefined;
  readonly registry?: Registry | undefined;
  readonly onWarning?: ((message: string) => void) | undefined;
}

function describePart(part: unknown): Json {
  if (part === null || part === undefined) return [null, null];
  const { className, library = "diffusers" } = part as Part;
  return [library, className];
}

async function loadPart(
  role: string,
  { config, places }: ModelIndex,
  spec: ComponentSpec,
  location: ComponentLocation,
  options: LoadOptions & { readonly registry: Registry },
): Promise<unknown> {
  const own = roleKey(role);
  const within = config[own] === undefined ? spec.usual?.within : undefined;
  const key = within === undefined ? own : roleKey(within);
  const named = config[key];
  if (named === undefined) return await usualPart(spec, options.registry);
  const [_, ownClass] = Array.isArray(named) ? named : [null, null];
  if (typeof ownClass !== "string") return null;
  const partClass = within !== undefined || /^Auto(Processor|Tokenizer)$/.test(ownClass)
    ? spec.usual?.className ?? ownClass
    : ownClass;
  const wantedBy = `${JSON.stringify(key)} in ${MODEL_INDEX}` +
    (spec.optional ? ` (pass { ${role}: null } to go without)` : "");
  const plugin = await options.registry.get(partClass, spec.kind, wantedBy);
  const { repo, subfolder = key, revision, variant = options.variant } = places.get(key) ?? {};
  const how = { ...options, variant };
  const folder = joinPath(location.path, subfolder);
  const isHere = await isFolder(folder);
  const from = (path: string) => plugin.load({ ...location, path }, how);
  // a copy of a repo on disk keeps an index that names repos of the Hub, and has its own files
  const isOwn = repo === undefined ||
    location.commit === undefined && (isHere || await isCopyOf(repo, places, location));
  if (isOwn && isHere) return await from(folder);
  if (isOwn) {
    return await from(location.path).catch((error) => {
      if (!(error instanceof DenoiseError && error.code === "missing_file")) throw error;
      return from(folder); // which names the folder where it should be
    });
  }
  const weights = spec.kind === "model";
  const request = { ...how, revision, subfolder, weights, want: "component" as const };
  const there = await locate(repo, request, options.registry);
  return await plugin.load({ ...there, path: joinPath(there.path, subfolder) }, how);
}

/** Whether a folder is a copy of a repo that its index names: another part of it lies there. */
async function isCopyOf(
  repo: string,
  places: ModelIndex["places"],
  { path }: ComponentLocation,
): Promise<boolean> {
  const own = [...places].filter(([_, place]) => place.repo === repo);
  const found = own.map(([key, { subfolder = key }]) => isFolder(joinPath(path, subfolder)));
  return (await Promise.all(found)).includes(true);
}

/** The scheduler that pipelines of the class have where their repo names none. */
async function usualPart({ kind, usual }: ComponentSpec, registry: Registry): Promise<unknown> {
  if (usual?.config === undefined) return null;
  const plugin = await registry.get(usual.className, kind, "the pipeline");
  return (plugin as unknown as SchedulerClass).fromConfig(usual.config);
}

/** Says what of a repo that lists the parts of blocks has no place in a pipeline. */
function warnOfOthers(
  className: string,
  { config }: ModelIndex,
  known: readonly string[],
  warn: (message: string) => void,
): void {
  if (config["_blocks_class_name"] === undefined) return;
  const others = Object.entries(config).flatMap(([key, entry]) =>
    !Array.isArray(entry) || typeof entry[1] !== "string" || known.includes(key)
      ? []
      : [`${key} (${entry[1]})`]
  );
  if (others.length === 0) return;
  warn(`${className} goes without ${others.join(" and ")}, which the repo names`);
}

async function loadParts<C extends object>(
  definition: { readonly className: string; readonly components: Record<string, ComponentSpec> },
  location: ComponentLocation,
  registry: Registry,
  options: PipelineLoadOptions<C>,
): Promise<{ parts: Parts; index: JsonObject }> {
  const index = await readModelIndex(location);
  const roles = Object.entries(definition.components);
  const given = options as Parts;
  const { onWarning = console.warn } = options;
  const keys = roles.map(([role]) => roleKey(role));
  warnOfOthers(definition.className, index, keys, onWarning);
  const any = Object.fromEntries(roles.map(([role]) => [role, COMPONENT]));
  checkQuantizations(definition.className, options.quantization, any);
  const show = await registry.progress(options.progress);
  const bar = show?.({ desc: "Loading pipeline components", total: roles.length });
  let done = 0;
  const load = async ([role, spec]: [string, ComponentSpec]) => {
    const how = { ...options, registry, quantization: quantizationOf(options.quantization, role) };
    const part = given[role] === undefined
      ? await loadPart(role, index, spec, location, how)
      : given[role];
    bar?.update(++done);
    return [role, part];
  };
  const loaded = await Promise.all(roles.map(load)).finally(() => bar?.stop());
  return { parts: Object.fromEntries(loaded), index: index.config };
}

/**
 * Makes the pipeline class that users of diffusers know from a generator function.
 *
 * @example
 * ```ts
 * import { definePipeline, Tensor } from "@denoise/core";
 * import { assertEquals } from "@std/assert";
 *
 * const CountPipeline = definePipeline<object, [options: { steps: number }], { steps: number }>({
 *   className: "CountPipeline",
 *   task: "counting",
 *   components: {},
 *   options: { steps: { type: "integer", minimum: 1, required: true } },
 *   async *generate(_run, { steps: total }) {
 *     for (let index = 0; index < total; index++) {
 *       const preview = () => Promise.resolve([]);
 *       yield { index, total, timestep: total - index, latents: Tensor.zeros([1]), preview };
 *     }
 *     return { steps: total };
 *   },
 * });
 *
 * const pipe = new CountPipeline({});
 * assertEquals(await pipe({ steps: 3 }), { steps: 3 });
 * ```
 */
export function definePipeline<
  C extends object,
  A extends readonly unknown[],
  Out,
  D extends object = Record<never, never>,
  M = unknown,
>(definition: PipelineDefinition<C, A, Out, D, M>): PipelineClass<C, A, Out, M> {
  return pipelineClass(definition, undefined);
}

/** A base class whose objects can be called like functions. */
class Callable<A extends readonly unknown[], Out> {
  constructor(call: (...args: A) => Out) {
    const callable = (...args: A) => call(...args);
    return Object.setPrototypeOf(callable, new.target.prototype);
  }
}

/** The steps of a call, and what its models do when it ends, however it does. */
async function* within<Out>(
  call: PipelineCall,
  steps: AsyncGenerator<PipelineStep, Out, void>,
): AsyncGenerator<PipelineStep, Out, void> {
  try {
    for (;;) {
      const { done, value } = await steps.next();
      if (done) return value;
      call.isStepping = value.index + 1 < value.total;
      yield value;
    }
  } finally {
    await steps.return(undefined as Out);
    for (const end of call.ending) await end();
  }
}

/** A component by its role, which is looked at where it is put in; null leaves it out. */
const COMPONENT: CallOption = { type: "any", list: "allowed" };

/** The options among the arguments of a call. */
function optionsOf(className: string, args: readonly unknown[], at: number): object {
  const given = args[at] ?? {};
  const [first] = args;
  if (at === 1 && args.length === 1 && Object.getPrototypeOf(Object(first)) === Object.prototype) {
    throw new TypeError(
      `Cannot run ${className} with options in the place of the prompt: give the prompt first, as in ` +
        `pipe("a cat", { seed: 0 }); undefined stands for it where promptEmbeds or the like do`,
    );
  }
  if (typeof given === "object" && !Array.isArray(given) && args.length <= at + 1) return given;
  const wanted = at === 0 ? "options alone" : "a prompt, then options";
  throw new TypeError(
    `Cannot run ${className} with ${args.length} arguments like that: it takes ${wanted}, an object ` +
      `such as { seed: 0 }`,
  );
}

/** The arguments with every option that has a default, and is not given, at it. */
function settle<A extends readonly unknown[], D extends object>(
  prompt: readonly unknown[],
  given: object,
  defaults: object,
): SettledArguments<A, D> {
  const chosen = Object.entries(given).filter(([_, value]) => value !== undefined);
  const options = { ...defaults, ...Object.fromEntries(chosen) };
  return [...prompt, options] as unknown as SettledArguments<A, D>;
}

/** The `preview` among the options of a call. */
function previewOption(options: object): PreviewDecoder | undefined {
  const { preview } = options as { readonly preview?: unknown };
  if (preview === undefined || preview === "vae" || preview === "linear") return preview;
  if (typeof (preview as { decode?: unknown } | null)?.decode === "function") {
    return preview as PreviewDecoder;
  }
  const given = typeof preview === "string" ? JSON.stringify(preview) : preview;
  const wanted = `it must be "vae", "linear" or an autoencoder such as an AutoencoderTiny`;
  throw new TypeError(`Cannot preview by ${given}: ${wanted}`);
}

function pipelineClass<
  C extends object,
  A extends readonly unknown[],
  Out,
  D extends object,
  M,
>(
  definition: PipelineDefinition<C, A, Out, D, M>,
  bound: Registry | undefined,
): PipelineClass<C, A, Out, M> {
  const { className, task, family = className, control = false, takesPrompt = false } = definition;
  const { makes = "images", options, defaults = {} } = definition;
  const roles = Object.entries(definition.components) as [string, ComponentSpec][];
  const components = Object.fromEntries(roles.map(([role]) => [role, COMPONENT]));
  const settingsIn = (own: JsonObject) => {
    const blocks = definition.blocks?.[String(own["_class_name"])];
    const index: JsonObject = blocks === undefined ? own : {
      ...{ ...blocks, ...own },
      [DEFAULTS]: { ...blocks[DEFAULTS] as JsonObject, ...own[DEFAULTS] as JsonObject },
    };
    const all = [definition.settings ?? {}, ...Object.values(definition.blocks ?? {})];
    return Object.fromEntries(
      [...all.flatMap((known) => Object.keys(known)), DEFAULTS]
        .filter((key) => key in index)
        .map((key) => [key, index[key]!]),
    );
  };
  const loadable = {
    ...loadOptions,
    plugins: { type: "any", list: "required" },
    ...components,
  } as const;

  class DefinedPipeline extends Callable<A, Promise<Out>> {
    static readonly kind = "pipeline" as const;
    static readonly className = className;
    static readonly task = task;
    static readonly family = family;
    static readonly control = control;
    static readonly makes = makes;
    static readonly takesPrompt = takesPrompt;
    static readonly options = options;
    static readonly defaults = deepFreeze({ ...defaults });
    static readonly spec = definition.components;
    readonly className = className;
    readonly makes = makes;
    readonly #parts: Parts = {};
    readonly #settings: JsonObject;
    readonly #origin: Origin;
    readonly defaults: Readonly<Record<string, unknown>>;
    #progress: ProgressBarConfig = {};

    constructor(parts: Partial<C>, settings: JsonObject = {}, origin: Origin = {}) {
      super((...args) => this.#call(args));
      checkOptions(`make a ${className}`, parts, components);
      this.#settings = deepFreeze({ ...definition.settings, ...settings });
      this.defaults = deepFreeze({ ...defaults, ...suggested(className, settings, options) });
      this.#origin = { registry: bound, ...origin };
      for (const [role, spec] of roles) {
        Object.defineProperty(this, role, {
          enumerable: true,
          get: () => this.#parts[role],
          set: (part: unknown) => this.#put(role, spec, part),
        });
        this.#put(role, spec, (parts as Parts)[role] ?? null);
      }
      const about = { className, settings: this.#settings };
      Object.assign(this, definition.prepare?.(this.components, this.#warn, about));
      Object.assign(this, definition.methods?.((options, work) => this.#work(options, work)));
      this.registry.adapt(this);
    }

    static async fromPretrained(
      id: string | URL,
      options: PipelineLoadOptions<C> = {} as PipelineLoadOptions<C>,
    ): Promise<DefinedPipeline> {
      checkOptions(`load ${className}`, options, loadable);
      const registry = options.registry ?? bound;
      const skip = roles.filter(([role]) => (options as Parts)[role] !== undefined)
        .map(([role]) => roleKey(role));
      const location = await locate(id, { ...options, want: "pipeline", skip }, registry);
      return await DefinedPipeline.load(location, options);
    }

    static async load(
      location: ComponentLocation,
      options: PipelineLoadOptions<C> = {} as PipelineLoadOptions<C>,
    ): Promise<DefinedPipeline> {
      checkOptions(`load ${className}`, options, loadable);
      const known = options.registry ?? bound ?? new Registry();
      const registry = options.plugins === undefined ? known : known.with(options.plugins);
      const { parts, index } = await loadParts(definition, location, registry, options);
      const { onWarning } = options;
      const origin = { location, registry, onWarning };
      return new DefinedPipeline(parts as Partial<C>, settingsIn(index), origin);
    }

    static async fromSingleFile(
      file: string | URL,
      options: SingleFileOptions<C> = {} as SingleFileOptions<C>,
    ): Promise<DefinedPipeline> {
      const registry = options.registry ?? bound ?? new Registry();
      const reader = await registry.singleFile();
      const { components: parts, settings } = await reader.pipeline(
        { className, spec: definition.components },
        file,
        options,
        registry,
      );
      return new DefinedPipeline(parts, settings, { registry, onWarning: options.onWarning });
    }

    static fromPipe(pipeline: SharedPipeline, components: Partial<C> = {}): DefinedPipeline {
      const theirs = pipeline.components as Parts;
      const shared = Object.fromEntries(roles.map(([role]) => [role, theirs[role]]));
      const { nameOrPath: id, config } = pipeline;
      const location = id === "" ? undefined : { id, path: id };
      const parts = { ...shared, ...components } as Partial<C>;
      return new DefinedPipeline(parts, settingsIn(config), { location, registry: bound });
    }

    static defaultSize(components: C): ImageSize | undefined {
      return definition.defaultSize?.(components);
    }

    static defaultLength(components: C): number | undefined {
      return definition.defaultLength?.(components);
    }

    static using<N extends object>(registry: Registry<N>): PipelineClass<C, A, Out, M & N> {
      return pipelineClass(definition, registry) as PipelineClass<C, A, Out, M & N>;
    }

    get registry(): Registry {
      return this.#origin.registry ?? new Registry();
    }

    get device(): Device {
      return this.#present().find((part) => part.device !== undefined)?.device ?? "cpu";
    }

    get dtype(): TorchDtype {
      return this.#present().find((part) => part.dtype !== undefined)?.dtype ?? "float32";
    }

    get nameOrPath(): string {
      return this.#origin.location?.id ?? "";
    }

    get components(): C {
      return { ...this.#parts } as C;
    }

    get config(): FrozenConfig {
      const { location } = this.#origin;
      return deepFreeze({
        _class_name: className,
        _diffusers_version: DIFFUSERS_VERSION,
        ...(location === undefined ? {} : { _name_or_path: location.id }),
        ...Object.fromEntries(
          roles.map(([role]) => [roleKey(role), describePart(this.#parts[role])]),
        ),
        ...this.#settings,
      });
    }

    stream(...args: A): AsyncGenerator<PipelineStep, Out, void> {
      const given = optionsOf(className, args, takesPrompt ? 1 : 0);
      checkOptions(`run ${className}`, given, options);
      const settled = settle<A, D>(takesPrompt ? [args[0]] : [], given, this.defaults);
      const call: PipelineCall = { options: given, isStepping: false, ending: [] };
      return within(call, definition.generate(this.#run(call), ...settled));
    }

    #run(call: PipelineCall): PipelineRun<C> {
      const { registry } = this;
      return {
        components: this.#ownParts(call),
        settings: this.#settings,
        registry,
        images: () => registry.images(),
        audio: () => registry.audio(),
        recipe: { ...this.#recipe(), ...call.options.recipe },
        preview: previewOption(call.options),
        warn: this.#warn,
      };
    }

    async #work<T>(options: object, work: (run: PipelineRun<C>) => Promise<T>): Promise<T> {
      const call: PipelineCall = { options, isStepping: false, ending: [] };
      try {
        return await work(this.#run(call));
      } finally {
        for (const end of call.ending) await end();
      }
    }

    async #call(args: A): Promise<Out> {
      const steps = this.stream(...args);
      const { progress } = optionsOf(className, args, takesPrompt ? 1 : 0) as RunOptions;
      const show = await this.registry.progress(progress ?? !this.#progress.disable);
      let bar: ReturnType<ShowProgress>;
      try {
        for (;;) {
          const { done, value } = await steps.next();
          if (done) return value;
          bar ??= show?.({ ...this.#progress, total: value.total });
          bar?.update(value.index + 1);
        }
      } finally {
        bar?.stop();
      }
    }

    setProgressBarConfig(config: ProgressBarConfig): void {
      checkOptions("set the progress bar", config, progressBarOptions);
      this.#progress = { ...config };
    }

    async to(device: Device): Promise<this> {
      for (const part of this.#present()) await part.to?.(device);
      return this;
    }

    enableModelCpuOffload(): void {
      for (const part of this.#present()) part.enableModelCpuOffload?.();
    }

    async enableGroupOffload(
      { excludeModules = [], ...options }: GroupOffloadOptions = {},
    ): Promise<void> {
      for (const [role, part] of Object.entries(this.#parts as Record<string, Part | null>)) {
        if (!excludeModules.includes(role)) await part?.enableGroupOffload?.(options);
      }
    }

    async savePretrained(folder: string, options: SaveOptions = {}): Promise<void> {
      for (const part of this.#present()) part.checkSave?.(options);
      await mkdir(folder, { recursive: true });
      for (const [role] of roles) {
        const part = this.#parts[role] as Part | null;
        await part?.savePretrained?.(joinPath(folder, roleKey(role)), options);
      }
      await mkdir(folder, { recursive: true });
      const index = describeConfig(className, this.config);
      await writeFile(joinPath(folder, MODEL_INDEX), index);
    }

    async dispose(): Promise<void> {
      for (const part of this.#present()) await part.dispose?.();
    }

    async [Symbol.asyncDispose](): Promise<void> {
      await this.dispose();
    }

    override toString(): string {
      return `${className} ${describeConfig(className, this.config)}`;
    }

    [Symbol.for("nodejs.util.inspect.custom")](): string {
      return this.toString();
    }

    get #warn(): (message: string) => void {
      return this.#origin.onWarning ?? console.warn;
    }

    #put(role: string, spec: ComponentSpec, given: unknown): void {
      const part = spec.adapt === undefined ? given : spec.adapt(given);
      if (part === undefined || part === null) {
        if (!spec.optional) {
          const what = `${roleKey(role)} (a ${spec.kind})`;
          const why = `pass it to the constructor or name it in ${MODEL_INDEX}`;
          const problem = `Cannot make a ${className} without ${what}: ${why}`;
          throw new DenoiseError("missing_component", problem);
        }
      } else if (typeof (part as Part).className !== "string") {
        throw new TypeError(
          `Cannot use ${String(part)} as ${role} of ${className}: it must be a ${spec.kind} ` +
            `object, as made by fromPretrained, fromConfig or new`,
        );
      }
      this.#parts[role] = part ?? null;
    }

    #present(): Part[] {
      return Object.values(this.#parts).filter((part) => part !== null) as Part[];
    }

    #ownParts(call: PipelineCall): C {
      return Object.fromEntries(
        roles.map(([role, { kind }]) => {
          const part = this.#parts[role] as Part | null;
          return [role, kind === "scheduler" ? part?.clone?.() : part?.forCall?.(call) ?? part];
        }),
      ) as C;
    }

    #recipe(): Recipe {
      const { location } = this.#origin;
      const { scheduler } = this.#parts as { scheduler?: Part };
      return {
        pipeline: className,
        model: location?.id,
        commit: location?.commit,
        scheduler: scheduler?.className,
        denoise: VERSION,
        diffusers: DIFFUSERS_VERSION,
      };
    }
  }
  return DefinedPipeline as unknown as PipelineClass<C, A, Out, M>;
}
