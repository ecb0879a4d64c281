import { invalid } from "../../contract/errors.ts";
import { imageOf } from "../../http/base64.ts";
import { type FieldRules, leftAside, settleFields } from "../../http/field_rules.ts";
import type { PlanOptions, RunRequest, SecondPassRequest } from "../../http/plan.ts";
import { CONTROLS } from "./control_units.ts";
import { type Tagged, takeTags } from "./extra_networks.ts";
import { secondPassOf } from "./hires.ts";
import { OPTION_RULES, type Options } from "./options.ts";
import { chooseSampler } from "./samplers.ts";
import type { Fields } from "./schemas.ts";

/** This door's names of what the others name differently. */
const NAMES: Readonly<Record<string, string>> = {
  model: "override_settings.sd_model_checkpoint",
  count: "batch_size",
  image: "init_images",
  negativePrompt: "negative_prompt",
  guidanceScale: "cfg_scale",
  strength: "denoising_strength",
  scheduler: "sampler_name",
};

/** The names of fields as a request has them. */
export function namesIn(fields: Fields): Readonly<Record<string, string>> {
  return {
    ...NAMES,
    loras: "prompt",
    controls: CONTROLS,
    mode: "union_control_type",
    secondPass: "enable_hr",
    secondPassSize: fields.hr_resize_x || fields.hr_resize_y ? "hr_resize_x" : "hr_scale",
    count: fields.batch_size === undefined ? "n_iter" : "batch_size",
    scheduler: fields.sampler_name === undefined ? "sampler_index" : "sampler_name",
  };
}

/** A1111's default denoising strength. */
const STRENGTH = 0.75;

/** What a request is understood with. */
export interface Surroundings {
  /** The caller's settings, with those of the request over them. */
  readonly options: Options;
  /** Class names of the schedulers at hand. */
  readonly schedulers: readonly string[];
  /** Images of a request at most. */
  readonly maxImages: number;
  /** Images that say where things are. */
  readonly controls: RunRequest["controls"];
}

/** The fields of a request in the words of the queue. */
export function toRequest(fields: Fields, around: Surroundings): RunRequest {
  const { options, schedulers, maxImages, controls } = around;
  const { batch_size = 1, n_iter = 1, init_images, mask } = fields;
  if (batch_size * n_iter > maxImages) {
    throw invalid("n_iter", `n_iter times batch_size must be ${maxImages} at most`);
  }
  const name = fields.sampler_name ?? fields.sampler_index;
  const { prompt, loras } = takeTags(fields.prompt ?? "", "prompt");
  const hires = hiresOf(fields, loras, schedulers);
  const masked = mask === undefined ? {} : maskOf(fields);
  const [image] = init_images ?? [];
  const { CLIP_stop_at_last_layers: layers = 1, show_progress_every_n_steps: every = 0 } = options;
  const { samples_format: named = "png" } = options;
  const format = named === "jpg" ? "jpeg" : named;
  const shows = options.live_previews_enable && every > 0;
  return {
    ...chooseSampler(name === "" ? undefined : name, fields.scheduler, schedulers),
    model: options.sd_model_checkpoint,
    ...masked,
    prompt,
    loras: loras.length === 0 || fields.disable_extra_networks ? undefined : loras,
    controls,
    secondPass: hires,
    negativePrompt: fields.negative_prompt,
    image: image === undefined ? undefined : imageOf(image, "init_images"),
    mask: mask === undefined ? undefined : imageOf(mask, "mask"),
    width: fields.width,
    height: fields.height,
    count: batch_size * n_iter,
    seed: String(seedOf(fields.seed)),
    steps: fields.steps,
    guidanceScale: fields.cfg_scale,
    strength: image === undefined ? undefined : fields.denoising_strength ?? STRENGTH,
    eta: fields.eta,
    clipSkip: layers === 1 ? undefined : layers - 1,
    promptSyntax: "a1111",
    format,
    quality: format === "png" ? undefined : options.jpeg_quality,
    fit: image === undefined ? undefined : FITS[fields.resize_mode ?? 0],
    previewEvery: shows ? every : undefined,
  };
}

/** How images come to another size, by resize_mode. */
const FITS = ["stretch", "crop", "fill"] as const;

/** What is said of a mask. */
function maskOf(fields: Fields): Pick<RunRequest, "invertsMask" | "maskBlur" | "maskPadding"> {
  const { inpainting_mask_invert, mask_blur, inpaint_full_res, inpaint_full_res_padding } = fields;
  return {
    invertsMask: inpainting_mask_invert === 1 ? true : undefined,
    maskBlur: mask_blur === 0 ? undefined : mask_blur,
    maskPadding: inpaint_full_res ? inpaint_full_res_padding ?? 0 : undefined,
  };
}

/** The second pass; its prompt may have the tags of the first one's, and no others. */
function hiresOf(
  fields: Fields,
  loras: Tagged["loras"],
  schedulers: readonly string[],
): SecondPassRequest | undefined {
  const pass = secondPassOf(fields, fields.denoising_strength ?? STRENGTH, schedulers);
  if (pass?.prompt === undefined) return pass;
  const own = takeTags(pass.prompt, "hr_prompt");
  if (own.loras.length === 0 || JSON.stringify(own.loras) === JSON.stringify(loras)) {
    return { ...pass, prompt: own.prompt };
  }
  throw invalid("hr_prompt", "hr_prompt must have the same LoRAs as prompt, or none");
}

/** What of a request is understood, but not done. */
export function asideOf(
  given: unknown,
  fields: Fields,
  rules: FieldRules,
): Pick<PlanOptions, "others"> & { readonly warnings: readonly string[] } {
  const { override_settings } = given as { override_settings?: unknown };
  const { warnings, others } = leftAside(given, rules);
  const all = [
    ...warnings,
    ...settleFields(override_settings, OPTION_RULES, "override_settings"),
    ...takeTags(fields.negative_prompt ?? "", "negative_prompt").loras.map(({ name }) =>
      `negative_prompt names the LoRA ${name}, which counts in prompt only`
    ),
  ];
  return { warnings: all, others: { fields: others } };
}

/** By chance where none is given, and of 32 bits as A1111's are. */
function seedOf(seed: number | undefined): number {
  return seed === undefined || seed < 0 ? crypto.getRandomValues(new Uint32Array(1))[0]! : seed;
}
