/** What of a UNet's config decides the names of its tensors. */
export interface UNetNames {
  /** Residual blocks of a level in the down blocks. */
  readonly layers_per_block: number;
  /** `"text_time"` in SDXL. */
  readonly addition_embed_type?: string | null;
}

/** Parts of a residual block. */
const RESNET: Readonly<Record<string, string>> = {
  "in_layers.0": "norm1",
  "in_layers.2": "conv1",
  "emb_layers.1": "time_emb_proj",
  "out_layers.0": "norm2",
  "out_layers.3": "conv2",
  "skip_connection": "conv_shortcut",
};

/** What stands outside of the levels. */
const PLAIN: readonly (readonly [string, string])[] = [
  ["time_embed.0.", "time_embedding.linear_1."],
  ["time_embed.2.", "time_embedding.linear_2."],
  ["input_blocks.0.0.", "conv_in."],
  ["out.0.", "conv_norm_out."],
  ["out.2.", "conv_out."],
  ["label_emb.weight", "class_embedding.weight"],
];

function resnet(name: string): string {
  const part = Object.keys(RESNET).find((key) => name.startsWith(`${key}.`));
  return part === undefined ? name : RESNET[part] + name.slice(part.length);
}

/** Today's name of a tensor of the original UNet; a name that is not known is left as it is. */
export function unetName(name: string, config: UNetNames): string {
  const plain = PLAIN.find(([old]) => name.startsWith(old));
  if (plain !== undefined) return plain[1] + name.slice(plain[0].length);
  const label = name.match(/^label_emb\.0\.([02])\.(.*)$/);
  if (label !== null) {
    const module = config.addition_embed_type === "text_time" ? "add" : "class";
    return `${module}_embedding.linear_${Number(label[1]) / 2 + 1}.${label[2]}`;
  }
  const middle = name.match(/^middle_block\.(\d+)\.(.*)$/);
  if (middle !== null) {
    const place = Number(middle[1]);
    return place % 2 === 1
      ? `mid_block.attentions.${place - 1}.${middle[2]}`
      : `mid_block.resnets.${Math.max(place - 1, 0)}.${resnet(middle[2]!)}`;
  }
  const level = name.match(/^(input|output)_blocks\.(\d+)\.(\d+)\.(.*)$/);
  if (level === null) return name;
  const [_, side, block, place, rest] = level as unknown as [
    string,
    string,
    string,
    string,
    string,
  ];
  const down = side === "input";
  const index = Number(block) - (down ? 1 : 0);
  const each = config.layers_per_block + 1;
  const base = `${down ? "down" : "up"}_blocks.${Math.floor(index / each)}`;
  if (down && rest.startsWith("op.")) return `${base}.downsamplers.0.conv.${rest.slice(3)}`;
  if (!down && rest.startsWith("conv.")) return `${base}.upsamplers.0.${rest}`;
  return place === "0"
    ? `${base}.resnets.${index % each}.${resnet(rest)}`
    : `${base}.attentions.${index % each}.${rest}`;
}
