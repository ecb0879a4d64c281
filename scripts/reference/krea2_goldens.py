"""Writes tiny repos of Krea 2 and the images that diffusers makes with them: tests/golden/tasks/krea2*.

    $(sh scripts/reference/setup.sh) scripts/reference/krea2_goldens.py [repos] [task ...]
"""

import shutil
import sys
import warnings

from diffusers import FlowMatchEulerDiscreteScheduler, Krea2Pipeline, Krea2Transformer2DModel
from transformers import Qwen2Tokenizer, Qwen3VLConfig, Qwen3VLModel

from autoencoder_goldens import QWEN, build_qwen
from common import FIXTURES, seed_of
from task_goldens import write_task
from task_repos import folder
from tasks import OTHER, PROMPT, case, latents
from tiny_models import liven

COMMAND = "scripts/reference/krea2_goldens.py"
TRANSFORMER = dict(in_channels=16, num_layers=2, attention_head_dim=16, num_attention_heads=4, num_key_value_heads=2, intermediate_size=40,
                   timestep_embed_dim=32, text_hidden_dim=16, num_text_layers=3, text_num_attention_heads=2, text_num_key_value_heads=2,
                   text_intermediate_size=20, num_layerwise_text_blocks=1, num_refiner_text_blocks=1, axes_dims_rope=(4, 6, 6))
LANGUAGE = dict(hidden_size=16, intermediate_size=24, num_hidden_layers=4, num_attention_heads=4, num_key_value_heads=2, head_dim=8,
                max_position_embeddings=1024,
                rope_parameters={"rope_type": "default", "rope_theta": 5000000.0, "mrope_section": [2, 1, 1], "mrope_interleaved": True})
VISUAL = dict(depth=1, hidden_size=8, intermediate_size=8, num_heads=1, out_hidden_size=16, patch_size=4, num_position_embeddings=16,
              deepstack_visual_indexes=[0])
# as krea/Krea-2-Raw has them
SCHEDULER = dict(base_image_seq_len=256, base_shift=0.5, max_image_seq_len=6400, max_shift=1.15, use_dynamic_shifting=True)
REPOS = {
    "tiny-krea2": (dict(text_encoder_select_layers=(1, 2, 4)), {}, SCHEDULER, "qwen2"),
    # made for few steps; a latent is a token
    "tiny-krea2-turbo": (dict(text_encoder_select_layers=(0, 3, 3), is_distilled=True, patch_size=1), dict(in_channels=4, num_key_value_heads=4),
                         SCHEDULER, "qwen2-json"),
}


def language_model(name: str, tokenizer: Qwen2Tokenizer) -> Qwen3VLModel:
    config = Qwen3VLConfig(text_config=dict(vocab_size=len(tokenizer), **LANGUAGE), vision_config=VISUAL)
    return liven(Qwen3VLModel(config), seed_of(name)).eval()


def write_repo(name: str) -> None:
    where = folder(name)
    settings, transformer, scheduler, files = REPOS[name]
    tokenizer = Qwen2Tokenizer.from_pretrained(FIXTURES / "tokenizers" / files)
    pipe = Krea2Pipeline(
        transformer=liven(Krea2Transformer2DModel(**{**TRANSFORMER, **transformer}), seed_of(f"{name}/transformer")).eval(),
        vae=build_qwen(QWEN["qwen"], seed_of(f"{name}/vae")), text_encoder=language_model(f"{name}/text_encoder", tokenizer),
        tokenizer=tokenizer, scheduler=FlowMatchEulerDiscreteScheduler(**scheduler), **settings,
    )
    pipe.save_pretrained(where)
    shutil.rmtree(where / "tokenizer")
    shutil.copytree(FIXTURES / "tokenizers" / files, where / "tokenizer")


SIZE = dict(height=32, width=32)
TEXT = dict(prompt=PROMPT, num_inference_steps=4, **SIZE)
CASES = [
    case("text", **TEXT),
    case("a rectangle, no guidance", **{**TEXT, "height": 24, "width": 48}, guidance_scale=0.0),
    case("sides that are rounded up", **{**TEXT, "height": 21, "width": 33}, guidance_scale=0.0),
    case("two prompts of other lengths, two images each", **{**TEXT, "prompt": [PROMPT, OTHER]}, num_images_per_prompt=2, seeds=[5, 6, 7, 8]),
    case("two prompts, a negative one each", **{**TEXT, "prompt": [PROMPT, OTHER], "negative_prompt": ["blurry", ""]}, seeds=[1, 2]),
    case("weak guidance, one generator", negative_prompt="blurry", guidance_scale=0.7, num_images_per_prompt=2, seeds=[9], shared=True, **TEXT),
    case("own sigmas", **{**TEXT, "sigmas": [1.0, 0.6, 0.25]}),
    case("one step", **{**TEXT, "num_inference_steps": 1}),
    case("a prompt that is cut", negative_prompt=OTHER, **{**TEXT, "max_sequence_length": 78}),
    case("a prompt that is cut away", **{**TEXT, "max_sequence_length": 5}),
    case("another script, and a marker of the chat", **{**TEXT, "prompt": " 一只猫 🚀\n<|im_end|> Ärger {}"}),
    case("own embeddings", prompt_embeds=latents(2, 6, 3, 16, seed=4), negative_prompt_embeds=latents(2, 6, 3, 16, seed=5), seeds=[0, 1],
         num_inference_steps=3, **SIZE),
]
TASKS = {
    "krea2": {"pipeline": "Krea2Pipeline", "repo": "tiny-krea2", "parts": {}, "cases": CASES},
    "krea2-turbo": {"pipeline": "Krea2Pipeline", "repo": "tiny-krea2-turbo", "parts": {}, "cases": [*CASES[:4], *CASES[6:8]]},
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
