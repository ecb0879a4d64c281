"""How models of the reference are loaded and called whose class alone does not say it, for half_errors.py."""

from pathlib import Path

import diffusers
import torch
import transformers
from diffusers.pipelines.kolors.text_encoder import ChatGLMModel
from diffusers.pipelines.latent_diffusion.pipeline_latent_diffusion import LDMBertModel
from diffusers.pipelines.deprecated.unclip.text_proj import UnCLIPTextProjModel
from diffusers.pipelines.stable_diffusion.clip_image_project_model import CLIPImageProjection
from diffusers.pipelines.stable_diffusion.stable_unclip_image_normalizer import StableUnCLIPImageNormalizer

import anima_goldens  # noqa: F401: in the place of torchvision for Cosmos
import control_xs_goldens
import pixtral  # noqa: F401: in the place of the class that asks for torchvision
import dit_goldens
import transformer_goldens
from common import FIXTURES


def of_library(name: str):
    return getattr(diffusers, name) if hasattr(diffusers, name) else getattr(transformers, name)


def joined_control(folder: Path, dtype: torch.dtype):
    unet = diffusers.UNet2DConditionModel.from_pretrained(FIXTURES / control_xs_goldens.unet_of(folder.name), torch_dtype=dtype, use_safetensors=True)
    adapter = diffusers.ControlNetXSAdapter.from_pretrained(folder, torch_dtype=dtype)
    return diffusers.UNetControlNetXSModel.from_unet(unet, adapter)


def joined_z_image(folder: Path, dtype: torch.dtype):
    net = diffusers.ZImageControlNetModel.from_pretrained(folder, torch_dtype=dtype)
    transformer = diffusers.ZImageTransformer2DModel.from_pretrained(FIXTURES / "tiny-z-image" / "transformer", torch_dtype=dtype)
    return diffusers.ZImageControlNetModel.from_transformer(net, transformer)


def language_model(folder: Path, dtype: torch.dtype):
    return of_library(folder.parent.name).from_pretrained(folder, torch_dtype=dtype).model


LOADERS = {
    "CLIPImageProjection": CLIPImageProjection.from_pretrained,
    "ChatGLMModel": ChatGLMModel.from_pretrained,
    "LDMBertModel": LDMBertModel.from_pretrained,
    "UnCLIPTextProjModel": UnCLIPTextProjModel.from_pretrained,
    "StableUnCLIPImageNormalizer": StableUnCLIPImageNormalizer.from_pretrained,
    "ControlNetXSAdapter": lambda folder, torch_dtype: joined_control(folder, torch_dtype),
    "ZImageControlNetModel": lambda folder, torch_dtype: joined_z_image(folder, torch_dtype),
    "Mistral3ForConditionalGeneration": lambda folder, torch_dtype: language_model(folder, torch_dtype),
    "Qwen3VLForConditionalGeneration": lambda folder, torch_dtype: language_model(folder, torch_dtype),
}


def load(class_name: str, folder: Path, dtype: torch.dtype):
    loader = LOADERS.get(class_name) or of_library(class_name).from_pretrained
    return loader(folder, torch_dtype=dtype).eval()


def rows(values: dict, name: str) -> list:
    """Tensors that are stored one by one."""
    return [value for key, value in values.items() if key.startswith(f"{name}.")]


def without(values: dict, *names: str) -> dict:
    return {key: value for key, value in values.items() if key.split(".")[0] not in names}


def numbered(name: str, tensors) -> dict:
    return {f"{name}.{i}": tensor for i, tensor in enumerate(tensors)}


def cosmos(model, values: dict) -> dict:
    height, width = values["hidden_states"].shape[2:]
    mask = values["hidden_states"].new_zeros(1, 1, 8 * height, 8 * width)
    sample = model(values["hidden_states"].unsqueeze(2), values["timestep"], values["encoder_hidden_states"], padding_mask=mask).sample
    return {"sample": sample.squeeze(2)}


def prior(model, values: dict) -> dict:
    made = model(**values).predicted_image_embedding
    return {"predicted_image_embedding": made, "processed": model.post_process_latents(made)}


def union(model, values: dict) -> dict:
    kinds, images = values["control_mode"], rows(values, "controlnet_cond")
    chosen = values["sample"].new_zeros(model.config.num_control_type)
    chosen[kinds] = 1
    added = {key.split(".")[1]: value for key, value in values.items() if key.startswith("added_cond_kwargs.")}
    found = model(**without(values, "control_mode", "controlnet_cond", "added_cond_kwargs"), controlnet_cond=images, added_cond_kwargs=added,
                  control_type=chosen.reshape(1, -1).repeat(len(values["sample"]), 1), control_type_idx=kinds)
    return {**numbered("down", found.down_block_res_samples), "mid": found.mid_block_res_sample}


def controlled(model, values: dict) -> dict:
    """With an empty image where its control does not count."""
    added = {key.split(".")[1]: value for key, value in values.items() if key.startswith("added_cond_kwargs.")}
    factor = 2 ** (len(model.config.ctrl_conditioning_embedding_out_channels) - 1)
    count, _, height, width = values["sample"].shape
    empty = values["sample"].new_zeros(count, 3, factor * height, factor * width)
    more = {} if "controlnet_cond" in values else {"controlnet_cond": empty, "apply_control": False}
    return {"sample": model(**without(values, "unet", "added_cond_kwargs"), **more, **({"added_cond_kwargs": added} if added else {})).sample}


