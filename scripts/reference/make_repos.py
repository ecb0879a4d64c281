"""Writes the tiny repos of tests/fixtures, with random weights, saved by diffusers itself.

    $(sh scripts/reference/setup.sh) scripts/reference/make_repos.py

`models/CLASS/NAME` hold one model each (the configurations of tiny_models.py); the other folders are whole repos.
Where repos on the Hub are older than diffusers 0.42.1, the saved files are edited into what those repos hold.
"""

import json
import shutil
import tempfile
from pathlib import Path

import torch
from diffusers import (
    DDIMPipeline,
    DDIMScheduler,
    DDPMPipeline,
    DDPMScheduler,
    PNDMScheduler,
    StableDiffusionPipeline,
)
from safetensors.torch import load_file, save_file
from transformers import CLIPTokenizer

from common import FIXTURES, seed_of
from tiny_models import AUTOENCODER_KL, CLIP_TEXT, MODELS, UNET_2D, UNET_2D_CONDITION, build, tiny
from tiny_tokenizer import write_tokenizer

OLD_ATTENTION = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}
# scheduler_config.json of SD 1.5 as stored: no timestep_spacing, no prediction_type, a key that PNDM does not have
SD15_SCHEDULER = {
    "_class_name": "PNDMScheduler", "_diffusers_version": "0.6.0", "beta_end": 0.012, "beta_schedule": "scaled_linear",
    "beta_start": 0.00085, "num_train_timesteps": 1000, "set_alpha_to_one": False, "skip_prk_steps": True,
    "steps_offset": 1, "trained_betas": None, "clip_sample": False,
}
DDPM_CAT_SCHEDULER = {
    "_class_name": "DDPMScheduler", "_diffusers_version": "0.1.1", "beta_end": 0.02, "beta_schedule": "linear",
    "beta_start": 0.0001, "clip_sample": True, "num_train_timesteps": 1000, "trained_betas": None,
    "variance_type": "fixed_small",
}
VAE_FACTOR_4 = {**AUTOENCODER_KL["sd1"], "block_out_channels": (4, 4, 8), "down_block_types": ("DownEncoderBlock2D",) * 3,
                "up_block_types": ("UpDecoderBlock2D",) * 3}


def fresh(name: str) -> Path:
    """The folder of a fixture, emptied; those of other scripts stay."""
    shutil.rmtree(FIXTURES / name, ignore_errors=True)
    return FIXTURES / name


def edit_json(path: Path, change) -> None:
    value = json.loads(path.read_text())
    change(value)
    path.write_text(json.dumps(value, indent=2) + "\n")


def keep_keys(*keys: str):
    def change(config: dict) -> None:
        for key in set(config) - set(keys):
            del config[key]

    return change


def edit_weights(path: Path, change) -> None:
    save_file(change(load_file(path)), path, metadata={"format": "pt"})


def old_attention_names(tensors: dict) -> dict:
    def rename(name: str) -> str:
        for new, old in OLD_ATTENTION.items():
            name = name.replace(f".{new}.", f".{old}.")
        return name

    return {rename(name): tensor for name, tensor in tensors.items()}


def old_clip_names(tensors: dict) -> dict:
    """Tensor names of transformers before 5, and the buffer that its older releases saved."""
    positions = tensors["embeddings.position_embedding.weight"].shape[0]
    return {
        **{f"text_model.{name}": tensor for name, tensor in tensors.items()},
        "text_model.embeddings.position_ids": torch.arange(positions).reshape(1, -1),
    }


def models() -> None:
    for class_name, configs in MODELS.items():
        for name in configs:
            folder = fresh(f"models/{class_name}/{name}")
            tiny(class_name, name).save_pretrained(folder)
            if name == "old_names":
                edit_weights(folder / "diffusion_pytorch_model.safetensors", old_attention_names)
            if class_name == "CLIPTextModel" and name != "no_prefix":
                edit_weights(folder / "model.safetensors", old_clip_names)


def stable_diffusion(name: str, *, unet: dict, vae: dict, text: dict, scheduler, pad: str, **save) -> Path:
    folder = fresh(name)
    with tempfile.TemporaryDirectory() as temp:
        write_tokenizer(Path(temp), pad=pad)
        pipe = StableDiffusionPipeline(
            unet=build("UNet2DConditionModel", unet, seed_of(f"{name}/unet")),
            vae=build("AutoencoderKL", vae, seed_of(f"{name}/vae")),
            text_encoder=build("CLIPTextModel", text, seed_of(f"{name}/text_encoder")),
            tokenizer=CLIPTokenizer.from_pretrained(temp),
            scheduler=scheduler, safety_checker=None, feature_extractor=None, requires_safety_checker=False,
        )
        if save.get("variant") == "fp16":
            pipe.to(torch.float16)
        pipe.save_pretrained(folder, safe_serialization=True, **save)
    shutil.rmtree(folder / "tokenizer")
    write_tokenizer(folder / "tokenizer", pad=pad)
    return folder


