"""Writes a tiny repo of Qwen-Image-Layered and the layers that diffusers makes with it: tests/golden/tasks/qwen-image-layered.

    $(sh scripts/reference/setup.sh) scripts/reference/qwen_image_layered_goldens.py [repos] [task ...]

The class of transformers that prepares images needs torchvision; prompts are given, so that no caption is written with it.
"""

import json
import sys
import warnings

import torch
from diffusers import FlowMatchEulerDiscreteScheduler, QwenImageLayeredPipeline, QwenImageTransformer2DModel
from transformers import Qwen2Tokenizer, Qwen2_5_VLForConditionalGeneration

import task_goldens
from autoencoder_goldens import build_qwen
from common import FIXTURES, seed_of
from qwen2_5_vl_goldens import TEXT as LANGUAGE
from qwen2_5_vl_goldens import language_model
from qwen_image_edit_goldens import PATCHES
from qwen_image_edit_goldens import VAE as VAE_EDIT
from qwen_image_goldens import SCHEDULER, TRANSFORMER
from task_goldens import write_task
from task_repos import folder
from tasks import OTHER, PROMPT, case, photo, with_alpha
from tiny_models import liven

COMMAND = "scripts/reference/qwen_image_layered_goldens.py"
# the pipeline takes an image of as many channels as latents have for latents, and RGBA has four
VAE = {**VAE_EDIT, "base_dim": 8, "input_channels": 4, "z_dim": 8, "latents_mean": [i / 10 - 0.3 for i in range(8)], "latents_std": [0.8 + i / 10 for i in range(8)]}
REPO = "tiny-qwen-image-layered"


def build_vae():
    return build_qwen(VAE, seed_of(f"{REPO}/vae"))


def load(task: dict):
    where = FIXTURES / task["repo"]
    pipe = QwenImageLayeredPipeline(
        transformer=QwenImageTransformer2DModel.from_pretrained(where / "transformer"), vae=build_vae(), processor=None,
        text_encoder=Qwen2_5_VLForConditionalGeneration.from_pretrained(where / "text_encoder"),
        tokenizer=Qwen2Tokenizer.from_pretrained(where / "tokenizer"),
        scheduler=FlowMatchEulerDiscreteScheduler.from_pretrained(where / "scheduler"),
    )
    pipe.set_progress_bar_config(disable=True)
    return pipe


def load_layered() -> None:
    """Has task_goldens load the repo of this script as it must be."""
    others = task_goldens.load
    task_goldens.load = lambda task: load(task) if task["repo"] == REPO else others(task)


def write_repo() -> None:
    where = folder(REPO)
    tokenizer = Qwen2Tokenizer.from_pretrained(FIXTURES / "tokenizers" / "qwen2")
    tokenizer.save_pretrained(where / "tokenizer")
    text = {**LANGUAGE, "vocab_size": len(tokenizer), "max_position_embeddings": 4096}
    language_model(text, seed_of(f"{REPO}/text_encoder")).save_pretrained(where / "text_encoder")
    build_vae().save_pretrained(where / "vae")
    transformer = QwenImageTransformer2DModel(**{**TRANSFORMER, "in_channels": 32, "out_channels": 8}, use_additional_t_cond=True, use_layer3d_rope=True)
    liven(transformer, seed_of(f"{REPO}/transformer")).eval().save_pretrained(where / "transformer")
    FlowMatchEulerDiscreteScheduler(**SCHEDULER).save_pretrained(where / "scheduler")
    (where / "processor").mkdir()
    config = {"image_processor_type": "Qwen2VLImageProcessor", "processor_class": "Qwen2VLProcessor", **PATCHES,
              "min_pixels": 16, "max_pixels": 400, "resample": 3}
    (where / "processor" / "preprocessor_config.json").write_text(json.dumps(config, indent=2) + "\n")
    index = {"_class_name": "QwenImageLayeredPipeline", "_diffusers_version": "0.42.1", "processor": ["transformers", "Qwen2VLProcessor"],
             "scheduler": ["diffusers", "FlowMatchEulerDiscreteScheduler"], "text_encoder": ["transformers", "Qwen2_5_VLForConditionalGeneration"],
             "tokenizer": ["transformers", "Qwen2Tokenizer"], "transformer": ["diffusers", "QwenImageTransformer2DModel"],
             "vae": ["diffusers", "AutoencoderKLQwenImage"]}
    (where / "model_index.json").write_text(json.dumps(index, indent=2) + "\n")


TEXT = dict(prompt=PROMPT, num_inference_steps=3, layers=2, image=photo(60, 48, "RGBA"))
CASES = [
    case("an image", **TEXT),
    case("guided, in another shape, with holes", **{**TEXT, "image": with_alpha(40, 66), "layers": 1}, negative_prompt=" "),
    case("two images of a prompt, as long as it", **TEXT, num_images_per_prompt=2, seeds=[3, 4], negative_prompt="blurry", true_cfg_scale=2.5, cfg_normalize=True),
    case("one generator, own sigmas", **{**TEXT, "prompt": OTHER, "sigmas": [1.0, 0.7, 0.3], "layers": 3}, seeds=[9], shared=True),
]
TASKS = {"qwen-image-layered": {"pipeline": "QwenImageLayeredPipeline", "repo": REPO, "parts": {}, "every": 16, "cases": CASES}}

if __name__ == "__main__":
    warnings.simplefilter("ignore")
    load_layered()
    wanted = sys.argv[1:] or ["repos", *TASKS]
    if "repos" in wanted:
        write_repo()
    for name in wanted:
        if name in TASKS:
            with torch.no_grad():
                write_task(name, TASKS[name], COMMAND)
