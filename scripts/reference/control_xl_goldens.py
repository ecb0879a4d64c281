"""ControlNets of Stable Diffusion XL: tests/fixtures/parts/ControlNetModel and images under their control.

    $(sh scripts/reference/setup.sh) scripts/reference/control_xl_goldens.py [repos] [task ...]

Writes tests/golden/tasks/controlnet-xl*.
"""

import sys
import warnings

from diffusers import ControlNetModel

from common import FIXTURES, seed_of
from task_goldens import write_task
from tasks import OTHER, PROMPT, XL_NEGATIVE_SIZES, XL_SIZES, case, latents, mask, photo, swap
from tiny_models import liven

COMMAND = "scripts/reference/control_xl_goldens.py"

# The widths of tests/fixtures/tiny-stable-diffusion-xl
XL = dict(
    block_out_channels=(4, 8, 8), layers_per_block=1, norm_num_groups=2, cross_attention_dim=32,
    down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
    attention_head_dim=(1, 2, 4), transformer_layers_per_block=1, use_linear_projection=True,
    addition_embed_type="text_time", addition_time_embed_dim=8, projection_class_embeddings_input_dim=6 * 8 + 12,
    conditioning_embedding_out_channels=(4, 6, 8),
)
CONFIGS = {
    "xl": XL,
    "xl-bgr": {**XL, "controlnet_conditioning_channel_order": "bgr"},
    "xl-pooled": {**XL, "global_pool_conditions": True},
    # stabilityai/stable-diffusion-xl-refiner-1.0: one text encoder, a score in place of a size
    "xl-refiner": {**XL, "cross_attention_dim": 16, "projection_class_embeddings_input_dim": 5 * 8 + 12},
}


def write_repos() -> None:
    for name, config in CONFIGS.items():
        model = liven(ControlNetModel(**config), seed_of(f"parts/ControlNetModel/{name}")).eval()
        model.save_pretrained(FIXTURES / "parts" / "ControlNetModel" / name)


EDGES, POSE, PHOTO = photo(32, 32, name="edges"), photo(32, 32, name="pose"), photo(32, 32)
TEXT = dict(prompt=PROMPT, num_inference_steps=5)
RANGE = dict(control_guidance_start=0.2, control_guidance_end=0.7)
CONTROL = dict(image=EDGES, **TEXT)
IMG2IMG = dict(image=PHOTO, control_image=EDGES, strength=0.7, **TEXT)
INPAINT = dict(image=PHOTO, mask_image=mask(32, 32, (8, 4, 24, 20)), control_image=EDGES, **TEXT)
SCORES = dict(aesthetic_score=8.0, negative_aesthetic_score=1.5)
TWO = dict(num_images_per_prompt=2, seeds=[3, 4])


def task(pipeline: str, nets, cases: list[dict], repo: str = "tiny-stable-diffusion-xl", **parts) -> dict:
    paths = [f"parts/ControlNetModel/{name}" for name in nets]
    return {"pipeline": f"StableDiffusionXLControlNet{pipeline}Pipeline", "repo": repo,
            "parts": {"controlnet": paths[0] if len(paths) == 1 else paths, **parts}, "cases": cases}


