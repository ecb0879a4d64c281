"""Writes tiny repos of Sana and Sana-Sprint and the images that diffusers makes with them: tests/golden/tasks/sana*.

    $(sh scripts/reference/setup.sh) scripts/reference/sana_goldens.py [repos] [task ...]
"""

import shutil
import sys
import warnings

import torch
from diffusers import (
    AutoencoderDC,
    DPMSolverMultistepScheduler,
    SanaPipeline,
    SanaSprintPipeline,
    SanaTransformer2DModel,
    SCMScheduler,
)
from transformers import Gemma2Config, Gemma2Model, GemmaTokenizer

from common import FIXTURES, seed_of
from task_goldens import write_task
from task_repos import folder
from tasks import OTHER, PROMPT, case, latents, photo, swap, tensor
from tiny_models import liven

COMMAND = "scripts/reference/sana_goldens.py"
TRANSFORMER = dict(in_channels=4, out_channels=4, num_attention_heads=2, attention_head_dim=8, num_layers=2, num_cross_attention_heads=4,
                   cross_attention_head_dim=4, cross_attention_dim=16, caption_channels=16)
VAE = dict(latent_channels=4, attention_head_dim=4, encoder_block_types=("ResBlock", "ResBlock", "EfficientViTBlock"),
           decoder_block_types=("ResBlock", "ResBlock", "EfficientViTBlock"), encoder_block_out_channels=(4, 8, 16),
           decoder_block_out_channels=(4, 8, 16), encoder_layers_per_block=(1, 1, 1), decoder_layers_per_block=(1, 1, 1),
           encoder_qkv_multiscales=((), (), (5,)), decoder_qkv_multiscales=((), (), (5,)), scaling_factor=0.41407, upsample_block_type="interpolate")
FLOW = dict(prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=3.0)
REPOS = {
    "tiny-sana": (SanaPipeline, dict(sample_size=16), DPMSolverMultistepScheduler(**FLOW)),
    "tiny-sana-sprint": (SanaSprintPipeline, dict(sample_size=32, qk_norm="rms_norm_across_heads", guidance_embeds=True), SCMScheduler()),
}


def write_repo(name: str) -> None:
    where = folder(name)
    pipeline, config, scheduler = REPOS[name]
    tokenizer = GemmaTokenizer.from_pretrained(FIXTURES / "tokenizers" / "gemma")
    pipe = pipeline(
        transformer=liven(SanaTransformer2DModel(**TRANSFORMER, **config), seed_of(f"{name}/transformer")).eval(),
        vae=liven(AutoencoderDC(**VAE), seed_of(f"{name}/vae")).eval(),
        text_encoder=liven(Gemma2Model(Gemma2Config(
            vocab_size=len(tokenizer), hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=2,
            num_key_value_heads=1, head_dim=8, query_pre_attn_scalar=8, sliding_window=16,
        )), seed_of(f"{name}/text_encoder")).eval(),
        tokenizer=tokenizer, scheduler=scheduler,
    )
    pipe.save_pretrained(where)
    shutil.rmtree(where / "tokenizer")
    shutil.copytree(FIXTURES / "tokenizers" / "gemma", where / "tokenizer")


SIZE = dict(height=32, width=32, use_resolution_binning=False)
TEXT = dict(prompt=PROMPT, num_inference_steps=5, max_sequence_length=40, **SIZE)
OWN = dict(prompt_embeds=latents(1, 6, 16, seed=4), prompt_attention_mask=torch.tensor([[1, 1, 1, 1, 0, 0]]), **SIZE)
CASES = [
    case("text", **TEXT),
    case("a rectangle, without guidance", **{**TEXT, "height": 32, "width": 64}, guidance_scale=1.0),
    case("two prompts, two images each", **{**TEXT, "prompt": [PROMPT, "  A CAT "]}, num_images_per_prompt=2, seeds=[5, 6, 7, 8]),
    case("a negative prompt", negative_prompt=OTHER, **TEXT),
    # masks stand in another order than states there, so that states of padding count
    case("two prompts, two images each, negative prompts of other lengths", num_images_per_prompt=2, seeds=[5, 6, 7, 8],
         **{**TEXT, "prompt": [PROMPT, "a"], "negative_prompt": ["blurry", " ".join([OTHER] * 2)]}),
    case("without instruction", complex_human_instruction=[], **TEXT),
    case("another instruction", complex_human_instruction=["Say it better:", "User Prompt: "], **TEXT),
    case("tokens by default", prompt=PROMPT, num_inference_steps=2, **SIZE),
    case("a prompt that is cut", **{**TEXT, "max_sequence_length": 4}),
    case("its own latents", latents=latents(1, 4, 8, 8, seed=3), **TEXT),
    case("its own embeddings", negative_prompt_embeds=latents(1, 6, 16, seed=5), negative_prompt=None,
         negative_prompt_attention_mask=torch.tensor([[1, 1, 0, 0, 0, 0]]), num_inference_steps=4, **OWN),
    case("flow matching", scheduler=swap("FlowMatchEulerDiscrete", shift=3.0), **TEXT),
    case("UniPC", scheduler=swap("UniPCMultistep"), **TEXT),
    case("its own sigmas", scheduler=swap("FlowMatchEulerDiscrete", shift=1.0), **{**TEXT, "sigmas": [1.0, 0.6, 0.25]}),
    case("nearest of the trained sizes", height=40, width=33, prompt=PROMPT, num_inference_steps=2),
]
FAST = dict(prompt=PROMPT, max_sequence_length=40, **SIZE)
SPRINT = [
    case("text", **FAST),
    case("one step", num_inference_steps=1, intermediate_timesteps=None, **FAST),
    case("four steps of even angles", num_inference_steps=4, intermediate_timesteps=None, max_timesteps=1.5, **FAST),
    case("another second angle", intermediate_timesteps=0.9, guidance_scale=2.0, **FAST),
    case("a rectangle", **{**FAST, "width": 96}),
    case("two prompts, two images each", **{**FAST, "prompt": [PROMPT, OTHER]}, num_images_per_prompt=2, seeds=[5, 6, 7, 8]),
    case("one generator for two images", num_images_per_prompt=2, seeds=[9], shared=True, **FAST),
    case("its own latents", latents=latents(1, 4, 8, 8, seed=3), **FAST),
    case("its own embeddings", **OWN),
    case("without instruction", complex_human_instruction=[], **FAST),
]
CHANGE = dict(image=photo(50, 41), **FAST)
SPRINT_IMG2IMG = [
    case("strength kept as it is by default", **CHANGE),
    case("half of it", strength=0.5, **CHANGE),
    case("a part of four steps", num_inference_steps=4, intermediate_timesteps=None, strength=0.6, **CHANGE),
    case("two images of one", num_images_per_prompt=2, seeds=[3, 4], **CHANGE),
    case("two prompts, an image each", **{**CHANGE, "prompt": [PROMPT, OTHER], "seeds": [1, 2],
                                          "image": [photo(32, 32), photo(32, 32, name="another")]}),
    case("a tensor of another size", **{**CHANGE, "image": tensor(1, 3, 40, 50, seed=5)}),
]
TASKS = {
    "sana": {"pipeline": "SanaPipeline", "repo": "tiny-sana", "parts": {}, "cases": CASES},
    "sana-sprint": {"pipeline": "SanaSprintPipeline", "repo": "tiny-sana-sprint", "parts": {}, "cases": SPRINT},
    "sana-sprint-img2img": {"pipeline": "SanaSprintImg2ImgPipeline", "repo": "tiny-sana-sprint", "parts": {}, "cases": SPRINT_IMG2IMG},
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
