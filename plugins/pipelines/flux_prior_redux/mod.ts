/**
 * FluxPriorReduxPipeline: embeddings of images in the place of a prompt's, from which FLUX.1 makes images like
 * them (FLUX.1 Redux, Black Forest Labs, 2024). With text encoders a prompt counts, too. Several
 * images are mixed, by their weights.
 *
 * @example
 * ```ts ignore
 * import { FluxPipeline, FluxPriorReduxPipeline } from "@denoise/denoise";
 *
 * const redux = await FluxPriorReduxPipeline.fromPretrained("black-forest-labs/FLUX.1-Redux-dev");
 * const pipe = await FluxPipeline.fromPretrained("black-forest-labs/FLUX.1-dev", {
 *   textEncoder: null,
 *   textEncoder2: null,
 * });
 * const { promptEmbeds, pooledPromptEmbeds } = await redux(undefined, { image: "robot.png" });
 * const { images } = await pipe(undefined, { promptEmbeds, pooledPromptEmbeds, guidanceScale: 2.5 });
 * ```
 *
 * @module
 */
import {
  definePipeline,
  type ImageInput,
  type Model,
  type Pipeline,
  type PipelineClass,
  type PipelineRun,
  type PipelineStep,
  type RunOptions,
  runOptions,
  Tensor,
} from "@denoise/core";
import type { ImagesInput, Prompt } from "@denoise/diffusion";
import {
  encodeFluxPrompts,
  type FluxComponents,
  fluxComponents,
  type FluxText,
  type FluxTextOptions,
  fluxTextOptions,
} from "@denoise/flux";
import type { FeatureExtractor } from "@denoise/roles";

/** The role of a vision model whose states are used. */
export interface ImageStateEncoder extends Model {
  /** States of images, float32 [N, patches, width]. */
  forward(pixelValues: Tensor): Promise<{ readonly lastHiddenState: Tensor }>;
}

/** The role of what makes states of texts of those of images. */
export interface ImageEmbedder extends Model<{ readonly txt_in_features: number }> {
  /** States as a transformer takes those of texts, float32 [N, patches, width]. */
  forward(states: Tensor): Promise<{ readonly imageEmbeds: Tensor }>;
}

/** What a FluxPriorReduxPipeline consists of. */
export interface FluxPriorReduxComponents
  extends Pick<FluxComponents, "textEncoder" | "tokenizer" | "textEncoder2" | "tokenizer2"> {
  /** SiglipVisionModel. */
  readonly imageEncoder: ImageStateEncoder;
  /** SiglipImageProcessor. */
  readonly featureExtractor: FeatureExtractor;
  /** ReduxImageEncoder. */
  readonly imageEmbedder: ImageEmbedder;
}

/** Options of a call. */
export interface FluxPriorReduxOptions
  extends
    Pick<RunOptions, "signal">,
    Pick<FluxTextOptions, "prompt2" | "promptEmbeds" | "pooledPromptEmbeds"> {
  /** One image, or several to be mixed. */
  readonly image: ImagesInput;
  /** What the embeddings of each image, or of all, are multiplied with. Defaults to 1. */
  readonly promptEmbedsScale?: number | readonly number[] | undefined;
  /** The same for the pooled text. */
  readonly pooledPromptEmbedsScale?: number | readonly number[] | undefined;
}

/** What a call is given: a prompt or none, or one for each image, then options. */
export type FluxPriorReduxArguments = [prompt: Prompt | undefined, options: FluxPriorReduxOptions];

/** What a call gives: options of FluxPipeline and its like. */
export interface FluxPriorReduxOutput {
  /** States of text and images, float32 [1, 512 + patches, width]. */
  readonly promptEmbeds: Tensor;
  /** The pooled text, float32 [1, width]. */
  readonly pooledPromptEmbeds: Tensor;
}

/** A loaded FluxPriorReduxPipeline. */
export type FluxPriorReduxPipeline = Pipeline<
  FluxPriorReduxComponents,
  FluxPriorReduxArguments,
  FluxPriorReduxOutput
>;

const { textEncoder, tokenizer, textEncoder2, tokenizer2 } = fluxComponents.components;

/** Images to embeddings for FLUX.1; `FluxPriorReduxPipeline` of diffusers. */
export const FluxPriorReduxPipeline: PipelineClass<
  FluxPriorReduxComponents,
  FluxPriorReduxArguments,
  FluxPriorReduxOutput