TASKS = {
    "controlnet-xl": task("", ["xl"], [
        case("the repo's own scheduler", **CONTROL),
        case("DDIM, scale 0.4, eta 1", scheduler=swap("DDIM"), controlnet_conditioning_scale=0.4, eta=1.0,
             guidance_scale=2.0, **CONTROL),
        case("from 0.2 to 0.7 of the steps", **RANGE, **CONTROL),
        case("from 0.2 to 0.7, up to 0.6 of the noise", denoising_end=0.6, **RANGE, **{**CONTROL, "num_inference_steps": 10}),
        case("guess mode, negative sizes, two images", guess_mode=True, guidance_scale=4.0, **TWO, **XL_SIZES,
             **XL_NEGATIVE_SIZES, **CONTROL),
        case("guess mode without guidance", guess_mode=True, guidance_scale=1.0, **CONTROL),
        case("without guidance", guidance_scale=1.0, **CONTROL),
        case("sizes", **XL_SIZES, **CONTROL),
        case("sizes, two images a prompt", **TWO, **XL_SIZES, **XL_NEGATIVE_SIZES, **CONTROL),
        case("prompt_2, negative prompts, clip_skip", prompt_2=OTHER, negative_prompt="blurry", negative_prompt_2="dark",
             clip_skip=0, **CONTROL),
        case("two prompts, an image each", image=[EDGES, POSE], prompt=[PROMPT, OTHER], num_images_per_prompt=2,
             seeds=[1, 2, 3, 4], num_inference_steps=4),
        case("an image of odd size, own sigmas", scheduler=swap("EulerDiscrete"), image=photo(53, 38), prompt=PROMPT,
             sigmas=[12.0, 6.0, 2.0, 0.5]),
        case("given size, own timesteps", scheduler=swap("DDPM"), image=photo(53, 38), height=24, width=40, prompt=PROMPT,
             timesteps=[900, 600, 300, 50]),
        case("own latents, Heun", scheduler=swap("HeunDiscrete"), latents=latents(1, 4, 8, 8, seed=7), **CONTROL),
    ]),
    "controlnet-xl-pooled": task("", ["xl-pooled"], [case("pooled", **CONTROL)]),
    "controlnet-xl-several": task("", ["xl", "xl-bgr"], [
        case("scales and ranges", controlnet_conditioning_scale=[0.7, 0.3], control_guidance_start=[0.0, 0.4],
             control_guidance_end=[0.5, 1.0], **{**CONTROL, "image": [EDGES, POSE]}),
        case("one scale for all, guess mode", controlnet_conditioning_scale=0.5, guess_mode=True,
             **{**CONTROL, "image": [EDGES, POSE]}),
    ]),
    "controlnet-xl-img2img": task("Img2Img", ["xl"], [
        case("the repo's own scheduler", **IMG2IMG),
        case("DDIM, range, scale", scheduler=swap("DDIM"), controlnet_conditioning_scale=0.6, **RANGE, **IMG2IMG),
        case("guess mode, two images, sizes", guess_mode=True, **TWO, **XL_SIZES, **XL_NEGATIVE_SIZES, **IMG2IMG),
        case("given size", **{**IMG2IMG, "image": photo(53, 38), "height": 24, "width": 40}),
        case("own latents", latents=latents(1, 4, 8, 8, seed=3), **IMG2IMG),
        case("one generator, two prompts", **{
            **IMG2IMG, "prompt": [PROMPT, OTHER], "image": [PHOTO, POSE], "control_image": [EDGES, PHOTO], "seeds": [9],
            "shared": True}),
    ]),
    "controlnet-xl-img2img-several": task("Img2Img", ["xl", "xl-bgr"], [
        case("scales", **{**IMG2IMG, "control_image": [EDGES, POSE], "controlnet_conditioning_scale": [0.7, 0.3]}),
    ]),
    "controlnet-xl-refiner": task("Img2Img", ["xl-refiner"], [
        # without original_size diffusers 0.42.1 fails here: it adds a score to a torch.Size
        case("scores", original_size=(32, 32), **SCORES, **IMG2IMG), case("scores and sizes", **SCORES, **XL_SIZES, **XL_NEGATIVE_SIZES, **IMG2IMG),
    ], repo="tiny-stable-diffusion-xl-refiner"),
    "controlnet-xl-inpaint-4": task("Inpaint", ["xl"], [
        case("the repo's own scheduler", **INPAINT),
        case("DDIM, strength 0.6, range, scale", scheduler=swap("DDIM"), strength=0.6, controlnet_conditioning_scale=0.6,
             **RANGE, **INPAINT),
        case("all of it, sizes, guess mode, two images", strength=1.0, guess_mode=True, **TWO, **XL_SIZES, **INPAINT),
        case("guidance_rescale", guidance_rescale=0.7, **INPAINT),
        case("from 0.3 to 0.9, range", denoising_start=0.3, denoising_end=0.9, **RANGE, **{**INPAINT, "num_inference_steps": 10}),
        case("own latents", latents=latents(1, 4, 8, 8, seed=7), **INPAINT),
        case("an image of its own size", **{**INPAINT, "image": photo(50, 41), "control_image": photo(50, 41, name="edges"),
                                             "mask_image": mask(50, 41, (0, 0, 30, 25))}),
        case("padding_mask_crop", **{
            **INPAINT, "image": photo(80, 60), "mask_image": mask(80, 60, (30, 20, 50, 36)), "height": 32, "width": 32,
            "control_image": photo(80, 60, name="edges"), "padding_mask_crop": 4}),
    ]),
    "controlnet-xl-inpaint-9": task("Inpaint", ["xl"], [
        case("the repo's own scheduler", **INPAINT), case("DDIM, strength 0.6", scheduler=swap("DDIM"), strength=0.6, **INPAINT),
    ], unet="parts/UNet2DConditionModel/xl-inpaint"),
    "controlnet-xl-inpaint-several": task("Inpaint", ["xl", "xl-bgr"], [
        case("scales", **{**INPAINT, "control_image": [EDGES, POSE], "controlnet_conditioning_scale": [0.7, 0.3]}),
    ]),
    "controlnet-xl-inpaint-pooled": task("Inpaint", ["xl-pooled"], [case("pooled, without guess mode", **INPAINT)]),
    "controlnet-xl-inpaint-refiner": task("Inpaint", ["xl-refiner"], [
        case("scores and a crop", **SCORES, crops_coords_top_left=(3, 5), **INPAINT),
    ], repo="tiny-stable-diffusion-xl-refiner"),
}


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    for wanted in sys.argv[1:] or ["repos", *TASKS]:
        write_repos() if wanted == "repos" else write_task(wanted, TASKS[wanted], COMMAND)
