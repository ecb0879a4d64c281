import type { Tensor } from "@denoise/core";
import type { Denoiser } from "@denoise/roles";
import {
  type Conditioning,
  type DenoiserCall,
  type DenoiserConfig,
  type Guidance,
  predictGuided,
} from "@denoise/diffusion";
import type { UNetControl, UNetResiduals } from "./control_nets.ts";

/** The conditioning of Stable Diffusion's UNet in a call: for XL pooled text and sizes, too. */
export interface UNetConditioning {
  /** Text states, float32 [N, tokens, width]. */
  readonly encoderHiddenStates: Tensor;
  /** Embedding of the guidance scale, float32 [N, width] (latent consistency models). */
  readonly timestepCond?: Tensor | undefined;
  /** Pooled text states, float32 [N, width]. */
  readonly textEmbeds?: Tensor | undefined;
  /** Sizes and crops, float32 [N, 5 or 6]. */
  readonly timeIds?: Tensor | undefined;
  /** Class of each sample, int64 [N]: the upscaler's noise level. */
  readonly classLabels?: Tensor | undefined;
  /** Of the images of each IP-Adapter, float32 [N, images, width] or [N, images, patches, width]. */
  readonly imageEmbeds?: readonly Tensor[] | undefined;
  /** Cancels before a call starts. */
  readonly signal?: AbortSignal | undefined;
}

/** The UNet of Stable Diffusion: called with its conditioning, and with what ControlNets add. */
export type ConditionedUNet<C extends object = DenoiserConfig> = Denoiser<
  C,
  UNetConditioning & Partial<UNetResiduals>
>;

/** One call of such a UNet, under control or not. */
export type UNetCall = DenoiserCall<UNetControl>;

/** How a UNet predicts, guided by the text: what {@linkcode Conditioning} has as its denoiser. */
export function predictByUNet(
  unet: ConditionedUNet<object>,
  conditioning: UNetConditioning,
  guidance: Guidance,
): ReturnType<Conditioning<UNetControl>["denoiser"]> {
  return async ({ control, input, ...call }) => {
    const residuals = await control?.(call, conditioning, guidance.guidance);
    const options = { ...conditioning, ...residuals };
    try {
      return await predictGuided(
        guidance,
        input,
        (sample) => unet.forward(sample, call.timestep, options),
      );
    } finally {
      if (residuals !== undefined) giveBack(residuals);
    }
  };
}

/** Residuals of a step may lie on a card, which has no room for those of all. */
function giveBack(residuals: UNetResiduals): void {
  for (const residual of residuals.downBlockAdditionalResiduals) residual[Symbol.dispose]();
  residuals.midBlockAdditionalResidual[Symbol.dispose]();
}
