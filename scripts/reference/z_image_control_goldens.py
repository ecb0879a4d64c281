"""Writes ControlNets of Z-Image, what they give, and the images that diffusers makes with them: tests/golden/tasks/z-image-control*.

    $(sh scripts/reference/setup.sh) scripts/reference/z_image_control_goldens.py [models] [task ...]
"""

import sys
import warnings

import torch
from diffusers import ZImageControlNetModel, ZImageTransformer2DModel

from common import FIXTURES, GOLDEN, generator, seed_of, write_golden
from model_goldens import Calls
from task_goldens import write_task
from tasks import OTHER, PROMPT, case, latents, mask, photo, tensor
from tiny_models import liven

COMMAND = "scripts/reference/z_image_control_goldens.py"
# layers of the transformer in tests/fixtures/tiny-z-image
_NET = dict(dim=48, n_refiner_layers=1, n_heads=3, n_kv_heads=3, control_in_dim=4, control_layers_places=[0])
NETS = {
    # alibaba-pai/Z-Image-Turbo-Fun-Controlnet-Union
    "union": {**_NET, "control_layers_places": [0, 1]},
    # version 2.0, whose layers go before the transformer's twice
    "union2": {**_NET, "control_in_dim": 9, "add_control_noise_refiner": "control_layers", "control_refiner_layers_places": [0],
               "control_layers_places": [0, 1]},
    # version 2.1
    "union21": {**_NET, "control_in_dim": 9, "add_control_noise_refiner": "control_noise_refiner", "control_refiner_layers_places": [0]},
}


def write_models() -> None:
    for name, config in NETS.items():
        net = liven(ZImageControlNetModel(**config), seed_of(f"ZImageControlNetModel/{name}")).eval()
        net.save_pretrained(FIXTURES / "models" / "ZImageControlNetModel" / name)
        transformer = ZImageTransformer2DModel.from_pretrained(FIXTURES / "tiny-z-image" / "transformer").eval()
        net = ZImageControlNetModel.from_transformer(net, transformer)
        calls, g = Calls(), generator(seed_of(name))
        for label, rows, height, width, tokens, scale in (("two images", 2, 8, 8, 5, 1.0), ("a rectangle, more text, less of it", 1, 4, 10, 37, 0.4)):
            values = {
                "hidden_states": torch.randn(rows, 4, height, width, generator=g), "timestep": torch.rand(rows, generator=g),
                "control_context": torch.randn(rows, config["control_in_dim"], height, width, generator=g), "conditioning_scale": scale,
                **{f"texts.{i}": torch.randn(tokens, 16, generator=g) for i in range(rows)},
            }
            texts = [value for key, value in values.items() if key.startswith("texts.")]
            samples = net(list(values["hidden_states"].unsqueeze(2)), values["timestep"], texts, list(values["control_context"].unsqueeze(2)), scale)
            calls.add(label, values, {f"controlnet_block_samples.{i}": sample for i, sample in samples.items()})
        write_golden(GOLDEN / "models" / "ZImageControlNetModel" / name, COMMAND, calls.cases, calls.tensors)


TEXT = dict(prompt=PROMPT, num_inference_steps=4, height=32, width=32, guidance_scale=0.0)
TWO = [photo(40, 33), photo(32, 32, name="another")]
EDGES = dict(control_image=TWO[0], **TEXT)
CASES = [
    case("an image", **EDGES),
    case("a rectangle, guidance", **{**EDGES, "height": 24, "width": 56, "guidance_scale": 4.0}),
    case("less of it, a negative prompt", controlnet_conditioning_scale=0.4, negative_prompt=OTHER, **{**EDGES, "guidance_scale": 2.0}),
    case("two prompts of other lengths, an image each, two images of each", num_images_per_prompt=2, seeds=[5, 6, 7, 8], **{
        **EDGES, "prompt": [PROMPT, "a much longer text of a green tree by the sea, seen from far away in the evening"], "control_image": TWO}),
    case("guidance of the first steps, limited", cfg_truncation=0.5, cfg_normalization=1.0, **{**EDGES, "guidance_scale": 3.0}),
    case("a tensor, whose size counts", **{**EDGES, "control_image": tensor(1, 3, 40, 24, seed=3, low=-1)}),
    case("its own latents and sigmas", latents=latents(1, 4, 8, 8, seed=3), sigmas=[1.0, 0.6, 0.25], **EDGES),
]
MASKED = dict(image=photo(50, 44, name="third"), mask_image=mask(50, 44, (8, 4, 24, 20)), **EDGES)
MASK = [
    case("an image", **MASKED),
    case("a rectangle, guidance, less of it", **{**MASKED, "height": 24, "width": 56, "guidance_scale": 4.0}, controlnet_conditioning_scale=0.5),
    case("two prompts, two masks", **{**MASKED, "prompt": [PROMPT, OTHER], "seeds": [1, 2], "image": TWO, "control_image": TWO,
                                      "mask_image": [mask(40, 33, (8, 4, 24, 20)), mask(32, 32, (0, 16, 32, 32))]}),
    case("its own latents", latents=latents(1, 4, 8, 8, seed=3), **MASKED),
]


def task(net: str, cases: list[dict], pipeline: str = "ZImageControlNetPipeline") -> dict:
    return {"pipeline": pipeline, "repo": "tiny-z-image", "parts": {"controlnet": f"models/ZImageControlNetModel/{net}"}, "cases": cases}


TASKS = {
    "z-image-control": task("union", CASES),
    "z-image-control-2": task("union2", CASES[:4]),
    "z-image-control-21": task("union21", CASES[:3]),
    "z-image-control-inpaint": task("union2", MASK, "ZImageControlNetInpaintPipeline"),
    "z-image-control-21-inpaint": task("union21", MASK[:2], "ZImageControlNetInpaintPipeline"),
}

if __name__ == "__main__":
    warnings.simplefilter("ignore")
    with torch.no_grad():
        wanted = sys.argv[1:] or ["models", *TASKS]
        if "models" in wanted:
            write_models()
        for name in wanted:
            if name in TASKS:
                write_task(name, TASKS[name], COMMAND)
