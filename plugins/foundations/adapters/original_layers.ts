/** What becomes of layers whose names in their authors' files a pattern fits. */
export interface OriginalRule {
  /** Of the name, with dots or underscores, from its beginning. */
  readonly stored: RegExp;
  /** Today's name, with what the pattern caught; several where the rows are those of several layers. */
  readonly now: string | readonly string[];
  /** Whether scale and shift are the other way round, so that the halves of the rows are changed. */
  readonly swapped?: boolean;
}

/** A rule whose dots stand for underscores too, as kohya writes names. */
function rule(stored: string, now: string | readonly string[], swapped = false): OriginalRule {
  return { stored: new RegExp(`^${stored.replaceAll(".", "[._]")}`), now, swapped };
}

/** Of a block, whose number the pattern catches. */
function block(stored: string, now: string): typeof rule {
  return (end, names, swapped) =>
    rule(
      `${stored}${end}`,
      typeof names === "string" ? now + names : names.map((name) => now + name),
      swapped,
    );
}

/** The layers of a block's stream, for image and text. */
interface StreamNames {
  readonly qkv: readonly string[];
  readonly norms: readonly [query: string, key: string];
  readonly out: string;
  readonly ff: string;
  readonly mod: string;
}

const IMAGE: StreamNames = {
  qkv: ["to_q.", "to_k.", "to_v."],
  norms: ["norm_q", "norm_k"],
  out: "to_out.0.",
  ff: "ff",
  mod: "norm1",
};

const TEXT: StreamNames = {
  qkv: ["add_q_proj.", "add_k_proj.", "add_v_proj."],
  norms: ["norm_added_q", "norm_added_k"],
  out: "to_add_out.",
  ff: "ff_context",
  mod: "norm1_context",
};

/** A network of two layers that makes an embedding. */
function embedding(stored: string, now: string): OriginalRule[] {
  return [
    rule(`${stored}.in_layer.`, `${now}.linear_1.`),
    rule(`${stored}.out_layer.`, `${now}.linear_2.`),
  ];
}

/** A stream of FLUX.1's double blocks. */
function fluxStream(stored: "img" | "txt", { qkv, norms, out, ff, mod }: StreamNames) {
  const of = block(`double_blocks.(\\d+).${stored}_`, "transformer_blocks.$1.");
  return [
    of("mod.lin.", `${mod}.linear.`),
    of("attn.qkv.", qkv.map((name) => `attn.${name}`)),
    of("attn.norm.query_norm.scale$", `attn.${norms[0]}.weight`),
    of("attn.norm.key_norm.scale$", `attn.${norms[1]}.weight`),
    of("attn.proj.", `attn.${out}`),
    of("mlp.0.", `${ff}.net.0.proj.`),
    of("mlp.2.", `${ff}.net.2.`),
  ];
}

const ofSingle = block("single_blocks.(\\d+).", "single_transformer_blocks.$1.");
const SINGLE_QKV = IMAGE.qkv.map((name) => `attn.${name}`);

const FLUX: readonly OriginalRule[] = [
  ...embedding("time_in", "time_text_embed.timestep_embedder"),
  ...embedding("vector_in", "time_text_embed.text_embedder"),
  ...embedding("guidance_in", "time_text_embed.guidance_embedder"),
  rule("txt_in.", "context_embedder."),
  rule("img_in.", "x_embedder."),
  ...fluxStream("img", IMAGE),
  ...fluxStream("txt", TEXT),
  ofSingle("modulation.lin.", "norm.linear."),
  ofSingle("linear1.", [...SINGLE_QKV, "proj_mlp."]),
  ofSingle("qkv.", SINGLE_QKV), // what XLabs changes of linear1
  ofSingle("linear2.", "proj_out."),
  ofSingle("norm.query_norm.scale$", "attn.norm_q.weight"),
  ofSingle("norm.key_norm.scale$", "attn.norm_k.weight"),
  rule("final_layer.linear.", "proj_out."),
  rule("final_layer.adaLN_modulation.1.", "norm_out.linear.", true),
];

const ofGuidance = block(
  "distilled_guidance_layer.(layers|norms).(\\d+).",
  "distilled_guidance_layer.$1.$2.",
);

const CHROMA: readonly OriginalRule[] = [
  ofGuidance("in_layer.", "linear_1."),
  ofGuidance("out_layer.", "linear_2."),
  ofGuidance("scale$", "weight"),
  ...FLUX,
];

/** A stream of the joint blocks of Stable Diffusion 3. */
function sd3Stream(stored: "x" | "context", names: StreamNames, attn = "attn"): OriginalRule[] {
  const of = block(`joint_blocks.(\\d+).${stored}_block.`, "transformer_blocks.$1.");
  const { qkv, norms, out, ff, mod } = names;
  return [
    of(`${attn}.qkv.`, qkv.map((name) => `${attn}.${name}`)),
    of(`${attn}.ln_q.`, `${attn}.${norms[0]}.`),
    of(`${attn}.ln_k.`, `${attn}.${norms[1]}.`),
    of(`${attn}.proj.`, `${attn}.${out}`),
    of("adaLN_modulation.1.", `${mod}.linear.`),
    of("mlp.fc1.", `${ff}.net.0.proj.`),
    of("mlp.fc2.", `${ff}.net.2.`),
  ];
}

