"""DiffEdit: tests/golden/tasks/diffedit (calls) and tests/golden/diffedit (masks and inverted latents).

    $(sh scripts/reference/setup.sh) scripts/reference/diffedit_goldens.py [methods] [task ...]
"""

import sys
import warnings

import diffusers
import torch

from common import GOLDEN, generator, write_golden
from task_goldens import load, store, write_task
from tasks import OTHER, PHOTO, PROMPT, case, latents, mask, photo, swap, tensor

COMMAND = "scripts/reference/diffedit_goldens.py"
# 8 of 10 steps at the usual strength
EDIT = dict(prompt=OTHER, num_inference_steps=5, mask_image=mask(8, 8, (2, 1, 6, 5)), image_latents=latents(1, 4, 4, 8, 8, seed=3))
TASKS = {
    "diffedit": {"pipeline": "StableDiffusionDiffEditPipeline", "repo": "tiny-stable-diffusion", "parts": {}, "cases": [
        case("DDIM, one step", scheduler=swap("DDIM"), **{**EDIT, "num_inference_steps": 2, "image_latents": latents(1, 1, 4, 8, 8, seed=3)}),
        case("DDIM", scheduler=swap("DDIM"), **EDIT),
        case("DDIM, eta 1, negative prompt", scheduler=swap("DDIM"), eta=1.0, negative_prompt=PROMPT, **EDIT),
        case("DPM-Solver++, a mask of two dimensions", scheduler=swap("DPMSolverMultistep"), **{**EDIT, "mask_image": tensor(8, 8, seed=6)}),
        case("Euler, a rectangle, half of the way", scheduler=swap("EulerDiscrete"), inpaint_strength=0.5, **{
            **EDIT, "mask_image": tensor(1, 6, 10, seed=6), "image_latents": latents(1, 2, 4, 6, 10, seed=4)}),
        case("two images a prompt, clip_skip", scheduler=swap("DDIM"), num_images_per_prompt=2, seeds=[3, 4], clip_skip=1, **EDIT),
        case("two prompts with a mask and latents each", scheduler=swap("DDIM"), seeds=[1, 2], **{
            **EDIT, "prompt": [PROMPT, OTHER], "mask_image": tensor(2, 8, 8, seed=6), "image_latents": latents(2, 4, 4, 8, 8, seed=4)}),
        case("without guidance", scheduler=swap("DDIM"), guidance_scale=1.0, **EDIT),
    ]},
}
BOTH = dict(image=PHOTO, source_prompt=PROMPT, target_prompt=OTHER, num_maps_per_mask=3, num_inference_steps=6)
MASKS = [
    ("two prompts", None, dict(BOTH)),
    ("negative prompts, another edge", None, dict(BOTH, source_negative_prompt="blurry", target_negative_prompt="a dog", mask_thresholding_ratio=1.5)),
    ("DDIM, one map, more noise", swap("DDIM"), dict(BOTH, num_maps_per_mask=1, mask_encode_strength=0.9, image=photo(53, 38))),
    ("two images", swap("DDPM"), dict(BOTH, image=[PHOTO, photo(32, 32, name="another")], source_prompt=[PROMPT, OTHER], target_prompt=["a dog", "a red car"])),
]
INVERT = dict(prompt=PROMPT, image=PHOTO, num_inference_steps=5)
INVERSIONS = [
    ("the usual strength", "DDIMInverse", dict(INVERT)),
    ("all of the way, without guidance", "DDIMInverse", dict(INVERT, inpaint_strength=1.0, guidance_scale=1.0)),
    ("DPM-Solver, negative prompt", "DPMSolverMultistepInverse", dict(INVERT, negative_prompt="blurry", inpaint_strength=0.5)),
    ("two images", "DDIMInverse", dict(INVERT, prompt=[PROMPT, OTHER], image=[PHOTO, photo(32, 32, name="another")])),
]


@torch.no_grad()
def write_methods() -> None:
    pipe, cases, tensors = load(TASKS["diffedit"]), [], {}
    own = pipe.scheduler

    def add(method: str, name: str, scheduler: dict | None, call: dict, seeds: list[int], made: torch.Tensor) -> None:
        tensors[f"{len(cases)}.made"] = made
        given = {key: store(value, tensors) for key, value in call.items()}
        cases.append({"name": name, "method": method, "scheduler": scheduler, "seeds": seeds, "call": given, "made": f"{len(cases)}.made"})

    for name, wanted, call in MASKS:
        pipe.scheduler = own if wanted is None else getattr(diffusers, wanted["class"]).from_config(own.config, **wanted["config"])
        count = call["num_maps_per_mask"] * (2 if isinstance(call["image"], list) else 1)
        seeds = list(range(1, count + 1))
        found = pipe.generate_mask(**call, generator=[generator(seed) for seed in seeds])
        add("generate_mask", name, wanted, call, seeds, torch.from_numpy(found).float())
    pipe.scheduler = own
    for name, wanted, call in INVERSIONS:
        pipe.inverse_scheduler = getattr(diffusers, f"{wanted}Scheduler").from_config(own.config)
        seeds = [1, 2] if isinstance(call["image"], list) else [1]
        found = pipe.invert(**call, generator=[generator(seed) for seed in seeds]).latents
        add("invert", name, {"class": f"{wanted}Scheduler", "config": {}}, call, seeds, found)
    write_golden(GOLDEN / "diffedit", COMMAND, cases, tensors, r"\.made$")


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    for wanted in sys.argv[1:] or ["methods", *TASKS]:
        if wanted == "methods":
            write_methods()
        else:
            write_task(wanted, TASKS[wanted], COMMAND)
