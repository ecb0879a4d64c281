import {
  type CallOption,
  DenoiseError,
  MODEL_INDEX,
  readModelIndex,
  type Registry,
  type Scheduler,
  type SchedulerClass,
} from "@denoise/core";
import { vaeScaleFactor } from "@denoise/diffusion";
import { type AnyPipeline, lengthOption, pipelineClassOf } from "@denoise/loading";
import { ServeError } from "../contract/errors.ts";
import type { JobInput, LoraUse, Task } from "../contract/job.ts";
import type {
  ControlAbility,
  ControlKind,
  ModelInfo,
  TaskDefaults,
} from "../contract/model_info.ts";
import { ownOptionsOf } from "../contract/own_options.ts";
import type { ControlNets } from "./control_nets.ts";
import type { ModelOptions } from "./engine.ts";
import type { LocatedModel } from "./locate.ts";
import { findLoras, LoraSwitch } from "./loras.ts";
import { type AnyClass, controlRole, controlTasksFor, tasksFor } from "./tasks.ts";

/** The scheduler that a run asks for. */
export type ChosenScheduler = Pick<JobInput, "scheduler" | "schedulerConfig">;

/** A model in memory, and the pipelines that its components make up. */
export interface LoadedModel {
  /** What callers may know of it. */
  readonly info: ModelInfo;
  /** The class that it is called by, where that is asked for by name and not the repo's own. */
  readonly calledBy: string | undefined;
  /** The fewest steps of a run: a scheduler with `shift_terminal` cannot plan one alone. */
  readonly leastSteps: number;
  /**
   * The pipeline for a run: the model's own components, a scheduler of the run's own, and ControlNets.
   *
   * @param chosen Class name and options of the scheduler. Defaults to the model's own.
   * @param controls Names of the ControlNets that take part.
   */
  pipeline(
    task: Task,
    chosen: ChosenScheduler,
    controls: readonly string[],
    onWarning: (message: string) => void,
  ): Promise<AnyPipeline>;
  /**
   * Applies these LoRAs to the runs that follow, and no others.
   *
   * @throws {ServeError} `invalid_input` for one that cannot be applied.
   */
  useLoras(loras: readonly LoraUse[], onWarning: (message: string) => void): Promise<void>;
  /** Gives its memory back. */
  dispose(): Promise<void>;
}

/** Loads a model from its folder. */
export async function loadModel(
  location: LocatedModel,
  registry: Registry,
  options: ModelOptions,
  controlNets: ControlNets,
): Promise<LoadedModel> {
  const { pipeline: calledBy } = location;
  const className = calledBy ??
    pipelineClassOf(await readModelIndex(location), registry, location.id);
  const { device, torchDtype, quantization, variant, threads, gpuMemoryLimit } = options;
  const how = { device, torchDtype, quantization, variant, threads, gpuMemoryLimit };
  const load = { ...how, registry, optimize: "speed", progress: false } as const;
  const wantedBy = calledBy === undefined ? MODEL_INDEX : `the server for ${location.id}`;
  const plugin = await registry.get(className, "pipeline", wantedBy);
  const whole = await plugin.load(location, load) as AnyPipeline;
  const { makes } = whole;
  if (makes === "embeddings") {
    await whole.dispose();
    throw new DenoiseError(
      "unsupported_option",
      `Cannot serve ${location.id}: ${className} makes ${makes}, and what is served are images ` +
        `and audio; call the pipeline itself`,
    );
  }
  const tasks = await tasksFor(whole, registry);
  const controlled = new Map<ControlKind, ReadonlyMap<Task, AnyClass>>();
  const nets: Record<string, ControlAbility> = {};
  for (const [name, { kind, modes }] of controlNets.madeFor(whole)) {
    const can = controlled.get(kind) ??
      await controlTasksFor(whole, kind, tasks.keys(), registry);
    controlled.set(kind, can);
    if (can.size > 0) nets[name] = { kind, tasks: [...can.keys()], modes };
  }
  const netsOf = async (names: readonly string[], kind: ControlKind) => {
    const isOne = kind === "union" && new Set(names).size === 1; // with images of several kinds
    const own = isOne ? names.slice(0, 1) : names;
    const taken = await controlNets.take(own);
    return taken.length === 1 ? taken[0] : taken; // a list is given lists of images
  };
  const loras = [...(await findLoras(options.loraFolder)).keys()];
  const loraSwitch = new LoraSwitch(whole, options.loraFolder);

  return {
    calledBy,
    info: {
      id: location.id,
      pipeline: className,
      tasks: [...tasks.keys()],
      makes,
      ...schedulersOf(whole, registry),
      ...(makes === "audio" ? lengths : sizes)(whole, [...tasks.values()]),
      takesPrompt: [...tasks.values()].some(({ takesPrompt }) => takesPrompt),
      takesPromptSyntax: [...tasks.values()].some(({ options }) => "promptSyntax" in options),
      strengthTasks: [...tasks].filter(([, { options }]) => "strength" in options)
        .map(([task]) => task),
      images: imagesTogether([...tasks.values()]),
      defaults: await defaultsFor(tasks, whole, location, registry),
      options: ownOptionsOf(tasks, whole.defaults),
      loras,
      ...Object.keys(nets).length > 0 && { controlNets: nets },
      commit: location.commit,
    },
    leastSteps: leastStepsOf(whole),
    useLoras: (loras, onWarning) => loraSwitch.use(loras, onWarning),
    async pipeline(task, chosen, controls, onWarning): Promise<AnyPipeline> {
      const [first] = controls;
      const kind = first === undefined ? undefined : nets[first]?.kind;
      const Class = (kind === undefined ? tasks : controlled.get(kind))?.get(task);
      if (Class === undefined || (first !== undefined && kind === undefined)) {
        const by = first === undefined ? "" : ` by ${first}`;
        throw new ServeError("invalid_input", `${location.id} cannot do ${task}${by}`);
      }
      const own = chosen.scheduler === undefined && chosen.schedulerConfig === undefined;
      const shared = Object.entries(whole.components).filter(([role]) => role in Class.spec);
      const parts = {
        ...Object.fromEntries(shared),
        ...!own && { scheduler: await swapped(whole, chosen, registry) },
        ...kind !== undefined && { [controlRole(kind)]: await netsOf(controls, kind) },
      };
      return await Class.load(location, { ...load, ...parts, onWarning }) as unknown as AnyPipeline;
    },
    dispose: () => whole.dispose(),
  };
}

