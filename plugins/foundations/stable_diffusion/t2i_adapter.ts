import type { CallOptions, ComponentSpec, PipelineDefinition, Tensor } from "@denoise/core";
import {
  type Control,
  controlImageOption,
  type ControlImages,
  controlImageSets,
  type DenoisingRangeOptions,
  type Family,
  type ImagesInput,
  type LatentComponents,
  type LatentOptions,
  type NoiseStartOptions,
  noiseStartOptions,
  prepareControlImages,
  repeatForPrompts,
  type TimestepOptions,
} from "@denoise/diffusion";
import {
  MultiControlNet,
  netsComponent,
  netsOf,
  type T2IAdapterNet,
  type T2IAdapterNetConfig,
} from "@denoise/roles";
import type { UNetControl } from "./control_nets.ts";
import {
  prepareStableDiffusion,
  stableDiffusion,
  type StableDiffusionComponents,
} from "./stable_diffusion.ts";
import { stableDiffusionXL, type StableDiffusionXLComponents } from "./xl_components.ts";

/** One T2I-Adapter, or several. */
export type T2IAdapters =
  | T2IAdapterNet
  | MultiControlNet<T2IAdapterNet>
  | readonly T2IAdapterNet[];

/** What Stable Diffusion with T2I-Adapters consists of. */
export interface T2IAdapterComponents extends Omit<StableDiffusionComponents, "imageEncoder"> {
  /** A T2IAdapter, or a list of them. */
  readonly adapter: T2IAdapters;
}

/** What Stable Diffusion XL with T2I-Adapters consists of. */
export interface XlT2IAdapterComponents extends StableDiffusionXLComponents {
  /** A T2IAdapter, or a list of them. */
  readonly adapter: T2IAdapters;
}

const adapter = netsComponent("MultiAdapter");

const { imageEncoder: _, ...components } = stableDiffusion.components;

/** What the definitions of the Stable Diffusion pipelines with T2I-Adapters share. */
export const adapted: {
  readonly components: { readonly [K in keyof T2IAdapterComponents]: ComponentSpec };
  readonly settings: typeof stableDiffusion.settings;
  readonly prepare: NonNullable<
    PipelineDefinition<T2IAdapterComponents, unknown[], unknown>["prepare"]
  >;
} = {
  ...stableDiffusion,
  components: { ...components, adapter },
  prepare: prepareStableDiffusion,
};

/** What the definitions of the Stable Diffusion XL pipelines with T2I-Adapters share. */
export const adaptedXL: {
  readonly components: { readonly [K in keyof XlT2IAdapterComponents]: ComponentSpec };
} = { components: { ...stableDiffusionXL.components, adapter } };

/** Options of a call that T2I-Adapters control. */
export interface T2IAdapterOptions extends NoiseStartOptions {
  /**
   * The image to control by, or one for each prompt; with several adapters a list with one for each. It
   * says the size by default.
   */
  readonly image: ControlImages;
  /** What the features are multiplied with, for all adapters or for each. Defaults to 1. */
  readonly adapterConditioningScale?: number | readonly number[] | undefined;
}

/** The declarations of {@linkcode T2IAdapterOptions}. */
export const t2iAdapterOptions: CallOptions<T2IAdapterOptions> = {
  ...noiseStartOptions,
  image: controlImageOption.controlImage,
  adapterConditioningScale: { type: "number", list: "allowed" },
};

/** Options of a call of which adapters control a part. */
export interface T2IAdapterPartOptions {
  /** The part of the steps, from the first on, that are controlled, 0..1. Defaults to 1. */
  readonly adapterConditioningFactor?: number | undefined;
}

/** The declarations of {@linkcode T2IAdapterPartOptions}. */
export const t2iAdapterPartOptions: CallOptions<T2IAdapterPartOptions> = {
  adapterConditioningFactor: { type: "number", minimum: 0, maximum: 1 },
};

/** A family whose pipelines T2I-Adapters control. */
export function adaptedFamily<C extends LatentComponents, O extends LatentOptions, K>(
  family: Family<C, O, K>,
): Family<C, O, K> {
  return { ...family, name: `${family.name}-t2i-adapter` };
}

/** T2I-Adapters beside the UNet: Mou et al. (arXiv:2302.08453). */
export const t2iAdapters: Control<
  Pick<T2IAdapterComponents, "unet" | "adapter" | "vae">,
  & Pick<T2IAdapterOptions, "adapterConditioningScale">
  & T2IAdapterPartOptions
  & TimestepOptions
  & Pick<DenoisingRangeOptions, "denoisingEnd">,
  UNetControl
