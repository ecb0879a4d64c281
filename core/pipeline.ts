import type { CallOption, CallOptions } from "./call_options.ts";
import type { FrozenConfig, JsonObject } from "./config.ts";
import type { GeneratorInput } from "./random.ts";
import type { Device, LoadOptions, TorchDtype } from "./loading.ts";
import type { Audio, AudioCodec, Image, ImageCodec, Recipe } from "./media.ts";
import type { PluginClass, PluginKind } from "./plugin.ts";
import type { ProgressBarConfig } from "./progress.ts";
import type { SaveOptions } from "./saving.ts";
import type { LazyPlugin, Registry } from "./registry.ts";
import type { SingleFileOptions } from "./single_file.ts";
import type { Tensor } from "./tensor.ts";

/**
 * One denoising step of a run, as `stream` gives it.
 *
 * @category Pipelines
 */
export interface PipelineStep {
  /** Counted from 0. */
  readonly index: number;
  /** How many steps the run has. */
  readonly total: number;
  /** The timestep that was just taken. */
  readonly timestep: number;
  /** The samples after the step, float32 [N, C, h, w]. */
  readonly latents: Tensor;
  /** The clean samples as predicted at this step, by schedulers that know them. */
  readonly denoised?: Tensor | undefined;
  /** Makes images of what is there now, as the call's `preview` says. None of audio. */
  preview(): Promise<Image[]>;
}

/** What a callback may put in place of the latents. */
export interface StepCallbackResult {
  /** float32, the shape of the latents. */
  readonly latents?: Tensor | undefined;
}

/** Called at the end of each step; may change the latents that the next step gets. */
export type StepCallback = (
  step: PipelineStep,
) => StepCallbackResult | void | Promise<StepCallbackResult | void>;

/** Call options that every pipeline takes. */
export interface RunOptions {
  /** Noise of image i comes from seed + i. Defaults to a random one. */
  readonly seed?: number | bigint | undefined;
  /** Own generators: one for each image, or one that all share as diffusers allows. */
  readonly generator?: GeneratorInput | undefined;
  /** What the images are given as: images, tensors in 0..1, or latents. */
  readonly outputType?: "image" | "tensor" | "latent" | undefined;
  /** Called at the end of each step. */
  readonly callbackOnStepEnd?: StepCallback | undefined;
  /** How the steps' `preview()` makes images. Defaults to `"vae"`. */
  readonly preview?: PreviewDecoder | undefined;
  /** Whether a call shows a bar on a terminal. Defaults to true; a stream shows none. */
  readonly progress?: boolean | undefined;
  /** Cancels the run before its next step. */
  readonly signal?: AbortSignal | undefined;
  /** A .json file for onnxruntime's profile of the call, whose sessions are made again; its table is printed. */
  readonly profile?: string | undefined;
  /** What the recipes of its results say beside what the pipeline writes there. */
  readonly recipe?: Recipe | undefined;
}

/** The declarations of {@linkcode RunOptions}. */
export const runOptions: CallOptions<RunOptions> = {
  seed: { type: "seed" },
  generator: { type: "object", list: "allowed" },
  outputType: { type: "string", choices: ["image", "tensor", "latent"] },
  callbackOnStepEnd: { type: "function" },
  preview: { type: "any" },
  progress: { type: "boolean" },
  signal: { type: "object" },
  profile: { type: "string" },
  recipe: { type: "object" },
};

/** A call of a pipeline, as the models that take part in it see it. */
export interface PipelineCall {
  /** Its options, as they were given. */
  readonly options: RunOptions;
  /** Whether the first step was made, and not yet the last one. */
  isStepping: boolean;
  /** What is done when it ends, however it ends. */
  readonly ending: (() => Promise<void>)[];
}

/** How a model is streamed through memory. */
export interface GroupOffloadOptions {
  /** How many of its blocks are in memory at once. Defaults to 1. */
  readonly numBlocksPerGroup?: number | undefined;
  /** Of a pipeline: roles of models that stay as they are. */
  readonly excludeModules?: readonly string[] | undefined;
}

/**
 * What makes previews of latents: the pipeline's autoencoder (`"vae"`, a call of its decoder each), a
 * linear map of their channels to colours (`"linear"`, next to nothing; one pixel for each latent), or
 * a decoder of the same latents, such as an AutoencoderTiny. Pipelines without latents show their
 * samples.
 */
