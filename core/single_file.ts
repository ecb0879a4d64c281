import type { JsonObject } from "./config.ts";
import type { LoadOptions } from "./loading.ts";
import type { Model, ModelClass } from "./model.ts";
import type { PipelineClass } from "./pipeline.ts";
import type { Registry } from "./registry.ts";

/** How a model is loaded from an original checkpoint. */
export interface SingleFileModelOptions extends LoadOptions {
  /** Folder or repo that has its config.json; found by the names of the tensors otherwise. */
  readonly config?: string | undefined;
  /** The folder of config.json in it. Defaults to the one that the pipelines' repos have. */
  readonly subfolder?: string | undefined;
  /** Of a .gguf file: a `GGUFQuantizationConfig`. */
  readonly quantizationConfig?: object | undefined;
}

/** How a pipeline is loaded from an original checkpoint, and components to use in the place of its own. */
export type SingleFileOptions<C extends object> =
  & LoadOptions
  & {
    /** Folder or repo with configs, tokenizers and scheduler; found by the kind of model otherwise. */
    readonly config?: string | undefined;
  }
  & { readonly [K in keyof C]?: C[K] | null | undefined };

/** What a pipeline is made of. */
export interface PipelineParts<C extends object> {
  /** The components by role. */
  readonly components: Partial<C>;
  /** Extra keys of model_index.json. */
  readonly settings: JsonObject;
}

/** Reads models and pipelines from original checkpoints, which have names and layouts of their own. */
export interface SingleFileReader {
  /** Loads a model of that class from one file, with the sources of that registry. */
  model<M extends Model>(
    Class: ModelClass<M>,
    file: string | URL,
    options: SingleFileModelOptions,
    registry: Registry,
  ): Promise<M>;
  /** The parts of a pipeline of that class from one file, and what the file has not from a repo. */
  pipeline<C extends object>(
    Class: Pick<PipelineClass<C, never, unknown>, "className" | "spec">,
    file: string | URL,
    options: SingleFileOptions<C>,
    registry: Registry,
  ): Promise<PipelineParts<C>>;
}
