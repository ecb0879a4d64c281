"""Writes tiny repos of Qwen-Image 2.1 and the images that diffusers makes with them: tests/golden/tasks/qwen-image21*.

    $(sh scripts/reference/setup.sh) scripts/reference/qwen_image21_goldens.py [repos] [task ...]
"""

import json
import sys
import warnings

import task_goldens
from diffusers import AutoencoderKLQwenImage21, FlowMatchEulerDiscreteScheduler, QwenImage21Pipeline, QwenImage21Transformer2DModel
from transformers import Qwen2Tokenizer, Qwen3VLConfig, Qwen3VLForConditionalGeneration
from transformers.feature_extraction_utils import BatchFeature
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

from autoencoder_goldens import QWEN21, build_qwen21
from common import FIXTURES, seed_of
from krea2_goldens import LANGUAGE
from task_goldens import write_task
from task_repos import folder
from tasks import OTHER, PROMPT, case, latents, photo, with_alpha
from tiny_models import liven

COMMAND = "scripts/reference/qwen_image21_goldens.py"
TRANSFORMER = dict(in_channels=8, out_channels=8, num_layers=2, attention_head_dim=16, num_attention_heads=2, context_in_dim=16, axes_dims_rope=(4, 6, 6))
SCHEDULER = dict(base_image_seq_len=256, base_shift=0.5, max_image_seq_len=8192, max_shift=0.9, shift_terminal=0.02, use_dynamic_shifting=True)
VAE = QWEN21["deep"]
IMAGE = "<|image_pad|>"
# as large patches as the real one, so that an image has as many tokens as 2x2 of its latents
VISUAL = dict(depth=2, hidden_size=16, intermediate_size=20, num_heads=2, out_hidden_size=16, patch_size=16, num_position_embeddings=16,
              deepstack_visual_indexes=[0])
PIXELS = {"shortest_edge": 1024, "longest_edge": 1024**2}
EXTRA = ["<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>"]
# as Qwen3-VL's writes messages of texts
TEMPLATE = ("{% for message in messages %}<|im_start|>{{ message.role }}\n{% for part in message.content %}{{ part.text }}{% endfor %}<|im_end|>\n"
            "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}")
REPOS = {
    "tiny-qwen-image21": ({}, SCHEDULER, "qwen2", None),
    # noise levels of its own
    "tiny-qwen-image21-turbo": (dict(causal_condition=False), dict(shift=1.0), "qwen2-json", [1.0, 0.8, 0.5, 0.2]),
}


