"""Writes autoencoders of transformer families to tests/fixtures/models and what they give: tests/golden/models/CLASS/NAME.

    $(sh scripts/reference/setup.sh) scripts/reference/autoencoder_goldens.py [CLASS ...]

An image is the only frame of a video for those that know videos; the goldens have no axis for it.
"""

import sys
import warnings

import torch
from diffusers import AutoencoderKLFlux2, AutoencoderKLQwenImage, AutoencoderKLQwenImage21

from common import FIXTURES, GOLDEN, generator, seed_of, write_golden
from model_goldens import Calls
from tiny_models import liven

COMMAND = "scripts/reference/autoencoder_goldens.py"

_QWEN = dict(base_dim=4, z_dim=4, dim_mult=[1, 2, 2], num_res_blocks=1, temperal_downsample=[False, True],
             latents_mean=[-0.7571, 0.1075, 0.9653, -0.1517], latents_std=[2.8184, 1.4541, 0.7, 1.2196])
QWEN = {
    "qwen": _QWEN,
    # four levels and sixteen channels, as the real one
    "deep": {**_QWEN, "z_dim": 16, "dim_mult": [1, 2, 4, 4], "num_res_blocks": 2, "temperal_downsample": [False, True, True],
             "latents_mean": [0.1 * i - 0.8 for i in range(16)], "latents_std": [1.0 + 0.1 * i for i in range(16)]},
    # images with transparency, as Qwen-Image-Layered has them
    "transparent": {**_QWEN, "input_channels": 4, "temperal_downsample": [True, False]},
    "two_levels": {**_QWEN, "base_dim": 6, "dim_mult": [2, 1], "temperal_downsample": [True]},
}
_FLUX2 = dict(block_out_channels=(4, 8), layers_per_block=1, norm_num_groups=2, sample_size=16, latent_channels=4,
              down_block_types=("DownEncoderBlock2D",) * 2, up_block_types=("UpDecoderBlock2D",) * 2)
FLUX2 = {
    "flux2": _FLUX2,
    "three_levels": {**_FLUX2, "block_out_channels": (4, 4, 8), "down_block_types": ("DownEncoderBlock2D",) * 3,
                     "up_block_types": ("UpDecoderBlock2D",) * 3, "latent_channels": 8, "use_quant_conv": False, "batch_norm_eps": 1e-2},
    # a decoder of its own width
    "narrow_decoder": {**_FLUX2, "decoder_block_out_channels": (2, 4), "use_post_quant_conv": False},
}
_QWEN21 = dict(base_dim=4, decoder_base_dim=6, z_dim=4, dim_mult=[1, 2, 2], num_res_blocks=1, temperal_downsample=[False, True], scale_factor_spatial=4,
               latents_mean=[-0.7571, 0.1075, 0.9653, -0.1517], latents_std=[2.8184, 1.4541, 0.7, 1.2196])
QWEN21 = {
    "qwen21": _QWEN21,
    # five levels, as the real one; means of as many, half as many and of twice as many
    "deep": {**_QWEN21, "dim_mult": [1, 2, 4, 8, 8], "temperal_downsample": [False, True, True, True], "num_res_blocks": 2, "scale_factor_spatial": 16,
             "z_dim": 8, "latents_mean": [0.1 * i - 0.8 for i in range(8)], "latents_std": [1.0 + 0.1 * i for i in range(8)]},
    "narrowing": {**_QWEN21, "base_dim": 8, "decoder_base_dim": None, "dim_mult": [4, 2, 1], "temperal_downsample": [True, True], "in_channels": 3, "out_channels": 3},
    "plain": {**_QWEN21, "is_residual": False, "temperal_downsample": [True, False]},
}
CLASSES = {"AutoencoderKLQwenImage": QWEN, "AutoencoderKLFlux2": FLUX2, "AutoencoderKLQwenImage21": QWEN21}
VIDEOS = (AutoencoderKLQwenImage, AutoencoderKLQwenImage21)


def as_image(video: torch.Tensor) -> torch.Tensor:
    return video.squeeze(2) if video.ndim == 5 else video


def calls_of(model, seed: int) -> Calls:
    calls, g, config = Calls(), generator(seed), model.config
    video = isinstance(model, VIDEOS)
    factor = 2 ** (len(config.temperal_downsample) if video else len(config.block_out_channels) - 1)
    colors, channels = (config.get("input_channels") or config.in_channels, config.z_dim) if video else (config.in_channels, config.latent_channels)
    frame = (lambda x: x.unsqueeze(2)) if video else (lambda x: x)
    for batch, height, width in ((2, 2, 2), (1, 3, 2)):
        image = torch.rand(batch, colors, height * factor * 2, width * factor * 2, generator=g) * 2 - 1
        latent_dist = model.encode(frame(image)).latent_dist
        calls.add(f"encode {batch}", {"sample": image}, {
            "mean": as_image(latent_dist.mean), "logvar": as_image(latent_dist.logvar), "std": as_image(latent_dist.std),
            "sample_seed_7": as_image(latent_dist.sample(generator(7))),
        }, method="encode")
        latents = torch.randn(batch, channels, height * 2, width * 2, generator=g) * 2
        sample = as_image(model.decode(frame(latents)).sample)
        calls.add(f"decode {batch}", {"z": latents}, {"sample": sample}, method="decode")
    return calls


def build_qwen(config: dict, seed: int, cls=AutoencoderKLQwenImage):
    """Weights under which images fill the range without much clipping."""
    model = liven(cls(**config), seed).eval()
    latents = torch.randn(2, config["z_dim"], 1, 8, 8, generator=generator(seed))
    model.decoder.conv_out.weight.data *= 0.1
    out = model.decode(latents).sample
    model.decoder.conv_out.weight.data *= 0.4 / float(out.std())
    return model


def build_flux2(config: dict, seed: int) -> AutoencoderKLFlux2:
    model = liven(AutoencoderKLFlux2(**config), seed).eval()
    g = generator(seed + 1)
    model.bn.running_mean.data = 0.2 * torch.randn(model.bn.running_mean.shape, generator=g)
    model.bn.running_var.data = 1 + 0.2 * torch.randn(model.bn.running_var.shape, generator=g)
    latents = torch.randn(2, config["latent_channels"], 8, 8, generator=generator(seed))
    out = model.decode(latents).sample
    model.decoder.conv_out.weight.data *= 0.45 / float(out.std())
    return model


def build_qwen21(config: dict, seed: int) -> AutoencoderKLQwenImage21:
    return build_qwen(config, seed, AutoencoderKLQwenImage21)


BUILD = {"AutoencoderKLQwenImage": build_qwen, "AutoencoderKLFlux2": build_flux2, "AutoencoderKLQwenImage21": build_qwen21}

if __name__ == "__main__":
    warnings.simplefilter("ignore")
    with torch.no_grad():
        for class_name in sys.argv[1:] or CLASSES:
            for name, config in CLASSES[class_name].items():
                model = BUILD[class_name](config, seed_of(f"{class_name}/{name}"))
                model.save_pretrained(FIXTURES / "models" / class_name / name)
                calls = calls_of(model, seed_of(name))
                write_golden(GOLDEN / "models" / class_name / name, COMMAND, calls.cases, calls.tensors)
