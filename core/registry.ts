import { DenoiseError } from "./errors.ts";
import type { AudioCodec, ImageCodec } from "./media.ts";
import type { PipelineTraits } from "./pipeline.ts";
import type { PluginClass, PluginKind } from "./plugin.ts";
import type { SingleFileReader } from "./single_file.ts";
import type { Source } from "./source.ts";

/** A plugin class that is loaded only when a repo asks for it. */
export interface LazyPlugin<T = unknown> {
  /** What it is. */
  readonly kind: PluginKind;
  /** The class name that repos use. */
  readonly className: string;
  /** Other class names that mean the same. */
  readonly aliases?: readonly string[];
  /** Of pipelines: what it is for. */
  readonly task?: string;
  /** Of pipelines: the models it works with. */
  readonly family?: string;
  /** Of pipelines: whether ControlNets take part. Defaults to false. */
  readonly control?: boolean;
  /** The package it comes from, for messages. */
  readonly package: string;
  /** Imports the class. */
  readonly load: () => Promise<PluginClass<T>>;
}

/** A pipeline that a registry knows, loaded or not. */
export interface RegisteredPipeline extends PipelineTraits {
  /** The class name in diffusers. */
  readonly className: string;
  /** The package it comes from. */
  readonly package: string;
}

/** What a registry is filled with. */
export interface RegistryContent {
  /** Plugin classes, loaded or lazy. */
  readonly plugins?: readonly (PluginClass | LazyPlugin)[];
  /** Where ids that are no folder come from, first match first. */
  readonly sources?: readonly Source[];
  /** Turns tensors into images and back. */
  readonly images?: (() => Promise<ImageCodec>) | undefined;
  /** Turns tensors into audio. */
  readonly audio?: (() => Promise<AudioCodec>) | undefined;
  /** Reads original checkpoints. */
  readonly singleFile?: (() => Promise<SingleFileReader>) | undefined;
}

type Entry = LazyPlugin;

function isLazy(plugin: PluginClass | LazyPlugin): plugin is LazyPlugin {
  return "package" in plugin;
}

function traitsOf(
  { task, family, control }: PluginClass,
): Pick<LazyPlugin, "task" | "family" | "control"> {
  return task === undefined || family === undefined
    ? {}
    : { task, family, control: control === true };
}

function kebab(className: string): string {
  return className
    .replace(/(Scheduler|Pipeline|Model)$/, "")
    .replace(/([a-z0-9])([A-Z])/g, "$1-$2")
    .replace(/([A-Z]+)([A-Z][a-z])/g, "$1-$2")
    .toLowerCase();
}

/**
 * The plugins at hand, by their diffusers class names, with the sources that repos come from. It is
 * a value that someone makes and fills: there is no global one.
 *
 * @category Loading
 *
 * @example
 * ```ts
 * import { Registry } from "@denoise/core";
 * import { assertEquals } from "@std/assert";
 *
 * const registry = new Registry();
 * assertEquals(registry.names(), []);
 * ```
 */
export class Registry {
  readonly #entries = new Map<string, Entry>();
  readonly #sources: Source[] = [];
  readonly #images: (() => Promise<ImageCodec>) | undefined;
  readonly #audio: (() => Promise<AudioCodec>) | undefined;
  readonly #singleFile: (() => Promise<SingleFileReader>) | undefined;

  /** Makes a registry with that content. */
  constructor(content: RegistryContent = {}) {
    content.plugins?.forEach((plugin) => this.add(plugin));
    this.#sources.push(...content.sources ?? []);
    this.#images = content.images;
    this.#audio = content.audio;
    this.#singleFile = content.singleFile;
  }

