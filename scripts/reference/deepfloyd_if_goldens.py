"""DeepFloyd IF: its safety checker, the repos tiny-if and tiny-if-super-resolution, and tests/golden/tasks/if*.

    $(sh scripts/reference/setup.sh) scripts/reference/deepfloyd_if_goldens.py [repos] [task ...]
"""

import shutil
import sys
import warnings

import torch
from diffusers import DDPMScheduler, IFPipeline, IFSuperResolutionPipeline, UNet2DConditionModel
from diffusers.pipelines.deepfloyd_if import IFSafetyChecker, IFWatermarker
from transformers import CLIPConfig, T5Config, T5EncoderModel, T5TokenizerFast

from common import FIXTURES, GOLDEN, generator, seed_of, write_golden
from model_goldens import Calls
from task_goldens import write_task
from task_repos import VISION, clip_image_processor, folder
from tasks import OTHER, PROMPT, case, latents, mask, photo, swap, tensor
from tiny_models import liven

COMMAND = "scripts/reference/deepfloyd_if_goldens.py"
WIDTH = 16
# DeepFloyd/IF-I-XL-v1.0, narrow: what the text states come through has no encoder_hid_dim_type. Text states are normalized in 32
# groups over all tokens; one channel in a group would make much of what differs least, of which most is rounding
UNET = dict(
    sample_size=32, in_channels=3, out_channels=6, block_out_channels=(8, 12), layers_per_block=1, norm_num_groups=2, act_fn="gelu",
    down_block_types=("ResnetDownsampleBlock2D", "SimpleCrossAttnDownBlock2D"), mid_block_type="UNetMidBlock2DSimpleCrossAttn",
    up_block_types=("SimpleCrossAttnUpBlock2D", "ResnetUpsampleBlock2D"), attention_head_dim=4, cross_attention_dim=128,
    encoder_hid_dim=WIDTH, addition_embed_type="text", addition_embed_type_num_heads=4, cross_attention_norm="group_norm",
    resnet_time_scale_shift="scale_shift", resnet_skip_time_act=True, resnet_out_scale_factor=2**0.5, mid_block_scale_factor=2**0.5,
    time_embedding_act_fn="gelu",
)
# DeepFloyd/IF-II-L-v1.0
LARGER = dict(UNET, in_channels=6, class_embed_type="timestep", layers_per_block=(1, 2), sample_size=40,
              only_cross_attention=True, mid_block_only_cross_attention=False)
SCHEDULER = dict(beta_schedule="squaredcos_cap_v2", variance_type="learned_range", thresholding=True, dynamic_thresholding_ratio=0.95, sample_max_value=1.5)


def unet(config: dict, name: str) -> UNet2DConditionModel:
    return liven(UNet2DConditionModel(**config), seed_of(f"{name}/unet")).eval()


def watermarker() -> IFWatermarker:
    """Colours that are more or less transparent, no whole numbers."""
    marker = IFWatermarker()
    marker.watermark_image = 128 * (1 + 0.2 * torch.randn(62, 62, 4, generator=generator(seed_of("watermark"))))
    return marker


def write_repo(name: str, pipeline, config: dict, **parts) -> None:
    where = folder(name)
    t5 = T5TokenizerFast.from_pretrained(FIXTURES / "tokenizers" / "t5-json")
    text = T5Config(vocab_size=len(t5), d_model=WIDTH, d_kv=4, d_ff=24, num_layers=2, num_heads=3, feed_forward_proj="gated-gelu", tie_word_embeddings=False)
    pipeline(
        tokenizer=t5, text_encoder=liven(T5EncoderModel(text), seed_of(f"{name}/text_encoder")).eval(), unet=unet(config, name),
        scheduler=DDPMScheduler(**SCHEDULER), safety_checker=None, feature_extractor=None, watermarker=watermarker(), requires_safety_checker=False, **parts,
    ).save_pretrained(where)
    shutil.rmtree(where / "tokenizer")
    shutil.copytree(FIXTURES / "tokenizers" / "t5-json", where / "tokenizer")


