import type { Registry } from "./registry.ts";
import type { LoadOptions } from "./loading.ts";

/** What a plugin provides. */
export type PluginKind = "scheduler" | "model" | "tokenizer" | "processor" | "pipeline" | "adapter";

/** A component's files: the folder they lie in and the repo they came from. */
export interface ComponentLocation {
  /** The local folder that holds the component's own files. */
  readonly path: string;
  /** The Hub id or the folder that the user named. */
  readonly id: string;
  /** The commit of the Hub repo, where there is one. */
  readonly commit?: string | undefined;
}

/** What is known of a plugin before it is loaded. */
export interface PluginTraits {
  /** What it is. */
  readonly kind: PluginKind;
  /** The class name that repos use, such as `"EulerDiscreteScheduler"`. */
  readonly className: string;
  /** Other class names in repos that mean the same class, such as `"CLIPFeatureExtractor"`. */
  readonly aliases?: readonly string[];
  /** Of pipelines: what it is for; of several tasks the main one first. */
  readonly task?: string | readonly string[];
  /** Of pipelines: the models it works with. */
  readonly family?: string;
  /** Of pipelines: whether ControlNets take part. */
  readonly control?: boolean;
  /** Of adapters: the names of the methods that pipelines have of it. */
  readonly methods?: readonly string[];
}

/**
 * A class that a plugin provides, under the name it has in diffusers or transformers. Everything
 * that a repo can name is one: schedulers, models, tokenizers, processors and pipelines; adapters are
 * beside them, under the names of diffusers' mixins.
 */
export interface PluginClass<T = unknown> extends PluginTraits {
  /** Loads an object of the class from its folder; of an adapter its functions. */
  load(location: ComponentLocation, options: LoadOptions): Promise<T>;
}

/** A class whose `fromPretrained` finds repos and plugins through a registry. */
export interface Bindable<Self> {
  /** The same class, with this registry as its default. */
  using(registry: Registry): Self;
}
