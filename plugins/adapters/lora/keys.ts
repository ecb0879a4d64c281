import {
  originalLayers,
  type OriginalRule,
  type TodaysLayers,
  todaysLayers,
} from "@denoise/adapters";

/** What a tensor is for the change of a layer; beyond LoRA as LyCORIS names them. */
export type LoraPart =
  | ("down" | "mid" | "up" | "bias" | "alpha" | "magnitude" | "dora_scale" | "diff" | "diff_b")
  | `hada_${"w1_a" | "w1_b" | "w2_a" | "w2_b" | "t1" | "t2"}`
  | `lokr_${"w1" | "w1_a" | "w1_b" | "w2" | "w2_a" | "w2_b" | "t2"}`;

/** What a tensor of a LoRA file is: a part of the change of one layer of one component. */
export interface LoraKey {
  /**
   * The pipeline's component, in camelCase; `"denoiser"` for its UNet or transformer, `"t5"` for the
   * text encoder that is one.
   */
  readonly component: string;
  /** The layer: with dots, or as kohya writes it with underscores. */
  readonly layer: string;
  /** What of its change. */
  readonly part: LoraPart;
}

/** Ends of tensor names, of the styles of PEFT, kohya, LyCORIS and early diffusers. */
const PARTS: readonly (readonly [RegExp, LoraPart | undefined])[] = [
  [/\.lora_A(\.\w+)?\.weight$/, "down"],
  [/\.lora_B(\.\w+)?\.weight$/, "up"],
  [/\.lora_B(\.\w+)?\.bias$/, "bias"],
  [/\.lora_down(\.default)?\.weight$/, "down"],
  [/\.lora_mid\.weight$/, "mid"],
  [/\.lora_up(\.default)?\.weight$/, "up"],
  [/\.lora(_linear_layer|_layer)?\.down\.weight$/, "down"],
  [/\.lora(_linear_layer|_layer)?\.up\.weight$/, "up"],
  [/\.lora(_linear_layer|_layer)?\.up\.bias$/, "bias"],
  [/_lora\d?\.down\.weight$/, "down"],
  [/_lora\d?\.up\.weight$/, "up"],
  [/_lora\.up\.bias$/, "bias"],
  [/\.lora_magnitude_vector(\.\w+){0,2}$/, "magnitude"],
  [/\.dora_scale$/, "dora_scale"],
  [/\.alpha$/, "alpha"],
  [/\.diff$/, "diff"],
  [/\.diff_b$/, "diff_b"],
  // the part is named as in the file
  [/\.((?:hada|lokr)_(?:w[12](?:_[ab])?|t[12]))(\.\w+)?$/, undefined],
];

/** What PEFT puts before the names of a model that it has wrapped. */
const WRAPPED = /^base_model\.model\./;

/** Beginnings of tensor names; the component is named in them, or beside them. */
const COMPONENTS: readonly (readonly [RegExp, LoraKey["component"] | undefined])[] = [
  [/^(lora_unet_|lycoris_|(model\.)?diffusion_model\.)llm_adapter[._]/, "textConditioner"],
  [/^(text_encoder\.qwen3|text_encoders\.qwen3_06b\.transformer\.model)\./, "textEncoder"],
  [/^(lora_unet_|lycoris_|(model\.)?diffusion_model\.)/, "denoiser"],
  [/^lora_transformer_/, "transformer"],
  [/^(lora_te1?_|text_encoders\.clip_l\.transformer\.)/, "textEncoder"],
  [/^(lora_te2_|text_encoders\.clip_g\.transformer\.)/, "textEncoder2"],
  [/^(lora_te3_|text_encoders\.t5xxl\.transformer\.)/, "t5"],
  [
    /^((?:unet|transformer|prior|decoder|controlnet|connectors|text_encoder|text_conditioner)(?:_\d)?)\./,
    undefined,
  ],
];

