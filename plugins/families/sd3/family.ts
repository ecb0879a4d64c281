import { type JointAttentionKwargs, jointAttentionKwargs } from "@denoise/adapters";
import { type CallOptions, configValue, type RunOptions, runOptions, Tensor } from "@denoise/core";
import {
  calculateShift,
  checkSize,
  type Family,
  type FlowStepOptions,
  flowStepOptions,
  type LatentOptions,
  planScheduledFlow,
  type PooledText,
  vaeScaleFactor,
} from "@denoise/diffusion";
import { GUIDED_BY_NEGATIVE, type Sd3Components } from "./components.ts";
import type { Sd3Control } from "./control_nets.ts";
import {
  sd3ImagePrompt,
  type Sd3ImagePromptOptions,
  sd3ImagePromptOptions,
} from "./image_prompt.ts";
import type { Sd3DenoiserOptions } from "./transformer.ts";
import { encodeSd3Prompts, type Sd3PromptOptions, sd3PromptOptions } from "./prompts.ts";

/** Options that all calls of Stable Diffusion 3 take. */
export interface Sd3Options
  extends
    RunOptions,
    Sd3PromptOptions,
    Sd3ImagePromptOptions,
    FlowStepOptions,
    JointAttentionKwargs {
  /** How closely the image follows the prompt. Defaults to 7; no guidance at 1 or below. */
  readonly guidanceScale?: number | undefined;
  /** The shift of the noise levels; by default what the size of the image says, where the scheduler asks. */
  readonly mu?: number | undefined;
}

/** The declarations of {@linkcode Sd3Options}. */
export const sd3Options: CallOptions<Sd3Options> = {
  ...jointAttentionKwargs,
  ...runOptions,
  ...sd3PromptOptions,
  ...sd3ImagePromptOptions,
  ...flowStepOptions,
  guidanceScale: { type: "number" },
  mu: { type: "number" },
};

/** Options of skip-layer guidance, which leads away from what the model makes without some blocks. */
export interface SkipLayerOptions {
  /** Blocks that are left out, counted from 0; [7, 8, 9] for 3.5 medium. Defaults to none: no such guidance. */
  readonly skipGuidanceLayers?: readonly number[] | undefined;
  /** How far it leads away. Defaults to 2.8. */
  readonly skipLayerGuidanceScale?: number | undefined;
  /** The part of the steps at which it ends, 0..1. Defaults to 0.2. */
  readonly skipLayerGuidanceStop?: number | undefined;
  /** The part of the steps after which it begins, 0..1. Defaults to 0.01. */
  readonly skipLayerGuidanceStart?: number | undefined;
}

/** The declarations of {@linkcode SkipLayerOptions}. */
export const skipLayerOptions: CallOptions<SkipLayerOptions> = {
  skipGuidanceLayers: { type: "integer", list: "required", minimum: 0, cost: "none" },
  skipLayerGuidanceScale: { type: "number" },
  skipLayerGuidanceStop: { type: "number" },
  skipLayerGuidanceStart: { type: "number" },
};

/** The family of Stable Diffusion 3. */
export type Sd3Family = Family<
  Sd3Components,
  LatentOptions & Sd3Options & SkipLayerOptions,
  Sd3Control
>;

/**
 * Stable Diffusion 3 and 3.5 (Esser et al., 2024, arXiv:2403.03206): a rectified flow on latents of 16
 * channels, conditioned on the states of two CLIPs and of T5, and on what the CLIPs pool.
 */
