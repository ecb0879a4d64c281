/**
 * How far the embedded model's images move when its weights are quantized: PSNR against float32 over the
 * 50 prompts of embedded/evaluation.json that it was not trained on, one line for each quantization:
 *
 *     deno run -A scripts/bench/quantization_quality.ts [quantization as JSON ...]
 *
 * @module
 */
import { type PipelineLoadOptions, StableDiffusionPipeline } from "../../mod.ts";
import evaluation from "../embedded/evaluation.json" with { type: "json" };

/** PSNR of the images of a quantization, in dB. */
export interface Quality {
  /** That of the worst image. */
  readonly least: number;
  /** The mean of all in dB, as it is usually given for a set of images. */
  readonly mean: number;
  /** How many are at least 40 dB. */
  readonly good: number;
  /** The middle one. */
  readonly median: number;
  /** That of the mean square error of all. */
  readonly all: number;
}

const root = new URL("../../", import.meta.url);
const SEED = 1000;
type Load = NonNullable<PipelineLoadOptions<object>["quantization"]>;

async function images(quantization: Load | undefined): Promise<Uint8Array[]> {
  const id = new URL("plugins/embedded/emoji/", root);
  const pipeline = await StableDiffusionPipeline.fromPretrained(id, { quantization });
  const made: Uint8Array[] = [];
  for (const prompt of evaluation.heldOut) {
    const { images } = await pipeline(prompt, { seed: SEED });
    made.push(images[0]!.data);
  }
  await pipeline.dispose();
  return made;
}

function meanSquare(a: Uint8Array, b: Uint8Array): number {
  return a.reduce((sum, value, i) => sum + (value - b[i]!) ** 2, 0) / a.length;
}

function decibels(error: number): number {
  return 10 * Math.log10(255 ** 2 / error);
}

/** Compares the images of each quantization with those of float32. */
export async function qualityOf(quantizations: readonly Load[]): Promise<Quality[]> {
  const wanted = await images(undefined);
  const found: Quality[] = [];
  for (const quantization of quantizations) {
    const errors = (await images(quantization)).map((image, i) => meanSquare(image, wanted[i]!));
    const sorted = errors.map(decibels).sort((a, b) => a - b);
    found.push({
      least: sorted[0]!,
      mean: sorted.reduce((sum, one) => sum + one, 0) / sorted.length,
      good: sorted.filter((one) => one >= 40).length,
      median: sorted[Math.floor(sorted.length / 2)]!,
      all: decibels(errors.reduce((sum, error) => sum + error, 0) / errors.length),
    });
  }
  return found;
}

if (import.meta.main) {
  const asked = Deno.args.length > 0 ? Deno.args : ['"int8"', '{"bits":8}', '"int4"'];
  for (const [i, quality] of (await qualityOf(asked.map((text) => JSON.parse(text)))).entries()) {
    console.log(asked[i], JSON.stringify(quality));
  }
}
