import { type CallOptions, type ComponentSpec, Tensor } from "@denoise/core";
import {
  type Control,
  type ControlImageOption,
  controlImageOption,
  type ControlImages,
  controlScale,
  type Family,
  fromNoise,
  type ImagesInput,
  type LatentComponents,
  type LatentOptions,
  type NoiseStartOptions,
  planControlRanges,
  prepareControlImages,
  repeatForPrompts,
  type Start,
  vaeScaleFactor,
} from "@denoise/diffusion";
import { type ControlNetUnion, type MultiControlNet, netsComponent, netsOf } from "@denoise/roles";
import { checkControlFitsUNet, type ControlOptions, controlOptions } from "./control.ts";
import { type ControlNetCall, stepResiduals, type UNetControl } from "./control_nets.ts";
import { stableDiffusionXL, type StableDiffusionXLComponents } from "./xl_components.ts";

/** One ControlNet for images of several kinds, or several of these. */
export type ControlNetUnions =
  | ControlNetUnion
  | MultiControlNet<ControlNetUnion>
  | readonly ControlNetUnion[];

/** What Stable Diffusion XL with ControlNets for images of several kinds consists of. */
export interface XlControlUnionComponents extends StableDiffusionXLComponents {
  /** A ControlNetUnionModel, or a list of them. */
  readonly controlnet: ControlNetUnions;
}

const controlnet = netsComponent("MultiControlNetUnionModel");

/** What the definitions of these pipelines share. */
export const controlledUnionXL: {
  readonly components: { readonly [K in keyof XlControlUnionComponents]: ComponentSpec };
} = { components: { ...stableDiffusionXL.components, controlnet } };

/** Options of a call that images of several kinds control. */
export interface ControlUnionOptions extends ControlOptions, ControlImageOption {
  /**
   * The kind of each control image, from 0 on, as the ControlNet was trained: in
   * xinsir/controlnet-union-sdxl-1.0 pose, depth, soft edges, lines, normals, segments, and in its promax
   * edition tile and repaint.
   */
  readonly controlMode: number | readonly number[];
}

/** The declarations of {@linkcode ControlUnionOptions}. */
export const controlUnionOptions: CallOptions<ControlUnionOptions> = {
  ...controlOptions,
  ...controlImageOption,
  controlMode: { type: "integer", minimum: 0, list: "allowed", required: true },
};

/** From noise, as large as the control images by default. */
export const fromUnionNoise: Start<
  LatentComponents,
  LatentOptions & NoiseStartOptions & ControlImageOption
> = {
  from: "noise",
  begin: (run, options, facts) =>
    fromNoise.begin(run, { ...options, image: options.controlImage }, facts),
};

/** A family whose pipelines are controlled by images of several kinds. */
export function unionFamily<C extends LatentComponents, O extends LatentOptions, K>(
  family: Family<C, O, K>,
): Family<C, O, K> {
  return { ...family, name: `${family.name}-control-union` };
}

/** ControlNets for images of several kinds beside the UNet. */
export const controlNetUnions: UnionControl = controlNetUnionsWith({});

/** Such ControlNets beside a UNet. */
export type UnionControl = Control<
  Pick<XlControlUnionComponents, "unet" | "controlnet" | "vae">,
  Omit<ControlUnionOptions, "controlImage">,
  UNetControl
>;

/**
 * The same, with what diffusers does otherwise in some classes.
 *
 * @param quirks `guessModeAsGiven`: as for `controlNetsWith`.
 */
export function controlNetUnionsWith(
  { guessModeAsGiven = false }: { readonly guessModeAsGiven?: boolean },
): UnionControl {
  return {
    plan({ unet, controlnet, vae }, options) {
      const nets = netsOf<ControlNetUnion>(controlnet);
      for (const net of nets) checkControlFitsUNet(net, unet);
      const modes = [options.controlMode].flat();
      const isOne = nets.length === 1;
      if (!isOne && modes.length !== nets.length) {
        throw new RangeError(
          `Cannot control by ${nets.length} ControlNets with controlMode [${modes.join(", ")}]: ` +
            `give a kind for each`,
        );
      }
      for (const net of nets) checkModes(net, isOne ? modes : [modes[nets.indexOf(net)]!]);
      // of one ControlNet each image has a scale and a range of its own
      const ranges = planControlRanges(options, modes.length);
      const { global_pool_conditions: isPooled } = nets[0]!.config as {
        readonly global_pool_conditions?: boolean;
      };
      const guessMode = (options.guessMode ?? false) || (!guessModeAsGiven && isPooled === true);
      return {
        async images(codec, given, { prompts, count }, { height, width }) {
          const sets = imageSets(given, modes.length);
          const fit = { height, width, multiple: vaeScaleFactor(vae) };
          return await Promise.all(sets.map(async (set) => {
            const rows = await prepareControlImages(codec, set, fit);
            return repeatForPrompts(rows, prompts, count);
          }));
        },
        begin(images, _timesteps, total) {
          let doubled: readonly Tensor[] | undefined; // made once: it is the same at each step
          const twice = () => doubled ??= images.map((x) => Tensor.cat([x, x]));
          return (call, conditioning, guidance) => {
            const conds = guidance && !guessMode ? twice() : images;
            const scales = modes.map((_, i) => controlScale(ranges, i, call.index, total));
            const calls = nets.map((net, i): ControlNetCall => (sample, timestep, shared) => {
              const own = <T>(all: readonly T[]) => isOne ? all : [all[i]!];
              return net.forward(sample, timestep, {
                ...shared,
                controlnetCond: own(conds),
                controlMode: own(modes),
                conditioningScale: own(scales),
              });
            });
            return stepResiduals(calls, { guidance, guessMode }, call, conditioning);
          };
        },
      };
    },
  };
}

/** The images of each kind; of one kind a list may also hold an image for each prompt. */
function imageSets(given: ControlImages | undefined, kinds: number): readonly ImagesInput[] {
  const list = Array.isArray(given) ? given as readonly ImagesInput[] : undefined;
  if (kinds === 1 && list?.length !== 1) return [given as ImagesInput];
  if (list?.length === kinds) return list;
  throw new RangeError(
    `Cannot control by images of ${kinds} kinds with ${
      list?.length ?? 1
    } images: give a list with ` +
      `one for each kind, or a list of one for each prompt`,
  );
}

function checkModes(net: ControlNetUnion, modes: readonly number[]): void {
  const { num_control_type: count } = net.config as { readonly num_control_type?: number };
  if (count === undefined || modes.every((mode) => mode < count)) return;
  throw new RangeError(
    `Cannot control with controlMode [${
      modes.join(", ")
    }]: the kinds of the ${net.className} are 0 ` +
      `to ${count - 1}`,
  );
}
