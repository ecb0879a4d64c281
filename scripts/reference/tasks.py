"""Pipelines that are given images, masks or depth: what `task_goldens.py` runs.

A task names a pipeline class, the repo its components come from and components to put in their place; its cases are calls.
"""

import numpy
import torch
from PIL import Image

from common import MADE_INPUTS, generator, input_name, seed_of

PROMPT, OTHER = "a red apple on a blue background", "a cat at night, in the rain"


def case(name: str, *, seeds: list[int] | None = None, shared: bool = False, scheduler: dict | None = None, **call) -> dict:
    """`seeds`: one generator for each image, or with `shared` a single one for all."""
    return {"name": name, "scheduler": scheduler, "seeds": seeds or [0], "shared": shared, "call": call}


def swap(class_name: str, **config) -> dict:
    return {"class": f"{class_name}Scheduler", "config": config}


def photo(width: int, height: int, mode: str = "RGB", name: str = "picture") -> Image.Image:
    """A soft image with some noise, the same for the same name and size."""
    channels = {"L": 1, "RGB": 3, "RGBA": 4}[mode]
    seed = seed_of(f"{name} {width}x{height} {mode}")
    g = generator(seed)
    coarse = torch.randint(0, 256, (4, 4, channels), generator=g).to(torch.uint8).numpy()
    planes = [Image.fromarray(coarse[..., c]).resize((width, height), Image.Resampling.BICUBIC) for c in range(channels)]
    noise = torch.randint(-12, 13, (height, width, channels), generator=g).numpy()
    values = numpy.clip(numpy.stack([numpy.asarray(plane) for plane in planes], axis=-1).astype(int) + noise, 0, 255).astype(numpy.uint8)
    MADE_INPUTS[input_name(torch.from_numpy(values))] = f"photo {seed} {height}x{width}x{channels}"
    return Image.fromarray(values.squeeze() if channels == 1 else values, mode)


def with_alpha(width: int, height: int) -> Image.Image:
    """The same, seen through in places."""
    image = photo(width, height, "RGBA")
    image.putalpha(photo(width, height, "L", name="another"))
    return image


def mask(width: int, height: int, box: tuple[int, int, int, int], mode: str = "L") -> Image.Image:
    """White inside the box (left, top, right, bottom), black elsewhere."""
    values = numpy.zeros((height, width), numpy.uint8)
    values[box[1]:box[3], box[0]:box[2]] = 255
    return Image.fromarray(values).convert(mode)


def tensor(*shape: int, seed: int = 0, low: float = 0.0, high: float = 1.0) -> torch.Tensor:
    return torch.rand(*shape, generator=generator(seed)) * (high - low) + low


def latents(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=generator(seed))


