/**
 * Models in the layouts of their authors' files (scripts/reference/single_file_transformers.py).
 *
 * @module
 */
import { Tensor } from "@denoise/core";
import { openSafetensors, readTensor } from "@denoise/safetensors";

/** What each tensor of a file consists of. */
export type Layout = readonly (readonly [
  stored: string,
  layers: readonly string[],
  change?: "swapped" | "flat" | "1x1",
])[];

/** A model whose tensors its authors' files name and join in another way. */
export interface OriginalCase {
  readonly className: string;
  readonly folder: string;
  readonly layout: Layout;
  /** Tensors that the file holds and no model uses. */
  readonly beside?: readonly string[];
}

/** The tensors of the model in that folder. */
export async function tensorsOf(folder: string): Promise<Map<string, Tensor>> {
  const { tensors } = await openSafetensors(`${folder}/diffusion_pytorch_model.safetensors`)
    .catch(() => openSafetensors(`${folder}/model.safetensors`));
  return new Map(
    await Promise.all(
      [...tensors].map(async ([name, stored]) => [name, await readTensor(stored)] as const),
    ),
  );
}

/** What authors' files make of a tensor. */
const CHANGES = {
  swapped: (rows: Tensor) => Tensor.cat(rows.chunk(2).toReversed()),
  flat: (rows: Tensor) => rows.reshape([-1]),
  "1x1": (rows: Tensor) => rows.reshape([...rows.dims, 1, 1]),
};

/** The transformer in that folder as its authors would have written it. */
export async function original(
  folder: string,
  layout: Layout,
  prefix = "",
): Promise<Map<string, Tensor>> {
  const layers = await tensorsOf(folder);
  return new Map(layout.map(([stored, names, change]) => {
    const rows = Tensor.cat(names.map((name) => layers.get(name)!));
    return [prefix + stored, change === undefined ? rows : CHANGES[change](rows)];
  }));
}

const text = await Deno.readTextFile(
  new URL("../golden/single_file_transformers.json", import.meta.url),
);

/** What diffusers' own conversion takes. */
export const { cases: originalCases } = JSON.parse(text) as {
  readonly cases: readonly OriginalCase[];
};
