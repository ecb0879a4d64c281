"""Writes tiny repos of Qwen-Image and the images that diffusers makes with them: tests/golden/tasks/qwen-image*.

    $(sh scripts/reference/setup.sh) scripts/reference/qwen_image_goldens.py [repos] [task ...]
"""

import shutil
import sys
import warnings

from diffusers import FlowMatchEulerDiscreteScheduler, QwenImagePipeline, QwenImageTransformer2DModel
from transformers import Qwen2Tokenizer

from autoencoder_goldens import QWEN, build_qwen
from common import FIXTURES, seed_of
from qwen2_5_vl_goldens import TEXT as LANGUAGE
from qwen2_5_vl_goldens import language_model
from task_goldens import write_task
from task_repos import folder
from tasks import OTHER, PROMPT, case, latents, mask, photo
from tiny_models import liven

COMMAND = "scripts/reference/qwen_image_goldens.py"
TRANSFORMER = dict(in_channels=16, out_channels=4, num_layers=2, attention_head_dim=16, num_attention_heads=2, joint_attention_dim=16,
                   axes_dims_rope=(4, 6, 6))
# as Qwen/Qwen-Image has them
SCHEDULER = dict(base_image_seq_len=256, base_shift=0.5, max_image_seq_len=8192, max_shift=0.9, shift=1.0, shift_terminal=0.02,
                 time_shift_type="exponential", use_dynamic_shifting=True)
REPOS = {"tiny-qwen-image": (SCHEDULER, "qwen2"), "tiny-qwen-image-lightning": ({**SCHEDULER, "base_shift": 1.0986, "max_shift": 1.0986,
                                                                                 "shift_terminal": None}, "qwen2-json")}


def write_repo(name: str) -> None:
    where = folder(name)
    scheduler, files = REPOS[name]
    tokenizer = Qwen2Tokenizer.from_pretrained(FIXTURES / "tokenizers" / files)
    pipe = QwenImagePipeline(
        transformer=liven(QwenImageTransformer2DModel(**TRANSFORMER), seed_of(f"{name}/transformer")).eval(),
        vae=build_qwen(QWEN["qwen"], seed_of(f"{name}/vae")),
        text_encoder=language_model({**LANGUAGE, "vocab_size": len(tokenizer), "max_position_embeddings": 2048}, seed_of(f"{name}/text_encoder")),
        tokenizer=tokenizer, scheduler=FlowMatchEulerDiscreteScheduler(**scheduler),
    )
    pipe.save_pretrained(where)
    shutil.rmtree(where / "tokenizer")
    shutil.copytree(FIXTURES / "tokenizers" / files, where / "tokenizer")


SIZE = dict(height=32, width=32)
TEXT = dict(prompt=PROMPT, num_inference_steps=5, **SIZE)
CASES = [
    case("text", **TEXT),
    case("guided by an empty negative prompt", negative_prompt=" ", **TEXT),
    case("a rectangle", **{**TEXT, "height": 24, "width": 48}),
    # diffusers orders masks otherwise than texts where several prompts of other lengths have several images each
    case("two prompts of other lengths", **{**TEXT, "prompt": [PROMPT, OTHER]}, seeds=[5, 6]),
    case("three images of a prompt", **TEXT, num_images_per_prompt=3, seeds=[5, 6, 7]),
    case("two prompts, a negative one each", **{**TEXT, "prompt": [PROMPT, OTHER], "negative_prompt": ["blurry", ""]}, seeds=[1, 2]),
    case("weak guidance, one generator", negative_prompt="blurry", true_cfg_scale=1.5, num_images_per_prompt=2, seeds=[9], shared=True, **TEXT),
    case("a negative prompt without guidance", negative_prompt="blurry", true_cfg_scale=1.0, **TEXT),
    case("own sigmas", **{**TEXT, "sigmas": [1.0, 0.6, 0.25]}),
    case("a prompt that is cut", negative_prompt=OTHER, **{**TEXT, "max_sequence_length": 20}),
    case("another script, and a marker of the chat", **{**TEXT, "prompt": " 一只猫 🚀\n<|im_end|> Ärger {}"}),
    case("own embeddings", prompt_embeds=latents(2, 6, 16, seed=4), negative_prompt_embeds=latents(2, 6, 16, seed=5), seeds=[0, 1],
         num_inference_steps=4, **SIZE),
]
# with a terminal shift diffusers divides by zero
ONE_STEP = [case("one step", **{**TEXT, "num_inference_steps": 1})]
IMG2IMG = dict(image=photo(32, 32), strength=0.7, **TEXT)
IMG2IMG_CASES = [
    case("an image", **IMG2IMG),
    case("strength kept as it is by default", image=photo(40, 33), negative_prompt="blurry", **TEXT),
    case("two images a prompt", num_images_per_prompt=2, seeds=[3, 4], **IMG2IMG),
    case("two prompts, an image each", **{**IMG2IMG, "prompt": [PROMPT, OTHER], "seeds": [1, 2],
                                          "image": [photo(32, 32), photo(32, 32, name="another")]}),
    case("one generator for two images", num_images_per_prompt=2, seeds=[9], shared=True, **IMG2IMG),
    case("nearly all of it", **{**IMG2IMG, "strength": 0.99, "num_inference_steps": 7}),
]
INPAINT = dict(image=photo(32, 32), mask_image=mask(32, 32, (8, 4, 24, 20)), strength=0.7, **TEXT)
INPAINT_CASES = [
    case("an image", **INPAINT),
    case("strength kept as it is by default, guided", image=photo(50, 41), mask_image=mask(50, 41, (0, 0, 30, 25)), negative_prompt=" ", **TEXT),
    case("all of it", **{**INPAINT, "strength": 1.0}),
    case("two images a prompt", num_images_per_prompt=2, seeds=[3, 4], **INPAINT),
    case("two prompts, an image and a mask each", **{
        **INPAINT, "prompt": [PROMPT, OTHER], "image": [photo(32, 32), photo(32, 32, name="another")],
        "mask_image": [mask(32, 32, (8, 4, 24, 20)), mask(32, 32, (0, 16, 32, 32))], "seeds": [1, 2]}),
    case("the part around the mask", **{**INPAINT, "image": photo(70, 60), "mask_image": mask(70, 60, (20, 20, 40, 44)), "padding_mask_crop": 6}),
]
TASKS = {
    f"{repo.removeprefix('tiny-')}{suffix}": {"pipeline": pipeline, "repo": repo, "parts": {}, "cases": cases + (ONE_STEP if "lightning" in repo and not suffix else [])}
    for repo in REPOS
    for suffix, pipeline, cases in (("", "QwenImagePipeline", CASES), ("-img2img", "QwenImageImg2ImgPipeline", IMG2IMG_CASES),
                                    ("-inpaint", "QwenImageInpaintPipeline", INPAINT_CASES))
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