PHOTO = photo(32, 32)
TEXT = dict(prompt=PROMPT, num_inference_steps=6)
EDIT = dict(image=PHOTO, **TEXT)
IMG2IMG = dict(image=PHOTO, strength=0.6, **TEXT)
# PNDM plans one timestep more than steps: it is left where int(15 * 0.05) steps are none
NO_WHOLE_STEP = dict(scheduler=swap("PNDM", skip_prk_steps=True), num_inference_steps=15, strength=0.05)
SCHEDULERS = [
    ("DDIM", swap("DDIM")), ("DDPM", swap("DDPM")), ("Euler", swap("EulerDiscrete")), ("PNDM", swap("PNDM")),
    ("Euler, karras, trailing", swap("EulerDiscrete", use_karras_sigmas=True, timestep_spacing="trailing")),
    ("DPM-Solver++", swap("DPMSolverMultistep")),
]
INPAINT = dict(image=PHOTO, mask_image=mask(32, 32, (8, 4, 24, 20)), height=32, width=32, **TEXT)
INPAINT_CASES = [
    case("the repo's own scheduler", **INPAINT),
    *(case(f"{name}, strength 0.7", scheduler=scheduler, strength=0.7, **INPAINT) for name, scheduler in SCHEDULERS),
    case("Euler, all of it", scheduler=swap("EulerDiscrete"), **INPAINT),
    case("trained size", image=photo(50, 41), mask_image=mask(50, 41, (0, 0, 30, 25)), prompt=PROMPT, num_inference_steps=2),
    case("two images a prompt", num_images_per_prompt=2, seeds=[3, 4], strength=0.5, **INPAINT),
    case("two prompts, an image and a mask each", **{
        **INPAINT, "prompt": [PROMPT, OTHER], "image": [PHOTO, photo(32, 32, name="another")],
        "mask_image": [mask(32, 32, (8, 4, 24, 20)), mask(32, 32, (0, 16, 32, 32))], "seeds": [1, 2], "strength": 0.8}),
    case("one generator for two images", num_images_per_prompt=2, seeds=[9], shared=True, strength=0.5, **INPAINT),
    case("tensors", **{**INPAINT, "image": tensor(1, 3, 32, 32, seed=5), "mask_image": tensor(1, 32, 32, seed=6)}),
    case("normalized tensor, mask of two dimensions", **{
        **INPAINT, "image": tensor(3, 32, 32, seed=5, low=-1), "mask_image": tensor(32, 32, seed=6), "strength": 0.5}),
    case("coloured mask with an alpha", **{**INPAINT, "mask_image": mask(32, 32, (4, 4, 28, 28), "RGBA")}),
    case("a grey mask", **{**INPAINT, "mask_image": photo(32, 32, "L", "grey mask")}),
    case("a rectangle", **{**INPAINT, "image": photo(70, 35), "mask_image": mask(70, 35, (20, 5, 60, 30)),
                           "height": 32, "width": 64}),
    case("own latents", latents=latents(1, 4, 8, 8, seed=7), strength=0.5, **INPAINT),
    case("without guidance", guidance_scale=1.0, strength=0.5, **INPAINT),
    case("own latents of the masked image", masked_image_latents=latents(1, 4, 8, 8, seed=8), **INPAINT),
    case("padding_mask_crop", **{**INPAINT, "image": photo(80, 60), "mask_image": mask(80, 60, (30, 20, 50, 36)),
                                 "padding_mask_crop": 4, "num_images_per_prompt": 2, "seeds": [1, 2]}),
    case("padding_mask_crop, a soft mask, strength 0.6", **{
        **INPAINT, "image": photo(61, 80), "padding_mask_crop": 12, "strength": 0.6,
        "mask_image": mask(61, 80, (2, 40, 20, 70)).resize((30, 40)).resize((61, 80), Image.Resampling.BICUBIC)}),
]

