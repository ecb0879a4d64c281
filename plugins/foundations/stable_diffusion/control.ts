import type {
  CallOptions,
  ComponentSpec,
  ImageCodec,
  PipelineDefinition,
  Tensor,
} from "@denoise/core";
import { type ControlNet, MultiControlNet } from "@denoise/roles";
import {
  type ControlImageOption,
  controlImageOption,
  type ControlImages,
  type ImagesInput,
  type NoiseStartOptions,
  noiseStartOptions,
  prepareControlImages,
  repeatForPrompts,
  vaeScaleFactor,
} from "@denoise/diffusion";
import { stableDiffusion, type StableDiffusionComponents } from "./stable_diffusion.ts";
import { stableDiffusionXL, type StableDiffusionXLComponents } from "./xl_components.ts";

/** One ControlNet, or several. */
export type ControlNets = ControlNet | MultiControlNet | readonly ControlNet[];

/** What Stable Diffusion with ControlNets consists of. */
export interface ControlComponents extends StableDiffusionComponents {
  /** A ControlNetModel, or a list of them. */
  readonly controlnet: ControlNets;
}

/** What Stable Diffusion XL with ControlNets consists of. */
export interface XlControlComponents extends StableDiffusionXLComponents {
  /** A ControlNetModel, or a list of them. */
  readonly controlnet: ControlNets;
}

const controlnet: ComponentSpec = {
  kind: "model",
  adapt: (given) => Array.isArray(given) ? new MultiControlNet(given) : given,
};

/** What the definitions of the Stable Diffusion XL pipelines with ControlNets share. */
export const controlledXL: {
  readonly components: { readonly [K in keyof XlControlComponents]: ComponentSpec };
} = { components: { ...stableDiffusionXL.components, controlnet } };

/** What the definitions of these pipelines share. */
export const controlled: {
  readonly components: { readonly [K in keyof ControlComponents]: ComponentSpec };
  readonly settings: typeof stableDiffusion.settings;
  readonly prepare: NonNullable<
    PipelineDefinition<ControlComponents, unknown[], unknown>["prepare"]
  >;
} = {
  ...stableDiffusion,
  components: { ...stableDiffusion.components, controlnet },
};

/** Options of a call that is controlled. */
export interface ControlOptions {
  /**
   * What the residuals are multiplied with, for all ControlNets or for each; by default 1 for text
   * to image, 0.8 for image to image, 0.5 for inpainting.
   */
  readonly controlnetConditioningScale?: number | readonly number[] | undefined;
  /** Lets the image alone speak, without a prompt; guidance scales of 3 to 5 suit it. */
  readonly guessMode?: boolean | undefined;
  /** The part of the steps after which control begins, 0..1, for all or each. Defaults to 0. */
  readonly controlGuidanceStart?: number | readonly number[] | undefined;
  /** The part of the steps after which control ends, 0..1, for all or each. Defaults to 1. */
  readonly controlGuidanceEnd?: number | readonly number[] | undefined;
}

/** The declarations of {@linkcode ControlOptions}. */
export const controlOptions: CallOptions<ControlOptions> = {
  controlnetConditioningScale: { type: "number", list: "allowed" },
  guessMode: { type: "boolean" },
  controlGuidanceStart: { type: "number", list: "allowed" },
  controlGuidanceEnd: { type: "number", list: "allowed" },
};

/** Options of a call that begins with noise and is controlled. */
export interface ControlledNoiseOptions extends NoiseStartOptions, ControlOptions {
  /**
   * The image to control by, or one for each prompt; with several ControlNets a list with one for
   * each. Edges, a pose, depth: what the ControlNet was trained on. It says the size by default.
   */
  readonly image: ControlImages;
}

/** The declarations of {@linkcode ControlledNoiseOptions}. */
export const controlledNoiseOptions: CallOptions<ControlledNoiseOptions> = {
  ...noiseStartOptions,
  ...controlOptions,
  image: controlImageOption.controlImage,
};

/** Options of a call that begins with another image, and is controlled. */
export interface ControlledImageOptions extends ControlOptions, ControlImageOption {}

/** The declarations of {@linkcode ControlledImageOptions}. */
export const controlledImageOptions: CallOptions<ControlledImageOptions> = {
  ...controlOptions,
  ...controlImageOption,
};

/** How a run is controlled. */
export interface ControlPlan {
  /** The ControlNets; what follows has an entry for each. */
  readonly nets: readonly ControlNet[];
  /** What the residuals are multiplied with. */
  readonly scales: readonly number[];
  /** The part of the steps before which there is no control. */
  readonly starts: readonly number[];
  /** The part of the steps after which there is none. */
  readonly ends: readonly number[];
  /** Whether residuals are given only to the images that follow the text, not to all. */
  readonly guessMode: boolean;
}

function netsOf(controlnet: ControlNets): readonly ControlNet[] {
  if (controlnet instanceof MultiControlNet) return controlnet.nets;
  return Array.isArray(controlnet) ? controlnet : [controlnet as ControlNet];
}

