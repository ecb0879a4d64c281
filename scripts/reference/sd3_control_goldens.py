"""Writes ControlNets of Stable Diffusion 3 and the images that diffusers makes with them: tests/golden/tasks/sd3-control*.

    $(sh scripts/reference/setup.sh) scripts/reference/sd3_control_goldens.py [task ...]

diffusers encodes control images with noise of torch's own generator; here it takes the mean, as denoise does.
"""

import sys
import warnings

from diffusers.models.autoencoders.vae import DiagonalGaussianDistribution

from sd3_goldens import NO_T5
from task_goldens import write_task
from tasks import OTHER, PROMPT, case, latents, mask, photo, swap, tensor

COMMAND = "scripts/reference/sd3_control_goldens.py"
NETS = "models/SD3ControlNetModel/"
SIZE = dict(height=32, width=32)
TEXT = dict(prompt=PROMPT, num_inference_steps=4, max_sequence_length=40, **SIZE)
EDGES = dict(control_image=photo(40, 33), **TEXT)
TWO = [photo(40, 33), photo(32, 32, name="another")]
CASES = [
    case("an image", **EDGES),
    case("a rectangle, without guidance", **{**EDGES, "height": 24, "width": 56}, guidance_scale=1.0),
    case("half of it", controlnet_conditioning_scale=0.5, **EDGES),
    case("two prompts, an image each, two images of each", **{**EDGES, "prompt": [PROMPT, OTHER], "control_image": TWO},
         num_images_per_prompt=2, seeds=[5, 6, 7, 8]),
    case("one image for two prompts", **{**EDGES, "prompt": [PROMPT, OTHER], "seeds": [1, 2]}, negative_prompt=["blurry", "grey"]),
    case("from 0.3 to 0.8", control_guidance_start=0.3, control_guidance_end=0.8, **EDGES),
    case("a tensor, whose size counts", **{**EDGES, "control_image": tensor(1, 3, 40, 24, seed=3, low=-1)}),
    case("its own latents and sigmas", latents=latents(1, 16, 8, 8, seed=3), sigmas=[1.0, 0.6, 0.25], **EDGES),
    case("clip_skip, other texts", clip_skip=1, prompt_2=OTHER, prompt_3="a green tree", **EDGES),
]
SEVERAL = dict(TEXT, control_image=TWO)
MASKED = dict(control_image=photo(40, 33), control_mask=mask(40, 33, (8, 4, 24, 20)), **TEXT)
MASK = [
    case("an image", **MASKED),
    case("a rectangle, without guidance, half of it", **{**MASKED, "height": 24, "width": 56}, guidance_scale=1.0, controlnet_conditioning_scale=0.5),
    case("two images a prompt, a negative one", num_images_per_prompt=2, seeds=[3, 4], negative_prompt="blurry", **MASKED),
    case("two prompts, an image and a mask each", **{
        **MASKED, "prompt": [PROMPT, OTHER], "seeds": [1, 2], "control_image": TWO, "control_mask": [MASKED["control_mask"], mask(32, 32, (0, 16, 32, 32))]}),
    case("from 0.3 to 0.8", control_guidance_start=0.3, control_guidance_end=0.8, **MASKED),
    case("its own latents, Heun", latents=latents(1, 16, 8, 8, seed=3), scheduler=swap("FlowMatchHeunDiscrete"), **MASKED),
]


def task(repo: str, nets: str | list[str], cases: list[dict], pipeline: str = "StableDiffusion3ControlNetPipeline") -> dict:
    paths = NETS + nets if isinstance(nets, str) else [NETS + net for net in nets]
    return {"pipeline": pipeline, "repo": repo, "parts": {"controlnet": paths} | (NO_T5 if repo == "tiny-sd3-large" else {}), "cases": cases}


TASKS = {
    "sd3-control": task("tiny-sd3", "sd3", CASES),
    "sd3-control-pooled": task("tiny-sd3", "pooled", CASES[:4]),
    "sd3-control-large": task("tiny-sd3-large", "large", CASES),
    "sd3-control-two": task("tiny-sd3", ["sd3", "deep"], [
        case("two images", controlnet_conditioning_scale=[0.7, 0.4], **SEVERAL),
        case("two images a prompt, ranges", controlnet_conditioning_scale=[1.0, 0.4], control_guidance_start=[0.0, 0.3],
             control_guidance_end=[0.6, 1.0], num_images_per_prompt=2, seeds=[1, 2], **SEVERAL),
    ]),
    "sd3-control-inpaint": task("tiny-sd3", "inpaint", MASK, "StableDiffusion3ControlNetInpaintingPipeline"),
}


def mean_without_generator() -> None:
    drawn = DiagonalGaussianDistribution.sample
    DiagonalGaussianDistribution.sample = lambda self, generator=None: self.mode() if generator is None else drawn(self, generator)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    mean_without_generator()
    for name in sys.argv[1:] or TASKS:
        write_task(name, TASKS[name], COMMAND)