XL_IMG2IMG = dict(image=PHOTO, strength=0.6, **TEXT)
XL_SIZES = dict(original_size=(100, 90), crops_coords_top_left=(3, 5), target_size=(64, 48))
XL_NEGATIVE_SIZES = dict(negative_original_size=(20, 30), negative_crops_coords_top_left=(1, 2), negative_target_size=(40, 50))
XL_CASES = [
    case("the repo's own scheduler", **TEXT),
    case("DDIM, eta 1", scheduler=swap("DDIM"), eta=1.0, guidance_scale=2.0, **TEXT),
    case("PNDM", scheduler=swap("PNDM"), **TEXT),
    case("DPM-Solver++, karras", scheduler=swap("DPMSolverMultistep", use_karras_sigmas=True), **TEXT),
    case("two prompts, two images each", prompt=[PROMPT, OTHER], num_images_per_prompt=2, num_inference_steps=4,
         seeds=[5, 6, 7, 8]),
    case("a second prompt", prompt_2=OTHER, **TEXT),
    case("negative prompts", negative_prompt="blurry", negative_prompt_2="low quality", **TEXT),
    case("an empty negative prompt", negative_prompt="", **TEXT),
    case("guidance_rescale", guidance_rescale=0.7, guidance_scale=9.0, **TEXT),
    case("without guidance", guidance_scale=1.0, **TEXT),
    case("sizes", **XL_SIZES, **TEXT),
    case("negative sizes", **XL_SIZES, **XL_NEGATIVE_SIZES, **TEXT),
    case("negative sizes, two images", num_images_per_prompt=2, seeds=[1, 2], **XL_SIZES, **XL_NEGATIVE_SIZES, **TEXT),
    case("a rectangle", height=64, width=32, **TEXT),
    case("denoising_end", denoising_end=0.7, **TEXT),
    case("a prompt that is too long", prompt=" ".join([PROMPT, OTHER] * 8), num_inference_steps=3),
    case("own latents", latents=latents(1, 4, 8, 8, seed=3), **TEXT),
    case("own timesteps", prompt=PROMPT, timesteps=[999, 700, 400, 100]),
    case("own embeddings", prompt_embeds=latents(1, 77, 32, seed=4), pooled_prompt_embeds=latents(1, 12, seed=5),
         negative_prompt_embeds=latents(1, 77, 32, seed=6), negative_pooled_prompt_embeds=latents(1, 12, seed=7),
         num_inference_steps=4),
    case("own embeddings, zeros as negative ones", prompt_embeds=latents(1, 77, 32, seed=4),
         pooled_prompt_embeds=latents(1, 12, seed=5), num_inference_steps=4, num_images_per_prompt=2, seeds=[1, 2]),
]
XL_IMG2IMG_CASES = [
    case("the repo's own scheduler", **XL_IMG2IMG),
    case("strength kept as it is by default", image=PHOTO, prompt=PROMPT, num_inference_steps=12),
    case("DDIM", scheduler=swap("DDIM"), **XL_IMG2IMG),
    case("Heun", scheduler=swap("HeunDiscrete"), **XL_IMG2IMG),
    case("PNDM, less than a step", **{**XL_IMG2IMG, **NO_WHOLE_STEP}),
    case("two images a prompt, sizes", num_images_per_prompt=2, seeds=[3, 4], **XL_SIZES, **XL_NEGATIVE_SIZES, **XL_IMG2IMG),
    case("two prompts, an image each", **{**XL_IMG2IMG, "prompt": [PROMPT, OTHER], "seeds": [1, 2],
                                          "image": [PHOTO, photo(32, 32, name="another")]}),
    case("one generator for two images", num_images_per_prompt=2, seeds=[9], shared=True, **XL_IMG2IMG),
    case("latents from 0.4 on", denoising_start=0.4, **{**XL_IMG2IMG, "image": latents(1, 4, 8, 8, seed=7)}),
    case("latents from 0.5 on, Heun", scheduler=swap("HeunDiscrete"), denoising_start=0.5,
         **{**XL_IMG2IMG, "image": latents(1, 4, 8, 8, seed=7)}),
    case("an image from 0.2 to 0.8", denoising_start=0.2, denoising_end=0.8, **{**XL_IMG2IMG, "num_inference_steps": 10}),
    case("own latents", latents=latents(1, 4, 8, 8, seed=3), **XL_IMG2IMG),
    case("scores", aesthetic_score=8.0, negative_aesthetic_score=1.5, negative_prompt="", **XL_IMG2IMG),
    case("guidance_rescale", guidance_rescale=0.7, **XL_IMG2IMG),
]
XL_INPAINT = dict(image=PHOTO, mask_image=mask(32, 32, (8, 4, 24, 20)), height=32, width=32, **TEXT)
XL_INPAINT_CASES = [
    case("the repo's own scheduler", **XL_INPAINT),
    case("DDIM, strength 0.7", scheduler=swap("DDIM"), strength=0.7, **XL_INPAINT),
    case("DDPM, all of it", scheduler=swap("DDPM"), strength=1.0, guidance_scale=2.0, **XL_INPAINT),
    case("two images a prompt", num_images_per_prompt=2, seeds=[3, 4], strength=0.5, **XL_INPAINT),
    case("own latents", latents=latents(1, 4, 8, 8, seed=7), **XL_INPAINT),
    case("from 0.3 to 0.9", denoising_start=0.3, denoising_end=0.9, **{**XL_INPAINT, "num_inference_steps": 10}),
    case("sizes", **XL_SIZES, **XL_NEGATIVE_SIZES, **XL_INPAINT),
    case("padding_mask_crop", **{**XL_INPAINT, "image": photo(80, 60), "mask_image": mask(80, 60, (30, 20, 50, 36)),
                                 "padding_mask_crop": 4}),
    case("guidance_rescale", guidance_rescale=0.7, strength=0.6, **XL_INPAINT),
]

