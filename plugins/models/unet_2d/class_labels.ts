import type { FrozenConfig, Tensor } from "@denoise/core";
import type { UNet2DConfig } from "@denoise/onnx/blocks";

/**
 * Class labels in the type that the graph takes: int64 for rows of a table, float32 otherwise.
 *
 * @param labels [N], or [N, width] for models that take features.
 * @throws {RangeError} for a label that the table has no row for.
 */
export function classLabelsOf(
  { class_embed_type, num_class_embeds }: FrozenConfig<UNet2DConfig>,
  labels: Tensor,
): Tensor {
  if (class_embed_type !== null) return labels.astype("float32");
  if (num_class_embeds === null) return labels;
  const unknown = Array.from(labels.data, Number).find((label) =>
    !(Number.isInteger(label) && label >= 0 && label < num_class_embeds)
  );
  if (unknown === undefined) return labels.astype("int64");
  throw new RangeError(
    `Cannot embed the class label ${unknown}: labels are integers from 0 to ${
      num_class_embeds - 1
    }`,
  );
}
