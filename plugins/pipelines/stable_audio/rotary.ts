import { Tensor } from "@denoise/core";
import type { StableAudioDenoiserConfig } from "./roles.ts";

/** Cosines and sines by which tokens are turned (`get_1d_rotary_pos_embed` with a width of half a head). */
export function rotaryTables(
  { attention_head_dim }: StableAudioDenoiserConfig,
  length: number,
): { readonly cos: Tensor; readonly sin: Tensor } {
  const width = Math.floor(attention_head_dim / 2);
  const pairs = width / 2;
  const f = Math.fround;
  const rates = Float32Array.from({ length: pairs }, (_, i) => 1 / f(10000 ** f(2 * i / width)));
  const angles = Float32Array.from(
    { length: length * pairs },
    (_, at) => Math.floor(at / pairs) * rates[at % pairs]!,
  );
  const table = (wave: (angle: number) => number) =>
    new Tensor("float32", angles.map(wave), [length, pairs]);
  return { cos: table(Math.cos), sin: table(Math.sin) };
}