export type PreviewDecoder =
  | "vae"
  | "linear"
  | { decode(latents: Tensor): Promise<{ readonly sample: Tensor }> };

/**
 * What pipelines that make images give.
 *
 * @category Pipelines
 */
export interface ImageOutput {
  /** The images; empty when `outputType` is not `"image"`. */
  readonly images: readonly Image[];
  /** float32 [N, C, H, W]: values in 0..1 for `"tensor"`, latents for `"latent"`. */
  readonly tensor?: Tensor | undefined;
  /** For each image whether the safety checker hid it for what it shows; absent without one. */
  readonly nsfwContentDetected?: readonly boolean[] | undefined;
  /** For each image whether it was hidden for a watermark; absent where none is looked for. */
  readonly watermarkDetected?: readonly boolean[] | undefined;
}

/**
 * What pipelines that make audio give.
 *
 * @category Pipelines
 */
export interface AudioOutput {
  /** Images of the audio, of pipelines that make them by way of images. */
  readonly images: readonly Image[];
  /** The audio; empty when `outputType` is another. */
  readonly audios: readonly Audio[];
  /** float32 [N, channels, length] in -1..1 for `"tensor"`, latents for `"latent"`. */
  readonly tensor?: Tensor | undefined;
}

/** What a pipeline needs under one role of model_index.json. */
export interface ComponentSpec {
  /** What it has to be. */
  readonly kind: PluginKind;
  /** Whether the pipeline works without it. */
  readonly optional?: boolean | undefined;
  /** What it is where a repo does not say it, as repos with a modular_model_index.json need not. */
  readonly usual?: {
    /** The class that an `AutoProcessor` or the like stands for. */
    readonly className: string;
    /** Of schedulers: the config of one that the repo does not name. */
    readonly config?: JsonObject | undefined;
    /** The role in whose folder the files of one lie that the repo does not name. */
    readonly within?: string | undefined;
  } | undefined;
  /** Brings what users give into the form that the pipeline keeps, such as a list into one. */
  readonly adapt?: ((given: unknown) => unknown) | undefined;
}

/** What the function of a pipeline gets beside the arguments of the call. */
export interface PipelineRun<C extends object> {
  /** The components at the time of the call; the scheduler has a cursor of its own. */
  readonly components: C;
  /** Extra keys of model_index.json. */
  readonly settings: JsonObject;
  /** The plugins at hand. */
  readonly registry: Registry;
  /** The image codec of the registry. */
  images(): Promise<ImageCodec>;
  /** The audio codec of the registry. */
  audio(): Promise<AudioCodec>;
  /** What an image's recipe begins with: pipeline, model, commit, scheduler, versions. */
  readonly recipe: Recipe;
  /** How previews are made. Defaults to `"vae"`. */
  readonly preview?: PreviewDecoder | undefined;
  /** Tells the user something; `console.warn` unless `onWarning` was given at loading. */
  warn(message: string): void;
}

/** What a pipeline is when its components are prepared. */
export interface PipelineFacts {
  /** The class name in diffusers. */
  readonly className: string;
  /** Extra keys of model_index.json. */
  readonly settings: JsonObject;
}

/**
 * What a pipeline is for: the Hub's words where it has them (`pipeline_tag`). Plugins may have words of
 * their own.
 */
export type PipelineTask =
  | "text-to-image"
  | "image-to-image"
  | "inpainting"
  | "depth-to-image"
  | "upscaling"
  | "unconditional-image-generation"
  | "unconditional-audio-generation";

/** What a pipeline can do, known without loading it. */
export interface PipelineTraits {
  /** What it is for: a {@linkcode PipelineTask}, or a word of the plugin's own. */
  readonly task: PipelineTask | (string & Record<never, never>);
  /**
   * The models it works with, such as `"stable-diffusion-xl"`: pipelines of one family can be made of
   * each other's components, with those that ControlNets take part in needing a `controlnet` too.
   */
  readonly family: string;
  /** Whether ControlNets take part. */
  readonly control: boolean;
}

/** The options of a call: the last of its arguments. */
export type OptionsOf<A extends readonly unknown[]> = Required<A> extends
  readonly [...unknown[], infer O extends object] ? O : Record<never, never>;

