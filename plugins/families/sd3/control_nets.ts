import { type ComponentSpec, configValue, type Model, Tensor } from "@denoise/core";
import {
  addResiduals,
  checkControlFits,
  type Control,
  type ControlImageOption,
  controlImageSets,
  type ControlMaskOption,
  type ControlRangeOptions,
  controlScale,
  coverControl,
  type ImagesInput,
  latentSpace,
  planControlRanges,
  type PooledText,
  prepareImages,
  repeatForPrompts,
} from "@denoise/diffusion";
import { type Autoencoder, MultiControlNet, netsComponent, netsOf } from "@denoise/roles";
import { type Sd3Components, sd3Components } from "./components.ts";
import type { Sd3DenoiserConfig } from "./transformer.ts";

/** What a network that controls Stable Diffusion 3 is called with beside latents and timestep. */
export interface Sd3ControlNetCall {
  /** Latents of the control image, float32 [N, C, h, w]. */
  readonly controlnetCond: Tensor;
  /** What the residuals are multiplied with. */
  readonly conditioningScale?: number | undefined;
  /** States of the text, float32 [N, text tokens, width]; none for networks without a text. */
  readonly encoderHiddenStates?: Tensor | undefined;
  /** The pooled text, float32 [N, width]. */
  readonly pooledProjections: Tensor;
  /** Cancels before the call starts. */
  readonly signal?: AbortSignal | undefined;
}

/** What pipelines read of the config of such a network. */
export interface Sd3ControlNetConfig {
  /** Channels of the latents. */
  readonly in_channels: number;
  /** Channels of the control image beside those of latents. */
  readonly extra_conditioning_channels: number;
  /** How many heads. */
  readonly num_attention_heads: number;
  /** Width of a head. */
  readonly attention_head_dim: number;
  /** Width of the text's states; null for one that is given no text. */
  readonly joint_attention_dim: number | null;
  /** Whether it makes tokens of latents itself. */
  readonly use_pos_embed: boolean;
  /** Whether it was trained with zeros for the pooled text. */
  readonly force_zeros_for_pooled_projection: boolean;
}

/** The role of a network that controls Stable Diffusion 3, as SD3ControlNetModel plays it. */
export interface Sd3ControlNet extends Model<Sd3ControlNetConfig> {
  /** Residuals for one call of the transformer. */
  forward(
    hiddenStates: Tensor,
    timestep: number | readonly number[],
    options: Sd3ControlNetCall,
  ): Promise<{ readonly controlnetBlockSamples: readonly Tensor[] }>;
}

/** What Stable Diffusion 3 with ControlNets consists of. */
export interface Sd3ControlComponents extends Sd3Components {
  /** An SD3ControlNetModel, or a list of them. */
  readonly controlnet: Sd3ControlNet | MultiControlNet<Sd3ControlNet> | readonly Sd3ControlNet[];
}

/** The components that the definitions of the pipelines with ControlNets share. */
export const controlledSd3: {
  readonly components: { readonly [K in keyof Sd3ControlComponents]: ComponentSpec };
} = {
  components: {
    ...sd3Components.components,
    controlnet: netsComponent("SD3MultiControlNetModel"),
  },
};

/** Options of a call that ControlNets control. */
export interface Sd3ControlledOptions extends ControlRangeOptions, ControlImageOption {}

/** What ControlNets add to a call of the transformer. */
export type Sd3Control = (
  call: {
    /** The latents, float32 [N, C, h, w]. */
    readonly latents: Tensor;
    /** As the scheduler counts them. */
    readonly timestep: number;
    /** Of the step. */
    readonly index: number;
    /** Cancels before the call starts. */
    readonly signal: AbortSignal | undefined;
  },
  text: PooledText,
) => Promise<readonly Tensor[]>;

/** Makes of the images for one ControlNet, float32 [N, 3, H, W] in -1..1, what it is given. */
type Conditioned = (vae: Autoencoder, images: Tensor) => Promise<Tensor>;

