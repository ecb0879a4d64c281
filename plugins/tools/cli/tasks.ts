import {
  DenoiseError,
  joinPath,
  locateComponent,
  type Model,
  type ModelClass,
  type PipelineClass,
  readConfig,
  type Registry,
} from "@denoise/core";
import { type AnyPipeline, classForTask } from "@denoise/loading";
import { MultiControlNet } from "@denoise/roles";
import { imageInput, STANDARD_INPUT } from "./input.ts";

/** What an image is made from beside the prompt. */
export interface Given {
  /** The class that is asked for, whatever else is given. */
  readonly pipeline?: string;
  readonly image: readonly string[];
  readonly mask?: string;
  readonly depth?: string;
  readonly strength?: number;
  readonly size?: { readonly width: number; readonly height: number };
  readonly controlnet: readonly string[];
  readonly adapter: readonly string[];
  readonly controlImage: readonly string[];
  readonly controlScale: readonly number[];
  readonly controlMode: readonly number[];
}

/** A pipeline, and what it is called with for what is given. */
export interface Task {
  readonly pipe: AnyPipeline;
  readonly Class: AnyClass;
  readonly options: Readonly<Record<string, unknown>>;
}

/** What each flag is as an option of a call. */
export const OPTIONS = {
  size: "width",
  image: "image",
  mask: "maskImage",
  depth: "depthMap",
  strength: "strength",
} as const satisfies { readonly [name in keyof Given]?: string };

/** The class of any pipeline. */
export type AnyClass = PipelineClass<object, unknown[], unknown>;

/** Word for `--depth` that lets the model see for itself. */
export const ESTIMATE = "estimate";

/** The class of a pipeline by its name. */
export async function classNamed(name: string, registry: Registry): Promise<AnyClass> {
  return await registry.get(name, "pipeline") as unknown as AnyClass;
}

/** What is given of those, as flags. */
function flagsOf<G extends object>(given: G, names: readonly (keyof G & string)[]): string[] {
  return names
    .filter((name) => given[name] !== undefined && [given[name]].flat().length > 0)
    .map((name) => `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`);
}

/** What is given of ControlNets and T2I-Adapters, as flags. */
export function controlFlags(given: Given): string[] {
  return flagsOf(given, ["controlnet", "adapter", "controlImage", "controlScale", "controlMode"]);
}

/** Everything that is given beside a prompt, as flags. */
function imageFlags(given: Given): string[] {
  return flagsOf(given, [
    "size",
    "image",
    "mask",
    "depth",
    "strength",
  ]).concat(controlFlags(given));
}

/**
 * Refuses what does not fit together, whatever the model.
 *
 * @throws {TypeError} saying what to give or to leave out.
 */
export function checkGiven(given: Given): void {
  const { image, mask, depth, strength, controlnet, adapter } = given;
  const controlled = controlFlags(given).length > 0;
  if (mask !== undefined && image.length === 0) {
    throw new TypeError("Cannot inpaint a mask without an image: give --image beside --mask");
  }
  if (depth !== undefined && image.length === 0) {
    throw new TypeError("Cannot keep depth without an image: give --image beside --depth");
  }
  if (strength !== undefined && image.length === 0) {
    throw new TypeError("Cannot use --strength without an image: give --image beside it");
  }
  if (depth !== undefined && (mask !== undefined || controlled)) {
    const other = mask === undefined ? "a ControlNet" : "--mask";
    throw new TypeError(`Cannot use --depth with ${other}: no model takes both; leave one out`);
  }
  if (controlnet.length > 0 && adapter.length > 0) {
    throw new TypeError(
      "Cannot use --controlnet with --adapter: no pipeline takes both; leave one out",
    );
  }
  if (adapter.length > 0 && (image.length > 0 || mask !== undefined)) {
    throw new TypeError(
      "Cannot use --adapter with --image: T2I-Adapters guide images from text; leave one out",
    );
  }
  const nets = controlnet.length || adapter.length;
  if (nets > 0) checkControls(given, nets);
  const fromInput = [...image, mask, depth, ...given.controlImage]
    .filter((file) => file === STANDARD_INPUT).length;
  if (fromInput > 1) {
    throw new TypeError("Cannot read several images from standard input: give - for one of them");
  }
}