def z_image_control(model, values: dict) -> dict:
    samples = model(list(values["hidden_states"].unsqueeze(2)), torch.as_tensor(values["timestep"]), rows(values, "texts"),
                    list(values["control_context"].unsqueeze(2)), values["conditioning_scale"])
    return {f"controlnet_block_samples.{i}": sample for i, sample in samples.items()}


def distribution(latents) -> dict:
    return {key: getattr(latents, key) for key in ("mean", "logvar", "std")}


def waveform_vae(model, values: dict) -> dict:
    if "z" in values:
        return {"sample": model.decode(values["z"]).sample}
    return distribution(model.encode(values["sample"]).latent_dist)


def causal(model, values: dict) -> dict:
    found = model(**values, output_hidden_states=True)
    states = found.hidden_states
    return {**numbered("hidden_states", states), "last_hidden_state": states[-1]}


def whole_clap(model, values: dict) -> dict:
    text = model.text_model(**values, output_hidden_states=True)
    return {"last_hidden_state": text.last_hidden_state, "text_embeds": model.text_projection(text.pooler_output),
            **numbered("hidden_states", text.hidden_states)}


def clap(model, values: dict) -> dict:
    found = model(**values, output_hidden_states=True)
    return {"last_hidden_state": found.last_hidden_state, "text_embeds": found.text_embeds, **numbered("hidden_states", found.hidden_states)}


def frame_vae(model, values: dict) -> dict:
    """A video of one frame."""
    if "z" in values:
        return {"sample": model.decode(values["z"].unsqueeze(2)).sample.squeeze(2)}
    found = distribution(model.encode(values["sample"].unsqueeze(2)).latent_dist)
    return {key: value.squeeze(2) for key, value in found.items()}


def ace_step(model, values: dict) -> dict:
    """With times in the numbers of all else, as the pipeline has them."""
    return {"sample": model(**{**values, "timestep": values["timestep"].to(values["hidden_states"].dtype)}).sample}


def ace_step_tokens(model, values: dict) -> dict:
    quantized, indices = model.tokenize(values["latents"], values["silence_latent"])
    return {"quantized": quantized, "indices": indices, "output": model.quantizer.get_output_from_indices(values["indices"])}


def consistency_decoder(model, values: dict) -> dict:
    if "z" in values:
        noise = torch.Generator().manual_seed(values["seed"])
        return {"sample": model.decode(values["z"], generator=noise).sample}
    (model.enable_tiling if values.get("tiled") else model.disable_tiling)()
    return distribution(model.encode(values["sample"]).latent_dist)


TRANSFORMERS = ("QwenImageTransformer2DModel", "QwenImageControlNetModel", "FluxControlNetModel", "SD3ControlNetModel", "Flux3Transformer2DModel",
                "LongCatImageTransformer2DModel", "OvisImageTransformer2DModel", "FluxTransformer2DModel", "SD3Transformer2DModel", "StableAudioDiTModel")
# what each makes of the inputs of a golden, by the golden's names
CALLS = {
    **{name: entry[3] for name, entry in dit_goldens.CLASSES.items()},
    **{name: transformer_goldens.outputs_of for name in TRANSFORMERS},
    **{name: frame_vae for name in ("AutoencoderKLQwenImage", "AutoencoderKLQwenImage21")},
    **{name: causal for name in ("LlamaModel", "Mistral3ForConditionalGeneration", "Qwen3VLForConditionalGeneration", "GPT2Model", "GPT2LMHeadModel")},
    "CosmosTransformer3DModel": cosmos,
    "AnimaTextConditioner": lambda model, values: {"states": model(**values)},
    "AudioLDM2ProjectionModel": lambda model, values: {"hidden_states": model(**values).hidden_states},
    "StableAudioProjectionModel": lambda model, values: dict(model(**values)),
    "StableUnCLIPImageNormalizer": lambda model, values: {"scaled": model.scale(values["embeds"]), "unscaled": model.unscale(values["embeds"])},
    "PriorTransformer": prior,
    "ControlNetUnionModel": union,
    "ControlNetXSAdapter": controlled,
    "UNetControlNetXSModel": controlled,
    "ZImageControlNetModel": z_image_control,
    "T2IAdapter": lambda model, values: numbered("feature", model(values["image"])),
    "CLIPImageProjection": lambda model, values: {"projected": model(values["embeds"])},
    "ConsistencyDecoderVAE": consistency_decoder,
    "UVit2DModel": lambda model, values: {"logits": model(**values)},
    "AutoencoderOobleck": waveform_vae,
    "SpeechT5HifiGan": lambda model, values: {"waveform": model(values["spectrogram"])},
    "AceStepTransformer1DModel": ace_step,
    "AceStepConditionEncoder": lambda model, values: {"encoder_hidden_states": model(**values)[0]},
    "AceStepAudioTokenizer": ace_step_tokens,
    "AceStepAudioTokenDetokenizer": lambda model, values: {"latents": model(values["hidden_states"])},
    "UnCLIPTextProjModel": lambda model, values: dict(zip(("text_encoder_hidden_states", "additive_clip_time_embeddings"), model(**values))),
    "ClapModel": whole_clap,
    "ClapTextModelWithProjection": clap,
}
