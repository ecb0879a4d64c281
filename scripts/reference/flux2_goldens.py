"""Writes tiny repos of FLUX.2 klein and dev and the images that diffusers makes with them: tests/golden/tasks/flux2*.

    $(sh scripts/reference/setup.sh) scripts/reference/flux2_goldens.py [repos] [task ...]
"""

import shutil
import sys
import warnings

from diffusers import Flux2KleinPipeline, Flux2Pipeline, Flux2Transformer2DModel, FlowMatchEulerDiscreteScheduler
from transformers import Mistral3Config, Mistral3ForConditionalGeneration, Qwen2Tokenizer, Qwen3ForCausalLM, Qwen3Config

from autoencoder_goldens import FLUX2, build_flux2
from common import FIXTURES, seed_of
from llama_goldens import PIXTRAL
from pixtral import PixtralProcessor
from task_goldens import write_task
from task_repos import folder
from tasks import OTHER, PROMPT, case, latents, mask, photo
from tiny_models import liven

COMMAND = "scripts/reference/flux2_goldens.py"
TRANSFORMER = dict(in_channels=32, num_layers=2, num_single_layers=2, attention_head_dim=16, num_attention_heads=2, joint_attention_dim=24,
                   axes_dims_rope=(4, 4, 4, 4), guidance_embeds=False)
# as deep as the default states ask for
TEXT_ENCODER = dict(hidden_size=8, intermediate_size=12, num_hidden_layers=28, num_attention_heads=2, num_key_value_heads=1, head_dim=4,
                    max_position_embeddings=1024, rope_parameters={"rope_type": "default", "rope_theta": 1000000.0}, tie_word_embeddings=True)
SCHEDULER = dict(shift=3.0, use_dynamic_shifting=True, base_shift=0.5, max_shift=1.15, time_shift_type="exponential")
REPOS = {"tiny-flux2-klein": True, "tiny-flux2-klein-base": False}
# the tokenizers of FLUX.2 dev: rows are filled up on the right, and on the left
DEV_REPOS = {"tiny-flux2-dev": "mistral", "tiny-flux2-dev-left": "mistral-left"}


def write_repo(name: str) -> None:
    where = folder(name)
    files = FIXTURES / "tokenizers" / "qwen2"
    tokenizer = Qwen2Tokenizer.from_pretrained(files)
    pipe = Flux2KleinPipeline(
        transformer=liven(Flux2Transformer2DModel(**TRANSFORMER), seed_of(f"{name}/transformer")).eval(),
        vae=build_flux2(FLUX2["three_levels"], seed_of(f"{name}/vae")),
        text_encoder=liven(Qwen3ForCausalLM(Qwen3Config(vocab_size=len(tokenizer), **TEXT_ENCODER)), seed_of(f"{name}/text_encoder")).eval(),
        tokenizer=tokenizer, scheduler=FlowMatchEulerDiscreteScheduler(**SCHEDULER), is_distilled=REPOS[name],
    )
    pipe.save_pretrained(where)
    shutil.rmtree(where / "tokenizer")
    shutil.copytree(files, where / "tokenizer")


def write_dev_repo(name: str) -> None:
    where = folder(name)
    files = FIXTURES / "tokenizers" / DEV_REPOS[name]
    tokenizer = PixtralProcessor.from_pretrained(files)
    text = dict(model_type="mistral", vocab_size=len(tokenizer.tokenizer), **{**TEXT_ENCODER, "num_hidden_layers": 31, "tie_word_embeddings": False},
                sliding_window=None)
    language = Mistral3ForConditionalGeneration(Mistral3Config(text_config=text, vision_config=PIXTRAL, image_token_index=5))
    pipe = Flux2Pipeline(
        transformer=liven(Flux2Transformer2DModel(**{**TRANSFORMER, "guidance_embeds": True}), seed_of(f"{name}/transformer")).eval(),
        vae=build_flux2(FLUX2["three_levels"], seed_of(f"{name}/vae")),
        text_encoder=liven(language, seed_of(f"{name}/text_encoder")).eval(),
        tokenizer=tokenizer, scheduler=FlowMatchEulerDiscreteScheduler(**SCHEDULER),
    )
    pipe.save_pretrained(where)
    shutil.rmtree(where / "tokenizer")
    shutil.copytree(files, where / "tokenizer")


