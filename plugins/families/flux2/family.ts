import { type AttentionKwargs, attentionKwargs } from "@denoise/adapters";
import {
  type CallOptions,
  type ImageSize,
  type PipelineRun,
  type RunOptions,
  runOptions,
  Tensor,
} from "@denoise/core";
import {
  definedSize,
  type Family,
  type FlowStepOptions,
  flowStepOptions,
  type ImagesInput,
  type LatentOptions,
  latentSpace,
  latentsToTokens,
  planFlowRun,
  type Prompt,
  tokensToLatents,
  wholeSize,
} from "@denoise/diffusion";
import type { Flux2Components } from "./components.ts";
import {
  encodeDevPrompts,
  encodeKleinPrompts,
  type Flux2PromptOptions,
  flux2PromptOptions,
  type Flux2TextOptions,
  flux2TextOptions,
  type Flux2Texts,
} from "./prompts.ts";
import { encodeReferences, type Flux2References, referenceIds } from "./references.ts";
import { imageIds, textIds } from "./tokens.ts";

/** Options that all calls of FLUX.2 klein take. */
export interface Flux2KleinOptions
  extends RunOptions, Flux2PromptOptions, FlowStepOptions, AttentionKwargs {
  /**
   * Reference images that the prompt speaks of, in the order in which it does; none makes an image of the prompt
   * alone. Without `height` and `width` the result is as large as the first one.
   */
  readonly image?: ImagesInput | undefined;
  /** Guidance away from an empty text by a second call, above 1; distilled models have none. Defaults to 4. */
  readonly guidanceScale?: number | undefined;
}

/** The declarations of {@linkcode Flux2KleinOptions}. */
export const flux2KleinOptions: CallOptions<Flux2KleinOptions> = {
  ...attentionKwargs,
  ...runOptions,
  ...flux2PromptOptions,
  ...flowStepOptions,
  image: { type: "image", list: "allowed", together: 10 },
  guidanceScale: { type: "number" },
};

/** Tokens of a side where nothing says it: 1024 pixels with an autoencoder of the real size. */
const TRAINED_SIZE = 64;

/**
 * The shift μ of a run of so many steps on so many tokens, which BFL found by experiment
 * (`compute_empirical_mu`).
 */
export function empiricalShift(tokens: number, steps: number): number {
  const at200 = 0.00016927 * tokens + 0.45666666;
  if (tokens > 4300) return at200;
  const at10 = 8.73809524e-05 * tokens + 1.89833333;
  const slope = (at200 - at10) / 190;
  return slope * steps + (at200 - 200 * slope);
}

/** What a call of any FLUX.2 reads. */
export type Flux2Call =
  & LatentOptions
  & FlowStepOptions
  & { readonly guidanceScale?: number | undefined };

/** What tells the kinds of FLUX.2 from each other. */
export interface Flux2Kind<O> {
  /** Its name. */
  readonly name: string;
  /**
   * Whether references attend to themselves alone, so that the transformer reads them once; such models know no
   * guidance. Defaults to false.
   */
  readonly readsOnce?: boolean;
  /** Whether the guidance scale is an input of the transformer, and not that of a second call. Defaults to false. */
  readonly scaleIsInput?: boolean;
  /** Prompts to states, those of an empty text too where that second call is made. */
  readonly texts: (
    run: PipelineRun<Flux2Components>,
    prompt: Prompt | undefined,
    options: O,
    guided: boolean,
  ) => Promise<Flux2Texts>;
  /** Images that the prompt speaks of. */
  readonly references: (
    run: PipelineRun<Flux2Components>,
    options: O,
  ) => Promise<Flux2References | undefined>;
  /** The size that images of the call say, where it is not the first reference's. */
  readonly size?: (run: PipelineRun<Flux2Components>, options: O) => Promise<ImageSize>;
}

/**
 * A family of FLUX.2 (Black Forest Labs, 2025): a rectified flow on latents of 128 channels, conditioned on three
 * states of a language model, and on images as tokens behind those that are made. Where the denoiser is
 * given latents beside the noisy ones, on channels, these are an image before the references.
 */
