import {
  type CallOptions,
  type ComponentSpec,
  type Model,
  type PipelineDefinition,
  Tensor,
} from "@denoise/core";
import {
  type Control,
  controlImageOption,
  type Family,
  type ImagesInput,
  isControlled,
  type LatentComponents,
  type LatentOptions,
  type NoiseStartOptions,
  noiseStartOptions,
  planControlRanges,
  prepareControlImages,
  repeatForPrompts,
  vaeScaleFactor,
} from "@denoise/diffusion";
import type { ControlledDenoiser, ControlledDenoiserConfig, UNetAdapter } from "@denoise/roles";
import type { UNetControl } from "./control_nets.ts";
import {
  prepareStableDiffusion,
  stableDiffusion,
  type StableDiffusionComponents,
} from "./stable_diffusion.ts";
import type { TextUNet } from "./unet.ts";
import {
  stableDiffusionXL,
  type StableDiffusionXLComponents,
  type XlTextUNet,
} from "./xl_components.ts";

/** What Stable Diffusion with ControlNet-XS consists of. */
export interface ControlXSComponents
  extends Omit<StableDiffusionComponents, "imageEncoder" | "unet"> {
  /** UNet2DConditionModel, or a UNetControlNetXSModel. */
  readonly unet: TextUNet;
  /** A ControlNetXSAdapter. The UNet is joined with it when the pipeline is made. */
  readonly controlnet: UNetAdapter;
}

/** What Stable Diffusion XL with ControlNet-XS consists of. */
export interface XlControlXSComponents
  extends Omit<StableDiffusionXLComponents, "imageEncoder" | "unet"> {
  /** UNet2DConditionModel, or a UNetControlNetXSModel. */
  readonly unet: XlTextUNet;
  /** A ControlNetXSAdapter. The UNet is joined with it when the pipeline is made. */
  readonly controlnet: UNetAdapter;
}

const controlnet: ComponentSpec = { kind: "model" };
const { imageEncoder: _, ...components } = stableDiffusion.components;
const { imageEncoder: __, ...componentsOfXL } = stableDiffusionXL.components;

/** What the definitions of the Stable Diffusion pipelines with ControlNet-XS share. */
export const controlledXS: {
  readonly components: { readonly [K in keyof ControlXSComponents]: ComponentSpec };
  readonly settings: typeof stableDiffusion.settings;
  readonly prepare: NonNullable<
    PipelineDefinition<ControlXSComponents, unknown[], unknown>["prepare"]
  >;
} = {
  ...stableDiffusion,
  components: { ...components, controlnet },
  prepare: (parts, ...more) => ({
    ...prepareStableDiffusion(parts, ...more),
    unet: joined(parts),
  }),
};

/** What the definitions of the Stable Diffusion XL pipelines with ControlNet-XS share. */
export const controlledXSXL: {
  readonly components: { readonly [K in keyof XlControlXSComponents]: ComponentSpec };
  readonly prepare: NonNullable<
    PipelineDefinition<XlControlXSComponents, unknown[], unknown>["prepare"]
  >;
} = {
  components: { ...componentsOfXL, controlnet },
  prepare: (parts) => ({ unet: joined(parts) }),
};

/** The UNet with the adapter; a UNetControlNetXSModel, as saved pipelines have, has it already. */
function joined<U extends Model>(
  { unet, controlnet }: { readonly unet: U; readonly controlnet: UNetAdapter },
): U | ControlledDenoiser<ControlledDenoiserConfig> {
  if (unet.className === "UNetControlNetXSModel") return unet;
  if (typeof controlnet.controlled === "function") return controlnet.controlled(unet);
  throw new TypeError(
    `Cannot control a UNet by a ${controlnet.className}: controlnet must be a ControlNetXSAdapter`,
  );
}

/** Options of a call that a ControlNet-XS controls. */
export interface ControlXSOptions extends NoiseStartOptions {
  /** The image to control by, or one for each prompt. It says the size by default. */
  readonly image: ImagesInput;
  /** What the adapter adds is multiplied with it. Defaults to 1. */
  readonly controlnetConditioningScale?: number | undefined;
  /** The part of the steps after which control begins, 0..1. Defaults to 0. */
  readonly controlGuidanceStart?: number | undefined;
  /** The part of the steps after which control ends, 0..1. Defaults to 1. */
  readonly controlGuidanceEnd?: number | undefined;
}

/** The declarations of {@linkcode ControlXSOptions}. */
export const controlXSOptions: CallOptions<ControlXSOptions> = {
  ...noiseStartOptions,
  image: controlImageOption.controlImage,
  controlnetConditioningScale: { type: "number" },
  controlGuidanceStart: { type: "number" },
  controlGuidanceEnd: { type: "number" },
};

/** A family whose UNet is controlled itself. */
export function xsFamily<C extends LatentComponents, O extends LatentOptions, K>(
  family: Family<C, O, K>,
): Family<C, O, K> {
  return { ...family, name: `${family.name}-control-xs` };
}

/** A ControlNet-XS in the UNet: Zavadski, Feiden and Rother (arXiv:2312.06573). */
export const controlNetXS: Control<LatentComponents, ControlXSOptions, UNetControl> = {
  plan({ vae }, options) {
    const ranges = planControlRanges(options, 1);
    return {
      async images(codec, given, { prompts, count }, { height, width }) {
        const sizes = { height, width, multiple: vaeScaleFactor(vae) };
        const rows = await prepareControlImages(codec, given as ImagesInput, sizes);
        return [repeatForPrompts(rows, prompts, count)];
      },
      begin([image], _timesteps, total) {
        let doubled: Tensor | undefined; // made once: it is the same at each step
        return ({ index }, _conditioning, guidance) => {
          if (!isControlled(ranges, 0, index, total)) return Promise.resolve({});
          const controlnetCond = guidance ? doubled ??= Tensor.cat([image!, image!]) : image!;
          return Promise.resolve({ controlnetCond, conditioningScale: ranges.scales[0]! });
        };
      },
    };
  },
};
