import { type CallOptions, type ComponentSpec, type Model, Tensor } from "@denoise/core";
import {
  addResiduals,
  type Control,
  type ControlImageOption,
  controlImageOption,
  controlImageSets,
  type ControlRangeOptions,
  controlRangeOptions,
  controlScale,
  encodeToLatents,
  type ImagesInput,
  type LatentOptions,
  packLatents,
  planControlRanges,
  prepareImages,
  repeatForPrompts,
  type Start,
} from "@denoise/diffusion";
import { MultiControlNet, netsComponent, netsOf } from "@denoise/roles";
import { type FluxComponents, fluxComponents } from "./components.ts";
import type { FluxDenoiserOptions, FluxResiduals, FluxWidths } from "./transformer.ts";

/** What a network that controls FLUX.1 is called with beside tokens and timestep. */
export interface FluxControlNetCall extends FluxDenoiserOptions {
  /** The control image: its latents as tokens, or its pixels. */
  readonly controlnetCond: Tensor;
  /** The kind of the image, for unions. */
  readonly controlnetMode?: number | undefined;
  /** What the residuals are multiplied with. */
  readonly conditioningScale?: number | undefined;
}

/** What pipelines read of the config of such a network. */
export interface FluxControlNetWidths extends FluxWidths {
  /** Whether the guidance scale is an input. */
  readonly guidance_embeds: boolean;
  /** Channels that pixels of a control image become; null where it comes as latents. */
  readonly conditioning_embedding_channels: number | null;
}

/** The role of a network that controls FLUX.1, as FluxControlNetModel plays it. */
export interface FluxControlNet extends Model<FluxControlNetWidths> {
  /** Residuals for one call of the transformer. */
  forward(
    hiddenStates: Tensor,
    timestep: number | readonly number[],
    options: FluxControlNetCall,
  ): Promise<FluxResiduals>;
}

/** What FLUX.1 with ControlNets consists of. */
export interface FluxControlComponents extends FluxComponents {
  /** A FluxControlNetModel, or a list of them. */
  readonly controlnet: FluxControlNet | MultiControlNet<FluxControlNet> | readonly FluxControlNet[];
}

/** The components that the definitions of the pipelines with ControlNets share. */
export const controlledFlux: {
  readonly components: { readonly [K in keyof FluxControlComponents]: ComponentSpec };
} = {
  components: {
    ...fluxComponents.components,
    controlnet: netsComponent("FluxMultiControlNetModel"),
  },
};

/** Options of a call that ControlNets control. */
export interface FluxControlledOptions extends ControlRangeOptions, ControlImageOption {
  /** The kind of the control image, for unions: one number, or one for each ControlNet. */
  readonly controlMode?: number | readonly number[] | undefined;
}

/** The declarations of {@linkcode FluxControlledOptions}. */
export const fluxControlledOptions: CallOptions<FluxControlledOptions> = {
  ...controlRangeOptions,
  ...controlImageOption,
  controlMode: { type: "integer", list: "allowed", minimum: 0 },
};

/** What ControlNets add to a call of the transformer. */
export type FluxControl = (
  call: {
    /** Packed latents, float32 [N, tokens, C]. */
    readonly tokens: Tensor;
    /** 0..1: the share of noise. */
    readonly timestep: number;
    /** Of the step. */
    readonly index: number;
    /** Given to those that have `guidance_embeds`, whether or not the transformer has. */
    readonly guidanceScale: number;
  },
  options: FluxDenoiserOptions,
) => Promise<FluxResiduals>;

/**
 * ControlNets beside FLUX.1's transformer. A union in a list of its own is called once for each image;
 * several others have an image each.
 */