export const sd3: Sd3Family = {
  name: "stable-diffusion-3",
  size({ transformer, vae }, given) {
    const factor = vaeScaleFactor(vae);
    const { sample_size, patch_size } = transformer.config;
    const { height = sample_size * factor, width = sample_size * factor } = given;
    checkSize(height, width, factor * patch_size);
    return { height, width };
  },
  plan({ transformer, vae, scheduler }, options, { height, width }) {
    const token = vaeScaleFactor(vae) * transformer.config.patch_size;
    const tokens = (height / token) * (width / token);
    const config = { max_shift: 1.16, ...scheduler.config }; // diffusers' own, where a scheduler has none
    const isDynamic = configValue(scheduler.config, "use_dynamic_shifting") === true;
    const { mu = isDynamic ? calculateShift(tokens, { config }) : undefined } = options;
    return planScheduledFlow(scheduler, options, mu);
  },
  async encode(run, prompt, options) {
    const { transformer, scheduler } = run.components;
    const { guidanceScale = 7, signal, skipGuidanceLayers: skipLayers } = options;
    const { skipLayerGuidanceScale = 2.8, skipLayerGuidanceStop = 0.2 } = options;
    const { skipLayerGuidanceStart = 0.01 } = options;
    const isGuided = guidanceScale > 1 &&
      (run.settings[GUIDED_BY_NEGATIVE] !== true || hasNegative(options));
    if (guidanceScale > 1 && !isGuided) {
      run.warn(
        `guidanceScale is ${guidanceScale}, but there is no negativePrompt, without which the blocks that the repo ` +
          'names do not guide; give one, such as "", to have guidance',
      );
    }
    const [text, negative] = await encodeSd3Prompts(run, prompt, options, isGuided);
    if (skipLayers !== undefined && negative === undefined) {
      run.warn(
        "skipGuidanceLayers are without effect: with guidanceScale 1 or below there is no guidance",
      );
    }
    const both = negative === undefined ? text : {
      embeds: Tensor.cat([negative.embeds, text.embeds]),
      pooled: Tensor.cat([negative.pooled, text.pooled]),
    };
    const count = text.embeds.dims[0]!;
    const followed = await sd3ImagePrompt(run.components, options, count, negative !== undefined);
    const predict = async (
      latents: Tensor,
      timestep: number,
      { embeds, pooled }: PooledText,
      more: Omit<Sd3DenoiserOptions, "encoderHiddenStates" | "pooledProjections" | "signal">,
    ) =>
      (await transformer.forward(latents, timestep, {
        ...{ encoderHiddenStates: embeds, pooledProjections: pooled, ...more, signal },
      })).sample;
    const skips = (index: number) => {
      const steps = scheduler.numInferenceSteps!;
      return index > steps * skipLayerGuidanceStart && index < steps * skipLayerGuidanceStop;
    };
    return {
      count,
      facts: {
        guidanceScale: isGuided || guidanceScale <= 1 ? guidanceScale : undefined,
        ...(skipLayers && { skipGuidanceLayers: skipLayers.join(" "), skipLayerGuidanceScale }),
      },
      denoiser: () => async ({ input, timestep, index, control }) => {
        const latents = negative === undefined ? input : Tensor.cat([input, input]);
        const blockControlnetHiddenStates = await control?.(
          { latents, timestep, index, signal },
          both,
        );
        const made = await predict(latents, timestep, both, {
          imageEmbeds: followed,
          blockControlnetHiddenStates,
        });
        if (negative === undefined) return made;
        const [unwanted, wanted] = made.chunk(2) as [Tensor, Tensor];
        const guided = unwanted.add(wanted.sub(unwanted).mul(guidanceScale));
        if (skipLayers === undefined || !skips(index)) return guided;
        const imageEmbeds = followed?.slice(0, count, 2 * count);
        const less = await predict(input, timestep, text, { skipLayers, imageEmbeds });
        return guided.add(wanted.sub(less).mul(skipLayerGuidanceScale));
      },
    };
  },
};

/** Whether a call says what is not wanted, in any form. */
function hasNegative(options: Sd3Options): boolean {
  const { negativePrompt, negativePrompt2, negativePrompt3, negativePromptEmbeds } = options;
  const given = [negativePrompt, negativePrompt2, negativePrompt3, negativePromptEmbeds];
  return given.some((one) => one !== undefined);
}
