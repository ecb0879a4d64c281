/**
 * Calls pipelines that are given images as the reference called them.
 *
 * @module
 */
import type { Prompt } from "@denoise/diffusion";
import { Generator, Tensor } from "@denoise/core";
import {
  type AnyPipeline,
  DenoiseImage,
  type PipelineMethods,
  registry,
  SiglipImageProcessor,
  SiglipVisionModel,
} from "@denoise/denoise";
import type { AnyOutput } from "@denoise/loading";
import {
  camelCase,
  fixture,
  type Golden,
  largest,
  relativeDifference,
  ThinnedTensor,
} from "./golden.ts";
import { type PipelineCall, type PipelineDifference, pixelDifference } from "./pipelines.ts";

/** How much images count that are followed. */
export type IpAdapterScale = Parameters<PipelineMethods["setIpAdapterScale"]>[0];

/** A value of a call: plain, a tensor or an image by its name, or a list of those. */
export type TaskValue =
  | { readonly tensor: string }
  | { readonly image: string }
  | { readonly scale: number }
  | string
  | number
  | boolean
  | null
  | readonly TaskValue[];

/** One call; tests/golden/README.md says what the keys mean. */
export interface TaskCall extends Omit<PipelineCall, "call" | "images"> {
  readonly images?: string;
  /** Instead of images. */
  readonly audios?: string;
  readonly shared: boolean;
  readonly call: Readonly<Record<string, TaskValue>>;
  readonly hidden?: readonly boolean[];
}

/** The calls of one pipeline class on one repo. */
export interface Task {
  readonly pipeline: string;
  readonly repo: string;
  readonly parts: Readonly<Record<string, string | readonly string[] | null>>;
  /** A file of tests/golden/lora, and how much of it is applied. */
  readonly lora?: readonly [file: string, weight: number];
  /** IP-Adapters of tests/fixtures/ip_adapter_transformers, and their scale. */
  readonly ip_adapter?: readonly [names: readonly string[], scale: IpAdapterScale | null];
  /** Of images every so manyth row and column is kept. All of them by default. */
  readonly every?: number;
  /** Of each row of latents every so manyth number is kept. All of them by default. */
  readonly latents_every?: number;
  readonly cases: readonly TaskCall[];
}

/** The pipeline of a task: its class over the repo, with other components in their places. */
export async function loadTask(
  { pipeline, repo, parts = {}, lora, ip_adapter }:
    & Pick<Task, "pipeline" | "repo" | "lora" | "ip_adapter">
    & { readonly parts?: Task["parts"] | undefined },
  options: object = {},
): Promise<AnyPipeline> {
  const Class = await registry.get(pipeline, "pipeline", "a test") as unknown as {
    fromPretrained(id: string, options: object): Promise<AnyPipeline>;
  };
  const given = await Promise.all(
    Object.entries(parts).map(async ([role, path]) => [
      camelCase(role),
      typeof path === "string"
        ? await loadPart(path)
        : path && await Promise.all(path.map(loadPart)),
    ]),
  );
  const pipe = await Class.fromPretrained(fixture(repo), {
    registry,
    onWarning: () => {},
    ...Object.fromEntries(given),
    ...(ip_adapter === undefined ? {} : await imageEncoders(pipeline)),
    ...options,
  });
  if (lora !== undefined) {
    const [file, weight] = lora;
    await pipe.loadLoraWeights(fixture(`../golden/lora/${file}.safetensors`), { weight });
  }
  if (ip_adapter !== undefined) await followImages(pipe, ...ip_adapter);
  return pipe;
}

/** What encodes images for IP-Adapters of Stable Diffusion 3; those of FLUX.1 are loaded with it. */
export async function imageEncoders(pipeline: string): Promise<object> {
  if (pipeline.startsWith("Flux")) return {};
  const [imageEncoder, featureExtractor] = await Promise.all([
    SiglipVisionModel.fromPretrained(fixture("tiny-flux-redux/image_encoder")),
    SiglipImageProcessor.fromPretrained(fixture("tiny-flux-redux/feature_extractor")),
  ]);
  return { imageEncoder, featureExtractor };
}

