import { invalid } from "../../contract/errors.ts";
import { parseSize } from "../../http/fields.ts";
import type { RunRequest } from "../../http/plan.ts";
import type { ImageFields } from "./schemas.ts";

/** This door's names of what the others name differently. */
export const NAMES: Readonly<Record<string, string>> = {
  width: "size",
  height: "size",
  count: "n",
  negativePrompt: "negative_prompt",
  steps: "num_inference_steps",
  guidanceScale: "guidance_scale",
  clipSkip: "clip_skip",
  promptSyntax: "prompt_syntax",
  controls: "controlnets",
  format: "output_format",
};

/** The fields of a request in the words of the queue. */
export function toRequest(fields: ImageFields): RunRequest {
  const { stream, partial_images, output_format, output_compression } = fields;
  if ((output_format ?? "png") === "png" && (output_compression ?? 100) !== 100) {
    throw invalid(
      "output_compression",
      `output_compression must be left out for PNG, which keeps everything: give output_format "jpeg" ` +
        `or "webp" beside it`,
    );
  }
  return {
    ...parseSize(fields.size),
    model: fields.model,
    prompt: fields.prompt,
    negativePrompt: fields.negative_prompt,
    count: fields.n ?? 1,
    seed: fields.seed,
    steps: fields.num_inference_steps,
    guidanceScale: fields.guidance_scale,
    strength: fields.strength,
    eta: fields.eta,
    clipSkip: fields.clip_skip,
    promptSyntax: fields.prompt_syntax,
    scheduler: fields.scheduler,
    loras: fields.loras?.length === 0 ? undefined : fields.loras,
    controls: fields.controlnets?.length === 0 ? undefined : fields.controlnets,
    format: output_format ?? "png",
    quality: output_compression === undefined ? undefined : Math.max(1, output_compression),
    previews: stream ? partial_images ?? 0 : 0,
  };
}
