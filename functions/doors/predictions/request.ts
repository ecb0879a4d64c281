import type { DoorContext } from "../../http/context.ts";
import { done, type FieldRules, ignored } from "../../http/field_rules.ts";
import { givenFile } from "../../http/given_file.ts";
import type { RunRequest } from "../../http/plan.ts";
import type { PredictionBody } from "./schemas.ts";

/** This door's names of what the others name differently. */
const NAMES: Readonly<Record<string, string>> = {
  prompt: "input.prompt",
  negativePrompt: "input.negative_prompt",
  lyrics: "input.lyrics",
  image: "input.image",
  mask: "input.mask",
  width: "input.width",
  height: "input.height",
  seconds: "input.audio_length_in_s",
  format: "input.output_format",
  count: "input.num_outputs",
  steps: "input.num_inference_steps",
  guidanceScale: "input.guidance_scale",
  strength: "input.strength",
  scheduler: "input.scheduler",
  promptSyntax: "input.prompt_syntax",
};

/** The names of fields as this request has them. */
export function namesIn({ input, model }: PredictionBody): Readonly<Record<string, string>> {
  return {
    ...NAMES,
    model: model === undefined ? "version" : "model",
    strength: input.strength === undefined && input.prompt_strength !== undefined
      ? "input.prompt_strength"
      : "input.strength",
  };
}

/** What is done with each field of the body. */
export const BODY_RULES: FieldRules = {
  ...done("input", "id", "model", "version", "webhook", "webhook_events_filter", "stream"),
  created_at: ignored("the server's clock counts"),
  output_file_prefix: ignored("images are in the prediction, or where the server stores them"),
  context: ignored("nothing here reads it"),
};

/** What is done with each field of `input`. */
export const INPUT_RULES: FieldRules = done(
  ...["prompt", "negative_prompt", "image", "mask", "task", "width", "height", "num_outputs"],
  ...["audio_length_in_s", "lyrics"],
  ...["num_inference_steps", "guidance_scale", "strength", "prompt_strength", "eta", "clip_skip"],
  ...["prompt_syntax", "scheduler", "seed", "output_format", "output_quality", "previews"],
);

/** The body of a request in the words of the queue. */
export async function toRequest(
  { input, model, version }: PredictionBody,
  context: DoorContext,
): Promise<RunRequest> {
  const given = async (value: string | undefined, field: string) =>
    value === undefined ? undefined : await givenFile(value, field, context.store);
  const { output_format, output_quality: quality } = input;
  const format = output_format === "jpg" ? "jpeg" : output_format ?? undefined;
  const isLossless = format === undefined || format === "png" || format === "wav";
  return {
    wants: "any",
    model: model ?? version,
    task: input.task,
    prompt: input.prompt,
    negativePrompt: input.negative_prompt,
    image: await given(input.image, "input.image"),
    mask: await given(input.mask, "input.mask"),
    width: input.width,
    height: input.height,
    seconds: input.audio_length_in_s,
    lyrics: input.lyrics,
    count: input.num_outputs ?? 1,
    steps: input.num_inference_steps,
    guidanceScale: input.guidance_scale,
    strength: input.strength ?? input.prompt_strength,
    eta: input.eta,
    clipSkip: input.clip_skip,
    promptSyntax: input.prompt_syntax,
    scheduler: input.scheduler,
    seed: input.seed,
    format,
    quality: isLossless ? undefined : quality,
    previews: input.previews ?? 0,
  };
}
