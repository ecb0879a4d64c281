import { type CallOptions, Tensor } from "@denoise/core";
import type { TextEncoder, Tokenizer, Tokens } from "@denoise/roles";

/** What is to be made, in words: one text, or several. */
export type Prompt = string | readonly string[];

/** The prompts of a call, as pipelines take them. */
export interface PromptOptions {
  /** What the image should not show: one text, or one for each prompt. */
  readonly negativePrompt?: string | readonly string[] | undefined;
  /** Images made of each prompt. Defaults to 1. */
  readonly numImagesPerPrompt?: number | undefined;
  /** Text states instead of a prompt, float32 [prompts, tokens, width]. */
  readonly promptEmbeds?: Tensor | undefined;
  /** Text states instead of a negative prompt, same shape. */
  readonly negativePromptEmbeds?: Tensor | undefined;
  /** Leaves out that many of the text encoder's last layers. */
  readonly clipSkip?: number | undefined;
}

/** The declarations of {@linkcode PromptOptions}. */
export const promptOptions: CallOptions<PromptOptions> = {
  negativePrompt: { type: "string", list: "allowed" },
  numImagesPerPrompt: { type: "integer", minimum: 1 },
  promptEmbeds: { type: "tensor" },
  negativePromptEmbeds: { type: "tensor" },
  clipSkip: { type: "integer", minimum: 0 },
};

/** What turns text into text states. */
export interface PromptEncoder {
  /** Cuts text into ids. */
  readonly tokenizer: Tokenizer;
  /** Turns ids into states. */
  readonly textEncoder: TextEncoder;
  /** Receives the warning of a prompt that was cut. */
  readonly warn: (message: string) => void;
}

/** Text states, one row for each image. */
export interface EncodedPrompts {
  /** float32 [N, tokens, width]. */
  readonly promptEmbeds: Tensor;
  /** float32 [N, tokens, width]; absent without guidance. */
  readonly negativePromptEmbeds?: Tensor | undefined;
}

/** What a call says in texts, or in states of texts: a tensor, or a list of one for each text. */
export interface PromptTexts extends Pick<PromptOptions, "negativePrompt"> {
  /** States instead of a prompt. */
  readonly promptEmbeds?: Tensor | readonly Tensor[] | undefined;
  /** States instead of a negative prompt. */
  readonly negativePromptEmbeds?: Tensor | readonly Tensor[] | undefined;
}

/**
 * Checks prompts and their options for what cannot be.
 *
 * @param anyLength Whether states of a negative prompt may have another length. Defaults to false.
 * @throws {TypeError} for both or neither of prompt and embeddings, and for other types.
 */
export function checkPrompts(
  prompt: string | readonly string[] | undefined,
  options: PromptTexts,
  anyLength = false,
): void {
  const { promptEmbeds, negativePrompt, negativePromptEmbeds } = options;
  if ((prompt === undefined) === (promptEmbeds === undefined)) {
    throw new TypeError("Cannot encode the prompt: give either prompt or promptEmbeds");
  }
  if (negativePrompt !== undefined && negativePromptEmbeds !== undefined) {
    throw new TypeError(
      "Cannot encode the negative prompt: give either negativePrompt or negativePromptEmbeds",
    );
  }
  if (![prompt ?? []].flat().every((item) => typeof item === "string")) {
    throw new TypeError(
      `Cannot encode a prompt of type ${typeof prompt}: it must be a string or a list of strings, and comes ` +
        'before the options, as in pipe("a cat", { seed: 0 })',
    );
  }
  if (Array.isArray(prompt) && prompt.length === 0) {
    throw new RangeError("Cannot encode the prompt: the list of prompts is empty");
  }
  const prompts = prompt === undefined ? rowsOf(promptEmbeds!) : [prompt].flat().length;
  if (Array.isArray(negativePrompt) && negativePrompt.length !== prompts) {
    throw new RangeError(
      `Cannot pair ${negativePrompt.length} negative prompts with ${prompts} prompts: ` +
        `give one for all, or one for each`,
    );
  }
  const shapes = [promptEmbeds, negativePromptEmbeds]
    .map((embeds) => embeds instanceof Tensor ? embeds.dims.join(", ") : undefined);
  if (!anyLength && shapes.every((shape) => shape !== undefined) && shapes[0] !== shapes[1]) {
    throw new TypeError(
      `Cannot pair promptEmbeds of shape [${shapes[0]}] with negativePromptEmbeds of shape ` +
        `[${shapes[1]}]: they must be equal`,
    );
  }
}

