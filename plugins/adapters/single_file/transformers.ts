import { splitRows, swapHalves } from "@denoise/safetensors";
import type { JsonObject } from "@denoise/core";
import type { NamedTensor } from "./tensors.ts";

/** What becomes of tensors whose names a pattern fits. */
interface Rule {
  readonly stored: RegExp;
  /** Today's name, with what the pattern caught; several where the rows are those of several layers. */
  readonly now: string | readonly string[];
  /**
   * How rows go over: in equal parts by default; `"single"` as queries, keys, values and what the feed
   * forward has; `"swapped"` with halves changed, since scale and shift are the other way round.
   */
  readonly rows?: "single" | "swapped";
}

/** Names of an MLP of two layers that makes an embedding. */
const EMBEDDING = (stored: RegExp, now: string): Rule[] => [
  { stored: new RegExp(`^${stored.source}\\.in_layer\\.`), now: `${now}.linear_1.` },
  { stored: new RegExp(`^${stored.source}\\.out_layer\\.`), now: `${now}.linear_2.` },
];

/** A stream of a double block: the image's, whose names stand first, or the text's. */
const FLUX_STREAM = (
  stored: "img" | "txt",
  names: { qkv: readonly string[]; norms: readonly string[]; out: string; ff: string; mod: string },
): Rule[] => {
  const block = `^double_blocks\\.(\\d+)\\.${stored}_`;
  const at = "transformer_blocks.$1.";
  const rule = (end: string, now: string | readonly string[]): Rule => ({
    stored: new RegExp(block + end),
    now: typeof now === "string" ? at + now : now.map((name) => at + name),
  });
  return [
    rule("mod\\.lin\\.", `${names.mod}.linear.`),
    rule("attn\\.qkv\\.", names.qkv.map((name) => `attn.${name}.`)),
    rule("attn\\.norm\\.query_norm\\.scale$", `attn.${names.norms[0]}.weight`),
    rule("attn\\.norm\\.key_norm\\.scale$", `attn.${names.norms[1]}.weight`),
    rule("attn\\.proj\\.", `attn.${names.out}.`),
    rule("mlp\\.0\\.", `${names.ff}.net.0.proj.`),
    rule("mlp\\.2\\.", `${names.ff}.net.2.`),
  ];
};

const FLUX: readonly Rule[] = [
  ...EMBEDDING(/time_in/, "time_text_embed.timestep_embedder"),
  ...EMBEDDING(/vector_in/, "time_text_embed.text_embedder"),
  ...EMBEDDING(/guidance_in/, "time_text_embed.guidance_embedder"),
  { stored: /^txt_in\./, now: "context_embedder." },
  { stored: /^img_in\./, now: "x_embedder." },
  ...FLUX_STREAM("img", {
    qkv: ["to_q", "to_k", "to_v"],
    norms: ["norm_q", "norm_k"],
    out: "to_out.0",
    ff: "ff",
    mod: "norm1",
  }),
  ...FLUX_STREAM("txt", {
    qkv: ["add_q_proj", "add_k_proj", "add_v_proj"],
    norms: ["norm_added_q", "norm_added_k"],
    out: "to_add_out",
    ff: "ff_context",
    mod: "norm1_context",
  }),
  {
    stored: /^single_blocks\.(\d+)\.modulation\.lin\./,
    now: "single_transformer_blocks.$1.norm.linear.",
  },
  {
    stored: /^single_blocks\.(\d+)\.linear1\./,
    now: ["attn.to_q.", "attn.to_k.", "attn.to_v.", "proj_mlp."]
      .map((name) => `single_transformer_blocks.$1.${name}`),
    rows: "single",
  },
  { stored: /^single_blocks\.(\d+)\.linear2\./, now: "single_transformer_blocks.$1.proj_out." },
  {
    stored: /^single_blocks\.(\d+)\.norm\.query_norm\.scale$/,
    now: "single_transformer_blocks.$1.attn.norm_q.weight",
  },
  {
    stored: /^single_blocks\.(\d+)\.norm\.key_norm\.scale$/,
    now: "single_transformer_blocks.$1.attn.norm_k.weight",
  },
  { stored: /^final_layer\.linear\./, now: "proj_out." },
  { stored: /^final_layer\.adaLN_modulation\.1\./, now: "norm_out.linear.", rows: "swapped" },
];

const CHROMA: readonly Rule[] = [
  {
    stored: /^distilled_guidance_layer\.layers\.(\d+)\.in_layer\./,
    now: "distilled_guidance_layer.layers.$1.linear_1.",
  },
  {
    stored: /^distilled_guidance_layer\.layers\.(\d+)\.out_layer\./,
    now: "distilled_guidance_layer.layers.$1.linear_2.",
  },
  {
    stored: /^distilled_guidance_layer\.norms\.(\d+)\.scale$/,
    now: "distilled_guidance_layer.norms.$1.weight",
  },
  ...FLUX,
];

