import { done, type FieldRule, type FieldRules, ignored, refused } from "../../http/field_rules.ts";

const SAVED = "images go to the caller, and are not kept here";
const SAMPLERS = "the samplers here are diffusers' schedulers, which have no such setting";
const NOT_HERE = "this server does nothing of the kind";

/** Fields with one rule. */
function all(rule: FieldRule, ...names: readonly string[]): FieldRules {
  return Object.fromEntries(names.map((name) => [name, rule]));
}

/** Fields of both routes. */
const SHARED: FieldRules = {
  ...done("prompt", "negative_prompt", "seed", "sampler_name", "sampler_index", "scheduler"),
  ...done("batch_size", "n_iter", "steps", "cfg_scale", "width", "height", "eta", "send_images"),
  ...done("denoising_strength", "override_settings", "disable_extra_networks", "alwayson_scripts"),
  ...all(ignored(SAVED, false), "save_images", "do_not_save_samples", "do_not_save_grid"),
  override_settings_restore_afterwards: ignored("settings of a request hold for it alone", true),
  force_task_id: ignored("/sdapi/v1/progress tells of the key's first run"),
  comments: ignored(NOT_HERE),
  styles: refused("there are no styles here: write them into prompt and negative_prompt"),
  subseed: ignored("it counts with a subseed_strength above 0, which is refused", -1, 0),
  subseed_strength: refused(NOT_HERE, 0),
  ...all(refused(NOT_HERE, -1, 0), "seed_resize_from_h", "seed_resize_from_w"),
  ...all(refused(NOT_HERE, false), "restore_faces", "tiling"),
  s_min_uncond: refused(SAMPLERS, 0),
  s_churn: refused(SAMPLERS, 0),
  s_tmin: refused(SAMPLERS, 0),
  s_tmax: ignored("it counts with an s_churn above 0, which is refused", 0),
  s_noise: refused(SAMPLERS, 1),
  refiner_checkpoint: refused(NOT_HERE, "None"),
  refiner_switch_at: ignored("it counts with a refiner_checkpoint, which is refused"),
  firstpass_image: refused(NOT_HERE),
  infotext: refused("write its settings into the fields"),
  script_name: refused("there are no scripts here", "None"),
  script_args: refused("there are no scripts here"),
};

const HIRES = done(
  ...["enable_hr", "hr_scale", "hr_upscaler", "hr_second_pass_steps", "hr_resize_x", "hr_resize_y"],
  ...["hr_sampler_name", "hr_scheduler", "hr_prompt", "hr_negative_prompt"],
);

/** What is done with each field of POST /sdapi/v1/txt2img. */
export const TXT2IMG_RULES: FieldRules = {
  ...SHARED,
  ...HIRES,
  hr_checkpoint_name: refused("the second pass is made by the same model", "Use same checkpoint"),
  ...all(
    refused("give width and height, and hr_scale", 0),
    "firstphase_width",
    "firstphase_height",
  ),
};

/** What is done with each field of POST /sdapi/v1/img2img. */
export const IMG2IMG_RULES: FieldRules = {
  ...SHARED,
  ...done("init_images", "mask", "inpainting_mask_invert", "mask_blur", "resize_mode"),
  ...done("inpaint_full_res", "inpaint_full_res_padding", "include_init_images"),
  ...all(ignored("mask_blur counts, for both", 0, 4), "mask_blur_x", "mask_blur_y"),
  mask_round: refused("masks are black and white here", true),
  inpainting_fill: ignored("what the mask covers begins as it is in the image", 1),
  image_cfg_scale: ignored("it is for models that follow an instruction", 1.5),
  initial_noise_multiplier: refused(NOT_HERE, 1),
  latent_mask: refused("give mask"),
};