/** There is a control image for each ControlNet or T2I-Adapter, or for each kind, and a scale for each or none. */
function checkControls(
  { controlImage, controlScale, controlMode, adapter }: Given,
  nets: number,
): void {
  const count = (n: number, name: string) => `${n} ${name}${n === 1 ? "" : "s"}`;
  const net = adapter.length > 0 ? "T2I-Adapter" : "ControlNet";
  if (nets === 0 && controlImage.length + controlScale.length + controlMode.length > 0) {
    throw new TypeError(
      "Cannot control by an image without a ControlNet: give --controlnet, or --adapter",
    );
  }
  if (controlMode.length > 0 && controlMode.length !== controlImage.length) {
    throw new TypeError(
      `Cannot pair ${count(controlImage.length, "control image")} with ${
        count(controlMode.length, "kind")
      }: ` +
        `give --control-mode once for each --control-image`,
    );
  }
  // one for images of several kinds sees one of each kind
  const images = nets === 1 && controlMode.length > 0 ? controlMode.length : nets;
  if (controlImage.length !== images) {
    throw new TypeError(
      `Cannot control by ${count(nets, net)} with ` +
        `${count(controlImage.length, "image")}: give --control-image once for each`,
    );
  }
  if (controlScale.length !== 0 && controlScale.length !== nets) {
    throw new TypeError(
      `Cannot control by ${count(nets, net)} with ` +
        `${count(controlScale.length, "scale")}: give --control-scale once for each, or not at all`,
    );
  }
}

/**
 * The pipeline for what is given, over the components of the loaded one: that one for a prompt
 * alone; otherwise one that changes an image, inpaints it or follows control images.
 *
 * @param loadControlNet Loads a ControlNet or T2I-Adapter by id or folder.
 * @throws {TypeError} for what the model does not take.
 */
export async function taskFor(
  loaded: AnyPipeline,
  given: Given,
  loadControlNet: (id: string) => Promise<Model>,
  registry: Registry,
): Promise<Task> {
  const { pipeline, controlnet, adapter } = given;
  // a class that is asked for was loaded with its own
  const asked = pipeline === undefined ? [...controlnet, ...adapter] : [];
  const nets = await Promise.all(asked.map(loadControlNet));
  const kind = adapter.length > 0 ? ADAPTED : nets.some(isUnion) ? UNION : undefined;
  const name = await classFor(loaded.className, given, registry, kind);
  const Class = await classNamed(name, registry);
  // a transformer may be given a control image itself, as FLUX.1 Canny and Depth are
  const own = !Class.control && "controlImage" in Class.options ? 1 : controlNets(loaded);
  checkControls(given, nets.length || own);
  const options = await taskOptions(given, Class, registry);
  if (name === loaded.className && nets.length === 0) {
    return { pipe: loaded, Class, options };
  }
  const role = adapter.length > 0 ? "adapter" : "controlnet";
  const pipe = Class.using(registry)
    .fromPipe(loaded, nets.length === 0 ? {} : { [role]: alone(nets) });
  return { pipe: pipe as unknown as AnyPipeline, Class, options };
}

/**
 * Loads the ControlNets or T2I-Adapters of a class that is asked for, by its role for them.
 *
 * @throws {TypeError} where it has none.
 */
export async function loadNets(
  { controlnet, adapter }: Pick<Given, "controlnet" | "adapter">,
  { className, spec }: AnyClass,
  load: (id: string) => Promise<Model>,
): Promise<Readonly<Record<string, unknown>>> {
  const given = Object.entries({ controlnet, adapter }).filter(([_, ids]) => ids.length > 0);
  const loaded = given.map(async ([role, ids]) => {
    if (role in spec) return [role, alone(await Promise.all(ids.map(load)))];
    throw new TypeError(`Cannot give --${role} to ${className}: it has no ${role}; leave it out`);
  });
  return Object.fromEntries(await Promise.all(loaded));
}

/** What the families of pipelines with T2I-Adapters, and with ControlNets for images of several kinds, end with. */
const ADAPTED = "-t2i-adapter";
const UNION = "-control-union";

function isUnion({ className }: Model): boolean {
  return className === "ControlNetUnionModel";
}

/** What pipelines take for one ControlNet, or for several. */
function alone<T>(list: readonly T[]): T | readonly T[] {
  return list.length === 1 ? list[0]! : list;
}

/** How many ControlNets a pipeline has of its own. */
function controlNets({ components }: AnyPipeline): number {
  const { controlnet, adapter } = components;
  const nets = controlnet ?? adapter ?? undefined;
  if (nets === undefined) return 0;
  return nets instanceof MultiControlNet ? nets.nets.length : 1;
}

/** What is asked for, where it is not what the model itself, or the class that is asked for, does. */
function wantedTask({ pipeline, image, mask, controlnet, adapter }: Given): string | undefined {
  if (pipeline !== undefined) return undefined;
  if (mask !== undefined) return "inpainting";
  if (image.length > 0) return "image-to-image";
  return controlnet.length + adapter.length > 0 ? "text-to-image" : undefined;
}

/**
 * The class for what is given: of the loaded one's family, or the loaded one where its own task begins
 * with an image.
 */
