import { invalid } from "../../contract/errors.ts";
import type { SecondPass, Upscaler } from "../../contract/job.ts";
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

/** Pixels of a side unless told, as A1111 has them. */
const SIDE = 512;
const SCALE = 2;
/** Sides are multiples of that. */
const MULTIPLE = 8;

/**
 * The second pass that `enable_hr` asks for; undefined without it.
 *
 * @param strength How far the larger image is changed.
 * @throws {ServeError} `invalid_input` for an upscaler that is not here, and for another shape.
 */
export function secondPassOf(
  fields: Fields,
  strength: number,
  schedulers: readonly string[],
): SecondPass | undefined {
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
    ...sizeOf(fields),
    ...chooseSampler(sampler === "" ? undefined : sampler, spread, schedulers),
    upscaler,
    strength,
    steps: steps === undefined || steps === 0 ? fields.steps : steps,
    prompt: fields.hr_prompt || undefined,
    negativePrompt: fields.hr_negative_prompt || undefined,
  };
}

/** By hr_resize_x and hr_resize_y, of which 0 follows from the other; else by hr_scale. */
function sizeOf(fields: Fields): { readonly width: number; readonly height: number } {
  const { width = SIDE, height = SIDE, hr_scale: scale = SCALE } = fields;
  const [x, y] = [fields.hr_resize_x ?? 0, fields.hr_resize_y ?? 0];
  const whole = (side: number): number => Math.floor(side / MULTIPLE) * MULTIPLE;
  if (x === 0 && y === 0) return { width: whole(width * scale), height: whole(height * scale) };
  const wide = whole(x === 0 ? y * width / height : x);
  const high = whole(y === 0 ? x * height / width : y);
  if (Math.abs(wide / width - high / height) * Math.max(width, height) < 2 * MULTIPLE) {
    return { width: wide, height: high };
  }
  throw invalid(
    "hr_resize_y",
    `hr_resize_y must keep the shape of ${width}x${height}: leave it out, or give ` +
      `${whole(wide * height / width)} beside hr_resize_x ${x}`,
  );
}