@torch.no_grad()
def write_safety() -> None:
    """Finds something in about half of the images, of either kind."""
    config = CLIPConfig(vision_config=VISION, text_config=dict(hidden_size=8, num_hidden_layers=1), projection_dim=8)
    checker = liven(IFSafetyChecker(config), seed_of("IFSafetyChecker")).eval()
    pixels = clip_image_processor()([photo(24, 20, name=f"safety {i}") for i in range(8)], return_tensors="pt").pixel_values
    seen = checker.vision_model(pixels)[0]
    for head in (checker.p_head, checker.w_head):
        head.bias.data += 0.5 - head(seen).quantile(0.7)
    checker.save_pretrained(folder("models/IFSafetyChecker/tiny"))
    none = [torch.zeros(1, 1, 3) for _ in pixels]
    _, nsfw, watermark = checker(clip_input=pixels, images=[image.numpy() for image in none])
    calls = Calls()
    calls.add("eight images", {"clip_input": pixels}, {"nsfw": torch.tensor(nsfw).float(), "watermark": torch.tensor(watermark).float()})
    write_golden(GOLDEN / "models" / "IFSafetyChecker" / "tiny", COMMAND, calls.cases, calls.tensors)
    watermarker().save_pretrained(folder("models/IFWatermarker/tiny"))


def write_repos() -> None:
    write_safety()
    write_repo("tiny-if", IFPipeline, UNET)
    write_repo("tiny-if-super-resolution", IFSuperResolutionPipeline, LARGER, image_noising_scheduler=DDPMScheduler(beta_schedule="squaredcos_cap_v2"))


