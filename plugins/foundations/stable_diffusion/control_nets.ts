import { Tensor } from "@denoise/core";
import type { ControlNetOptions, ControlResiduals } from "@denoise/roles";
import { type Control, controlScale } from "@denoise/diffusion";
import {
  type ControlComponents,
  controlImages,
  type ControlOptions,
  planControl,
} from "./control.ts";
import type { UNetCall, UNetConditioning } from "./unet.ts";

/**
 * What ControlNets or T2I-Adapters add to a call of the UNet; without text on the unconditional half in
 * guess mode.
 */
export type UNetControl = (
  call: Pick<UNetCall, "scaled" | "timestep" | "index">,
  conditioning: UNetConditioning,
  guidance: boolean,
) => Promise<UNetResiduals>;

/** The residuals of a step, as a UNet takes them. */
export interface UNetResiduals {
  /** Of ControlNets, for each value that the down blocks leave for the up blocks, float32 [N, C, h, w]. */
  readonly downBlockAdditionalResiduals?: readonly Tensor[];
  /** Of ControlNets, for the middle block, float32 [N, C, h, w]. */
  readonly midBlockAdditionalResidual?: Tensor;
  /** Of T2I-Adapters, the same for all steps: for each level and the middle, float32 [N, C, h, w]. */
  readonly downIntrablockAdditionalResiduals?: readonly Tensor[];
  /** Of a UNet that is controlled itself: the image, float32 [N, 3, H, W] in 0..1. */
  readonly controlnetCond?: Tensor;
  /** What it adds there is multiplied with it. */
  readonly conditioningScale?: number;
}

/** ControlNets beside a UNet. */
export type UNetControlNets = Control<
  Pick<ControlComponents, "unet" | "controlnet" | "vae">,
  ControlOptions,
  UNetControl
>;

/** ControlNets beside the UNet: Zhang, Rao and Agrawala (arXiv:2302.05543). */
export const controlNets: UNetControlNets = controlNetsWith({});

/**
 * The same, with what diffusers does otherwise in some classes.
 *
 * @param quirks `guessModeAsGiven`: a ControlNet of pooled images (`global_pool_conditions`) is not put
 *   into guess mode by itself.
 */
export function controlNetsWith(
  { guessModeAsGiven = false }: { readonly guessModeAsGiven?: boolean },
): UNetControlNets {
  return {
    plan(components, options) {
      const planned = planControl(components, options);
      const plan = guessModeAsGiven
        ? { ...planned, guessMode: options.guessMode ?? false }
        : planned;
      return {
        images: (codec, given, counts, size) =>
          controlImages(codec, components, given, counts, size),
        begin(images, _timesteps, total) {
          let doubled: readonly Tensor[] | undefined; // made once: it is the same at each step
          const twice = () => doubled ??= images.map((x) => Tensor.cat([x, x]));
          return (call, conditioning, guidance) => {
            const { guessMode, nets } = plan;
            const conds = guidance && !guessMode ? twice() : images;
            const calls = nets.map((net, i): ControlNetCall => (sample, timestep, shared) =>
              net.forward(sample, timestep, {
                ...shared,
                controlnetCond: conds[i]!,
                conditioningScale: controlScale(plan, i, call.index, total),
              })
            );
            return stepResiduals(calls, { guidance, guessMode }, call, conditioning);
          };
        },
      };
    },
  };
}

/** What all ControlNets of a step are given alike. */
export type SharedControlCall = Omit<ControlNetOptions, "controlnetCond" | "conditioningScale">;

/** Calls one ControlNet with that, and with its own images. */
export type ControlNetCall = (
  sample: Tensor,
  timestep: number,
  shared: SharedControlCall,
) => Promise<ControlResiduals>;

/** How the ControlNets of a step take part. */
export interface ControlledStep {
  /** Whether the UNet is called for `[uncond, text]` at once. */
  readonly guidance: boolean;
  /** Whether residuals are given only to the images that follow the text, not to all. */
  readonly guessMode: boolean;
}

/** The residuals of all ControlNets of a step, added up. */
export async function stepResiduals(
  nets: readonly ControlNetCall[],
  { guidance, guessMode }: ControlledStep,
  { scaled, timestep }: Pick<UNetCall, "scaled" | "timestep">,
  { encoderHiddenStates, textEmbeds, timeIds, signal }: UNetConditioning,
): Promise<UNetResiduals> {
  const double = guidance && !guessMode;
  const half = guidance && guessMode;
  const ofText = (x: Tensor) => half ? x.chunk(2)[1]! : x;
  const sample = double ? Tensor.cat([scaled, scaled]) : scaled;
  const shared = {
    encoderHiddenStates: ofText(encoderHiddenStates),
    textEmbeds: textEmbeds && ofText(textEmbeds),
    timeIds: timeIds && ofText(timeIds),
    guessMode,
    signal,
  };
  let sum: ControlResiduals | undefined;
  for (const net of nets) {
    const added = await net(sample, timestep, shared);
    sum = sum === undefined ? added : addResiduals(sum, added);
  }
  // in guess mode only what follows the text is controlled
  const whole = (x: Tensor) => half ? Tensor.cat([Tensor.zeros(x.dims), x]) : x;
  return {
    downBlockAdditionalResiduals: sum!.downBlockResSamples.map(whole),
    midBlockAdditionalResidual: whole(sum!.midBlockResSample),
  };
}

function addResiduals(a: ControlResiduals, b: ControlResiduals): ControlResiduals {
  return {
    downBlockResSamples: a.downBlockResSamples.map((x, i) => x.add(b.downBlockResSamples[i]!)),
    midBlockResSample: a.midBlockResSample.add(b.midBlockResSample),
  };
}
