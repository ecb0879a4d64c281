"""LDM3D: two autoencoders with depth, tests/golden/tasks/ldm3d*, and tests/golden/ldm3d (depth).

    $(sh scripts/reference/setup.sh) scripts/reference/ldm3d_goldens.py [repos] [depth] [task ...]
"""

import sys
import warnings

import numpy
import torch
from diffusers.image_processor import VaeImageProcessorLDM3D
from diffusers.pipelines.deprecated.stable_diffusion_ldm3d.pipeline_stable_diffusion_ldm3d import LDM3DPipelineOutput

from common import GOLDEN, generator, seed_of, write_golden
from make_repos import VAE_FACTOR_4
from task_goldens import load, write_task
from task_repos import folder
from tasks import OTHER, PROMPT, SAFETY, TEXT, case, latents, swap
from tiny_models import build

COMMAND = "scripts/reference/ldm3d_goldens.py"
# colours and a depth, or colours and a depth in three channels of bytes
CHANNELS = (4, 6)
vae = lambda channels: f"parts/AutoencoderKL/ldm3d-{channels}"  # noqa: E731
# images of depth fail in diffusers 0.42.1: with this Pillow always, and before with a high byte that does not fit
VaeImageProcessorLDM3D.numpy_to_depth = lambda self, images: []
LDM3DPipelineOutput.images = property(lambda self: self.rgb)


def write_repos() -> None:
    for channels in CHANNELS:
        config = {**VAE_FACTOR_4, "in_channels": channels, "out_channels": channels}
        build("AutoencoderKL", config, seed_of(vae(channels))).save_pretrained(folder(vae(channels)))


def depth_of(decoded: torch.Tensor) -> numpy.ndarray:
    """As numpy_to_depth means it: [N, H, W] of 0 to 65535."""
    values = (decoded / 2 + 0.5).clamp(0, 1).permute(0, 2, 3, 1).numpy()
    if values.shape[-1] == 4:
        return (values[..., 3] * 65535.0).astype(numpy.uint16)
    whole = (values[..., 3:] * 255).round().astype("uint8").astype(numpy.int32)
    return numpy.stack([VaeImageProcessorLDM3D.rgblike_to_depthmap(one) for one in whole])


@torch.no_grad()
def write_depth() -> None:
    cases, tensors = [], {}
    for channels in CHANNELS:
        pipe, seen = load(TASKS[f"ldm3d-{channels}"]), []
        decode = pipe.vae.decode

        def watch(*args, **kwargs):
            made = decode(*args, **kwargs)
            seen.append(made[0])
            return made

        pipe.vae.decode = watch
        call = dict(prompt=PROMPT, num_inference_steps=3)
        pipe(**call, generator=generator(5))
        tensors[f"{channels}"] = torch.from_numpy(depth_of(seen[0]).astype(numpy.float32))
        cases.append({"task": f"ldm3d-{channels}", "call": call, "seed": 5, "depth": f"{channels}"})
    write_golden(GOLDEN / "ldm3d", COMMAND, cases, tensors, r"^\d$")


def task(channels: int, cases: list[dict], **parts) -> dict:
    return {"pipeline": "StableDiffusionLDM3DPipeline", "repo": "tiny-stable-diffusion", "parts": {"vae": vae(channels), **parts}, "cases": cases}


TASKS = {
    "ldm3d-6": task(6, [
        case("the repo's own scheduler", **TEXT),
        case("Euler, guidance_rescale, a rectangle", scheduler=swap("EulerDiscrete"), guidance_rescale=0.7, height=24, width=48, **TEXT),
        case("two prompts, two images each", num_images_per_prompt=2, seeds=[1, 2, 3, 4], **{**TEXT, "prompt": [PROMPT, OTHER]}),
        case("DDIM, eta 1, own latents", scheduler=swap("DDIM"), eta=1.0, latents=latents(1, 4, 8, 8, seed=7), **TEXT),
        case("without guidance, clip_skip", guidance_scale=1.0, clip_skip=1, **TEXT),
        case("own timesteps", scheduler=swap("DDPM"), timesteps=[900, 500, 100], prompt=PROMPT),
    ]),
    "ldm3d-4": task(4, [case("the repo's own scheduler", **TEXT), case("negative prompt", negative_prompt="blurry", **TEXT)]),
    "ldm3d-safety": task(6, [case("six images", num_images_per_prompt=6, seeds=[1, 2, 3, 4, 5, 6], **TEXT)], **SAFETY),
}

if __name__ == "__main__":
    warnings.simplefilter("ignore")
    for wanted in sys.argv[1:] or ["repos", "depth", *TASKS]:
        if wanted in ("repos", "depth"):
            (write_repos if wanted == "repos" else write_depth)()
        else:
            write_task(wanted, TASKS[wanted], COMMAND)