/** Reads the name of a tensor; undefined for one that is no part of a LoRA. */
export function parseKey(key: string): LoraKey | undefined {
  const end = PARTS.find(([pattern]) => pattern.test(key));
  if (end === undefined) return undefined;
  const part = end[1] ?? end[0].exec(key)![1] as LoraPart;
  const name = xlabsName(key).replace(end[0], "").replace(WRAPPED, "");
  const [pattern, known] = COMPONENTS.find(([pattern]) => pattern.test(name)) ?? [/^/, "denoiser"];
  const component = known ?? camelCase(pattern.exec(name)![1]!);
  const layer = name.replace(pattern, "")
    .replace(WRAPPED, "")
    .replace(/^sformer_blocks\./, "transformer_blocks.") // some exports of FLUX.2
    .replace(/\.processor\.to_/, ".to_") // attention processors of early diffusers
    .replace(/^text_model[._]/, "");
  return { component, layer: todaysName(component, layer), part };
}

/** Names of the lengths of queries and keys, by their authors and in diffusers. */
const NORM = /(?:[._]norm\.(?:query|key)_norm\.scale|\.attn\.norm_(?:added_)?[qk]\.weight)$/;

/**
 * The tensor of a transformer that a tensor of a file takes the place of, as Control LoRAs have some:
 * the lengths of queries and keys.
 */
export function replacedTensor(
  key: string,
  layers: ReadonlyMap<string, string>,
): string | undefined {
  if (!NORM.test(key)) return undefined;
  const name = key.replace(WRAPPED, "").replace(/^(transformer|(model\.)?diffusion_model)\./, "");
  return todaysLayers(name, transformerRules(layers))?.names[0] ?? name;
}

/** What XLabs calls attentions of FLUX.1's blocks by their processors, as its authors call the layers. */
function xlabsName(key: string): string {
  return key
    .replace(
      /\bdouble_blocks\.(\d+)\.processor\.(qkv|proj)_lora([12])\./,
      (_, i, layer, stream) =>
        `double_blocks.${i}.${stream === "1" ? "img" : "txt"}_attn.${layer}_lora.`,
    )
    .replace(/\bsingle_blocks\.(\d+)\.processor\.qkv_lora\./, "single_blocks.$1.qkv_lora.")
    .replace(/\bsingle_blocks\.(\d+)\.processor\.proj_lora\./, "single_blocks.$1.linear2_lora.");
}

function camelCase(role: string): string {
  return role.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
}

/** What the first LoRAs of text encoders called the projections of attention. */
const OLDEST: Readonly<Record<string, string>> = {
  to_q: "q_proj",
  to_k: "k_proj",
  to_v: "v_proj",
  to_out: "out_proj",
};

/** Old names of layers beside today's. */
function todaysName(component: string, layer: string): string {
  if (!component.startsWith("textEncoder")) return layer.replace(/\.to_out$/, ".to_out.0");
  return layer.replace(/(?<=\.self_attn\.)to_(?:q|k|v|out)$/, (name) => OLDEST[name]!);
}

/**
 * The layers of a model that a name in a LoRA file means, whether its parts are joined by dots or by
 * underscores, by diffusers' names or by those of the original models, which have several layers in one.
 *
 * @param layers The model's layers by their names with underscores; see {@linkcode layerIndex}.
 */
export function findLayers(
  name: string,
  layers: ReadonlyMap<string, string>,
): TodaysLayers | undefined {
  const find = (text: string) => layers.get(text.replaceAll(".", "_"));
  const own = find(name) ?? find(diffusersName(name, blocksOf(layers))) ??
    find(name.replace(/\.to_out\.0$/, ".to_out")) ?? // of the single blocks of FLUX.2
    find(name.replace(/[._]([qkvo])_proj$/, (_, of) => of === "o" ? ".to_out.0" : `.to_${of}`)); // of ACE-Step
  if (own !== undefined) return { names: [own], swapped: false };
  const today = todaysLayers(`${name}.`, transformerRules(layers));
  const names = today?.names.map((layer) => find(layer.replace(/\.$/, "")));
  if (names === undefined || names.includes(undefined)) return undefined;
  return { names: names as string[], swapped: today!.swapped };
}