> = definePipeline<FluxPriorReduxComponents, FluxPriorReduxArguments, FluxPriorReduxOutput>({
  className: "FluxPriorReduxPipeline",
  task: "image-embedding",
  family: "flux-redux",
  makes: "embeddings",
  takesPrompt: true,
  components: {
    imageEncoder: { kind: "model" },
    featureExtractor: { kind: "processor" },
    imageEmbedder: { kind: "model" },
    ...{ textEncoder, tokenizer, textEncoder2, tokenizer2 },
  },
  options: {
    signal: runOptions.signal,
    prompt2: fluxTextOptions.prompt2,
    promptEmbeds: fluxTextOptions.promptEmbeds,
    pooledPromptEmbeds: fluxTextOptions.pooledPromptEmbeds,
    image: { type: "image", list: "allowed", required: true },
    promptEmbedsScale: { type: "number", list: "allowed" },
    pooledPromptEmbedsScale: { type: "number", list: "allowed" },
  },
  // deno-lint-ignore require-yield -- there are no steps
  async *generate(run, prompt, options): AsyncGenerator<PipelineStep, FluxPriorReduxOutput> {
    const { imageEncoder, featureExtractor, imageEmbedder } = run.components;
    const images = imagesOf(options.image);
    const count = images.length;
    const pixels = await featureExtractor.preprocess(images);
    const { lastHiddenState } = await imageEncoder.forward(pixels);
    const { imageEmbeds } = await imageEmbedder.forward(lastHiddenState);
    const text = await textOf(run, prompt, options, count);
    const embeds = Tensor.cat([text.embeds, imageEmbeds], 1);
    return {
      promptEmbeds: mixed(embeds, options.promptEmbedsScale, "promptEmbedsScale"),
      pooledPromptEmbeds: mixed(
        text.pooled,
        options.pooledPromptEmbedsScale,
        "pooledPromptEmbedsScale",
      ),
    };
  },
});

/** The images of a call, those of a batch in a tensor apart. */
function imagesOf(given: ImagesInput): readonly ImageInput[] {
  const list = Array.isArray(given) ? given as readonly ImageInput[] : [given as ImageInput];
  return list.flatMap((image) =>
    image instanceof Tensor && image.dims.length === 4 ? image.chunk(image.dims[0]!) : [image]
  );
}

/** Width of CLIP's pooled text, and tokens of T5, for FLUX.1. */
const POOLED_WIDTH = 768;
const TEXT_TOKENS = 512;

/** The text that stands before the images: zeros without text encoders. */
async function textOf(
  run: PipelineRun<FluxPriorReduxComponents>,
  prompt: Prompt | undefined,
  options: FluxPriorReduxOptions,
  count: number,
): Promise<FluxText> {
  const { prompt2, promptEmbeds, pooledPromptEmbeds } = options;
  const { textEncoder, imageEmbedder } = run.components;
  if (textEncoder !== null) {
    const texts = typeof prompt === "string" ? Array<string>(count).fill(prompt) : prompt;
    const given = { prompt2, promptEmbeds, pooledPromptEmbeds };
    const [text] = await encodeFluxPrompts(run, texts, given);
    if (text.embeds.dims[0] === count) return text;
    throw new RangeError(
      `Cannot pair ${
        text.embeds.dims[0]
      } prompts with ${count} images: give one for all, or one for each`,
    );
  }
  const useless = Object.entries({ prompt, prompt2, promptEmbeds, pooledPromptEmbeds })
    .find(([, value]) => value !== undefined && value !== "");
  if (useless !== undefined) {
    run.warn(`${useless[0]} is not used: the pipeline was loaded without text encoders`);
  }
  return {
    embeds: Tensor.zeros([count, TEXT_TOKENS, imageEmbedder.config.txt_in_features]),
    pooled: Tensor.zeros([count, POOLED_WIDTH]),
  };
}

/** The sum of all rows, each times its scale, [1, ...]. */
function mixed(
  rows: Tensor,
  scale: number | readonly number[] | undefined = 1,
  name: string,
): Tensor {
  const count = rows.dims[0]!;
  const scales = typeof scale === "number" ? Array<number>(count).fill(scale) : scale;
  if (scales.length !== count) {
    throw new RangeError(
      `Cannot mix ${count} images with ${name} ${JSON.stringify(scale)}: give one number, or a ` +
        `list of ${count}`,
    );
  }
  const weights = Tensor.from(Float32Array.from(scales), [
    count,
    ...rows.dims.slice(1).map(() => 1),
  ]);
  return rows.mul(weights).sum([0], { keepDims: true });
}
