import { Tensor } from "@denoise/core";
import {
  encodeTextRows,
  oncePerText,
  type Prompt,
  textReader,
  type TextRowOptions,
  type TextRows,
} from "@denoise/diffusion";
import type { PatchedImages, Tokenizer } from "@denoise/roles";
import type { QwenImage21Components } from "./components.ts";
import type { SeenImages } from "./images.ts";

/** What the language model is asked for (`sys_prompt`). */
const SYSTEM = "Comprehend and analyze the provided prompt.";

/** What stands in a text for a part of an image. */
const IMAGE_TOKEN = "<|image_pad|>";

/** The texts of a call with images. */
export interface QwenImage21Texts extends TextRows {
  /** States of the text before each image, the same for all prompts: float32 [tokens, width]; none without images. */
  readonly before: readonly Tensor[];
}

/** What of a call says how its prompts are encoded. */
export interface QwenImage21TextsOptions {
  /** Whether a negative prompt is encoded, where there is one. */
  readonly guided: boolean;
  /** The images that all prompts speak of. */
  readonly images?: SeenImages | undefined;
}

/**
 * Prompts to states (`encode_prompt` of QwenImage21Pipeline): each behind an instruction, whose states are left
 * out, and images, after the language model's last layer and before its final norm. A row has the states behind
 * the last image.
 *
 * @throws {TypeError} for both or neither of prompt and states, for states beside images, and for a prompt with the
 * token that stands for an image.
 * @throws {DenoiseError} `missing_component` without a text encoder or processor.
 */
export async function encodeQwenImage21Prompts(
  { textEncoder, processor }: Pick<QwenImage21Components, "textEncoder" | "processor">,
  prompt: Prompt | undefined,
  options: TextRowOptions & { readonly signal?: AbortSignal | undefined },
  { guided, images }: QwenImage21TextsOptions,
): Promise<QwenImage21Texts> {
  const { signal } = options;
  if (images !== undefined) checkStates(options);
  let before: readonly Tensor[] = [];
  let seen: Promise<PatchedImages> | undefined;
  const encode = oncePerText(async (text) => {
    const reader = textReader({ tokenizer: processor, textEncoder }, { role: "processor" });
    const { tokenizer } = reader;
    const content = [{ type: "text", text: SYSTEM }] as const;
    const instruction = tokenizer.applyChatTemplate([{ role: "system", content }], {
      addGenerationPrompt: false,
    });
    const skipped = tokenizer.encode(instruction).inputIds.dims[1]!;
    const chat = `<|im_start|>system\n${SYSTEM}<|im_end|>\n<|im_start|>user\n` +
      `${imagesText(images)}${text === "" ? " " : text}<|im_end|>\n<|im_start|>assistant\n`;
    const token = imageToken(tokenizer);
    const row = withParts(Array.from(tokenizer.encode(chat).inputIds.data, Number), token, images);
    const inputIds = new Tensor("int64", BigInt64Array.from(row, BigInt), [1, row.length]);
    if (images !== undefined) seen ??= reader.textEncoder.see(images.patches, { signal });
    const given = { finalNorm: false, images: await seen, signal };
    const [states] = await reader.textEncoder.hiddenStates(inputIds, [-1], given) as [Tensor];
    const parts = partsOf(row, token, skipped).map(([first, last]) =>
      states.squeeze(0).slice(0, first, last)
    );
    before = parts.slice(0, -1);
    return parts.at(-1)!;
  });
  const texts = await encodeTextRows(prompt, options, { guided, encode });
  return { ...texts, before };
}

/** Images as a text names them, with one token for each. */
function imagesText(images: SeenImages | undefined): string {
  return (images?.tokens ?? []).map((_, i) =>
    `<image${i + 1}><|vision_start|>${IMAGE_TOKEN}<|vision_end|>`
  ).join(" ");
}

/** A row in which each image's token stands as often as the image has parts. */
function withParts(
  row: readonly number[],
  image: number | undefined,
  images: SeenImages | undefined,
): readonly number[] {
  checkImageTokens(row.filter((id) => id === image).length, images);
  let next = 0;
  return row.flatMap((id) => id === image ? Array<number>(images!.tokens[next++]!).fill(id) : [id]);
}

/** The parts of a row that are text, from a token on: those before each image, and that behind the last one. */
function partsOf(
  row: readonly number[],
  image: number | undefined,
  first: number,
): readonly (readonly [first: number, last: number])[] {
  const parts: [number, number][] = [];
  let begun = first;
  for (let i = first; i < row.length; i++) {
    if (row[i] !== image) continue;
    if (row[i - 1] !== image) parts.push([begun, i]);
    begun = i + 1;
  }
  return [...parts, [begun, row.length]];
}

function checkStates({ promptEmbeds, negativePromptEmbeds }: TextRowOptions): void {
  const given = { promptEmbeds, negativePromptEmbeds };
  const name = (["promptEmbeds", "negativePromptEmbeds"] as const).find((key) => given[key]);
  if (name === undefined) return;
  throw new TypeError(
    `Cannot use ${name} beside image: such states do not say where in the text the images are; give the ` +
      "prompt itself",
  );
}

/** The id of what stands for a part of an image; undefined of a tokenizer that splits it. */
function imageToken(tokenizer: Tokenizer): number | undefined {
  const ids = Array.from(tokenizer.encode(IMAGE_TOKEN).inputIds.data, Number);
  return ids.length === 1 ? ids[0] : undefined;
}

function checkImageTokens(found: number, images: SeenImages | undefined): void {
  const wanted = images?.tokens.length ?? 0;
  if (found === wanted) return;
  if (found < wanted) {
    throw new TypeError(
      `Cannot read images: the processor's tokenizer does not know "${IMAGE_TOKEN}", which stands for one`,
    );
  }
  throw new TypeError(
    `Cannot encode a prompt with "${IMAGE_TOKEN}": it stands for an image, and images are given as the ` +
      "option image; leave it out",
  );
}
