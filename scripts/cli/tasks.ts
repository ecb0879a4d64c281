import {
  DenoiseError,
  type Model,
  type ModelClass,
  type PipelineClass,
  type Registry,
} from "@denoise/core";
import { type AnyPipeline, classForTask } from "@denoise/loading";
import { MultiControlNet } from "@denoise/roles";

/** What an image is made from beside the prompt. */
export interface Given {
  readonly image?: string;
  readonly mask?: string;
  readonly depth?: string;
  readonly strength?: number;
  readonly size?: { readonly width: number; readonly height: number };
  readonly controlnet: readonly string[];
  readonly controlImage: readonly string[];
  readonly controlScale: readonly number[];
}

/** A pipeline, and what it is called with for what is given. */
export interface Task {
  readonly pipe: AnyPipeline;
  readonly options: Readonly<Record<string, unknown>>;
}

/** Pipelines that are alone with their kind of model, and what they take. */
const SPECIAL: Readonly<Record<string, readonly (keyof Given)[]>> = {
  StableDiffusionDepth2ImgPipeline: ["image", "strength", "depth"],
  StableDiffusionUpscalePipeline: ["image"],
};

/** Word for `--depth` that lets the model see for itself. */
const ESTIMATE = "estimate";

/** What is given of those, as flags. */
function flagsOf(given: Given, names: readonly (keyof Given)[]): string[] {
  return names
    .filter((name) => given[name] !== undefined && [given[name]].flat().length > 0)
    .map((name) => `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`);
}

/** Everything that is given beside a prompt, as flags. */
export function imageFlags(given: Given): string[] {
  return flagsOf(given, [
    "size",
    "image",
    "mask",
    "depth",
    "strength",
    "controlnet",
    "controlImage",
    "controlScale",
  ]);
}

/**
 * Refuses what does not fit together, whatever the model.
 *
 * @throws {TypeError} saying what to give or to leave out.
 */
export function checkGiven(given: Given): void {
  const { image, mask, depth, strength, size, controlnet } = given;
  const controlled = flagsOf(given, ["controlnet", "controlImage", "controlScale"]).length > 0;
  if (mask !== undefined && image === undefined) {
    throw new TypeError("Cannot paint in a mask without an image: give --image beside --mask");
  }
  if (depth !== undefined && image === undefined) {
    throw new TypeError("Cannot keep depth without an image: give --image beside --depth");
  }
  if (strength !== undefined && image === undefined) {
    throw new TypeError("Cannot use --strength without an image: give --image beside it");
  }
  if (depth !== undefined && (mask !== undefined || controlled)) {
    const other = mask === undefined ? "a ControlNet" : "--mask";
    throw new TypeError(`Cannot use --depth with ${other}: no model takes both; leave one out`);
  }
  if (size !== undefined && image !== undefined && mask === undefined && !controlled) {
    throw new TypeError(
      "Cannot use --size with --image: the image made has the size of that one",
    );
  }
  if (controlnet.length > 0) checkControls(given, controlnet.length);
}

/** There is a control image for each ControlNet, and a scale for each or none. */
function checkControls({ controlImage, controlScale }: Given, nets: number): void {
  const count = (n: number, name: string) => `${n} ${name}${n === 1 ? "" : "s"}`;
  if (nets === 0 && controlImage.length + controlScale.length > 0) {
    throw new TypeError("Cannot control by an image without a ControlNet: give --controlnet");
  }
  if (controlImage.length !== nets) {
    throw new TypeError(
      `Cannot control by ${count(nets, "ControlNet")} with ` +
        `${count(controlImage.length, "image")}: give --control-image once for each`,
    );
  }
  if (controlScale.length !== 0 && controlScale.length !== nets) {
    throw new TypeError(
      `Cannot control by ${count(nets, "ControlNet")} with ` +
        `${count(controlScale.length, "scale")}: give --control-scale once for each, or not at all`,
    );
  }
}

