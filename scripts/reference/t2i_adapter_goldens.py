"""T2I-Adapters: tests/fixtures/models/T2IAdapter, what they give, and images under their control.

    $(sh scripts/reference/setup.sh) scripts/reference/t2i_adapter_goldens.py [repos] [models] [task ...]

Writes tests/golden/models/T2IAdapter and tests/golden/tasks/t2i-adapter*.
"""

import sys
import warnings

import torch
from diffusers import T2IAdapter

from common import FIXTURES, GOLDEN, generator, seed_of, write_golden
from model_goldens import Calls
from task_goldens import write_task
from tasks import OTHER, PROMPT, XL_NEGATIVE_SIZES, XL_SIZES, case, latents, photo, swap, tensor
from tiny_models import liven

COMMAND = "scripts/reference/t2i_adapter_goldens.py"
FOLDER = FIXTURES / "models" / "T2IAdapter"

# The widths of tests/fixtures/tiny-stable-diffusion and -xl, whose images are four times as large as their latents
CONFIGS = {
    "full": dict(channels=[4, 8, 8], num_res_blocks=2, downscale_factor=4),
    "grey": dict(in_channels=1, channels=[4, 8, 8], num_res_blocks=1, downscale_factor=4),
    "light": dict(channels=[4, 8], num_res_blocks=3, downscale_factor=4, adapter_type="light_adapter"),
    # as for UNets whose first level has no attention, which is given the features after it was halved
    "xl": dict(channels=[4, 8, 8, 8], num_res_blocks=2, downscale_factor=8, adapter_type="full_adapter_xl"),
    "xl-grey": dict(in_channels=1, channels=[4, 8, 8, 8], num_res_blocks=1, downscale_factor=8, adapter_type="full_adapter_xl"),
}


def write_repos() -> None:
    for name, config in CONFIGS.items():
        liven(T2IAdapter(**config), seed_of(f"T2IAdapter/{name}")).eval().save_pretrained(FOLDER / name)


@torch.no_grad()
def write_models() -> None:
    for name in CONFIGS:
        model, calls, g = T2IAdapter.from_pretrained(FOLDER / name).eval(), Calls(), generator(seed_of(name))
        factor = model.config.downscale_factor
        for title, batch, rows, columns in (("an image", 1, 8, 8), ("two of odd sides", 2, 7, 5)):
            image = torch.rand(batch, model.config.in_channels, factor * rows, factor * columns, generator=g)
            calls.add(title, {"image": image}, {f"feature.{i}": value for i, value in enumerate(model(image))})
        write_golden(GOLDEN / "models" / "T2IAdapter" / name, COMMAND, calls.cases, calls.tensors)


EDGES, POSE = photo(32, 32, name="edges"), photo(32, 32, name="pose")
TEXT = dict(prompt=PROMPT, num_inference_steps=5)
CALL = dict(image=EDGES, **TEXT)
TWO = dict(num_images_per_prompt=2, seeds=[3, 4])
PROMPTS = dict(prompt=[PROMPT, OTHER], image=[EDGES, POSE], num_images_per_prompt=2, seeds=[1, 2, 3, 4], num_inference_steps=4)
SHARED = [
    case("the repo's own scheduler", **CALL),
    case("Euler, scale 0.4", scheduler=swap("EulerDiscrete"), adapter_conditioning_scale=0.4, **CALL),
    case("without guidance", guidance_scale=1.0, **CALL),
    case("two images a prompt", **TWO, **CALL),
    case("two prompts, an image each, two images of each", **PROMPTS),
    case("an image of odd size", **{**CALL, "image": photo(58, 43)}),
    case("given size", **{**CALL, "image": photo(58, 43), "height": 48, "width": 32}),
    case("a tensor", **{**CALL, "image": tensor(1, 3, 32, 48, seed=5)}),
    case("own latents, DDIM, eta 1", scheduler=swap("DDIM"), eta=1.0, latents=latents(1, 4, 8, 8, seed=7), **CALL),
    case("own timesteps", scheduler=swap("DDPM"), image=EDGES, prompt=PROMPT, timesteps=[900, 600, 300, 50]),
]
SEVERAL = [
    case("scales", adapter_conditioning_scale=[0.7, 0.3], **{**CALL, "image": [EDGES, POSE]}),
    case("two images a prompt", adapter_conditioning_scale=[1.0, 0.5], **TWO, **{**CALL, "image": [EDGES, POSE]}),
]
PART = [
    case(f"{factor} of the steps{title}", scheduler=scheduler, adapter_conditioning_factor=factor, **more, **CALL)
    for factor, title, scheduler, more in (
        (0.5, "", None, {}), (0.0, "", None, {}), (0.7, ", Heun", swap("HeunDiscrete"), {}),
        (0.5, ", up to 0.6 of the noise", None, dict(denoising_end=0.6)))
]


def task(xl: bool, nets: list[str], cases: list[dict], **parts) -> dict:
    paths = [f"models/T2IAdapter/{name}" for name in nets]
    return {"pipeline": f"StableDiffusion{'XL' if xl else ''}AdapterPipeline",
            "repo": f"tiny-stable-diffusion{'-xl' if xl else ''}",
            "parts": {"adapter": paths[0] if len(paths) == 1 else paths, **parts}, "cases": cases}


GREY = [case("a grey image", **{**CALL, "image": photo(32, 32, "L", "edges")}),
        case("a grey image of another size", **{**CALL, "image": photo(45, 50, "L", "edges"), "height": 32, "width": 48})]
TASKS = {
    "t2i-adapter": task(False, ["full"], [*SHARED, case("clip_skip, negative prompt", clip_skip=1, negative_prompt="blurry", **CALL)]),
    "t2i-adapter-light": task(False, ["light"], SHARED[:2]),
    "t2i-adapter-grey": task(False, ["grey"], GREY),
    "t2i-adapter-several": task(False, ["full", "light"], SEVERAL),
    "t2i-adapter-xl": task(True, ["xl"], [
        *SHARED, *PART, case("negative sizes, two images", **TWO, **XL_SIZES, **XL_NEGATIVE_SIZES, **CALL),
        case("guidance_rescale, a second prompt", guidance_rescale=0.7, prompt_2=OTHER, negative_prompt_2="dark", **CALL)]),
    "t2i-adapter-xl-grey": task(True, ["xl-grey"], GREY),
    "t2i-adapter-xl-several": task(True, ["xl", "xl"], SEVERAL),
}


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    for wanted in sys.argv[1:] or ["repos", "models", *TASKS]:
        if wanted in TASKS:
            write_task(wanted, TASKS[wanted], COMMAND)
        else:
            {"repos": write_repos, "models": write_models}[wanted]()
