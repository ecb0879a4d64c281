"""The decoder of Kandinsky 2.2: tests/golden/tasks/kandinsky22* and its models in tests/fixtures/parts.

    $(sh scripts/reference/setup.sh) scripts/reference/kandinsky_goldens.py [repos] [task ...]
"""

import json
import sys
import warnings

from diffusers import DDPMScheduler, VQModel

from common import FIXTURES, seed_of
from task_goldens import write_task
from task_repos import folder
from tasks import case, latents, mask, photo, swap, tensor
from tiny_models import build, liven

COMMAND = "scripts/reference/kandinsky_goldens.py"


def config_of(unet: str) -> dict:
    config = json.loads((FIXTURES / "models" / "UNet2DConditionModel" / unet / "config.json").read_text())
    return {key: value for key, value in config.items() if not key.startswith("_")}


def write_repos() -> None:
    """Laid out as kandinsky-community/kandinsky-2-2-decoder and -controlnet-depth."""
    for name, unet, cls in (("tiny-kandinsky22", "kandinsky22", "KandinskyV22Pipeline"),
                            ("tiny-kandinsky22-controlnet", "kandinsky22_hint", "KandinskyV22ControlnetPipeline")):
        where = folder(name)
        config = config_of(unet) | {"out_channels": 8}
        build("UNet2DConditionModel", config, seed_of(f"{name}/unet")).save_pretrained(where / "unet")
        movq = VQModel(block_out_channels=(32, 32, 32, 32), down_block_types=("DownEncoderBlock2D",) * 3 + ("AttnDownEncoderBlock2D",),
                       up_block_types=("AttnUpDecoderBlock2D",) + ("UpDecoderBlock2D",) * 3, latent_channels=4, layers_per_block=1,
                       norm_num_groups=2, norm_type="spatial", num_vq_embeddings=48, vq_embed_dim=4)
        liven(movq, seed_of(f"{name}/movq")).eval().save_pretrained(where / "movq")
        DDPMScheduler(beta_start=0.00085, beta_end=0.012, beta_schedule="linear", clip_sample=False, prediction_type="epsilon",
                      variance_type="learned_range").save_pretrained(where / "scheduler")
        index = {"_class_name": cls, "_diffusers_version": "0.42.1", "movq": ["diffusers", "VQModel"],
                 "scheduler": ["diffusers", "DDPMScheduler"], "unet": ["diffusers", "UNet2DConditionModel"]}
        (where / "model_index.json").write_text(json.dumps(index, indent=2) + "\n")


    config = {**config_of("kandinsky22"), "in_channels": 9, "out_channels": 8}
    build("UNet2DConditionModel", config, seed_of("kandinsky22-inpaint")).save_pretrained(folder("parts/UNet2DConditionModel/kandinsky22-inpaint"))