/**
 * The pipeline for what is given, over the components of the loaded one: that one for a prompt
 * alone; otherwise one that changes an image, paints in it or follows control images.
 *
 * @param loadControlNet Loads a ControlNet by id or folder.
 * @throws {TypeError} for what the model does not take.
 */
export async function taskFor(
  loaded: AnyPipeline,
  given: Given,
  loadControlNet: (id: string) => Promise<Model>,
  registry: Registry,
): Promise<Task> {
  const own = controlNets(loaded);
  checkControls(given, given.controlnet.length || own);
  const name = classFor(loaded.className, given);
  const options = await taskOptions(given, registry);
  if (name === loaded.className && given.controlnet.length === 0) return { pipe: loaded, options };
  const Class = await registry.get(name, "pipeline", imageFlags(given).join(" and "));
  const nets = await Promise.all(given.controlnet.map(loadControlNet));
  const pipe = (Class as unknown as PipelineClass<object, unknown[], unknown>).using(registry)
    .fromPipe(loaded, nets.length === 0 ? {} : { controlnet: alone(nets) });
  return { pipe: pipe as unknown as AnyPipeline, options };
}

/** What pipelines take for one ControlNet, or for several. */
function alone<T>(list: readonly T[]): T | readonly T[] {
  return list.length === 1 ? list[0]! : list;
}

/** How many ControlNets a pipeline has of its own. */
function controlNets({ components }: AnyPipeline): number {
  const { controlnet } = components;
  if (controlnet === undefined || controlnet === null) return 0;
  return controlnet instanceof MultiControlNet ? controlnet.nets.length : 1;
}

function classFor(className: string, given: Given): string {
  const flags = imageFlags(given).filter((flag) => flag !== "--size");
  const special = SPECIAL[className];
  if (special !== undefined) {
    const foreign = flags.filter((flag) => !flagsOf(given, special).includes(flag));
    if (foreign.length === 0) return className;
    throw new TypeError(
      `Cannot give ${foreign.join(" and ")} to ${className}: beside a prompt it takes ` +
        special.map((name) => `--${name}`).join(", "),
    );
  }
  if (given.depth !== undefined) {
    throw new TypeError(
      `Cannot give --depth to ${className}: a model of StableDiffusionDepth2ImgPipeline takes it, ` +
        `such as sd2-community/stable-diffusion-2-depth`,
    );
  }
  if (given.image === undefined && given.controlnet.length === 0) return className;
  const task = given.image === undefined
    ? "text-to-image"
    : given.mask === undefined
    ? "image-to-image"
    : "inpainting";
  try {
    return classForTask(className, task, given.controlnet.length > 0 || undefined);
  } catch (error) {
    if (!(error instanceof DenoiseError && error.code === "unknown_class")) throw error;
    throw new TypeError(`Cannot give ${flags.join(" and ")} to ${className}. ${error.message}`, {
      cause: error,
    });
  }
}

/** What is given, as pipelines take it. */
async function taskOptions(
  { image, mask, depth, strength, size, controlImage, controlScale }: Given,
  registry: Registry,
): Promise<Record<string, unknown>> {
  const control = controlImage.length === 0
    ? {}
    : { [image === undefined ? "image" : "controlImage"]: alone(controlImage) };
  return {
    ...size,
    ...(image === undefined ? {} : { image }),
    ...(mask === undefined ? {} : { maskImage: mask }),
    ...(strength === undefined ? {} : { strength }),
    ...(depth === undefined || depth === ESTIMATE ? {} : {
      depthMap: await (await registry.images()).toTensor(depth, { mode: "L" }),
    }),
    ...control,
    ...(controlScale.length === 0 ? {} : { controlnetConditioningScale: alone(controlScale) }),
  };
}

/** Loads ControlNets with these options. */
export async function controlNetLoader(
  registry: Registry,
  options: Parameters<ModelClass["fromPretrained"]>[1],
): Promise<(id: string) => Promise<Model>> {
  const Class = await registry.get("ControlNetModel", "model", "--controlnet") as ModelClass;
  return (id) => Class.using(registry).fromPretrained(id, options);
}
