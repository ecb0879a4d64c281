"""Stable unCLIP: the repo tiny-stable-unclip, StableUnCLIPImageNormalizer, and tests/golden/tasks/stable-unclip-img2img.

    $(sh scripts/reference/setup.sh) scripts/reference/unclip_goldens.py [repos] [task ...]
"""

import json
import shutil
import sys
import warnings

import torch
from diffusers import DDPMScheduler
from diffusers.pipelines.stable_diffusion.stable_unclip_image_normalizer import StableUnCLIPImageNormalizer
from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

from common import FIXTURES, GOLDEN, generator, seed_of, write_golden
from kandinsky_prior_goldens import PRIOR, TEXT, prior
from model_goldens import Calls
from task_goldens import write_task
from task_repos import VISION, clip_image_processor, folder
from tasks import OTHER, PROMPT, case, latents, photo, swap, tensor
from tiny_models import build, liven

COMMAND = "scripts/reference/unclip_goldens.py"
WIDTH = VISION["projection_dim"]
PRIOR_TEXT = {**TEXT, "hidden_size": WIDTH, "projection_dim": WIDTH}


def normalizer(name: str) -> StableUnCLIPImageNormalizer:
    model = StableUnCLIPImageNormalizer(embedding_dim=WIDTH)
    model.mean.data = torch.randn(1, WIDTH, generator=generator(seed_of(f"{name}/mean"))) * 0.2
    model.std.data = torch.rand(1, WIDTH, generator=generator(seed_of(f"{name}/std"))) + 0.5
    return model.eval()


@torch.no_grad()
def write_repos() -> None:
    model = normalizer("StableUnCLIPImageNormalizer")
    model.save_pretrained(FIXTURES / "models" / "StableUnCLIPImageNormalizer" / "tiny")
    embeds, calls = torch.randn(2, WIDTH, generator=generator(3)), Calls()
    calls.add("two vectors", {"embeds": embeds}, {"scaled": model.scale(embeds), "unscaled": model.unscale(embeds)})
    write_golden(GOLDEN / "models" / "StableUnCLIPImageNormalizer" / "tiny", COMMAND, calls.cases, calls.tensors)
    where, source = folder("tiny-stable-unclip"), FIXTURES / "tiny-stable-diffusion"
    for role in ("vae", "text_encoder", "tokenizer", "scheduler"):
        shutil.copytree(source / role, where / role)
    config = json.loads((source / "unet" / "config.json").read_text())
    config = {key: value for key, value in config.items() if not key.startswith("_")}
    unet = build("UNet2DConditionModel", {**config, "class_embed_type": "projection", "projection_class_embeddings_input_dim": 2 * WIDTH},
                 seed_of("tiny-stable-unclip/unet"))
    unet.save_pretrained(where / "unet")
    liven(CLIPVisionModelWithProjection(CLIPVisionConfig(**VISION)), seed_of("tiny-stable-unclip/image_encoder")).eval().save_pretrained(where / "image_encoder")
    clip_image_processor().save_pretrained(where / "feature_extractor")
    normalizer("tiny-stable-unclip").save_pretrained(where / "image_normalizer")
    DDPMScheduler(beta_schedule="squaredcos_cap_v2").save_pretrained(where / "image_noising_scheduler")
    scheduler = json.loads((source / "model_index.json").read_text())["scheduler"]
    index = {"_class_name": "StableUnCLIPImg2ImgPipeline", "_diffusers_version": "0.42.1", "feature_extractor": ["transformers", "CLIPImageProcessor"],
             "image_encoder": ["transformers", "CLIPVisionModelWithProjection"], "image_noising_scheduler": ["diffusers", "DDPMScheduler"],
             "image_normalizer": ["stable_diffusion", "StableUnCLIPImageNormalizer"], "scheduler": scheduler,
             "text_encoder": ["transformers", "CLIPTextModel"], "tokenizer": ["transformers", "CLIPTokenizer"],
             "unet": ["diffusers", "UNet2DConditionModel"], "vae": ["diffusers", "AutoencoderKL"]}
    (where / "model_index.json").write_text(json.dumps(index, indent=2) + "\n")
    write_text_repo(index)


