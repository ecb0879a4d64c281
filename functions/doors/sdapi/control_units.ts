/**
 * The units of the ControlNet extension of A1111's web UI, in `alwayson_scripts`. Its preprocessors are not
 * here: images are given as ControlNets read them.
 *
 * @module
 */
import { z } from "@hono/zod-openapi";
import { invalid } from "../../contract/errors.ts";
import type { ControlUse } from "../../contract/job.ts";
import { check } from "../../http/body.ts";
import { imageOf } from "../../http/base64.ts";
import { done, type FieldRules, ignored, refused, settleFields } from "../../http/field_rules.ts";
import { flag, integer, oneOf, optional, real, text } from "../../http/fields.ts";

/** What fields of this door are called where they are in a unit. */
export const CONTROLS = "alwayson_scripts.controlnet";

const NO_PREPROCESSOR = "no preprocessor runs here: the image is given as the ControlNet reads it";

/** What is done with each field of a unit. */
export const UNIT_RULES: FieldRules = {
  ...done("enabled", "image", "input_image", "model", "weight", "resize_mode", "guidance_start"),
  ...done("guidance_end", "module", "union_control_type"),
  mask: refused("what a ControlNet says holds for the whole image"),
  control_mode: refused("prompt and image count alike", "Balanced", 0),
  guess_mode: refused("prompt and image count alike", false),
  hr_option: refused("a second pass is controlled as the first", "Both", 0),
  inpaint_crop_input_image: refused("the image is taken whole", false),
  ...Object.fromEntries(
    ["pixel_perfect", "processor_res", "threshold_a", "threshold_b"].map((name) => [
      name,
      ignored(NO_PREPROCESSOR, false, -1, 0.5, 64, 512),
    ]),
  ),
  save_detected_map: ignored(NO_PREPROCESSOR, true, false),
  low_vram: ignored("models use the memory that there is", false),
  lowvram: ignored("models use the memory that there is", false),
};

const MODES = ["Just Resize", "Crop and Resize", "Resize and Fill"] as const;
/** How images come to another size, in the order of those. */
const FITS = ["stretch", "crop", "fill"] as const;

/** The kinds of images that ControlNet-Union reads, in its order, as the extension names them. */
const UNION_TYPES = [
  "OpenPose",
  "Depth",
  "Soft Edge",
  "Hard Edge",
  "Normal Map",
  "Segmentation",
  "Tile",
  "Inpaint",
  "Unknown",
] as const;

const RESIZE = `must be an integer from 0 to 2, or one of ${
  MODES.map((mode) => JSON.stringify(mode)).join(", ")
}`;

function unitSchema(maxImageBytes: number) {
  const error = `must be an image of at most ${maxImageBytes} bytes in base64`;
  const longest = Math.ceil(maxImageBytes * 4 / 3) + 200;
  const image = z.union([
    z.string({ error }).max(longest, { error }),
    z.object({ image: z.string({ error }).max(longest, { error }) }, { error })
      .transform(({ image }) => image),
  ], { error });
  return z.object({
    enabled: optional(flag()),
    image: optional(image),
    input_image: optional(image),
    model: optional(text(300)),
    module: optional(text(100)),
    weight: optional(real(0, 2)),
    resize_mode: optional(z.union([integer(0, 2), z.enum(MODES)], { error: RESIZE })),
    union_control_type: optional(oneOf(...UNION_TYPES)),
    guidance_start: optional(real(0, 1)),
    guidance_end: optional(real(0, 1)),
  }, { error: "must be an object" });
}

/** What `alwayson_scripts` asks for. */
export interface Controls {
  /** Images that say where things are; undefined where there are none. */
  readonly controls: readonly ControlUse[] | undefined;
  /** What was left aside. */
  readonly warnings: readonly string[];
}

/**
 * Reads `alwayson_scripts`.
 *
 * @param start The image to begin with, which a unit without an image of its own reads.
 * @throws {ServeError} `invalid_input` for other scripts, and for units that cannot be done.
 */
export function controlsOf(
  scripts: Readonly<Record<string, unknown>> | undefined,
  start: string | undefined,
  maxImageBytes: number,
): Controls {
  const warnings: string[] = [];
  const controls: ControlUse[] = [];
  const schema = unitSchema(maxImageBytes);
  for (const [script, given] of Object.entries(scripts ?? {})) {
    for (const [i, unit] of argsOf(script, given).entries()) {
      const at = `alwayson_scripts.${script}.args[${i}]`;
      const data = check(schema, unit, at);
      if (data.enabled === false) continue;
      warnings.push(...settleFields(unit, UNIT_RULES, at));
      controls.push(controlOf(data, start, at));
    }
  }
  return { controls: controls.length === 0 ? undefined : controls, warnings };
}

/** The units of a script; those that are not there have none. */
function argsOf(script: string, given: unknown): readonly unknown[] {
  const { args } = (given ?? {}) as { args?: unknown };
  if (args === undefined || Array.isArray(args) && args.length === 0) return [];
  if (script.toLowerCase() !== "controlnet") {
    throw invalid(
      "alwayson_scripts",
      `alwayson_scripts cannot have ${
        JSON.stringify(script.slice(0, 100))
      }: there is controlnet here, ` +
        `and no other script`,
    );
  }
  if (Array.isArray(args) && args.length <= 8) return args;
  throw invalid(CONTROLS, `${CONTROLS}.args must be a list of at most 8 units`);
}

type Unit = z.output<ReturnType<typeof unitSchema>>;

function unionMode(type: (typeof UNION_TYPES)[number] = "Unknown"): number | undefined {
  return type === "Unknown" ? undefined : UNION_TYPES.indexOf(type);
}

function controlOf(unit: Unit, start: string | undefined, at: string): ControlUse {
  const { module = "none", model = "None", resize_mode = 1 } = unit;
  if (module.toLowerCase() !== "none") {
    throw invalid(`${at}.module`, `${at}.module must be "none": ${NO_PREPROCESSOR}`);
  }
  if (model === "None") {
    throw invalid(
      `${at}.model`,
      `${at}.model is missing; GET /controlnet/model_list names what there is`,
    );
  }
  const image = unit.image ?? unit.input_image ?? start;
  if (image === undefined) {
    throw invalid(`${at}.image`, `${at}.image is missing; it must be an image in base64`);
  }
  const mode = typeof resize_mode === "number" ? resize_mode : MODES.indexOf(resize_mode);
  return {
    name: model.replace(/ \[[0-9a-f]+\]$/, ""),
    image: imageOf(image, `${at}.image`),
    scale: unit.weight ?? 1,
    start: unit.guidance_start,
    end: unit.guidance_end,
    mode: unionMode(unit.union_control_type),
    fit: FITS[mode],
  };
}
