import { DenoiseError } from "@denoise/core";
import { readTensor } from "@denoise/safetensors";
import { languageModels } from "./language_models.ts";
import { type Tensors, TRANSFORMERS } from "./tensors.ts";

/** Tensors that tell checkpoints apart, as diffusers does (`infer_diffusers_model_type`). */
const UNET = "model.diffusion_model.input_blocks.0.0.weight";
const CONTEXT = "model.diffusion_model.input_blocks.2.1.transformer_blocks.0.attn2.to_k.weight";
const XL = "conditioner.embedders.1.model.transformer.resblocks.9.mlp.c_proj.bias";
const REFINER = "conditioner.embedders.0.model.transformer.resblocks.9.mlp.c_proj.bias";
const UPSCALER = "model.diffusion_model.input_blocks.10.0.skip_connection.bias";

/** A kind of checkpoint that is known, and the repo whose configs it has. */
export const repos: Readonly<Record<string, string>> = {
  v1: "stable-diffusion-v1-5/stable-diffusion-v1-5",
  v2: "stabilityai/stable-diffusion-2-1",
  xl_base: "stabilityai/stable-diffusion-xl-base-1.0",
  xl_refiner: "stabilityai/stable-diffusion-xl-refiner-1.0",
  xl_inpaint: "diffusers/stable-diffusion-xl-1.0-inpainting-0.1",
  inpainting: "stable-diffusion-v1-5/stable-diffusion-inpainting",
  inpainting_v2: "stabilityai/stable-diffusion-2-inpainting",
  upscale: "stabilityai/stable-diffusion-x4-upscaler",
  sd3: "stabilityai/stable-diffusion-3-medium-diffusers",
  sd35_large: "stabilityai/stable-diffusion-3.5-large",
  sd35_medium: "stabilityai/stable-diffusion-3.5-medium",
  "flux-dev": "black-forest-labs/FLUX.1-dev",
  "flux-fill": "black-forest-labs/FLUX.1-Fill-dev",
  "flux-depth": "black-forest-labs/FLUX.1-Depth-dev",
  "flux-schnell": "black-forest-labs/FLUX.1-schnell",
  chroma: "lodestones/Chroma1-HD",
  "flux2-dev": "black-forest-labs/FLUX.2-dev",
  "flux2-klein-4b": "black-forest-labs/FLUX.2-klein-4B",
  "flux2-klein-9b": "black-forest-labs/FLUX.2-klein-9B",
  "flux3-klein": "black-forest-labs/flux-3-image-klein",
  "flux3-klein-base": "black-forest-labs/flux-3-image-klein-base",
  "qwen-image": "Qwen/Qwen-Image",
  "qwen-image-2.1": "Qwen/Qwen-Image-2.1",
  "z-image": "Tongyi-MAI/Z-Image-Turbo",
  auraflow: "fal/AuraFlow-v0.3",
  lumina2: "Alpha-VLLM/Lumina-Image-2.0",
  krea2: "krea/Krea-2-Raw",
  anima: "circlestone-labs/Anima-Base-v1.0-Diffusers",
  sana: "Efficient-Large-Model/Sana_1600M_1024px_diffusers",
};

/** A tensor of a transformer in a whole checkpoint, or in a file of its own. */
function ofTransformer(tensors: Tensors, name: string) {
  const prefix = [...TRANSFORMERS, ""].find((prefix) => tensors.has(prefix + name));
  return prefix === undefined ? undefined : tensors.get(prefix + name);
}

/** The kind of a transformer, as diffusers tells them apart; undefined where there is none. */
function transformerKind(tensors: Tensors): string | undefined {
  const find = (name: string) => ofTransformer(tensors, name);
  const joint = find("joint_blocks.0.context_block.adaLN_modulation.1.bias");
  if (joint !== undefined) {
    const isMedium = joint.dims[0] === 9216; // of 24 blocks, each 1536 wide
    if (!isMedium) return "sd35_large";
    return find("pos_embed")?.dims[1] === 147456 ? "sd35_medium" : "sd3";
  }
  if (find("distilled_guidance_layer.in_proj.bias") !== undefined) return "chroma";
  if (find("single_stream_modulation.lin.weight") !== undefined) {
    const width = find("img_in.weight")?.dims[0];
    return width === 3072 ? "flux2-klein-4b" : width === 4096 ? "flux2-klein-9b" : "flux2-dev";
  }
  if (find("early_stream_modulations.image.lin.weight") !== undefined) {
    const isDistilled = find("ref_time_in.in_layer.weight") !== undefined;
    return isDistilled ? "flux3-klein" : "flux3-klein-base";
  }
  if (find("layers.0.adaLN_modulation.0.weight") !== undefined) return "z-image";
  if (find("cond_seq_linear.weight") !== undefined) return "auraflow";
  if (find("layers.0.adaLN_modulation.1.weight") !== undefined) return "lumina2";
  if (find("blocks.0.cross_attn.q_linear.weight") !== undefined) return "sana";
  if (find("txtfusion.projector.weight") !== undefined) return "krea2";
  if (find("blocks.0.adaln_modulation_self_attn.1.weight") !== undefined) return "anima";
  if (find("txt_in.text_norm.weight") !== undefined) return "qwen-image-2.1";
  if (find("transformer_blocks.0.img_mod.1.weight") !== undefined) return "qwen-image";
  if (find("double_blocks.0.img_attn.norm.key_norm.scale") === undefined) return undefined;
  if (find("guidance_in.in_layer.bias") === undefined) return "flux-schnell";
  const channels = find("img_in.weight")?.dims[1];
  return channels === 384 ? "flux-fill" : channels === 128 ? "flux-depth" : "flux-dev";
}