/** The arguments as the function of a pipeline gets them: options are there, and have their defaults. */
export type SettledArguments<A extends readonly unknown[], D extends object> = A extends
  readonly [options?: infer O] ? [options: Settled<O, D>]
  : A extends readonly [prompt?: infer P, options?: infer O]
    ? [prompt: P | undefined, options: Settled<O, D>]
  : A;

/** Options with those that have a default at it. */
export type Settled<O, D extends object> =
  & NonNullable<O>
  & { readonly [K in keyof D & keyof NonNullable<O>]-?: Exclude<NonNullable<O>[K], undefined> };

/** What the author of a pipeline plugin writes. */
export interface PipelineDefinition<
  C extends object,
  A extends readonly unknown[],
  Out,
  D extends object = Record<never, never>,
  M = unknown,
> {
  /** The class name that model_index.json carries. */
  readonly className: string;
  /** What it is for, one of the Hub's words such as `"text-to-image"` where there is one; the main one first. */
  readonly task: PipelineTraits["task"] | readonly PipelineTraits["task"][];
  /** The models it works with; see {@linkcode PipelineTraits}. Defaults to the class name. */
  readonly family?: string | undefined;
  /** Whether ControlNets take part. Defaults to false. */
  readonly control?: boolean | undefined;
  /** Whether a call begins with a prompt, before its options. Defaults to false. */
  readonly takesPrompt?: boolean | undefined;
  /** Every option of a call; others are refused. */
  readonly options: NoInfer<CallOptions<OptionsOf<A>>>;
  /** Values of options that a call leaves out. */
  readonly defaults?: (D & NoInfer<Partial<OptionsOf<A>>>) | undefined;
  /**
   * What a modular_model_index.json need not say that names blocks of diffusers which do the same work, by their class
   * names: settings, and under `_defaults` the values of options that the blocks have where a call leaves them out.
   */
  readonly blocks?: Readonly<Record<string, JsonObject>> | undefined;
  /** The size in pixels of what is made where neither the call nor an image says it. */
  defaultSize?(components: NoInfer<C>): ImageSize;
  /** Seconds of the audio that is made where the call does not say it. */
  defaultLength?(components: NoInfer<C>): number;
  /** What a call makes. Defaults to `"images"`. */
  readonly makes?: "images" | "audio" | "embeddings" | undefined;
  /** The components by role, in camelCase (`textEncoder` for `text_encoder`). */
  readonly components: NoInfer<{ readonly [K in keyof C]: ComponentSpec }>;
  /** Extra keys of model_index.json with their defaults. */
  readonly settings?: JsonObject | undefined;
  /** Adapts components that a repo has in a form that needs mending; returns what to replace. */
  prepare?(components: C, warn: (message: string) => void, about: PipelineFacts): Partial<C>;
  /** The run: yields after each denoising step, returns what the call gives. */
  generate(
    run: PipelineRun<C>,
    ...args: SettledArguments<A, D>
  ): AsyncGenerator<PipelineStep, Out, void>;
  /**
   * What pipeline objects can do beside their call, such as `invert`.
   *
   * @param within Does work with the components as they take part in a call with these options.
   */
  methods?(
    within: <T>(options: object, work: (run: PipelineRun<C>) => Promise<T>) => Promise<T>,
  ): M;
}

/** Height and width of an image in pixels. */
export interface ImageSize {
  /** In pixels. */
  readonly height: number;
  /** In pixels. */
  readonly width: number;
}

/** A loaded pipeline that another one can take its components from. */
export interface SharedPipeline {
  /** The class name in diffusers. */
  readonly className: string;
  /** The folder or id that it was loaded from. */
  readonly nameOrPath: string;
  /** What model_index.json says of it. */
  readonly config: FrozenConfig;
  /** The components by role. */
  readonly components: object;
}

