"""Paint by Example: PaintByExampleImageEncoder with its golden, the repo tiny-paint-by-example, and tests/golden/tasks/paint-by-example*.

    $(sh scripts/reference/setup.sh) scripts/reference/paint_by_example_goldens.py [repos] [task ...]
"""

import json
import sys
import warnings

import diffusers
import torch
from diffusers import AutoencoderKL, PaintByExamplePipeline, PNDMScheduler
from diffusers.pipelines.deprecated import paint_by_example
from diffusers.pipelines.deprecated.paint_by_example.image_encoder import PaintByExampleImageEncoder
from transformers import CLIPVisionConfig

from common import FIXTURES, GOLDEN, generator, seed_of, write_golden
from model_goldens import Calls
from task_goldens import write_task
from task_repos import VISION, clip_image_processor, folder
from tasks import PHOTO, SAFETY, case, latents, mask, photo, swap, tensor
from tiny_models import UNET_2D_CONDITION, build, liven

# diffusers 0.42.1 has moved the module and finds it no more by the name that model_index.json has
diffusers.pipelines.paint_by_example = paint_by_example
COMMAND = "scripts/reference/paint_by_example_goldens.py"
# 9 layers of CLIP are two of the mapper
CONFIG = {**VISION, "num_hidden_layers": 9, "projection_dim": 16}


def encoder(name: str) -> PaintByExampleImageEncoder:
    return liven(PaintByExampleImageEncoder(CLIPVisionConfig(**CONFIG)), seed_of(name)).eval()


@torch.no_grad()
def write_repos() -> None:
    model, calls = encoder("PaintByExampleImageEncoder/tiny"), Calls()
    model.save_pretrained(folder("models/PaintByExampleImageEncoder/tiny"))
    inputs = {"pixel_values": torch.randn(2, 3, 16, 16, generator=generator(4))}
    states, unconditional = model(**inputs, return_uncond_vector=True)
    calls.add("two images", inputs, {"states": states, "unconditional": unconditional})
    write_golden(GOLDEN / "models" / "PaintByExampleImageEncoder" / "tiny", COMMAND, calls.cases, calls.tensors)

    where = folder("tiny-paint-by-example")
    PaintByExamplePipeline(
        vae=AutoencoderKL.from_pretrained(FIXTURES / "tiny-stable-diffusion" / "vae"), image_encoder=encoder("tiny-paint-by-example/image_encoder"),
        unet=build("UNet2DConditionModel", UNET_2D_CONDITION["inpaint"], seed_of("tiny-paint-by-example/unet")),
        # as Fantasy-Studio/Paint-by-Example has it
        scheduler=PNDMScheduler(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", skip_prk_steps=True, steps_offset=1),
        safety_checker=None, feature_extractor=clip_image_processor(),
    ).save_pretrained(where)
    index = json.loads((where / "model_index.json").read_text())
    index |= {"image_encoder": ["paint_by_example", "PaintByExampleImageEncoder"], "feature_extractor": ["transformers", "CLIPImageProcessor"]}
    (where / "model_index.json").write_text(json.dumps(index, indent=2) + "\n")


EXAMPLE = photo(40, 33, name="example")
PAINT = dict(example_image=EXAMPLE, image=PHOTO, mask_image=mask(32, 32, (8, 4, 24, 20)), num_inference_steps=6)
TASKS = {
    "paint-by-example": {
        "pipeline": "PaintByExamplePipeline", "repo": "tiny-paint-by-example", "parts": {}, "cases": [
            case("the repo's own scheduler", **PAINT),
            # clipped samples multiply the roundings of so random a UNet, in diffusers itself by ten with each step
            case("DDIM, eta 1, guidance 9", scheduler=swap("DDIM", clip_sample=False), eta=1.0, guidance_scale=9.0, **PAINT),
            case("Euler", scheduler=swap("EulerDiscrete"), **PAINT),
            case("LMS, without guidance", scheduler=swap("LMSDiscrete"), guidance_scale=1.0, **PAINT),
            case("two images of one example", num_images_per_prompt=2, seeds=[3, 4], **PAINT),
            case("one generator for two images", num_images_per_prompt=2, seeds=[9], shared=True, **PAINT),
            case("two images with an example and a mask each", seeds=[1, 2], **{
                **PAINT, "image": [PHOTO, photo(32, 32, name="another")], "example_image": [EXAMPLE, photo(20, 37)],
                "mask_image": [mask(32, 32, (8, 4, 24, 20)), mask(32, 32, (0, 16, 32, 32))]}),
            case("a rectangle, a grey mask", **{**PAINT, "image": photo(48, 24), "mask_image": photo(48, 24, "L", "grey mask")}),
            case("a coloured mask with an alpha", **{**PAINT, "mask_image": mask(32, 32, (4, 4, 28, 28), "RGBA")}),
            case("tensors", **{**PAINT, "example_image": tensor(1, 3, 16, 16, seed=4, low=-2, high=2), "image": tensor(1, 3, 32, 32, seed=5),
                               "mask_image": tensor(1, 1, 32, 32, seed=6)}),
            case("a mask of two dimensions, at the edge between both", **{
                **PAINT, "image": tensor(1, 3, 32, 32, seed=5, low=-1), "mask_image": torch.full((32, 32), 0.5)}),
            case("own latents", latents=latents(1, 4, 8, 8, seed=7), **PAINT),
        ],
    },
    "paint-by-example-safety": {
        "pipeline": "PaintByExamplePipeline", "repo": "tiny-paint-by-example", "parts": {"safety_checker": SAFETY["safety_checker"]},
        "cases": [case("six images", num_images_per_prompt=6, seeds=[1, 2, 3, 4, 5, 6], **PAINT)],
    },
}

if __name__ == "__main__":
    warnings.simplefilter("ignore")
    for wanted in sys.argv[1:] or ["repos", *TASKS]:
        write_repos() if wanted == "repos" else write_task(wanted, TASKS[wanted], COMMAND)
