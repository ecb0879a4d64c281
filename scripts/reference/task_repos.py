"""Writes the models that task_goldens.py needs beside those of make_repos.py.

    $(sh scripts/reference/setup.sh) scripts/reference/task_repos.py [name ...]
"""

import json
import shutil
import sys
import tempfile
from pathlib import Path

import torch
from diffusers import (
    DDIMScheduler,
    DDPMScheduler,
    EulerDiscreteScheduler,
    LCMScheduler,
    StableDiffusionXLImg2ImgPipeline,
    StableDiffusionXLPipeline,
)
from diffusers.pipelines.stable_diffusion.safety_checker import StableDiffusionSafetyChecker
from transformers import CLIPConfig, CLIPImageProcessorPil, CLIPTokenizer

from common import FIXTURES, generator, seed_of
from make_repos import VAE_FACTOR_4
from tasks import photo
from tiny_models import CLIP_TEXT, CLIP_TEXT_PROJECTION, UNET_2D_CONDITION, build, liven
from tiny_tokenizer import write_tokenizer

VISION = dict(hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=2, image_size=16, patch_size=4,
              projection_dim=8)


def folder(path: str):
    where = FIXTURES / path
    shutil.rmtree(where, ignore_errors=True)
    where.mkdir(parents=True)
    return where


def clip_image_processor() -> CLIPImageProcessorPil:
    return CLIPImageProcessorPil(size={"shortest_edge": 16}, crop_size={"height": 16, "width": 16})


def safety() -> None:
    """Hides about half of the images; one of its concepts is found only next to a special one."""
    clip_image_processor().save_pretrained(folder("processors/CLIPImageProcessor/clip-16"))
    config = CLIPConfig(vision_config=VISION, text_config=dict(hidden_size=8, num_hidden_layers=1), projection_dim=8)
    checker = liven(StableDiffusionSafetyChecker(config), seed_of("safety")).eval()
    checker.concept_embeds.data = torch.randn(17, 8, generator=generator(1))
    checker.special_care_embeds.data = torch.randn(3, 8, generator=generator(2))
    images = [photo(24, 20, name=f"safety {i}") for i in range(8)]
    pixels = clip_image_processor()(images, return_tensors="pt").pixel_values
    with torch.no_grad():
        seen = torch.nn.functional.normalize(checker.visual_projection(checker.vision_model(pixels)[1]))
    likeness = lambda name: seen @ torch.nn.functional.normalize(getattr(checker, name)).T  # noqa: E731
    concepts, special = likeness("concept_embeds"), likeness("special_care_embeds")
    checker.concept_embeds_weights.data = torch.ones(17)
    checker.concept_embeds_weights.data[4] = concepts[:, 4].median() + 0.0035
    checker.concept_embeds_weights.data[9] = concepts[:, 9].sort().values[-2:].mean() + 0.001
    checker.special_care_embeds_weights.data = torch.ones(3)
    checker.special_care_embeds_weights.data[1] = special[:, 1].median() + 0.001
    checker.save_pretrained(folder("models/StableDiffusionSafetyChecker/tiny"))


def xl_repo(name: str, pipeline, unet: dict, **parts) -> None:
    where = folder(name)
    with tempfile.TemporaryDirectory() as temp:
        write_tokenizer(Path(temp) / "1", pad="<|endoftext|>")
        write_tokenizer(Path(temp) / "2", pad="!")
        has_first = parts.pop("first", True)
        text = {**CLIP_TEXT["sd1"], "num_hidden_layers": 2}
        pipe = pipeline(
            unet=build("UNet2DConditionModel", {**UNET_2D_CONDITION["sdxl"], **unet}, seed_of(f"{name}/unet")),
            vae=build("AutoencoderKL", {**VAE_FACTOR_4, "scaling_factor": 0.13025}, seed_of("tiny-stable-diffusion-xl/vae")),
            text_encoder=build("CLIPTextModel", text, seed_of(f"{name}/text_encoder")) if has_first else None,
            tokenizer=CLIPTokenizer.from_pretrained(Path(temp) / "1") if has_first else None,
            text_encoder_2=build("CLIPTextModelWithProjection", CLIP_TEXT_PROJECTION["sdxl"],
                                 seed_of("tiny-stable-diffusion-xl/text_encoder_2")),
            tokenizer_2=CLIPTokenizer.from_pretrained(Path(temp) / "2"),
            scheduler=EulerDiscreteScheduler(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", steps_offset=1,
                                             timestep_spacing="leading"),
            add_watermarker=False, **parts,
        )
        pipe.save_pretrained(where)
        for role, kept in (("tokenizer", "1"), ("tokenizer_2", "2")):
            if (where / role).exists():
                shutil.rmtree(where / role)
                shutil.copytree(Path(temp) / kept, where / role)