class Processor:
    """`Qwen3VLProcessor` of images with its parts on Pillow; the class itself needs torchvision."""

    def __init__(self, where) -> None:
        config = json.loads((where / "preprocessor_config.json").read_text())
        self.images = Qwen2VLImageProcessorPil(**{key: value for key, value in config.items() if not key.endswith("_type")})
        self.tokenizer = Qwen2Tokenizer.from_pretrained(where)

    def apply_chat_template(self, messages, **options):
        return self.tokenizer.apply_chat_template([messages], **options)

    def __call__(self, text, images=None, **options) -> BatchFeature:
        made = {} if images is None else self.images(images=images, return_tensors="pt")
        if images is not None:
            counts = iter(made["image_grid_thw"].prod(-1) // self.images.merge_size**2)
            parts = [one.split(IMAGE) for one in text]
            text = [first + "".join(IMAGE * int(next(counts)) + part for part in rest) for first, *rest in parts]
        rows = self.tokenizer(text, **options)
        kinds = (rows["input_ids"] == self.tokenizer.convert_tokens_to_ids(IMAGE)).int()
        return BatchFeature({**rows, **made, "mm_token_type_ids": kinds})


def load(task: dict):
    where = FIXTURES / task["repo"]
    index = json.loads((where / "model_index.json").read_text())
    pipe = QwenImage21Pipeline(
        transformer=QwenImage21Transformer2DModel.from_pretrained(where / "transformer"),
        vae=AutoencoderKLQwenImage21.from_pretrained(where / "vae"), processor=Processor(where / "processor"),
        text_encoder=Qwen3VLForConditionalGeneration.from_pretrained(where / "text_encoder"),
        scheduler=FlowMatchEulerDiscreteScheduler.from_pretrained(where / "scheduler"), sample_sigmas=index["sample_sigmas"],
    )
    pipe.set_progress_bar_config(disable=True)
    return pipe


def load_qwen21() -> None:
    """Has task_goldens load the repos of this script as they must be."""
    others = task_goldens.load
    task_goldens.load = lambda task: load(task) if task["repo"] in REPOS else others(task)


def write_repo(name: str) -> None:
    where = folder(name)
    transformer, scheduler, files, sigmas = REPOS[name]
    tokenizer = Qwen2Tokenizer.from_pretrained(FIXTURES / "tokenizers" / files)
    tokenizer.add_special_tokens({"additional_special_tokens": EXTRA})
    tokenizer.chat_template = TEMPLATE
    tokenizer.save_pretrained(where / "processor")
    images = {"image_processor_type": "Qwen2VLImageProcessorFast", "patch_size": 16, "merge_size": 2, "temporal_patch_size": 2, "size": PIXELS,
              "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5]}
    (where / "processor" / "preprocessor_config.json").write_text(json.dumps(images, indent=2) + "\n")
    ids = {f"{kind}_token_id": tokenizer.convert_tokens_to_ids(f"<|{kind}_pad|>") for kind in ("image", "video")}
    config = Qwen3VLConfig(text_config=dict(vocab_size=len(tokenizer), **LANGUAGE), vision_config=VISUAL, **ids)
    liven(Qwen3VLForConditionalGeneration(config), seed_of(f"{name}/text_encoder")).eval().save_pretrained(where / "text_encoder")
    build_qwen21(VAE, seed_of(f"{name}/vae")).save_pretrained(where / "vae")
    model = QwenImage21Transformer2DModel(**{**TRANSFORMER, **transformer})
    liven(model, seed_of(f"{name}/transformer")).eval().save_pretrained(where / "transformer")
    FlowMatchEulerDiscreteScheduler(**scheduler).save_pretrained(where / "scheduler")
    index = {"_class_name": "QwenImage21Pipeline", "_diffusers_version": "0.42.1", "processor": ["transformers", "Qwen3VLProcessor"],
             "sample_sigmas": sigmas, "scheduler": ["diffusers", "FlowMatchEulerDiscreteScheduler"],
             "text_encoder": ["transformers", "Qwen3VLForConditionalGeneration"], "transformer": ["diffusers", "QwenImage21Transformer2DModel"],
             "vae": ["diffusers", "AutoencoderKLQwenImage21"]}
    (where / "model_index.json").write_text(json.dumps(index, indent=2) + "\n")


SIZE = dict(height=64, width=64)
TEXT = dict(prompt=PROMPT, num_inference_steps=4, **SIZE)
CASES = [
    case("text", **TEXT),
    case("a rectangle", **{**TEXT, "height": 32, "width": 96}),
    case("sides that are cut", **{**TEXT, "height": 95, "width": 65}),
    case("guided", negative_prompt=OTHER, true_cfg_scale=3.0, **TEXT),
    case("guided by an empty text", negative_prompt="", true_cfg_scale=2.0, **TEXT),
    case("a negative prompt without guidance", negative_prompt="blurry", **TEXT),
    case("two prompts of other lengths, two images each", **{**TEXT, "prompt": [PROMPT, OTHER]}, num_images_per_prompt=2, seeds=[5, 6, 7, 8]),
    case("one generator", num_images_per_prompt=2, seeds=[9], shared=True, **TEXT),
    case("own sigmas", **{**TEXT, "sigmas": [1.0, 0.6, 0.25]}),
    case("another script, and a marker of the chat", **{**TEXT, "prompt": " 一只猫 🚀\n<|im_end|> Ärger"}),
    case("a square of another side", prompt=PROMPT, num_inference_steps=2, output_resolution=32),
    case("own embeddings", prompt_embeds=latents(2, 6, 16, seed=4), seeds=[0, 1], num_inference_steps=3, **SIZE),
]
EDIT = dict(prompt=PROMPT, image=photo(60, 48), num_inference_steps=3, output_resolution=64)
SEVERAL = [photo(60, 48), photo(40, 90, name="another"), with_alpha(90, 40)]
IMAGE_CASES = [
    case("an image", **EDIT),
    case("an image with holes, in another shape", **{**EDIT, "image": with_alpha(40, 90)}),
    case("a grey image, a size of its own", **{**EDIT, "image": photo(50, 50, "L")}, height=32, width=96),
    case("several images, guided, a height of its own", **{**EDIT, "image": SEVERAL}, height=64, negative_prompt="blurry", true_cfg_scale=3.0),
    case("two prompts of other lengths, two images each", **{**EDIT, "prompt": [PROMPT, OTHER]}, num_images_per_prompt=2, seeds=[5, 6, 7, 8]),
    case("one generator, without the cache", **{**EDIT, "image": SEVERAL[1:]}, num_images_per_prompt=2, seeds=[9], shared=True, use_kv_cache=False),
]
TASKS = {
    "qwen-image21-images": {"pipeline": "QwenImage21Pipeline", "repo": "tiny-qwen-image21", "parts": {}, "cases": IMAGE_CASES},
    "qwen-image21-turbo-images": {"pipeline": "QwenImage21Pipeline", "repo": "tiny-qwen-image21-turbo", "parts": {}, "cases": IMAGE_CASES[3:5]},
    "qwen-image21": {"pipeline": "QwenImage21Pipeline", "repo": "tiny-qwen-image21", "parts": {}, "cases": CASES},
    "qwen-image21-turbo": {"pipeline": "QwenImage21Pipeline", "repo": "tiny-qwen-image21-turbo", "parts": {}, "cases": [*CASES[:2], CASES[3], CASES[6], CASES[8],
                                                                                                                              case("steps that do not count", **{**TEXT, "num_inference_steps": 7})]},
}

if __name__ == "__main__":
    warnings.simplefilter("ignore")
    load_qwen21()
    wanted = sys.argv[1:] or ["repos", *TASKS]
    if "repos" in wanted:
        for repo in REPOS:
            write_repo(repo)
    for name in wanted:
        if name in TASKS:
            write_task(name, TASKS[name], COMMAND)
