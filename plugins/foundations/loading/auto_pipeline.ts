import type { AnyPipeline } from "./any_pipeline.ts";
import { type AnyPipelineLoadOptions, locatePipeline } from "./diffusion_pipeline.ts";
import {
  DenoiseError,
  type PipelineClass,
  type PipelineTask,
  type Registry,
  type SharedPipeline,
} from "@denoise/core";

/** The class names of one kind of model: one for each task, and the kind with ControlNet. */
interface Family {
  readonly tasks: { readonly [task in PipelineTask]?: string };
  readonly controlled?: string;
}

function family(name: string, controlled?: string): Family {
  const tasks = {
    "text-to-image": `${name}Pipeline`,
    "image-to-image": `${name}Img2ImgPipeline`,
    "inpainting": `${name}InpaintPipeline`,
  };
  return controlled === undefined ? { tasks } : { tasks, controlled };
}

/** `SUPPORTED_TASKS_MAPPINGS` of diffusers, as far as there are plugins for them. */
const FAMILIES: Readonly<Record<string, Family>> = {
  "stable-diffusion": family("StableDiffusion", "stable-diffusion-controlnet"),
  "stable-diffusion-controlnet": family("StableDiffusionControlNet"),
  "stable-diffusion-xl": family("StableDiffusionXL", "stable-diffusion-xl-controlnet"),
  "stable-diffusion-xl-controlnet": family("StableDiffusionXLControlNet"),
  "latent-consistency-model": {
    tasks: {
      "text-to-image": "LatentConsistencyModelPipeline",
      "image-to-image": "LatentConsistencyModelImg2ImgPipeline",
    },
  },
};

/**
 * The class that does a task with the components of another class.
 *
 * @param controlnet True for the one with ControlNet, false for the one without; as it is unless
 *   given.
 * @throws {DenoiseError} `unknown_class` when there is none.
 */
export function classForTask(className: string, task: PipelineTask, controlnet?: boolean): string {
  const found = Object.entries(FAMILIES)
    .find(([_, { tasks }]) => Object.values(tasks).includes(className));
  const plain = Object.values(FAMILIES).find(({ controlled }) => controlled === found?.[0]);
  const chosen = controlnet === undefined
    ? found?.[1]
    : controlnet
    ? FAMILIES[found?.[1].controlled ?? ""] ?? (plain && found?.[1])
    : plain ?? found?.[1];
  const name = chosen?.tasks[task];
  if (name !== undefined) return name;
  const known = Object.values(FAMILIES).flatMap(({ tasks }) => Object.values(tasks));
  throw new DenoiseError(
    "unknown_class",
    `Cannot find a pipeline for ${task} with the components of ${className}. There are such ` +
      `pipelines for those of: ${known.join(", ")}`,
  );
}

/** Loads the pipeline that does one task with the models of any repo. */
export interface AutoPipeline<
  O extends object = object,
  C extends object = Record<string, unknown>,
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
  fromPretrained(id: string | URL, options?: AnyPipelineLoadOptions<C>): Promise<AnyPipeline<O, C>>;
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
  ): Promise<AnyPipeline<O, C>>;
}

type AnyClass = PipelineClass<Record<string, unknown>, unknown[], unknown>;

/** Makes the loader for a task that looks classes up in that registry. */
export function autoPipeline<
  O extends object = object,
  C extends object = Record<string, unknown>,
>(
  task: PipelineTask,
  bound: Registry,
): AutoPipeline<O, C> {
  return {
    task,
    async fromPretrained(id, options) {
      const given = Object(options) as AnyPipelineLoadOptions & { readonly controlnet?: unknown };
      const { location, className, registry } = await locatePipeline(id, given, bound);
      const wanted = classForTask(className, task, controlled(given));
      const pipeline = await registry.get(wanted, "pipeline", task);
      return await pipeline.load(location, { ...present(given), registry }) as AnyPipeline<O, C>;
    },
    async fromPipe(pipeline, components = {}) {
      const wanted = classForTask(pipeline.className, task, controlled(components));
      const Class = await bound.get(wanted, "pipeline", task) as unknown as AnyClass;
      const parts = present(components);
      return Class.using(bound).fromPipe(pipeline, parts) as unknown as AnyPipeline<O, C>;
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