def xl() -> None:
    base = dict(cross_attention_dim=32, projection_class_embeddings_input_dim=6 * 8 + 12, transformer_layers_per_block=1)
    xl_repo("tiny-stable-diffusion-xl", StableDiffusionXLPipeline, base)
    xl_repo("tiny-stable-diffusion-xl-refiner", StableDiffusionXLImg2ImgPipeline, {
        **base, "cross_attention_dim": 16, "projection_class_embeddings_input_dim": 5 * 8 + 12,
    }, first=False, requires_aesthetics_score=True, force_zeros_for_empty_prompt=False)
    inpaint = build("UNet2DConditionModel", {**UNET_2D_CONDITION["sdxl"], **base, "in_channels": 9}, seed_of("xl-inpaint"))
    inpaint.save_pretrained(folder("parts/UNet2DConditionModel/xl-inpaint"))


def pix2pix() -> None:
    base = dict(cross_attention_dim=32, projection_class_embeddings_input_dim=6 * 8 + 12, transformer_layers_per_block=1)
    for name, config in (("pix2pix", UNET_2D_CONDITION["inpaint"]), ("xl-pix2pix", {**UNET_2D_CONDITION["sdxl"], **base})):
        unet = build("UNet2DConditionModel", {**config, "in_channels": 8}, seed_of(name))
        unet.save_pretrained(folder(f"parts/UNet2DConditionModel/{name}"))


def lcm() -> None:
    """The scheduler as SimianLuo/LCM_Dreamshaper_v7 has it."""
    where = folder("tiny-lcm")
    source = FIXTURES / "tiny-stable-diffusion"
    for role in ("vae", "text_encoder", "tokenizer"):
        shutil.copytree(source / role, where / role)
    shutil.copytree(FIXTURES / "models" / "UNet2DConditionModel" / "lcm", where / "unet")
    LCMScheduler(original_inference_steps=50).save_pretrained(where / "scheduler")
    index = json.loads((source / "model_index.json").read_text())
    index.update(_class_name="LatentConsistencyModelPipeline", scheduler=["diffusers", "LCMScheduler"])
    (where / "model_index.json").write_text(json.dumps(index, indent=2) + "\n")


def upscaler() -> None:
    """Laid out as stabilityai/stable-diffusion-x4-upscaler: noise levels up to 9, as the tiny UNet knows them."""
    where = folder("tiny-upscaler")
    source = FIXTURES / "tiny-stable-diffusion"
    for role in ("text_encoder", "tokenizer"):
        shutil.copytree(source / role, where / role)
    shutil.copytree(FIXTURES / "models" / "UNet2DConditionModel" / "upscaler", where / "unet")
    vae = build("AutoencoderKL", {**VAE_FACTOR_4, "scaling_factor": 0.08333}, seed_of("tiny-upscaler/vae"))
    vae.save_pretrained(where / "vae")
    DDPMScheduler(beta_schedule="squaredcos_cap_v2").save_pretrained(where / "low_res_scheduler")
    DDIMScheduler(beta_schedule="scaled_linear", prediction_type="v_prediction", clip_sample=False, set_alpha_to_one=False,
                  steps_offset=1).save_pretrained(where / "scheduler")
    index = {
        "_class_name": "StableDiffusionUpscalePipeline", "_diffusers_version": "0.42.1", "feature_extractor": [None, None],
        "low_res_scheduler": ["diffusers", "DDPMScheduler"], "max_noise_level": 9, "safety_checker": [None, None],
        "scheduler": ["diffusers", "DDIMScheduler"], "text_encoder": ["transformers", "CLIPTextModel"],
        "tokenizer": ["transformers", "CLIPTokenizer"], "unet": ["diffusers", "UNet2DConditionModel"],
        "vae": ["diffusers", "AutoencoderKL"], "watermarker": [None, None],
    }
    (where / "model_index.json").write_text(json.dumps(index, indent=2) + "\n")


WRITERS = {"lcm": lcm, "upscaler": upscaler, "safety": safety, "xl": xl, "pix2pix": pix2pix}

if __name__ == "__main__":
    for name in sys.argv[1:] or WRITERS:
        WRITERS[name]()