export function flux2With<O extends Flux2Call>(
  kind: Flux2Kind<O>,
): Family<Flux2Components, O, never> {
  const sizeOf = ({ vae }: Flux2Components, given: Partial<O>) => {
    const { factor } = latentSpace(vae);
    const trained = TRAINED_SIZE * factor;
    const { height = trained, width = trained } = given;
    return wholeSize({ height, width }, factor);
  };
  return {
    name: kind.name,
    size: sizeOf,
    plan({ vae, scheduler }, options, { height, width }) {
      const { factor } = latentSpace(vae);
      const { numInferenceSteps = 50 } = options;
      const tokens = (height / factor) * (width / factor);
      return planFlowRun(scheduler, options, empiricalShift(tokens, numInferenceSteps));
    },
    async encode(run, prompt, options) {
      const { transformer, vae } = run.components;
      const { guidanceScale = 4, signal } = options;
      const { readsOnce = false, scaleIsInput = false } = kind;
      const guided = !readsOnce && !scaleIsInput && guidanceScale > 1 &&
        run.settings.is_distilled !== true;
      const guidance = scaleIsInput && transformer.config.guidance_embeds
        ? guidanceScale
        : undefined;
      const { wanted, unwanted } = await kind.texts(run, prompt, options, guided);
      const count = wanted.dims[0]!;
      const references = await kind.references(run, options);
      const { height, width } = { ...references?.size, ...definedSize(options) };
      return {
        count,
        facts: { guidanceScale: guided ? guidanceScale : guidance },
        size: kind.size !== undefined
          ? await kind.size(run, options)
          : references && sizeOf(run.components, { height, width } as Partial<O>),
        denoiser(size) {
          const { channels, factor } = latentSpace(vae);
          const [rows, columns] = [size.height / factor, size.width / factor];
          const given = references &&
            { ...references, tokens: references.tokens.repeat([count, 1, 1]) };
          const beside = readsOnce ? undefined : given;
          let cache: Promise<Tensor> | undefined;
          return async ({ input, timestep }) => {
            if (readsOnce && given !== undefined) {
              cache ??= transformer.references(given.tokens, given.ids, { signal });
            }
            const referenceCache = await cache;
            const images = input.dims[1] === channels
              ? [input]
              : [input.slice(1, 0, channels), input.slice(1, channels, 2 * channels)];
            const ids = images.map((_, i) =>
              i === 0 ? imageIds(rows, columns) : referenceIds(rows, columns, i - 1)
            );
            const all = beside === undefined
              ? images.map(latentsToTokens)
              : [...images.map(latentsToTokens), beside.tokens];
            const tokens = Tensor.cat(all, 1);
            const imgIds = Tensor.cat(beside === undefined ? ids : [...ids, beside.ids], 0);
            const time = Math.fround(timestep / 1000);
            const predict = async (encoderHiddenStates: Tensor) => {
              const txtIds = textIds(encoderHiddenStates.dims[1]!);
              const given = {
                ...{ encoderHiddenStates, imgIds, txtIds, guidance, referenceCache, signal },
              };
              const { sample } = await transformer.forward(tokens, time, given);
              return tokensToLatents(sample.slice(1, 0, rows * columns), rows, columns);
            };
            const text = await predict(wanted);
            if (unwanted === undefined) return text;
            const empty = await predict(unwanted);
            return empty.add(text.sub(empty).mul(guidanceScale));
          };
        },
      };
    },
  };
}

/** FLUX.2 klein: reference images are those that the call gives. */
export const flux2: Family<Flux2Components, LatentOptions & Flux2KleinOptions, never> = flux2With({
  name: "flux2-klein",
  texts: encodeKleinPrompts,
  references: async (run, { image }: LatentOptions & Flux2KleinOptions) =>
    image === undefined ? undefined : await encodeReferences(run, image),
});

/** Options that all calls of FLUX.2 dev take. */
export interface Flux2Options
  extends
    RunOptions,
    Flux2TextOptions,
    FlowStepOptions,
    AttentionKwargs,
    Pick<Flux2KleinOptions, "image"> {
  /** How closely the image follows the prompt, an input of the transformer. Defaults to 4. */
  readonly guidanceScale?: number | undefined;
}

/** The declarations of {@linkcode Flux2Options}. */
export const flux2Options: CallOptions<Flux2Options> = {
  ...attentionKwargs,
  ...runOptions,
  ...flux2TextOptions,
  ...flowStepOptions,
  image: flux2KleinOptions.image,
  guidanceScale: { type: "number" },
};

/** FLUX.2 dev, distilled with the guidance scale as an input. */
export const flux2Dev: Family<Flux2Components, LatentOptions & Flux2Options, never> = flux2With({
  name: "flux2",
  scaleIsInput: true,
  texts: encodeDevPrompts,
  references: async (run, { image }: LatentOptions & Flux2Options) =>
    image === undefined ? undefined : await encodeReferences(run, image),
});

/** Options of a call of FLUX.2 klein whose references are read once. */
export type Flux2KleinKVOptions = Omit<
  Flux2KleinOptions,
  "guidanceScale" | "negativePromptEmbeds"
>;

const { guidanceScale: _scale, negativePromptEmbeds: _negative, ...kvOptions } = flux2KleinOptions;

/** The declarations of {@linkcode Flux2KleinKVOptions}. */
export const flux2KleinKVOptions: CallOptions<Flux2KleinKVOptions> = kvOptions;

/** FLUX.2 klein whose reference images are read once, at the first step. */
export const flux2KV: Family<Flux2Components, LatentOptions & Flux2KleinKVOptions, never> =
  flux2With({
    name: "flux2-klein",
    readsOnce: true,
    texts: encodeKleinPrompts,
    references: async (run, { image }: LatentOptions & Flux2KleinKVOptions) =>
      image === undefined ? undefined : await encodeReferences(run, image),
  });
