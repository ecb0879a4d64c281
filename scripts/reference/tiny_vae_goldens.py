"""Writes tests/fixtures/models/AutoencoderTiny and tests/golden/models/AutoencoderTiny.

    $(sh scripts/reference/setup.sh) scripts/reference/tiny_vae_goldens.py
"""

import sys

import torch
from diffusers import AutoencoderTiny

from common import GOLDEN, generator, seed_of, write_golden
from task_repos import folder
from tiny_models import liven

COMMAND = "scripts/reference/tiny_vae_goldens.py"
CONFIGS = {
    # madebyollin/taesd with narrower levels, for pipelines whose latents are a quarter as wide
    "taesd": dict(encoder_block_out_channels=(8, 8, 8), decoder_block_out_channels=(8, 8, 8), num_encoder_blocks=(1, 2, 2),
                  num_decoder_blocks=(2, 2, 1)),
    # madebyollin/taef1 and taesd3: for latents of 16 channels
    "taef1": dict(encoder_block_out_channels=(8, 8, 8), decoder_block_out_channels=(8, 8, 8), num_encoder_blocks=(1, 1, 1),
                  num_decoder_blocks=(1, 1, 1), latent_channels=16),
    "bilinear": dict(encoder_block_out_channels=(4, 4), decoder_block_out_channels=(8, 8), num_encoder_blocks=(1, 1),
                     num_decoder_blocks=(1, 0), act_fn="gelu", upsample_fn="bilinear", latent_channels=6),
    # an eighth, the only factor that diffusers can cut into tiles
    "tiled": dict(encoder_block_out_channels=(4,) * 4, decoder_block_out_channels=(4,) * 4, num_encoder_blocks=(1,) * 4,
                  num_decoder_blocks=(1,) * 4),
}


@torch.no_grad()
def write(name: str, config: dict) -> None:
    model = liven(AutoencoderTiny(**config), seed_of(f"AutoencoderTiny/{name}")).eval()
    model.save_pretrained(folder(f"models/AutoencoderTiny/{name}"))
    image = torch.rand(2, 3, 24, 16, generator=generator(1)) * 2 - 1
    latents = torch.randn(2, model.config.latent_channels, 6, 10, generator=generator(2))
    tensors = {"sample": image, "mean": model.encode(image).latents, "z": latents, "decoded": model.decode(latents).sample}
    cases = [
        {"name": "encode", "method": "encode", "inputs": {"sample": {"tensor": "sample"}}, "outputs": {"mean": {"tensor": "mean"}}},
        {"name": "decode", "method": "decode", "inputs": {"z": {"tensor": "z"}}, "outputs": {"sample": {"tensor": "decoded"}}},
    ]
    write_golden(GOLDEN / "models" / "AutoencoderTiny" / name, COMMAND, cases, tensors)


if __name__ == "__main__":
    for name in sys.argv[1:] or CONFIGS:
        write(name, CONFIGS[name])
