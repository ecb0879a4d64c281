import { Tensor } from "@denoise/core";
import { splitRows, storedTensor } from "@denoise/safetensors";
import { inside, type NamedTensor, type Tensors, transposed } from "./tensors.ts";

/** Where checkpoints keep CLIP as transformers has it, without a projection. */
const CLIP = [
  "cond_stage_model.transformer.",
  "conditioner.embedders.0.transformer.",
  "text_encoders.clip_l.transformer.",
];

/** A tensor by which a file of its own is known. */
const ALONE = "text_model.embeddings.token_embedding.weight";

/** Where those of ComfyUI keep encoders with a projection, which that of CLIP-L lacks. */
const PROJECTED = {
  l: "text_encoders.clip_l.transformer.",
  g: "text_encoders.clip_g.transformer.",
};

/** Where checkpoints keep OpenCLIP, without a projection and with one. */
const OPEN_CLIP = {
  plain: ["cond_stage_model.model."],
  projected: ["conditioner.embedders.1.model.", "conditioner.embedders.0.model."],
};

const NAMES: readonly (readonly [RegExp, string])[] = [
  [/^positional_embedding$/, "embeddings.position_embedding.weight"],
  [/^token_embedding\./, "embeddings.token_embedding."],
  [/^ln_final\./, "final_layer_norm."],
  [/^text_projection$/, "text_projection.weight"],
  [/^transformer\.resblocks\./, "encoder.layers."],
];

const LAYER: readonly (readonly [string, string])[] = [
  [".ln_1.", ".layer_norm1."],
  [".ln_2.", ".layer_norm2."],
  [".mlp.c_fc.", ".mlp.fc1."],
  [".mlp.c_proj.", ".mlp.fc2."],
  [".attn.", ".self_attn."],
];

/** Today's name of a tensor of OpenCLIP; undefined for what a text encoder has no use for. */
export function openClipName(stored: string): string | undefined {
  const found = NAMES.find(([pattern]) => pattern.test(stored));
  if (found === undefined) return undefined;
  return LAYER.reduce((name, [old, now]) => name.replace(old, now), stored.replace(...found));
}

/** The tensors of a text encoder. */
export async function textEncoderTensors(
  tensors: Tensors,
  config: {
    readonly num_hidden_layers?: number;
    readonly hidden_size?: number;
    readonly hidden_act?: string;
  },
  projected: boolean,
): Promise<NamedTensor[]> {
  if (tensors.has(ALONE)) return projected ? aloneProjected(tensors, config) : [...tensors];
  const clip = projected ? projectedTensors(tensors, config.hidden_size!) : plainTensors(tensors);
  if (clip.length > 0) return clip;
  const { num_hidden_layers: layers = Infinity } = config;
  const found = await Promise.all(
    inside(tensors, OPEN_CLIP[projected ? "projected" : "plain"]).map(([stored, tensor]) =>
      openClipTensor(stored, tensor, projected)
    ),
  );
  // Stable Diffusion 2 leaves the last layer out
  return found.flat().filter(([name]) => {
    const layer = name.match(/^encoder\.layers\.(\d+)\./);
    return layer === null || Number(layer[1]) < layers;
  });
}

/** Without the projection, which a plain text encoder has no use for. */
function plainTensors(tensors: Tensors): NamedTensor[] {
  return inside(tensors, CLIP).filter(([name]) => name !== "text_projection.weight");
}

/** Which of two encoders is meant, their width tells. */
function projectedTensors(tensors: Tensors, width: number): NamedTensor[] {
  const prefix = [PROJECTED.l, PROJECTED.g].find((one) => {
    const table = tensors.get(`${one}text_model.embeddings.position_embedding.weight`);
    return table?.dims.at(-1) === width;
  });
  const found = prefix === undefined ? [] : inside(tensors, [prefix]);
  if (prefix !== PROJECTED.l) return found;
  const others = found.filter(([name]) => name !== "text_projection.weight");
  return [...others, identityProjection(width)];
}

/** An encoder with a projection in a file of its own, where ComfyUI leaves that of CLIP-L out, too. */
function aloneProjected(
  tensors: Tensors,
  { hidden_size: width, hidden_act = "quick_gelu" }: {
    readonly hidden_size?: number;
    readonly hidden_act?: string;
  },
): NamedTensor[] {
  const isLacking = !tensors.has("text_projection.weight") && hidden_act === "quick_gelu" &&
    width !== undefined;
  return isLacking ? [...tensors, identityProjection(width)] : [...tensors];
}

/** What stands for the projection of CLIP-L: it leaves what it is given as it is. */
function identityProjection(width: number): NamedTensor {
  const values = new Float32Array(width * width);
  for (let i = 0; i < width; i++) values[i * (width + 1)] = 1;
  return ["text_projection.weight", storedTensor(Tensor.from(values, [width, width]))];
}

async function openClipTensor(
  stored: string,
  tensor: NamedTensor[1],
  projected: boolean,
): Promise<NamedTensor[]> {
  const name = openClipName(stored);
  if (name === undefined) return [];
  if (name === "text_projection.weight") {
    return projected ? [[name, await transposed(tensor)]] : [];
  }
  const joined = name.match(/^(.*)\.in_proj_(weight|bias)$/);
  if (joined === null) return [[name, tensor]];
  const parts = splitRows(tensor, 3);
  return ["q", "k", "v"].map((part, i) => [`${joined[1]}.${part}_proj.${joined[2]}`, parts[i]!]);
}
