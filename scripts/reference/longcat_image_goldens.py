"""Writes tiny repos of LongCat-Image and LongCat-Image-Edit and the images that diffusers makes with them:
tests/golden/tasks/longcat-image*.

    $(sh scripts/reference/setup.sh) scripts/reference/longcat_image_goldens.py [repos] [task ...]

What qwen_image_edit_goldens.py says of positions and processors is so here, too. Prompts are not rewritten.
"""

import json
import sys
import warnings

import torch
from diffusers import (
    AutoencoderKL,
    FlowMatchEulerDiscreteScheduler,
    LongCatImageEditPipeline,
    LongCatImagePipeline,
    LongCatImageTransformer2DModel,
)
from transformers import Qwen2Tokenizer, Qwen2_5_VLForConditionalGeneration
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

import task_goldens
from common import FIXTURES, seed_of
from flux_goldens import VAE
from qwen2_5_vl_goldens import TEXT as LANGUAGE
from qwen2_5_vl_goldens import VISION, language_model
from qwen_image_edit_goldens import EXTRA, PATCHES
from task_goldens import write_task
from task_repos import folder
from tasks import OTHER, PROMPT, case, latents, photo
from tiny_models import build, liven

COMMAND = "scripts/reference/longcat_image_goldens.py"
# the pipelines draw latents of 16 channels, whatever the parts
TRANSFORMER = dict(in_channels=64, num_layers=2, num_single_layers=2, attention_head_dim=16, num_attention_heads=2, joint_attention_dim=16,
                   axes_dims_rope=(4, 6, 6))
VAE_16 = {**VAE, "latent_channels": 16}
# latents a sixteenth as wide, so that 1024 x 1024 pixels are few tokens
VAE_EDIT = {**VAE_16, "block_out_channels": (8, 8, 8, 16, 16), "down_block_types": ("DownEncoderBlock2D",) * 5, "up_block_types": ("UpDecoderBlock2D",) * 5,
            "norm_num_groups": 4}
SCHEDULER = dict(shift=3.0, use_dynamic_shifting=True, base_shift=0.5, max_shift=1.15)
REPOS = {
    "tiny-longcat-image": (LongCatImagePipeline, VAE_16, "qwen2"),
    "tiny-longcat-image-left": (LongCatImagePipeline, VAE_16, "qwen2-json"),
    "tiny-longcat-image-edit": (LongCatImageEditPipeline, VAE_EDIT, "qwen2"),
}


class Processor:
    """The parts of `Qwen2VLProcessor` that the pipelines use."""

    def __init__(self, where) -> None:
        config = json.loads((where / "text_processor" / "preprocessor_config.json").read_text())
        self.image_processor = Qwen2VLImageProcessorPil(**{key: value for key, value in config.items() if not key.endswith("_type")})


def load(task: dict):
    where = FIXTURES / task["repo"]
    text_encoder = Qwen2_5_VLForConditionalGeneration.from_pretrained(where / "text_encoder")
    cls = REPOS[task["repo"]][0]
    given, processor = {}, Processor(where)
    register = cls.register_modules
    cls.register_modules = lambda self, **modules: register(self, **{**modules, "text_processor": None})
    try:
        pipe = cls(
            transformer=LongCatImageTransformer2DModel.from_pretrained(where / "transformer"), vae=AutoencoderKL.from_pretrained(where / "vae"),
            text_encoder=text_encoder, tokenizer=Qwen2Tokenizer.from_pretrained(where / "tokenizer"), text_processor=processor,
            scheduler=FlowMatchEulerDiscreteScheduler.from_pretrained(where / "scheduler"), **given,
        )
    finally:
        cls.register_modules = register
    forward, image = text_encoder.forward, text_encoder.config.image_token_id
    text_encoder.forward = lambda input_ids, **more: forward(input_ids=input_ids, mm_token_type_ids=(input_ids == image).int(), **more)
    pipe.set_progress_bar_config(disable=True)
    call = type(pipe).__call__
    if cls is LongCatImagePipeline:
        pipe.__class__ = type(cls.__name__, (cls,), {"__call__": lambda self, **given: call(self, enable_prompt_rewrite=False, **given)})
    return pipe


def load_longcat() -> None:
    """Has task_goldens load the repos of this script as they must be."""
    others = task_goldens.load
    task_goldens.load = lambda task: load(task) if task["repo"] in REPOS else others(task)


