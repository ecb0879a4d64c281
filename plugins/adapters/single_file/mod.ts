/**
 * Pipelines from original checkpoints: one .safetensors, .ckpt or .gguf file with UNet,
 * autoencoder and text encoders under their first names. Tensors are renamed on the fly and read in
 * place; what diffusers splits (`in_proj_weight` of OpenCLIP) is a part of the file, too.
 *
 * Covered are Stable Diffusion 1.x, 2.x, XL, its refiner and their inpainting models, Stable Diffusion 3
 * and 3.5, FLUX.1, 2 and 3, Chroma, Qwen-Image, Z-Image, Krea 2, Anima, AuraFlow, Lumina 2 and Sana, with the names of their
 * authors and of ComfyUI. Configs,
 * tokenizers and the scheduler come from the model's repo as in diffusers, or from the folder or repo
 * given as `config`; where a file holds a transformer alone, text encoders and autoencoder do, too.
 * A .ckpt file is read without running anything (@denoise/pickle). Not covered: YAML configs
 * (`original_config`), EMA weights beside the others, and the other families of models.
 *
 * @example
 * ```ts ignore
 * import { StableDiffusionPipeline } from "@denoise/denoise";
 *
 * const pipe = await StableDiffusionPipeline.fromSingleFile("./v1-5-pruned-emaonly.safetensors");
 * const { images } = await pipe("a red apple");
 * ```
 *
 * A UNet, an autoencoder (AutoencoderDC too), a text encoder or a ControlNet alone is loaded by its class, from a file of
 * its own or out of a whole checkpoint; of ControlNets those of Stable Diffusion and of Z-Image, as in diffusers. Text
 * encoders in files of ComfyUI are CLIP (clip_l, clip_g), T5, UMT5 and language models (Qwen2.5-VL, Qwen3, Qwen3-VL, Gemma 2
 * and 3, Mistral 3, Llama), of .gguf files of llama.cpp T5 and Qwen3; but for CLIP a file
 * needs the repo that has its config: `{ config, subfolder: "text_encoder_2" }`. Of .gguf files
 * `quantizationConfig: new GGUFQuantizationConfig({ computeDtype: "bfloat16" })` says what their numbers
 * are rounded to.
 *
 * @example
 * ```ts ignore
 * import { AutoencoderKL } from "@denoise/denoise";
 *
 * const vae = await AutoencoderKL.fromSingleFile("./vae-ft-mse-840000-ema-pruned.safetensors");
 * ```
 *
 * @module
 */
import {
  type CallOption,
  checkOptions,
  type ComponentSpec,
  DenoiseError,
  isFolder,
  joinPath,
  type LoadOptions,
  loadOptions,
  locate,
  locateComponent,
  MODEL_INDEX,
  type PipelineClass,
  type PipelineParts,
  readConfig,
  readModelIndex,
  type Registry,
  roleKey,
  type SchedulerClass,
  type SingleFileOptions,
  type SingleFileReader,
} from "@denoise/core";
import type { OnnxModelClass } from "@denoise/onnx";
import { pickLoadOptions } from "./load_options.ts";
import { kindOf, repos } from "./kinds.ts";
import { modelFromSingleFile } from "./models.ts";
import { parts } from "./parts.ts";
import { besideFile, openCheckpoint, type Tensors } from "./tensors.ts";

/** A component as an option; null leaves it out. */
const COMPONENT: CallOption = { type: "object", nullable: true };

type Parts = Record<string, unknown>;

/** Roles whose weights lie in files of Stable Diffusion with a UNet. */
const INSIDE = ["unet", "vae", "textEncoder", "textEncoder2"];
/** The role of a transformer, whose file may hold it alone. */
const TRANSFORMER = "transformer";
/** Roles that are models of their own and left out by default. */
const LEFT_OUT = ["safetyChecker"];

