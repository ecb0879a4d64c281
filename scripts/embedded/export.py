"""Writes what was trained as a diffusers repository, in half precision and in files of less than 4 MB."""

import json
import shutil
from pathlib import Path

import torch
from diffusers import AutoencoderKL, StableDiffusionPipeline
from safetensors.torch import load_file, save_file
from transformers import CLIPTokenizer

from .diffusion import new_scheduler, new_unet
from .text import new_text_encoder

SHARD = "3800KB"


def trained_pipeline(folder: Path) -> StableDiffusionPipeline:
    """The pipeline with the averaged weights of the last checkpoint, in single precision."""
    tokenizer = CLIPTokenizer.from_pretrained(folder / "tokenizer")
    unet, text = new_unet(), new_text_encoder(tokenizer)
    saved = torch.load(folder / "unet.ckpt", weights_only=False)
    shadow = iter(saved["average"].values())
    with torch.no_grad():
        for parameter in [*unet.parameters(), *text.parameters()]:
            parameter.copy_(next(shadow))
    pipeline = StableDiffusionPipeline(
        vae=AutoencoderKL.from_pretrained(folder / "vae"),
        text_encoder=text,
        tokenizer=tokenizer,
        unet=unet,
        scheduler=new_scheduler(),
        safety_checker=None,
        feature_extractor=None,
        image_encoder=None,
        requires_safety_checker=False,
    )
    pipeline.unet.eval(), pipeline.text_encoder.eval(), pipeline.vae.eval()
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def export(folder: Path, target: Path) -> None:
    pipeline = trained_pipeline(folder).to(torch.float16)
    for part in ["unet", "vae", "text_encoder", "tokenizer", "scheduler"]:
        shutil.rmtree(target / part, ignore_errors=True)
    pipeline.save_pretrained(target, max_shard_size=SHARD)
    # The tokenizer's files as CLIP's own repositories have them: every reader of that format can read these.
    shutil.rmtree(target / "tokenizer")
    shutil.copytree(folder / "tokenizer", target / "tokenizer")
    prefix_names(target / "text_encoder" / "model.safetensors")
    compute_in_single(target / "text_encoder" / "config.json")
    forget_origin(target / "vae" / "config.json")
    write_log(folder, target)


def prefix_names(file: Path) -> None:
    """Names of the text encoder's weights as the repositories on the Hub have them: every transformers reads those."""
    weights = {f"text_model.{name.removeprefix('text_model.')}": value for name, value in load_file(file).items()}
    save_file(weights, file, metadata={"format": "pt"})


def compute_in_single(file: Path) -> None:
    """transformers computes in the type that the config names, diffusers in single precision by default: both alike."""
    config = json.loads(file.read_text())
    file.write_text(json.dumps({**config, "dtype": "float32"}, indent=2) + "\n")


def forget_origin(file: Path) -> None:
    """The folder that the autoencoder was read from says nothing to others."""
    config = json.loads(file.read_text())
    del config["_name_or_path"]
    file.write_text(json.dumps(config, indent=2) + "\n")


def write_log(folder: Path, target: Path) -> None:
    stages = {}
    for file in sorted(folder.glob("*.ckpt")):
        saved = torch.load(file, weights_only=False)
        stages[file.stem] = {"steps": saved["step"], "seconds": round(saved["seconds"]), "log": saved["log"]}
    (target / "training.json").write_text(json.dumps(stages, indent=1) + "\n")
