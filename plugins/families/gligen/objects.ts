import { Tensor } from "@denoise/core";
import type { Grounding, TextEncoder, Tokenizer } from "@denoise/roles";
import { type GligenBox, MOST_OBJECTS } from "./boxes.ts";

/**
 * What the text encoder has for phrases, float32 [phrases, width].
 *
 * @throws {RangeError} for a phrase that it cannot read as a whole, and for vectors that the UNet does not take.
 */
export async function phraseVectors(
  { tokenizer, textEncoder }: { readonly tokenizer: Tokenizer; readonly textEncoder: TextEncoder },
  phrases: readonly string[],
): Promise<Tensor> {
  const { inputIds, attentionMask } = tokenizer.encode(phrases, { padding: "longest" });
  const tokens = inputIds.dims[1]!;
  if (tokens > tokenizer.modelMaxLength) {
    throw new RangeError(
      `Cannot read gligenPhrases of ${tokens} tokens: the text encoder reads ${tokenizer.modelMaxLength} of a phrase`,
    );
  }
  return (await textEncoder.forward(inputIds, { attentionMask })).poolerOutput;
}

/** Rows for all objects that there may be, with zeros behind those that there are. */
export function forAllObjects(rows: Tensor): Tensor {
  const [count, ...rest] = rows.dims as [number, ...number[]];
  return count === MOST_OBJECTS
    ? rows
    : Tensor.cat([rows, Tensor.zeros([MOST_OBJECTS - count, ...rest])]);
}

/** Boxes, and where there are some, for all objects that there may be. */
export function boxRows(boxes: readonly GligenBox[]): Pick<Grounding, "boxes" | "masks"> {
  return {
    boxes: forAllObjects(Tensor.from(Float32Array.from(boxes.flat()), [boxes.length, 4])),
    masks: forAllObjects(Tensor.ones([boxes.length])),
  };
}

/**
 * Objects of one image for a batch of them; with guidance the rows of the negative prompt, which come first, have
 * none.
 *
 * @param objects Each [objects, …].
 * @returns Each [N, objects, …], or [2N, objects, …].
 */
export function groundRows(objects: Grounding, count: number, guidance: boolean): Grounding {
  const rows = Object.entries(objects).map(([name, x]: [string, Tensor]) => {
    const row = x.unsqueeze(0);
    const all = row.repeat([count, ...x.dims.map(() => 1)]);
    const isMask = name.toLowerCase().endsWith("masks");
    return [name, guidance ? Tensor.cat([isMask ? Tensor.zeros(all.dims) : all, all]) : all];
  });
  return Object.fromEntries(rows) as unknown as Grounding;
}
