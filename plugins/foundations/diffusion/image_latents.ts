import { type Autoencoder, Generator, type GeneratorInput, Tensor } from "@denoise/core";
import { type AutoencoderConfig, scaleLatents } from "./latents.ts";

/**
 * Repeats the rows of a batch until there are `count`.
 *
 * @throws {RangeError} when `count` is no multiple of them.
 */
export function repeatRows(rows: Tensor, count: number, what: string): Tensor {
  const have = rows.dims[0]!;
  if (have === count) return rows;
  if (have > count || count % have !== 0) {
    throw new RangeError(
      `Cannot spread ${have} ${what} over ${count} pictures: give one, or one for each picture`,
    );
  }
  return rows.repeat([count / have, ...rows.dims.slice(1).map(() => 1)]);
}

/**
 * Pictures to latents, drawn from the encoder's distribution and scaled. Of several
 * generators the first draws for the first picture, and so on.
 *
 * @param pictures float32 [N, 3, H, W] in -1..1; latents are given back as they are.
 * @param count How many rows are wanted; the latents are repeated to that.
 * @returns float32 [count, C, h, w].
 */
export async function encodePictures(
  vae: Autoencoder<AutoencoderConfig>,
  pictures: Tensor,
  generator: GeneratorInput,
  count: number,
): Promise<Tensor> {
  const { latent_channels } = vae.config;
  if (pictures.dims[1] === latent_channels) return repeatRows(pictures, count, "pictures");
  if (generator instanceof Generator) {
    const { latentDist } = await vae.encode(pictures);
    return repeatRows(scaleLatents(vae, latentDist.sample(generator)), count, "pictures");
  }
  const latents: Tensor[] = [];
  for (let i = 0; i < pictures.dims[0]!; i++) {
    const { latentDist } = await vae.encode(pictures.slice(0, i, i + 1));
    latents.push(scaleLatents(vae, latentDist.sample(generator[i])));
  }
  return repeatRows(Tensor.cat(latents), count, "pictures");
}
