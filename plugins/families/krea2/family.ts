import { type AttentionKwargs, attentionKwargs } from "@denoise/adapters";
import {
  type CallOptions,
  configValue,
  type RunOptions,
  runOptions,
  type Tensor,
} from "@denoise/core";
import {
  calculateShift,
  type Family,
  type FlowStepOptions,
  flowStepOptions,
  gridIds,
  type LatentOptions,
  packLatents,
  planFlowRun,
  unpackLatents,
  vaeScaleFactor,
  wholeSize,
} from "@denoise/diffusion";
import { checkPatch, type Krea2Components, patchOf } from "./components.ts";
import { encodeKrea2Prompts, type Krea2PromptOptions, krea2PromptOptions } from "./prompts.ts";

/** Options that all calls of Krea 2 take. */
export interface Krea2Options
  extends RunOptions, Krea2PromptOptions, FlowStepOptions, AttentionKwargs {
  /**
   * s in v = v_text + s·(v_text - v_negative), from 0, where there is no guidance and a step is half the work: what
   * others call 1 + s. Defaults to 4.5; Krea 2 Turbo is made for 0.
   */
  readonly guidanceScale?: number | undefined;
}

/** The declarations of {@linkcode Krea2Options}. */
export const krea2Options: CallOptions<Krea2Options> = {
  ...attentionKwargs,
  ...runOptions,
  ...krea2PromptOptions,
  ...flowStepOptions,
  guidanceScale: { type: "number" },
};

/** The side of the images, in pixels, where the call does not say it. */
const TRAINED_SIDE = 1024;

/** The shift of a transformer made for few steps, whatever the size. */
const DISTILLED_SHIFT = 1.15;

/**
 * Krea 2 (Krea AI, 2026): a rectified flow on the latents of Qwen-Image packed into tokens, conditioned on the
 * states of several layers of a language model. With guidance a step is two calls.
 */
export const krea2: Family<Krea2Components, LatentOptions & Krea2Options, never> = {
  name: "krea-2",
  size: (components, given) => {
    const multiple = multipleOf(components);
    const { height = TRAINED_SIDE, width = TRAINED_SIDE } = given;
    return wholeSize({ height, width }, multiple, "lengthen");
  },
  plan(components, options, { height, width }, { settings }) {
    const { scheduler } = components;
    const tokens = height * width / multipleOf(components) ** 2;
    const config = { max_image_seq_len: 6400, ...scheduler.config };
    const mu = settings["is_distilled"] === true
      ? DISTILLED_SHIFT
      : calculateShift(tokens, { config });
    return planFlowRun(scheduler, options, mu);
  },
  async encode(run, prompt, options) {
    const { components, settings } = run;
    const { transformer, scheduler, vae } = components;
    const { guidanceScale = 4.5, signal } = options;
    checkPatch(components, settings);
    const { wanted, unwanted } = await encodeKrea2Prompts(
      run,
      prompt,
      options,
      guidanceScale > 0,
    );
    const whole = Number(configValue(scheduler.config, "num_train_timesteps") ?? 1000);
    return {
      count: wanted.length,
      facts: { guidanceScale },
      denoiser({ height, width }) {
        const [patch, factor] = [patchOf(components), vaeScaleFactor(vae)];
        const [rows, columns] = [height / factor, width / factor];
        const imgIds = gridIds(rows / patch, columns / patch);
        return async ({ input, timestep }) => {
          const tokens = packLatents(input, { patch });
          const time = Math.fround(timestep / whole);
          const predict = async (encoderHiddenStates: readonly Tensor[]) =>
            (await transformer.forward(tokens, time, { encoderHiddenStates, imgIds, signal }))
              .sample;
          const text = await predict(wanted);
          const guided = unwanted === undefined
            ? text
            : text.add(text.sub(await predict(unwanted)).mul(guidanceScale));
          return unpackLatents(guided, rows, columns, { patch });
        };
      },
    };
  },
};

/** What sides of images are multiples of. */
function multipleOf(components: Krea2Components): number {
  return vaeScaleFactor(components.vae) * patchOf(components);
}
