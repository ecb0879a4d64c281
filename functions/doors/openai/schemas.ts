import { z } from "@hono/zod-openapi";
import type { Limits } from "../../contract/limits.ts";
import {
  controls,
  flag,
  integer,
  loras,
  oneOf,
  optional,
  real,
  seed,
  size,
  text,
} from "../../http/fields.ts";

/** Fields that every images route takes: OpenAI's, then those that diffusers adds. */
function shared(limits: Limits) {
  return {
    model: optional(text(200)),
    n: optional(integer(1, limits.maxImages)),
    size: optional(size()),
    response_format: optional(oneOf("b64_json", "url")),
    output_format: optional(oneOf("png", "jpeg", "webp")),
    output_compression: optional(integer(0, 100)),
    background: optional(oneOf("auto", "opaque")),
    quality: optional(text(100)),
    stream: optional(flag()),
    partial_images: optional(integer(0, limits.maxPreviews)),
    user: optional(text(1_000)),
    progress: optional(flag()),
    negative_prompt: optional(text(limits.maxPromptBytes)),
    seed: optional(seed()),
    num_inference_steps: optional(integer(1, limits.maxSteps)),
    guidance_scale: optional(real(0, 100)),
    eta: optional(real(0, 1)),
    clip_skip: optional(integer(0, 12)),
    prompt_syntax: optional(oneOf("compel", "a1111")),
    scheduler: optional(text(100)),
    loras: optional(loras()),
    controlnets: optional(controls(limits.maxImageBytes)),
  };
}

/** Body of POST /v1/images/generations. */
export function generationSchema(limits: Limits) {
  return z.object({ prompt: optional(text(limits.maxPromptBytes)), ...shared(limits) })
    .openapi("ImageGenerationRequest");
}

/** Fields of POST /v1/images/edits beside its files. */
export function editSchema(limits: Limits) {
  return z.object({
    prompt: optional(text(limits.maxPromptBytes)),
    strength: optional(real(0, 1)),
    ...shared(limits),
  });
}

/** Fields of POST /v1/images/variations beside its file. */
export function variationSchema(limits: Limits) {
  return editSchema(limits);
}

/** What is understood of a request of any images route. */
export type ImageFields = z.output<ReturnType<typeof editSchema>>;

/** Fields that a form carries as digits. */
export const NUMBERS: readonly string[] = [
  "n",
  "output_compression",
  "partial_images",
  "num_inference_steps",
  "guidance_scale",
  "eta",
  "clip_skip",
  "strength",
];

/** Fields that a form carries as true or false. */
export const FLAGS: readonly string[] = ["stream", "progress"];

/** Fields that a form carries as JSON. */
export const LISTS: readonly string[] = ["loras", "controlnets"];

/** A file of a form, as the description has it. */
export const file: z.ZodType = z.any().openapi({
  type: "string",
  format: "binary",
  description: "PNG, JPEG, WebP, GIF, BMP, TIFF or AVIF",
});

/** One file of a form, or several, as the description has them. */
export const files: z.ZodType = z.any().openapi({
  oneOf: [
    { type: "string", format: "binary" },
    { type: "array", items: { type: "string", format: "binary" }, maxItems: 16 },
  ],
  description: "PNG, JPEG, WebP, GIF, BMP, TIFF or AVIF; several where the model reads several",
});

const Image = z.object({
  b64_json: z.string().optional(),
  url: z.string().optional(),
  revised_prompt: z.string().optional(),
  recipe: z.record(z.string(), z.any()).describe("Everything it takes to make it again"),
});

/** Reply of every images route. */
export const ImagesResponse: z.ZodType = z.object({
  created: z.int(),
  data: z.array(Image),
  size: z.string(),
  quality: z.string(),
  background: z.string(),
  output_format: z.string(),
  warnings: z.array(z.string()),
}).openapi("ImagesResponse");

/** Every error of this door. */
export const ErrorResponse: z.ZodType = z.object({
  error: z.object({
    message: z.string(),
    type: z.string(),
    param: z.string().nullable(),
    code: z.string(),
  }),
}).openapi("Error");
