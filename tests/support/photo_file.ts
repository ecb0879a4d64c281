import { DenoiseImage } from "@denoise/denoise";

const SIDE = 64;

/** Writes something to inpaint of 64x64, which models of latents take, and a mask of its upper half. */
export async function photoIn(folder: string): Promise<{ photo: string; mask: string }> {
  const [photo, mask] = [`${folder}/photo.png`, `${folder}/mask.png`];
  const pixels = Uint8Array.from({ length: 3 * SIDE * SIDE }, (_, i) => i * 7 % 256);
  await new DenoiseImage(SIDE, SIDE, 3, pixels).save(photo);
  const upper = new Uint8Array(SIDE * SIDE).fill(255, 0, 2000);
  await new DenoiseImage(SIDE, SIDE, 1, upper).save(mask);
  return { photo, mask };
}
