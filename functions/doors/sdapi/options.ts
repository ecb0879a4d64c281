import { z } from "@hono/zod-openapi";
import { done, type FieldRules } from "../../http/field_rules.ts";
import { flag, integer, oneOf, optional, text } from "../../http/fields.ts";

/** The settings of A1111 that mean something here. */
export interface Options {
  /** The model. */
  readonly sd_model_checkpoint?: string | undefined;
  /** 1 for the text encoder's last layer, 2 for the one before it. */
  readonly CLIP_stop_at_last_layers?: number | undefined;
  /** File format of the images. */
  readonly samples_format?: "png" | "jpg" | "jpeg" | "webp" | undefined;
  /** Quality of JPEG and WebP, 1..100. */
  readonly jpeg_quality?: number | undefined;
  /** Whether /progress shows images. */
  readonly live_previews_enable?: boolean | undefined;
  /** After how many steps each; not at all below 1. */
  readonly show_progress_every_n_steps?: number | undefined;
}

/** What holds unless a caller says. */
export const DEFAULTS: Options = {
  CLIP_stop_at_last_layers: 1,
  samples_format: "png",
  jpeg_quality: 80,
  live_previews_enable: true,
  show_progress_every_n_steps: 10,
};

/** Settings as requests carry them. */
export const OptionsSchema: z.ZodType<Options> = z.object({
  sd_model_checkpoint: optional(text(200)),
  CLIP_stop_at_last_layers: optional(integer(1, 12)),
  samples_format: optional(oneOf("png", "jpg", "jpeg", "webp")),
  jpeg_quality: optional(integer(1, 100)),
  live_previews_enable: optional(flag()),
  show_progress_every_n_steps: optional(integer(-1, 1_000)),
}, { error: "must be an object" }).openapi("SdapiOptions");

/** What is done with each setting; A1111 has hundreds more. */
export const OPTION_RULES: FieldRules = done(
  ...["sd_model_checkpoint", "CLIP_stop_at_last_layers", "samples_format", "jpeg_quality"],
  ...["live_previews_enable", "show_progress_every_n_steps"],
);

/** Owners whose settings are remembered at most. */
const MAX_OWNERS = 10_000;

/** The settings of each key, as long as the process lives: what one sets does not touch others. */
export class OptionStore {
  readonly #byOwner = new Map<string, Options>();

  /** An owner's settings. */
  get(owner: string): Options {
    return { ...DEFAULTS, ...this.#byOwner.get(owner) };
  }

  /** Changes those that are given. */
  set(owner: string, options: Options): void {
    const merged = merge(this.#byOwner.get(owner) ?? {}, options);
    this.#byOwner.delete(owner);
    this.#byOwner.set(owner, merged);
    if (this.#byOwner.size > MAX_OWNERS) {
      this.#byOwner.delete(this.#byOwner.keys().next().value!);
    }
  }
}

/** Settings with others over them, where they are given. */
export function merge(options: Options, over: Options | undefined): Options {
  const given = Object.entries(over ?? {}).filter(([, value]) => value !== undefined);
  return { ...options, ...Object.fromEntries(given) };
}