SIZE = dict(height=32, width=32)
TEXT = dict(prompt=PROMPT, num_inference_steps=4, max_sequence_length=64, **SIZE)
CASES = [
    case("text", **TEXT),
    case("a rectangle, stronger guidance", **{**TEXT, "height": 24, "width": 48}, guidance_scale=6.0),
    case("without guidance", guidance_scale=1.0, **TEXT),
    case("two prompts, two images each", **{**TEXT, "prompt": [PROMPT, OTHER]}, num_images_per_prompt=2, seeds=[5, 6, 7, 8]),
    case("one generator for two images", **TEXT, num_images_per_prompt=2, seeds=[9], shared=True),
    case("other states of the language model", **TEXT, text_encoder_out_layers=(1, 12, 28)),
    case("own sigmas", **{**TEXT, "sigmas": [1.0, 0.6, 0.25]}),
    case("many steps", **{**TEXT, "num_inference_steps": 11}),
    case("own latents", latents=latents(1, 32, 4, 4, seed=3), **TEXT),
    case("a prompt that is cut, another script", **{**TEXT, "prompt": "一只猫 🚀 Ärger " * 5, "max_sequence_length": 24}),
    case("own embeddings", prompt_embeds=latents(2, 6, 24, seed=4), negative_prompt_embeds=latents(2, 6, 24, seed=5), seeds=[0, 1],
         num_inference_steps=4, **SIZE),
    case("a reference image, whose size is kept", **{**{k: v for k, v in TEXT.items() if k not in SIZE}, "image": photo(77, 66)}),
    case("two reference images of other sizes", **TEXT, image=[photo(64, 80), photo(91, 70, name="another")]),
    case("a reference image for two prompts", **{**TEXT, "prompt": [PROMPT, OTHER], "width": 48}, image=photo(64, 64, "L"), seeds=[2, 3]),
    case("a reference image with an alpha", **TEXT, image=photo(70, 64, "RGBA")),
]
TASKS = {repo.removeprefix("tiny-"): {"pipeline": "Flux2KleinPipeline", "repo": repo, "parts": {}, "cases": CASES} for repo in REPOS}
AREA = dict(mask_image=mask(33, 49, (9, 6, 30, 41)))
INPAINT = dict(prompt=PROMPT, num_inference_steps=4, max_sequence_length=64, image=photo(33, 49), **AREA)
TASKS["flux2-klein-inpaint"] = {"pipeline": "Flux2KleinInpaintPipeline", "repo": "tiny-flux2-klein", "parts": {}, "cases": [
    case("an image and a mask", **INPAINT),
    case("all of its noise, two images", **INPAINT, strength=1.0, num_images_per_prompt=2, seeds=[4, 5]),
    case("few steps, a mask of another size", **{**INPAINT, "mask_image": mask(90, 70, (20, 10, 70, 44), "RGB")}, strength=0.3),
    case("a reference image", **INPAINT, image_reference=photo(40, 27, name="another")),
    case("a reference image for two prompts, guidance without use", **{**INPAINT, "prompt": [PROMPT, OTHER]}, image_reference=photo(20, 33, "L"),
         seeds=[2, 3], guidance_scale=1.0),
    case("own sigmas", **{**INPAINT, "sigmas": [1.0, 0.7, 0.4, 0.2]}, strength=0.6),
]}
TASKS["flux2-klein-base-inpaint"] = {"pipeline": "Flux2KleinInpaintPipeline", "repo": "tiny-flux2-klein-base", "parts": {}, "cases": [
    case("guided by an empty text", **INPAINT),
    case("a little guidance and a reference image", **INPAINT, guidance_scale=1.5, image_reference=photo(30, 50)),
]}
NAMES = ("text", "a reference image, whose size is kept", "two reference images of other sizes", "a reference image for two prompts")
TASKS["flux2-klein-kv"] = {"pipeline": "Flux2KleinKVPipeline", "repo": "tiny-flux2-klein", "parts": {},
                           "cases": [one for one in CASES if one["name"] in NAMES]}
# the message of the system alone is longer than 64 tokens of the tiny tokenizer
DEV = {**TEXT, "max_sequence_length": 160}
DEV_CASES = [
    case("text", **DEV),
    case("a rectangle, stronger guidance", **{**DEV, "height": 24, "width": 48}, guidance_scale=6.0),
    case("two prompts, two images each", **{**DEV, "prompt": [PROMPT, OTHER]}, num_images_per_prompt=2, seeds=[5, 6, 7, 8], guidance_scale=0.5),
    case("one generator for two images", **DEV, num_images_per_prompt=2, seeds=[9], shared=True),
    case("other states of the language model", **DEV, text_encoder_out_layers=(1, 12, 31)),
    case("own sigmas", **{**DEV, "sigmas": [1.0, 0.6, 0.25]}),
    case("many steps, the length of each prompt", **{**DEV, "num_inference_steps": 11, "max_sequence_length": 512}),
    case("own latents", latents=latents(1, 32, 4, 4, seed=3), **DEV),
    case("what stands for an image", **{**DEV, "prompt": f"[IMG]{PROMPT} [IMG]"}),
    case("a prompt that is cut, another script", **{**DEV, "prompt": "一只猫 🚀 Ärger " * 9}),
    case("own embeddings", prompt_embeds=latents(2, 6, 24, seed=4), seeds=[0, 1], num_inference_steps=4, **SIZE),
    case("a reference image, whose size is kept", **{**{k: v for k, v in DEV.items() if k not in SIZE}, "image": photo(77, 66)}),
    case("two reference images of other sizes", **DEV, image=[photo(64, 80), photo(91, 70, name="another")]),
    case("a reference image for two prompts", **{**DEV, "prompt": [PROMPT, OTHER], "width": 48}, image=photo(64, 64, "L"), seeds=[2, 3]),
]
TASKS["flux2-dev"] = {"pipeline": "Flux2Pipeline", "repo": "tiny-flux2-dev", "parts": {}, "cases": DEV_CASES}
TASKS["flux2-dev-left"] = {"pipeline": "Flux2Pipeline", "repo": "tiny-flux2-dev-left", "parts": {},
                           "cases": [one for one in DEV_CASES if one["name"] in NAMES or "cut" in one["name"]]}

if __name__ == "__main__":
    warnings.simplefilter("ignore")
    wanted = sys.argv[1:] or ["repos", *TASKS]
    if "repos" in wanted:
        for repo in REPOS:
            write_repo(repo)
        for repo in DEV_REPOS:
            write_dev_repo(repo)
    for name in wanted:
        if name in TASKS:
            write_task(name, TASKS[name], COMMAND)