export const fluxControlNets: Control<FluxControlComponents, FluxControlledOptions, FluxControl> = {
  plan({ controlnet, transformer, vae }, options) {
    const several = controlnet instanceof MultiControlNet || Array.isArray(controlnet);
    const [first, ...more] = netsOf<FluxControlNet>(controlnet);
    const images = options.controlImage;
    const alone = several && more.length === 0 && Array.isArray(images);
    const nets = alone ? Array<FluxControlNet>(images.length).fill(first!) : [first!, ...more];
    const ranges = planControlRanges(options, nets.length);
    const modes = modesOf(options.controlMode, nets.length);
    for (const net of nets) checkFits(net, transformer);
    const takesPixels = first!.config.conditioning_embedding_channels !== null;
    return {
      async images(codec, given, counts, size) {
        const sets = several ? controlImageSets(given, nets.length) : [given as ImagesInput];
        const latents: Tensor[] = [];
        for (const set of sets) { // one after the other: they draw from the same generators
          const rows = set instanceof Tensor
            ? set
            : await prepareImages(codec, set, { height: size.height, width: size.width });
          const spread = repeatForPrompts(rows, counts.prompts, counts.count);
          latents.push(
            takesPixels
              ? spread
              : await encodeToLatents(vae, spread, counts.noise.generator, counts.count),
          );
        }
        return latents;
      },
      begin(images, _timesteps, total) {
        const conds = takesPixels ? images : images.map((one) => packLatents(one));
        return async ({ tokens, timestep, index, guidanceScale }, options) => {
          let sum: FluxResiduals | undefined;
          for (const [i, net] of nets.entries()) {
            const added = await net.forward(tokens, timestep, {
              ...options,
              guidance: first!.config.guidance_embeds ? guidanceScale : undefined,
              controlnetCond: conds[i]!,
              controlnetMode: modes[i],
              conditioningScale: controlScale(ranges, i, index, total),
            });
            sum = sum === undefined ? added : addBoth(sum, added);
          }
          return { ...sum!, controlnetBlocksRepeat: takesPixels };
        };
      },
    };
  },
};

function modesOf(
  mode: FluxControlledOptions["controlMode"],
  count: number,
): readonly (number | undefined)[] {
  if (mode === undefined || typeof mode === "number") return Array(count).fill(mode);
  if (mode.length === count) return mode;
  throw new RangeError(
    `Cannot control by ${count} ControlNets with controlMode ${JSON.stringify(mode)}: give one ` +
      `number, or a list of ${count}`,
  );
}

/** A ControlNet takes the latents and the text of its transformer, and gives tokens of its width. */
function checkFits(net: FluxControlNet, transformer: FluxComponents["transformer"]): void {
  const widths = ({ config }: { readonly config: FluxWidths }) => ({
    in_channels: config.in_channels,
    width: config.num_attention_heads * config.attention_head_dim,
    joint_attention_dim: config.joint_attention_dim,
    pooled_projection_dim: config.pooled_projection_dim,
  });
  const wanted = Object.entries(widths(transformer));
  for (const [i, [key, own]] of Object.entries(widths(net)).entries()) {
    const other = wanted[i]![1];
    if (own === other) continue;
    throw new RangeError(
      `Cannot control this transformer: its ${key} is ${other}, that of the ${net.className} ` +
        `${own}; use a ControlNet that was trained for this model`,
    );
  }
}

function addBoth(a: FluxResiduals, b: FluxResiduals): FluxResiduals {
  const add = (key: "controlnetBlockSamples" | "controlnetSingleBlockSamples") =>
    addResiduals(a[key], b[key]);
  return {
    controlnetBlockSamples: add("controlnetBlockSamples"),
    controlnetSingleBlockSamples: add("controlnetSingleBlockSamples"),
  };
}

/** A start whose control images are in the size of the call; tensors are in their own, which counts. */
export function withControlNets<O extends LatentOptions>(
  start: Start<FluxComponents, O>,
): Start<FluxComponents, O & FluxControlledOptions> {
  return {
    ...start,
    async begin(run, options, facts) {
      const controls = await facts.controlImages(options.controlImage, facts.size());
      const others = { ...options, controlImage: undefined };
      const begun = await start.begin(run, others, {
        ...facts,
        controlImages: () => Promise.resolve(controls),
      });
      return { ...begun, controls };
    },
  };
}
