"""Writes tiny repos of PixArt and the images that diffusers makes with them: tests/golden/tasks/pixart*.

    $(sh scripts/reference/setup.sh) scripts/reference/pixart_goldens.py [repos] [task ...]
"""

import shutil
import sys
import warnings

import torch
from diffusers import DPMSolverMultistepScheduler, PixArtAlphaPipeline, PixArtSigmaPipeline, PixArtTransformer2DModel
from transformers import T5Config, T5EncoderModel, T5TokenizerFast

from common import FIXTURES, seed_of
from make_repos import VAE_FACTOR_4
from task_goldens import write_task
from task_repos import folder
from tasks import OTHER, PROMPT, case, latents, swap
from tiny_models import build, liven

COMMAND = "scripts/reference/pixart_goldens.py"
VAE = {**VAE_FACTOR_4, "scaling_factor": 0.13025}
TRANSFORMER = dict(num_layers=2, num_attention_heads=3, attention_head_dim=8, cross_attention_dim=24, caption_channels=16)
REPOS = {
    "tiny-pixart-alpha": (PixArtAlphaPipeline, dict(sample_size=128)),
    # for 256 pixels, whose sizes are those of the tables
    "tiny-pixart-alpha-256": (PixArtAlphaPipeline, dict(sample_size=32, out_channels=4)),
    "tiny-pixart-sigma": (PixArtSigmaPipeline, dict(sample_size=32, interpolation_scale=2, use_additional_conditions=False)),
}


def write_repo(name: str) -> None:
    where = folder(name)
    pipeline, config = REPOS[name]
    t5 = T5TokenizerFast.from_pretrained(FIXTURES / "tokenizers" / "t5-json")
    pipe = pipeline(
        transformer=liven(PixArtTransformer2DModel(**TRANSFORMER, **config), seed_of(f"{name}/transformer")).eval(),
        vae=build("AutoencoderKL", VAE, seed_of(f"{name}/vae")),
        text_encoder=liven(T5EncoderModel(T5Config(
            vocab_size=len(t5), d_model=16, d_kv=4, d_ff=24, num_layers=2, num_heads=3, feed_forward_proj="gated-gelu",
            tie_word_embeddings=False,
        )), seed_of(f"{name}/text_encoder")).eval(),
        tokenizer=t5,
        scheduler=DPMSolverMultistepScheduler(beta_schedule="linear", prediction_type="epsilon"),
    )
    pipe.save_pretrained(where)
    shutil.rmtree(where / "tokenizer")
    shutil.copytree(FIXTURES / "tokenizers" / "t5-json", where / "tokenizer")


SIZE = dict(height=32, width=32, use_resolution_binning=False)
TEXT = dict(prompt=PROMPT, num_inference_steps=5, max_sequence_length=40, **SIZE)
BINNED = dict(height=40, width=33, prompt=PROMPT, num_inference_steps=2)
CASES = [
    case("text", **TEXT),
    case("a rectangle, without guidance", **{**TEXT, "height": 24, "width": 56}, guidance_scale=1.0),
    case("two prompts, two images each", **{**TEXT, "prompt": [PROMPT, "  A CAT "]}, num_images_per_prompt=2, seeds=[5, 6, 7, 8]),
    case("a negative prompt", negative_prompt=OTHER, **TEXT),
    case("two negative prompts", **{**TEXT, "prompt": [PROMPT, OTHER], "negative_prompt": ["blurry", "Grey"], "seeds": [1, 2]}),
    case("tokens by default", prompt=PROMPT, num_inference_steps=2, **SIZE),
    case("a prompt that is cut", **{**TEXT, "max_sequence_length": 4}),
    case("its own latents", latents=latents(1, 4, 8, 8, seed=3), **TEXT),
    case("its own embeddings", prompt_embeds=latents(1, 6, 16, seed=4), prompt_attention_mask=torch.tensor([[1, 1, 1, 1, 0, 0]]),
         negative_prompt_embeds=latents(1, 6, 16, seed=5), negative_prompt_attention_mask=torch.tensor([[1, 1, 0, 0, 0, 0]]),
         negative_prompt=None, num_inference_steps=4, **SIZE),
    case("its own timesteps", scheduler=swap("DDPM"), **{**TEXT, "timesteps": [900, 500, 100]}),
    case("DDIM, eta", scheduler=swap("DDIM"), eta=0.6, **TEXT),
    case("Euler", scheduler=swap("EulerDiscrete"), **TEXT),
]
# what the scheduler takes for clean
ONE_STEP = [case("one step, LCM", scheduler=swap("LCM"), **{**TEXT, "num_inference_steps": 1}),
            case("one step, DDPM", scheduler=swap("DDPM"), guidance_scale=1.0, **{**TEXT, "num_inference_steps": 1})]
BINS = [
    case("nearest of the trained sizes", **BINNED),
    case("wide", **{**BINNED, "height": 16, "width": 48, "guidance_scale": 1.0}),
]
TASKS = {
    "pixart-alpha": {"pipeline": "PixArtAlphaPipeline", "repo": "tiny-pixart-alpha", "parts": {}, "cases": CASES + ONE_STEP},
    "pixart-alpha-256": {"pipeline": "PixArtAlphaPipeline", "repo": "tiny-pixart-alpha-256", "parts": {}, "cases": CASES[:3] + BINS},
    "pixart-sigma": {"pipeline": "PixArtSigmaPipeline", "repo": "tiny-pixart-sigma", "parts": {}, "cases": CASES + BINS},
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
