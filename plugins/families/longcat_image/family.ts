import {
  type CallOptions,
  type ImageSize,
  type PipelineRun,
  type RunOptions,
  runOptions,
  Tensor,
} from "@denoise/core";
import {
  calculateShift,
  encodeTextPair,
  type Family,
  type FlowStepOptions,
  flowStepOptions,
  gridIds,
  type LatentOptions,
  packedSize,
  packedTokens,
  packLatents,
  planFlowRun,
  type Prompt,
  type TextPair,
  type TextPairOptions,
  textPairOptions,
  textReader,
  unpackLatents,
  vaeScaleFactor,
} from "@denoise/diffusion";
import type { LongCatImageComponents } from "./components.ts";
import { PROMPT_TOKENS, promptStates } from "./prompts.ts";

/** Options that all calls of LongCat-Image take. */
export interface LongCatImageBaseOptions extends RunOptions, TextPairOptions, FlowStepOptions {
  /** Guidance by a second call for the negative prompt, above 1. Defaults to 4.5. */
  readonly guidanceScale?: number | undefined;
}

/** The declarations of {@linkcode LongCatImageBaseOptions}. */
export const longCatImageBaseOptions: CallOptions<LongCatImageBaseOptions> = {
  ...runOptions,
  ...textPairOptions,
  ...flowStepOptions,
  guidanceScale: { type: "number" },
};

/** Options that calls of LongCat-Image take. */
export interface LongCatImageOptions extends LongCatImageBaseOptions {
  /** Whether no token of a guided prediction is longer than that for the prompt. Defaults to true. */
  readonly enableCfgRenorm?: boolean | undefined;
  /** The least that its tokens are multiplied with to reach that, 0..1. Defaults to 0. */
  readonly cfgRenormMin?: number | undefined;
  /** Must be false, which is the default: prompts are read as they are given. */
  readonly enablePromptRewrite?: boolean | undefined;
}

/** The declarations of {@linkcode LongCatImageOptions}. */
export const longCatImageOptions: CallOptions<LongCatImageOptions> = {
  ...longCatImageBaseOptions,
  enableCfgRenorm: { type: "boolean" },
  cfgRenormMin: { type: "number", minimum: 0, maximum: 1 },
  enablePromptRewrite: { type: "boolean" },
};

/** An image that the transformer is given beside the one that it makes. */
export interface LongCatImageReference {
  /** Its latents as tokens, float32 [1, tokens, C]. */
  readonly tokens: Tensor;
  /** The size of both. */
  readonly size: ImageSize;
}

/** What tells the families of LongCat-Image from each other. */
export interface LongCatImageKind<O> {
  /** Its name. */
  readonly name: string;
  /** Encodes the prompts of a call, and the image that it has. */
  readonly encode: (
    run: PipelineRun<LongCatImageComponents>,
    prompt: Prompt | undefined,
    options: O,
    guided: boolean,
  ) => Promise<{
    readonly texts: TextPair;
    readonly reference?: LongCatImageReference | undefined;
    /** The row and the column of the first token of images. */
    readonly firstPlace: number;
  }>;
  /** A guided prediction of tokens, made of that for the prompt. Defaults to what guidance gives. */
  readonly renorm?: (guided: Tensor, text: Tensor, options: O) => Tensor;
}

/**
 * A family of LongCat-Image (Meituan, 2025, arXiv:2512.07584): a rectified flow on latents of 16 channels packed
 * into tokens of 2x2, conditioned on the states of a language model, which reads quoted text character by character.
 */
