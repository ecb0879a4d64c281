import { copyFile, mkdir, writeFile } from "node:fs/promises";
import {
  adoptConfig,
  type Bindable,
  type ConfigSchema,
  describeConfig,
  type FrozenConfig,
  isFile,
  joinPath,
  type JsonObject,
  type LoadOptions,
  locateComponent,
  type PluginClass,
  readConfig,
  Registry,
} from "@denoise/core";

/** A loaded processor. */
export interface Processor<C extends object = object> {
  /** The class by the name that model_index.json gives it. */
  readonly className: string;
  /** The library that has the class, as model_index.json names it. */
  readonly library: string;
  /** The options; writing to it throws. */
  readonly config: FrozenConfig<C>;
  /** Writes the options into a folder that the library can load. */
  savePretrained(folder: string): Promise<void>;
}

/** The class of a processor. */
export interface ProcessorClass<C extends object, P extends Processor<C>>
  extends PluginClass<P>, Bindable<ProcessorClass<C, P>> {
  /** Tells the classes of processors from those of other plugins. */
  readonly kind: "processor";
  /**
   * Makes one from options; the rest have their defaults.
   *
   * @throws {TypeError} for options of the wrong type.
   * @throws {RangeError} for options outside their range.
   */
  create(options?: Partial<C>): P;
  /** Loads one from a folder or repo: from its own file, or from `image_processor` of processor_config.json. */
  fromPretrained(
    id: string | URL,
    options?: LoadOptions & { readonly subfolder?: string },
  ): Promise<P>;
}

/** What a class of processors is made of. */
export interface ProcessorDefinition<C extends object, P extends Processor<C>> {
  /** The class name in its library. */
  readonly className: string;
  /** Other class names in repos that mean the same. */
  readonly aliases?: readonly string[] | undefined;
  /** Defaults to `"transformers"`. */
  readonly library?: string | undefined;
  /** The file that options stand in. Defaults to `"preprocessor_config.json"`. */
  readonly file?: string | undefined;
  /** Names of files that stand beside and are kept: `savePretrained` writes them as they were. None by default. */
  readonly keeps?: readonly string[] | undefined;
  /** The options with their defaults. */
  readonly schema: ConfigSchema<C>;
  /** What it does; the registry has the codec of images. */
  methods(config: FrozenConfig<C>, registry: Registry): Omit<P, keyof Processor<C>>;
}

/**
 * Makes the class of a processor from what it does: options, loading and saving are the same for all.
 *
 * @example
 * ```ts
 * import { defineProcessor, type Processor, type ProcessorClass } from "@denoise/processors";
 * import { assertEquals } from "@std/assert";
 *
 * interface Doubler extends Processor<{ factor: number }> {
 *   scale(x: number): number;
 * }
 * const Doubler: ProcessorClass<{ factor: number }, Doubler> = defineProcessor<
 *   { factor: number },
 *   Doubler
 * >({
 *   className: "Doubler",
 *   schema: { factor: 2 },
 *   methods: ({ factor }) => ({ scale: (x: number) => factor * x }),
 * });
 * assertEquals(Doubler.create().scale(4), 8);
 * ```
 */
export function defineProcessor<C extends object, P extends Processor<C>>(
  definition: ProcessorDefinition<C, P>,
): ProcessorClass<C, P> {
  return processorClass(definition, undefined);
}

function processorClass<C extends object, P extends Processor<C>>(
  definition: ProcessorDefinition<C, P>,
  bound: Registry | undefined,
): ProcessorClass<C, P> {
  const { className, aliases = [], schema, file = "preprocessor_config.json" } = definition;
  const load = async (path: string, registry: Registry | undefined) => {
    const options = await readProcessorOptions(path, file) ??
      await readConfig(joinPath(path, file)); // which says that it is missing
    const config = adoptConfig(className, schema, options);
    return processor(definition, config, { file, from: path }, registry ?? bound);
  };
  return {
    kind: "processor",
    className,
    aliases,
    using: (registry) => processorClass(definition, registry),
    create: (options = {}) =>
      processor(definition, adoptConfig(className, schema, {}, options), { file }, bound),
    load: ({ path }, options) => load(path, options.registry),
    fromPretrained: async (id, options = {}) => {
      const { path } = await locateComponent(id, options, bound, false);
      return await load(path, options.registry);
    },
  };
}

/**
 * Options from a file of their own, or from that of a whole processor, as transformers 5 writes it; undefined where
 * a folder has neither.
 */
export async function readProcessorOptions(
  folder: string,
  file = "preprocessor_config.json",
): Promise<JsonObject | undefined> {
  const [whole, own] = [joinPath(folder, "processor_config.json"), joinPath(folder, file)];
  if (await isFile(whole)) {
    const { image_processor: options } = await readConfig(whole);
    if (isJsonObject(options)) return options;
  }
  return await isFile(own) ? await readConfig(own) : undefined;
}

function isJsonObject(value: JsonObject[string] | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function processor<C extends object, P extends Processor<C>>(
  { className, library = "transformers", keeps = [], methods }: ProcessorDefinition<C, P>,
  config: FrozenConfig<C>,
  { file, from }: { readonly file: string; readonly from?: string },
  registry: Registry = new Registry(),
): P {
  const base: Processor<C> = {
    className,
    library,
    config,
    async savePretrained(folder) {
      await mkdir(folder, { recursive: true });
      await writeFile(joinPath(folder, file), describeConfig(className, config));
      if (from === undefined) return;
      for (const name of keeps) {
        const kept = joinPath(from, name);
        if (await isFile(kept)) await copyFile(kept, joinPath(folder, name));
      }
    },
  };
  return Object.assign(base, methods(config, registry)) as P;
}