function sd3ControlBy<O extends Sd3ControlledOptions>(
  conditioning: (nets: readonly Sd3ControlNet[], options: O) => {
    readonly mask?: ImagesInput | undefined;
    readonly forcesZeros: boolean;
    readonly conditioned: Conditioned;
  },
): Control<Sd3ControlComponents, O, Sd3Control> {
  return {
    plan({ controlnet, transformer, vae }, options) {
      const several = controlnet instanceof MultiControlNet || Array.isArray(controlnet);
      const nets = netsOf<Sd3ControlNet>(controlnet);
      const ranges = planControlRanges(options, nets.length);
      const { mask, forcesZeros, conditioned } = conditioning(nets, options);
      for (const net of nets) checkFits(net, transformer, mask !== undefined);
      return {
        async images(codec, given, { prompts, count }, size) {
          const sets = several ? controlImageSets(given, nets.length) : [given as ImagesInput];
          const latents: Tensor[] = [];
          const kept: Tensor[] = []; // after them, as they say the size
          for (const set of sets) {
            const rows = set instanceof Tensor ? set : await prepareImages(codec, set, size);
            const covered = mask === undefined
              ? undefined
              : await coverControl(codec, { vae }, rows, mask, size);
            latents.push(await conditioned(vae, covered?.images ?? rows));
            if (covered !== undefined) kept.push(covered.kept);
          }
          return [...latents, ...kept].map((rows) => repeatForPrompts(rows, prompts, count));
        },
        begin(images, _timesteps, total) {
          const conds = nets.map((_, i) => {
            const kept = images[nets.length + i];
            return kept === undefined ? images[i]! : Tensor.cat([images[i]!, kept], 1);
          });
          return async ({ latents, timestep, index, signal }, { embeds, pooled }) => {
            const rows = latents.dims[0]!;
            let sums: readonly Tensor[] = [];
            for (const [i, net] of nets.entries()) {
              const { use_pos_embed, joint_attention_dim } = net.config;
              const cond = conds[i]!;
              const input = use_pos_embed ? latents : await transformer.embed(latents);
              const { controlnetBlockSamples: added } = await net.forward(input, timestep, {
                controlnetCond: rows === cond.dims[0] ? cond : Tensor.cat([cond, cond]),
                conditioningScale: controlScale(ranges, i, index, total),
                encoderHiddenStates: joint_attention_dim === null ? undefined : embeds,
                pooledProjections: forcesZeros ? Tensor.zeros(pooled.dims) : pooled,
                signal,
              });
              sums = i === 0 ? added : addResiduals(sums, added);
            }
            return sums;
          };
        },
      };
    },
  };
}

/**
 * ControlNets beside the transformer of Stable Diffusion 3. Their images are encoded without noise: diffusers
 * draws some from torch's own generator, which no seed of a call covers.
 */
export const sd3ControlNets: Control<Sd3ControlComponents, Sd3ControlledOptions, Sd3Control> =
  sd3ControlBy(([first]) => {
    const forcesZeros = first!.config.force_zeros_for_pooled_projection;
    return {
      forcesZeros,
      async conditioned(vae, images) {
        const means = (await vae.encode(images)).latentDist.mode();
        if (!forcesZeros) return latentSpace(vae).normalize(means);
        return means.mul(Number(configValue(vae.config, "scaling_factor"))); // trained without the shift
      },
    };
  });

/** ControlNets that are given an image without what a mask covers, and the mask. */
export const sd3InpaintingControlNets: Control<
  Sd3ControlComponents,
  Sd3ControlledOptions & ControlMaskOption,
  Sd3Control
> = sd3ControlBy((_nets, { controlMask }) => ({
  mask: controlMask,
  forcesZeros: true,
  conditioned: async (vae, images) =>
    latentSpace(vae).normalize((await vae.encode(images)).latentDist.mode()),
}));

/** A ControlNet takes the latents and the text of its transformer, and gives tokens of its width. */
function checkFits(
  net: Sd3ControlNet,
  { config }: { readonly config: Sd3DenoiserConfig },
  isMasked: boolean,
): void {
  const own = net.config;
  const width = (of: Pick<Sd3DenoiserConfig, "num_attention_heads" | "attention_head_dim">) =>
    of.num_attention_heads * of.attention_head_dim;
  checkControlFits(net, {
    in_channels: [own.in_channels, config.in_channels],
    width: [width(own), width(config)],
    joint_attention_dim: [
      own.joint_attention_dim ?? config.joint_attention_dim,
      config.joint_attention_dim,
    ],
    extra_conditioning_channels: [own.extra_conditioning_channels, isMasked ? 1 : 0],
  });
}
