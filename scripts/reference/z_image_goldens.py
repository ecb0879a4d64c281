"""Writes tiny repos of Z-Image and the images that diffusers makes with them: tests/golden/tasks/z-image*.

    $(sh scripts/reference/setup.sh) scripts/reference/z_image_goldens.py [repos] [task ...]
"""

import shutil
import sys
import warnings

from diffusers import FlowMatchEulerDiscreteScheduler, ZImagePipeline, ZImageTransformer2DModel
from transformers import Qwen2Tokenizer, Qwen3Config, Qwen3Model

from common import FIXTURES, seed_of
from make_repos import VAE_FACTOR_4
from task_goldens import write_task
from task_repos import folder
from tasks import OTHER, PROMPT, case, latents, mask, photo, tensor
from tiny_models import build, liven

COMMAND = "scripts/reference/z_image_goldens.py"
TRANSFORMER = dict(in_channels=4, dim=48, n_layers=2, n_refiner_layers=1, n_heads=3, n_kv_heads=3, cap_feat_dim=16,
                   axes_dims=(4, 6, 6), axes_lens=(600, 128, 128))
TEXT_ENCODER = dict(hidden_size=16, intermediate_size=24, num_hidden_layers=3, num_attention_heads=4, num_key_value_heads=2, head_dim=8,
                    max_position_embeddings=1024, rope_parameters={"rope_type": "default", "rope_theta": 1000000.0})
VAE = {**VAE_FACTOR_4, "scaling_factor": 0.3611, "shift_factor": 0.1159, "use_quant_conv": False, "use_post_quant_conv": False}
REPOS = {
    "tiny-z-image-turbo": (dict(), dict(shift=3.0), "qwen2"),
    "tiny-z-image": (dict(n_refiner_layers=2, norm_eps=1e-3), dict(use_dynamic_shifting=True, base_shift=0.4, max_shift=1.3), "qwen2-json"),
}


def language_model(name: str, tokenizer: Qwen2Tokenizer, **more) -> Qwen3Model:
    config = Qwen3Config(vocab_size=len(tokenizer), **{**TEXT_ENCODER, **more})
    return liven(Qwen3Model(config), seed_of(name)).eval()


def write_repo(name: str) -> None:
    where = folder(name)
    transformer, scheduler, files = REPOS[name]
    tokenizer = Qwen2Tokenizer.from_pretrained(FIXTURES / "tokenizers" / files)
    pipe = ZImagePipeline(
        transformer=liven(ZImageTransformer2DModel(**{**TRANSFORMER, **transformer}), seed_of(f"{name}/transformer")).eval(),
        vae=build("AutoencoderKL", VAE, seed_of(f"{name}/vae")),
        text_encoder=language_model(f"{name}/text_encoder", tokenizer), tokenizer=tokenizer,
        scheduler=FlowMatchEulerDiscreteScheduler(**scheduler),
    )
    pipe.save_pretrained(where)
    shutil.rmtree(where / "tokenizer")
    shutil.copytree(FIXTURES / "tokenizers" / files, where / "tokenizer")