TEXT = dict(prompt=PROMPT, num_inference_steps=5)
EMBEDS = dict(prompt_embeds=latents(1, 9, WIDTH, seed=4), negative_prompt_embeds=latents(1, 9, WIDTH, seed=5))
PHOTO, OTHERS = photo(32, 32), photo(32, 32, name="another")
COVERED = dict(image=PHOTO, mask_image=mask(32, 32, (8, 4, 24, 20)), **TEXT)
TWO = {**TEXT, "prompt": [PROMPT, OTHER], "seeds": [3, 4]}
BOTH = {**TEXT, "prompt": [PROMPT, OTHER], "num_images_per_prompt": 2, "seeds": [3, 4, 5, 6]}
SMALL = photo(16, 16, name="small")
# images of the stages before, as their `output_type` pt gives them
PIXELS = tensor(1, 3, 16, 16, seed=6, low=-1.1, high=1.1)
LARGE = dict(image=SMALL, original_image=PHOTO, **TEXT)
SAFETY = {"safety_checker": "models/IFSafetyChecker/tiny", "feature_extractor": "processors/CLIPImageProcessor/clip-16"}
TASKS = {
    "if": {
        "pipeline": "IFPipeline", "repo": "tiny-if", "parts": {}, "cases": [
            case("text", **TEXT),
            case("a negative prompt, guidance 3, a rectangle", negative_prompt=" Blurry ", guidance_scale=3.0, height=48, width=64, **TEXT),
            case("without guidance", guidance_scale=1.0, **TEXT),
            case("two prompts, two images each", **{**TEXT, "prompt": [PROMPT, "  A CAT "]}, num_images_per_prompt=2, seeds=[5, 6, 7, 8]),
            case("one generator for two images", num_images_per_prompt=2, seeds=[9], shared=True, **TEXT),
            case("own timesteps", prompt=PROMPT, timesteps=[999, 700, 300, 20]),
            case("a prompt that is too long", prompt=" ".join([PROMPT, OTHER] * 8), num_inference_steps=2),
            case("own embeddings", num_inference_steps=4, **EMBEDS),
            case("own embeddings, a negative prompt", prompt_embeds=EMBEDS["prompt_embeds"], negative_prompt=OTHER, num_inference_steps=3),
            case("a fixed variance", scheduler=swap("DDPM", variance_type="fixed_small", thresholding=False), **TEXT),
            case("DPM-Solver++", scheduler=swap("DPMSolverMultistep"), **TEXT),
        ],
    },
    "if-img2img": {
        "pipeline": "IFImg2ImgPipeline", "repo": "tiny-if", "parts": {}, "cases": [
            case("seven tenths of the steps", image=PHOTO, **TEXT),
            case("a wide image, strength 1", image=photo(50, 31), strength=1.0, guidance_scale=3.0, **TEXT),
            case("a tall image, own timesteps", image=photo(18, 40), prompt=PROMPT, timesteps=[950, 700, 400, 200, 20], strength=0.9),
            case("a tensor, without guidance", image=tensor(1, 3, 24, 40, seed=5, low=-1), guidance_scale=1.0, **TEXT),
            case("two prompts, an image each, twice", image=[PHOTO, OTHERS], **BOTH),
            case("one generator for two images", image=PHOTO, num_images_per_prompt=2, seeds=[9], shared=True, **TEXT),
            case("DPM-Solver++", image=PHOTO, scheduler=swap("DPMSolverMultistep"), **TEXT),
        ],
    },
    "if-inpainting": {
        "pipeline": "IFInpaintingPipeline", "repo": "tiny-if", "parts": {}, "cases": [
            case("all steps", **COVERED),
            case("strength 0.6", strength=0.6, **COVERED),
            case("a wide image, a soft mask", **{**COVERED, "image": photo(45, 31), "mask_image": photo(45, 31, "L", "soft mask")}),
            case("tensors, without guidance", guidance_scale=1.0, image=tensor(1, 3, 24, 40, seed=5, low=-1), mask_image=tensor(1, 1, 24, 40, seed=6), **TEXT),
            case("two prompts, an image and a mask each", **{**COVERED, **TWO, "image": [PHOTO, OTHERS],
                                                                    "mask_image": [COVERED["mask_image"], mask(32, 32, (0, 16, 32, 32))]}),
            case("two prompts, one mask", **{**COVERED, **TWO, "image": [PHOTO, OTHERS]}),
        ],
    },
    "if-super-resolution": {
        "pipeline": "IFSuperResolutionPipeline", "repo": "tiny-if-super-resolution", "parts": {}, "cases": [
            case("an image", image=SMALL, **TEXT),
            case("pixels, a rectangle, little noise", image=PIXELS, height=32, width=48, noise_level=7, **TEXT),
            case("an image of odd size, without guidance, no noise", image=photo(21, 13), guidance_scale=1.0, noise_level=0, **TEXT),
            case("two prompts, an image each, twice", image=[SMALL, photo(16, 16, name="more")], **BOTH),
            case("one generator for two images", image=PIXELS, num_images_per_prompt=2, seeds=[9], shared=True, **TEXT),
            case("own timesteps, a fixed variance", image=SMALL, prompt=PROMPT, timesteps=[900, 500, 100, 0], scheduler=swap("DDPM", variance_type="fixed_small")),
        ],
    },
    "if-img2img-super-resolution": {
        "pipeline": "IFImg2ImgSuperResolutionPipeline", "repo": "tiny-if-super-resolution", "parts": {}, "cases": [
            case("an image", **LARGE),
            case("pixels, a wide original, strength 0.5", **{**LARGE, "image": PIXELS, "original_image": photo(40, 26), "strength": 0.5, "noise_level": 20}),
            case("two prompts, images each", **{**LARGE, **TWO, "image": [SMALL, photo(16, 16, name="more")], "original_image": [PHOTO, OTHERS]}),
        ],
    },
    "if-inpainting-super-resolution": {
        "pipeline": "IFInpaintingSuperResolutionPipeline", "repo": "tiny-if-super-resolution", "parts": {}, "cases": [
            case("an image", mask_image=COVERED["mask_image"], **LARGE),
            case("pixels, a tall original, noise", mask_image=mask(20, 33, (0, 0, 15, 15)), **{**LARGE, "image": PIXELS, "original_image": photo(20, 33), "noise_level": 99}),
            case("two prompts, images each, one mask", mask_image=COVERED["mask_image"],
                 **{**LARGE, **TWO, "image": [SMALL, photo(16, 16, name="more")], "original_image": [PHOTO, OTHERS]}),
        ],
    },
    "if-safety": {
        "pipeline": "IFPipeline", "repo": "tiny-if", "parts": SAFETY,
        "cases": [case("six images", num_images_per_prompt=6, seeds=[1, 2, 3, 4, 5, 6], prompt=PROMPT, num_inference_steps=2, height=16, width=24)],
    },
}

if __name__ == "__main__":
    warnings.simplefilter("ignore")
    for wanted in sys.argv[1:] or ["repos", *TASKS]:
        write_repos() if wanted == "repos" else write_task(wanted, TASKS[wanted], COMMAND, every=7)
