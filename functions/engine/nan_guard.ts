import {
  type AudioCodec,
  DenoiseError,
  type ImageCodec,
  type Registry,
  type Tensor,
} from "@denoise/core";

/** Throws `nan_output` for a tensor that would become a black image, or silence. */
function checkNumbers(tensor: Tensor, what: string): void {
  const place = tensor.toFloat32Array().findIndex((value) => Number.isNaN(value));
  if (place < 0) return;
  throw new DenoiseError(
    "nan_output",
    `Cannot make ${what}: the decoder gave NaN at position ${place}; the model is broken, or ` +
      `overflows in float16 (use float32)`,
  );
}

/** The same plugins, with images and audio that are never made of NaN. */
export function guarded(registry: Registry): Registry {
  async function images(): Promise<ImageCodec> {
    const codec = await registry.images();
    return {
      editor: codec.editor,
      toTensor: (image, options) => codec.toTensor(image, options),
      fromTensor(tensor, recipe, bitDepth) {
        checkNumbers(tensor, "an image");
        return codec.fromTensor(tensor, recipe, bitDepth);
      },
    };
  }
  async function audio(): Promise<AudioCodec> {
    const codec = await registry.audio();
    return {
      ...codec,
      fromTensor(tensor, sampleRate, recipe) {
        checkNumbers(tensor, "audio");
        return codec.fromTensor(tensor, sampleRate, recipe);
      },
    };
  }
  return registry.with([], { images, audio });
}
