import { type CallOptions, type Recipe, Tensor } from "@denoise/core";
import {
  type Family,
  type Guidance,
  type LatentComponents,
  type LatentOptions,
  rescaleGuidance,
} from "@denoise/diffusion";
import type { UNetResiduals } from "./control_nets.ts";
import { timeIdRows, type XlTimeIds } from "./xl_time_ids.ts";
import type { ConditionedUNet, UNetCall, UNetConditioning } from "./unet.ts";

/** Options of a call that is guided by perturbed attention, too. */
export interface PagOptions {
  /** Scale of the perturbed attention guidance; none at 0. Defaults to 3. */
  readonly pagScale?: number | undefined;
  /** By how much the scale falls with each of the 1000 timesteps, down to 0. Defaults to 0. */
  readonly pagAdaptiveScale?: number | undefined;
  /**
   * Which self-attentions of the UNet are perturbed: one or several regular expressions that their names
   * match, such as `"down_blocks.2"`, `"up_blocks.1.attentions.0"`. Defaults to `"mid"`.
   */
  readonly pagAppliedLayers?: string | readonly string[] | undefined;
}

/** The declarations of {@linkcode PagOptions}. */
export const pagOptions: CallOptions<PagOptions> = {
  pagScale: { type: "number", minimum: 0 },
  pagAdaptiveScale: { type: "number", minimum: 0 },
  pagAppliedLayers: { type: "string", list: "allowed" },
};

/** The defaults of {@linkcode PagOptions}. */
export const pagDefaults = {
  pagScale: 3,
  pagAdaptiveScale: 0,
  pagAppliedLayers: "mid",
} as const satisfies PagOptions;

/** How a prediction is guided by perturbed attention. */
export interface PerturbedGuidance {
  /** Which self-attentions are perturbed. */
  readonly layers: readonly string[];
  /** The scale at a timestep. */
  scaleAt(timestep: number): number;
  /** Sizes and crops for `[uncond, text, perturbed]`, where they are not those of the text again. */
  readonly timeIds?: Tensor | undefined;
}

/** The perturbed guidance of a call; undefined where it has none. */
export function perturbedGuidance(
  { pagScale = 0, pagAdaptiveScale = 0, pagAppliedLayers = pagDefaults.pagAppliedLayers }:
    PagOptions,
): PerturbedGuidance | undefined {
  const layers = [pagAppliedLayers].flat();
  if (pagScale === 0 || layers.length === 0) return undefined;
  return {
    layers,
    scaleAt: (timestep) => Math.max(0, pagScale - pagAdaptiveScale * (1000 - timestep)),
  };
}

/** What recipes of images say of it; nothing without it. */
export function pagFacts(
  { pagScale, pagAdaptiveScale, pagAppliedLayers }: PagOptions,
): Recipe {
  const layers = pagAppliedLayers === undefined ? undefined : String(pagAppliedLayers);
  return pagScale ? { pagScale, pagAdaptiveScale, pagAppliedLayers: layers } : {};
}

/** The rows `negative, positive, positive` again and again, as text to image of diffusers has them. */
export function alternatingTimeIds({ negative, positive }: XlTimeIds, count: number): Tensor {
  const rows = [negative, positive, positive].map((ids) => timeIdRows(ids, 1));
  return Tensor.cat(rows).repeat([count, 1]);
}

/** A family whose pipelines are guided by perturbed attention; its components are the same. */
export function perturbed<C extends LatentComponents, O extends LatentOptions, K>(
  family: Family<C, O, K>,
): Family<C, O, K> {
  return { ...family, name: `${family.name}-pag` };
}

/** How a UNet predicts, guided by the text and by what it predicts with perturbed attention. */
export interface PerturbedUNetGuidance extends Guidance {
  /** The perturbed guidance. */
  readonly pag: PerturbedGuidance;
}

/** The UNet's conditioning for the perturbed rows, too, which follow the text as the last ones. */
export function perturbedConditioning(
  conditioning: UNetConditioning,
  { guidance, pag }: PerturbedUNetGuidance,
): UNetConditioning {
  const rows = (x: Tensor | undefined) => x && withPerturbed(x, guidance);
  return {
    ...conditioning,
    encoderHiddenStates: withPerturbed(conditioning.encoderHiddenStates, guidance),
    timestepCond: rows(conditioning.timestepCond),
    textEmbeds: rows(conditioning.textEmbeds),
    timeIds: (guidance ? pag.timeIds : undefined) ?? rows(conditioning.timeIds),
    imageEmbeds: conditioning.imageEmbeds?.map((x) => withPerturbed(x, guidance)),
    imageStates: conditioning.imageStates?.map((x) => x && withPerturbed(x, guidance)),
  };
}

function perturbedResiduals(residuals: UNetResiduals = {}, guidance: boolean): UNetResiduals {
  const { downBlockAdditionalResiduals: down, midBlockAdditionalResidual: mid } = residuals;
  return {
    ...(down && { downBlockAdditionalResiduals: down.map((x) => withPerturbed(x, guidance)) }),
    ...(mid && { midBlockAdditionalResidual: withPerturbed(mid, guidance) }),
  };
}

/** `[uncond, text, text]` of `[uncond, text]`, or `[text, text]` of the text alone. */
function withPerturbed(x: Tensor, guidance: boolean): Tensor {
  return Tensor.cat([x, guidance ? x.chunk(2)[1]! : x]);
}

/**
 * ε = ε_∅ + s_T · (ε_text − ε_∅) + s_P · (ε_text − ε_perturbed): Ahn et al., "Self-Rectifying Diffusion
 * Sampling with Perturbed-Attention Guidance" (arXiv:2403.17377), beside classifier-free guidance.
 *
 * @param conditioning For all rows; see {@linkcode perturbedConditioning}.
 * @param residuals What ControlNets add to `[uncond, text]`; the perturbed rows are given those of the text.
 * @returns float32 [N, C, h, w].
 */
export async function predictPerturbed(
  unet: ConditionedUNet<object>,
  conditioning: UNetConditioning,
  guidance: PerturbedUNetGuidance,
  { input, timestep }: Pick<UNetCall, "input" | "timestep">,
  residuals: UNetResiduals | undefined,
): Promise<Tensor> {
  const { guidance: isGuided, guidanceScale, guidanceRescale = 0, pag } = guidance;
  const count = input.dims[0]!;
  const parts = isGuided ? 3 : 2;
  const { sample } = await unet.forward(Tensor.cat(Array(parts).fill(input)), timestep, {
    ...conditioning,
    ...perturbedResiduals(residuals, isGuided),
    perturbation: {
      layers: pag.layers,
      rows: Array.from({ length: parts * count }, (_, i) => i >= (parts - 1) * count),
    },
  });
  const [uncond, text, perturbed] = isGuided
    ? sample.chunk(3) as [Tensor, Tensor, Tensor]
    : [undefined, ...sample.chunk(2) as [Tensor, Tensor]];
  const byText = uncond === undefined ? text : uncond.add(text.sub(uncond).mul(guidanceScale));
  const guided = byText.add(text.sub(perturbed).mul(pag.scaleAt(timestep)));
  return isGuided && guidanceRescale > 0 ? rescaleGuidance(guided, text, guidanceRescale) : guided;
}