/** Of so many blocks: the text of the last one goes no further, and is scaled and shifted alone. */
function sd3(blocks: number): readonly OriginalRule[] {
  const last = block(`joint_blocks.(${blocks - 1}).context_block.`, "transformer_blocks.$1.");
  return [
    rule("pos_embed$", "pos_embed.pos_embed"),
    rule("x_embedder.proj.", "pos_embed.proj."),
    rule("t_embedder.mlp.0.", "time_text_embed.timestep_embedder.linear_1."),
    rule("t_embedder.mlp.2.", "time_text_embed.timestep_embedder.linear_2."),
    rule("y_embedder.mlp.0.", "time_text_embed.text_embedder.linear_1."),
    rule("y_embedder.mlp.2.", "time_text_embed.text_embedder.linear_2."),
    last("adaLN_modulation.1.", "norm1_context.linear.", true),
    ...sd3Stream("x", IMAGE, "attn2"),
    ...sd3Stream("x", IMAGE),
    ...sd3Stream("context", TEXT),
    rule("final_layer.linear.", "proj_out."),
    rule("final_layer.adaLN_modulation.1.", "norm_out.linear.", true),
  ];
}

/** A stream of FLUX.2's double blocks. */
function flux2Stream(stored: "img" | "txt", { qkv, norms, out, ff }: StreamNames) {
  const of = block(`double_blocks.(\\d+).${stored}_`, "transformer_blocks.$1.");
  return [
    of("attn.qkv.", qkv.map((name) => `attn.${name}`)),
    of("attn.norm.query_norm.scale$", `attn.${norms[0]}.weight`),
    of("attn.norm.key_norm.scale$", `attn.${norms[1]}.weight`),
    of("attn.proj.", `attn.${out}`),
    of("mlp.0.", `${ff}.linear_in.`),
    of("mlp.2.", `${ff}.linear_out.`),
  ];
}

const FLUX2: readonly OriginalRule[] = [
  ...embedding("time_in", "time_guidance_embed.timestep_embedder"),
  ...embedding("guidance_in", "time_guidance_embed.guidance_embedder"),
  rule("txt_in.", "context_embedder."),
  rule("img_in.", "x_embedder."),
  rule("(double_stream_modulation_(?:img|txt)|single_stream_modulation).lin.", "$1.linear."),
  ...flux2Stream("img", IMAGE),
  ...flux2Stream("txt", TEXT),
  ofSingle("linear1.", "attn.to_qkv_mlp_proj."),
  ofSingle("linear2.", "attn.to_out."),
  ofSingle("norm.query_norm.scale$", "attn.norm_q.weight"),
  ofSingle("norm.key_norm.scale$", "attn.norm_k.weight"),
  rule("final_layer.linear.", "proj_out."),
  rule("final_layer.adaLN_modulation.1.", "norm_out.linear.", true),
];

const ofZImage = block(
  "(layers|noise_refiner|context_refiner).(\\d+).attention.",
  "$1.$2.attention.",
);

const Z_IMAGE: readonly OriginalRule[] = [
  rule("x_embedder.", "all_x_embedder.2-1."),
  rule("final_layer.", "all_final_layer.2-1."),
  ofZImage("qkv.", IMAGE.qkv),
  ofZImage("out.", "to_out.0."),
  ofZImage("q_norm.", "norm_q."),
  ofZImage("k_norm.", "norm_k."),
];

/** Classes of transformers whose layers have other names in their authors' files, or the same. */
export type OriginalClass =
  | "FluxTransformer2DModel"
  | "Flux2Transformer2DModel"
  | "ChromaTransformer2DModel"
  | "SD3Transformer2DModel"
  | "QwenImageTransformer2DModel"
  | "ZImageTransformer2DModel";

/** The names of transformers' layers in their authors' files, by class, for so many blocks. */
export const originalLayers: {
  readonly [C in OriginalClass]: (blocks: number) => readonly OriginalRule[];
} = {
  Flux2Transformer2DModel: () => FLUX2,
  QwenImageTransformer2DModel: () => [],
  ZImageTransformer2DModel: () => Z_IMAGE,
  FluxTransformer2DModel: () => FLUX,
  ChromaTransformer2DModel: () => CHROMA,
  SD3Transformer2DModel: sd3,
};

/** Layers that an original one consists of, with what becomes of its rows. */
export interface TodaysLayers {
  /** Today's names; of several each has a part of the rows, in this order. */
  readonly names: readonly string[];
  /** Whether the halves of the rows are changed. */
  readonly swapped: boolean;
}

/** Today's names for a name that a rule fits; undefined where none does. */
export function todaysLayers(
  name: string,
  rules: readonly OriginalRule[],
): TodaysLayers | undefined {
  const found = rules.find(({ stored }) => stored.test(name));
  if (found === undefined) return undefined;
  const names = [found.now].flat().map((now) => name.replace(found.stored, now));
  return { names, swapped: found.swapped === true };
}
