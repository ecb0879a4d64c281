import { type AttentionKwargs, attentionKwargs } from "@denoise/adapters";
import {
  type CallOptions,
  type ImageSize,
  type PipelineRun,
  type RunOptions,
  runOptions,
  type Tensor,
} from "@denoise/core";
import {
  checkSize,
  type Family,
  type ImagesInput,
  type LatentOptions,
  latentSpace,
  latentsToTokens,
  planFlowRun,
  type Prompt,
  type TimestepOptions,
  timestepOptions,
  tokensToLatents,
} from "@denoise/diffusion";
import type { Flux3Components } from "./components.ts";
import {
  encodeFlux3Prompts,
  type Flux3GuidedPromptOptions,
  flux3GuidedPromptOptions,
  type Flux3PromptOptions,
  flux3PromptOptions,
  type Flux3Texts,
} from "./prompts.ts";
import { encodeFlux3References } from "./references.ts";
import { imageIds, textIds } from "./tokens.ts";

/** Options that calls of all FLUX.3 take beside those of their prompts. */
export interface Flux3RunOptions extends RunOptions, TimestepOptions {
  /**
   * Reference images that the prompt speaks of, in the order in which it does; none makes an image of the prompt
   * alone. Without `height` and `width` the result is as large as the first one.
   */
  readonly image?: ImagesInput | undefined;
}

/** The declarations of {@linkcode Flux3RunOptions}. */
const flux3RunOptions: CallOptions<Flux3RunOptions> = {
  ...runOptions,
  ...timestepOptions,
  image: { type: "image", list: "allowed", together: 10 },
};

/** Options of a call of a distilled FLUX.3, which knows no guidance. */
export interface Flux3DistilledOptions extends Flux3RunOptions, Flux3PromptOptions {}

/** The declarations of {@linkcode Flux3DistilledOptions}. */
export const flux3DistilledOptions: CallOptions<Flux3DistilledOptions> = {
  ...flux3RunOptions,
  ...flux3PromptOptions,
};

/** Options of a call of FLUX.3. */
export interface Flux3Options extends Flux3RunOptions, Flux3GuidedPromptOptions, AttentionKwargs {
  /** Guidance away from the negative prompt by a second call; 1 is none. Defaults to 3.5. */
  readonly guidanceScale?: number | undefined;
}

/** The declarations of {@linkcode Flux3Options}. */
export const flux3Options: CallOptions<Flux3Options> = {
  ...attentionKwargs,
  ...flux3RunOptions,
  ...flux3GuidedPromptOptions,
  guidanceScale: { type: "number" },
};

/** The side of the images, in pixels, where nothing says it. */
const TRAINED_SIDE = 1024;

/** What tells the kinds of FLUX.3 from each other. */
interface Flux3Kind<O> {
  readonly name: string;
  /** Whether the transformer is given the timestep that a step leads to. */
  readonly knowsTarget: boolean;
  /** The scale of the guidance; undefined for none. */
  readonly scale: (options: O) => number | undefined;
  readonly texts: (
    run: PipelineRun<Flux3Components>,
    prompt: Prompt | undefined,
    options: O,
    guided: boolean,
  ) => Promise<Flux3Texts>;
}

function flux3With<O extends LatentOptions & Flux3RunOptions>(
  { name, knowsTarget, scale: scaleOf, texts }: Flux3Kind<O>,
): Family<Flux3Components, O, never> {
  const sizeOf = ({ vae }: Flux3Components, given: Partial<ImageSize>) => {
    const { height = TRAINED_SIDE, width = TRAINED_SIDE } = given;
    checkSize(height, width, latentSpace(vae).factor);
    return { height, width };
  };
  return {
    name,
    size: ({ vae, ...more }, { height, width }) =>
      sizeOf({ vae, ...more }, { ...height && { height }, ...width && { width } }),
    plan: ({ scheduler }, options) => planFlowRun(scheduler, options),
    async encode(run, prompt, options) {
      const { transformer, scheduler, vae } = run.components;
      const { image, height, width, signal } = options;
      const scale = scaleOf(options);
      const { wanted, unwanted } = await texts(run, prompt, options, scale !== undefined);
      const count = wanted.dims[0]!;
      const references = image === undefined ? undefined : await encodeFlux3References(run, image);
      const isOwnSize = height === undefined && width === undefined;
      return {
        count,
        facts: { guidanceScale: scale },
        size: references && sizeOf(run.components, {
          height: height ?? references.size.height,
          width: width ?? references.size.width,
        }),
        fitted: isOwnSize ? references?.fitted : undefined,
        denoiser(size) {
          const { factor } = latentSpace(vae);
          const [rows, columns] = [size.height / factor, size.width / factor];
          const imgIds = imageIds(rows, columns);
          const beside = {
            imageCondHiddenStates: references?.tokens.repeat([count, 1, 1]),
            imageCondIds: references?.ids,
          };
          return async ({ input, timestep, index }) => {
            const tokens = latentsToTokens(input);
            const share = (timestep: number) => Math.fround(timestep / 1000);
            const target = knowsTarget ? share(scheduler.timesteps[index + 1] ?? 0) : undefined;
            const predict = async (encoderHiddenStates: Tensor) => {
              const txtIds = textIds(encoderHiddenStates.dims[1]!);
              const { sample } = await transformer.forward(tokens, share(timestep), {
                ...{ encoderHiddenStates, imgIds, txtIds, targetTimestep: target, signal },
                ...beside,
              });
              return tokensToLatents(sample, rows, columns);
            };
            const text = await predict(wanted);
            if (unwanted === undefined || scale === undefined) return text;
            const negative = await predict(unwanted);
            return negative.add(text.sub(negative).mul(scale));
          };
        },
      };
    },
  };
}

/**
 * FLUX.3 klein base (Black Forest Labs, 2026): a rectified flow on latents of 128 channels, conditioned on eight
 * states of a language model beside each other, and on reference images as tokens of their own. Guidance is a second
 * call.
 */
export const flux3: Family<Flux3Components, LatentOptions & Flux3Options, never> = flux3With<
  LatentOptions & Flux3Options
>({
  name: "flux3",
  knowsTarget: false,
  scale: ({ guidanceScale = 3.5 }) =>
    Math.abs(guidanceScale - 1) < 1e-9 ? undefined : guidanceScale,
  texts: encodeFlux3Prompts,
});

/** FLUX.3 klein, which was distilled to 16 steps: it knows where a step leads to, and no guidance. */
export const flux3Distilled: Family<
  Flux3Components,
  LatentOptions & Flux3DistilledOptions,
  never
> = flux3With<LatentOptions & Flux3DistilledOptions>({
  name: "flux3-distilled",
  knowsTarget: true,
  scale: () => undefined,
  texts: (run, prompt, { negativePrompt: _none, ...options }) =>
    encodeFlux3Prompts(run, prompt, options, false),
});