MAKE = dict(image_embeds=latents(1, 20, seed=1), negative_image_embeds=latents(1, 20, seed=2), height=64, width=64, num_inference_steps=5)
TWO = dict(image_embeds=latents(2, 20, seed=3), negative_image_embeds=latents(2, 20, seed=4), seeds=[1, 2])
CASES = [
    case("the repo's own scheduler", **MAKE),
    case("large variance, trailing", scheduler=swap("DDPM", variance_type="fixed_large", timestep_spacing="trailing"), **MAKE),
    case("small variance, guidance 2", scheduler=swap("DDPM", variance_type="fixed_small"), guidance_scale=2.0, **MAKE),
    case("without guidance", guidance_scale=1.0, **MAKE),
    case("two vectors", **{**MAKE, **TWO}),
    case("a list of vectors", **{**MAKE, "image_embeds": [latents(1, 20, seed=5), latents(1, 20, seed=6)],
                                 "negative_image_embeds": [latents(1, 20, seed=7), latents(1, 20, seed=8)], "seeds": [1, 2]}),
    case("two images of a vector, one generator", num_images_per_prompt=2, seeds=[9], shared=True, **MAKE),
    case("own latents", latents=latents(1, 4, 8, 8, seed=7), **MAKE),
]
SIZE = case("a rectangle of other sides", **{**MAKE, "height": 70, "width": 130})
PHOTO, OTHER = photo(64, 64), photo(64, 64, name="another")
IMAGE = dict(image=PHOTO, strength=0.7, **{**MAKE, "num_inference_steps": 8})
IMAGE_CASES = [
    case("the repo's own scheduler", **IMAGE),
    case("large variance, all of it", scheduler=swap("DDPM", variance_type="fixed_large"), **{**IMAGE, "strength": 1.0}),
    case("without guidance", guidance_scale=1.0, **IMAGE),
    case("two vectors, an image each", **{**IMAGE, **TWO, "image": [PHOTO, OTHER]}),
    case("two images of a vector, one generator", num_images_per_prompt=2, seeds=[9], shared=True, **IMAGE),
    case("a large image, reduced first", **{**IMAGE, "image": photo(150, 201)}),
    case("a tensor", **{**IMAGE, "image": tensor(1, 3, 64, 64, seed=5, low=-1)}),
]
MASKED = dict(image=PHOTO, mask_image=mask(64, 64, (16, 8, 48, 40)), **MAKE)
TASKS = {
    "kandinsky22-img2img": {
        "pipeline": "KandinskyV22Img2ImgPipeline", "repo": "tiny-kandinsky22", "parts": {},
        "cases": [*IMAGE_CASES, case("sides that change places, of no whole latents", **{**IMAGE, "height": 70, "width": 133})],
    },
    "kandinsky22-controlnet-img2img": {
        "pipeline": "KandinskyV22ControlnetImg2ImgPipeline", "repo": "tiny-kandinsky22-controlnet", "parts": {},
        "cases": [{**one, "call": {"hint": tensor(len(one["call"]["image_embeds"]), 3, 64, 64, seed=11), **one["call"]}} for one in IMAGE_CASES],
    },
    "kandinsky22-inpaint": {
        "pipeline": "KandinskyV22InpaintPipeline", "repo": "tiny-kandinsky22", "parts": {"unet": "parts/UNet2DConditionModel/kandinsky22-inpaint"},
        "cases": [
            case("the repo's own scheduler", **MASKED),
            case("large variance", scheduler=swap("DDPM", variance_type="fixed_large"), **MASKED),
            case("without guidance", guidance_scale=1.0, **MASKED),
            case("a soft mask, a large image", **{**MASKED, "image": photo(201, 150), "mask_image": photo(90, 60, "L", "grey mask")}),
            case("a rectangle, two images of a vector", **{**MASKED, "image": photo(128, 64), "mask_image": mask(128, 64, (0, 0, 50, 64)),
                                                           "height": 64, "width": 128, "num_images_per_prompt": 2, "seeds": [1, 2]}),
            case("two vectors, an image and a mask each", **{**MASKED, **TWO, "image": [PHOTO, OTHER],
                                                             "mask_image": [mask(64, 64, (16, 8, 48, 40)), mask(64, 64, (0, 0, 20, 64))]}),
            case("tensors", **{**MASKED, "image": tensor(1, 3, 64, 64, seed=5, low=-1), "mask_image": tensor(1, 64, 64, seed=6)}),
            case("own latents", latents=latents(1, 4, 8, 8, seed=7), **MASKED),
        ],
    },
    "kandinsky22": {"pipeline": "KandinskyV22Pipeline", "repo": "tiny-kandinsky22", "parts": {}, "cases": [*CASES, SIZE]},
    "kandinsky22-controlnet": {
        "pipeline": "KandinskyV22ControlnetPipeline", "repo": "tiny-kandinsky22-controlnet", "parts": {},
        "cases": [
            {**one, "call": {"hint": tensor(2 if one["call"]["image_embeds"] is TWO["image_embeds"] else 1, 3, 64, 64, seed=11),
                             **one["call"]}}
            for one in CASES if not isinstance(one["call"]["image_embeds"], list)]},
}

if __name__ == "__main__":
    warnings.simplefilter("ignore")
    for wanted in sys.argv[1:] or ["repos", *TASKS]:
        write_repos() if wanted == "repos" else write_task(wanted, TASKS[wanted], COMMAND)
