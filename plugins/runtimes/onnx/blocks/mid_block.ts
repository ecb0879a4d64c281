import type { Scope, Value } from "../graph/mod.ts";
import { attentionBlock } from "./attention_block.ts";
import { headCount } from "./down_block.ts";
import type { Context } from "./image_projection.ts";
import { resnetBlock, type ResnetOptions } from "./resnet_block.ts";
import { transformer2d, type Transformer2dOptions } from "./transformer.ts";

/** Options of {@linkcode midBlock}. */
export interface MidBlockOptions {
  /** Options of the residual blocks. */
  readonly resnet: ResnetOptions;
  /** Embedding of the time, [N, E]; latents for a spatial normalization; else none. */
  readonly temb?: Value | undefined;
  /** Channels of an attention head, all of them when null; absent for no attention. */
  readonly headChannels?: number | null | undefined;
  /**
   * Groups of the attention's normalization. Defaults to those of the residual blocks, or to none
   * where the time scales and shifts in these.
   */
  readonly attentionGroups?: number | undefined;
}

/** Residual block, attention between pixels, residual block (`UNetMidBlock2D`). */
export function midBlock(s: Scope, input: Value, options: MidBlockOptions): Value {
  const { resnet, temb, headChannels } = options;
  const { groups, eps, outputScale, timeScaleShift = "default" } = resnet;
  let x = resnetBlock(s.at("resnets.0"), input, temb, resnet);
  if (headChannels !== undefined) {
    const attention = s.at("attentions.0");
    x = attentionBlock(attention, x, {
      heads: headCount(attention, headChannels),
      groups: options.attentionGroups ?? (timeScaleShift === "default" ? groups : null),
      eps,
      outputScale,
      latents: resnet.timeScaleShift === "spatial" ? temb : undefined,
    });
  }
  return resnetBlock(s.at("resnets.1"), x, temb, resnet);
}

/** Residual block, transformer, residual block (`UNetMidBlock2DCrossAttn`). */
export function crossAttentionMidBlock(
  s: Scope,
  input: Value,
  temb: Value,
  context: Context,
  options: { readonly resnet: ResnetOptions; readonly transformer: Transformer2dOptions },
): Value {
  const { resnet, transformer } = options;
  let x = resnetBlock(s.at("resnets.0"), input, temb, resnet);
  x = transformer2d(s.at("attentions.0"), x, context, transformer);
  return resnetBlock(s.at("resnets.1"), x, temb, resnet);
}
