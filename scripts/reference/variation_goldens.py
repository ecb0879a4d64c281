"""Variations of images: tests/golden/tasks/variation* and the image encoder of tests/fixtures/parts.

    $(sh scripts/reference/setup.sh) scripts/reference/variation_goldens.py [repos] [task ...]
"""

import sys
import warnings

from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

from common import FIXTURES, seed_of
from task_goldens import write_task
from task_repos import VISION, folder
from tasks import PHOTO, SAFETY, case, latents, photo, swap, tensor
from tiny_models import liven

COMMAND = "scripts/reference/variation_goldens.py"
ENCODER = "parts/CLIPVisionModelWithProjection/variation"


def write_repos() -> None:
    config = CLIPVisionConfig(**{**VISION, "projection_dim": 16})
    liven(CLIPVisionModelWithProjection(config), seed_of(ENCODER)).eval().save_pretrained(folder(ENCODER))


VARY = dict(image=PHOTO, num_inference_steps=6)
PARTS = {"image_encoder": ENCODER, "feature_extractor": SAFETY["feature_extractor"]}
TASKS = {
    "variation": {
        "pipeline": "StableDiffusionImageVariationPipeline", "repo": "tiny-stable-diffusion", "parts": PARTS,
        "cases": [
            case("the repo's own scheduler", **VARY),
            case("Euler, guidance 3", scheduler=swap("EulerDiscrete"), guidance_scale=3.0, **VARY),
            case("DDIM, eta 1", scheduler=swap("DDIM"), eta=1.0, **VARY),
            case("without guidance", guidance_scale=1.0, **VARY),
            case("two images each of two", num_images_per_prompt=2, seeds=[1, 2, 3, 4],
                 **{**VARY, "image": [photo(50, 41), photo(50, 41, name="another")]}),
            case("a tensor, a rectangle", height=24, width=48, **{**VARY, "image": tensor(1, 3, 16, 16, seed=5, low=-1)}),
            case("own latents", latents=latents(1, 4, 8, 8, seed=7), **VARY),
        ],
    },
    "variation-safety": {
        "pipeline": "StableDiffusionImageVariationPipeline", "repo": "tiny-stable-diffusion", "parts": {**SAFETY, **PARTS},
        "cases": [case("six images", num_images_per_prompt=6, seeds=[1, 2, 3, 4, 5, 6], **VARY)],
    },
}

if __name__ == "__main__":
    warnings.simplefilter("ignore")
    for wanted in sys.argv[1:] or ["repos", *TASKS]:
        write_repos() if wanted == "repos" else write_task(wanted, TASKS[wanted], COMMAND)
