import { invalid } from "../../contract/errors.ts";
import type { ImageRequest } from "../../http/plan.ts";
import type { Options } from "./options.ts";
import { chooseSampler } from "./samplers.ts";
import type { Fields } from "./schemas.ts";

/** This door's names of what the others name differently. */
export const NAMES: Readonly<Record<string, string>> = {
  model: "override_settings.sd_model_checkpoint",
  count: "batch_size",
  image: "init_images",
  negativePrompt: "negative_prompt",
  guidanceScale: "cfg_scale",
  strength: "denoising_strength",
  scheduler: "sampler_name",
};

/** How far A1111 changes a given image unless told. */
const STRENGTH = 0.75;

/** Steps of a run that does not say, by which previews are spread. */
const STEPS = 50;

/** What a request is understood with. */
export interface Surroundings {
  /** The caller's settings, with those of the request over them. */
  readonly options: Options;
  /** Class names of the schedulers at hand. */
  readonly schedulers: readonly string[];
  /** Images of a request at most. */
  readonly maxImages: number;
  /** Previews of a run at most. */
  readonly maxPreviews: number;
}

/** The fields of a request in the words of the queue. */
export function toRequest(fields: Fields, around: Surroundings): ImageRequest {
  const { options, schedulers, maxImages, maxPreviews } = around;
  const { batch_size = 1, n_iter = 1, init_images, mask, steps } = fields;
  if (batch_size * n_iter > maxImages) {
    throw invalid("n_iter", `n_iter times batch_size must be ${maxImages} at most`);
  }
  const name = fields.sampler_name ?? fields.sampler_index;
  const [image] = init_images ?? [];
  const { CLIP_stop_at_last_layers: layers = 1, show_progress_every_n_steps: every = 0 } = options;
  const shows = options.live_previews_enable && every > 0;
  return {
    ...chooseSampler(name === "" ? undefined : name, fields.scheduler, schedulers),
    model: options.sd_model_checkpoint,
    prompt: fields.prompt ?? "",
    negativePrompt: fields.negative_prompt,
    image: image === undefined ? undefined : fromBase64(image, "init_images"),
    mask: mask === undefined ? undefined : fromBase64(mask, "mask"),
    width: fields.width,
    height: fields.height,
    count: batch_size * n_iter,
    seed: String(seedOf(fields.seed)),
    steps,
    guidanceScale: fields.cfg_scale,
    strength: image === undefined ? undefined : fields.denoising_strength ?? STRENGTH,
    eta: fields.eta,
    clipSkip: layers === 1 ? undefined : layers - 1,
    format: options.samples_format === "png" ? "png" : "jpeg",
    quality: options.samples_format === "png" ? undefined : options.jpeg_quality,
    previews: shows ? Math.min(maxPreviews, Math.floor(((steps ?? STEPS) - 1) / every)) : 0,
  };
}

/** By chance where none is given, and of 32 bits as A1111's are. */
function seedOf(seed: number | undefined): number {
  return seed === undefined || seed < 0 ? crypto.getRandomValues(new Uint32Array(1))[0]! : seed;
}

function fromBase64(text: string, field: string): Uint8Array {
  try {
    const bytes = Uint8Array.fromBase64(text.replace(/^data:[^,]{0,100},/, ""));
    if (bytes.length > 0) return bytes;
  } catch {
    // it is no base64: told below
  }
  const isAddress = /^https?:/.test(text);
  throw invalid(
    field,
    `${field} must be an image in base64` +
      (isAddress ? "; addresses are not fetched by this server" : ""),
  );
}