def stable_diffusion_repos() -> None:
    sd1 = dict(unet=UNET_2D_CONDITION["sd1"], vae=VAE_FACTOR_4, text=CLIP_TEXT["sd1"], pad="<|endoftext|>")
    folder = stable_diffusion("tiny-stable-diffusion", scheduler=PNDMScheduler.from_config(SD15_SCHEDULER), **sd1)
    (folder / "scheduler" / "scheduler_config.json").write_text(json.dumps(SD15_SCHEDULER, indent=2) + "\n")
    edit_json(folder / "model_index.json", lambda index: index.update(_diffusers_version="0.6.0"))
    edit_json(folder / "vae" / "config.json", keep_keys(
        "_class_name", "act_fn", "block_out_channels", "down_block_types", "in_channels", "latent_channels",
        "layers_per_block", "norm_num_groups", "out_channels", "sample_size", "up_block_types"))
    edit_weights(folder / "vae" / "diffusion_pytorch_model.safetensors", old_attention_names)
    edit_weights(folder / "text_encoder" / "model.safetensors", old_clip_names)

    stable_diffusion(
        "tiny-stable-diffusion-2",
        unet=UNET_2D_CONDITION["sd2"], vae=AUTOENCODER_KL["sd1"], text=CLIP_TEXT["sd2"], pad="!",
        scheduler=DDIMScheduler(
            beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", clip_sample=False,
            set_alpha_to_one=False, steps_offset=1, prediction_type="v_prediction",
        ),
    )
    stable_diffusion("tiny-stable-diffusion-fp16", variant="fp16", scheduler=PNDMScheduler.from_config(SD15_SCHEDULER), **sd1)


def unconditional_repos() -> None:
    ddpm = DDPMPipeline(tiny("UNet2DModel", "ddpm"), DDPMScheduler())
    ddpm.save_pretrained(fresh("tiny-ddpm"))
    ddim = DDIMPipeline(tiny("UNet2DModel", "heads"), DDIMScheduler())
    ddim.save_pretrained(fresh("tiny-ddim"))
    ddim.to(torch.float16).save_pretrained(FIXTURES / "tiny-ddim", variant="fp16")

    # google/ddpm-cat-256: everything at the root, early names and keys
    root = fresh("tiny-ddpm-root")
    build("UNet2DModel", UNET_2D["ddpm_two_layers"], seed_of("tiny-ddpm-root")).save_pretrained(root)
    edit_weights(root / "diffusion_pytorch_model.safetensors", old_attention_names)
    edit_json(root / "config.json", keep_keys(
        "_class_name", "act_fn", "attention_head_dim", "block_out_channels", "center_input_sample", "down_block_types",
        "downsample_padding", "flip_sin_to_cos", "freq_shift", "in_channels", "layers_per_block",
        "mid_block_scale_factor", "norm_eps", "norm_num_groups", "out_channels", "sample_size", "time_embedding_type",
        "up_block_types", "_diffusers_version"))
    edit_json(root / "config.json", lambda config: config.update(_diffusers_version="0.0.4"))
    (root / "scheduler_config.json").write_text(json.dumps(DDPM_CAT_SCHEDULER, indent=2) + "\n")
    (root / "model_index.json").write_text(json.dumps({
        "_class_name": "DDPMPipeline", "_diffusers_version": "0.0.4",
        "scheduler": ["diffusers", "DDPMScheduler"], "unet": ["diffusers", "UNet2DModel"],
    }, indent=2) + "\n")

    sharded = DDPMPipeline(tiny("UNet2DModel", "scale_shift"), DDPMScheduler())
    sharded.save_pretrained(fresh("tiny-ddpm-sharded"), max_shard_size="20KB")
    pickled = DDPMPipeline(tiny("UNet2DModel", "no_mid"), DDPMScheduler())
    pickled.save_pretrained(fresh("tiny-ddpm-bin"), safe_serialization=False)


def tokenizers() -> None:
    write_tokenizer(FIXTURES / "tokenizers" / "clip-77")
    write_tokenizer(FIXTURES / "tokenizers" / "clip-16", max_length=16, pad="!", merges=40)


if __name__ == "__main__":
    models()
    tokenizers()
    stable_diffusion_repos()
    unconditional_repos()
