"""Writes tiny repos of AuraFlow and the images that diffusers makes with them: tests/golden/tasks/aura-flow*.

    $(sh scripts/reference/setup.sh) scripts/reference/aura_flow_goldens.py [repos] [task ...]
"""

import shutil
import sys
import warnings

import torch
from diffusers import AuraFlowPipeline, AuraFlowTransformer2DModel, FlowMatchEulerDiscreteScheduler
from transformers import LlamaTokenizer, UMT5Config, UMT5EncoderModel

from common import FIXTURES, seed_of
from make_repos import VAE_FACTOR_4
from task_goldens import write_task
from task_repos import folder
from tasks import OTHER, PROMPT, case, latents, swap
from tiny_models import build, liven

COMMAND = "scripts/reference/aura_flow_goldens.py"
VAE = {**VAE_FACTOR_4, "scaling_factor": 0.13025}
TRANSFORMER = dict(sample_size=8, num_mmdit_layers=1, num_single_dit_layers=2, attention_head_dim=8, num_attention_heads=2,
                   joint_attention_dim=16, caption_projection_dim=16, pos_embed_max_size=64)
REPOS = {
    "tiny-aura-flow": (dict(), dict(shift=1.73)),
    "tiny-aura-flow-deep": (dict(num_mmdit_layers=2, num_single_dit_layers=1, num_attention_heads=3, caption_projection_dim=24,
                                 pos_embed_max_size=100), dict(shift=1.0)),
}


def write_repo(name: str) -> None:
    where = folder(name)
    transformer, scheduler = REPOS[name]
    tokenizer = LlamaTokenizer.from_pretrained(FIXTURES / "tokenizers" / "llama-t5")
    AuraFlowPipeline(
        transformer=liven(AuraFlowTransformer2DModel(**{**TRANSFORMER, **transformer}), seed_of(f"{name}/transformer")).eval(),
        vae=build("AutoencoderKL", VAE, seed_of(f"{name}/vae")),
        text_encoder=liven(UMT5EncoderModel(UMT5Config(
            vocab_size=len(tokenizer), d_model=16, d_kv=4, d_ff=24, num_layers=2, num_heads=3, feed_forward_proj="gated-gelu",
        )), seed_of(f"{name}/text_encoder")).eval(),
        tokenizer=tokenizer,
        scheduler=FlowMatchEulerDiscreteScheduler(**scheduler),
    ).save_pretrained(where)
    shutil.rmtree(where / "tokenizer")
    shutil.copytree(FIXTURES / "tokenizers" / "llama-t5", where / "tokenizer")


SIZE = dict(height=32, width=32)
TEXT = dict(prompt=PROMPT, num_inference_steps=5, max_sequence_length=40, **SIZE)
CASES = [
    case("text", **TEXT),
    case("a rectangle, without guidance", **{**TEXT, "height": 24, "width": 56}, guidance_scale=1.0),
    case("two prompts, two images each", **{**TEXT, "prompt": [PROMPT, "  A CAT "]}, num_images_per_prompt=2, seeds=[5, 6, 7, 8]),
    case("a negative prompt", negative_prompt=OTHER, guidance_scale=6.0, **TEXT),
    case("two negative prompts", **{**TEXT, "prompt": [PROMPT, OTHER], "negative_prompt": ["blurry", "Grey"], "seeds": [1, 2]}),
    case("tokens by default", prompt=PROMPT, num_inference_steps=2, **SIZE),
    case("a prompt that is cut", **{**TEXT, "max_sequence_length": 4}),
    case("its own sigmas", **{**TEXT, "sigmas": [1.0, 0.6, 0.25]}),
    case("one step", **{**TEXT, "num_inference_steps": 1}),
    case("its own latents", latents=latents(1, 4, 8, 8, seed=3), **TEXT),
    case("its own embeddings", prompt_embeds=latents(1, 6, 16, seed=4), prompt_attention_mask=torch.tensor([[1, 1, 1, 1, 0, 0]]),
         negative_prompt_embeds=latents(1, 6, 16, seed=5), negative_prompt_attention_mask=torch.tensor([[1, 1, 0, 0, 0, 0]]),
         num_inference_steps=4, **SIZE),
    case("Heun", scheduler=swap("FlowMatchHeunDiscrete"), **TEXT),
]
TASKS = {
    "aura-flow": {"pipeline": "AuraFlowPipeline", "repo": "tiny-aura-flow", "parts": {}, "cases": CASES},
    "aura-flow-deep": {"pipeline": "AuraFlowPipeline", "repo": "tiny-aura-flow-deep", "parts": {}, "cases": CASES[:4]},
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