async function classFor(
  className: string,
  given: Given,
  registry: Registry,
  kind: string | undefined,
): Promise<string> {
  const task = wantedTask(given);
  const own = registry.pipeline(className)?.task;
  const { maskImage } = (await classNamed(className, registry)).options;
  const name = task === undefined
    ? className
    : kind === undefined
    ? related(className, task, given, registry, { own, takesMask: maskImage !== undefined })
    : ofKind(className, task, given, registry, kind);
  const { options } = await classNamed(name, registry);
  const foreign = foreignFlags(given, options, OPTIONS);
  if (foreign.length === 0) return name;
  const known = Object.entries(OPTIONS).filter(([_, option]) => option in options);
  const depthOnes = registry.pipelines().filter(({ task }) => task === "depth-to-image")
    .map(({ className }) => className).join(", ");
  const all = Object.keys(OPTIONS).map((flag) => `--${flag}`).join(", ");
  throw new TypeError(
    `Cannot give ${foreign.join(" and ")} to ${className}: ${
      known.length === 0
        ? `${name} takes none of ${all}`
        : `beside a prompt ${name} takes ${known.map(([flag]) => `--${flag}`).join(", ")}`
    }` +
      (given.depth === undefined ? "" : `; models that take --depth are those of ${depthOnes}`),
  );
}

/**
 * What is given that a class with these options of a call does not take, as flags.
 *
 * @param known What each flag is as an option.
 */
export function foreignFlags<G extends object>(
  given: G,
  options: object,
  known: Partial<Record<keyof G & string, string>>,
): string[] {
  const names = Object.keys(known) as (keyof G & string)[];
  return flagsOf(given, names.filter((name) => !(known[name]! in options)));
}

/** The class for a task of the family whose name is that of the loaded one's with a kind behind it. */
function ofKind(
  className: string,
  task: string,
  given: Given,
  registry: Registry,
  kind: string,
): string {
  const family = `${registry.pipeline(className)?.family}${kind}`;
  const found = registry.pipelines().find((one) => one.family === family && one.task === task);
  if (found !== undefined) return found.className;
  throw new TypeError(
    `Cannot give ${
      controlFlags(given).join(" and ")
    } to ${className}: there is no ${task} of its family with ` +
      (kind === ADAPTED ? "T2I-Adapters" : "ControlNets for images of several kinds"),
  );
}

function related(
  className: string,
  task: string,
  given: Given,
  registry: Registry,
  { own, takesMask }: { readonly own: string | undefined; readonly takesMask: boolean },
): string {
  try {
    const controlnet = given.controlnet.length > 0 || undefined;
    return classForTask(className, task, registry, { controlnet });
  } catch (error) {
    const beginsWithImage = own !== undefined && !/^(text|unconditional)/.test(own);
    if (
      beginsWithImage && given.controlnet.length === 0 && (given.mask === undefined || takesMask)
    ) {
      return className;
    }
    if (!(error instanceof DenoiseError && error.code === "unknown_class")) throw error;
    const flags = imageFlags(given).filter((flag) => flag !== "--size");
    throw new TypeError(`Cannot give ${flags.join(" and ")} to ${className}. ${error.message}`, {
      cause: error,
    });
  }
}

/** What is given, as pipelines take it. */
async function taskOptions(
  { image, mask, depth, strength, size, controlImage, controlScale, controlMode }: Given,
  { className, options: known }: AnyClass,
  registry: Registry,
): Promise<Record<string, unknown>> {
  if (controlMode.length > 0 && !("controlMode" in known)) {
    throw new TypeError(
      `Cannot give --control-mode to ${className}: it is for ControlNets for images of several kinds; leave it out`,
    );
  }
  const scale = "adapterConditioningScale" in known
    ? "adapterConditioningScale"
    : "controlnetConditioningScale";
  const control = controlImage.length === 0 ? {} : {
    ["controlImage" in known ? "controlImage" : "image"]: alone(
      await Promise.all(controlImage.map(imageInput)),
    ),
  };
  return {
    ...size,
    ...(image.length === 0 ? {} : { image: alone(await Promise.all(image.map(imageInput))) }),
    ...(mask === undefined ? {} : { maskImage: await imageInput(mask) }),
    ...(strength === undefined ? {} : { strength }),
    ...(depth === undefined || depth === ESTIMATE ? {} : {
      depthMap: await (await registry.images()).toTensor(await imageInput(depth), { mode: "L" }),
    }),
    ...control,
    ...(controlScale.length === 0 ? {} : { [scale]: alone(controlScale) }),
    ...(controlMode.length === 0 ? {} : { controlMode: alone(controlMode) }),
  };
}

/** Loads ControlNets and T2I-Adapters with these options. */
export function controlNetLoader(
  registry: Registry,
  options: Parameters<ModelClass["fromPretrained"]>[1],
): (id: string) => Promise<Model> {
  return async (id) => {
    const { path } = await locateComponent(id, options ?? {}, registry, false);
    const { _class_name: name = "ControlNetModel" } = await readConfig(
      joinPath(path, "config.json"),
    );
    const Class = await registry.get(String(name), "model", "--controlnet") as ModelClass;
    return await Class.using(registry).fromPretrained(id, options);
  };
}