/** Repos of ControlNets whose configs others have, by what diffusers tells them apart. */
function controlNetRepo(tensors: Tensors): string {
  if (!tensors.has("add_embedding.linear_1.weight")) return "lllyasviel/control_v11p_sd15_canny";
  const level = "down_blocks.1.attentions.0";
  const repo = "diffusers/controlnet-canny-sdxl-1.0";
  if (tensors.has(`${level}.transformer_blocks.0.attn1.to_k.weight`)) return repo;
  return tensors.has(`${level}.norm.weight`) ? `${repo}-mid` : `${repo}-small`;
}

/** The repo of a ControlNet of Z-Image, by version as diffusers tells them apart. */
async function zImageControlNetRepo(tensors: Tensors): Promise<string> {
  const repo = "hlky/Z-Image-Turbo-Fun-Controlnet-Union";
  if (!tensors.has("control_layers.14.adaLN_modulation.0.weight")) return repo;
  const refiner = tensors.get("control_noise_refiner.0.before_proj.weight");
  const isUsed = refiner !== undefined &&
    (await readTensor(refiner)).toFloat32Array().some((value) => value !== 0);
  return `${repo}-${isUsed ? "2.1" : "2.0"}`;
}

/** The repo of a deep compression autoencoder, by its channels as diffusers tells them apart. */
function autoencoderDcRepo(tensors: Tensors): string {
  const repo = (name: string) => `mit-han-lab/dc-ae-${name}-1.0-diffusers`;
  if (tensors.has("encoder.project_in.conv.bias")) return repo("f32c32-sana");
  const first = [...tensors].find(([name]) => /^decoder\.project_in\..*conv\.weight$/.test(name));
  const channels = first?.[1].dims[1];
  if (channels === 128) return repo("f64c128-mix");
  return channels === 512 ? repo("f128c512-mix") : repo("f32c32-mix");
}

/** Classes whose files do not say their config. */
const ENCODERS = ["T5EncoderModel", "UMT5EncoderModel", ...languageModels];

/** The repo whose config a model alone has; a file that says nothing of its kind is of the first one. */
export async function repoOf(tensors: Tensors, className: string): Promise<string> {
  if (className === "ControlNetModel") return controlNetRepo(tensors);
  if (className === "ZImageControlNetModel") return await zImageControlNetRepo(tensors);
  if (className === "AutoencoderDC") return autoencoderDcRepo(tensors);
  if (ENCODERS.includes(className)) {
    throw new DenoiseError(
      "missing_component",
      `Cannot load ${className} from a file alone, which does not say its config: give the repo or folder ` +
        'that has it, as { config: "owner/name", subfolder: "text_encoder" }',
    );
  }
  const transformer = transformerKind(tensors);
  if (transformer !== undefined) return repos[transformer]!;
  const words = tensors.get("text_model.embeddings.token_embedding.weight")?.dims[1];
  if (className === "CLIPTextModelWithProjection" && words === 1280) return repos.xl_base!;
  const labels = tensors.get("label_emb.0.0.weight")?.dims[1]; // of a UNet in a file of its own
  if (labels === 2816) return repos.xl_base!;
  if (labels === 2560) return repos.xl_refiner!;
  const alone = new Map(
    [...tensors].map(([name, tensor]) => [`model.diffusion_model.${name}`, tensor]),
  );
  const all = tensors.has(UNET) ? tensors : alone;
  return all.has(UNET) ? repos[kindOf(all, className)]! : repos.v1!;
}

/**
 * Which kind of model a checkpoint holds.
 *
 * @throws {DenoiseError} `unexpected_tensor` when it is no original checkpoint of a known kind.
 */
export function kindOf(tensors: Tensors, file: string): string {
  const transformer = transformerKind(tensors);
  if (transformer !== undefined) return transformer;
  const first = tensors.get(UNET);
  if (first === undefined) {
    const names = [...tensors.keys()].slice(0, 3).map((name) => JSON.stringify(name)).join(", ");
    throw new DenoiseError(
      "unexpected_tensor",
      `Cannot load ${
        JSON.stringify(file)
      } as a checkpoint of Stable Diffusion, FLUX, Chroma, Qwen-Image, Z-Image, Krea 2, Anima, ` +
        `AuraFlow, Lumina 2 or Sana: ` +
        `it has no "${UNET}", but ${names || "nothing"}; a part alone, such as a UNet or a LoRA, ` +
        `is loaded by its own class`,
    );
  }
  const isV2 = tensors.get(CONTEXT)?.dims.at(-1) === 1024;
  if (first.dims[1] === 9) {
    return isV2 ? "inpainting_v2" : tensors.has(XL) ? "xl_inpaint" : "inpainting";
  }
  if (isV2) return "v2";
  if (tensors.has(XL)) return "xl_base";
  if (tensors.has(REFINER)) return "xl_refiner";
  return tensors.has(UPSCALER) ? "upscale" : "v1";
}
