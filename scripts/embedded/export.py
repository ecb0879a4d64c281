"""Writes what was trained as diffusers repositories: matrices in 8 bits, the rest in 16, no file of 4 MB or more."""

import json
import math
import shutil
from pathlib import Path

import torch
from diffusers import AutoencoderKL, DDPMPipeline, StableDiffusionPipeline
from safetensors.torch import load_file, save_file
from transformers import CLIPTokenizer

from . import denoiser, unconditional
from .progress import EIGHT_BITS, in_eight_bits
from .text import new_text_encoder

SHARD = 3_800_000


def export(folder: Path, tokenizer: Path, target: Path) -> None:
    """`folder` has what training wrote: vae/, unet-0, unet-1 and text.safetensors, training.json."""
    unet, text, vae = denoiser.new_unet(), new_text_encoder(tokenizer), AutoencoderKL.from_pretrained(folder / "vae")
    pipeline = StableDiffusionPipeline(
        vae=vae.half(),
        text_encoder=text.half(),
        tokenizer=CLIPTokenizer.from_pretrained(tokenizer),
        unet=unet.half(),
        scheduler=denoiser.new_scheduler(),
        safety_checker=None,
        feature_extractor=None,
        image_encoder=None,
        requires_safety_checker=False,
    )
    for part in ["unet", "vae", "text_encoder", "tokenizer", "scheduler"]:
        shutil.rmtree(target / part, ignore_errors=True)
    pipeline.save_pretrained(target)
    write_defaults(target / "model_index.json", denoiser.DEFAULTS)
    forget_infinities(target / "scheduler" / "scheduler_config.json")
    trained = {**load_file(folder / "unet-0.safetensors"), **load_file(folder / "unet-1.safetensors")}
    write_shards(target / "unet", "diffusion_pytorch_model", trained)
    words = {f"text_model.{name.removeprefix('text_model.')}": w for name, w in load_file(folder / "text.safetensors").items()}
    write_shards(target / "text_encoder", "model", words)
    compute_in_single(target / "text_encoder" / "config.json")
    write_shards(target / "vae", "diffusion_pytorch_model", vae.state_dict(), half_in_eight_bits)
    # The tokenizer's files as CLIP's own repositories have them: every reader of that format can read these.
    shutil.rmtree(target / "tokenizer")
    shutil.copytree(tokenizer, target / "tokenizer")
    forget_origin(target / "vae" / "config.json")
    shutil.copy(folder / "training.json", target / "training.json")


def export_unconditional(folder: Path, target: Path) -> None:
    shutil.rmtree(target / "unet", ignore_errors=True)
    DDPMPipeline(unconditional.new_model(), unconditional.new_scheduler()).save_pretrained(target)
    write_shards(target / "unet", "diffusion_pytorch_model", load_file(folder / "ddpm.safetensors"))


def half_in_eight_bits(name: str, value: torch.Tensor) -> bool:
    """Of the autoencoder the encoder's: it was not trained for it, and what it encodes decodes as sharply (32.4 dB)."""
    return name.startswith("encoder.") and in_eight_bits(name.removeprefix("encoder."), value)


def write_shards(folder: Path, stem: str, weights: dict[str, torch.Tensor], eight=in_eight_bits) -> None:
    """Rounds as training did, and replaces the weights that save_pretrained wrote."""
    for file in folder.glob(f"{stem}*"):
        file.unlink()
    stored = {
        name: value.float().to(EIGHT_BITS) if eight(name, value) else value.half()
        for name, value in weights.items()
    }
    shards, size = [{}], 0
    for name, value in stored.items():
        bytes_ = value.numel() * value.element_size()
        if size + bytes_ > SHARD:
            shards.append({})
            size = 0
        shards[-1][name] = value.contiguous()
        size += bytes_
    if len(shards) == 1:
        save_file(shards[0], folder / f"{stem}.safetensors", metadata={"format": "pt"})
        return
    places = {}
    for number, shard in enumerate(shards, 1):
        file = f"{stem}-{number:05}-of-{len(shards):05}.safetensors"
        save_file(shard, folder / file, metadata={"format": "pt"})
        places |= dict.fromkeys(shard, file)
    total = sum(value.numel() * value.element_size() for value in stored.values())
    index = {"metadata": {"total_size": total}, "weight_map": places}
    (folder / f"{stem}.safetensors.index.json").write_text(json.dumps(index, indent=0, sort_keys=True) + "\n")


def write_defaults(file: Path, defaults: dict) -> None:
    index = json.loads(file.read_text())
    file.write_text(json.dumps(dict(sorted({**index, "_defaults": defaults}.items())), indent=2) + "\n")


def forget_infinities(file: Path) -> None:
    """Python writes what JSON does not have; the one here (lambda_min_clipped) is the default, and left out says the same."""
    config = json.loads(file.read_text())
    finite = {key: value for key, value in config.items() if value not in (math.inf, -math.inf)}
    file.write_text(json.dumps(finite, indent=2, allow_nan=False) + "\n")


def compute_in_single(file: Path) -> None:
    """transformers computes in the type that the config names, diffusers in single precision by default: both alike."""
    config = json.loads(file.read_text())
    file.write_text(json.dumps({**config, "dtype": "float32"}, indent=2) + "\n")


def forget_origin(file: Path) -> None:
    """The folder that the autoencoder was read from says nothing to others."""
    config = json.loads(file.read_text())
    config.pop("_name_or_path", None)
    file.write_text(json.dumps(config, indent=2) + "\n")
