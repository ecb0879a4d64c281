import type { AnyPipeline } from "./any_pipeline.ts";
import { type AnyPipelineLoadOptions, locatePipeline } from "./diffusion_pipeline.ts";
import {
  DenoiseError,
  type PipelineClass,
  type PipelineTask,
  type Registry,
  type SharedPipeline,
} from "@denoise/core";

/**
 * The class that does a task with the components of another class: one of its family.
 *
 * @param controlnet True for the one with ControlNets, false for the one without. Defaults to whether
 *   the other class has them.
 * @throws {DenoiseError} `unknown_class` when there is none.
 */
export function classForTask(
  className: string,
  task: string,
  registry: Registry,
  controlnet?: boolean,
): string {
  const own = registry.pipeline(className);
  const family = registry.pipelines().filter((one) => one.family === own?.family);
  const control = controlnet ?? own?.control;
  const fits = family.filter((one) => one.task === task && one.control === control);
  const found = fits.find((one) => one.className === own?.className) ?? fits[0];
  if (found !== undefined) return found.className;
  if (own === undefined) {
    throw new DenoiseError(
      "unknown_class",
      `Cannot find a pipeline for ${task} with the components of ${className}: no plugin provides ` +
        `that class, or it does not say its task and family`,
    );
  }
  const nets = controlnet ? " with ControlNets" : "";
  const tasks = family.filter((one) => !controlnet || one.control).map((one) => one.task);
  throw new DenoiseError(
    "unknown_class",
    `Cannot find a pipeline for ${task} with the components of ${className}: there is no ${task}` +
      `${nets} for ${own.family}; there is ${[...new Set(tasks)].join(", ") || "nothing"}${nets}`,
  );
}

/** Loads the pipeline that does one task with the models of any repo. */
export interface AutoPipeline<
  O extends object = object,
  C extends object = Record<string, unknown>,
  M = unknown,
> {
  /** What its pipelines do. */
  readonly task: PipelineTask;
  /**
   * Loads the components of a folder or repo into the pipeline for the task.
   *
   * @param options How to load, and components to use or leave out; with a `controlnet` the
   *   pipeline is the one for that.
   * @throws {DenoiseError} `unknown_class` when there is none for that repo.
   */
  fromPretrained(
    id: string | URL,
    options?: AnyPipelineLoadOptions<C>,
  ): Promise<AnyPipeline<O, C, M>>;
  /**
   * The pipeline for the task with the components of a loaded one; nothing is loaded twice, and the
   * models are shared.
   *
   * @param components To put in place of the loaded one's; `controlnet: null` takes it out.
   * @throws {DenoiseError} `unknown_class` when there is none for those components.
   */
  fromPipe(
    pipeline: SharedPipeline,
    components?: Readonly<Record<string, unknown>>,
  ): Promise<AnyPipeline<O, C, M>>;
}

type AnyClass = PipelineClass<Record<string, unknown>, unknown[], unknown>;

/** Makes the loader for a task that looks classes up in that registry. */
export function autoPipeline<
  O extends object = object,
  C extends object = Record<string, unknown>,
  M extends object = object,
>(
  task: PipelineTask,
  bound: Registry<M>,
): AutoPipeline<O, C, M> {
  return {
    task,
    async fromPretrained(id, options) {
      const given = Object(options) as AnyPipelineLoadOptions & { readonly controlnet?: unknown };
      const { location, className, registry } = await locatePipeline(id, given, bound);
      const wanted = classForTask(className, task, registry, controlled(given));
      const pipeline = await registry.get(wanted, "pipeline", task);
      return await pipeline.load(location, { ...present(given), registry }) as AnyPipeline<O, C, M>;
    },
    async fromPipe(pipeline, components = {}) {
      const wanted = classForTask(pipeline.className, task, bound, controlled(components));
      const Class = await bound.get(wanted, "pipeline", task) as unknown as AnyClass;
      const parts = present(components);
      return Class.using(bound).fromPipe(pipeline, parts) as unknown as AnyPipeline<O, C, M>;
    },
  };
}

/** Options without a `controlnet` of null, which chooses a class that has none. */
function present<T extends { readonly controlnet?: unknown }>(options: T): Partial<T> {
  const { controlnet, ...others } = options;
  return controlnet === null ? others as Partial<T> : options;
}

function controlled(options: { readonly controlnet?: unknown }): boolean | undefined {
  return options.controlnet === undefined ? undefined : options.controlnet !== null;
}