> = {
  plan({ unet, adapter }, options) {
    const nets = netsOf<T2IAdapterNet>(adapter);
    for (const net of nets) checkAdapterFitsUNet(net, unet);
    const scales = scalesOf(options.adapterConditioningScale, nets.length);
    const { adapterConditioningFactor: part = 1, timesteps: own, sigmas, denoisingEnd } = options;
    return {
      async images(codec, given, { prompts, count }, { height, width }) {
        const sets = adapter instanceof MultiControlNet
          ? controlImageSets(given, nets.length)
          : [given as ImagesInput];
        return await Promise.all(sets.map(async (set, i) => {
          const { in_channels, downscale_factor: multiple } = nets[i]!.config;
          const mode = in_channels === 1 ? "L" : "RGB";
          const rows = await prepareControlImages(codec, set, { height, width, multiple, mode });
          repeatForPrompts(rows, prompts, count); // refuses other numbers of images
          return rows;
        }));
      },
      begin(images, timesteps, total) {
        const isCut = denoisingEnd !== undefined && denoisingEnd > 0 && denoisingEnd < 1;
        const planned = own === undefined && sigmas === undefined
          ? options.numInferenceSteps ?? total
          : total;
        const controlled = Math.trunc((isCut ? timesteps.length : planned) * part);
        let features: Promise<readonly Tensor[]> | undefined; // made once: each step has the same
        return async ({ scaled, index }, { signal }, guidance) => {
          if (index >= controlled) return {};
          const rows = scaled.dims[0]! * (guidance ? 2 : 1);
          features ??= featuresOf(nets, images, scales, { rows, signal });
          return { downIntrablockAdditionalResiduals: await features };
        };
      },
    };
  },
};

/**
 * The sums of all adapters' features. As in diffusers, images of several prompts follow each other again
 * and again where there are several images of each prompt.
 */
async function featuresOf(
  nets: readonly T2IAdapterNet[],
  images: readonly Tensor[],
  scales: readonly number[],
  { rows, signal }: { readonly rows: number; readonly signal: AbortSignal | undefined },
): Promise<readonly Tensor[]> {
  let sums: readonly Tensor[] = [];
  for (const [i, net] of nets.entries()) {
    const scaled = (await net.forward(images[i]!, { signal })).map((x) => x.mul(scales[i]!));
    if (i > 0 && String(scaled.map(sizeOf)) !== String(sums.map(sizeOf))) {
      throw new RangeError(
        `Cannot add the features of several T2I-Adapters: those of number ${i + 1} are ` +
          `${scaled.map(sizeOf).join(", ")}, those before ${sums.map(sizeOf).join(", ")}; give ` +
          `images of one size, and adapters that were made for one model`,
      );
    }
    sums = i === 0 ? scaled : sums.map((x, level) => x.add(scaled[level]!));
  }
  return sums.map((x) => x.repeat([rows / x.dims[0]!, 1, 1, 1]));
}

function sizeOf({ dims: [, channels, height, width] }: Tensor): string {
  return `${channels}x${height}x${width}`;
}

function scalesOf(given: number | readonly number[] = 1, count: number): readonly number[] {
  const scales = typeof given === "number" ? Array<number>(count).fill(given) : given;
  if (scales.length === count) return scales;
  throw new RangeError(
    `Cannot control by ${count} T2I-Adapters with adapterConditioningScale ` +
      `${JSON.stringify(given)}: give one number, or a list of ${count}`,
  );
}

/**
 * Features are added to the levels of a UNet, and the last ones to its middle.
 *
 * @throws {RangeError} for an adapter of another model.
 */
export function checkAdapterFitsUNet(
  { config: { channels } }: { readonly config: Pick<T2IAdapterNetConfig, "channels"> },
  unet: { readonly config: object },
): void {
  const { block_out_channels: levels } = unet.config as {
    readonly block_out_channels?: readonly number[];
  };
  if (levels === undefined) return;
  if (channels.every((width, i) => width === (levels[i] ?? levels.at(-1)))) return;
  throw new RangeError(
    `Cannot control this UNet: its block_out_channels are [${
      levels.join(", ")
    }], the channels of ` +
      `the T2IAdapter [${channels.join(", ")}]; use one that was trained for this model`,
  );
}
