import type { CallOptions, PipelineRun, Tensor } from "@denoise/core";
import { checkPrompts, type Prompt, textReader, textStates } from "@denoise/diffusion";
import type { ZImageComponents } from "./components.ts";

/** The prompts of a call of Z-Image. */
export interface ZImagePromptOptions {
  /** What the image should not show: one text, or one for each prompt. Defaults to an empty text. */
  readonly negativePrompt?: Prompt | undefined;
  /** Images made of each prompt. Defaults to 1. */
  readonly numImagesPerPrompt?: number | undefined;
  /** States instead of prompts, for each one float32 [tokens, width]; with `negativePromptEmbeds` where the call is guided. */
  readonly promptEmbeds?: readonly Tensor[] | undefined;
  /** States instead of negative prompts, as many. */
  readonly negativePromptEmbeds?: readonly Tensor[] | undefined;
  /** Tokens of a prompt at most, those of the chat around it included. Defaults to 512. */
  readonly maxSequenceLength?: number | undefined;
}

/** The declarations of {@linkcode ZImagePromptOptions}. */
export const zImagePromptOptions: CallOptions<ZImagePromptOptions> = {
  negativePrompt: { type: "string", list: "allowed" },
  numImagesPerPrompt: { type: "integer", minimum: 1 },
  promptEmbeds: { type: "tensor", list: "required" },
  negativePromptEmbeds: { type: "tensor", list: "required" },
  maxSequenceLength: { type: "integer", minimum: 1 },
};

/** The texts of a call: for each image the states of its prompt, float32 [tokens, width]. */
export interface ZImageTexts {
  /** What the images show. */
  readonly wanted: readonly Tensor[];
  /** What they do not; undefined without guidance. */
  readonly unwanted: readonly Tensor[] | undefined;
}

/**
 * Prompts to states (`encode_prompt` of ZImagePipeline): each as a chat of one message, read by the
 * language model up to its last layer but one.
 *
 * @param guided Whether negative prompts are encoded too.
 * @throws {TypeError} for both or neither of prompt and states, and for states alone in a guided call.
 * @throws {DenoiseError} `missing_component` without a text encoder.
 */
export async function encodeZImagePrompts(
  { components, warn }: Pick<
    PipelineRun<Pick<ZImageComponents, "textEncoder" | "tokenizer">>,
    "components" | "warn"
  >,
  prompt: Prompt | undefined,
  options: ZImagePromptOptions & { readonly signal?: AbortSignal | undefined },
  guided: boolean,
): Promise<ZImageTexts> {
  checkPrompts(prompt, options);
  const { promptEmbeds, negativePromptEmbeds, negativePrompt, signal } = options;
  const { numImagesPerPrompt = 1, maxSequenceLength: maxLength = 512 } = options;
  if (guided && prompt === undefined && negativePromptEmbeds === undefined) {
    throw new TypeError(
      "Cannot guide by promptEmbeds alone: give negativePromptEmbeds with them, or a guidanceScale of 0",
    );
  }
  const prompts = prompt === undefined ? undefined : [prompt].flat();
  const count = prompts?.length ?? promptEmbeds!.length;
  const encode = async (texts: readonly string[]): Promise<readonly Tensor[]> => {
    const reader = textReader(components);
    const chats = texts.map((content) =>
      reader.tokenizer.applyChatTemplate([{ role: "user", content }], {
        variables: { enable_thinking: true },
      })
    );
    const states = await textStates(reader, chats, { indices: [-2], maxLength, warn, signal });
    return states.map(([state]) => state!.squeeze(0));
  };
  const spread = (states: readonly Tensor[]) => {
    if (states.length !== count) {
      throw new RangeError(
        `Cannot pair ${states.length} negative prompts with ${count} prompts: give one for all, or one for each`,
      );
    }
    return states.flatMap((state) => Array<Tensor>(numImagesPerPrompt).fill(state));
  };
  const wanted = spread(promptEmbeds ?? await encode(prompts!));
  if (!guided) return { wanted, unwanted: undefined };
  const negatives = typeof negativePrompt === "object"
    ? negativePrompt
    : Array<string>(count).fill(negativePrompt ?? "");
  return { wanted, unwanted: spread(negativePromptEmbeds ?? await encode(negatives)) };
}
