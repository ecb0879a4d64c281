"""Perturbed-attention guidance of Stable Diffusion 1 and XL: tests/golden/tasks/pag*.

    $(sh scripts/reference/setup.sh) scripts/reference/pag_goldens.py [task ...]
"""

import sys
import warnings

from task_goldens import write_task
from tasks import IMG2IMG, OTHER, PHOTO, PROMPT, TEXT, XL_NEGATIVE_SIZES, XL_SIZES, case, latents, mask, photo, swap

COMMAND = "scripts/reference/pag_goldens.py"

EDGES, POSE = photo(32, 32, name="edges"), photo(32, 32, name="pose")
TWO = dict(num_images_per_prompt=2, seeds=[3, 4])
PROMPTS = dict(prompt=[PROMPT, OTHER], negative_prompt=["blurry", "low quality"], seeds=[1, 2])
INPAINT = dict(image=PHOTO, mask_image=mask(32, 32, (8, 4, 24, 20)), height=32, width=32, **TEXT)
# names of self-attentions, as tiny-stable-diffusion and tiny-stable-diffusion-xl both have them
LAYERS = dict(pag_applied_layers=["mid", "up_blocks.1.attentions.(0|1)"])
SHARED = [
    case("the repo's own scheduler"),
    case("a larger scale, Euler", scheduler=swap("EulerDiscrete"), pag_scale=5.5),
    # not DDIM: of the tiny XL repo a change of 1e-6 in one layer moves diffusers itself by 0.1
    case("an adaptive scale, Euler", scheduler=swap("EulerDiscrete"), pag_scale=4.0, pag_adaptive_scale=0.005),
    case("other layers", **LAYERS),
    case("every self-attention", pag_applied_layers="blocks", pag_scale=1.5),
    case("without text guidance", guidance_scale=1.0),
    case("without perturbed guidance", pag_scale=0.0),
    case("without layers", pag_applied_layers=[]),
    case("two images a prompt", **TWO),
]


def on(call: dict, cases: list[dict]) -> list[dict]:
    """The same cases with what a call needs beside them."""
    return [{**one, "call": {**call, **one["call"]}} for one in cases]


def task(pipeline: str, call: dict, *more: dict, xl: bool = False, **parts) -> dict:
    return {"pipeline": f"StableDiffusion{'XL' if xl else ''}{pipeline}Pipeline",
            "repo": "tiny-stable-diffusion-xl" if xl else "tiny-stable-diffusion", "parts": parts,
            "cases": on(call, [*SHARED, *more])}


NETS = dict(controlnet="models/ControlNetModel/sd1")
XL_NETS = dict(controlnet="parts/ControlNetModel/xl")
CONTROL = dict(image=EDGES, **TEXT)
RANGE = dict(controlnet_conditioning_scale=0.6, control_guidance_start=0.2, control_guidance_end=0.7)
RESCALED = case("guidance_rescale", guidance_rescale=0.7)

TASKS = {
    "pag": task(
        "PAG", TEXT, RESCALED, case("two prompts", **PROMPTS), case("clip_skip, a rectangle", clip_skip=1, height=24, width=48),
        case("DDIM, eta 1, own latents", scheduler=swap("DDIM"), eta=1.0, latents=latents(1, 4, 8, 8, seed=3)),
        case("a UNet of other levels", pag_applied_layers="down_blocks.1.attentions.0")),
    "pag-lcm": {"pipeline": "StableDiffusionPAGPipeline", "repo": "tiny-lcm", "parts": {},
                "cases": [case("an embedded guidance scale", prompt=PROMPT, num_inference_steps=4)]},
    "pag-img2img": task(
        "PAGImg2Img", IMG2IMG, case("two prompts, an image each", image=[PHOTO, POSE], **PROMPTS),
        case("strength 0.3, an image of odd size", strength=0.3, image=photo(53, 38))),
    "pag-inpaint-4": task(
        "PAGInpaint", INPAINT, case("strength 0.6", strength=0.6), case("strength 1, PNDM", scheduler=swap("PNDM"), strength=1.0)),
    "pag-inpaint-9": task("PAGInpaint", INPAINT, case("strength 0.6", strength=0.6), unet="models/UNet2DConditionModel/inpaint"),
    "pag-controlnet": task(
        "ControlNetPAG", CONTROL, case("scale and range", **RANGE), case("an image each", image=[EDGES, POSE], **PROMPTS),
        case("guess mode without guidance", guess_mode=True, guidance_scale=1.0, pag_scale=0.0), **NETS),
    "pag-controlnet-several": task(
        "ControlNetPAG", {**CONTROL, "image": [EDGES, POSE]}, case("scales", controlnet_conditioning_scale=[0.7, 0.3]),
        controlnet=["models/ControlNetModel/sd1", "models/ControlNetModel/bgr"]),
    "pag-controlnet-inpaint": task(
        "ControlNetPAGInpaint", dict(INPAINT, control_image=EDGES), case("strength 0.6, range", strength=0.6, **RANGE), **NETS),
    "pag-xl": task(
        "PAG", TEXT, RESCALED, case("two prompts", **PROMPTS), case("a second prompt", prompt_2=OTHER, negative_prompt_2="blurry"),
        case("negative sizes, two images", **TWO, **XL_SIZES, **XL_NEGATIVE_SIZES),
        case("denoising_end, Heun", scheduler=swap("HeunDiscrete"), denoising_end=0.7), xl=True),
    "pag-xl-img2img": task(
        "PAGImg2Img", IMG2IMG, RESCALED, case("sizes, two images", **TWO, **XL_SIZES, **XL_NEGATIVE_SIZES),
        case("latents from 0.4 on", denoising_start=0.4, image=latents(1, 4, 8, 8, seed=7)), xl=True),
    "pag-xl-refiner": {**task("PAGImg2Img", IMG2IMG, case("scores", aesthetic_score=8.0, negative_aesthetic_score=1.5), xl=True),
                       "repo": "tiny-stable-diffusion-xl-refiner"},
    "pag-xl-inpaint-4": task("PAGInpaint", INPAINT, RESCALED, case("sizes", **XL_SIZES, **XL_NEGATIVE_SIZES), xl=True),
    "pag-xl-inpaint-9": task("PAGInpaint", INPAINT, case("strength 0.6", strength=0.6), xl=True,
                             unet="parts/UNet2DConditionModel/xl-inpaint"),
    "pag-xl-controlnet": task(
        "ControlNetPAG", CONTROL, case("scale and range", **RANGE), case("negative sizes", **XL_SIZES, **XL_NEGATIVE_SIZES),
        xl=True, **XL_NETS),
    "pag-xl-controlnet-pooled": {
        **task("ControlNetPAG", CONTROL, xl=True), "parts": {"controlnet": "parts/ControlNetModel/xl-pooled"}},
    "pag-xl-controlnet-img2img": task(
        "ControlNetPAGImg2Img", dict(IMG2IMG, control_image=EDGES), case("scale and range", **RANGE),
        case("sizes", **XL_SIZES, **XL_NEGATIVE_SIZES), xl=True, **XL_NETS),
}


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    for wanted in sys.argv[1:] or TASKS:
        write_task(wanted, TASKS[wanted], COMMAND)