/** The schedulers at hand that can take over the configuration of a model's own. */
function fitting({ className, compatibles }: Scheduler, registry: Registry): string[] {
  return [...new Set([className, ...compatibles])].filter((name) => registry.has(name)).sort();
}

/** The fewest steps that the pipeline's own scheduler plans. */
function leastStepsOf({ scheduler }: AnyPipeline): number {
  const { shift_terminal: terminal } = (scheduler as Scheduler | undefined)?.config as
    | { readonly shift_terminal?: unknown }
    | undefined ?? {};
  return terminal ? 2 : 1;
}

/** The scheduler of a pipeline, and those that can take its place; of one with several by other names the first. */
function schedulersOf(
  { scheduler, components }: AnyPipeline,
  registry: Registry,
): Pick<ModelInfo, "scheduler" | "schedulers"> {
  const own = scheduler as Scheduler | undefined;
  if (own !== undefined) return { scheduler: own.className, schedulers: fitting(own, registry) };
  const among = Object.entries(components as unknown as Readonly<Record<string, Scheduler>>);
  const { className } = among.find(([role]) => role.endsWith("Scheduler"))![1];
  return { scheduler: className, schedulers: [className] };
}

async function swapped(
  { scheduler, className }: AnyPipeline,
  { scheduler: name, schedulerConfig = {} }: ChosenScheduler,
  registry: Registry,
): Promise<Scheduler> {
  const own = scheduler as Scheduler | undefined;
  if (own === undefined) {
    const why = `${className} has several schedulers, none of which can be chosen`;
    throw new ServeError("invalid_input", why);
  }
  const Class = await registry.get(name ?? own.className, "scheduler") as SchedulerClass;
  return Class.fromConfig(own.config, schedulerConfig);
}

/** Values of options where a call leaves them open. */
type Defaults = AnyPipeline["defaults"];

/** What the pipeline of each task does where a call leaves it open, as the repo suggests. */
async function defaultsFor(
  tasks: ReadonlyMap<Task, AnyClass>,
  { components }: AnyPipeline,
  location: LocatedModel,
  registry: Registry,
): Promise<ModelInfo["defaults"]> {
  const shared: Readonly<Record<string, unknown>> = { ...components };
  const found = [...tasks].map(async ([task, Class]) => {
    const parts = Object.keys(Class.spec).map((role) => [role, shared[role] ?? null]);
    const quiet = { registry, onWarning() {} };
    const pipe = await Class.load(location, { ...Object.fromEntries(parts), ...quiet });
    return [task, defaultsIn((pipe as unknown as AnyPipeline).defaults)];
  });
  return Object.fromEntries(await Promise.all(found));
}

/** Those that requests have fields for. */
function defaultsIn(defaults: Defaults): TaskDefaults {
  return {
    steps: numberIn(defaults, "numInferenceSteps"),
    guidanceScale: numberIn(defaults, "guidanceScale"),
    strength: numberIn(defaults, "strength"),
  };
}

function numberIn(defaults: Defaults, name: string): number | undefined {
  const value = defaults[name];
  return typeof value === "number" ? value : undefined;
}

/** How many images one of the classes reads together. */
function imagesTogether(classes: readonly AnyClass[]): number {
  const images = classes.map(({ options }) =>
    (options as Readonly<Record<string, CallOption>>)["image"]?.together ?? 1
  );
  return Math.max(1, ...images);
}

/** How long audio is where a call leaves it open; it has no pixels. */
function lengths(
  { components, defaults }: AnyPipeline,
  classes: readonly AnyClass[],
): ReturnType<typeof sizes> & Pick<ModelInfo, "seconds" | "takesLength" | "takesLyrics"> {
  const [seconds] = classes.map((Class) =>
    numberIn(defaults, lengthOption(Class) ?? "") ?? Class.defaultLength(components)
  ).filter((one) => one !== undefined);
  const takesLength = classes.some((Class) => lengthOption(Class) !== undefined);
  const takesLyrics = classes.some(({ options }) => "lyrics" in options);
  const size = { width: 0, height: 0, sizeMultiple: 1, takesSize: false };
  return { ...size, seconds, takesLength, takesLyrics };
}

/** The size of images, as the pipelines settle it where a call leaves it open. */
function sizes(
  { components, defaults }: AnyPipeline,
  classes: readonly AnyClass[],
): Pick<ModelInfo, "width" | "height" | "sizeMultiple" | "takesSize"> {
  const { vae } = components as { vae?: Parameters<typeof vaeScaleFactor>[0] | null };
  const [size = { width: 512, height: 512 }] = classes.map((Class) => Class.defaultSize(components))
    .filter((one) => one !== undefined);
  const takesSize = classes.some(({ options }) => "width" in options);
  const multiple = Math.max(8, vae ? vaeScaleFactor(vae) : 1);
  const width = numberIn(defaults, "width") ?? size.width;
  const height = numberIn(defaults, "height") ?? size.height;
  return { width, height, sizeMultiple: takesSize ? multiple : 1, takesSize };
}
