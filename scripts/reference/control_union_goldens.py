"""ControlNets for images of several kinds: tests/fixtures/models/ControlNetUnionModel, and images under their control.

    $(sh scripts/reference/setup.sh) scripts/reference/control_union_goldens.py [repos] [models] [task ...]

Writes tests/golden/models/ControlNetUnionModel and tests/golden/tasks/control-union*.
"""

import sys
import warnings

import torch
from diffusers import ControlNetUnionModel

from common import FIXTURES, GOLDEN, generator, seed_of, write_golden
from control_xl_goldens import XL
from model_goldens import Calls
from task_goldens import write_task
from tasks import OTHER, PROMPT, XL_NEGATIVE_SIZES, XL_SIZES, case, latents, mask, photo, swap
from tiny_models import liven

COMMAND = "scripts/reference/control_union_goldens.py"
FOLDER = FIXTURES / "models" / "ControlNetUnionModel"

UNION = {**XL, "num_control_type": 4, "num_trans_channel": 4, "num_trans_head": 2, "num_trans_layer": 1, "num_proj_channel": 4}
CONFIGS = {
    "union": UNION,
    "deep": {**UNION, "num_control_type": 3, "num_trans_layer": 2, "num_trans_head": 1},
    "pooled": {**UNION, "global_pool_conditions": True},
}


def write_repos() -> None:
    for name, config in CONFIGS.items():
        liven(ControlNetUnionModel(**config), seed_of(f"ControlNetUnionModel/{name}")).eval().save_pretrained(FOLDER / name)


@torch.no_grad()
def write_models() -> None:
    for name, config in CONFIGS.items():
        model, calls, g = ControlNetUnionModel.from_pretrained(FOLDER / name).eval(), Calls(), generator(seed_of(name))
        for title, kinds, scale, more in (
            ("one kind", [1], 0.6, {}), ("two kinds", [2, 0], [0.7, 1.3], {}), ("three kinds, one scale", [0, 1, 2], 0.5, {}),
            ("guess mode", [1], 1.5, {"guess_mode": True}), ("guess mode, two kinds", [0, 1], 1.0, {"guess_mode": True}),
            ("two of a kind", [1, 1], 1.0, {}),
        ):
            images = [torch.rand(2, 3, 32, 24, generator=g) for _ in kinds]
            values = {
                "sample": torch.randn(2, 4, 8, 6, generator=g), "timestep": 481.0,
                "encoder_hidden_states": torch.randn(2, 5, config["cross_attention_dim"], generator=g),
            }
            added = {"text_embeds": torch.randn(2, 12, generator=g), "time_ids": torch.randint(0, 1024, (2, 6), generator=g).float()}
            count = model.config.num_control_type
            chosen = torch.zeros(count).scatter_(0, torch.tensor(kinds), 1).reshape(1, -1).repeat(2, 1)
            result = model(**values, controlnet_cond=images, control_type=chosen, control_type_idx=kinds,
                           conditioning_scale=scale, added_cond_kwargs=added, **more)
            inputs = {**values, **more, "control_mode": kinds, "conditioning_scale": scale,
                      **{f"controlnet_cond.{i}": image for i, image in enumerate(images)},
                      **{f"added_cond_kwargs.{key}": value for key, value in added.items()}}
            outputs = {f"down.{i}": value for i, value in enumerate(result.down_block_res_samples)}
            calls.add(title, inputs, {**outputs, "mid": result.mid_block_res_sample})
        write_golden(GOLDEN / "models" / "ControlNetUnionModel" / name, COMMAND, calls.cases, calls.tensors)


EDGES, POSE, PHOTO = photo(32, 32, name="edges"), photo(32, 32, name="pose"), photo(32, 32)
TEXT = dict(prompt=PROMPT, num_inference_steps=5)
ONE = dict(control_image=EDGES, control_mode=1, **TEXT)
BOTH = dict(control_image=[EDGES, POSE], control_mode=[2, 0], **TEXT)
RANGE = dict(control_guidance_start=0.2, control_guidance_end=0.7)
RANGES = dict(controlnet_conditioning_scale=[0.7, 0.3], control_guidance_start=[0.0, 0.4], control_guidance_end=[0.5, 1.0])
IMG2IMG = dict(image=PHOTO, strength=0.7)
INPAINT = dict(image=PHOTO, mask_image=mask(32, 32, (8, 4, 24, 20)))
TWO = dict(num_images_per_prompt=2, seeds=[3, 4])
SCALED = dict(controlnet_conditioning_scale=0.6, **RANGE)
SHARED = [
    case("one kind", **ONE), case("two kinds", **BOTH), case("scales and ranges", **RANGES, **BOTH),
    case("one scale and range, Euler", scheduler=swap("EulerDiscrete"), **SCALED, **ONE),
    case("two images, sizes", **TWO, **XL_SIZES, **BOTH), case("guess mode without guidance", guess_mode=True, guidance_scale=1.0, **ONE),
]


def task(pipeline: str, nets: list[str], cases: list[dict], call: dict = {}, **more) -> dict:
    paths = [f"models/ControlNetUnionModel/{name}" for name in nets]
    return {"pipeline": f"StableDiffusionXLControlNetUnion{pipeline}Pipeline", "repo": "tiny-stable-diffusion-xl",
            "parts": {"controlnet": paths[0] if len(paths) == 1 else paths, **more},
            "cases": [{**one, "call": {**one["call"], **call}} for one in cases]}


TASKS = {
    "control-union": task("", ["union"], [
        *SHARED, case("negative sizes, two images", **TWO, **XL_SIZES, **XL_NEGATIVE_SIZES, **ONE),
        case("an image of odd size, own timesteps", scheduler=swap("DDPM"), control_image=photo(53, 38), control_mode=3, prompt=PROMPT,
             timesteps=[900, 600, 300, 50]),
        case("given size", **{**ONE, "control_image": photo(53, 38), "height": 24, "width": 40}),
        case("up to 0.6 of the noise", denoising_end=0.6, **RANGE, **{**ONE, "num_inference_steps": 10}),
        case("two prompts, two images of each", control_image=[[EDGES, POSE]], control_mode=[1], prompt=[PROMPT, OTHER],
             num_images_per_prompt=2, seeds=[1, 2, 3, 4], num_inference_steps=4),
        case("own latents, a second prompt", prompt_2=OTHER, negative_prompt="blurry", latents=latents(1, 4, 8, 8, seed=7), **BOTH),
    ]),
    "control-union-pooled": task("", ["pooled"], [case("without guidance", guidance_scale=1.0, **ONE)]),
    "control-union-several": task("", ["union", "deep"], [case("a kind each", **BOTH), case("scales and ranges", **RANGES, **BOTH)]),
    "control-union-img2img": task("Img2Img", ["union"], [
        *SHARED, case("negative sizes", **XL_SIZES, **XL_NEGATIVE_SIZES, **ONE)], IMG2IMG),
    "control-union-inpaint": task("Inpaint", ["union"], [
        *SHARED, case("strength 0.6, guidance_rescale", strength=0.6, guidance_rescale=0.7, **ONE),
        case("from 0.3 to 0.9", denoising_start=0.3, denoising_end=0.9, **{**BOTH, "num_inference_steps": 10})], INPAINT),
}


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    for wanted in sys.argv[1:] or ["repos", "models", *TASKS]:
        if wanted in TASKS:
            write_task(wanted, TASKS[wanted], COMMAND)
        else:
            {"repos": write_repos, "models": write_models}[wanted]()
