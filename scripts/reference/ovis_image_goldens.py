"""Writes a tiny repo of Ovis-Image and the images that diffusers makes with it: tests/golden/tasks/ovis-image.

    $(sh scripts/reference/setup.sh) scripts/reference/ovis_image_goldens.py [repos] [task ...]
"""

import shutil
import sys
import warnings

from diffusers import FlowMatchEulerDiscreteScheduler, OvisImagePipeline, OvisImageTransformer2DModel
from transformers import Qwen2Tokenizer, Qwen3Config, Qwen3Model

from common import FIXTURES, seed_of
from flux_goldens import VAE
from task_goldens import write_task
from task_repos import folder
from tasks import OTHER, PROMPT, case, latents
from tiny_models import build, liven
from transformer_goldens import OVIS

COMMAND = "scripts/reference/ovis_image_goldens.py"
TEXT_ENCODER = dict(hidden_size=12, intermediate_size=16, num_hidden_layers=2, num_attention_heads=2, num_key_value_heads=1, head_dim=6,
                    max_position_embeddings=1024, rope_parameters={"rope_type": "default", "rope_theta": 1000000.0})
SCHEDULER = dict(shift=3.0, use_dynamic_shifting=True, base_shift=0.5, max_shift=1.15)
REPOS = {"tiny-ovis-image": "qwen2", "tiny-ovis-image-left": "qwen2-json"}


def write_repo(name: str) -> None:
    where = folder(name)
    files = FIXTURES / "tokenizers" / REPOS[name]
    tokenizer = Qwen2Tokenizer.from_pretrained(files)
    pipe = OvisImagePipeline(
        transformer=liven(OvisImageTransformer2DModel(**OVIS["plain"]), seed_of(f"{name}/transformer")).eval(),
        vae=build("AutoencoderKL", VAE, seed_of(f"{name}/vae")),
        text_encoder=liven(Qwen3Model(Qwen3Config(vocab_size=len(tokenizer), **TEXT_ENCODER)), seed_of(f"{name}/text_encoder")).eval(),
        tokenizer=tokenizer, scheduler=FlowMatchEulerDiscreteScheduler(**SCHEDULER),
    )
    pipe.save_pretrained(where)
    shutil.rmtree(where / "tokenizer")
    shutil.copytree(files, where / "tokenizer")


SIZE = dict(height=32, width=32)
# the instruction is longer than its 28 tokens in the tiny tokenizer
TEXT = dict(prompt=PROMPT, num_inference_steps=4, **SIZE)
CASES = [
    case("text", **TEXT),
    case("a rectangle, a negative prompt", **{**TEXT, "height": 24, "width": 48}, negative_prompt="blurry"),
    case("without guidance", **TEXT, guidance_scale=1.0),
    case("two prompts, two images each", **{**TEXT, "prompt": [PROMPT, OTHER]}, num_images_per_prompt=2, seeds=[5, 6, 7, 8], guidance_scale=2.5),
    case("two prompts, a negative one each", **{**TEXT, "prompt": [PROMPT, OTHER], "negative_prompt": ["blurry", ""]}, seeds=[1, 2]),
    case("one generator for two images", **TEXT, num_images_per_prompt=2, seeds=[9], shared=True),
    case("own sigmas", **{**TEXT, "sigmas": [1.0, 0.6, 0.25]}),
    case("many steps, few tokens", **{**TEXT, "num_inference_steps": 11, "max_sequence_length": 150}),
    case("a prompt that is cut, another script", **{**TEXT, "prompt": "一只猫 🚀 Ärger " * 9, "max_sequence_length": 130}),
    # for those of a negative prompt diffusers wants `negative_prompt=None`
    case("own embeddings", prompt_embeds=latents(2, 6, 12, seed=4), negative_prompt="blurry", seeds=[0, 1], num_inference_steps=4, **SIZE),
]
LEFT = [one for one in CASES if one["name"] in ("text", "a rectangle, a negative prompt", "a prompt that is cut, another script")]
TASKS = {
    "ovis-image": {"pipeline": "OvisImagePipeline", "repo": "tiny-ovis-image", "parts": {}, "cases": CASES},
    "ovis-image-left": {"pipeline": "OvisImagePipeline", "repo": "tiny-ovis-image-left", "parts": {}, "cases": LEFT},
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
