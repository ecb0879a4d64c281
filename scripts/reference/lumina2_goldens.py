"""Writes a tiny repo of Lumina 2 and the images that diffusers makes with it: tests/golden/tasks/lumina2*.

    $(sh scripts/reference/setup.sh) scripts/reference/lumina2_goldens.py
"""

import shutil
import warnings

import torch
from diffusers import FlowMatchEulerDiscreteScheduler, Lumina2Pipeline, Lumina2Transformer2DModel
from transformers import Gemma2Config, Gemma2Model, GemmaTokenizer

from common import FIXTURES, seed_of
from task_goldens import write_task
from task_repos import folder
from tasks import OTHER, PROMPT, case, latents, swap
from tiny_models import build, liven

COMMAND = "scripts/reference/lumina2_goldens.py"
TRANSFORMER = dict(sample_size=8, in_channels=4, hidden_size=24, num_layers=2, num_refiner_layers=1, num_attention_heads=4, num_kv_heads=2,
                   multiple_of=16, axes_dim_rope=(2, 2, 2), cap_feat_dim=16)
# four levels, as diffusers counts pixels
VAE = dict(block_out_channels=(4, 4, 8, 8), down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4,
           layers_per_block=1, latent_channels=4, norm_num_groups=2, scaling_factor=0.3611, shift_factor=0.1159, use_quant_conv=False,
           use_post_quant_conv=False)
SCHEDULERS = {"tiny-lumina2": dict(shift=6.0), "tiny-lumina2-dynamic": dict(use_dynamic_shifting=True)}


def write_repo(name: str) -> None:
    where = folder(name)
    tokenizer = GemmaTokenizer.from_pretrained(FIXTURES / "tokenizers" / "gemma")
    Lumina2Pipeline(
        transformer=liven(Lumina2Transformer2DModel(**TRANSFORMER), seed_of(f"{name}/transformer")).eval(),
        vae=build("AutoencoderKL", VAE, seed_of(f"{name}/vae")),
        text_encoder=liven(Gemma2Model(Gemma2Config(
            vocab_size=len(tokenizer), hidden_size=16, intermediate_size=24, num_hidden_layers=3, num_attention_heads=2,
            num_key_value_heads=1, head_dim=8, query_pre_attn_scalar=8, sliding_window=16,
        )), seed_of(f"{name}/text_encoder")).eval(),
        tokenizer=tokenizer, scheduler=FlowMatchEulerDiscreteScheduler(**SCHEDULERS[name]),
    ).save_pretrained(where)
    shutil.rmtree(where / "tokenizer")
    shutil.copytree(FIXTURES / "tokenizers" / "gemma", where / "tokenizer")


SIZE = dict(height=64, width=64)
TEXT = dict(prompt=PROMPT, num_inference_steps=4, max_sequence_length=160, **SIZE)
CASES = [
    case("text", **TEXT),
    case("a rectangle, without guidance", **{**TEXT, "height": 48, "width": 96}, guidance_scale=1.0),
    case("two prompts, two images each", **{**TEXT, "prompt": [PROMPT, OTHER]}, num_images_per_prompt=2, seeds=[5, 6, 7, 8]),
    case("a negative prompt", negative_prompt=[OTHER], **{**TEXT, "prompt": [PROMPT]}),
    case("another system prompt", system_prompt="Draw:", **TEXT),
    case("guided at the beginning", cfg_trunc_ratio=0.5, **TEXT),
    case("not normalized", cfg_normalization=False, **TEXT),
    case("a prompt that is cut", **{**TEXT, "max_sequence_length": 20}),
    case("its own sigmas", **{**TEXT, "sigmas": [1.0, 0.6, 0.25]}),
    case("its own latents", latents=latents(1, 4, 8, 8, seed=3), **TEXT),
    case("its own embeddings", prompt_embeds=latents(1, 6, 16, seed=4), prompt_attention_mask=torch.tensor([[1, 1, 1, 1, 0, 0]]),
         negative_prompt_embeds=latents(1, 6, 16, seed=5), negative_prompt_attention_mask=torch.tensor([[1, 1, 0, 0, 0, 0]]),
         num_inference_steps=4, **SIZE),
    case("shift 1", scheduler=swap("FlowMatchEulerDiscrete", shift=1.0), **TEXT),
]
TASKS = {
    "lumina2": {"pipeline": "Lumina2Pipeline", "repo": "tiny-lumina2", "parts": {}, "cases": CASES},
    "lumina2-dynamic": {"pipeline": "Lumina2Pipeline", "repo": "tiny-lumina2-dynamic", "parts": {}, "cases": CASES[:3]},
}

if __name__ == "__main__":
    warnings.simplefilter("ignore")
    for repo in SCHEDULERS:
        write_repo(repo)
    for name, task in TASKS.items():
        write_task(name, task, COMMAND)
