import { VERSION } from "@denoise/core";
import type { EncodedImage, Job } from "../../contract/job.ts";
import { timestamp } from "./runs.ts";
import type { Fields } from "./schemas.ts";

/** What A1111 tells of images beside them, as text. */
export function infoOf(
  job: Job,
  fields: Fields,
  images: readonly EncodedImage[],
  warnings: readonly string[],
): string {
  const { input, model } = job;
  const { prompt = "", negativePrompt = "", count } = input;
  const of = <T>(value: (index: number) => T): T[] =>
    Array.from({ length: count }, (_, i) => value(i));
  const seeds = of((i) => Number(input.seed ?? 0) + i);
  const [first] = images;
  return JSON.stringify({
    prompt,
    all_prompts: of(() => prompt),
    negative_prompt: negativePrompt,
    all_negative_prompts: of(() => negativePrompt),
    seed: seeds[0],
    all_seeds: seeds,
    subseed: -1,
    all_subseeds: of(() => -1),
    subseed_strength: 0,
    width: first?.width ?? input.width ?? null,
    height: first?.height ?? input.height ?? null,
    sampler_name: samplerOf(job, fields),
    cfg_scale: settled(first, "guidanceScale") ?? input.guidanceScale ?? null,
    steps: settled(first, "steps") ?? input.steps ?? null,
    batch_size: fields.batch_size ?? 1,
    restore_faces: false,
    face_restoration_model: null,
    sd_model_name: model,
    sd_model_hash: null,
    seed_resize_from_w: -1,
    seed_resize_from_h: -1,
    denoising_strength: input.strength ?? null,
    extra_generation_params: {},
    index_of_first_image: 0,
    infotexts: seeds.map((seed, i) => infotext(job, fields, images[i] ?? first, seed)),
    styles: [],
    job_timestamp: timestamp(job.createdAt),
    clip_skip: (input.clipSkip ?? 0) + 1,
    is_using_inpainting_conditioning: false,
    version: `denoise ${VERSION}`,
    warnings,
  });
}

function samplerOf({ input }: Job, fields: Fields): string {
  return fields.sampler_name ?? fields.sampler_index ?? input.scheduler ?? "";
}

/** A setting that was settled in the run. */
function settled(image: EncodedImage | undefined, name: string): number | undefined {
  const value = image?.recipe[name];
  return typeof value === "number" ? value : undefined;
}

/** The text that A1111 writes into an image. */
function infotext(
  job: Job,
  fields: Fields,
  image: EncodedImage | undefined,
  seed: number,
): string {
  const { prompt = "", negativePrompt = "", ...input } = job.input;
  const settings: Record<string, string | number | undefined> = {
    "Steps": settled(image, "steps") ?? input.steps,
    "Sampler": samplerOf(job, fields) || undefined,
    "CFG scale": settled(image, "guidanceScale") ?? input.guidanceScale,
    "Seed": seed,
    "Size": image === undefined ? undefined : `${image.width}x${image.height}`,
    "Model": job.model,
    "Denoising strength": input.strength,
    "Clip skip": input.clipSkip === undefined ? undefined : input.clipSkip + 1,
    "Version": `denoise ${VERSION}`,
  };
  const line = Object.entries(settings).filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}: ${value}`).join(", ");
  return [prompt, ...negativePrompt === "" ? [] : [`Negative prompt: ${negativePrompt}`], line]
    .join("\n");
}
