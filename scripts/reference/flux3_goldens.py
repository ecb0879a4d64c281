"""Writes tiny repos of FLUX.3 klein and the images that diffusers makes with them: tests/golden/tasks/flux3*; and in which
sizes single reference images are seen: plugins/families/flux3/testdata/canvases.json.

    $(sh scripts/reference/setup.sh) scripts/reference/flux3_goldens.py [repos] [canvases] [task ...]
"""

import json
import shutil
import sys
import warnings
from types import SimpleNamespace

import torch
from diffusers import Flux3Transformer2DModel
from diffusers.modular_pipelines.flux3.image_processor import Flux3ImageProcessor
from PIL import Image
from transformers import Qwen3VLConfig, Qwen3VLForConditionalGeneration

from autoencoder_goldens import FLUX2, build_flux2
from common import FIXTURES, ROOT, generator, seed_of, versions, write_json
from modular import Processor, write_index
from task_goldens import write_task
from task_repos import folder
from tasks import OTHER, PROMPT, case, latents, photo, swap
from tiny_models import liven

COMMAND = "scripts/reference/flux3_goldens.py"
TRANSFORMER = dict(in_channels=32, cond_in_channels=32, num_layers=2, num_single_layers=2, attention_head_dim=16, num_attention_heads=2,
                   joint_attention_dim=64, axes_dims_rope=(4, 4, 4, 4))
# as deep as the default states ask for
TEXT = dict(hidden_size=8, intermediate_size=12, num_hidden_layers=33, num_attention_heads=2, num_key_value_heads=1, head_dim=4,
            max_position_embeddings=1024, tie_word_embeddings=True, rope_parameters={
                "rope_type": "default", "rope_theta": 5000000.0, "mrope_section": [1, 1, 0], "mrope_interleaved": True})
VISION = dict(depth=1, hidden_size=8, intermediate_size=8, num_heads=1, out_hidden_size=8, patch_size=4, num_position_embeddings=16,
              deepstack_visual_indexes=[0])
# the parts of Qwen3-VL's template that a chat of texts goes through
TEMPLATE = """{%- for message in messages %}
    {{- '<|im_start|>' + message.role + '\\n' }}
    {%- if message.content is string %}
        {{- message.content }}
    {%- else %}
        {%- for content in message.content %}
            {%- if 'text' in content %}
                {{- content.text }}
            {%- endif %}
        {%- endfor %}
    {%- endif %}
    {{- '<|im_end|>\\n' }}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\\n' }}
{%- endif %}
"""
REPOS = {"tiny-flux3": ("Flux3ModularPipeline", "Flux3AutoBlocks"), "tiny-flux3-distilled": ("Flux3DistilledModularPipeline", "Flux3DistilledAutoBlocks")}


def write_repo(name: str) -> None:
    where, distilled = folder(name), name.endswith("distilled")
    shutil.copytree(FIXTURES / "tokenizers" / "qwen2", where / "tokenizer")
    if distilled:
        (where / "tokenizer" / "chat_template.jinja").write_text(TEMPLATE)
    else:  # as older processors have it
        (where / "tokenizer" / "chat_template.json").write_text(json.dumps({"chat_template": TEMPLATE}, indent=2) + "\n")
    tokenizer = Processor.from_pretrained(where / "tokenizer")
    config = Qwen3VLConfig(text_config=dict(vocab_size=len(tokenizer.tokenizer), **TEXT), vision_config=VISION)
    parts = SimpleNamespace(
        text_encoder=liven(Qwen3VLForConditionalGeneration(config), seed_of(f"{name}/text_encoder")).eval(),
        tokenizer=tokenizer,
        transformer=liven(Flux3Transformer2DModel(**TRANSFORMER, flow_map=distilled), seed_of(f"{name}/transformer")).eval(),
        vae=build_flux2(FLUX2["three_levels"], seed_of(f"{name}/vae")),
    )
    for role, part in vars(parts).items():
        if role != "tokenizer":
            part.save_pretrained(where / role)
    write_index(where, *REPOS[name], f"tiny/{name}", parts)