function forEach(
  value: number | readonly number[] | undefined,
  count: number,
  name: string,
  otherwise: number,
): readonly number[] {
  const given = value ?? otherwise;
  const list = typeof given === "number" ? Array<number>(count).fill(given) : given;
  if (list.length !== count) {
    throw new RangeError(
      `Cannot control by ${count} ControlNets with ${name} ${JSON.stringify(given)}: give one ` +
        `number, or a list of ${count}`,
    );
  }
  return list;
}

/**
 * Settles and checks how a call is controlled.
 *
 * @throws {RangeError} for a ControlNet of another model, and for ranges that cannot be.
 */
export function planControl(
  { unet, controlnet }: Pick<ControlComponents, "unet" | "controlnet">,
  options: ControlOptions,
): ControlPlan {
  const nets = netsOf(controlnet);
  for (const net of nets) checkFits(net, unet);
  const count = nets.length;
  const { controlGuidanceStart, controlGuidanceEnd } = options;
  const plan = {
    nets,
    scales: forEach(
      options.controlnetConditioningScale,
      count,
      "controlnetConditioningScale",
      1,
    ),
    starts: forEach(controlGuidanceStart, count, "controlGuidanceStart", 0),
    ends: forEach(controlGuidanceEnd, count, "controlGuidanceEnd", 1),
    guessMode: (options.guessMode ?? false) ||
      (nets[0]!.config as { global_pool_conditions?: boolean }).global_pool_conditions === true,
  };
  for (const [i, start] of plan.starts.entries()) {
    const end = plan.ends[i]!;
    if (start >= 0 && start < end && end <= 1) continue;
    throw new RangeError(
      `Cannot control from controlGuidanceStart ${start} to controlGuidanceEnd ${end}: the start ` +
        `must be 0 or more and before the end, which is at most 1`,
    );
  }
  return plan;
}

interface Widths {
  readonly block_out_channels?: readonly number[];
  readonly cross_attention_dim?: number | readonly number[];
  readonly projection_class_embeddings_input_dim?: number | null;
}

const WIDTHS = [
  "block_out_channels",
  "cross_attention_dim",
  "projection_class_embeddings_input_dim",
] as const;

/** A ControlNet copies the down blocks of a UNet, so it has the widths of that. */
function checkFits(net: ControlNet, unet: StableDiffusionComponents["unet"]): void {
  for (const key of WIDTHS) {
    const [own, wanted] = [net, unet].map(({ config }) => [(config as Widths)[key]].flat());
    if ([...own!, ...wanted!].some((value) => value === undefined || value === null)) continue;
    const fits = key === "cross_attention_dim"
      ? wanted!.every((value) => value === own![0])
      : String(own) === String(wanted);
    if (fits) continue;
    throw new RangeError(
      `Cannot control this UNet: its ${key} is [${wanted!.join(", ")}], that of the ` +
        `${net.className} [${own!.join(", ")}]; use a ControlNet that was trained for this model`,
    );
  }
}

/**
 * The images of each ControlNet, one row for each image to make.
 *
 * @param prompts How many prompts there are.
 * @param size In pixels. Defaults to the images' own size.
 * @returns For each ControlNet float32 [count, 3, H, W] in 0..1.
 * @throws {TypeError} when there are other images than ControlNets.
 */
export async function controlImages(
  codec: ImageCodec,
  { controlnet, vae }: Pick<ControlComponents, "controlnet" | "vae">,
  given: ControlImages | undefined,
  { count, prompts }: { readonly count: number; readonly prompts: number },
  size: { readonly height?: number | undefined; readonly width?: number | undefined },
): Promise<readonly Tensor[]> {
  const nets = netsOf(controlnet);
  const sets = controlnet instanceof MultiControlNet
    ? setsOf(given, nets.length)
    : [given as ImagesInput | undefined];
  const { height, width } = size;
  const options = { height, width, multiple: vaeScaleFactor(vae) };
  return await Promise.all(sets.map(async (set) => {
    if (set === undefined) {
      throw new TypeError("Cannot control without an image: give one to control by");
    }
    const rows = await prepareControlImages(codec, set, options);
    return repeatForPrompts(rows, prompts, count);
  }));
}

function setsOf(given: ControlImages | undefined, count: number): readonly ImagesInput[] {
  if (!Array.isArray(given)) {
    throw new TypeError(
      `Cannot control by ${count} ControlNets: give a list of ${count} images, one for each`,
    );
  }
  const perPrompt = given.some((item) => Array.isArray(item));
  const sets = perPrompt
    ? Array.from({ length: given[0].length }, (_, i) => given.map((row) => row[i]))
    : given;
  if (sets.length === count && (!perPrompt || given.every((row) => row.length === count))) {
    return sets;
  }
  throw new RangeError(
    `Cannot control by ${count} ControlNets with ${sets.length} images: give one for each`,
  );
}
