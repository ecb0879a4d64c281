import { type ComponentSpec, DenoiseError, type PipelineClass, type Registry } from "@denoise/core";
import type { AnyPipeline } from "@denoise/loading";
import { type Task, TASKS } from "../contract/job.ts";
import type { ControlKind } from "../contract/model_info.ts";
import { WITHOUT_VALUE } from "../contract/own_options.ts";

/** The class of any pipeline. */
export type AnyClass = PipelineClass<object, unknown[], unknown>;

/** The function's word for each task of pipelines that it can be asked for. */
const WORDS: Readonly<Record<string, Task>> = {
  "text-to-image": "text-to-image",
  "text-to-video": "text-to-image", // a series of images
  "image-to-image": "image-to-image",
  "upscaling": "image-to-image",
  "image-editing": "image-to-image",
  "image-to-image-upscaling": "image-to-image",
  "inpainting": "inpaint",
  "inpainting-upscaling": "inpaint",
  "depth-to-image": "depth-to-image",
  "text-to-audio": "text-to-audio",
  "unconditional-image-generation": "unconditional",
  "unconditional-audio-generation": "unconditional",
};

/**
 * What a loaded pipeline's components can do: its own task first, then those of the classes of its family
 * that they fit.
 *
 * @returns The class for each task.
 * @throws {DenoiseError} `unsupported_option` for a pipeline whose own task nobody can ask for.
 */
export async function tasksFor(
  { className, components }: AnyPipeline,
  registry: Registry,
): Promise<ReadonlyMap<Task, AnyClass>> {
  const own = registry.pipeline(className);
  const word = WORDS[own?.task ?? ""];
  if (own === undefined || word === undefined) {
    const does = own === undefined ? "it does not say what it does" : `it does ${own.task}`;
    throw new DenoiseError(
      "unsupported_option",
      `Cannot serve ${className}: ${does}; served are ${Object.keys(WORDS).join(", ")}`,
    );
  }
  const ownClass = await classNamed(className, registry);
  const missing = beyondRequests(ownClass);
  if (missing.length > 0) {
    throw new DenoiseError(
      "unsupported_option",
      `Cannot serve ${className}: it has to be given ${
        missing.join(" and ")
      }, for which no request has a place; ` +
        "call the pipeline itself",
    );
  }
  const tasks = new Map<Task, AnyClass>([[word, ownClass]]);
  if (!seesOnlyLatents(components)) return tasks;
  const family = registry.pipelines()
    .filter(({ family, control }) => family === own.family && control === own.control);
  for (const task of TASKS) {
    const sibling = family.find((one) => WORDS[one.task] === task);
    if (sibling === undefined || tasks.has(task)) continue;
    const Class = await classNamed(sibling.className, registry);
    if (fits(Class, components) && beyondRequests(Class).length === 0) tasks.set(task, Class);
  }
  return tasks;
}

/** What a class has to be given that no request can carry. */
function beyondRequests({ options }: AnyClass): string[] {
  return Object.entries(options)
    .filter(([_, { type, required }]) => required && type in WITHOUT_VALUE)
    .map(([name]) => name);
}

/** What the families of pipelines with each kind of network end with, and its place among the components. */
const CONTROLS: Readonly<Record<ControlKind, { readonly suffix: string; readonly role: string }>> =
  {
    "controlnet": { suffix: "", role: "controlnet" },
    "union": { suffix: "-control-union", role: "controlnet" },
    "t2i-adapter": { suffix: "-t2i-adapter", role: "adapter" },
  };

/** The component that a network is. */
export function controlRole(kind: ControlKind): string {
  return CONTROLS[kind].role;
}

/** The class for each of these tasks in which networks of a kind take part, where the family has one. */
export async function controlTasksFor(
  { className, components }: AnyPipeline,
  kind: ControlKind,
  tasks: Iterable<Task>,
  registry: Registry,
): Promise<ReadonlyMap<Task, AnyClass>> {
  const own = registry.pipeline(className)!;
  const { suffix, role } = CONTROLS[kind];
  const family = registry.pipelines().filter(({ family, control }) =>
    family === own.family + suffix && control && !own.control
  );
  const found = new Map<Task, AnyClass>();
  for (const task of tasks) {
    const sibling = family.find((one) => WORDS[one.task] === task);
    if (sibling === undefined) continue;
    const Class = await classNamed(sibling.className, registry);
    if (role in Class.spec && fits(Class, { ...components, [role]: {} })) found.set(task, Class);
  }
  return found;
}

async function classNamed(name: string, registry: Registry): Promise<AnyClass> {
  return await registry.get(name, "pipeline") as unknown as AnyClass;
}

/** A UNet that takes more than latents (a mask, a depth map) does its own task only. */
function seesOnlyLatents(components: object): boolean {
  const { unet, vae } = components as Record<string, { config?: Record<string, unknown> }>;
  const seen = unet?.config?.["in_channels"];
  const latent = vae?.config?.["latent_channels"];
  return seen === undefined || latent === undefined || seen === latent;
}

function fits(Class: AnyClass, components: object): boolean {
  const spec: Readonly<Record<string, ComponentSpec>> = { ...Class.spec };
  const parts = components as Readonly<Record<string, unknown>>;
  return Object.entries(spec).every(([role, { optional }]) =>
    optional || (parts[role] !== undefined && parts[role] !== null)
  );
}
