import { DenoiseError, type FrozenConfig, Tensor } from "@denoise/core";
import type { Perturbation } from "@denoise/roles";
import { layersAt, transformerAt } from "@denoise/onnx/blocks";
import type { UNet2DConditionConfig } from "./config.ts";

type Config = FrozenConfig<UNet2DConditionConfig>;

/** Name of the first self-attention in the middle. */
export const MIDDLE_ATTENTION = "mid_block.attentions.0.transformer_blocks.0.attn1";

/** Names of the modules in which pixels attend to pixels, in the order of the computation. */
export function selfAttentions(config: Config): string[] {
  const last = config.block_out_channels.length - 1;
  const { transformer_layers_per_block: layers } = config;
  const down = config.down_block_types.flatMap((type, level) =>
    inLevel(config, type, { path: `down_blocks.${level}`, level, count: layersAt(config, level) })
  );
  const isPlain = config.mid_block_type === "UNetMidBlock2DCrossAttn";
  const inMiddle = [layers].flat()[last] ?? layers;
  const middle = isPlain
    ? blocks("mid_block.attentions.0", transformerAt(config, last, inMiddle as number)(0).layers)
    : [];
  const up = config.up_block_types.flatMap((type, i) => {
    const level = last - i;
    const given = config.reverse_transformer_layers_per_block?.[i];
    return inLevel(config, type, {
      path: `up_blocks.${i}`,
      level,
      count: layersAt(config, level) + 1,
      given,
    });
  });
  return [...down, ...middle, ...up];
}

interface Level {
  readonly path: string;
  /** Counted from the top. */
  readonly level: number;
  /** How many residual blocks it has, each with an attention after it. */
  readonly count: number;
  /** Transformer layers, where the config says them for the up blocks. */
  readonly given?: number | readonly number[] | undefined;
}

function inLevel(config: Config, type: string, { path, level, count, given }: Level): string[] {
  const layers = config.transformer_layers_per_block;
  const layersOf = given ?? (Array.isArray(layers) ? layers[level] : layers as number);
  const transformer = transformerAt(config, level, layersOf);
  return Array.from({ length: count }, (_, i) => `${path}.attentions.${i}`).flatMap((name, i) => {
    if (type.startsWith("Attn")) return [name];
    if (!type.startsWith("CrossAttn") || transformer(i).onlyCrossAttention) return [];
    return blocks(name, transformer(i).layers);
  });
}

function blocks(name: string, layers: number): string[] {
  return Array.from({ length: layers }, (_, i) => `${name}.transformer_blocks.${i}.attn1`);
}

/** The input that says in which rows a self-attention is perturbed. */
export function perturbedInput(path: string): string {
  return `perturbed.${path}`;
}

/**
 * A call's perturbation as inputs.
 *
 * @throws {RangeError} for a layer of which no self-attention has the name.
 */
export function perturbedInputs(
  config: Config,
  { layers, rows }: Perturbation,
): Readonly<Record<string, Tensor>> {
  const paths = selfAttentions(config);
  const mask = new Tensor("bool", Uint8Array.from(rows, Number), [rows.length]);
  const chosen = layers.flatMap((layer) => {
    const found = paths.filter((path) => new RegExp(layer).test(path) && !endsAlike(layer, path));
    if (found.length > 0) return found;
    throw new RangeError(
      `Cannot perturb the layer ${JSON.stringify(layer)} of UNet2DConditionModel: none of its ` +
        `self-attentions has such a name; they are ${paths.join(", ") || "none"}`,
    );
  });
  return Object.fromEntries(chosen.map((path) => [perturbedInput(path), mask]));
}

/**
 * Makes sure that pixels attend to each other in the middle.
 *
 * @throws {DenoiseError} `unsupported_option` where they do not.
 */
export function checkMiddleAttention(config: Config): void {
  if (selfAttentions(config).includes(MIDDLE_ATTENTION)) return;
  throw new DenoiseError(
    "unsupported_option",
    `Cannot tell the attention in the middle of UNet2DConditionModel: its mid_block_type is ` +
      `${JSON.stringify(config.mid_block_type)}; it must be "UNetMidBlock2DCrossAttn"`,
  );
}

/** The reference leaves out modules whose name ends with the same number as the layer's. */
function endsAlike(layer: string, path: string): boolean {
  const [a, b] = [layer, path].map((name) => name.split(".").at(-1)!);
  return /^\d+$/.test(a!) && a === b;
}
