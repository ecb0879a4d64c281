/**
 * UnCLIPPipeline: images from text by way of the vector that CLIP would have for the image: a prior makes it of the
 * text, a decoder makes a small image of it, and two UNets make that one larger. Ramesh et al., "Hierarchical
 * Text-Conditional Image Generation with CLIP Latents" (arXiv:2204.06125).
 *
 * The steps of the prior show nothing; those of the small image and of the large one follow.
 *
 * @example
 * ```ts ignore
 * import { UnCLIPPipeline } from "@denoise/denoise";
 *
 * const pipe = await UnCLIPPipeline.fromPretrained("kakaobrain/karlo-v1-alpha");
 * const { images } = await pipe("a high-resolution photograph of a big red frog", { seed: 0 });
 * await images[0].save("frog.png");
 * ```
 *
 * @module
 */
import {
  definePipeline,
  type ImageOutput,
  type Pipeline,
  type PipelineClass,
  type PipelineRun,
  type Scheduler,
  type Tensor,
} from "@denoise/core";
import {
  batchNoise,
  checkPrompts,
  denoiseVectors,
  describeRun,
  encodePriorText,
  initialLatents,
  joinPriorTexts,
  type PriorText,
  type Prompt,
  repeatPriorText,
  retrieveTimesteps,
  runThrough,
  stepOptions,
  timestepOptions,
} from "@denoise/diffusion";
import type { Prior } from "@denoise/roles";
import {
  decodeVectors,
  unclipDecoder,
  type UnCLIPDecoderComponents,
  unclipDecoderDefaults,
  type UnCLIPDecoderOptions,
  unclipDecoderOptions,
  unclipSize,
} from "@denoise/unclip";

/** What an UnCLIPPipeline consists of. */
export interface UnCLIPPipelineComponents extends UnCLIPDecoderComponents {
  /** PriorTransformer. */
  readonly prior: Prior<{ readonly embedding_dim: number }>;
  /** UnCLIPScheduler. */
  readonly priorScheduler: Scheduler;
}

/** What a text encoder has made of texts. */
export interface UnCLIPTextModelOutput {
  /** Vectors, float32 [prompts, width]. */
  readonly textEmbeds: Tensor;
  /** States of tokens, float32 [prompts, tokens, width]. */
  readonly lastHiddenState: Tensor;
}

/** Options of a call. */
export interface UnCLIPPipelineOptions extends UnCLIPDecoderOptions {
  /** Number of denoising steps of the vector, at least 2. Defaults to 25. */
  readonly priorNumInferenceSteps?: number | undefined;
  /** How closely the vector follows the prompt. Defaults to 4; no guidance at 1 or below. */
  readonly priorGuidanceScale?: number | undefined;
  /** Own noise of the vector, float32 [N, width]. */
  readonly priorLatents?: Tensor | undefined;
  /** What the text encoder made of a text, in the place of a prompt; with `textAttentionMask`. */
  readonly textModelOutput?: UnCLIPTextModelOutput | undefined;
  /** int64 [prompts, tokens], 1 where a token of that text counts. */
  readonly textAttentionMask?: Tensor | undefined;
}

/** What a call is given: a prompt or several, none with `textModelOutput`, then options. */
export type UnCLIPArguments = [prompt?: Prompt, options?: UnCLIPPipelineOptions];

/** A loaded UnCLIPPipeline. */
export type UnCLIPPipeline = Pipeline<UnCLIPPipelineComponents, UnCLIPArguments, ImageOutput>;

/** Text to images; `UnCLIPPipeline` of diffusers. */
export const UnCLIPPipeline: PipelineClass<UnCLIPPipelineComponents, UnCLIPArguments, ImageOutput> =
  definePipeline<UnCLIPPipelineComponents, UnCLIPArguments, ImageOutput>({
    className: "UnCLIPPipeline",
    task: "text-to-image",
    family: "unclip",
    takesPrompt: true,
    components: {
      prior: { kind: "model" },
      ...unclipDecoder,
      priorScheduler: { kind: "scheduler" },
    },
    options: {
      ...unclipDecoderOptions,
      priorNumInferenceSteps: timestepOptions.numInferenceSteps,
      priorGuidanceScale: { type: "number" },
      priorLatents: { type: "tensor" },
      textModelOutput: { type: "object" },
      textAttentionMask: { type: "tensor" },
    },
    defaults: { ...unclipDecoderDefaults, priorNumInferenceSteps: 25, priorGuidanceScale: 4 },
    defaultSize: unclipSize,
    generate,
  });

type Run = PipelineRun<UnCLIPPipelineComponents>;

async function* generate(run: Run, ...[prompt, options = {}]: UnCLIPArguments) {
  const { prior, priorScheduler: scheduler } = run.components;
  const { priorNumInferenceSteps = 25, priorGuidanceScale = 4, decoderGuidanceScale = 8 } = options;
  const { numImagesPerPrompt = 1 } = options;
  const guidance = priorGuidanceScale > 1 || decoderGuidanceScale > 1;
  const text = await encode(run, prompt, options, guidance);
  const count = text.pooled.dims[0]! / (guidance ? 2 : 1);
  const noise = batchNoise(count, options);
  const timesteps = retrieveTimesteps(scheduler, { numInferenceSteps: priorNumInferenceSteps });
  const dims = [count, prior.config.embedding_dim];
  const steps = denoiseVectors(initialLatents(dims, noise, scheduler, options.priorLatents), {
    ...{ prior, scheduler, timesteps, text, settings: stepOptions(scheduler, noise) },
    options: { signal: options.signal },
    guidanceScale: guidance ? priorGuidanceScale : undefined,
  });
  const vectors = await runThrough(steps);
  const facts = { priorSteps: priorNumInferenceSteps, priorGuidanceScale };
  const recipe = describeRun(prompt, { numImagesPerPrompt }, facts, noise);
  return yield* decodeVectors(run, options, { vectors, text, guidance, noise, recipe });
}

/** The texts of a call, those of no text first where it is guided. */
async function encode(
  { components, warn }: Run,
  prompt: Prompt | undefined,
  { textModelOutput, textAttentionMask, numImagesPerPrompt: each = 1 }: UnCLIPPipelineOptions,
  guidance: boolean,
): Promise<PriorText> {
  if ((textModelOutput === undefined) !== (textAttentionMask === undefined)) {
    throw new TypeError(
      "Cannot encode the prompt: textModelOutput and textAttentionMask go together",
    );
  }
  if ((prompt === undefined) === (textModelOutput === undefined)) {
    throw new TypeError("Cannot encode the prompt: give either prompt or textModelOutput");
  }
  let wanted: PriorText;
  if (textModelOutput === undefined) {
    checkPrompts(prompt, {});
    wanted = await encodePriorText(components, [prompt!].flat(), each, warn);
  } else {
    const { textEmbeds: pooled, lastHiddenState: states } = textModelOutput;
    wanted = repeatPriorText({ pooled, states, mask: textAttentionMask! }, each);
  }
  if (!guidance) return wanted;
  const none = Array<string>(wanted.pooled.dims[0]! / each).fill("");
  return joinPriorTexts(await encodePriorText(components, none, each), wanted);
}
