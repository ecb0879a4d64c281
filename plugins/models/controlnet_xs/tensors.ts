import type { FrozenConfig } from "@denoise/core";
import { at, type ControlNetXSAdapterConfig } from "./config.ts";

type Config = FrozenConfig<ControlNetXSAdapterConfig>;

function both(...paths: readonly string[]): string[] {
  return paths.flatMap((path) => [`${path}.weight`, `${path}.bias`]);
}

function inside(path: string, names: readonly string[]): string[] {
  return names.map((name) => `${path}.${name}`);
}

function resnet(path: string, changesWidth: boolean): string[] {
  const shortcut = changesWidth ? ["conv_shortcut"] : [];
  return both(...inside(path, ["norm1", "conv1", "time_emb_proj", "norm2", "conv2", ...shortcut]));
}

function transformer(path: string, layers: number): string[] {
  const blocks = Array.from({ length: layers }, (_, i) => {
    const block = `${path}.transformer_blocks.${i}`;
    const attentions = ["attn1", "attn2"].flatMap((name) => [
      ...["to_q", "to_k", "to_v"].map((part) => `${block}.${name}.${part}.weight`),
      ...both(`${block}.${name}.to_out.0`),
    ]);
    const rest = both(...inside(block, ["norm1", "norm2", "norm3", "ff.net.0.proj", "ff.net.2"]));
    return [...attentions, ...rest];
  });
  return [...both(...inside(path, ["norm", "proj_in", "proj_out"])), ...blocks.flat()];
}

function numbered(path: string, count: number): string[] {
  return Array.from({ length: count }, (_, i) => `${path}.${i}`);
}

/** The tensors that an adapter has, which alone computes nothing. */
export function adapterTensors(config: Config): string[] {
  const { block_out_channels: widths, base_block_out_channels: base } = config;
  const last = widths.length - 1;
  const levels = widths.flatMap((width, level) => {
    const path = `down_blocks.${level}`;
    const from = Math.max(level - 1, 0);
    const layers = at(config.transformer_layers_per_block, level);
    const seen = [widths[from]! + base[from]!, width + base[level]!];
    const joints = level < last ? 3 : 2;
    return [
      ...seen.flatMap((wide, i) => resnet(`${path}.resnets.${i}`, wide !== width)),
      ...(config.down_block_types[level]!.startsWith("CrossAttn")
        ? numbered(`${path}.attentions`, 2).flatMap((name) => transformer(name, layers))
        : []),
      ...(level < last ? both(`${path}.downsamplers.conv`) : []),
      ...both(
        ...numbered(`${path}.base_to_ctrl`, joints),
        ...numbered(`${path}.ctrl_to_base`, joints),
      ),
    ];
  });
  const embedding = "controlnet_cond_embedding";
  const blocks = 2 * (config.conditioning_embedding_out_channels.length - 1);
  const layers = at(config.transformer_layers_per_block, -1);
  return [
    ...both(
      `${embedding}.conv_in`,
      ...numbered(`${embedding}.blocks`, blocks),
      `${embedding}.conv_out`,
    ),
    ...(config.learn_time_embedding
      ? both("time_embedding.linear_1", "time_embedding.linear_2")
      : []),
    ...both("conv_in", "control_to_base_for_conv_in"),
    ...levels,
    ...resnet("mid_block.midblock.resnets.0", true),
    ...resnet("mid_block.midblock.resnets.1", false),
    ...transformer("mid_block.midblock.attentions.0", layers),
    ...both("mid_block.base_to_ctrl", "mid_block.ctrl_to_base"),
    ...widths.flatMap((_, i) => both(...numbered(`up_connections.${i}.ctrl_to_base`, 3))),
  ];
}

/** Names of a UNet's tensors in one with an adapter. */
const OF_UNET: readonly (readonly [RegExp, string])[] = [
  [/^(time_embedding|add_embedding|conv_in|conv_norm_out|conv_out)\./, "base_$1."],
  [/^(down_blocks\.\d+)\.(resnets|attentions)\./, "$1.base_$2."],
  [/^(down_blocks\.\d+)\.downsamplers\.0\./, "$1.base_downsamplers."],
  [/^mid_block\./, "mid_block.base_midblock."],
  [/^(up_blocks\.\d+)\.upsamplers\.0\./, "$1.upsamplers."],
];

/** Names of an adapter's tensors there. */
const OF_ADAPTER: readonly (readonly [RegExp, string])[] = [
  [/^(time_embedding|conv_in)\./, "ctrl_$1."],
  [/^(down_blocks\.\d+)\.(resnets|attentions|downsamplers)\./, "$1.ctrl_$2."],
  [/^mid_block\.midblock\./, "mid_block.ctrl_midblock."],
  [/^up_connections\./, "up_blocks."],
];

function renamed(names: readonly (readonly [RegExp, string])[]): (name: string) => string {
  return (name) => {
    const [from, to] = names.find(([from]) => from.test(name)) ?? ["", ""];
    return name.replace(from, to);
  };
}

/** The name in a UNetControlNetXSModel of a UNet's tensor. */
export const nameOfUNet: (name: string) => string = renamed(OF_UNET);

/** The name there of an adapter's tensor. */
export const nameOfAdapter: (name: string) => string = renamed(OF_ADAPTER);