/** How many texts some states are of. */
function rowsOf(embeds: Tensor | readonly Tensor[]): number {
  return embeds instanceof Tensor ? embeds.dims[0]! : embeds.length;
}

/** How many prompts a call has. */
export function countPrompts(
  prompt: string | readonly string[] | undefined,
  options: PromptOptions,
): number {
  if (prompt === undefined) return options.promptEmbeds!.dims[0]!;
  return typeof prompt === "string" ? 1 : prompt.length;
}

/**
 * Warns of what truncation has cut off texts, quoting it.
 *
 * @param limit Tokens as an option of the call says, or the model whose tokenizer sets the limit. Defaults to `"CLIP"`.
 * @param option The name of that option. Defaults to `"maxSequenceLength"`.
 */
export function warnOfCut(
  { tokenizer, warn }: Pick<PromptEncoder, "tokenizer" | "warn">,
  { removed = [] }: Pick<Tokens, "removed">,
  limit: number | string = "CLIP",
  option = "maxSequenceLength",
): void {
  const texts = removed.filter(({ length }) => length > 0)
    .flatMap((ids) => tokenizer.batchDecode(Tensor.from(ids, [1, ids.length], "int64")));
  if (texts.length === 0) return;
  warn(
    `The following part of your input was truncated because ` +
      (typeof limit === "string"
        ? `${limit} can only handle sequences up to ${tokenizer.modelMaxLength} tokens`
        : `${option} is set to ${limit} tokens`) +
      `: ${JSON.stringify(texts)}`,
  );
}

/** Warns of words that mean nothing to a small model, where its tokenizer says which it was taught. */
function warnOfUnknown({ tokenizer, warn }: PromptEncoder, texts: readonly string[]): void {
  for (const text of new Set(texts)) {
    const unknown = tokenizer.unknownWords?.(text);
    if (unknown === undefined) continue;
    const { model, words, draws, near } = unknown;
    const instead = draws === undefined ? "it draws the rest" : `it draws: ${draws}`;
    const known = near === undefined ? "" : `; the nearest that it knows: ${near.join(", ")}`;
    warn(`${model} does not know: ${words.join(" ")}; ${instead}${known}`);
  }
}

async function encodeTexts(
  encoder: PromptEncoder,
  texts: readonly string[],
  maxLength: number,
  { clipSkip, warns }: { readonly clipSkip?: number | undefined; readonly warns: boolean },
): Promise<Tensor> {
  const tokens = encoder.tokenizer.encode(texts, {
    padding: "max_length",
    maxLength,
    truncation: true,
  });
  if (warns) {
    warnOfCut(encoder, tokens);
    warnOfUnknown(encoder, texts);
  }
  const config = encoder.textEncoder.config as { use_attention_mask?: boolean };
  const { lastHiddenState } = await encoder.textEncoder.forward(tokens.inputIds, {
    clipSkip,
    ...(config.use_attention_mask ? { attentionMask: tokens.attentionMask } : {}),
  });
  return lastHiddenState;
}

/**
 * Prompts to text states, one row for each image (`encode_prompt` of Stable Diffusion): a text
 * longer than the encoder's limit is cut, with a warning that quotes what was cut.
 *
 * @param guidance Whether negative prompts are encoded too.
 */
export async function encodePrompts(
  encoder: PromptEncoder,
  prompt: string | readonly string[] | undefined,
  guidance: boolean,
  options: PromptOptions,
): Promise<EncodedPrompts> {
  const { negativePrompt = "", numImagesPerPrompt = 1, clipSkip } = options;
  const count = countPrompts(prompt, options);
  const rows = (text: string | readonly string[]): readonly string[] =>
    typeof text === "string" ? Array(count).fill(text) : text;
  const limit = encoder.tokenizer.modelMaxLength;
  const positive = options.promptEmbeds ??
    await encodeTexts(encoder, rows(prompt!), limit, { clipSkip, warns: true });
  const promptEmbeds = positive.repeatInterleave(numImagesPerPrompt, 0);
  if (!guidance) return { promptEmbeds };
  const negative = options.negativePromptEmbeds ??
    await encodeTexts(encoder, rows(negativePrompt), positive.dims[1]!, { warns: false });
  return { promptEmbeds, negativePromptEmbeds: negative.repeatInterleave(numImagesPerPrompt, 0) };
}
