"""LDMPipeline and RePaintPipeline: tests/golden/tasks/{ldm-unconditional,repaint}, and the repo tiny-ldm-unconditional.

    $(sh scripts/reference/setup.sh) scripts/reference/pixel_goldens.py [repos] [task ...]
"""

import sys
import warnings

from diffusers import LDMPipeline

from common import seed_of
from latent_diffusion_goldens import VQ_MODELS, scheduler, vq_model
from task_goldens import write_task
from task_repos import folder
from tasks import case, mask, photo, swap, tensor
from tiny_models import UNET_2D, build

COMMAND = "scripts/reference/pixel_goldens.py"


def write_repos() -> None:
    vqvae = vq_model(VQ_MODELS["ldm"], seed_of("tiny-ldm-unconditional/vqvae"))
    unet = build("UNet2DModel", UNET_2D["heads"], seed_of("tiny-ldm-unconditional/unet"))
    LDMPipeline(vqvae=vqvae, unet=unet, scheduler=scheduler()).save_pretrained(folder("tiny-ldm-unconditional"))


STEPS = dict(num_inference_steps=6)
# diffusers sets the size of the noise by jumps of ten steps by default
RE = dict(scheduler=swap("RePaint"), image=photo(32, 32), mask_image=mask(32, 32, (8, 4, 24, 20)), num_inference_steps=8, jump_length=3, jump_n_sample=2)
TASKS = {
    "ldm-unconditional": {
        "pipeline": "LDMPipeline", "repo": "tiny-ldm-unconditional", "parts": {},
        "cases": [
            case("the repo's own scheduler", **STEPS),
            case("three images", batch_size=3, seeds=[1, 2, 3], **STEPS),
            case("one generator for two images, Euler", scheduler=swap("EulerDiscrete"), batch_size=2, seeds=[9], shared=True, **STEPS),
        ],
    },
    "repaint": {
        "pipeline": "RePaintPipeline", "repo": "tiny-ddpm", "parts": {},
        "cases": [
            case("jumps", **RE),
            case("eta 0.7, more often", **{**RE, "eta": 0.7, "jump_n_sample": 4}),
            case("without jumps", **{**RE, "jump_length": 8}),
            case("an image of odd size", **{**RE, "image": photo(70, 37), "mask_image": mask(70, 37, (0, 0, 50, 20))}),
            case("tensors, two images", **{**RE, "image": tensor(2, 3, 32, 32, seed=5, low=-1), "seeds": [1, 2],
                                           "mask_image": (tensor(1, 1, 32, 32, seed=6) > 0.5).float()}),
        ],
    },
}

if __name__ == "__main__":
    warnings.simplefilter("ignore")
    for wanted in sys.argv[1:] or ["repos", *TASKS]:
        write_repos() if wanted == "repos" else write_task(wanted, TASKS[wanted], COMMAND)
