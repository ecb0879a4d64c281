import type { ComponentSpec, Registry } from "@denoise/core";
import type { AnyPipeline } from "@denoise/loading";
import { type Task, TASKS } from "../contract/job.ts";

/** How diffusers marks the task in the class name of a pipeline. */
const MARKS: Readonly<Record<Exclude<Task, "unconditional">, string>> = {
  "text-to-image": "",
  "image-to-image": "Img2Img",
  inpaint: "Inpaint",
  "depth-to-image": "Depth2Img",
};

type Marked = keyof typeof MARKS;

/** The task of a pipeline, by its class name and whether it takes text. */
export function taskOf(className: string, components: object): Task {
  if (!("tokenizer" in components)) return "unconditional";
  const marked = (Object.keys(MARKS) as Marked[])
    .find((task) => MARKS[task] !== "" && className.endsWith(`${MARKS[task]}Pipeline`));
  return marked ?? "text-to-image";
}

/**
 * What a loaded pipeline's components can do: its own task first, then those of the sibling classes
 * that they fit (`StableDiffusionPipeline` and `StableDiffusionImg2ImgPipeline` have the same ones).
 *
 * @returns The class for each task.
 */
export async function tasksFor(
  pipe: AnyPipeline,
  registry: Registry,
): Promise<ReadonlyMap<Task, string>> {
  const { className, components } = pipe;
  const own = taskOf(className, components);
  const tasks = new Map<Task, string>([[own, className]]);
  if (own === "unconditional" || !seesOnlyLatents(components)) return tasks;
  const family = className.replace(new RegExp(`(${Object.values(MARKS).join("|")})Pipeline$`), "");
  for (const task of TASKS) {
    if (task === "unconditional" || tasks.has(task)) continue;
    const sibling = `${family}${MARKS[task]}Pipeline`;
    if (await fits(sibling, components, registry)) tasks.set(task, sibling);
  }
  return tasks;
}

/** A UNet that takes more than latents (a mask, a depth map) does its own task only. */
function seesOnlyLatents(components: object): boolean {
  const { unet, vae } = components as Record<string, { config?: Record<string, unknown> }>;
  const seen = unet?.config?.["in_channels"];
  const latent = vae?.config?.["latent_channels"];
  return seen === undefined || latent === undefined || seen === latent;
}

async function fits(className: string, components: object, registry: Registry): Promise<boolean> {
  if (!registry.has(className)) return false;
  const { spec } = await registry.get(className, "pipeline") as {
    spec?: Readonly<Record<string, ComponentSpec>>;
  };
  const parts = components as Readonly<Record<string, unknown>>;
  return Object.entries(spec ?? {}).every(([role, { optional }]) =>
    optional || (parts[role] !== undefined && parts[role] !== null)
  );
}
