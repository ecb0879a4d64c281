import type { AnyPipeline } from "./any_pipeline.ts";
import { type AnyPipelineLoadOptions, locatePipeline } from "./diffusion_pipeline.ts";
import {
  DenoiseError,
  type PipelineClass,
  type PipelineTask,
  type Registry,
  type SharedPipeline,
} from "@denoise/core";

/** Which class of a family is wanted. */
export interface WantedClass {
  /** The one with ControlNets, or the one without. */
  readonly controlnet?: boolean | undefined;
  /** The one with perturbed attention guidance, or the one without. */
  readonly enablePag?: boolean | undefined;
}

const PAG = "-pag";

/** The name of the family with perturbed attention guidance, or of that without. */
function pagFamily(family: string, enablePag: boolean): string {
  const plain = family.endsWith(PAG) ? family.slice(0, -PAG.length) : family;
  return enablePag ? plain + PAG : plain;
}

/**
 * The class that does a task with the components of another class: one of its family.
 *
 * @param wanted With `controlnet` the one with ControlNets, with `enablePag` the one with perturbed
 *   attention guidance; false for the one without. Each defaults to what the other class has.
 * @throws {DenoiseError} `unknown_class` when there is none.
 */
export function classForTask(
  className: string,
  task: string,
  registry: Registry,
  { controlnet, enablePag }: WantedClass = {},
): string {
  const own = registry.pipeline(className);
  const name = own && (enablePag === undefined ? own.family : pagFamily(own.family, enablePag));
  const family = registry.pipelines().filter((one) => one.family === name);
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
  if (family.length === 0) {
    throw new DenoiseError(
      "unknown_class",
      `Cannot find a pipeline for ${task} with perturbed attention guidance and the components of ` +
        `${className}: there is none for ${own.family}; leave enablePag out`,
    );
  }
  const nets = controlnet ? " with ControlNets" : "";
  const tasks = family.filter((one) => !controlnet || one.control).map((one) => one.task);
  throw new DenoiseError(
    "unknown_class",
    `Cannot find a pipeline for ${task} with the components of ${className}: there is no ${task}` +
      `${nets} for ${name}; there is ${[...new Set(tasks)].join(", ") || "nothing"}${nets}`,
  );
}

/** Whether attention is to be perturbed. */
export type PagChoice = Pick<WantedClass, "enablePag">;

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
   *   pipeline is the one for that, with `enablePag` the one with perturbed attention guidance.
   * @throws {DenoiseError} `unknown_class` when there is none for that repo.
   */
  fromPretrained(
    id: string | URL,
    options?: AnyPipelineLoadOptions<C> & PagChoice,
  ): Promise<AnyPipeline<O, C, M>>;
  /**
   * The pipeline for the task with the components of a loaded one; nothing is loaded twice, and the
   * models are shared.
   *
   * @param components To put in place of the loaded one's; `controlnet: null` takes it out. With
   *   `enablePag` the pipeline is the one with perturbed attention guidance, or the one without.
   * @throws {DenoiseError} `unknown_class` when there is none for those components.
   */
  fromPipe(
    pipeline: SharedPipeline,
    components?: Readonly<Record<string, unknown>> & PagChoice,
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
      const { enablePag, ...given } = Object(options) as
        & AnyPipelineLoadOptions
        & PagChoice
        & { readonly controlnet?: unknown };
      const { location, className, registry } = await locatePipeline(id, given, bound);
      const controlnet = controlled(given);
      const wanted = classForTask(className, task, registry, { controlnet, enablePag });
      const pipeline = await registry.get(wanted, "pipeline", task);
      return await pipeline.load(location, { ...present(given), registry }) as AnyPipeline<O, C, M>;
    },
    async fromPipe(pipeline, { enablePag, ...components } = {}) {
      const controlnet = controlled(components);
      const wanted = classForTask(pipeline.className, task, bound, { controlnet, enablePag });
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
