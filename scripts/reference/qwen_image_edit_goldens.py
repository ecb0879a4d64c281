"""Writes tiny repos of Qwen-Image-Edit and Edit-Plus and the images that diffusers makes with them: tests/golden/tasks/qwen-image-edit*.

    $(sh scripts/reference/setup.sh) scripts/reference/qwen_image_edit_goldens.py [repos] [task ...]

transformers 5 computes the positions of images' tokens only where it is told which tokens these are, which diffusers 0.42.1 does not
say; here it is said, as older transformers found it themselves. The class of transformers that prepares texts and images needs
torchvision; `Processor` does the same with its parts on Pillow.
"""

import json
import shutil
import sys
import warnings

import torch
from diffusers import (
    FlowMatchEulerDiscreteScheduler,
    QwenImageEditInpaintPipeline,
    QwenImageEditPipeline,
    QwenImageEditPlusPipeline,
    QwenImageTransformer2DModel,
)
from transformers import BatchFeature, Qwen2Tokenizer, Qwen2_5_VLForConditionalGeneration
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

import task_goldens
from autoencoder_goldens import QWEN, build_qwen
from common import FIXTURES, seed_of
from qwen2_5_vl_goldens import TEXT as LANGUAGE
from qwen2_5_vl_goldens import VISION, language_model
from qwen_image_goldens import SCHEDULER, TRANSFORMER
from task_goldens import write_task
from task_repos import folder
from tasks import PROMPT, case, mask, photo
from tiny_models import liven

COMMAND = "scripts/reference/qwen_image_edit_goldens.py"
EXTRA = ["<|vision_start|>", "<|vision_end|>", "<|image_pad|>"]
# latents an eighth as wide, so that 1024 x 1024 pixels are few tokens
VAE = {**QWEN["qwen"], "dim_mult": [1, 1, 1, 2, 2], "base_dim": 2, "temperal_downsample": [False, True, True, False]}
PATCHES = dict(patch_size=2, merge_size=2, temporal_patch_size=2)
REPOS = {
    "tiny-qwen-image-edit": (QwenImageEditPipeline, {}, 400),
    "tiny-qwen-image-edit-plus": (QwenImageEditPlusPipeline, dict(zero_cond_t=True), 256),
    # wider, as normalizations of two channels are ill-conditioned, and all of a large image is compared
    "tiny-qwen-image-edit-wide": (QwenImageEditPipeline, {}, 400),
}


