import type { Tensor } from "@denoise/core";
import type { Denoiser, DenoiserOptions, Grounding } from "@denoise/roles";
import {
  type Conditioning,
  type DenoiserCall,
  type DenoiserConfig,
  type Guidance,
  predictGuided,
} from "@denoise/diffusion";
import type { UNetControl, UNetResiduals } from "./control_nets.ts";
import { perturbedConditioning, type PerturbedGuidance, predictPerturbed } from "./pag.ts";

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
  /** Of faces: states of their patches, float32 [N, images, patches, width]. */
  readonly imageStates?: readonly (Tensor | undefined)[] | undefined;
  /** Where the images of each IP-Adapter count, float32 [1, images, H, W]; undefined for everywhere. */
  readonly imageMasks?: readonly (Tensor | undefined)[] | undefined;
  /** For each row the one at whose pixels its own look; at their own by default (Text2Video-Zero). */
  readonly attendedRows?: readonly number[] | undefined;
  /** Objects at their places (GLIGEN). */
  readonly gligen?: Grounding | undefined;
  /** Cancels before a call starts. */
  readonly signal?: AbortSignal | undefined;
}

/** The UNet of Stable Diffusion: called with its conditioning, and with what ControlNets add. */
export type ConditionedUNet<C extends object = DenoiserConfig> = Denoiser<
  C,
  UNetConditioning & UNetResiduals & Pick<DenoiserOptions, "perturbation">
>;

/** The same as far as text alone says what it makes: it need not tell of masks. */
export type TextUNet = ConditionedUNet<Omit<DenoiserConfig, "in_channels">>;

/** One call of such a UNet, under control or not. */
export type UNetCall = DenoiserCall<UNetControl>;

/** How a UNet is guided: by the text, and where there is `pag`, by perturbed attention. */
export interface UNetGuidance extends Guidance {
  /** Perturbed attention guidance; none by default. */
  readonly pag?: PerturbedGuidance | undefined;
}

/** How a UNet predicts, guided by the text: what {@linkcode Conditioning} has as its denoiser. */
export function predictByUNet(
  unet: ConditionedUNet<object>,
  conditioning: UNetConditioning,
  { pag, ...guidance }: UNetGuidance,
): ReturnType<Conditioning<UNetControl>["denoiser"]> {
  const whole = pag && perturbedConditioning(conditioning, { ...guidance, pag });
  return async ({ control, input, ...call }) => {
    const residuals = await control?.(call, conditioning, guidance.guidance);
    const options = { ...conditioning, ...residuals };
    try {
      if (pag !== undefined) {
        const called = { input, timestep: call.timestep };
        return await predictPerturbed(unet, whole!, { ...guidance, pag }, called, residuals);
      }
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

/** ControlNets' residuals of a step may lie on a card, which has no room for those of all. */
function giveBack(residuals: UNetResiduals): void {
  for (const residual of residuals.downBlockAdditionalResiduals ?? []) residual[Symbol.dispose]();
  residuals.midBlockAdditionalResidual?.[Symbol.dispose]();
}