def write_repo(name: str) -> None:
    where = folder(name)
    cls, vae, files = REPOS[name]
    tokenizer = Qwen2Tokenizer.from_pretrained(FIXTURES / "tokenizers" / files)
    tokenizer.add_special_tokens({"additional_special_tokens": ["<|im_start|>", "<|im_end|>", *EXTRA]})
    tokenizer.save_pretrained(where / "tokenizer")
    ids = {f"{kind}_token_id": tokenizer.convert_tokens_to_ids(token) for kind, token in
           (("vision_start", EXTRA[0]), ("vision_end", EXTRA[1]), ("image", EXTRA[2]))}
    text = {**LANGUAGE, "vocab_size": len(tokenizer), "max_position_embeddings": 4096}
    language_model(text, seed_of(f"{name}/text_encoder"), VISION, {**ids, "video_token_id": len(tokenizer) - 1}).save_pretrained(where / "text_encoder")
    build("AutoencoderKL", vae, seed_of(f"{name}/vae")).save_pretrained(where / "vae")
    liven(LongCatImageTransformer2DModel(**TRANSFORMER), seed_of(f"{name}/transformer")).eval().save_pretrained(where / "transformer")
    FlowMatchEulerDiscreteScheduler(**SCHEDULER).save_pretrained(where / "scheduler")
    (where / "text_processor").mkdir()
    config = {"image_processor_type": "Qwen2VLImageProcessor", "processor_class": "Qwen2_5_VLProcessor", **PATCHES,
              "min_pixels": 16, "max_pixels": 400, "resample": 3}
    (where / "text_processor" / "preprocessor_config.json").write_text(json.dumps(config, indent=2) + "\n")
    index = {"_class_name": cls.__name__, "_diffusers_version": "0.42.1",
             "scheduler": ["diffusers", "FlowMatchEulerDiscreteScheduler"], "text_encoder": ["transformers", "Qwen2_5_VLForConditionalGeneration"],
             "text_processor": ["transformers", "Qwen2_5_VLProcessor"], "tokenizer": ["transformers", "Qwen2Tokenizer"],
             "transformer": ["diffusers", "LongCatImageTransformer2DModel"], "vae": ["diffusers", "AutoencoderKL"]}
    (where / "model_index.json").write_text(json.dumps(index, indent=2) + "\n")


SIZE = dict(height=32, width=32)
TEXT = dict(prompt=PROMPT, num_inference_steps=4, **SIZE)
CASES = [
    case("text", **TEXT),
    case("a rectangle, a negative prompt", **{**TEXT, "height": 24, "width": 48}, negative_prompt="blurry"),
    case("without guidance", **TEXT, guidance_scale=1.0),
    case("two prompts, two images each", **{**TEXT, "prompt": [PROMPT, OTHER], "negative_prompt": ["blurry", ""]}, num_images_per_prompt=2,
         seeds=[5, 6, 7, 8], guidance_scale=2.5),
    case("one generator for two images", **TEXT, num_images_per_prompt=2, seeds=[9], shared=True),
    case("own sigmas, as long as it becomes", **{**TEXT, "sigmas": [1.0, 0.6, 0.25]}, enable_cfg_renorm=False),
    case("many steps, not much shorter", **{**TEXT, "num_inference_steps": 11}, cfg_renorm_min=0.9, guidance_scale=7.0),
    case("quoted text", **{**TEXT, "prompt": 'it\'s a sign: "open, it\'s free", \'一只猫\' ‘left’ “日本 🚀”\n and "one'}),
    case("a prompt that is cut, another script", **{**TEXT, "prompt": "一只猫 🚀 Ärger " * 40}),
]
EDIT = dict(prompt=PROMPT, num_inference_steps=2, image=photo(60, 60))
EDIT_CASES = [
    case("an image", **EDIT),
    case("without guidance, another shape", **{**EDIT, "image": photo(45, 80)}, guidance_scale=1.0),
    case("two images of a prompt, quoted", **{**EDIT, "prompt": 'write "a B"', "negative_prompt": "blurry"}, num_images_per_prompt=2, seeds=[3, 4]),
]
LEFT = [one for one in CASES if one["name"] in ("text", "quoted text", "a prompt that is cut, another script")]
TASKS = {
    "longcat-image": {"pipeline": "LongCatImagePipeline", "repo": "tiny-longcat-image", "parts": {}, "cases": CASES},
    "longcat-image-left": {"pipeline": "LongCatImagePipeline", "repo": "tiny-longcat-image-left", "parts": {}, "cases": LEFT},
    "longcat-image-edit": {"pipeline": "LongCatImageEditPipeline", "repo": "tiny-longcat-image-edit", "parts": {}, "every": 16, "cases": EDIT_CASES},
}

if __name__ == "__main__":
    warnings.simplefilter("ignore")
    load_longcat()
    wanted = sys.argv[1:] or ["repos", *TASKS]
    if "repos" in wanted:
        for repo in REPOS:
            write_repo(repo)
    for name in wanted:
        if name in TASKS:
            with torch.no_grad():
                write_task(name, TASKS[name], COMMAND)