  /**
   * Adds a plugin class, loaded or lazy.
   *
   * @throws {DenoiseError} `duplicate_class` when one of its names is taken.
   */
  add(plugin: PluginClass | LazyPlugin): this {
    const names = [plugin.className, ...plugin.aliases ?? []];
    const taken = names.find((name) => this.#entries.has(name));
    if (taken !== undefined) {
      throw new DenoiseError(
        "duplicate_class",
        `Cannot register ${plugin.className}: a plugin for ${JSON.stringify(taken)} is there ` +
          `already, from ${
            this.#entries.get(taken)!.package
          }; use registry.with(...) to replace it`,
      );
    }
    this.#put(names, plugin);
    return this;
  }

  /**
   * A copy in which these plugins stand in front of what is there under the same names.
   *
   * @throws {DenoiseError} `duplicate_class` when two of them have the same name.
   */
  with(
    plugins: readonly (PluginClass | LazyPlugin)[],
    content: Pick<RegistryContent, "images"> = {},
  ): Registry {
    const copy = new Registry({
      sources: this.#sources,
      images: content.images ?? this.#images,
      audio: this.#audio,
      singleFile: this.#singleFile,
    });
    for (const [name, entry] of this.#entries) copy.#entries.set(name, entry);
    const names = plugins.flatMap(({ className, aliases = [] }) => [className, ...aliases]);
    const twice = names.find((name, i) => names.indexOf(name) !== i);
    if (twice !== undefined) {
      const problem = `Cannot register two plugins of the name ${
        JSON.stringify(twice)
      }: leave one out`;
      throw new DenoiseError("duplicate_class", problem);
    }
    for (const plugin of plugins) {
      copy.#put([plugin.className, ...plugin.aliases ?? []], plugin);
    }
    return copy;
  }

  #put(names: readonly string[], plugin: PluginClass | LazyPlugin): void {
    const entry: Entry = isLazy(plugin) ? plugin : {
      kind: plugin.kind,
      className: plugin.className,
      ...traitsOf(plugin),
      package: "this program",
      load: () => Promise.resolve(plugin),
    };
    names.forEach((name) => this.#entries.set(name, entry));
  }

  /** Whether a plugin provides that class. */
  has(className: string): boolean {
    return this.#entries.has(className);
  }

  /** The class names at hand, in order, of one kind or of all. */
  names(kind?: PluginKind): string[] {
    return [...this.#entries]
      .filter(([_, entry]) => kind === undefined || entry.kind === kind)
      .map(([name]) => name)
      .sort();
  }

  /**
   * The pipelines at hand with what they can do, in the order of their names; nothing of them is loaded.
   *
   * @example
   * ```ts
   * import { Registry } from "@denoise/core";
   * import { assertEquals } from "@std/assert";
   *
   * const registry = new Registry({
   *   plugins: [{
   *     kind: "pipeline",
   *     className: "MyPipeline",
   *     task: "text-to-image",
   *     family: "mine",
   *     package: "jsr:@you/mine",
   *     load: async () => (await import("jsr:@you/mine")).MyPipeline,
   *   }],
   * });
   * const [mine] = registry.pipelines();
   * assertEquals(mine?.task, "text-to-image");
   * ```
   */
  pipelines(): RegisteredPipeline[] {
    return this.names("pipeline").flatMap((name) => {
      const { className, task, family, control = false, package: from } = this.#entries.get(name)!;
      if (name !== className || task === undefined || family === undefined) return [];
      return [{ className, task, family, control, package: from }];
    });
  }

  /**
   * What is known of the pipeline of a class, by its name or an alias; `undefined` for a class that is
   * not there, or says nothing of itself.
   */
  pipeline(className: string): RegisteredPipeline | undefined {
    const known = this.#entries.get(className)?.className;
    return this.pipelines().find((one) => one.className === known);
  }

  /** The package that provides a class, or `undefined`. */
  packageOf(className: string): string | undefined {
    return this.#entries.get(className)?.package;
  }

  /**
   * Loads the class of that name.
   *
   * @param className The name in diffusers or transformers.
   * @param kind What it has to be, when that is known.
   * @param wantedBy What asks for it, for the message, such as `"scheduler" of model_index.json`.
   * @throws {DenoiseError} `unknown_class` when no plugin provides it, or another kind does.
   */
  async get(className: string, kind?: PluginKind, wantedBy?: string): Promise<PluginClass> {
    const entry = this.#entries.get(className);
    const asked = wantedBy === undefined ? "" : `, which ${wantedBy} asks for`;
    if (entry === undefined) {
      const guess = `@denoise/${kind ?? "plugin"}-${kebab(className)}`;
      const atHand = this.names(kind);
      throw new DenoiseError(
        "unknown_class",
        `No plugin provides ${className}${asked}. A package such as ${guess} would; pass its ` +
          `class as { plugins: [${className}] }. At hand: ${atHand.join(", ") || "nothing"}`,
      );
    }
    if (kind !== undefined && entry.kind !== kind) {
      throw new DenoiseError(
        "unknown_class",
        `${className}${asked} is a ${entry.kind}, but a ${kind} is needed there`,
      );
    }
    return await entry.load();
  }

  /** The source for an id that is no folder, or `undefined`. */
  sourceFor(id: string): Source | undefined {
    return this.#sources.find((source) => source.accepts(id));
  }

  /**
   * The image codec.
   *
   * @throws {DenoiseError} `missing_component` when the registry has none.
   */
  images(): Promise<ImageCodec> {
    if (this.#images === undefined) {
      throw new DenoiseError(
        "missing_component",
        `Cannot make images: this registry has no image codec. Import the class from ` +
          `@denoise/denoise, give a registry with { images }, or ask for outputType "tensor"`,
      );
    }
    return this.#images();
  }

  /**
   * The codec of audio.
   *
   * @throws {DenoiseError} `missing_component` when the registry has none.
   */
  audio(): Promise<AudioCodec> {
    if (this.#audio === undefined) {
      throw new DenoiseError(
        "missing_component",
        `Cannot make audio: this registry has no audio codec. Import the class from ` +
          `@denoise/denoise, give a registry with { audio }, or ask for outputType "tensor"`,
      );
    }
    return this.#audio();
  }

  /**
   * What reads original checkpoints.
   *
   * @throws {DenoiseError} `missing_component` when the registry has nothing that does.
   */
  singleFile(): Promise<SingleFileReader> {
    if (this.#singleFile === undefined) {
      throw new DenoiseError(
        "missing_component",
        "Cannot read original checkpoints: this registry has no reader of single files. Import the " +
          "class from @denoise/denoise, or give a registry with { singleFile }",
      );
    }
    return this.#singleFile();
  }
}
