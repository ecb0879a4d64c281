import { invalid } from "../../contract/errors.ts";
import type { Upscaler } from "../../contract/job.ts";
import type { SecondPassRequest } from "../../http/plan.ts";
import { chooseSampler } from "./samplers.ts";
import type { Fields } from "./schemas.ts";

/** A1111's names of ways to make images larger. */
export const UPSCALERS: Readonly<Record<string, Upscaler>> = {
  "Latent": "latent",
  "Latent (bicubic)": "latent-bicubic",
  "Latent (nearest)": "latent-nearest",
  "None": "lanczos",
  "Lanczos": "lanczos",
  "Nearest": "nearest",
};

/** How much larger by default, as A1111 has it. */
const SCALE = 2;

/**
 * The second pass that `enable_hr` asks for; undefined without it.
 *
 * @param strength How far the larger image is changed.
 * @throws {ServeError} `invalid_input` for an upscaler that is not here.
 */
export function secondPassOf(
  fields: Fields,
  strength: number,
  schedulers: readonly string[],
): SecondPassRequest | undefined {
  if (!fields.enable_hr) return undefined;
  const { hr_sampler_name, hr_scheduler, hr_upscaler, hr_second_pass_steps: steps } = fields;
  const upscaler = UPSCALERS[hr_upscaler || "Latent"];
  if (upscaler === undefined) {
    throw invalid("hr_upscaler", `hr_upscaler must be one of ${Object.keys(UPSCALERS).join(", ")}`);
  }
  const same = (value: string | undefined, word: string) =>
    value === "" || value === `Use same ${word}` ? undefined : value;
  const sampler = same(hr_sampler_name, "sampler") ?? fields.sampler_name ?? fields.sampler_index;
  const spread = same(hr_scheduler, "scheduler") ?? fields.scheduler;
  return {
    scale: fields.hr_scale ?? SCALE,
    width: fields.hr_resize_x || undefined,
    height: fields.hr_resize_y || undefined,
    ...chooseSampler(sampler === "" ? undefined : sampler, spread, schedulers),
    upscaler,
    strength,
    steps: steps === undefined || steps === 0 ? fields.steps : steps,
    prompt: fields.hr_prompt || undefined,
    negativePrompt: fields.hr_negative_prompt || undefined,
  };
}
