import type { originalLayers } from "@denoise/adapters";
import type { JsonObject } from "@denoise/core";
import { autoencoderTensors } from "./autoencoder.ts";
import { autoencoderDcTensors } from "./autoencoder_dc.ts";
import { controlNetName } from "./controlnet.ts";
import { qwenTensors, t5Tensors } from "./gguf_names.ts";
import { languageModels, languageModelTensors } from "./language_models.ts";
import { inside, type NamedTensor, type Tensors, TRANSFORMERS } from "./tensors.ts";
import { textEncoderTensors } from "./text_encoder.ts";
import { transformerTensors } from "./transformers.ts";
import { unetName, type UNetNames } from "./unet.ts";

/** How a model lies in original checkpoints. */
export interface Part {
  /** Its folder in the repos of pipelines; the root of a repo of its own when absent. */
  readonly subfolder?: string | undefined;
  /** Its tensors by today's names; none when the checkpoint does not hold it. */
  tensors(all: Tensors, config: JsonObject): Promise<NamedTensor[]>;
}

/** The models that original checkpoints hold, by their class names. */
export const parts: Readonly<Record<string, Part>> = {
  FluxTransformer2DModel: transformer("FluxTransformer2DModel"),
  Flux2Transformer2DModel: transformer("Flux2Transformer2DModel"),
  Flux3Transformer2DModel: transformer("Flux3Transformer2DModel"),
  QwenImageTransformer2DModel: transformer("QwenImageTransformer2DModel"),
  QwenImage21Transformer2DModel: transformer("QwenImage21Transformer2DModel"),
  ErnieImageTransformer2DModel: transformer("ErnieImageTransformer2DModel"),
  ZImageTransformer2DModel: transformer("ZImageTransformer2DModel"),
  ChromaTransformer2DModel: transformer("ChromaTransformer2DModel"),
  SD3Transformer2DModel: transformer("SD3Transformer2DModel"),
  AuraFlowTransformer2DModel: transformer("AuraFlowTransformer2DModel"),
  Lumina2Transformer2DModel: transformer("Lumina2Transformer2DModel"),
  SanaTransformer2DModel: transformer("SanaTransformer2DModel"),
  Krea2Transformer2DModel: transformer("Krea2Transformer2DModel"),
  CosmosTransformer3DModel: transformer("CosmosTransformer3DModel"),
  AnimaTextConditioner: {
    subfolder: "text_conditioner",
    tensors: (all) => Promise.resolve(animaConditioner(all)),
  },
  ZImageControlNetModel: {
    tensors: (all, config) => Promise.resolve(zImageControlNet(all, config)),
  },
  T5EncoderModel: t5("text_encoders.t5xxl.transformer."),
  UMT5EncoderModel: t5("text_encoders.pile_t5xl.transformer."),
  ...Object.fromEntries(languageModels.map((className) => [className, languageModel(className)])),
  UNet2DConditionModel: {
    subfolder: "unet",
    tensors: (all, config) => renamed(unetTensors(all), unetName, config as unknown as UNetNames),
  },
  AutoencoderKL: {
    subfolder: "vae",
    tensors: (all, config) => {
      const levels = (config["block_out_channels"] as readonly number[]).length;
      return Promise.resolve(autoencoderTensors(vaeTensors(all), levels));
    },
  },
  AutoencoderDC: {
    tensors: (all) =>
      Promise.resolve(autoencoderDcTensors(inside(all, ["first_stage_model.", "vae.", ""]))),
  },
  ControlNetModel: {
    tensors: (all, config) =>
      renamed(inside(all, ["control_model.", ""]), controlNetName, config as unknown as UNetNames),
  },
  CLIPTextModel: {
    subfolder: "text_encoder",
    tensors: (all, config) => textEncoderTensors(all, config, false),
  },
  CLIPTextModelWithProjection: {
    subfolder: "text_encoder_2",
    tensors: (all, config) => textEncoderTensors(all, config, true),
  },
};

/** T5's encoder, after that prefix in a whole checkpoint. */
function t5(prefix: string): Part {
  return { tensors: (all) => Promise.resolve(t5Tensors(all, prefix)) };
}

/** A text encoder that is a language model. */
function languageModel(className: string): Part {
  return {
    subfolder: "text_encoder",
    tensors: (all) => {
      const named = className === "Qwen3Model" ? qwenTensors(all) : undefined;
      return Promise.resolve(named ?? languageModelTensors(className, all));
    },
  };
}

/** What turns words into states, which lies with the transformer of Anima, or in a file of its own. */
function animaConditioner(all: Tensors): NamedTensor[] {
  const within = TRANSFORMERS.map((prefix) => `${prefix}llm_adapter.`);
  const found = inside(all, [...within, "llm_adapter.", "text_conditioner."]);
  return found.length > 0 || !all.has("blocks.0.norm_cross_attn.weight")
    ? found
    : inside(all, [""]);
}

/** A transformer in a checkpoint, or in a file of its own, whose names may be today's already. */
function transformer(className: keyof typeof originalLayers): Part {
  return {
    subfolder: "transformer",
    async tensors(all, config) {
      const stored = inside(all, [...TRANSFORMERS, "transformer.", ""]);
      return await transformerTensors(className, stored, config);
    },
  };
}

/** A ControlNet of Z-Image, whose names are today's; some files hold layers that their kind does not use. */
function zImageControlNet(all: Tensors, config: JsonObject): NamedTensor[] {
  const own = inside(all, [""]).filter(([name]) => name.startsWith("control_"));
  if (config["add_control_noise_refiner"] !== "control_layers") return own;
  return own.filter(([name]) => !name.startsWith("control_noise_refiner."));
}

/** A UNet in a checkpoint, or in a file of its own, whose names may be today's already. */
function unetTensors(all: Tensors): NamedTensor[] {
  const isAlone = all.has("input_blocks.0.0.weight") || all.has("conv_in.weight");
  return inside(all, isAlone ? [""] : ["model.diffusion_model."]);
}

/** An autoencoder in a checkpoint, or in a file of its own. */
function vaeTensors(all: Tensors): NamedTensor[] {
  return inside(all, [
    "first_stage_model.",
    "vae.",
    ...all.has("encoder.conv_in.weight") ? [""] : [],
  ]);
}

function renamed(
  tensors: readonly NamedTensor[],
  nameOf: (stored: string, config: UNetNames) => string,
  config: UNetNames,
): Promise<NamedTensor[]> {
  return Promise.resolve(tensors.map(([name, tensor]) => [nameOf(name, config), tensor]));
}
