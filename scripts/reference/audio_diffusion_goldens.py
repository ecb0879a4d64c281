"""Writes tests/fixtures/tiny-audio-diffusion and tiny-latent-audio-diffusion, and what they give.

    $(sh scripts/reference/setup.sh) -m pip install librosa
    $(sh scripts/reference/setup.sh) scripts/reference/audio_diffusion_goldens.py

The audio are left out: librosa finds other ones each time. `spectrogram` is what Mel makes of `audio`.
"""

import numpy
import torch
from diffusers import AudioDiffusionPipeline, AutoencoderKL, DDIMScheduler, DDPMScheduler, UNet2DConditionModel, UNet2DModel
from diffusers.pipelines.deprecated.audio_diffusion import Mel

from common import GOLDEN, generator, write_golden
from task_repos import folder
from tiny_models import liven

COMMAND = "scripts/reference/audio_diffusion_goldens.py"
MEL = dict(x_res=32, y_res=16, sample_rate=8000, n_fft=256, hop_length=64, n_iter=4)
_LEVELS = dict(block_out_channels=(4, 8), layers_per_block=1, norm_num_groups=2)
PIXELS = dict(
    **_LEVELS, sample_size=(16, 32), in_channels=1, out_channels=1, attention_head_dim=4,
    down_block_types=("DownBlock2D", "AttnDownBlock2D"), up_block_types=("AttnUpBlock2D", "UpBlock2D"),
)
LATENTS = dict(
    **_LEVELS, sample_size=(8, 16), in_channels=1, out_channels=1, attention_head_dim=2, cross_attention_dim=6,
    down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"), up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
)
VAE = dict(
    **_LEVELS, in_channels=1, out_channels=1, latent_channels=1, sample_size=16,
    down_block_types=("DownEncoderBlock2D",) * 2, up_block_types=("UpDecoderBlock2D",) * 2,
)
CALLS = {
    "tiny-audio-diffusion": [
        ("out of noise", {"steps": 4}, [3]),
        ("two audio clips", {"steps": 3, "batch_size": 2}, [1, 2]),
        ("DDIM, eta 1, a generator of its own", {"steps": 3, "eta": 1.0, "step_generator": 8}, [4]),
        ("DDPM", {"steps": 3, "scheduler": "DDPM"}, [5]),
        ("own noise", {"steps": 3, "noise": True}, [6]),
        ("an audio clip changed from a step on", {"steps": 5, "raw_audio": True, "start_step": 2}, [7]),
        ("both ends kept", {"steps": 4, "raw_audio": True, "mask_start_secs": 0.05, "mask_end_secs": 0.09}, [8]),
        ("the second slice, changed, with an end kept",
         {"steps": 5, "raw_audio": True, "slice": 1, "start_step": 1, "mask_start_secs": 0.1}, [9]),
    ],
    "tiny-latent-audio-diffusion": [
        ("out of noise", {"steps": 3, "encoding": True}, [3]),
        ("an audio clip changed and its ends kept",
         {"steps": 4, "encoding": True, "raw_audio": True, "start_step": 1, "mask_start_secs": 0.06, "mask_end_secs": 0.05}, [4]),
    ],
}


def tone() -> torch.Tensor:
    """Two slices and a bit: a tone that rises, another, a pause, some noise."""
    t = torch.arange(32 * 64 * 2 + 100) / 8000
    wave = 0.4 * torch.sin(2 * torch.pi * (300 + 900 * t) * t) + 0.2 * torch.sin(2 * torch.pi * 1760 * t)
    wave += 0.01 * torch.randn(len(t), generator=generator(0))
    wave[900:1300] = 0
    return wave.float()


def repos() -> dict[str, AudioDiffusionPipeline]:
    pixels = AudioDiffusionPipeline(
        vqvae=None, unet=liven(UNet2DModel(**PIXELS), 1).eval(), mel=Mel(**MEL), scheduler=DDIMScheduler())
    latent = AudioDiffusionPipeline(
        vqvae=liven(AutoencoderKL(**VAE), 2).eval(), unet=liven(UNet2DConditionModel(**LATENTS), 3).eval(), mel=Mel(**MEL),
        scheduler=DDIMScheduler())
    return {"tiny-audio-diffusion": pixels, "tiny-latent-audio-diffusion": latent}


@torch.no_grad()
def write(name: str, pipe: AudioDiffusionPipeline) -> None:
    pipe.set_progress_bar_config(disable=True)
    pipe.save_pretrained(folder(name))
    audio, ddim = tone(), pipe.scheduler
    pipe.mel.load_audio(raw_audio=audio.numpy())
    slices = [numpy.asarray(pipe.mel.audio_slice_to_image(i)) for i in range(2)]
    tensors = {
        "audio": audio, "spectrogram": torch.from_numpy(numpy.stack(slices)),
        "noise": torch.randn(1, 1, 16, 32, generator=generator(50)), "encoding": torch.randn(1, 3, 6, generator=generator(51)),
    }
    cases = []
    for title, call, seeds in CALLS[name]:
        own, given = dict(call), {}
        pipe.scheduler = DDPMScheduler() if own.pop("scheduler", None) else ddim
        for key, value in own.items():
            given[key] = {"raw_audio": audio.numpy(), "noise": tensors["noise"].clone(), "encoding": tensors["encoding"],
                          "step_generator": generator(8)}.get(key, value)
        generators = [generator(seed) for seed in seeds]
        images = pipe(**given, generator=generators[0] if len(seeds) == 1 else generators).images
        key = f"{len(cases)}.images"
        tensors[key] = torch.from_numpy(numpy.stack([numpy.asarray(image) for image in images]))
        cases.append({"name": title, "call": call, "seeds": seeds, "images": key})
    write_golden(GOLDEN / "pipelines" / name, COMMAND, cases, tensors)


if __name__ == "__main__":
    for name, pipe in repos().items():
        write(name, pipe)
