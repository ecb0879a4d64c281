"""Writes the random-weight repos that the benchmark runs on, saved by diffusers.

    python make_repos.py FOLDER [name ...]

`sd15`: every component in the size of Stable Diffusion 1.5 (4.3 GB). `small`: 6 million parameters, 128x128 images.
What is there already stays.
"""

import sys
import tempfile
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "reference"))

from diffusers import AutoencoderKL, PNDMScheduler, StableDiffusionPipeline, UNet2DConditionModel  # noqa: E402
from tiny_tokenizer import build_vocab, learn_merges, write_tokenizer, TEXT  # noqa: E402
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer  # noqa: E402

SCHEDULER = dict(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", set_alpha_to_one=False,
                 skip_prk_steps=True, steps_offset=1)
REPOS = {
    "sd15": dict(
        unet=dict(sample_size=64, cross_attention_dim=768, attention_head_dim=8, block_out_channels=(320, 640, 1280, 1280)),
        vae=dict(sample_size=512, block_out_channels=(128, 256, 512, 512), layers_per_block=2,
                 down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4),
        text=dict(vocab_size=49408, hidden_size=768, intermediate_size=3072, num_hidden_layers=12, num_attention_heads=12),
    ),
    "small": dict(
        unet=dict(sample_size=32, cross_attention_dim=128, attention_head_dim=4, block_out_channels=(48, 96, 128),
                  down_block_types=("CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"),
                  up_block_types=("UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"), norm_num_groups=16),
        vae=dict(sample_size=128, block_out_channels=(32, 64, 64), layers_per_block=1,
                 down_block_types=("DownEncoderBlock2D",) * 3, up_block_types=("UpDecoderBlock2D",) * 3),
        text=dict(vocab_size=0, hidden_size=128, intermediate_size=512, num_hidden_layers=4, num_attention_heads=4),
    ),
}


def make(folder: Path, unet: dict, vae: dict, text: dict) -> None:
    torch.manual_seed(0)
    words = len(build_vocab(learn_merges(TEXT, 120)))
    text = {**text, "vocab_size": max(text["vocab_size"], words), "bos_token_id": words - 2, "eos_token_id": words - 1}
    with tempfile.TemporaryDirectory() as temp:
        write_tokenizer(Path(temp))
        pipe = StableDiffusionPipeline(
            unet=UNet2DConditionModel(**unet), vae=AutoencoderKL(**vae), text_encoder=CLIPTextModel(CLIPTextConfig(**text)),
            tokenizer=CLIPTokenizer.from_pretrained(temp), scheduler=PNDMScheduler(**SCHEDULER), safety_checker=None,
            feature_extractor=None, requires_safety_checker=False,
        )
    pipe.save_pretrained(folder)
    write_tokenizer(folder / "tokenizer")
    (folder / "complete").touch()


if __name__ == "__main__":
    root, *names = sys.argv[1:]
    for name in names or REPOS:
        if not (Path(root) / name / "complete").exists():
            make(Path(root) / name, **REPOS[name])
