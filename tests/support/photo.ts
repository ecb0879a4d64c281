import { Generator, Tensor } from "@denoise/core";
import { DenoiseImage, resize } from "@denoise/image";

/**
 * The soft picture with some noise that `photo SEED HEIGHTxWIDTHxCHANNELS` means, uint8 in that shape,
 * as `photo()` of scripts/reference/tasks.py makes it: 4x4 colours, enlarged, and noise from -12 to 12.
 */
export function photo(rule: string): Tensor {
  const [, seed, size] = rule.trim().split(" ");
  const dims = size!.split("x").map(Number);
  const [height, width, channels] = dims as [number, number, number];
  const generator = Generator.manualSeed(Number(seed));
  const coarse = generator.randint(0, 256, [4, 4, channels]).data;
  const planes = Array.from({ length: channels }, (_, channel) => {
    const plane = Uint8Array.from({ length: 16 }, (_, i) => Number(coarse[i * channels + channel]));
    return resize(new DenoiseImage(4, 4, 1, plane), width, height, "bicubic").data;
  });
  const noise = [...generator.randint(-12, 13, dims).data].map(Number);
  const data = Uint8Array.from(noise, (number, i) => {
    const soft = planes[i % channels]![Math.floor(i / channels)]!;
    return Math.min(255, Math.max(0, soft + number));
  });
  return new Tensor("uint8", data, dims);
}
