import { type CallOptions, type PipelineRun, Tensor } from "@denoise/core";
import { checkPrompts, type Prompt, textReader, warnOfCut } from "@denoise/diffusion";
import type { Flux3Components } from "./components.ts";

/** The prompt of a call of a distilled FLUX.3. */
export interface Flux3PromptOptions {
  /** Images made of the prompt. Defaults to 1. */
  readonly numImagesPerPrompt?: number | undefined;
  /** States instead of a prompt, float32 [prompts, tokens, width]. */
  readonly promptEmbeds?: Tensor | undefined;
  /** Tokens of a prompt, those of the chat around it included; longer ones are cut. Defaults to 8192. */
  readonly maxSequenceLength?: number | undefined;
  /**
   * Which hidden states of the language model are put beside each other. Defaults to
   * `[4, 8, 12, 16, 20, 24, 28, 32]`.
   */
  readonly textEncoderOutLayers?: readonly number[] | undefined;
}

/** The declarations of {@linkcode Flux3PromptOptions}. */
export const flux3PromptOptions: CallOptions<Flux3PromptOptions> = {
  numImagesPerPrompt: { type: "integer", minimum: 1 },
  promptEmbeds: { type: "tensor" },
  maxSequenceLength: { type: "integer", minimum: 1 },
  textEncoderOutLayers: { type: "integer", list: "required" },
};

/** The prompts of a call of a FLUX.3 that is guided. */
export interface Flux3GuidedPromptOptions extends Flux3PromptOptions {
  /** What the image should not show. Defaults to an empty text. */
  readonly negativePrompt?: string | undefined;
  /** States instead of a negative prompt, float32 [prompts or 1, tokens, width]; as many tokens as you like. */
  readonly negativePromptEmbeds?: Tensor | undefined;
}

/** The declarations of {@linkcode Flux3GuidedPromptOptions}. */
export const flux3GuidedPromptOptions: CallOptions<Flux3GuidedPromptOptions> = {
  ...flux3PromptOptions,
  negativePrompt: { type: "string" },
  negativePromptEmbeds: { type: "tensor" },
};

/** The texts of a call, one row for each image, float32 [N, tokens, width]. */
export interface Flux3Texts {
  /** What the images show. */
  readonly wanted: Tensor;
  /** What they do not; undefined without guidance. */
  readonly unwanted: Tensor | undefined;
}

/** A text is filled up to a multiple of so many tokens, which the transformer attends to. */
const WINDOW = 80;

/**
 * A prompt to states (`Flux3TextEncoderStep`): a chat of one message, filled up with padding to a multiple of 80
 * tokens. The padding sees the text alone, and is at position 1, as in training.
 *
 * @param guided Whether the negative prompt is encoded too.
 * @throws {TypeError} for both or neither of prompt and states, and for several prompts.
 * @throws {DenoiseError} `missing_component` without a text encoder.
 */
export async function encodeFlux3Prompts(
  { components, warn }: Pick<
    PipelineRun<Pick<Flux3Components, "textEncoder" | "tokenizer">>,
    "components" | "warn"
  >,
  prompt: Prompt | undefined,
  options: Flux3GuidedPromptOptions & { readonly signal?: AbortSignal | undefined },
  guided: boolean,
): Promise<Flux3Texts> {
  checkPrompts(prompt, options, true);
  const { promptEmbeds, negativePrompt, negativePromptEmbeds, numImagesPerPrompt = 1 } = options;
  const { maxSequenceLength = 8192, signal } = options;
  const { textEncoderOutLayers = [4, 8, 12, 16, 20, 24, 28, 32] } = options;
  const encode = async (content: string): Promise<Tensor> => {
    const { tokenizer, textEncoder } = textReader(components);
    const chat = tokenizer.applyChatTemplate([{ role: "user", content }]);
    const cut = tokenizer.encode(chat, { truncation: true, maxLength: maxSequenceLength });
    warnOfCut({ tokenizer, warn }, cut, maxSequenceLength);
    const length = cut.inputIds.dims[1]!;
    const maxLength = Math.min(Math.ceil(length / WINDOW) * WINDOW, maxSequenceLength);
    const { inputIds, attentionMask } = tokenizer.encode(chat, {
      ...{ padding: "max_length", paddingSide: "right", truncation: true, maxLength },
    });
    const places = Array.from({ length: maxLength }, (_, i) => i < length ? i : 1);
    const positionIds = Tensor.from(places, undefined, "int64");
    const given = { attentionMask, positionIds, signal };
    return Tensor.cat(await textEncoder.hiddenStates(inputIds, textEncoderOutLayers, given), 2);
  };
  const wanted = promptEmbeds ?? await encode(onePrompt(prompt!));
  const count = wanted.dims[0]! * numImagesPerPrompt;
  const spread = (states: Tensor) => states.repeatInterleave(count / states.dims[0]!, 0);
  if (!guided) {
    if (negativePrompt !== undefined || negativePromptEmbeds !== undefined) {
      warn("The negative prompt is without effect: with guidanceScale 1 there is no guidance");
    }
    return { wanted: spread(wanted), unwanted: undefined };
  }
  const unwanted = negativePromptEmbeds ?? await encode(negativePrompt ?? "");
  if (![1, wanted.dims[0]].includes(unwanted.dims[0])) {
    throw new RangeError(
      `Cannot pair ${unwanted.dims[0]} negative prompts with ${
        wanted.dims[0]
      } prompts: give one for all, ` +
        "or one for each",
    );
  }
  return { wanted: spread(wanted), unwanted: spread(unwanted) };
}

/** The prompt of a call, as the window of padding belongs to one. */
function onePrompt(prompt: Prompt): string {
  const [text, ...more] = [prompt].flat();
  if (more.length === 0) return text!;
  throw new TypeError(
    `Cannot encode ${
      more.length + 1
    } prompts: FLUX.3 takes one in a call; call once for each, and ` +
      "numImagesPerPrompt makes several images of one",
  );
}
