import type { Scope, Value } from "../graph/mod.ts";
import { add } from "../nn/mod.ts";
import { attentionBlock } from "./attention_block.ts";
import type { Context } from "./image_projection.ts";
import { downsample } from "./resample.ts";
import { resnetBlock, type ResnetOptions } from "./resnet_block.ts";
import { transformer2d, type Transformer2dOptions } from "./transformer.ts";

/** What tells a level of a UNet how to be built. */
export interface LevelOptions {
  /** How many residual blocks. */
  readonly layers: number;
  /** Options of the residual blocks. */
  readonly resnet: ResnetOptions;
  /** Embedding of the time, [N, E]. */
  readonly temb: Value;
  /** Whether the image's size changes at its end. */
  readonly resample: boolean;
  /** How it changes: by a convolution or by a residual block. */
  readonly resampleType?: "conv" | "resnet" | undefined;
  /** Channels of a head in attention between pixels; all of them when null. */
  readonly headChannels?: number | null | undefined;
  /** Text states, [N, tokens, D]. */
  readonly context?: Context | undefined;
  /** Options of the transformer after residual block `i`. */
  readonly transformer?: ((i: number) => Transformer2dOptions) | undefined;
  /** What follows residual block `i`, in the place of what the type says. */
  readonly attend?: ((s: Scope, x: Value, i: number) => Value) | undefined;
  /** Added to the last state, [N, C, H, W] (T2I-Adapter, arXiv:2302.08453). */
  readonly residual?: Value | undefined;
}

/** Types of levels that can be built. */
export const downBlockTypes: readonly string[] = Object.freeze([
  "DownBlock2D",
  "AttnDownBlock2D",
  "CrossAttnDownBlock2D",
  "ResnetDownsampleBlock2D",
]);

/** How many heads an attention block on these channels has. */
export function headCount(s: Scope, headChannels: number | null | undefined): number {
  if (headChannels === null || headChannels === undefined) return 1;
  return Math.floor(s.shape("to_q.weight")[0]! / headChannels);
}

/** What stands between the residual blocks of a level, if anything does. */
export function levelAttention(
  type: string,
  options: LevelOptions,
): ((s: Scope, x: Value, i: number) => Value) | undefined {
  const { groups, eps, outputScale } = options.resnet;
  if (options.attend !== undefined) return options.attend;
  if (/^Attn/.test(type)) {
    return (s, x) =>
      attentionBlock(s, x, {
        heads: headCount(s, options.headChannels),
        groups,
        eps,
        outputScale,
        perturbed: options.context?.perturbed?.(s.path),
      });
  }
  if (/^CrossAttn/.test(type)) {
    return (s, x, i) => transformer2d(s, x, options.context!, options.transformer!(i));
  }
  return undefined;
}

/**
 * A level in the down blocks.
 *
 * @param type One of {@linkcode downBlockTypes}.
 * @returns The result, and what the level of the same size in the up blocks gets to see.
 */
export function downBlock(
  s: Scope,
  type: string,
  input: Value,
  options: LevelOptions & { readonly downsamplePadding?: number },
): { x: Value; skips: Value[] } {
  const { resnet, temb, layers } = options;
  const attend = levelAttention(type, options);
  const skips: Value[] = [];
  let x = input;
  for (let i = 0; i < layers; i++) {
    x = resnetBlock(s.at("resnets", i), x, temb, resnet);
    if (attend !== undefined) x = attend(s.at("attentions", i), x, i);
    if (i === layers - 1 && options.residual !== undefined) x = add(s, x, options.residual);
    skips.push(x);
  }
  if (options.resample) {
    const byResnet = type === "ResnetDownsampleBlock2D" || options.resampleType === "resnet";
    x = byResnet
      ? resnetBlock(s.at("downsamplers.0"), x, temb, { ...resnet, resample: "down" })
      : downsample(s.at("downsamplers.0"), x, options.downsamplePadding);
    skips.push(x);
  }
  return { x, skips };
}
