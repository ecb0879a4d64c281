"""Writes tiny repos of Stable Diffusion 3 and the images that diffusers makes with them: tests/golden/tasks/sd3*.

    $(sh scripts/reference/setup.sh) scripts/reference/sd3_goldens.py [repos] [task ...]
"""

import shutil
import sys
import tempfile
import warnings
from pathlib import Path

import torch
from diffusers import FlowMatchEulerDiscreteScheduler, SD3Transformer2DModel, StableDiffusion3Pipeline
from transformers import CLIPTokenizer, T5Config, T5EncoderModel, T5TokenizerFast

from common import FIXTURES, seed_of
from make_repos import VAE_FACTOR_4
from task_goldens import write_task
from task_repos import folder
from tasks import OTHER, PROMPT, case, latents, mask, photo, swap
from tiny_models import CLIP_TEXT_PROJECTION, build, liven
from tiny_tokenizer import write_tokenizer

COMMAND = "scripts/reference/sd3_goldens.py"
# 16 channels, which the inpainting class asks for
VAE = {**VAE_FACTOR_4, "latent_channels": 16, "scaling_factor": 1.5305, "shift_factor": 0.0609, "use_quant_conv": False,
       "use_post_quant_conv": False}
TRANSFORMER = dict(sample_size=8, num_layers=3, attention_head_dim=8, num_attention_heads=2, joint_attention_dim=36, caption_projection_dim=16,
                   pooled_projection_dim=24, pos_embed_max_size=16)
CLIP = {**CLIP_TEXT_PROJECTION["sdxl"], "hidden_size": 16, "num_attention_heads": 2, "num_hidden_layers": 3}
# T5 as wide as both CLIPs, or wider
REPOS = {
    "tiny-sd3": (dict(), dict(shift=3.0), True),
    # stabilityai/stable-diffusion-3.5-medium: normed, with a second attention in the first blocks
    "tiny-sd3-medium": (dict(qk_norm="rms_norm", dual_attention_layers=(0, 1), num_layers=4), dict(shift=3.0, use_dynamic_shifting=True), True),
    "tiny-sd3-large": (dict(qk_norm="rms_norm", joint_attention_dim=32), dict(shift=3.0), False),
}


def write_repo(name: str) -> None:
    where = folder(name)
    transformer, scheduler, has_t5 = REPOS[name]
    transformer = {**TRANSFORMER, **transformer}
    t5 = T5TokenizerFast.from_pretrained(FIXTURES / "tokenizers" / "t5-json")
    with tempfile.TemporaryDirectory() as temp:
        for role, pad in (("1", "<|endoftext|>"), ("2", "!")):
            write_tokenizer(Path(temp) / role, pad=pad)
        pipe = StableDiffusion3Pipeline(
            transformer=liven(SD3Transformer2DModel(**transformer), seed_of(f"{name}/transformer")).eval(),
            vae=build("AutoencoderKL", VAE, seed_of(f"{name}/vae")),
            text_encoder=build("CLIPTextModelWithProjection", CLIP, seed_of(f"{name}/text_encoder")),
            tokenizer=CLIPTokenizer.from_pretrained(Path(temp) / "1"),
            text_encoder_2=build("CLIPTextModelWithProjection", CLIP, seed_of(f"{name}/text_encoder_2")),
            tokenizer_2=CLIPTokenizer.from_pretrained(Path(temp) / "2"),
            text_encoder_3=liven(T5EncoderModel(T5Config(
                vocab_size=len(t5), d_model=transformer["joint_attention_dim"], d_kv=4, d_ff=24, num_layers=2, num_heads=3,
                feed_forward_proj="gated-gelu", tie_word_embeddings=False,
            )), seed_of(f"{name}/text_encoder_3")).eval() if has_t5 else None,
            tokenizer_3=t5 if has_t5 else None,
            scheduler=FlowMatchEulerDiscreteScheduler(**scheduler),
        )
        pipe.save_pretrained(where)
        for role, source in (("tokenizer", "1"), ("tokenizer_2", "2")):
            shutil.rmtree(where / role)
            shutil.copytree(Path(temp) / source, where / role)
    if has_t5:
        shutil.rmtree(where / "tokenizer_3")
        shutil.copytree(FIXTURES / "tokenizers" / "t5-json", where / "tokenizer_3")