/** Names of a transformer's layers in its authors' files; those of SD3, FLUX.1 and Chroma do not meet. */
function transformerRules(layers: ReadonlyMap<string, string>): readonly OriginalRule[] {
  if (layers.has("single_stream_modulation_linear")) {
    return originalLayers.Flux2Transformer2DModel(0);
  }
  if (layers.has("early_stream_modulations_image_linear")) {
    return originalLayers.Flux3Transformer2DModel(0);
  }
  if (layers.has("cap_embedder_1")) return originalLayers.ZImageTransformer2DModel(0);
  if (layers.has("time_embed_t_embedder_linear_1")) {
    return originalLayers.CosmosTransformer3DModel(0);
  }
  if (layers.has("txt_in_in_layer")) return originalLayers.QwenImage21Transformer2DModel(0);
  if (layers.has("text_fusion_projector")) return originalLayers.Krea2Transformer2DModel(0);
  if (layers.has("time_step_proj_linear_1")) return originalLayers.AuraFlowTransformer2DModel(0);
  if (layers.has("time_caption_embed_caption_embedder_1")) {
    return originalLayers.Lumina2Transformer2DModel(0);
  }
  if (layers.has("caption_projection_linear_1") && layers.has("time_embed_linear")) {
    return originalLayers.SanaTransformer2DModel(0);
  }
  let blocks = 0;
  while (layers.has(`transformer_blocks_${blocks}_attn_to_q`)) blocks++;
  const { SD3Transformer2DModel, ChromaTransformer2DModel } = originalLayers;
  return [...SD3Transformer2DModel(blocks), ...ChromaTransformer2DModel(blocks)];
}

/** Blocks of a level in the down blocks: its residual ones, and what makes it smaller. */
function blocksOf(layers: ReadonlyMap<string, string>): number {
  let count = 0;
  while (layers.has(`down_blocks_0_resnets_${count}_conv1`)) count++;
  return count + 1;
}

/** The layers of a model by their names with underscores, a text encoder's without its wrapper. */
export function layerIndex(layers: Iterable<string>): Map<string, string> {
  return new Map(
    [...layers].map((layer) => [layer.replace(/^text_model\./, "").replaceAll(".", "_"), layer]),
  );
}

/** Parts of a residual block in the original Stable Diffusion and in diffusers. */
const RESNET: Readonly<Record<string, string>> = {
  in_layers_2: "conv1",
  out_layers_3: "conv2",
  emb_layers_1: "time_emb_proj",
  skip_connection: "conv_shortcut",
};

/** Whole names of convolutions outside of the levels, and of embeddings. */
const OUTSIDE: Readonly<Record<string, string>> = {
  input_blocks_0_0: "conv_in",
  out_2: "conv_out",
  time_embed_0: "time_embedding_linear_1",
  time_embed_2: "time_embedding_linear_2",
  label_emb_0_0: "add_embedding_linear_1",
  label_emb_0_2: "add_embedding_linear_2",
};

/** `input_blocks_4_1_...` as `down_blocks_1_attentions_0_...` where a level has three blocks. */
function diffusersName(name: string, blocks: number): string {
  const outside = OUTSIDE[name.replaceAll(".", "_")];
  if (outside !== undefined) return outside;
  const [_, side, blockText, placeText, rest = ""] =
    name.replaceAll(".", "_").match(/^(input_blocks|output_blocks)_(\d+)_(\d+)_?(.*)$/) ?? [];
  const inner = (place: string, base: string, index: string) =>
    place === "0"
      ? `${base}_resnets_${index}_${RESNET[rest] ?? rest}`
      : `${base}_attentions_${index}_${rest}`;
  if (side === "input_blocks") {
    const block = Number(blockText) - 1;
    const [level, index] = [Math.floor(block / blocks), block % blocks];
    return index === blocks - 1
      ? `down_blocks_${level}_downsamplers_0_conv`
      : inner(placeText!, `down_blocks_${level}`, String(index));
  }
  if (side === "output_blocks") {
    const block = Number(blockText);
    const [level, index] = [Math.floor(block / blocks), block % blocks];
    return /^conv$/.test(rest)
      ? `up_blocks_${level}_upsamplers_0_conv`
      : inner(placeText!, `up_blocks_${level}`, String(index));
  }
  const middle = name.replaceAll(".", "_").match(/^middle_block_(\d)_(.*)$/);
  if (middle === null) return name;
  const [, place, tail] = middle;
  return place === "1"
    ? `mid_block_attentions_0_${tail}`
    : `mid_block_resnets_${Number(place) / 2}_${RESNET[tail!] ?? tail}`;
}
