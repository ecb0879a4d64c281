import { Tensor } from "@denoise/core";
import { warnOfCut } from "@denoise/diffusion";
import type { PatchedImages } from "@denoise/roles";
import type { LongCatImageComponents, RowTokenizer } from "./components.ts";

/** Tokens of a prompt (`tokenizer_max_length`); fewer are filled up. */
export const PROMPT_TOKENS = 512;

/** What ends a prompt. */
const ANSWER = "<|im_end|>\n<|im_start|>assistant\n";

/** A stretch of a prompt, and whether it is quoted. */
export interface PromptPart {
  /** Its words, with the quotation marks. */
  readonly text: string;
  /** Whether it stands between quotation marks, and is to be written into the image. */
  readonly quoted: boolean;
}

/** Words with an apostrophe inside, which quotes nothing. */
const INSIDE = /[a-zA-Z]+'[a-zA-Z]+/g;

/** What stands between two marks of a kind. */
const QUOTED = /'[^']*?'|"[^"]*?"|‘[^‘’]*?’|“[^“”]*?”/gu;

/**
 * A prompt cut where quotations begin and end (`split_quotation`). Words such as "it's" quote nothing, also where there are
 * several of them, which diffusers 0.42.1 takes for each other.
 */
export function splitQuotation(prompt: string): PromptPart[] {
  const words = [...new Set(prompt.match(INSIDE) ?? [])];
  const hidden = (i: number) => `\ue000${i}\ue001`;
  const masked = words.reduce((text, word, i) => text.replaceAll(word, hidden(i)), prompt);
  const shown = (text: string) =>
    words.reduceRight((rest, word, i) => rest.replaceAll(hidden(i), word), text);
  const parts: PromptPart[] = [];
  let start = 0;
  const add = (end: number, quoted: boolean) => {
    if (end > start) parts.push({ text: shown(masked.slice(start, end)), quoted });
    start = end;
  };
  for (const { 0: found, index } of masked.matchAll(QUOTED)) {
    add(index, false);
    add(index + found.length, true);
  }
  add(masked.length, false);
  return parts;
}

/** The ids of a text alone. */
function idsOf(tokenizer: RowTokenizer, text: string): number[] {
  return Array.from(tokenizer.encode(text, { addSpecialTokens: false }).inputIds.data, Number);
}

/** The ids of a prompt, filled up: characters that are quoted each by itself. */
function promptTokens(
  tokenizer: RowTokenizer,
  prompt: string,
  warn: (message: string) => void,
): { readonly ids: number[]; readonly mask: number[] } {
  const all = splitQuotation(prompt).flatMap(({ text, quoted }) =>
    quoted
      ? Array.from(text, (character) => idsOf(tokenizer, character)).flat()
      : idsOf(tokenizer, text)
  );
  warnOfCut({ tokenizer, warn }, { removed: [all.slice(PROMPT_TOKENS)] }, PROMPT_TOKENS);
  const row = tokenizer.pad([all.slice(0, PROMPT_TOKENS)], { maxLength: PROMPT_TOKENS });
  return {
    ids: Array.from(row.inputIds.data, Number),
    mask: Array.from(row.attentionMask.data, Number),
  };
}

/** What stands before a prompt. */
export interface Instruction {
  /** What is not given to the transformer. */
  readonly skipped: string;
  /** What is, such as the places of an image. Defaults to nothing. */
  readonly kept?: string | undefined;
  /** The image that stands in those places. */
  readonly images?: PatchedImages | undefined;
}

/**
 * The states of a prompt behind an instruction, with those of what fills it up, float32 [1, tokens, width].
 */
export async function promptStates(
  { tokenizer, textEncoder }: {
    readonly tokenizer: RowTokenizer;
    readonly textEncoder: NonNullable<LongCatImageComponents["textEncoder"]>;
  },
  prompt: string,
  { skipped, kept = "", images }: Instruction,
  { warn, signal }: {
    readonly warn: (message: string) => void;
    readonly signal?: AbortSignal | undefined;
  },
): Promise<Tensor> {
  const before = idsOf(tokenizer, skipped + kept);
  const first = idsOf(tokenizer, skipped).length;
  const { ids, mask } = promptTokens(tokenizer, prompt, warn);
  const behind = idsOf(tokenizer, ANSWER);
  const row = [...before, ...ids, ...behind];
  const counted = [...before.map(() => 1), ...mask, ...behind.map(() => 1)];
  const [states] = await textEncoder.hiddenStates(
    Tensor.from([row], undefined, "int64"),
    [-1],
    { attentionMask: Tensor.from([counted], undefined, "int64"), images, signal },
  );
  return states!.slice(1, first, before.length + ids.length);
}
