import type { LoadOptions } from "./loading.ts";
import type { Model, ModelClass } from "./model.ts";
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

/** Reads models from original checkpoints, which have names and layouts of their own. */
export interface SingleFileReader {
  /** Loads a model of that class from one file, with the sources of that registry. */
  model<M extends Model>(
    Class: ModelClass<M>,
    file: string | URL,
    options: SingleFileModelOptions,
    registry: Registry,
  ): Promise<M>;
}
