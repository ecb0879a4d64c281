import type { FrozenConfig } from "./config.ts";
import type { Device, LoadOptions, TorchDtype } from "./loading.ts";
import type { GroupOffloadOptions, PipelineCall } from "./pipeline.ts";
import type { SaveOptions } from "./saving.ts";
import type { SingleFileModelOptions } from "./single_file.ts";
import type { Bindable, PluginClass } from "./plugin.ts";

/**
 * A loaded model: a function of tensors with a frozen config.
 *
 * @category Models
 */
export interface Model<C extends object = object> extends AsyncDisposable {
  /** The diffusers or transformers class name. */
  readonly className: string;
  /** The library that has the class, as model_index.json names it. */
  readonly library: string;
  /** The options that shaped it; writing to it throws. */
  readonly config: FrozenConfig<C>;
  /** Where it computes. */
  readonly device: Device;
  /** The type its weights are held in. */
  readonly dtype: TorchDtype;
  /** How many numbers its checkpoint holds. */
  readonly numParameters: number;
  /**
   * Moves it to a device.
   *
   * @throws {DenoiseError} `runtime_unavailable` with what is missing on this machine.
   */
  to(device: Device): Promise<this>;
  /**
   * Writes config.json and the weights into a folder that diffusers can load.
   *
   * @throws {DenoiseError} `pickle_refused` for `safeSerialization: false`.
   */
  savePretrained(folder: string, options?: SaveOptions): Promise<void>;
  /** Makes sure that it could be saved like that, before anything is written. */
  checkSave?(options: SaveOptions): void;
  /** The model as it takes part in a call of a pipeline. */
  forCall?(call: PipelineCall): this;
  /** Has it in memory only while it takes part in a call of a pipeline. */
  enableModelCpuOffload(): void;
  /** Has a few of its blocks in memory at once. */
  enableGroupOffload(options?: GroupOffloadOptions): Promise<void>;
  /** Gives its memory back; a later call loads it again. */
  dispose(): Promise<void>;
}

/** The class of a model. */
export interface ModelClass<M extends Model = Model>
  extends PluginClass<M>, Bindable<ModelClass<M>> {
  /** Tells the classes of models from those of other plugins. */
  readonly kind: "model";
  /**
   * Loads the model from a folder or a repo.
   *
   * @param id A folder, or a repo id such as `"google/ddpm-cat-256"`.
   */
  fromPretrained(
    id: string | URL,
    options?: LoadOptions & { readonly subfolder?: string },
  ): Promise<M>;
  /**
   * Loads the model from an original checkpoint, one .safetensors file of that model alone or of a
   * whole pipeline (`from_single_file`).
   *
   * @throws {DenoiseError} `missing_component` when the file has no such model, `unsupported_option` for
   *   a class that no original checkpoint has.
   */
  fromSingleFile(file: string | URL, options?: SingleFileModelOptions): Promise<M>;
}
