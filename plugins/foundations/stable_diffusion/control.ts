import type {
  CallOptions,
  ComponentSpec,
  ImageCodec,
  PipelineDefinition,
  Tensor,
} from "@denoise/core";
import { type ControlNet, MultiControlNet, netsComponent, netsOf } from "@denoise/roles";
import {
  type ControlImageOption,
  controlImageOption,
  type ControlImages,
  controlImageSets,
  type ControlRangeOptions,
  controlRangeOptions,
  type ControlRanges,
  type ImagesInput,
  type NoiseStartOptions,
  noiseStartOptions,
  planControlRanges,
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

const controlnet = netsComponent();

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
export interface ControlOptions extends ControlRangeOptions {
  /** Lets the image alone speak, without a prompt; guidance scales of 3 to 5 suit it. */
  readonly guessMode?: boolean | undefined;
}

/** The declarations of {@linkcode ControlOptions}. */
export const controlOptions: CallOptions<ControlOptions> = {
  ...controlRangeOptions,
  guessMode: { type: "boolean" },
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
export interface ControlPlan extends ControlRanges {
  /** The ControlNets; the ranges have an entry for each. */
  readonly nets: readonly ControlNet[];
  /** Whether residuals are given only to the images that follow the text, not to all. */
  readonly guessMode: boolean;
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
  for (const net of nets) checkControlFitsUNet(net, unet);
  return {
    nets,
    ...planControlRanges(options, nets.length),
    guessMode: (options.guessMode ?? false) ||
      (nets[0]!.config as { global_pool_conditions?: boolean }).global_pool_conditions === true,
  };
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

/**
 * A ControlNet copies the down blocks of a UNet, so it has the widths of that.
 *
 * @throws {RangeError} for one of another model.
 */
export function checkControlFitsUNet(
  net: Pick<ControlNet, "config" | "className">,
  unet: StableDiffusionComponents["unet"],
): void {
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
    ? controlImageSets(given, nets.length)
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