class Processor:
    """`Qwen2VLProcessor` of one text with images."""

    def __init__(self, where) -> None:
        config = json.loads((where / "processor" / "preprocessor_config.json").read_text())
        self.images = Qwen2VLImageProcessorPil(**{key: value for key, value in config.items() if not key.endswith("_type")})
        self.tokenizer = Qwen2Tokenizer.from_pretrained(where / "tokenizer")

    def __call__(self, text: list, images, padding: bool, return_tensors: str) -> BatchFeature:
        made = self.images(images=images, return_tensors="pt")
        counts = iter(made["image_grid_thw"].prod(-1) // self.images.merge_size**2)
        parts = text[0].split("<|image_pad|>")
        whole = parts[0] + "".join("<|image_pad|>" * int(next(counts)) + part for part in parts[1:])
        return BatchFeature({**self.tokenizer([whole], padding=True, return_tensors="pt"), **made})


def load(task: dict):
    where = FIXTURES / task["repo"]
    cls = {"QwenImageEditInpaintPipeline": QwenImageEditInpaintPipeline}.get(task["pipeline"], REPOS[task["repo"]][0])
    text_encoder = Qwen2_5_VLForConditionalGeneration.from_pretrained(where / "text_encoder")
    pipe = cls(
        transformer=QwenImageTransformer2DModel.from_pretrained(where / "transformer"), vae=build_vae(task["repo"]),
        text_encoder=text_encoder, tokenizer=Qwen2Tokenizer.from_pretrained(where / "tokenizer"), processor=None,
        scheduler=FlowMatchEulerDiscreteScheduler.from_pretrained(where / "scheduler"),
    )
    pipe.processor = Processor(where)
    forward, image = text_encoder.forward, text_encoder.config.image_token_id
    text_encoder.forward = lambda input_ids, **more: forward(input_ids=input_ids, mm_token_type_ids=(input_ids == image).int(), **more)
    pipe.set_progress_bar_config(disable=True)
    return pipe


def load_edits() -> None:
    """Has task_goldens load the repos of this script as they must be."""
    others = task_goldens.load
    task_goldens.load = lambda task: load(task) if task["repo"] in REPOS else others(task)


def build_vae(name: str):
    return build_qwen({**VAE, "base_dim": 8} if "wide" in name else VAE, seed_of(f"{name}/vae"))


def write_repo(name: str) -> None:
    where = folder(name)
    cls, transformer, pixels = REPOS[name]
    tokenizer = Qwen2Tokenizer.from_pretrained(FIXTURES / "tokenizers" / "qwen2")
    tokenizer.add_special_tokens({"additional_special_tokens": ["<|im_start|>", "<|im_end|>", *EXTRA]})
    tokenizer.save_pretrained(where / "tokenizer")
    ids = {f"{kind}_token_id": tokenizer.convert_tokens_to_ids(token) for kind, token in
           (("vision_start", EXTRA[0]), ("vision_end", EXTRA[1]), ("image", EXTRA[2]))}
    text = {**LANGUAGE, "vocab_size": len(tokenizer), "max_position_embeddings": 4096}
    language_model(text, seed_of(f"{name}/text_encoder"), VISION, {**ids, "video_token_id": len(tokenizer) - 1}).save_pretrained(where / "text_encoder")
    build_vae(name).save_pretrained(where / "vae")
    liven(QwenImageTransformer2DModel(**TRANSFORMER, **transformer), seed_of(f"{name}/transformer")).eval().save_pretrained(where / "transformer")
    FlowMatchEulerDiscreteScheduler(**SCHEDULER).save_pretrained(where / "scheduler")
    (where / "processor").mkdir()
    config = {"image_processor_type": "Qwen2VLImageProcessor", "processor_class": "Qwen2VLProcessor", **PATCHES,
              "min_pixels": 16, "max_pixels": pixels, "resample": 3}
    (where / "processor" / "preprocessor_config.json").write_text(json.dumps(config, indent=2) + "\n")
    index = {"_class_name": cls.__name__, "_diffusers_version": "0.42.1", "processor": ["transformers", "Qwen2VLProcessor"],
             "scheduler": ["diffusers", "FlowMatchEulerDiscreteScheduler"], "text_encoder": ["transformers", "Qwen2_5_VLForConditionalGeneration"],
             "tokenizer": ["transformers", "Qwen2Tokenizer"], "transformer": ["diffusers", "QwenImageTransformer2DModel"],
             "vae": ["diffusers", "AutoencoderKLQwenImage"]}
    (where / "model_index.json").write_text(json.dumps(index, indent=2) + "\n")


TEXT = dict(prompt=PROMPT, num_inference_steps=3, height=64, width=64)
EDIT = dict(image=photo(60, 48), **TEXT)
CASES = [
    case("an image", **EDIT),
    case("guided, a rectangle", **{**EDIT, "width": 96}, negative_prompt=" "),
    case("two images of a prompt", **EDIT, num_images_per_prompt=2, seeds=[3, 4]),
    case("an image in another shape, one generator", **{**EDIT, "image": photo(40, 90)}, seeds=[9], shared=True),
]
PLUS_CASES = CASES + [
    case("two images of other shapes, guided", **{**EDIT, "image": [photo(60, 48), photo(40, 70, name="another")]}, negative_prompt="blurry"),
]
TASKS = {repo.removeprefix("tiny-"): {"pipeline": cls.__name__, "repo": repo, "parts": {}, "cases": PLUS_CASES if "plus" in repo else CASES}
         for repo, (cls, *_) in REPOS.items() if "wide" not in repo}
PART = dict(prompt=PROMPT, num_inference_steps=3, image=photo(60, 48), mask_image=mask(60, 48, (8, 4, 40, 30)))
TASKS["qwen-image-edit-inpaint"] = {"pipeline": "QwenImageEditInpaintPipeline", "repo": "tiny-qwen-image-edit-wide", "parts": {}, "every": 16, "cases": [
    case("an image", **PART),
    case("guided, all of it", **PART, strength=1.0, negative_prompt=" "),
    case("two images of a prompt, a mask of another size", **{**PART, "mask_image": mask(90, 90, (10, 40, 80, 85))}, num_images_per_prompt=2, seeds=[3, 4]),
    case("an image in another shape, one generator", **{**PART, "image": photo(40, 90), "mask_image": mask(40, 90, (0, 0, 20, 90))}, strength=0.4,
         seeds=[9], shared=True),
]}

if __name__ == "__main__":
    warnings.simplefilter("ignore")
    load_edits()
    wanted = sys.argv[1:] or ["repos", *TASKS]
    if "repos" in wanted:
        for repo in REPOS:
            write_repo(repo)
    for name in wanted:
        if name in TASKS:
            with torch.no_grad():
                write_task(name, TASKS[name], COMMAND)