/** Where configs lie. */
interface Repo {
  readonly id: string;
  readonly registry: Registry;
  readonly options: LoadOptions;
  /** Whether files of the kind hold a transformer, and perhaps nothing else. */
  readonly isAlone: boolean;
}

/**
 * A model of the checkpoint; of those with a transformer, which may be alone in its file, other models
 * come from the repo where the file has none.
 */
async function loadModel(
  role: string,
  className: string,
  all: Tensors,
  { id, registry, options, isAlone }: Repo,
): Promise<unknown> {
  const subfolder = roleKey(role);
  const request = { ...options, subfolder };
  const { path } = await locateComponent(id, request, registry, false);
  const config = await readConfig(joinPath(path, "config.json"));
  const tensors = await parts[className]?.tensors(all, config) ?? [];
  const Class = await registry.get(className, "model", MODEL_INDEX) as OnnxModelClass;
  if (tensors.length > 0) return await Class.fromTensors(config, tensors, options);
  if (isAlone && role !== TRANSFORMER) {
    return await Class.load(await locateComponent(id, request, registry, true), options);
  }
  throw new DenoiseError(
    "missing_component",
    `Cannot load ${subfolder} from this checkpoint: it holds none; load it from a repo and pass ` +
      `it as { ${role} }`,
  );
}

/** The parts of a pipeline: those of the file, and from a repo the others. */
async function partsFromSingleFile<C extends object>(
  { className, spec }: Pick<PipelineClass<C, never, unknown>, "className" | "spec">,
  file: string | URL,
  options: SingleFileOptions<C>,
  registry: Registry,
): Promise<PipelineParts<C>> {
  const path = file instanceof URL ? decodeURIComponent(file.pathname) : file;
  checkOptions(`load ${className} from a file`, options, {
    ...loadOptions,
    config: { type: "string" },
    ...Object.fromEntries(Object.keys(spec).map((role) => [role, COMPONENT])),
  });
  const all = await openCheckpoint(path);
  const kind = kindOf(all, path);
  const id = options.config ?? repos[kind]!;
  const given = options as Parts;
  const roles = Object.entries(spec) as [string, ComponentSpec][];
  const models = roles.filter(([_, { kind }]) => kind === "model").map(([role]) => roleKey(role));
  const request = { ...options, want: "pipeline" as const, skip: models };
  const location = await besideFile(path, id, () => locate(id, request, registry));
  const { config: index } = await readModelIndex(location);
  const isAlone = TRANSFORMER in spec;
  const repo: Repo = { id, registry, options: pickLoadOptions(options), isAlone };

  const load = async (role: string, { kind, usual }: ComponentSpec): Promise<unknown> => {
    if (given[role] !== undefined) return given[role];
    const named = index[roleKey(role)];
    if (named === undefined && usual?.config !== undefined) {
      const Class = await registry.get(usual.className, "scheduler", "the pipeline");
      return (Class as unknown as SchedulerClass).fromConfig(usual.config);
    }
    const [_, className] = (named ?? []) as [unknown?, unknown?];
    if (typeof className !== "string" || LEFT_OUT.includes(role)) return null;
    if (isAlone ? kind === "model" : INSIDE.includes(role)) {
      return await besideFile(path, id, () => loadModel(role, className, all, repo));
    }
    const folder = joinPath(location.path, roleKey(role));
    if (kind === "model" || !await isFolder(folder)) return null;
    const plugin = await registry.get(className, undefined, MODEL_INDEX);
    return await plugin.load({ ...location, path: folder }, options);
  };
  const components: Parts = {};
  for (const [role, part] of roles) components[role] = await load(role, part);
  const settings = Object.entries(index)
    .filter(([key, value]) => !key.startsWith("_") && !Array.isArray(value));
  return { components: components as Partial<C>, settings: Object.fromEntries(settings) };
}

/** What a registry reads single files with: `StableDiffusionPipeline.fromSingleFile` and the like. */
export const singleFile: SingleFileReader = {
  model: modelFromSingleFile,
  pipeline: partsFromSingleFile,
};
