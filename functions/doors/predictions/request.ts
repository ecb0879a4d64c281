import { invalid } from "../../contract/errors.ts";
import type { ImageRequest } from "../../http/plan.ts";
import type { PredictionBody } from "./schemas.ts";

/** This door's names of what the others name differently. */
export const NAMES: Readonly<Record<string, string>> = {
  model: "version",
  prompt: "input.prompt",
  negativePrompt: "input.negative_prompt",
  image: "input.image",
  mask: "input.mask",
  width: "input.width",
  height: "input.height",
  count: "input.num_outputs",
  steps: "input.num_inference_steps",
  guidanceScale: "input.guidance_scale",
  strength: "input.strength",
  scheduler: "input.scheduler",
};

/** The body of a request in the words of the queue. */
export function toRequest({ input, model, version }: PredictionBody): ImageRequest {
  return {
    model: model ?? version,
    task: input.task,
    prompt: input.prompt,
    negativePrompt: input.negative_prompt,
    image: fromDataUrl(input.image, "input.image"),
    mask: fromDataUrl(input.mask, "input.mask"),
    width: input.width,
    height: input.height,
    count: input.num_outputs ?? 1,
    steps: input.num_inference_steps,
    guidanceScale: input.guidance_scale,
    strength: input.strength ?? input.prompt_strength,
    eta: input.eta,
    clipSkip: input.clip_skip,
    scheduler: input.scheduler,
    seed: input.seed,
    format: input.output_format === undefined || input.output_format === "png" ? "png" : "jpeg",
    quality: input.output_quality,
    previews: input.previews ?? 0,
  };
}

function fromDataUrl(value: string | undefined, field: string): Uint8Array | undefined {
  if (value === undefined) return undefined;
  const [, data] = value.match(/^data:[\w/+.-]*(?:;[\w=-]+)*;base64,(.*)$/s) ?? [];
  try {
    if (data !== undefined) return Uint8Array.fromBase64(data);
  } catch {
    // it is no base64: told below
  }
  const isAddress = /^https?:/.test(value);
  throw invalid(
    field,
    `${field} must be an image as a data URL, such as "data:image/png;base64,..."` +
      (isAddress ? "; addresses are not fetched by this server" : ""),
  );
}
