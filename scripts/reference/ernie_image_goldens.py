"""Writes tiny repos of ERNIE-Image and the images that diffusers makes with them: tests/golden/tasks/ernie-image*.

    $(sh scripts/reference/setup.sh) scripts/reference/ernie_image_goldens.py [repos] [task ...]
"""

import json
import shutil
import sys
import warnings

from diffusers import ErnieImagePipeline, ErnieImageTransformer2DModel, FlowMatchEulerDiscreteScheduler
from transformers import Mistral3Config, Mistral3Model, TokenizersBackend

from autoencoder_goldens import FLUX2, build_flux2
from common import FIXTURES, seed_of
from llama_goldens import PIXTRAL
from task_goldens import write_task
from task_repos import folder
from tasks import OTHER, PROMPT, case, latents
from tiny_models import liven

COMMAND = "scripts/reference/ernie_image_goldens.py"
TRANSFORMER = dict(hidden_size=32, num_attention_heads=2, num_layers=2, ffn_hidden_size=40, in_channels=32, out_channels=32, text_in_dim=12, rope_axes_dim=(4, 6, 6))
ROPE = {"rope_type": "yarn", "rope_theta": 50.0, "factor": 4.0, "original_max_position_embeddings": 16, "max_position_embeddings": 64,
        "beta_fast": 8.0, "beta_slow": 0.5, "mscale": 1.0, "mscale_all_dim": 1.0, "llama_4_scaling_beta": 0.1}
LANGUAGE = dict(model_type="ministral3", hidden_size=12, intermediate_size=20, num_hidden_layers=3, num_attention_heads=2, num_key_value_heads=1, head_dim=16,
                max_position_embeddings=1024, rope_parameters=ROPE, tie_word_embeddings=True)
# the tokenizer puts something before texts, or nothing
REPOS = {"tiny-ernie-image": ({}, "mistral", dict(shift=4.0)), "tiny-ernie-image-bare": (dict(text_in_dim=32), "mistral-left", dict(shift=1.0))}


def write_tokenizer(where, files: str) -> TokenizersBackend:
    source = FIXTURES / "tokenizers" / files
    where.mkdir()
    whole = json.loads((source / "tokenizer.json").read_text())
    if files == "mistral-left":
        whole["post_processor"] = None
    (where / "tokenizer.json").write_text(json.dumps(whole, ensure_ascii=False) + "\n")
    config = json.loads((source / "tokenizer_config.json").read_text()) | {"tokenizer_class": "TokenizersBackend"}
    config.pop("processor_class")
    (where / "tokenizer_config.json").write_text(json.dumps(config, indent=2) + "\n")
    return TokenizersBackend.from_pretrained(where)


def write_repo(name: str) -> None:
    where = folder(name)
    transformer, files, scheduler = REPOS[name]
    transformer = {**TRANSFORMER, **transformer}
    tokenizer = write_tokenizer(where / "own", files)
    language = Mistral3Config(text_config=dict(vocab_size=len(tokenizer), **{**LANGUAGE, "hidden_size": transformer["text_in_dim"]}), vision_config=PIXTRAL)
    ErnieImagePipeline(
        transformer=liven(ErnieImageTransformer2DModel(**transformer), seed_of(f"{name}/transformer")).eval(),
        vae=build_flux2(FLUX2["three_levels"], seed_of(f"{name}/vae")),
        text_encoder=liven(Mistral3Model(language), seed_of(f"{name}/text_encoder")).eval(),
        tokenizer=tokenizer, scheduler=FlowMatchEulerDiscreteScheduler(**scheduler),
    ).save_pretrained(where)
    shutil.rmtree(where / "tokenizer")
    (where / "own").rename(where / "tokenizer")


SIZE = dict(height=32, width=32)
TEXT = dict(prompt=PROMPT, num_inference_steps=4, **SIZE)
CASES = [
    case("text", **TEXT),
    case("a rectangle, stronger guidance", **{**TEXT, "height": 24, "width": 48}, guidance_scale=6.0),
    case("without guidance", guidance_scale=1.0, **TEXT),
    case("two prompts of other lengths, two images each", **{**TEXT, "prompt": [PROMPT, OTHER]}, num_images_per_prompt=2, seeds=[5, 6, 7, 8]),
    case("two prompts, a negative one each", **{**TEXT, "prompt": [PROMPT, OTHER], "negative_prompt": ["blurry", ""]}, seeds=[1, 2]),
    case("one generator", negative_prompt="blurry", num_images_per_prompt=2, seeds=[9], shared=True, **TEXT),
    case("another script, and a marker", **{**TEXT, "prompt": " 一只猫 🚀\n[INST] Ärger"}),
    case("seven steps", **{**TEXT, "num_inference_steps": 7}),
    case("own embeddings", prompt_embeds=latents(2, 6, 12, seed=4), negative_prompt_embeds=latents(2, 3, 12, seed=5), seeds=[0, 1], num_inference_steps=3, **SIZE),
]
TASKS = {
    "ernie-image": {"pipeline": "ErnieImagePipeline", "repo": "tiny-ernie-image", "parts": {}, "cases": CASES},
    "ernie-image-bare": {"pipeline": "ErnieImagePipeline", "repo": "tiny-ernie-image-bare", "parts": {}, "cases": [*CASES[:4], CASES[6]]},
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
