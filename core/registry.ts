import { nearName } from "./near_name.ts";
import type { MethodsOf } from "./adapter.ts";
import { DenoiseError } from "./errors.ts";
import type { AudioCodec, ImageCodec } from "./media.ts";
import type { PipelineTraits } from "./pipeline.ts";
import type { PluginClass, PluginKind, PluginTraits } from "./plugin.ts";
import type { ShowProgress } from "./progress.ts";
import type { SingleFileReader } from "./single_file.ts";
import type { Source } from "./source.ts";

/** A plugin class that is loaded only when a repo asks for it. */
export interface LazyPlugin<T = unknown> extends PluginTraits {
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
  /** Shows how far loads and runs are. */
  readonly progress?: (() => Promise<ShowProgress>) | undefined;
}

function isLazy(plugin: PluginClass | LazyPlugin): plugin is LazyPlugin {
  return "package" in plugin;
}

function traitsOf({ task, family, control, methods }: PluginTraits): Partial<PluginTraits> {
  if (methods !== undefined) return { methods };
  return task === undefined || family === undefined
    ? {}
    : { task, family, control: control === true };
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
export class Registry<M extends object = object> {
  readonly #entries = new Map<string, LazyPlugin>();
  readonly #content: Omit<RegistryContent, "plugins">;

  /** Makes a registry with that content. */
  constructor({ plugins = [], ...content }: RegistryContent = {}) {
    plugins.forEach((plugin) => this.add(plugin));
    this.#content = content;
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
      const from = this.#entries.get(taken)!.package;
      const there = `a plugin for ${JSON.stringify(taken)} is there already, from ${from}`;
      const problem = `Cannot register ${plugin.className}: ${there}`;
      throw new DenoiseError("duplicate_class", `${problem}; use registry.with(...) to replace it`);
    }
    this.#put(plugin);
    return this;
  }

  /**
   * A copy in which these plugins stand in front of what is there under the same names.
   *
   * @throws {DenoiseError} `duplicate_class` when two of them have the same name.
   */
  with<const P extends PluginClass | LazyPlugin>(
    plugins: readonly P[],
    content: Pick<RegistryContent, "images" | "audio"> = {},
  ): Registry<M & MethodsOf<P>> {
    const copy = new Registry<M & MethodsOf<P>>({ ...this.#content, ...content });
    for (const [name, entry] of this.#entries) copy.#entries.set(name, entry);
    const names = plugins.flatMap(({ className, aliases = [] }) => [className, ...aliases]);
    const twice = names.find((name, i) => names.indexOf(name) !== i);
    if (twice !== undefined) {
      const problem = `Cannot register two plugins of the name ${JSON.stringify(twice)}`;
      throw new DenoiseError("duplicate_class", `${problem}: leave one out`);
    }
    plugins.forEach((plugin) => copy.#put(plugin));
    return copy;
  }

  #put(plugin: PluginClass | LazyPlugin): void {
    const entry: LazyPlugin = isLazy(plugin) ? plugin : {
      kind: plugin.kind,
      className: plugin.className,
      ...traitsOf(plugin),
      package: "this program",
      load: () => Promise.resolve(plugin),
    };
    const { className, aliases = [] } = plugin;
    for (const name of [className, ...aliases]) this.#entries.set(name, entry);
  }

  /** Whether a plugin provides that class. */
  has(className: string): boolean {
    return this.#entries.has(className);
  }

  /** The class names at hand, in order, of one kind or of all. */
  names(kind?: PluginKind): string[] {
    const fits = ([_, entry]: [string, LazyPlugin]) => kind === undefined || entry.kind === kind;
    return [...this.#entries].filter(fits).map(([name]) => name).sort();
  }

  /**
   * The pipelines at hand with what they can do, in the order of their names, once for each task; nothing of
   * them is loaded.
   *
   * @example
   * ```ts
   * import { Registry } from "@denoise/core";
   * import { assertEquals } from "@std/assert";
   *
   * assertEquals(new Registry().pipelines(), []);
   * ```
   */
  pipelines(): RegisteredPipeline[] {
    return this.names("pipeline").flatMap((name) => {
      const { className, task, family, control = false, package: from } = this.#entries.get(name)!;
      if (name !== className || task === undefined || family === undefined) return [];
      return [task].flat().map((task) => ({ className, task, family, control, package: from }));
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
      const atHand = this.names(kind);
      const near = nearName(className, atHand);
      const meant = near === undefined ? "" : ` Did you mean ${near}?`;
      const more = atHand.length > 3
        ? ` and ${atHand.length - 3} more, by registry.names(${kind ? `"${kind}"` : ""})`
        : "";
      throw new DenoiseError(
        "unknown_class",
        `No plugin provides ${className}${asked}.${meant} If a package of somebody's has it, pass its class ` +
          `as { plugins: [${className}] }. At hand: ${
            atHand.slice(0, 3).join(", ") || "nothing"
          }${more}`,
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
    return this.#content.sources?.find((source) => source.accepts(id));
  }

  /**
   * The image codec.
   *
   * @throws {DenoiseError} `missing_component` when the registry has none.
   */
  images(): Promise<ImageCodec> {
    return needed(
      this.#content.images,
      "make images",
      "images",
      ', or ask for outputType "tensor"',
    );
  }

  /**
   * The codec of audio.
   *
   * @throws {DenoiseError} `missing_component` when the registry has none.
   */
  audio(): Promise<AudioCodec> {
    return needed(this.#content.audio, "make audio", "audio", ', or ask for outputType "tensor"');
  }

  /**
   * What reads original checkpoints.
   *
   * @throws {DenoiseError} `missing_component` when the registry has nothing that does.
   */
  singleFile(): Promise<SingleFileReader> {
    return needed(this.#content.singleFile, "read original checkpoints", "singleFile", "");
  }

  /** What shows progress, where the registry has something that does, and it is not turned off. */
  async progress(isWanted = true): Promise<ShowProgress | undefined> {
    return isWanted ? await this.#content.progress?.() : undefined;
  }

  /**
   * Gives a pipeline the methods of the adapters that are here.
   *
   * @throws {TypeError} for a method that the pipeline has of its own.
   */
  adapt<P extends object>(pipe: P): P & M {
    for (const [className, { kind, methods = [] }] of this.#entries) {
      for (const method of kind === "adapter" ? methods : []) {
        if (method in pipe && !Object.getOwnPropertyDescriptor(pipe, method)?.configurable) {
          throw new TypeError(`Cannot use ${className}: pipelines have a ${method} of their own`);
        }
        const value = async (...args: unknown[]) => {
          const adapter = await this.get(className, "adapter");
          const functions = await adapter.load({ path: "", id: "" }, { registry: this });
          return await (functions as Functions)[method]!(pipe, ...args);
        };
        Object.defineProperty(pipe, method, { value, configurable: true });
      }
    }
    return pipe as P & M;
  }
}

type Functions = Readonly<Record<string, (...args: unknown[]) => unknown>>;

function needed<T>(
  part: (() => Promise<T>) | undefined,
  deed: string,
  name: string,
  other: string,
): Promise<T> {
  if (part !== undefined) return part();
  throw new DenoiseError(
    "missing_component",
    `Cannot ${deed}: this registry has no ${name}. Import the class from @denoise/denoise, or give ` +
      `a registry with { ${name} }${other}`,
  );
}