DEPTH = {
    "unet": "models/UNet2DConditionModel/depth", "depth_estimator": "models/DPTForDepthEstimation/plain",
    "feature_extractor": "processors/DPTImageProcessor/dpt-32",
}
# as in stabilityai/sd-x2-latent-upscaler
X2 = swap("EulerDiscrete", prediction_type="sample")
LARGER = dict(scheduler=X2, image=PHOTO, **TEXT)
SAFETY = {"safety_checker": "models/StableDiffusionSafetyChecker/tiny", "feature_extractor": "processors/CLIPImageProcessor/clip-16"}

TASKS = {
    "safety": {
        "pipeline": "StableDiffusionPipeline", "repo": "tiny-stable-diffusion", "parts": SAFETY,
        "cases": [case("six images", num_images_per_prompt=6, seeds=[1, 2, 3, 4, 5, 6], height=32, width=32, **TEXT)],
    },
    "safety-inpaint": {
        "pipeline": "StableDiffusionInpaintPipeline", "repo": "tiny-stable-diffusion", "parts": SAFETY,
        "cases": [case("hidden, and put back", **{**INPAINT, "padding_mask_crop": 0, "num_images_per_prompt": 6,
                                                  "seeds": [5, 6, 7, 8, 9, 10], "mask_image": mask(32, 32, (0, 0, 31, 32))})],
    },
    "depth2img": {
        "pipeline": "StableDiffusionDepth2ImgPipeline", "repo": "tiny-stable-diffusion", "parts": DEPTH,
        "cases": [
            case("depth that is given", depth_map=tensor(1, 20, 24, seed=3), **IMG2IMG),
            case("estimated depth", **IMG2IMG),
            case("DDIM, two images a prompt", scheduler=swap("DDIM"), num_images_per_prompt=2, seeds=[3, 4], **IMG2IMG),
            case("two prompts, an image and a depth each", **{
                **IMG2IMG, "prompt": [PROMPT, OTHER], "image": [PHOTO, photo(32, 32, name="another")], "seeds": [1, 2],
                "depth_map": tensor(2, 8, 8, seed=4, low=-5, high=9), "negative_prompt": ["blurry", "low quality"]}),
            case("an image of odd size", **{**IMG2IMG, "image": photo(53, 38)}),
            case("PNDM, less than a step", **{**IMG2IMG, **NO_WHOLE_STEP}),
            case("without guidance, strength 1", guidance_scale=1.0, **{**IMG2IMG, "strength": 1.0}),
            case("one generator for two images", num_images_per_prompt=2, seeds=[9], shared=True, **IMG2IMG),
        ],
    },
    "depth2img-hybrid": {
        "pipeline": "StableDiffusionDepth2ImgPipeline", "repo": "tiny-stable-diffusion",
        "parts": {**DEPTH, "depth_estimator": "models/DPTForDepthEstimation/hybrid",
                  "feature_extractor": "processors/DPTImageProcessor/dpt-64"},
        "cases": [case("estimated depth", **IMG2IMG)],
    },
    "pndm": {
        "pipeline": "PNDMPipeline", "repo": "tiny-ddpm", "parts": {},
        "cases": [
            case("the repo's DDPM scheduler", shared=True, num_inference_steps=10),
            case("ten steps", scheduler=swap("PNDM"), shared=True, num_inference_steps=10),
            case("two images without Runge-Kutta", scheduler=swap("PNDM", skip_prk_steps=True), batch_size=2, seeds=[1, 2],
                 num_inference_steps=8),
        ],
    },
    "upscale": {
        "pipeline": "StableDiffusionUpscalePipeline", "repo": "tiny-upscaler", "parts": {},
        "cases": [
            case("an image", noise_level=5, image=photo(16, 16), **TEXT),
            case("guidance 3, no noise, Euler", scheduler=swap("EulerDiscrete"), guidance_scale=3.0, noise_level=0,
                 image=photo(16, 24), **TEXT),
            case("an image of odd size", noise_level=9, image=photo(21, 18), **TEXT),
            case("two images a prompt", noise_level=5, image=photo(16, 16), num_images_per_prompt=2, seeds=[3, 4], **TEXT),
            case("two prompts, an image each", **{
                **TEXT, "prompt": [PROMPT, OTHER], "image": [photo(16, 16), photo(16, 16, name="another")], "seeds": [1, 2],
                "noise_level": 3, "negative_prompt": ["blurry", "low quality"]}),
            case("without guidance, a tensor", guidance_scale=1.0, noise_level=5, image=tensor(1, 3, 16, 16, seed=3), **TEXT),
        ],
    },
    "latent-upscale": {
        "pipeline": "StableDiffusionLatentUpscalePipeline", "repo": "tiny-stable-diffusion",
        "parts": {"unet": "models/UNet2DConditionModel/latent_upscaler"},
        "cases": [
            case("an image", **LARGER),
            case("latents, without a prompt", guidance_scale=0.0, **{**LARGER, "image": latents(1, 4, 8, 8, seed=7)}),
            case("without guidance", guidance_scale=1.0, **LARGER),
            case("an image of odd size", **{**LARGER, "image": photo(50, 35)}),
            case("two prompts, an image each", **{
                **LARGER, "prompt": [PROMPT, OTHER], "image": [PHOTO, photo(32, 32, name="another")], "seeds": [1, 2],
                "negative_prompt": ["blurry", "low quality"]}),
            case("one generator, two latents", **{
                **LARGER, "prompt": [PROMPT, OTHER], "image": latents(2, 4, 4, 8, seed=8), "seeds": [9], "shared": True}),
            case("one generator, two images", **{
                **LARGER, "prompt": [PROMPT, OTHER], "image": [PHOTO, photo(32, 32, name="another")], "seeds": [9],
                "shared": True}),
            case("a tensor", **{**LARGER, "image": tensor(1, 3, 32, 16, seed=5, low=-1)}),
            case("own latents, guidance 3, negative prompt", latents=latents(1, 4, 16, 16, seed=3), guidance_scale=3.0,
                 negative_prompt="blurry", **LARGER),
            case("own embeddings", scheduler=X2, image=PHOTO, num_inference_steps=4, prompt_embeds=latents(1, 77, 16, seed=4),
                 pooled_prompt_embeds=latents(1, 16, seed=5), negative_prompt_embeds=latents(1, 77, 16, seed=6),
                 negative_pooled_prompt_embeds=latents(1, 16, seed=7)),
            case("Euler, karras, trailing", **{**LARGER, "scheduler": swap(
                "EulerDiscrete", prediction_type="sample", use_karras_sigmas=True, timestep_spacing="trailing")}),
            case("Heun", **{**LARGER, "scheduler": swap("HeunDiscrete", prediction_type="sample")}),
            case("LMS", **{**LARGER, "scheduler": swap("LMSDiscrete", prediction_type="sample")}),
            case("DPM-Solver++", **{**LARGER, "scheduler": swap("DPMSolverMultistep", prediction_type="sample")}),
        ],
    },
    "tiny-vae": {
        "pipeline": "StableDiffusionImg2ImgPipeline", "repo": "tiny-stable-diffusion",
        "parts": {"vae": "models/AutoencoderTiny/taesd"},
        "cases": [case("an image", **IMG2IMG), case("two images a prompt", num_images_per_prompt=2, seeds=[3, 4], **IMG2IMG)],
    },
    "lcm": {
        "pipeline": "LatentConsistencyModelPipeline", "repo": "tiny-lcm", "parts": {},
        "cases": [
            case("four steps", prompt=PROMPT),
            case("one step", prompt=PROMPT, num_inference_steps=1),
            case("eight steps of sixteen, guidance 3", prompt=PROMPT, num_inference_steps=8, original_inference_steps=16,
                 guidance_scale=3.0),
            case("two prompts, two images each", prompt=[PROMPT, OTHER], num_images_per_prompt=2, seeds=[1, 2, 3, 4]),
            case("own timesteps", prompt=PROMPT, timesteps=[999, 759, 519, 279]),
            case("own latents, a rectangle", prompt=PROMPT, latents=latents(1, 4, 8, 16, seed=3), height=32, width=64),
            case("clip_skip 1", prompt=PROMPT, clip_skip=1),
        ],
    },
    "lcm-img2img": {
        "pipeline": "LatentConsistencyModelImg2ImgPipeline", "repo": "tiny-lcm", "parts": {},
        "cases": [
            case("four steps", prompt=PROMPT, image=PHOTO),
            case("strength 0.4, two images", prompt=PROMPT, image=PHOTO, strength=0.4, num_images_per_prompt=2, seeds=[1, 2]),
            case("six of twenty steps", prompt=PROMPT, image=PHOTO, strength=0.7, num_inference_steps=6,
                 original_inference_steps=20),
            case("latents", prompt=PROMPT, image=latents(1, 4, 8, 8, seed=7)),
            case("own latents", prompt=PROMPT, image=PHOTO, latents=latents(1, 4, 8, 8, seed=8)),
        ],
    },
    "xl": {"pipeline": "StableDiffusionXLPipeline", "repo": "tiny-stable-diffusion-xl", "parts": {}, "cases": XL_CASES},
    "xl-img2img": {
        "pipeline": "StableDiffusionXLImg2ImgPipeline", "repo": "tiny-stable-diffusion-xl", "parts": {},
        "cases": XL_IMG2IMG_CASES,
    },
    "xl-refiner": {
        "pipeline": "StableDiffusionXLImg2ImgPipeline", "repo": "tiny-stable-diffusion-xl-refiner", "parts": {},
        "cases": XL_IMG2IMG_CASES,
    },
    "xl-inpaint-4": {
        "pipeline": "StableDiffusionXLInpaintPipeline", "repo": "tiny-stable-diffusion-xl", "parts": {},
        "cases": XL_INPAINT_CASES,
    },
    "xl-inpaint-9": {
        "pipeline": "StableDiffusionXLInpaintPipeline", "repo": "tiny-stable-diffusion-xl",
        "parts": {"unet": "parts/UNet2DConditionModel/xl-inpaint"}, "cases": XL_INPAINT_CASES,
    },
    "img2img": {
        "pipeline": "StableDiffusionImg2ImgPipeline", "repo": "tiny-stable-diffusion", "parts": {},
        "cases": [
            case("the repo's own scheduler", **IMG2IMG),
            *(case(name, scheduler=scheduler, **IMG2IMG) for name, scheduler in SCHEDULERS),
            case("strength 1, Euler", scheduler=swap("EulerDiscrete"), **{**IMG2IMG, "strength": 1.0}),
            case("strength 0.2", **{**IMG2IMG, "strength": 0.2}),
            case("PNDM, less than a step", **{**IMG2IMG, **NO_WHOLE_STEP}),
            case("PNDM, strength 0", **{**IMG2IMG, **NO_WHOLE_STEP, "strength": 0.0}),
            case("PNDM from Runge-Kutta steps, less than a step", **{**IMG2IMG, **NO_WHOLE_STEP, "scheduler": swap("PNDM")}),
            case("strength kept as it is by default", image=PHOTO, **TEXT),
            case("two images a prompt", num_images_per_prompt=2, seeds=[3, 4], **IMG2IMG),
            case("two prompts, an image each", **{
                **IMG2IMG, "prompt": [PROMPT, OTHER], "image": [PHOTO, photo(32, 32, name="another")],
                "negative_prompt": ["blurry", "low quality"], "seeds": [1, 2]}),
            case("one generator for two images", num_images_per_prompt=2, seeds=[9], shared=True, **IMG2IMG),
            case("one generator, two given images", **{
                **IMG2IMG, "prompt": [PROMPT, OTHER], "image": [PHOTO, photo(32, 32, name="another")], "seeds": [9],
                "shared": True}),
            case("DDIM, eta 1", scheduler=swap("DDIM"), eta=1.0, **IMG2IMG),
            case("an image of odd size", **{**IMG2IMG, "image": photo(53, 38)}),
            case("tensor", **{**IMG2IMG, "image": tensor(1, 3, 32, 32, seed=5)}),
            case("normalized tensor", **{**IMG2IMG, "image": tensor(1, 3, 32, 32, seed=5, low=-1)}),
            case("latents", **{**IMG2IMG, "image": latents(1, 4, 8, 8, seed=7)}),
            case("own timesteps, Euler", scheduler=swap("EulerDiscrete"), prompt=PROMPT, image=PHOTO, strength=0.75,
                 timesteps=[999, 700, 400, 100]),
            case("without guidance", guidance_scale=1.0, **IMG2IMG),
            case("clip_skip 1", clip_skip=1, **IMG2IMG),
        ],
    },
    "img2img-v": {
        "pipeline": "StableDiffusionImg2ImgPipeline", "repo": "tiny-stable-diffusion-2", "parts": {},
        "cases": [case("v prediction", **{**IMG2IMG, "image": photo(64, 64)})],
    },
    "inpaint-4": {
        "pipeline": "StableDiffusionInpaintPipeline", "repo": "tiny-stable-diffusion", "parts": {}, "cases": INPAINT_CASES,
    },
    "pix2pix": {
        "pipeline": "StableDiffusionInstructPix2PixPipeline", "repo": "tiny-stable-diffusion",
        "parts": {"unet": "parts/UNet2DConditionModel/pix2pix"},
        "cases": [
            case("the repo's own scheduler", **EDIT),
            *(case(name, scheduler=scheduler, **EDIT) for name, scheduler in SCHEDULERS),
            case("two images a prompt", num_images_per_prompt=2, seeds=[3, 4], **EDIT),
            case("two prompts, an image each", **{
                **EDIT, "prompt": [PROMPT, OTHER], "image": [PHOTO, photo(32, 32, name="another")], "seeds": [1, 2],
                "negative_prompt": ["blurry", "low quality"]}),
            case("an image of odd size, guidance 3 and 2", **{**EDIT, "image": photo(53, 38)}, guidance_scale=3.0, image_guidance_scale=2.0),
            case("without guidance by the text", guidance_scale=1.0, **EDIT),
            case("without guidance by the image", image_guidance_scale=0.9, **EDIT),
            case("latents of an image, own latents", latents=latents(1, 4, 8, 8, seed=3), **{**EDIT, "image": latents(1, 4, 8, 8, seed=7)}),
            case("own embeddings", image=PHOTO, num_inference_steps=4, prompt_embeds=latents(1, 77, 16, seed=4),
                 negative_prompt_embeds=latents(1, 77, 16, seed=5)),
            case("one generator for two images", num_images_per_prompt=2, seeds=[9], shared=True, **EDIT),
            case("DDIM with noise", scheduler=swap("DDIM"), eta=0.7, **EDIT),
        ],
    },
    "xl-pix2pix": {
        "pipeline": "StableDiffusionXLInstructPix2PixPipeline", "repo": "tiny-stable-diffusion-xl",
        "parts": {"unet": "parts/UNet2DConditionModel/xl-pix2pix"},
        "cases": [
            case("trained size", **EDIT),
            *(case(name, scheduler=scheduler, height=32, width=32, **EDIT) for name, scheduler in SCHEDULERS[:4]),
            case("an image that is resized to a rectangle", height=32, width=64, **{**EDIT, "image": photo(53, 38)}),
            case("two images a prompt", height=32, width=32, num_images_per_prompt=2, seeds=[3, 4], **EDIT),
            case("two prompts, an image and a second prompt each", **{
                **EDIT, "prompt": [PROMPT, OTHER], "prompt_2": [OTHER, PROMPT], "image": [PHOTO, photo(32, 32, name="another")],
                "negative_prompt": ["blurry", "low quality"], "seeds": [1, 2], "height": 32, "width": 32}),
            case("sizes and crop", original_size=(64, 48), target_size=(32, 40), crops_coords_top_left=(3, 5), height=32, width=32, **EDIT),
            case("rescaled guidance, an early end", guidance_rescale=0.7, denoising_end=0.6, height=32, width=32, **EDIT),
            case("without guidance", guidance_scale=1.0, height=32, width=32, **EDIT),
            case("own embeddings, own latents", image=PHOTO, num_inference_steps=4, height=32, width=32,
                 latents=latents(1, 4, 8, 8, seed=3), prompt_embeds=latents(1, 77, 32, seed=4), pooled_prompt_embeds=latents(1, 12, seed=5),
                 negative_prompt_embeds=latents(1, 77, 32, seed=6), negative_pooled_prompt_embeds=latents(1, 12, seed=7)),
        ],
    },
    "inpaint-9": {
        "pipeline": "StableDiffusionInpaintPipeline", "repo": "tiny-stable-diffusion",
        "parts": {"unet": "models/UNet2DConditionModel/inpaint"},
        "cases": [one for one in INPAINT_CASES if one["name"] not in ("PNDM, strength 0.7", "trained size")],
    },
}