/** A stream of a joint block of Stable Diffusion 3. */
const SD3_STREAM = (
  stored: "x" | "context",
  names: { qkv: readonly string[]; norms: readonly string[]; out: string; ff: string; mod: string },
  attn = "attn",
): Rule[] => {
  const block = `^joint_blocks\\.(\\d+)\\.${stored}_block\\.`;
  const at = "transformer_blocks.$1.";
  const rule = (end: string, now: string | readonly string[]): Rule => ({
    stored: new RegExp(block + end),
    now: typeof now === "string" ? at + now : now.map((name) => at + name),
  });
  return [
    rule(`${attn}\\.qkv\\.`, names.qkv.map((name) => `${attn}.${name}.`)),
    rule(`${attn}\\.ln_q\\.`, `${attn}.${names.norms[0]}.`),
    rule(`${attn}\\.ln_k\\.`, `${attn}.${names.norms[1]}.`),
    rule(`${attn}\\.proj\\.`, `${attn}.${names.out}.`),
    rule("adaLN_modulation\\.1\\.", `${names.mod}.linear.`),
    rule("mlp\\.fc1\\.", `${names.ff}.net.0.proj.`),
    rule("mlp\\.fc2\\.", `${names.ff}.net.2.`),
  ];
};

const SD3_IMAGE = {
  qkv: ["to_q", "to_k", "to_v"],
  norms: ["norm_q", "norm_k"],
  out: "to_out.0",
  ff: "ff",
  mod: "norm1",
};

/** Of so many blocks: the text of the last one goes no further, and is scaled and shifted alone. */
const SD3 = (blocks: number): readonly Rule[] => [
  { stored: /^pos_embed$/, now: "pos_embed.pos_embed" },
  { stored: /^x_embedder\.proj\./, now: "pos_embed.proj." },
  { stored: /^t_embedder\.mlp\.0\./, now: "time_text_embed.timestep_embedder.linear_1." },
  { stored: /^t_embedder\.mlp\.2\./, now: "time_text_embed.timestep_embedder.linear_2." },
  { stored: /^y_embedder\.mlp\.0\./, now: "time_text_embed.text_embedder.linear_1." },
  { stored: /^y_embedder\.mlp\.2\./, now: "time_text_embed.text_embedder.linear_2." },
  {
    stored: new RegExp(`^joint_blocks\\.(${blocks - 1})\\.context_block\\.adaLN_modulation\\.1\\.`),
    now: "transformer_blocks.$1.norm1_context.linear.",
    rows: "swapped",
  },
  ...SD3_STREAM("x", SD3_IMAGE, "attn2"),
  ...SD3_STREAM("x", SD3_IMAGE),
  ...SD3_STREAM("context", {
    qkv: ["add_q_proj", "add_k_proj", "add_v_proj"],
    norms: ["norm_added_q", "norm_added_k"],
    out: "to_add_out",
    ff: "ff_context",
    mod: "norm1_context",
  }),
  { stored: /^final_layer\.linear\./, now: "proj_out." },
  { stored: /^final_layer\.adaLN_modulation\.1\./, now: "norm_out.linear.", rows: "swapped" },
];

/** How the transformers of a class are named in their authors' files. */
export const transformerRules = {
  FluxTransformer2DModel: (_config: JsonObject): readonly Rule[] => FLUX,
  ChromaTransformer2DModel: (_config: JsonObject): readonly Rule[] => CHROMA,
  SD3Transformer2DModel: (config: JsonObject): readonly Rule[] => SD3(Number(config["num_layers"])),
};

/**
 * The tensors of a transformer by today's names. Layers that a file has in one are rows of it, where
 * they lie; tensors with other names are left as they are.
 */
export async function transformerTensors(
  tensors: readonly NamedTensor[],
  rules: readonly Rule[],
  config: JsonObject,
): Promise<NamedTensor[]> {
  const width = Number(config["num_attention_heads"]) * Number(config["attention_head_dim"]);
  const renamed = await Promise.all(tensors.map(async ([name, tensor]): Promise<NamedTensor[]> => {
    const rule = rules.find(({ stored }) => stored.test(name));
    if (rule === undefined) return [[name, tensor]];
    const names = [rule.now].flat().map((now) => name.replace(rule.stored, now));
    if (rule.rows === "swapped") return [[names[0]!, await swapHalves(tensor)]];
    if (names.length === 1) return [[names[0]!, tensor]];
    const rest = tensor.dims[0]! - 3 * width;
    const parts = splitRows(tensor, rule.rows === "single" ? [width, width, width, rest] : 3);
    return names.map((now, i) => [now, parts[i]!]);
  }));
  return renamed.flat();
}
