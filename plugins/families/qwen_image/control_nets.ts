import { type ComponentSpec, type Model, Tensor } from "@denoise/core";
import {
  addResiduals,
  checkControlFits,
  type Control,
  type ControlImageOption,
  controlImageSets,
  type ControlMaskOption,
  type ControlRangeOptions,
  type ControlRanges,
  controlScale,
  coverControl,
  encodeToLatents,
  imageLatentMeans,
  type ImagesInput,
  oneTextEncoder,
  packLatents,
  planControlRanges,
  prepareImages,
  repeatForPrompts,
} from "@denoise/diffusion";
import { MultiControlNet, netsComponent, netsOf } from "@denoise/roles";
import type { QwenImageComponents } from "./components.ts";
import type { QwenImageDenoiserConfig, QwenImageDenoiserOptions } from "./transformer.ts";

/** What a network that controls Qwen-Image is called with beside tokens and timestep. */
export interface QwenImageControlNetCall extends QwenImageDenoiserOptions {
  /** The control image as tokens, float32 [N, tokens, C]. */
  readonly controlnetCond: Tensor;
  /** What the residuals are multiplied with. */
  readonly conditioningScale?: number | undefined;
}

/** What pipelines read of the config of such a network. */
export interface QwenImageControlNetWidths extends QwenImageDenoiserConfig {
  /** Channels of a control token beside those of latents. */
  readonly extra_condition_channels: number;
}

/** The role of a network that controls Qwen-Image, as QwenImageControlNetModel plays it. */
export interface QwenImageControlNet extends Model<QwenImageControlNetWidths> {
  /** Residuals for one call of the transformer. */
  forward(
    hiddenStates: Tensor,
    timestep: number | readonly number[],
    options: QwenImageControlNetCall,
  ): Promise<{ readonly controlnetBlockSamples: readonly Tensor[] }>;
}

/** What Qwen-Image with ControlNets consists of. */
export interface QwenImageControlComponents extends QwenImageComponents {
  /** A QwenImageControlNetModel, or a list of them. */
  readonly controlnet:
    | QwenImageControlNet
    | MultiControlNet<QwenImageControlNet>
    | readonly QwenImageControlNet[];
}

/** The components that the definitions of the pipelines with ControlNets share. */
export const controlledQwenImage: {
  readonly components: { readonly [K in keyof QwenImageControlComponents]: ComponentSpec };
} = {
  components: {
    ...oneTextEncoder.components,
    controlnet: netsComponent("QwenImageMultiControlNetModel"),
  },
};

/** Options of a call that ControlNets control. */
export interface QwenImageControlledOptions extends ControlRangeOptions, ControlImageOption {}

/** What ControlNets add to a call of the transformer. */
export type QwenImageControl = (
  call: {
    /** Packed latents, float32 [N, tokens, C]. */
    readonly tokens: Tensor;
    /** 0..1: the share of noise. */
    readonly timestep: number;
    /** Of the step. */
    readonly index: number;
  },
  options: QwenImageDenoiserOptions,
) => Promise<readonly Tensor[]>;

/**
 * ControlNets beside Qwen-Image's transformer. One in a list of its own is called once for each image; several
 * have an image each.
 */
export const qwenImageControlNets: Control<
  QwenImageControlComponents,
  QwenImageControlledOptions,
  QwenImageControl
> = {
  plan({ controlnet, transformer, vae }, options) {
    const several = controlnet instanceof MultiControlNet || Array.isArray(controlnet);
    const [first, ...more] = netsOf<QwenImageControlNet>(controlnet);
    const { controlImage: given } = options;
    const alone = several && more.length === 0 && Array.isArray(given);
    const nets = alone ? Array<QwenImageControlNet>(given.length).fill(first!) : [first!, ...more];
    const ranges = planControlRanges(options, nets.length);
    for (const net of nets) checkFits(net, transformer, 0);
    return {
      async images(codec, given, { prompts, count, noise }, size) {
        const sets = several ? controlImageSets(given, nets.length) : [given as ImagesInput];
        const latents: Tensor[] = [];
        for (const set of sets) { // one after the other: they draw from the same generators
          const rows = set instanceof Tensor ? set : await prepareImages(codec, set, size);
          const spread = repeatForPrompts(rows, prompts, count);
          latents.push(await encodeToLatents(vae, spread, noise.generator, count));
        }
        return latents;
      },
      begin: (images, _timesteps, total) =>
        residuals(nets, images.map((one) => packLatents(one)), ranges, total),
    };
  },
};

/**
 * A ControlNet that is given an image without what a mask covers, and the mask. The image is encoded without
 * noise: diffusers draws some from torch's own generator, which no seed of a call covers.
 */
export const qwenImageInpaintingControlNet: Control<
  QwenImageControlComponents,
  QwenImageControlledOptions & ControlMaskOption,
  QwenImageControl
> = {
  plan({ controlnet, transformer, vae }, { controlMask, ...options }) {
    const nets = netsOf<QwenImageControlNet>(controlnet);
    if (nets.length !== 1) {
      throw new RangeError(
        `Cannot inpaint with ${nets.length} ControlNets: this pipeline takes one`,
      );
    }
    const ranges = planControlRanges(options, 1);
    checkFits(nets[0]!, transformer, 4); // a mask of 2x2 latents
    return {
      async images(codec, given, { prompts, count }, size) {
        const set = given as ImagesInput;
        const rows = set instanceof Tensor ? set : await prepareImages(codec, set, size);
        const { images, kept } = await coverControl(codec, { vae }, rows, controlMask, size);
        const latents = await imageLatentMeans(vae, images, images.dims[0]!);
        return [latents, kept].map((each) => repeatForPrompts(each, prompts, count));
      },
      begin: (images, _timesteps, total) =>
        residuals(nets, [packLatents(Tensor.cat(images, 1))], ranges, total),
    };
  },
};

/** What the ControlNets add, each for its tokens. */
function residuals(
  nets: readonly QwenImageControlNet[],
  conds: readonly Tensor[],
  ranges: ControlRanges,
  total: number,
): QwenImageControl {
  return async ({ tokens, timestep, index }, options) => {
    let sums: readonly Tensor[] = [];
    for (const [i, net] of nets.entries()) {
      const { controlnetBlockSamples: added } = await net.forward(tokens, timestep, {
        ...options,
        controlnetCond: conds[i]!,
        conditioningScale: controlScale(ranges, i, index, total),
      });
      sums = i === 0 ? added : addResiduals(sums, added);
    }
    return sums;
  };
}

/** A ControlNet takes the latents and the text of its transformer, and gives tokens of its width. */
function checkFits(
  net: QwenImageControlNet,
  { config }: { readonly config: QwenImageDenoiserConfig },
  extra: number,
): void {
  const { config: own } = net;
  const width = (of: QwenImageDenoiserConfig) => of.num_attention_heads * of.attention_head_dim;
  checkControlFits(net, {
    in_channels: [own.in_channels, config.in_channels],
    width: [width(own), width(config)],
    joint_attention_dim: [own.joint_attention_dim, config.joint_attention_dim],
    extra_condition_channels: [own.extra_condition_channels, extra],
  });
}
