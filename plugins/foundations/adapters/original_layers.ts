/** What becomes of layers whose names in their authors' files a pattern fits. */
export interface OriginalRule {
  /** Of the name, with dots or underscores, from its beginning. */
  readonly stored: RegExp;
  /**
   * Today's name, with what the pattern caught; several where the rows are those of several layers, none
   * where the model has no such layer any more.
   */
  readonly now: string | readonly string[];
  /** Whether scale and shift are the other way round, so that the halves of the rows are changed. */
  readonly swapped?: boolean;
  /** How many rows the numbers are that lie one after the other there. */
  readonly rows?: number;
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

/** Attentions whose projections diffusers has joined (`fuse_qkv_projections`), as LoKr of these is saved. */
const ofJoined = block("transformer_blocks.(\\d+).attn.", "transformer_blocks.$1.attn.");
const JOINED: readonly OriginalRule[] = [
  ofJoined("to_qkv.", IMAGE.qkv),
  ofJoined("to_added_qkv.", TEXT.qkv),
];

const FLUX: readonly OriginalRule[] = [
  ...JOINED,
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
  ...JOINED,
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

/** The layers of FLUX.3's blocks, all of one kind. */
function flux3Block(stored: string, now: string): OriginalRule[] {
  const of = block(stored, now);
  return [
    ...["q", "k", "v"].map((part, i) => of(`${part}_proj.`, `attn.${IMAGE.qkv[i]}`)),
    of("attn_out.", `attn.${IMAGE.out}`),
    of("norm.query_norm.scale$", "attn.norm_q.weight"),
    of("norm.key_norm.scale$", "attn.norm_k.weight"),
    of("mlp_in.", "ff.linear_in."),
    of("mlp_out.", "ff.linear_out."),
  ];
}

const FLUX3: readonly OriginalRule[] = [
  ...embedding("time_in", "timestep_embedder"),
  ...embedding("ref_time_in", "target_timestep_embedder"),
  rule("emb_in.(image_cond|image).", "x_embedders.$1."),
  rule("txt_in.", "context_embedder."),
  rule("((?:early|single)_stream_modulations).(txt|image_cond|image).lin.", "$1.$2.linear."),
  ...flux3Block("content_mode_blocks.(image_cond|image).(\\d+).", "mode_blocks.$1.$2."),
  ...flux3Block("txt_mode_blocks.(\\d+).", "txt_mode_blocks.$1."),
  ...flux3Block("single_blocks.(\\d+).", "single_transformer_blocks.$1."),
  rule("final_layer.image.linear.", "proj_out."),
  rule("final_layer.image.adaLN_modulation.1.", "norm_out.linear.", true),
  rule("repa_projectors.", []), // of training
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
  rule("norm_final.", []),
];

/** Layers of AuraFlow's attentions and feed-forwards, by the number of the stream in their names. */
function auraFlowAttention(of: typeof rule, stream: "1" | "2", { qkv, out }: StreamNames) {
  return [
    ...["q", "k", "v"].map((part, i) => of(`attn.w${stream}${part}.`, `attn.${qkv[i]}`)),
    of(`attn.w${stream}o.`, `attn.${out}`),
  ];
}

function auraFlowFeedForward(of: typeof rule, stored: string, now: string): OriginalRule[] {
  return [
    of(`${stored}.c_fc1.`, `${now}.linear_1.`),
    of(`${stored}.c_fc2.`, `${now}.linear_2.`),
    of(`${stored}.c_proj.`, `${now}.out_projection.`),
  ];
}

const ofAuraDouble = block("double_layers.(\\d+).", "joint_transformer_blocks.$1.");
const ofAuraSingle = block("single_layers.(\\d+).", "single_transformer_blocks.$1.");

const AURA_FLOW: readonly OriginalRule[] = [
  rule("positional_encoding$", "pos_embed.pos_embed"),
  rule("init_x_linear.", "pos_embed.proj."),
  rule("t_embedder.mlp.0.", "time_step_proj.linear_1."),
  rule("t_embedder.mlp.2.", "time_step_proj.linear_2."),
  rule("cond_seq_linear.", "context_embedder."),
  ...auraFlowAttention(ofAuraDouble, "2", IMAGE),
  ...auraFlowAttention(ofAuraDouble, "1", TEXT),
  ...auraFlowFeedForward(ofAuraDouble, "mlpX", IMAGE.ff),
  ...auraFlowFeedForward(ofAuraDouble, "mlpC", TEXT.ff),
  ofAuraDouble("modX.1.", `${IMAGE.mod}.linear.`),
  ofAuraDouble("modC.1.", `${TEXT.mod}.linear.`),
  ...auraFlowAttention(ofAuraSingle, "1", IMAGE),
  ...auraFlowFeedForward(ofAuraSingle, "mlp", IMAGE.ff),
  ofAuraSingle("modCX.1.", `${IMAGE.mod}.linear.`),
  rule("modF.1.", "norm_out.linear.", true),
  rule("final_linear.", "proj_out."),
];

const ofContext = block("context_refiner.(\\d+).", "context_refiner.$1.");
const ofLumina = block("(layers|noise_refiner|context_refiner).(\\d+).", "$1.$2.");

/** What refines the text is not scaled, so that its first norm is not one with weights beside it. */
const LUMINA2: readonly OriginalRule[] = [
  rule("cap_embedder.", "time_caption_embed.caption_embedder."),
  rule("t_embedder.mlp.0.", "time_caption_embed.timestep_embedder.linear_1."),
  rule("t_embedder.mlp.2.", "time_caption_embed.timestep_embedder.linear_2."),
  ofContext("attention_norm1.", "norm1."),
  ofLumina("attention.qkv.", IMAGE.qkv.map((name) => `attn.${name}`)),
  ofLumina("attention.out.", `attn.${IMAGE.out}`),
  ofLumina("attention.q_norm.", "attn.norm_q."),
  ofLumina("attention.k_norm.", "attn.norm_k."),
  ofLumina("attention_norm1.", "norm1.norm."),
  ofLumina("attention_norm2.", "norm2."),
  ofLumina("adaLN_modulation.1.", "norm1.linear."),
  ofLumina("feed_forward.w(\\d).", "feed_forward.linear_$3."),
  rule("final_layer.adaLN_modulation.1.", "norm_out.linear_1."),
  rule("final_layer.linear.", "norm_out.linear_2."),
  rule("norm_final.", []),
];

const ofSana = block("blocks.(\\d+).", "transformer_blocks.$1.");

const SANA: readonly OriginalRule[] = [
  rule("pos_embed$", []),
  rule("y_embedder.y_embedding$", []),
  rule("x_embedder.proj.", "patch_embed.proj."),
  rule("t_embedder.mlp.0.", "time_embed.emb.timestep_embedder.linear_1."),
  rule("t_embedder.mlp.2.", "time_embed.emb.timestep_embedder.linear_2."),
  rule("t_block.1.", "time_embed.linear."),
  rule("y_embedder.y_proj.fc([12]).", "caption_projection.linear_$1."),
  rule("attention_y_norm.", "caption_norm."),
  ofSana("scale_shift_table$", "scale_shift_table"),
  ofSana("attn.qkv.", IMAGE.qkv.map((name) => `attn1.${name}`)),
  ofSana("attn.proj.", "attn1.to_out.0."),
  ofSana("cross_attn.q_linear.", "attn2.to_q."),
  ofSana("cross_attn.kv_linear.", ["attn2.to_k.", "attn2.to_v."]),
  ofSana("cross_attn.proj.", "attn2.to_out.0."),
  ofSana("mlp.inverted_conv.conv.", "ff.conv_inverted."),
  ofSana("mlp.depth_conv.conv.", "ff.conv_depth."),
  ofSana("mlp.point_conv.conv.", "ff.conv_point."),
  rule("final_layer.linear.", "proj_out."),
  rule("final_layer.scale_shift_table$", "scale_shift_table"),
];

/** A block of Krea 2, of the image or of the text. */
function kreaBlock(stored: string, now: string): OriginalRule[] {
  const of = block(stored, now);
  return [
    ...["q", "k", "v"].map((part, i) => of(`attn.w${part}.`, `attn.${IMAGE.qkv[i]}`)),
    of("attn.wo.", `attn.${IMAGE.out}`),
    of("attn.gate.", "attn.to_gate."),
    of("attn.qknorm.qnorm.scale$", "attn.norm_q.weight"),
    of("attn.qknorm.knorm.scale$", "attn.norm_k.weight"),
    of("mlp.", "ff."),
    of("prenorm.scale$", "norm1.weight"),
    of("postnorm.scale$", "norm2.weight"),
    { ...of("mod.lin$", "scale_shift_table"), rows: 6 },
  ];
}

const KREA2: readonly OriginalRule[] = [
  rule("first.", "img_in."),
  rule("tmlp.0.", "time_embed.linear_1."),
  rule("tmlp.2.", "time_embed.linear_2."),
  rule("tproj.1.", "time_mod_proj."),
  rule("txtmlp.0.scale$", "txt_in.norm.weight"),
  rule("txtmlp.1.", "txt_in.linear_1."),
  rule("txtmlp.3.", "txt_in.linear_2."),
  rule("txtfusion.projector.", "text_fusion.projector."),
  ...kreaBlock("blocks.(\\d+).", "transformer_blocks.$1."),
  ...kreaBlock("txtfusion.(layerwise_blocks|refiner_blocks).(\\d+).", "text_fusion.$1.$2."),
  rule("last.linear.", "final_layer.linear."),
  rule("last.norm.scale$", "final_layer.norm.weight"),
  rule("last.modulation.lin$", "final_layer.scale_shift_table"),
];

const ofCosmos = block("blocks.(\\d+).", "transformer_blocks.$1.");
/** Parts of Cosmos' blocks; what scales the first is `norm1` in diffusers. */
const COSMOS_PARTS = ["self_attn", "cross_attn", "mlp"];

/** Cosmos Predict 2, which Anima is; what turns words into states lies beside it as `llm_adapter`. */
const COSMOS: readonly OriginalRule[] = [
  rule("llm_adapter.", []),
  rule("(?:accum_|pos_embedder.)", []), // of training
  { stored: /^.*_extra_state$/, now: [] },
  rule("x_embedder.proj.1.", "patch_embed.proj."),
  rule("t_embedder.1.", "time_embed.t_embedder."),
  rule("t_embedding_norm.", "time_embed.norm."),
  ...COSMOS_PARTS.map((part, i) =>
    ofCosmos(`adaln_modulation_${part}.([12]).`, `norm${i + 1}.linear_$2.`)
  ),
  ...COSMOS_PARTS.slice(0, 2).flatMap((part, i) => [
    ofCosmos(`${part}.([qkv])_proj.`, `attn${i + 1}.to_$2.`),
    ofCosmos(`${part}.([qk])_norm.`, `attn${i + 1}.norm_$2.`),
    ofCosmos(`${part}.output_proj.`, `attn${i + 1}.to_out.0.`),
  ]),
  ofCosmos("mlp.layer1.", "ff.net.0.proj."),
  ofCosmos("mlp.layer2.", "ff.net.2."),
  rule("final_layer.adaln_modulation.([12]).", "norm_out.linear_$1."),
  rule("final_layer.linear.", "proj_out."),
];

/** ComfyUI has gate and width of Qwen-Image 2.1's feed forwards in one layer; its authors have diffusers' names. */
const QWEN_IMAGE21: readonly OriginalRule[] = [
  rule("transformer_blocks.(\\d+).img_mlp.gate_up.", [
    "transformer_blocks.$1.img_mlp.gate_layer.",
    "transformer_blocks.$1.img_mlp.proj.",
  ]),
];

/** Classes of transformers whose layers have other names in their authors' files, or the same. */
export type OriginalClass =
  | "FluxTransformer2DModel"
  | "Flux2Transformer2DModel"
  | "Flux3Transformer2DModel"
  | "ChromaTransformer2DModel"
  | "CosmosTransformer3DModel"
  | "SD3Transformer2DModel"
  | "QwenImageTransformer2DModel"
  | "QwenImage21Transformer2DModel"
  | "ErnieImageTransformer2DModel"
  | "Krea2Transformer2DModel"
  | "AuraFlowTransformer2DModel"
  | "Lumina2Transformer2DModel"
  | "SanaTransformer2DModel"
  | "ZImageTransformer2DModel";

/** The names of transformers' layers in their authors' files, by class, for so many blocks. */
export const originalLayers: {
  readonly [C in OriginalClass]: (blocks: number) => readonly OriginalRule[];
} = {
  Flux2Transformer2DModel: () => FLUX2,
  Flux3Transformer2DModel: () => FLUX3,
  QwenImageTransformer2DModel: () => [],
  QwenImage21Transformer2DModel: () => QWEN_IMAGE21,
  ErnieImageTransformer2DModel: () => [],
  ZImageTransformer2DModel: () => Z_IMAGE,
  AuraFlowTransformer2DModel: () => AURA_FLOW,
  Lumina2Transformer2DModel: () => LUMINA2,
  SanaTransformer2DModel: () => SANA,
  Krea2Transformer2DModel: () => KREA2,
  CosmosTransformer3DModel: () => COSMOS,
  FluxTransformer2DModel: () => FLUX,
  ChromaTransformer2DModel: () => CHROMA,
  SD3Transformer2DModel: sd3,
};

/** Layers that an original one consists of, with what becomes of its rows. */
export interface TodaysLayers {
  /** Today's names; of several each has a part of the rows, in this order; none where it is of no use any more. */
  readonly names: readonly string[];
  /** Whether the halves of the rows are changed. */
  readonly swapped: boolean;
  /** How many rows the numbers of one are that lie one after the other. */
  readonly rows?: number | undefined;
}

/** Today's names for a name that a rule fits; undefined where none does. */
export function todaysLayers(
  name: string,
  rules: readonly OriginalRule[],
): TodaysLayers | undefined {
  const found = rules.find(({ stored }) => stored.test(name));
  if (found === undefined) return undefined;
  const names = [found.now].flat().map((now) => name.replace(found.stored, now));
  return { names, swapped: found.swapped === true, rows: found.rows };
}
