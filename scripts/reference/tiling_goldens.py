"""Writes tests/golden/tiling: AutoencoderKL in tiles and slices, on models of tests/fixtures.

    $(sh scripts/reference/setup.sh) scripts/reference/tiling_goldens.py
"""

import torch
from diffusers import AutoencoderKL

from common import FIXTURES, GOLDEN, generator, write_golden

COMMAND = "scripts/reference/tiling_goldens.py"
# model, height and width of the image, pixels of a latent
CASES = [("two_layers", 40, 28, 2), ("two_layers", 16, 34, 2), ("no_mid_attention", 26, 20, 2), ("sixteen_channels", 44, 44, 4)]


@torch.no_grad()
def main() -> None:
    cases, tensors = [], {}
    for i, (name, height, width, factor) in enumerate(CASES):
        vae = AutoencoderKL.from_pretrained(FIXTURES / "models" / "AutoencoderKL" / name)
        vae.enable_tiling()
        vae.enable_slicing()
        image = torch.randn(2, 3, height, width, generator=generator(i))
        latents = torch.randn(2, vae.config.latent_channels, height // factor, width // factor, generator=generator(i + 9))
        tensors |= {f"{i}.image": image, f"{i}.mean": vae.encode(image).latent_dist.mean,
                    f"{i}.latents": latents, f"{i}.sample": vae.decode(latents).sample}
        cases.append({"model": name, "index": i})
    write_golden(GOLDEN / "tiling", COMMAND, cases, tensors)


if __name__ == "__main__":
    main()