def write_canvases() -> None:
    """[own width, own height, width and height of the canvas, box of the image in it]."""
    g = generator(7)
    sides = lambda most: [int(side) for side in torch.randint(1, most, (2,), generator=g)]  # noqa: E731
    sizes = [[1, 1], [16, 16], [17, 64], [2048, 2048], [2049, 2047], [4096, 1024], [5000, 300], [300, 9001], [4095, 1025], [2056, 2040], [1, 4097]]
    sizes += [sides(most) for most in (100, 1000, 3000, 5000, 6000) for _ in range(8)]
    processor, rows = Flux3ImageProcessor(), []
    for width, height in sizes:
        pixels, more = processor.preprocess(Image.new("RGB", (width, height)))
        rows.append([width, height, pixels.shape[3], pixels.shape[2], *more["reference_crop"]])
    write_json(ROOT / "plugins/families/flux3/testdata/canvases.json", {"versions": versions(), "command": COMMAND, "canvases": rows})


SIZE = dict(height=32, width=32)
CALL = dict(prompt=PROMPT, num_inference_steps=4, **SIZE)
UNSIZED = {key: value for key, value in CALL.items() if key not in SIZE}
LONG = "一只猫 🚀 Ärger, " * 12
CASES = [
    case("text", **CALL),
    case("a rectangle, a prompt of two windows", **{**CALL, "height": 24, "width": 48, "prompt": LONG}),
    case("three images", **CALL, num_images_per_prompt=3, seeds=[5, 6, 7]),
    case("one generator for two images", **CALL, num_images_per_prompt=2, seeds=[9], shared=True),
    case("other states of the language model", **CALL, text_encoder_out_layers=(1, 2, 12, 13, 20, 31, 32, 33)),
    case("a prompt that is cut", **{**CALL, "prompt": LONG, "max_sequence_length": 30}),
    case("own sigmas", **{**CALL, "sigmas": [1.0, 0.6, 0.25]}),
    case("own timesteps", **CALL, timesteps=[1000.0, 700.0, 300.0, 20.0]),
    case("many steps", **{**CALL, "num_inference_steps": 11}),
    case("own latents", latents=latents(1, 32, 4, 4, seed=3), **CALL),
    case("another shift", scheduler=swap("FlowMatchEulerDiscrete", shift=2.0), **CALL),
    case("a reference image, whose size is kept", **UNSIZED, image=photo(77, 66)),
    case("a narrow reference image", **UNSIZED, image=photo(17, 90)),
    case("a reference image of less than a token", **UNSIZED, image=photo(11, 40)),
    case("a reference image that needs no padding", **UNSIZED, image=[photo(64, 96)]),
    case("a reference image, one side given", **UNSIZED, width=40, image=photo(77, 66)),
    case("a grey reference image for two images", **CALL, image=photo(64, 70, "L"), num_images_per_prompt=2, seeds=[2, 3]),
    case("two reference images, the size of the first", **UNSIZED, image=[photo(70, 81), photo(91, 40, name="another")]),
    case("three reference images of other sizes", **CALL, image=[photo(16, 80), photo(35, 70, name="another"), photo(20, 20, "RGBA")]),
]
GUIDED = [
    case("a negative prompt, stronger guidance", **CALL, negative_prompt=OTHER, guidance_scale=6.0),
    case("a long negative prompt, little guidance", **CALL, negative_prompt=LONG, guidance_scale=0.5),
    case("without guidance", **CALL, guidance_scale=1.0),
    case("a reference image and a negative prompt", **UNSIZED, image=photo(40, 50), negative_prompt=OTHER),
]
TASKS = {
    "flux3": {"pipeline": "Flux3ModularPipeline", "repo": "tiny-flux3", "parts": {}, "cases": CASES + GUIDED},
    "flux3-distilled": {"pipeline": "Flux3DistilledModularPipeline", "repo": "tiny-flux3-distilled", "parts": {}, "cases": CASES},
}

if __name__ == "__main__":
    warnings.simplefilter("ignore")
    wanted = sys.argv[1:] or ["repos", "canvases", *TASKS]
    if "repos" in wanted:
        for repo in REPOS:
            write_repo(repo)
    if "canvases" in wanted:
        write_canvases()
    for name in wanted:
        if name in TASKS:
            write_task(name, TASKS[name], COMMAND)
