import { DenoiseError, Tensor } from "@denoise/core";
import type { LanguageModel, Tokenizer } from "@denoise/roles";
import { oncePerText } from "./once_per_text.ts";
import { warnOfCut } from "./prompt.ts";

/** What reads texts with a language model. */
export interface TextReader {
  /** Cuts texts into ids; null where the pipeline was loaded without. */
  readonly tokenizer: Tokenizer | null;
  /** Turns ids into states; null where the pipeline was loaded without. */
  readonly textEncoder: LanguageModel | null;
}

/** How texts are read. */
export interface TextStatesOptions {
  /** Which hidden states, as {@linkcode LanguageModel.hiddenStates} counts them. */
  readonly indices: readonly number[];
  /** Tokens of a text at most; what is longer is cut, with a warning. */
  readonly maxLength: number;
  /** How many tokens at the beginning are no part of it, such as those of a fixed instruction. */
  readonly skipped?: number | undefined;
  /** What follows each text, also one that was cut, and how many of the tokens it takes. */
  readonly suffix?: { readonly text: string; readonly tokens: number } | undefined;
  /** Receives the warning of a text that was cut. */
  readonly warn: (message: string) => void;
  /** Cancels the call. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Tokenizer and text encoder of a pipeline.
 *
 * @param options.role What the repo calls the tokenizer. Defaults to `"tokenizer"`.
 * @param options.instead The options that do without them. Defaults to `"promptEmbeds"`.
 * @throws {DenoiseError} `missing_component` where one is null.
 */
export function textReader<T, E>(
  { tokenizer, textEncoder }: { readonly tokenizer: T | null; readonly textEncoder: E | null },
  { role = "tokenizer", instead = "promptEmbeds" }: {
    readonly role?: string;
    readonly instead?: string;
  } = {},
): { readonly tokenizer: T; readonly textEncoder: E } {
  if (tokenizer !== null && textEncoder !== null) return { tokenizer, textEncoder };
  throw new DenoiseError(
    "missing_component",
    `Cannot encode the prompt: the pipeline lacks text_encoder or ${role}; load them, or give ${instead}`,
  );
}

/**
 * Hidden states of each text, as many tokens as it has: equal texts are read once, and each alone, so
 * that nothing is padded or masked.
 *
 * @returns For each text its states, float32 [1, tokens, width] each.
 * @throws {DenoiseError} `missing_component` without tokenizer or text encoder.
 */
export async function textStates(
  reader: TextReader,
  texts: readonly string[],
  { indices, maxLength, skipped = 0, suffix, warn, signal }: TextStatesOptions,
): Promise<readonly (readonly Tensor[])[]> {
  const { tokenizer, textEncoder } = textReader(reader);
  const end = suffix && tokenizer.encode(suffix.text).inputIds;
  const room = maxLength + skipped - (suffix?.tokens ?? 0);
  return await oncePerText(async (text) => {
    const tokens = tokenizer.encode(text, { truncation: true, maxLength: room });
    warnOfCut({ tokenizer, warn }, tokens, maxLength);
    const own = tokens.inputIds;
    const ids = end === undefined ? own : Tensor.cat([own, end], 1);
    const first = Math.min(skipped, own.dims[1]!);
    const states = await textEncoder.hiddenStates(ids, indices, { signal });
    return states.map((state) => state.slice(1, first, state.dims[1]!));
  })(texts);
}
