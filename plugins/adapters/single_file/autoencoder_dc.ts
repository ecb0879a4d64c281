import { splitRows } from "@denoise/safetensors";
import type { NamedTensor } from "./tensors.ts";

/** Parts of the authors' names (mit-han-lab/efficientvit) and today's, each applied after those before it. */
const NAMES: readonly (readonly [RegExp, string])[] = [
  [/\b(main|op_list)\./g, ""],
  [/^encoder\.project_in\.conv\./, "encoder.conv_in."],
  [/^encoder\.project_out\.0\.conv\./, "encoder.conv_out."],
  [/^decoder\.project_in\.conv\./, "decoder.conv_in."],
  [/^decoder\.project_out\.0\./, "decoder.norm_out."],
  [/^decoder\.project_out\.2\.conv\./, "decoder.conv_out."],
  [/^encoder\.stages\./, "encoder.down_blocks."],
  [/^decoder\.stages\./, "decoder.up_blocks."],
  [/\.context_module\./, ".attn."],
  [/\.local_module\./, ".conv_out."],
  [/\.aggreg\.(\d+)\.0\./, ".to_qkv_multiscale.$1.proj_in."],
  [/\.aggreg\.(\d+)\.1\./, ".to_qkv_multiscale.$1.proj_out."],
  [/\.(depth|inverted|point)_conv\.conv\./, ".conv_$1."],
  [/\.point_conv\.norm\./, ".norm."],
  [/\.(conv[12]?)\.conv\./, ".$1."],
  [/\.conv2\.norm\./, ".norm."],
  [/\.proj\.norm\./, ".norm_out."],
  [/\.proj\.conv\./, ".to_out."],
];

/** A convolution of 1x1 as a matrix. */
const MATRICES = /\.attn\.to_(q|k|v|out)\.weight$/;

/** The tensors of a deep compression autoencoder (DC-AE: Chen et al., 2024, arXiv:2410.10733). */
export function autoencoderDcTensors(tensors: readonly NamedTensor[]): NamedTensor[] {
  return tensors.filter(([name]) => /^(encoder|decoder)\./.test(name)).flatMap(
    ([stored, tensor]): NamedTensor[] => {
      const name = NAMES.reduce((text, [pattern, now]) => text.replace(pattern, now), stored);
      const fused = name.match(/^(.*)\.qkv\.conv\.weight$/);
      const parts: NamedTensor[] = fused === null ? [[name, tensor]] : splitRows(tensor, 3)
        .map((part, i) => [`${fused[1]}.to_${"qkv"[i]}.weight`, part]);
      return parts.map(([part, rows]) => [
        part,
        MATRICES.test(part) ? { ...rows, dims: rows.dims.slice(0, 2) } : rows,
      ]);
    },
  );
}