def cases(kind: str) -> dict[str, list[dict]]:
    wide = {"tiny-sd3-large": 32}.get(kind, 36)
    size = dict(height=32, width=32)
    text = dict(prompt=PROMPT, num_inference_steps=5, max_sequence_length=48, **size)
    skip = dict(skip_guidance_layers=[1], skip_layer_guidance_stop=0.8)
    plain = [
        case("text", **text),
        case("a rectangle, without guidance", **{**text, "height": 24, "width": 56}, guidance_scale=1.0),
        case("two prompts, two images each", **{**text, "prompt": [PROMPT, OTHER]}, num_images_per_prompt=2, seeds=[5, 6, 7, 8]),
        case("other texts", prompt_2=OTHER, prompt_3="a green tree", negative_prompt="blurry", negative_prompt_2="grey",
             negative_prompt_3=OTHER, **text),
        case("a negative prompt", negative_prompt="blurry", guidance_scale=3.0, **text),
        case("clip_skip", clip_skip=1, **text),
        case("skip-layer guidance", **skip, **text),
        case("skip-layer guidance late and of two layers", skip_guidance_layers=[0, 2], skip_layer_guidance_start=0.3,
             skip_layer_guidance_stop=1.0, skip_layer_guidance_scale=1.5, num_images_per_prompt=2, seeds=[1, 2], **text),
        case("its own sigmas", **{**text, "sigmas": [1.0, 0.6, 0.25]}),
        case("one step", **{**text, "num_inference_steps": 1}),
        case("a prompt that is cut", **{**text, "prompt": " ".join([PROMPT, OTHER] * 8), "max_sequence_length": 4}),
        case("its own latents", latents=latents(1, 16, 8, 8, seed=3), **text),
        case("its own embeddings", prompt_embeds=latents(1, 90, wide, seed=4), pooled_prompt_embeds=latents(1, 24, seed=5),
             negative_prompt_embeds=latents(1, 90, wide, seed=6), negative_pooled_prompt_embeds=latents(1, 24, seed=7),
             num_inference_steps=4, **size),
        *([case("mu", mu=0.9, **text)] if kind == "tiny-sd3-medium" else
          [case("Heun", scheduler=swap("FlowMatchHeunDiscrete"), **skip, **text)]),
    ]
    change = dict(image=photo(32, 32), strength=0.7, **text)
    img2img = [
        case("an image", **change),
        case("strength kept as it is by default", image=photo(40, 33), **text),
        case("two images a prompt, each of its own", num_images_per_prompt=2, seeds=[3, 4],
             **{**change, "image": [photo(32, 32), photo(32, 32, name="another")]}),
        case("two prompts, an image each", **{**change, "prompt": [PROMPT, OTHER], "seeds": [1, 2],
                                              "image": [photo(32, 32), photo(32, 32, name="another")]}),
        case("one generator for two images", num_images_per_prompt=2, seeds=[9], shared=True, **change),
        case("nearly all of it", **{**change, "strength": 0.99, "num_inference_steps": 7}),
        case("latents as image", **{**change, "image": latents(1, 16, 8, 8, seed=3)}),
    ]
    painted = dict(image=photo(32, 32), mask_image=mask(32, 32, (8, 4, 24, 20)), **text)
    inpaint = [
        case("strength kept as it is by default", **painted),
        case("all of it", strength=1.0, **painted),
        case("nearly all of it", strength=0.95, negative_prompt="blurry", **painted),
        case("two images a prompt", num_images_per_prompt=2, seeds=[3, 4], **{
            **painted, "image": [photo(32, 32), photo(32, 32, name="another")],
            "mask_image": [mask(32, 32, (8, 4, 24, 20)), mask(32, 32, (0, 16, 32, 32))]}),
        case("one generator for two images", num_images_per_prompt=2, seeds=[9], shared=True, **painted),
        case("without guidance, a rectangle", guidance_scale=1.0, **{**painted, "image": photo(70, 35), "height": 32, "width": 64,
                                                                     "mask_image": mask(70, 35, (20, 5, 60, 30))}),
        case("its own latents", latents=latents(1, 16, 8, 8, seed=7), strength=0.5, **painted),
        case("padding_mask_crop", **{**painted, "image": photo(80, 60), "mask_image": mask(80, 60, (30, 20, 50, 36)),
                                     "padding_mask_crop": 4, "num_images_per_prompt": 2, "seeds": [1, 2], "strength": 0.8}),
    ]
    return {"": ("StableDiffusion3Pipeline", plain), "-img2img": ("StableDiffusion3Img2ImgPipeline", img2img),
            "-inpaint": ("StableDiffusion3InpaintPipeline", inpaint)}


NO_T5 = {"text_encoder_3": None, "tokenizer_3": None}
TASKS = {
    f"{repo.removeprefix('tiny-')}{suffix}": {
        "pipeline": pipeline, "repo": repo, "parts": {} if has_t5 else NO_T5, "cases": found,
    }
    for repo, (_, _, has_t5) in REPOS.items() for suffix, (pipeline, found) in cases(repo).items()
}
# the text encoder that there is left out
TASKS["sd3-without-t5"] = {**TASKS["sd3"], "parts": NO_T5, "cases": TASKS["sd3"]["cases"][:3]}

if __name__ == "__main__":
    warnings.simplefilter("ignore")
    wanted = sys.argv[1:] or ["repos", *TASKS]
    if "repos" in wanted:
        for repo in REPOS:
            write_repo(repo)
    for name in wanted:
        if name in TASKS:
            write_task(name, TASKS[name], COMMAND)
