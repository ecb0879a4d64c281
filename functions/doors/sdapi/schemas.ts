import { z } from "@hono/zod-openapi";
import type { Limits } from "../../contract/limits.ts";
import { flag, integer, optional, real, text } from "../../http/fields.ts";
import { OptionsSchema } from "./options.ts";

function seed() {
  const error = "must be an integer from 0 to 9007199254740991, or -1 for one by chance";
  return z.int({ error }).min(-1, { error }).max(Number.MAX_SAFE_INTEGER, { error });
}

/** Fields of both routes, under A1111's names. */
function shared(limits: Limits) {
  return {
    prompt: optional(text(limits.maxPromptBytes)),
    negative_prompt: optional(text(limits.maxPromptBytes)),
    seed: optional(seed()),
    sampler_name: optional(text(100)),
    sampler_index: optional(text(100)),
    scheduler: optional(text(100)),
    batch_size: optional(integer(1, limits.maxImages)),
    n_iter: optional(integer(1, limits.maxImages)),
    steps: optional(integer(1, limits.maxSteps)),
    cfg_scale: optional(real(0, 100)),
    width: optional(integer(8, limits.maxSide)),
    height: optional(integer(8, limits.maxSide)),
    eta: optional(real(0, 1)),
    denoising_strength: optional(real(0, 1)),
    override_settings: optional(OptionsSchema),
    send_images: optional(flag()),
    disable_extra_networks: optional(flag()),
    alwayson_scripts: optional(z.record(z.string(), z.any(), { error: "must be an object" })),
  };
}

/** Body of POST /sdapi/v1/txt2img. */
export function txt2imgSchema(limits: Limits) {
  return z.object({
    ...shared(limits),
    enable_hr: optional(flag()),
    hr_scale: optional(real(1, 8)),
    hr_upscaler: optional(text(100)),
    hr_second_pass_steps: optional(integer(0, limits.maxSteps)),
    hr_resize_x: optional(integer(0, limits.maxSide)),
    hr_resize_y: optional(integer(0, limits.maxSide)),
    hr_sampler_name: optional(text(100)),
    hr_scheduler: optional(text(100)),
    hr_prompt: optional(text(limits.maxPromptBytes)),
    hr_negative_prompt: optional(text(limits.maxPromptBytes)),
  }).openapi("Txt2ImgRequest");
}

/** Body of POST /sdapi/v1/img2img. */
export function img2imgSchema(limits: Limits) {
  const longest = Math.ceil(limits.maxImageBytes * 4 / 3) + 100;
  const image = z.string({ error: "must be an image in base64" }).max(longest, {
    error: `must be an image of at most ${limits.maxImageBytes} bytes in base64`,
  });
  const one = "must be a list of one image in base64";
  return z.object({
    ...shared(limits),
    init_images: z.array(image, { error: one }).min(1, { error: one }).max(1, { error: one }),
    mask: optional(image),
    mask_blur: optional(integer(0, 64)),
    inpainting_mask_invert: optional(integer(0, 1)),
    inpaint_full_res: optional(flag()),
    inpaint_full_res_padding: optional(integer(0, limits.maxSide)),
    resize_mode: optional(integer(0, 2)),
    include_init_images: optional(flag()),
  }).openapi("Img2ImgRequest");
}

/** What is understood of a request of either route. */
export type Fields =
  & z.output<ReturnType<typeof txt2imgSchema>>
  & Partial<Omit<z.output<ReturnType<typeof img2imgSchema>>, keyof ReturnType<typeof shared>>>;

/** Reply of both routes. */
export const Images: z.ZodType = z.object({
  images: z.array(z.string()).describe("Images in base64"),
  parameters: z.record(z.string(), z.any()).describe("The request"),
  info: z.string().describe("JSON: seeds, prompts and settings of each image"),
}).openapi("SdapiImages");

/** Reply of GET /sdapi/v1/progress. */
export const Progress: z.ZodType = z.object({
  progress: z.number().min(0).max(1),
  eta_relative: z.number().describe("Seconds"),
  state: z.record(z.string(), z.any()),
  current_image: z.string().nullable(),
  textinfo: z.string().nullable(),
}).openapi("SdapiProgress");

/** An error in a field. */
export const FieldError: z.ZodType = z.object({
  detail: z.array(
    z.object({ loc: z.array(z.string()), msg: z.string(), type: z.string() }),
  ),
}).openapi("SdapiFieldError");

/** Any other error. */
export const OtherError: z.ZodType = z.object({ error: z.string(), detail: z.string() })
  .openapi("SdapiError");
