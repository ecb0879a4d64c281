"""Writes tests/golden/tiling: autoencoders in tiles and slices, on models of tests/fixtures.

    $(sh scripts/reference/setup.sh) scripts/reference/tiling_goldens.py
"""

import torch
import diffusers

from common import FIXTURES, GOLDEN, generator, write_golden

COMMAND = "scripts/reference/tiling_goldens.py"
# class, model, height and width of the image, pixels of a latent
CASES = [
    ("AutoencoderKL", "two_layers", 40, 28, 2), ("AutoencoderKL", "two_layers", 16, 34, 2), ("AutoencoderKL", "no_mid_attention", 26, 20, 2),
    ("AutoencoderKL", "sixteen_channels", 44, 44, 4), ("AutoencoderKLQwenImage", "two_levels", 280, 24, 2),
]

# the same, after those below: images with alpha, several levels
MORE = [("AutoencoderKLFlux2", "three_levels", 52, 36, 4), ("AutoencoderKLFlux2", "narrow_decoder", 20, 44, 2),
        ("AutoencoderKLQwenImage", "transparent", 24, 280, 4), ("AutoencoderKLQwenImage", "deep", 280, 24, 8),
        ("AutoencoderKLQwenImage21", "qwen21", 280, 24, 4), ("AutoencoderKLQwenImage21", "deep", 32, 272, 16), ("AutoencoderKLQwenImage21", "narrowing", 264, 20, 4)]

# autoencoders of videos of one frame, and where they say how many channels images have
VIDEOS = {"AutoencoderKLQwenImage": "input_channels", "AutoencoderKLQwenImage21": "in_channels"}

# model, samples and latents, which are longer than a tile
WAVEFORMS = [("stereo", 2997, 1100)]


# height and width of images that are larger than a tile of 512; diffusers knows latents of 4 channels and an eighth there alone
TINY = [(560, 16), (24, 1000)]
# of an AutoencoderDC
DEEP = [("sana", 520, 16), ("scales", 16, 992)]


@torch.no_grad()
def main() -> None:
    cases, tensors = [], {}
    numbered = [*enumerate(CASES), *enumerate(MORE, len(CASES) + len(WAVEFORMS) + len(TINY) + len(DEEP))]
    for i, (class_name, name, height, width, factor) in numbered:
        vae = getattr(diffusers, class_name).from_pretrained(FIXTURES / "models" / class_name / name)
        vae.enable_tiling()
        vae.enable_slicing()
        video = class_name in VIDEOS
        frame = (lambda x: x.unsqueeze(2)) if video else (lambda x: x)
        image_of = (lambda x: x.squeeze(2)) if video else (lambda x: x)
        channels = vae.config.z_dim if video else vae.config.latent_channels
        samples = vae.config.get(VIDEOS[class_name]) if video else 3
        image = torch.randn(1 if video else 2, samples, height, width, generator=generator(i))
        latents = torch.randn(len(image), channels, height // factor, width // factor, generator=generator(i + 9))
        tensors |= {f"{i}.image": image, f"{i}.mean": image_of(vae.encode(frame(image)).latent_dist.mean),
                    f"{i}.latents": latents, f"{i}.sample": image_of(vae.decode(frame(latents)).sample)}
        cases.append({"class": class_name, "model": name, "index": i})
    for i, (height, width) in enumerate(TINY, len(CASES) + len(WAVEFORMS)):
        vae = diffusers.AutoencoderTiny.from_pretrained(FIXTURES / "models" / "AutoencoderTiny" / "tiled")
        vae.enable_tiling()
        image = torch.randn(1, 3, height, width, generator=generator(i))
        latents = torch.randn(1, 4, height // 8, width // 8, generator=generator(i + 9))
        tensors |= {f"{i}.image": image, f"{i}.mean": vae.encode(image).latents, f"{i}.latents": latents, f"{i}.sample": vae.decode(latents).sample}
        cases.append({"class": "AutoencoderTiny", "model": "tiled", "index": i})
    for i, (name, height, width) in enumerate(DEEP, len(CASES) + len(WAVEFORMS) + len(TINY)):
        vae = diffusers.AutoencoderDC.from_pretrained(FIXTURES / "models" / "AutoencoderDC" / name)
        vae.enable_tiling()
        image = torch.randn(1, 3, height, width, generator=generator(i))
        latents = torch.randn(1, vae.config.latent_channels, height // 4, width // 4, generator=generator(i + 9))
        tensors |= {f"{i}.image": image, f"{i}.mean": vae.encode(image).latent, f"{i}.latents": latents, f"{i}.sample": vae.decode(latents).sample}
        cases.append({"class": "AutoencoderDC", "model": name, "index": i})
    for i, (name, samples, length) in enumerate(WAVEFORMS, len(CASES)):
        vae = diffusers.AutoencoderOobleck.from_pretrained(FIXTURES / "models" / "AutoencoderOobleck" / name)
        vae.enable_tiling()
        waveform = torch.randn(1, vae.config.audio_channels, samples, generator=generator(i)) * 0.4
        latents = torch.randn(1, vae.config.decoder_input_channels, length, generator=generator(i + 9))
        tensors |= {f"{i}.image": waveform, f"{i}.mean": vae.encode(waveform).latent_dist.mean, f"{i}.latents": latents,
                    f"{i}.sample": vae.decode(latents).sample}
        cases.append({"class": "AutoencoderOobleck", "model": name, "index": i})
    write_golden(GOLDEN / "tiling", COMMAND, cases, tensors, r"\.(mean|sample)$")


if __name__ == "__main__":
    main()