def write_text_repo(index: dict) -> None:
    """The same with a prior in the place of the image encoder."""
    where, source = folder("tiny-stable-unclip-text"), FIXTURES / "tiny-stable-unclip"
    for role in ("feature_extractor", "image_encoder"):
        index.pop(role)
    for role in (name for name in index if not name.startswith("_")):
        shutil.copytree(source / role, where / role)
    shutil.copytree(source / "tokenizer", where / "prior_tokenizer")
    build("CLIPTextModelWithProjection", PRIOR_TEXT, seed_of("tiny-stable-unclip-text/prior_text_encoder")).save_pretrained(where / "prior_text_encoder")
    prior(dict(PRIOR, embedding_dim=WIDTH, num_embeddings=77), "tiny-stable-unclip-text/prior").save_pretrained(where / "prior")
    # as diffusers' documentation has it
    DDPMScheduler(beta_schedule="squaredcos_cap_v2", clip_sample_range=5, prediction_type="sample").save_pretrained(where / "prior_scheduler")
    index |= {"_class_name": "StableUnCLIPPipeline", "prior": ["diffusers", "PriorTransformer"], "prior_scheduler": ["diffusers", "DDPMScheduler"],
              "prior_text_encoder": ["transformers", "CLIPTextModelWithProjection"], "prior_tokenizer": ["transformers", "CLIPTokenizer"]}
    (where / "model_index.json").write_text(json.dumps(index, indent=2) + "\n")


CALL = dict(image=photo(40, 33), prompt=PROMPT, num_inference_steps=5)
WORDS = dict(prompt=PROMPT, num_inference_steps=5, prior_num_inference_steps=4)
TASKS = {
    "stable-unclip": {
        "pipeline": "StableUnCLIPPipeline", "repo": "tiny-stable-unclip-text", "parts": {},
        "cases": [
            case("a prompt", **WORDS),
            case("noise, a negative prompt", noise_level=300, negative_prompt="blurry", **WORDS),
            case("without guidance, Euler", scheduler=swap("EulerDiscrete"), guidance_scale=1.0, prior_guidance_scale=1.0, **WORDS),
            case("guidance of the vector alone", guidance_scale=1.0, prior_guidance_scale=3.0, **WORDS),
            case("eta 0.7", scheduler=swap("DDIM"), eta=0.7, **WORDS),
            case("two images of a prompt, one generator", num_images_per_prompt=2, seeds=[9], shared=True, noise_level=10, **WORDS),
            case("two prompts, two images each, a rectangle", **{**WORDS, "prompt": [PROMPT, OTHER]}, seeds=[1, 2, 3, 4], num_images_per_prompt=2,
                 negative_prompt=["blurry", "dark"], height=32, width=48, noise_level=50),
            case("own latents", latents=latents(1, 4, 8, 8, seed=7), prior_latents=latents(1, WIDTH, seed=4), **WORDS),
        ],
    },
    "stable-unclip-img2img": {
        "pipeline": "StableUnCLIPImg2ImgPipeline", "repo": "tiny-stable-unclip", "parts": {},
        "cases": [
            case("the repo's own scheduler", **CALL),
            case("noise", noise_level=300, **CALL),
            case("without guidance, Euler", scheduler=swap("EulerDiscrete"), guidance_scale=1.0, **CALL),
            case("two images of a prompt, one generator", num_images_per_prompt=2, seeds=[9], shared=True, noise_level=10, **CALL),
            case("two prompts, an image each, a rectangle", **{**CALL, "prompt": [PROMPT, OTHER], "image": [photo(40, 33), photo(20, 37)]}, seeds=[1, 2],
                 negative_prompt=["blurry", "dark"], height=32, width=48, noise_level=50),
            case("a vector, own latents", prompt=PROMPT, num_inference_steps=5, image_embeds=latents(1, WIDTH, seed=4), latents=latents(1, 4, 8, 8, seed=7)),
            case("pixels", **{**CALL, "image": tensor(1, 3, 16, 16, seed=5, low=-2, high=2)}),
        ],
    },
}

if __name__ == "__main__":
    warnings.simplefilter("ignore")
    for wanted in sys.argv[1:] or ["repos", *TASKS]:
        write_repos() if wanted == "repos" else write_task(wanted, TASKS[wanted], COMMAND)