/** Loads IP-Adapters of tests/fixtures/ip_adapter_transformers with their scale. */
export async function followImages(
  pipe: AnyPipeline,
  names: readonly string[],
  scale: IpAdapterScale | null,
): Promise<void> {
  await pipe.loadIpAdapter(fixture("ip_adapter_transformers"), {
    weightName: names.map((name) => `${name}.safetensors`),
    ...(pipe.className.startsWith("Flux")
      ? { imageEncoderPretrainedModelNameOrPath: fixture("ip_adapter/image_encoder") }
      : {}),
  });
  if (scale !== null) await pipe.setIpAdapterScale(scale);
}

async function loadPart(path: string): Promise<unknown> {
  const [folder, className] = path.split("/");
  const kind = folder === "processors" ? "processor" : "model";
  const Class = await registry.get(className!, kind, "a test");
  return await Class.load({ id: path, path: fixture(path) }, { registry });
}

/** A value of a call as a pipeline takes it. */
export function taskValue(value: TaskValue | undefined, tensors: Golden<Task>["tensors"]): unknown {
  if (Array.isArray(value)) return value.map((item) => taskValue(item, tensors));
  if (value === null || typeof value !== "object") return value;
  if ("tensor" in value) return tensors.get(value.tensor);
  if ("scale" in value) return value; // of a call's attentions
  const { dims: [height, width, channels], data } = tensors.get(
    (value as { image: string }).image,
  )!;
  return new DenoiseImage(width!, height!, channels!, data as Uint8Array<ArrayBuffer>);
}

/** How far a call is from the reference, and which images it hid. */
export interface TaskDifference extends PipelineDifference {
  /** Of audio, at the worst sample of -1..1. */
  readonly samples: number;
  readonly hidden: readonly boolean[] | undefined;
}

/** Makes the call and compares. */
export async function compareTask(
  pipe: AnyPipeline,
  { call, seeds, shared, images, audios, latents }: TaskCall,
  { tensors, head }: Golden<Task>,
): Promise<TaskDifference> {
  let last: Tensor | undefined;
  const { prompt, ...rest } = call;
  const generators = seeds.map((seed) => new Generator(seed));
  const options = {
    ...Object.fromEntries(
      Object.entries(rest)
        .filter(([key, value]) => key !== "negative_prompt" || value !== null) // as none by default
        .map(([key, value]) => [camelCase(key), taskValue(value, tensors)]),
    ),
    generator: shared ? generators[0] : generators,
    callbackOnStepEnd: (step: { latents: Tensor }) => void (last = step.latents),
  };
  const Class = await registry.get(pipe.className, "pipeline", "a test") as unknown as {
    readonly takesPrompt: boolean;
  };
  const output = Class.takesPrompt ? await pipe(prompt as Prompt, options) : await pipe(options);
  return {
    pixels: images === undefined ? 0 : pixelDifference(output, tensors.get(images)!, head.every),
    samples: audios === undefined ? 0 : sampleDifference(output, tensors.get(audios)!),
    latents: latents === undefined
      ? 0
      : relativeDifference(thinned(last!, head.latents_every), tensors.get(latents)!),
    hidden: output.nsfwContentDetected,
  };
}

/** Every so manyth number of each row. */
export function thinned(tensor: Tensor, every = 1): Tensor {
  const { dims } = tensor;
  const data = tensor.toFloat32Array().filter((_, i) => i % dims.at(-1)! % every === 0);
  return new Tensor("float32", data, [...dims.slice(0, -1), Math.ceil(dims.at(-1)! / every)]);
}

/**
 * The largest difference at any sample, of louder audio than -1..1 relative to its loudest; infinite when length
 * or number differ.
 */
function sampleDifference({ audios = [] }: AnyOutput, expected: Tensor): number {
  const dims = expected instanceof ThinnedTensor ? expected.whole : expected.dims;
  const [count, channels, length] = dims as [number, number, number];
  const sizes = audios.map((audio) => [audio.channels, audio.length]);
  if (audios.length !== count || sizes.some((size) => String(size) !== `${channels},${length}`)) {
    return Infinity;
  }
  const loudest = expected instanceof ThinnedTensor
    ? Math.max(1, expected.greatest)
    : expected.toFloat32Array().reduce((so, x) => Math.max(so, Math.abs(x)), 1);
  return largest(Tensor.stack(audios.map(samplesOf)), expected) / loudest;
}

function samplesOf({ data, channels, length }: NonNullable<AnyOutput["audios"]>[number]): Tensor {
  return Tensor.from(data).reshape([channels, length]);
}
