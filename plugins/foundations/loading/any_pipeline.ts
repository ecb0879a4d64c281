import type {
  Audio,
  Image,
  ImageOutput,
  PipelineBase,
  PipelineStep,
  Scheduler,
} from "@denoise/core";

/** What a pipeline gives whose class is known only from its model_index.json. */
export interface AnyOutput extends ImageOutput {
  /** The audio, of pipelines that make them. */
  readonly audios?: readonly Audio[] | undefined;
  /** What else it made as images, by what they show, one for each of the images: `depth`. */
  readonly furtherImages?: Readonly<Record<string, readonly Image[]>> | undefined;
}

/**
 * A pipeline whose class is known only from its model_index.json. `O` are the options that its calls
 * may be given, `C` the components that it may have, `M` the methods of adapters; at run time options that the class at hand does
 * not have are refused, and components that it lacks are undefined.
 *
 * @category Pipelines
 *
 * @example
 * ```ts ignore
 * import { type AnyPipeline, DiffusionPipeline } from "@denoise/denoise";
 *
 * const pipe: AnyPipeline = await DiffusionPipeline.fromPretrained("denoise/emoji");
 * console.log(pipe.className, pipe.components);
 * ```
 */
export type AnyPipeline<
  O extends object = object,
  C extends object = Record<string, unknown>,
  M = unknown,
> =
  & AnyPipelineBase<O, C>
  & (string extends keyof C ? unknown : { -readonly [K in keyof C]: C[K] })
  & M;

/** What {@linkcode AnyPipeline} is beside its components. */
export interface AnyPipelineBase<O extends object, C extends object>
  extends PipelineBase<C, [prompt?: string | readonly string[], options?: O], AnyOutput> {
  /** The scheduler; another one can be put in its place. */
  scheduler: Scheduler;
  /** Runs a pipeline that takes a prompt. */
  (prompt?: string | readonly string[], options?: O): Promise<AnyOutput>;
  /** Runs a pipeline that takes options alone. */
  (options: O): Promise<AnyOutput>;
  /** Runs a pipeline that takes a prompt, and gives each step. */
  stream(
    prompt?: string | readonly string[],
    options?: O,
  ): AsyncGenerator<PipelineStep, AnyOutput, void>;
  /** Runs a pipeline that takes options alone, and gives each step. */
  stream(options: O): AsyncGenerator<PipelineStep, AnyOutput, void>;
}