export function longCatImageWith<O extends LatentOptions & LongCatImageBaseOptions>(
  { name, encode, renorm = (guided) => guided }: LongCatImageKind<O>,
): Family<LongCatImageComponents, O, never> {
  return {
    name,
    size: packedSize,
    plan: ({ vae, scheduler }, options, size) =>
      planFlowRun(scheduler, options, calculateShift(packedTokens({ vae }, size), scheduler)),
    async encode(run, prompt, options) {
      const { transformer, vae } = run.components;
      const { guidanceScale = 4.5, signal } = options;
      const { texts, reference, firstPlace } = await encode(
        run,
        prompt,
        options,
        guidanceScale > 1,
      );
      const { wanted, unwanted } = texts;
      const count = wanted.dims[0]!;
      return {
        count,
        facts: { guidanceScale: unwanted && guidanceScale },
        size: reference?.size,
        denoiser({ height, width }) {
          const factor = vaeScaleFactor(vae);
          const [rows, columns] = [height / factor, width / factor];
          const places = (image: number) =>
            moved(gridIds(rows / 2, columns / 2, image), firstPlace);
          const imgIds = Tensor.cat(reference === undefined ? [places(1)] : [places(1), places(2)]);
          const beside = reference?.tokens.repeat([count, 1, 1]);
          return async ({ input, timestep }) => {
            const made = packLatents(input);
            const tokens = beside === undefined ? made : Tensor.cat([made, beside], 1);
            const time = Math.fround(timestep / 1000);
            const predict = async (encoderHiddenStates: Tensor) => {
              const txtIds = textIds(encoderHiddenStates.dims[1]!);
              const given = { encoderHiddenStates, imgIds, txtIds, signal };
              const { sample } = await transformer.forward(tokens, time, given);
              return sample.slice(1, 0, made.dims[1]!);
            };
            const text = await predict(wanted);
            if (unwanted === undefined) return unpackLatents(text, rows, columns);
            const against = await predict(unwanted);
            const guided = against.add(text.sub(against).mul(guidanceScale));
            return unpackLatents(renorm(guided, text, options), rows, columns);
          };
        },
      };
    },
  };
}

/** Coordinates whose rows and columns begin there. */
function moved(ids: Tensor, first: number): Tensor {
  return ids.add(Tensor.from([0, first, first], [1, 3]));
}

/** Coordinates of a text's tokens, float32 [tokens, 3]: their places on the axes of rows and columns. */
function textIds(tokens: number): Tensor {
  return Tensor.from(Array.from({ length: tokens }, (_, i) => [0, i, i]), [tokens, 3]);
}

/** What stands before a prompt (`prompt_template_encode_prefix`). */
const INSTRUCTION =
  "<|im_start|>system\nAs an image captioning expert, generate a descriptive text prompt based on an image " +
  "content, suitable for input to a text-to-image model.<|im_end|>\n<|im_start|>user\n";

/** LongCat-Image, from prompts alone. */
export const longCatImage: Family<
  LongCatImageComponents,
  LatentOptions & LongCatImageOptions,
  never
> = longCatImageWith<LatentOptions & LongCatImageOptions>({
  name: "longcat-image",
  async encode(run, prompt, options, guided) {
    const { warn } = run;
    if (options.enablePromptRewrite === true) {
      throw new RangeError(
        "Cannot have prompts rewritten: enablePromptRewrite = true is not supported; give a longer prompt, " +
          "which is what the model draws best from, and leave it out or false",
      );
    }
    const texts = await encodeTextPair(
      prompt,
      options,
      guided,
      async (text) =>
        await promptStates(textReader(run.components), text, { skipped: INSTRUCTION }, {
          warn,
          signal: options.signal,
        }),
    );
    return { texts, firstPlace: PROMPT_TOKENS };
  },
  renorm(guided, text, { enableCfgRenorm = true, cfgRenormMin = 0 }) {
    if (!enableCfgRenorm) return guided;
    const ratio = lengths(text).div(lengths(guided).add(1e-8));
    return guided.mul(ratio.clamp(cfgRenormMin, 1));
  },
});

/** Euclidean length over the last axis, which stays. */
function lengths(x: Tensor): Tensor {
  return x.mul(x).sum([-1], { keepDims: true }).sqrt();
}