/** What every pipeline object has beside its components. */
export interface PipelineBase<C extends object, A extends readonly unknown[], Out>
  extends AsyncDisposable, SharedPipeline {
  /** The plugins at hand. */
  readonly registry: Registry;
  /** What a call makes. */
  readonly makes: "images" | "audio" | "embeddings";
  /** Where its first model computes. */
  readonly device: Device;
  /** The type that its first model's weights are held in. */
  readonly dtype: TorchDtype;
  /**
   * Values of options that a call leaves out: the class's, and in their place those that the repo
   * suggests under `_defaults` of its model_index.json.
   */
  readonly defaults: Readonly<Record<string, unknown>>;
  /** The components by role; what they are can be handed to another pipeline. */
  readonly components: C;
  /** Runs and gives each step; the return value of the generator is what the call gives. */
  stream(...args: A): AsyncGenerator<PipelineStep, Out, void>;
  /**
   * Moves the models to a device.
   *
   * @throws {DenoiseError} `runtime_unavailable` with what is missing on this machine.
   */
  to(device: Device): Promise<this>;
  /**
   * Writes a folder that diffusers can load; the options are those of each of its models.
   *
   * @throws {DenoiseError} `pickle_refused` for `safeSerialization: false`.
   */
  savePretrained(folder: string, options?: SaveOptions): Promise<void>;
  /** Has models in memory only while they take part in a call: one before the steps, those of the steps, one after. */
  enableModelCpuOffload(): void;
  /** Has a few blocks of each model in memory at once, for models that are larger than it. */
  enableGroupOffload(options?: GroupOffloadOptions): Promise<void>;
  /** How calls from now on show progress (`set_progress_bar_config`). */
  setProgressBarConfig(config: ProgressBarConfig): void;
  /** Gives the memory of its models back. */
  dispose(): Promise<void>;
  /** Class name and components as diffusers prints them. */
  toString(): string;
}

/**
 * A pipeline object: call it, or stream it; its components can be replaced. It has the methods `M` of the
 * adapters in the registry of its class.
 *
 * @category Pipelines
 */
export type Pipeline<C extends object, A extends readonly unknown[], Out, M = unknown> =
  & ((...args: A) => Promise<Out>)
  & PipelineBase<C, A, Out>
  & { -readonly [K in keyof C]: C[K] }
  & M;

/**
 * Options of a pipeline's `fromPretrained`: how to load, and components to use or leave out.
 *
 * @category Pipelines
 */
export type PipelineLoadOptions<C extends object> =
  & LoadOptions
  & {
    /** Classes of one's own that stand in front of the registry's. */
    readonly plugins?: readonly (PluginClass | LazyPlugin)[] | undefined;
  }
  & { readonly [K in keyof C]?: C[K] | null | undefined };

/** The class of a pipeline, made by {@linkcode definePipeline}. */
export interface PipelineClass<C extends object, A extends readonly unknown[], Out, M = unknown>
  extends Omit<PluginClass<Pipeline<C, A, Out, M>>, keyof PipelineTraits>, PipelineTraits {
  /** Tells the classes of pipelines from those of other plugins. */
  readonly kind: "pipeline";
  /** What a call makes. */
  readonly makes: "images" | "audio" | "embeddings";
  /** Whether a call begins with a prompt, before its options. */
  readonly takesPrompt: boolean;
  /** Every option of a call by its name. */
  readonly options: Readonly<Record<string, CallOption>>;
  /** Values of options that a call leaves out. */
  readonly defaults: Readonly<Record<string, unknown>>;
  /**
   * The size in pixels of what is made where neither the call nor an image says it; undefined where
   * the class has no such size.
   */
  defaultSize(components: C): ImageSize | undefined;
  /** Seconds of audio where the call does not say it; undefined where the class has no such length. */
  defaultLength(components: C): number | undefined;
  /** The components by role. */
  readonly spec: { readonly [K in keyof C]: ComponentSpec };
  /** Puts a pipeline together from its parts. */
  new (components: Partial<C>, settings?: JsonObject): Pipeline<C, A, Out, M>;
  /** Loads every component that model_index.json names. */
  fromPretrained(
    id: string | URL,
    options?: PipelineLoadOptions<C>,
  ): Promise<Pipeline<C, A, Out, M>>;
  /** Loads the models of one file under its authors' names (`.safetensors`, `.gguf`), the rest from a repo. */
  fromSingleFile(
    file: string | URL,
    options?: SingleFileOptions<C>,
  ): Promise<Pipeline<C, A, Out, M>>;
  /**
   * Puts a pipeline together from the components of another one, which share their models.
   *
   * @param components To put in place of the other one's.
   * @throws {DenoiseError} `missing_component` when the other one lacks a component.
   */
  fromPipe(pipeline: SharedPipeline, components?: Partial<C>): Pipeline<C, A, Out, M>;
  /** The same class, with this registry as its default: pipelines have the methods of its adapters. */
  using<N extends object>(registry: Registry<N>): PipelineClass<C, A, Out, M & N>;
}