TEXT = dict(prompt=PROMPT, num_inference_steps=5, height=32, width=32)
CASES = [
    case("text", **TEXT),
    case("a rectangle, no guidance", **{**TEXT, "height": 24, "width": 48}, guidance_scale=0.0),
    case("two prompts of other lengths, two images each", **{**TEXT, "prompt": [PROMPT, OTHER]}, num_images_per_prompt=2, seeds=[5, 6, 7, 8]),
    case("two prompts, a negative one each", **{**TEXT, "prompt": [PROMPT, OTHER], "negative_prompt": ["blurry", ""]}, seeds=[1, 2]),
    case("weak guidance, one generator", negative_prompt="blurry", guidance_scale=0.7, num_images_per_prompt=1, seeds=[9], shared=True, **TEXT),
    case("a short guided prediction", cfg_normalization=True, **TEXT),
    case("a half as long one", cfg_normalization=0.5, guidance_scale=3.0, **TEXT),
    case("guidance of the first steps alone", cfg_truncation=0.4, **TEXT),
    case("guidance that is never truncated", cfg_truncation=None, **TEXT),
    case("own sigmas", **{**TEXT, "sigmas": [1.0, 0.6, 0.25]}),
    case("own latents", latents=latents(1, 4, 8, 8, seed=7), **TEXT),
    case("one step", **{**TEXT, "num_inference_steps": 1}),
    case("nine steps, whose levels are no even numbers", **{**TEXT, "num_inference_steps": 9}, guidance_scale=0.0),
    case("a prompt that is cut", **{**TEXT, "max_sequence_length": 20}),
    case("a chat in other scripts", **{**TEXT, "prompt": " 一只猫 🚀\n<|im_end|> Ärger"}),
    case("own embeddings", prompt_embeds=[latents(6, 16, seed=4), latents(40, 16, seed=5)], height=32, width=32, seeds=[0, 1],
         negative_prompt_embeds=[latents(3, 16, seed=6), latents(6, 16, seed=7)], num_inference_steps=4),
]
IMG2IMG = dict(image=photo(32, 32), prompt=PROMPT, num_inference_steps=5, strength=0.7)
IMG2IMG_CASES = [
    case("an image", **IMG2IMG),
    case("strength kept as it is by default, an odd size", image=photo(45, 34), prompt=PROMPT, num_inference_steps=5),
    case("two images a prompt", num_images_per_prompt=2, seeds=[3, 4], **IMG2IMG),
    case("two prompts, an image each", **{**IMG2IMG, "prompt": [PROMPT, OTHER], "seeds": [1, 2],
                                          "image": [photo(32, 32), photo(32, 32, name="another")]}),
    case("one generator for two images", num_images_per_prompt=2, seeds=[9], shared=True, guidance_scale=0.0, **IMG2IMG),
    case("all of it", **{**IMG2IMG, "strength": 1.0, "num_inference_steps": 7}),
    case("a tensor, guidance of the first steps", cfg_truncation=0.6, **{**IMG2IMG, "image": tensor(1, 3, 32, 48, seed=5)}),
    case("latents for an image", **{**IMG2IMG, "image": latents(1, 4, 8, 12, seed=3), "height": 32, "width": 48}),
]
INPAINT = dict(image=photo(32, 32), mask_image=mask(32, 32, (8, 4, 24, 20)), prompt=PROMPT, num_inference_steps=5, strength=0.7)
INPAINT_CASES = [
    case("an image", **INPAINT),
    case("all of it by default", image=photo(45, 34), mask_image=mask(45, 34, (0, 0, 30, 25)), prompt=PROMPT, num_inference_steps=5),
    case("two images a prompt", num_images_per_prompt=2, seeds=[3, 4], **INPAINT),
    case("two prompts, an image and a mask each", **{
        **INPAINT, "prompt": [PROMPT, OTHER], "image": [photo(32, 32), photo(32, 32, name="another")],
        "mask_image": [mask(32, 32, (8, 4, 24, 20)), mask(32, 32, (0, 16, 32, 32))], "seeds": [1, 2]}),
    case("one generator for two images", num_images_per_prompt=2, seeds=[9], shared=True, guidance_scale=0.0, **INPAINT),
    case("own latents, begun with as they are", **{**INPAINT, "latents": latents(1, 4, 8, 8, seed=7)}),
    case("own latents for two images, all of it", **{**INPAINT, "latents": latents(2, 4, 8, 8, seed=8), "strength": 1.0}, num_images_per_prompt=2,
         seeds=[3, 4], guidance_scale=0.0),
    case("a grey mask, guidance of the first steps", cfg_truncation=0.6, **{**INPAINT, "mask_image": photo(32, 32, "L", "grey mask")}),
]
TASKS = {
    f"z-image{kind}{suffix}": {"pipeline": pipeline, "repo": f"tiny-z-image{kind}", "parts": {}, "cases": cases}
    for kind in ("", "-turbo")
    for suffix, pipeline, cases in (("", "ZImagePipeline", CASES), ("-img2img", "ZImageImg2ImgPipeline", IMG2IMG_CASES),
                                     ("-inpaint", "ZImageInpaintPipeline", INPAINT_CASES))
}

if __name__ == "__main__":
    warnings.simplefilter("ignore")
    wanted = sys.argv[1:] or ["repos", *TASKS]
    if "repos" in wanted:
        for repo in REPOS:
            write_repo(repo)
    for name in wanted:
        if name in TASKS:
            write_task(name, TASKS[name], COMMAND)
