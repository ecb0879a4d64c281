import type { NamedTensor } from "./tensors.ts";

const ATTENTION: Readonly<Record<string, string>> = {
  norm: "group_norm",
  q: "to_q",
  k: "to_k",
  v: "to_v",
  proj_out: "to_out.0",
};

/** Today's name of a tensor of the original autoencoder with that many levels. */
export function autoencoderName(name: string, levels: number): string {
  const attention = name.match(/^(encoder|decoder)\.mid\.attn_1\.(\w+)\.(.*)$/);
  if (attention !== null) {
    const [_, side, part, rest] = attention;
    return `${side}.mid_block.attentions.0.${ATTENTION[part!] ?? part}.${rest}`;
  }
  return name
    .replace(/^(encoder|decoder)\.norm_out\./, "$1.conv_norm_out.")
    .replace(/\.mid\.block_(\d)\./, (_, i) => `.mid_block.resnets.${Number(i) - 1}.`)
    .replace(/\.down\.(\d+)\.block\./, ".down_blocks.$1.resnets.")
    .replace(/\.down\.(\d+)\.downsample\./, ".down_blocks.$1.downsamplers.0.")
    .replace(/\.up\.(\d+)\.block\./, (_, i) => `.up_blocks.${levels - 1 - Number(i)}.resnets.`)
    .replace(
      /\.up\.(\d+)\.upsample\./,
      (_, i) => `.up_blocks.${levels - 1 - Number(i)}.upsamplers.0.`,
    )
    .replace(".nin_shortcut.", ".conv_shortcut.");
}

/** The tensors of an autoencoder; attention by 1x1 convolutions becomes matrices. */
export function autoencoderTensors(
  tensors: readonly NamedTensor[],
  levels: number,
): NamedTensor[] {
  return tensors
    .filter(([name]) => /^(encoder|decoder|quant_conv|post_quant_conv)\./.test(name))
    .map(([stored, tensor]) => {
      const name = autoencoderName(stored, levels);
      const isMatrix = /\.attentions\.0\.to_.*weight$/.test(name);
      return [name, isMatrix ? { ...tensor, dims: tensor.dims.slice(0, 2) } : tensor];
    });
}
