"""Writes tiny repos of FLUX.1 and the images that diffusers makes with them: tests/golden/tasks/flux*.

    $(sh scripts/reference/setup.sh) scripts/reference/flux_goldens.py [repos] [task ...]
"""

import functools
import json
import shutil
import sys
import tempfile
import warnings
from pathlib import Path

import torch
from diffusers import (
    ChromaInpaintPipeline,
    ChromaTransformer2DModel,
    FlowMatchEulerDiscreteScheduler,
    FluxControlNetModel,
    FluxPipeline,
    FluxTransformer2DModel,
)
from transformers import CLIPTokenizer, T5Config, T5EncoderModel, T5TokenizerFast

from common import FIXTURES, seed_of
from make_repos import VAE_FACTOR_4
from task_goldens import write_task
from task_repos import folder
from tasks import OTHER, PROMPT, case, latents, mask, photo, swap, tensor
from tiny_models import CLIP_TEXT, build, liven
from tiny_tokenizer import write_tokenizer

COMMAND = "scripts/reference/flux_goldens.py"
TRANSFORMER = dict(in_channels=16, num_layers=2, num_single_layers=2, attention_head_dim=16, num_attention_heads=2,
                   joint_attention_dim=16, pooled_projection_dim=16, axes_dims_rope=(4, 6, 6))
VAE = {**VAE_FACTOR_4, "scaling_factor": 0.3611, "shift_factor": 0.1159, "use_quant_conv": False, "use_post_quant_conv": False}
REPOS = {
    "tiny-flux-dev": (dict(guidance_embeds=True), dict(shift=3.0, use_dynamic_shifting=True)),
    "tiny-flux-schnell": (dict(), dict(shift=1.0)),
}


def write_chroma(name: str) -> None:
    """The parts of tiny-flux-dev, without CLIP."""
    where, source = folder(name), FIXTURES / "tiny-flux-dev"
    for role, kept in (("vae", "vae"), ("text_encoder_2", "text_encoder"), ("tokenizer_2", "tokenizer"), ("scheduler", "scheduler")):
        shutil.copytree(source / role, where / kept)
    config = {key: value for key, value in TRANSFORMER.items() if key != "pooled_projection_dim"}
    liven(ChromaTransformer2DModel(**config, approximator_num_channels=16, approximator_hidden_dim=20, approximator_layers=3),
          seed_of(f"{name}/transformer")).eval().save_pretrained(where / "transformer")
    index = {"_class_name": "ChromaPipeline", "_diffusers_version": "0.42.1", "feature_extractor": [None, None],
             "image_encoder": [None, None], "scheduler": ["diffusers", "FlowMatchEulerDiscreteScheduler"],
             "text_encoder": ["transformers", "T5EncoderModel"], "tokenizer": ["transformers", "T5TokenizerFast"],
             "transformer": ["diffusers", "ChromaTransformer2DModel"], "vae": ["diffusers", "AutoencoderKL"]}
    (where / "model_index.json").write_text(json.dumps(index, indent=2) + "\n")


def write_repo(name: str) -> None:
    where = folder(name)
    transformer, scheduler = REPOS[name]
    t5 = T5TokenizerFast.from_pretrained(FIXTURES / "tokenizers" / "t5-json")
    with tempfile.TemporaryDirectory() as temp:
        write_tokenizer(Path(temp), pad="<|endoftext|>")
        pipe = FluxPipeline(
            transformer=liven(FluxTransformer2DModel(**TRANSFORMER, **transformer), seed_of(f"{name}/transformer")).eval(),
            vae=build("AutoencoderKL", VAE, seed_of(f"{name}/vae")),
            text_encoder=build("CLIPTextModel", CLIP_TEXT["sd1"], seed_of(f"{name}/text_encoder")),
            tokenizer=CLIPTokenizer.from_pretrained(temp),
            text_encoder_2=liven(T5EncoderModel(T5Config(
                vocab_size=len(t5), d_model=16, d_kv=4, d_ff=24, num_layers=2, num_heads=3, feed_forward_proj="gated-gelu",
                tie_word_embeddings=False,
            )), seed_of(f"{name}/text_encoder_2")).eval(),
            tokenizer_2=t5,
            scheduler=FlowMatchEulerDiscreteScheduler(**scheduler),
        )
        pipe.save_pretrained(where)
    shutil.rmtree(where / "tokenizer")
    write_tokenizer(where / "tokenizer", pad="<|endoftext|>")
    shutil.rmtree(where / "tokenizer_2")
    shutil.copytree(FIXTURES / "tokenizers" / "t5-json", where / "tokenizer_2")


# transformers that take the place of a repo's own: as FLUX.1 Fill (4 channels, 16 of a mask at factor 4) and Control have them
CONTROL_NET = {**TRANSFORMER, "num_layers": 1, "num_single_layers": 1}
PARTS = {
    "flux-fill": (FluxTransformer2DModel, {**TRANSFORMER, **dict(in_channels=96, out_channels=16, guidance_embeds=True)}),
    "flux-control": (FluxTransformer2DModel, {**TRANSFORMER, **dict(in_channels=32, out_channels=16, guidance_embeds=True)}),
    "flux-16": (FluxTransformer2DModel, {**TRANSFORMER, "in_channels": 64, "guidance_embeds": True}),
    "flux-canny": (FluxControlNetModel, {**CONTROL_NET, "guidance_embeds": True}),
    "flux-union": (FluxControlNetModel, {**CONTROL_NET, "num_mode": 3, "num_layers": 2}),
    # XLabs: given pixels
    "flux-pixels": (FluxControlNetModel, {**CONTROL_NET, "conditioning_embedding_channels": 16, "num_single_layers": 0}),
}


def part(name: str) -> str:
    return f"parts/{PARTS[name][0].__name__}/{name}"


def write_part(name: str) -> None:
    cls, config = PARTS[name]
    liven(cls(**config), seed_of(name)).eval().save_pretrained(folder(part(name)))


SIZE = dict(height=32, width=32)
TEXT = dict(prompt=PROMPT, num_inference_steps=5, max_sequence_length=48, **SIZE)
CASES = [
    case("text", **TEXT),
    case("a rectangle, no guidance", **{**TEXT, "height": 24, "width": 48}, guidance_scale=1.0),
    case("two prompts, two images each", **{**TEXT, "prompt": [PROMPT, OTHER]}, num_images_per_prompt=2, seeds=[5, 6, 7, 8]),
    case("another text for T5", prompt_2=OTHER, **TEXT),
    case("true guidance", negative_prompt="blurry", true_cfg_scale=3.0, **TEXT),
    case("true guidance, another negative text for T5", negative_prompt="blurry", negative_prompt_2=OTHER, true_cfg_scale=2.0, **TEXT),
    case("a negative prompt without true guidance", negative_prompt="blurry", **TEXT),
    case("own sigmas", **{**TEXT, "sigmas": [1.0, 0.6, 0.25]}),
    case("one step", **{**TEXT, "num_inference_steps": 1}),
    case("a prompt that is cut", **{**TEXT, "max_sequence_length": 4}),
    case("own embeddings", prompt_embeds=latents(1, 6, 16, seed=4), pooled_prompt_embeds=latents(1, 16, seed=5),
         num_inference_steps=4, **SIZE),
    case("UniPC", scheduler=swap("UniPCMultistep", use_flow_sigmas=True, prediction_type="flow_prediction", flow_shift=2.0), **TEXT),
]
IMG2IMG = dict(image=photo(32, 32), strength=0.7, **TEXT)
IMG2IMG_CASES = [
    case("an image", **IMG2IMG),
    case("strength kept as it is by default", image=photo(40, 33), **TEXT),
    case("two images a prompt", num_images_per_prompt=2, seeds=[3, 4], **IMG2IMG),
    case("two prompts, an image each", **{**IMG2IMG, "prompt": [PROMPT, OTHER], "seeds": [1, 2],
                                          "image": [photo(32, 32), photo(32, 32, name="another")]}),
    case("one generator for two images", num_images_per_prompt=2, seeds=[9], shared=True, **IMG2IMG),
    case("nearly all of it", **{**IMG2IMG, "strength": 0.99, "num_inference_steps": 7}),
    case("true guidance", negative_prompt="blurry", true_cfg_scale=3.0, **IMG2IMG),
]
KONTEXT = dict(image=photo(40, 33), max_area=1024, _auto_resize=False, **TEXT)
KONTEXT_CASES = [
    case("an image", **KONTEXT),
    case("a rectangle, an image of another shape", **{**KONTEXT, "height": 24, "width": 48, "image": photo(25, 70)}),
    case("a larger area", **{**KONTEXT, "max_area": 2500}),
    case("the nearest preferred size", **{**KONTEXT, "_auto_resize": True, "num_inference_steps": 1, "image": photo(64, 97)}),
    case("without an image", **{**KONTEXT, "image": None}),
    case("two images a prompt", num_images_per_prompt=2, seeds=[3, 4], **KONTEXT),
    case("two prompts, an image each", **{**KONTEXT, "prompt": [PROMPT, OTHER], "seeds": [1, 2],
                                          "image": [photo(32, 32), photo(32, 32, name="another")]}),
    case("true guidance", negative_prompt="blurry", true_cfg_scale=3.0, **KONTEXT),
    case("a tensor", **{**KONTEXT, "image": tensor(1, 3, 32, 40, seed=3)}),
    case("latents", **{**KONTEXT, "image": latents(1, 4, 6, 10, seed=3)}),
]
MASK = mask(32, 32, (8, 4, 24, 20))
FILL = dict(image=photo(32, 32), mask_image=MASK, **TEXT)
FILL_CASES = [
    case("all of it", **FILL),
    case("a rectangle, other sizes", **{**FILL, "image": photo(50, 41), "mask_image": mask(50, 41, (0, 0, 30, 25)), "width": 48}),
    case("strength 0.7", strength=0.7, **FILL),
    case("two images a prompt", num_images_per_prompt=2, seeds=[3, 4], strength=0.8, **FILL),
    case("two prompts, an image and a mask each", **{
        **FILL, "prompt": [PROMPT, OTHER], "image": [photo(32, 32), photo(32, 32, name="another")],
        "mask_image": [MASK, mask(32, 32, (0, 16, 32, 32))], "seeds": [1, 2]}),
    case("one generator for two images", num_images_per_prompt=2, seeds=[9], shared=True, **FILL),
    case("a grey mask", **{**FILL, "mask_image": photo(32, 32, "L", "grey mask")}),
    case("tensors", **{**FILL, "image": tensor(1, 3, 32, 32, seed=5), "mask_image": tensor(1, 32, 32, seed=6)}),
    case("another scale, another text for T5", guidance_scale=5.0, prompt_2=OTHER, **FILL),
]
CONTROL = dict(control_image=photo(32, 32), **TEXT)
CONTROL_CASES = [
    case("an image", **CONTROL),
    case("a rectangle, an image that is resized", **{**CONTROL, "control_image": photo(50, 41), "width": 48}),
    case("two images a prompt", num_images_per_prompt=2, seeds=[3, 4], **CONTROL),
    case("two prompts, an image each, two of them", **{
        **CONTROL, "prompt": [PROMPT, OTHER], "control_image": [photo(32, 32), photo(32, 32, name="another")]},
        num_images_per_prompt=2, seeds=[1, 2, 3, 4]),
    case("one generator for two images", num_images_per_prompt=2, seeds=[9], shared=True, **CONTROL),
    case("a tensor", **{**CONTROL, "control_image": tensor(1, 3, 32, 32, seed=5)}),
]
CONTROL_IMG2IMG = dict(image=photo(40, 33), strength=0.7, **CONTROL)
CONTROL_IMG2IMG_CASES = [
    case("an image", **CONTROL_IMG2IMG),
    case("strength kept as it is by default", image=photo(40, 33), **CONTROL),
    case("two images a prompt", num_images_per_prompt=2, seeds=[3, 4], **CONTROL_IMG2IMG),
    case("one generator for two images", num_images_per_prompt=2, seeds=[9], shared=True, **CONTROL_IMG2IMG),
]
CHROMA = {**{k: v for k, v in TEXT.items() if k != "max_sequence_length"}, "max_sequence_length": 24}
CHROMA_CASES = [
    case("guided by an empty text", **CHROMA),
    case("a negative prompt", negative_prompt="blurry, low quality", guidance_scale=3.0, **CHROMA),
    case("a rectangle, without guidance", **{**CHROMA, "width": 48}, guidance_scale=1.0),
    case("two prompts of other lengths, two images each", **{**CHROMA, "prompt": [PROMPT, "a cat"]}, negative_prompt=["blurry", OTHER],
         num_images_per_prompt=2, seeds=[5, 6, 7, 8]),
    case("a prompt without padding", **{**CHROMA, "max_sequence_length": 5}),
    case("own embeddings", prompt_embeds=latents(1, 6, 16, seed=4), prompt_attention_mask=torch.tensor([[1.0, 1, 1, 1, 0, 0]]),
         negative_prompt_embeds=latents(1, 4, 16, seed=5), negative_prompt_attention_mask=torch.ones(1, 4), num_inference_steps=4, **SIZE),
]
CHROMA_IMG2IMG = dict(image=photo(40, 33), **CHROMA)
CHROMA_IMG2IMG_CASES = [
    case("an image", **CHROMA_IMG2IMG),
    case("strength 0.6, a negative prompt", strength=0.6, negative_prompt="blurry", **CHROMA_IMG2IMG),
    case("two images a prompt", num_images_per_prompt=2, seeds=[3, 4], strength=0.7, **CHROMA_IMG2IMG),
]
NET = dict(control_image=photo(32, 32), controlnet_conditioning_scale=0.7, **TEXT)
NET_CASES = [
    case("an image", **NET),
    case("a rectangle, an image that is resized", **{**NET, "control_image": photo(50, 41), "width": 48}),
    case("a part of the steps", control_guidance_start=0.2, control_guidance_end=0.7, **NET),
    case("two prompts, an image each, two of them", **{
        **NET, "prompt": [PROMPT, OTHER], "control_image": [photo(32, 32), photo(32, 32, name="another")]},
        num_images_per_prompt=2, seeds=[1, 2, 3, 4]),
    case("one generator for two images", num_images_per_prompt=2, seeds=[9], shared=True, **NET),
    case("true guidance", negative_prompt="blurry", true_cfg_scale=3.0, **NET),
]
UNION_CASES = [
    case("kind 0", control_mode=0, **NET),
    case("kind 2, two images", control_mode=2, num_images_per_prompt=2, seeds=[3, 4], **NET),
]
TWO = dict(NET, control_image=[photo(32, 32), photo(32, 32, name="another")], controlnet_conditioning_scale=[0.5, 0.8])
TWO_CASES = [
    case("an image each", control_mode=[0, 1], **TWO),
    case("a part of the steps each", control_mode=[2, 1], control_guidance_start=[0.0, 0.4], control_guidance_end=[0.5, 1.0], **TWO),
    case("true guidance, two images a prompt", control_mode=[2, 0], negative_prompt="blurry", true_cfg_scale=3.0, num_images_per_prompt=2,
         seeds=[3, 4], **TWO),
]
UNION_TWICE_CASES = [
    # diffusers leaves out all but the first image where these are no lists
    case("two images", control_mode=[0, 1], control_guidance_start=[0.0, 0.0], control_guidance_end=[1.0, 0.6], **TWO),
]
PIXEL_CASES = [
    case("a rectangle", **{**NET, "control_image": photo(50, 41), "width": 48}),
    case("two images a prompt", num_images_per_prompt=2, seeds=[3, 4], **NET),
]
NET_IMG2IMG = dict(image=photo(40, 33), strength=0.7, **NET)
NET_IMG2IMG_CASES = [
    case("an image", **NET_IMG2IMG),
    case("two images a prompt", num_images_per_prompt=2, seeds=[3, 4], **NET_IMG2IMG),
    case("a part of the steps", control_guidance_start=0.3, control_guidance_end=0.8, **NET_IMG2IMG),
    case("one generator for two images", num_images_per_prompt=2, seeds=[9], shared=True, **NET_IMG2IMG),
]
INPAINT = dict(image=photo(32, 32), mask_image=MASK, strength=0.7, **TEXT)
TWO_MASKS = dict(image=[photo(32, 32), photo(32, 32, name="another")], mask_image=[MASK, mask(32, 32, (0, 16, 32, 32))])
INPAINT_CASES = [
    case("strength 0.7", **INPAINT),
    case("all of it", **{**INPAINT, "strength": 1.0}),
    case("strength kept as it is by default", image=photo(32, 32), mask_image=MASK, **TEXT),
    case("a rectangle, other sizes", **{**INPAINT, "image": photo(50, 41), "mask_image": mask(50, 41, (0, 0, 30, 25)), "width": 48}),
    case("two images a prompt", num_images_per_prompt=2, seeds=[3, 4], **INPAINT),
    case("two prompts, an image and a mask each", **{**INPAINT, **TWO_MASKS, "prompt": [PROMPT, OTHER], "seeds": [1, 2]}),
    case("one generator for two images", num_images_per_prompt=2, seeds=[9], shared=True, **INPAINT),
    case("around the mask", padding_mask_crop=3, **{**INPAINT, "image": photo(70, 60), "mask_image": mask(70, 60, (20, 15, 40, 35))}),
    case("true guidance", negative_prompt="blurry", true_cfg_scale=3.0, **INPAINT),
]
CHROMA_INPAINT_CASES = [{**one, "call": {k: v for k, v in one["call"].items() if k != "true_cfg_scale"}} for one in INPAINT_CASES]
CONTROL_INPAINT = dict(control_image=photo(32, 32, name="control"), **INPAINT)
CONTROL_INPAINT_CASES = [
    case("an image", **CONTROL_INPAINT),
    case("a rectangle, other sizes", **{**CONTROL_INPAINT, "image": photo(50, 41), "mask_image": mask(50, 41, (0, 0, 30, 25)), "width": 48}),
    case("two images a prompt", num_images_per_prompt=2, seeds=[3, 4], **CONTROL_INPAINT),
    case("two prompts, an image and a mask each", **{**CONTROL_INPAINT, **TWO_MASKS, "prompt": [PROMPT, OTHER], "seeds": [1, 2]}),
    case("one generator for two images", num_images_per_prompt=2, seeds=[9], shared=True, **CONTROL_INPAINT),
]
NET_INPAINT_CASES = [
    case("an image", controlnet_conditioning_scale=0.7, **CONTROL_INPAINT),
    case("around the mask", padding_mask_crop=3, **{**CONTROL_INPAINT, "image": photo(70, 60), "mask_image": mask(70, 60, (20, 15, 40, 35))}),
    case("two images a prompt", num_images_per_prompt=2, seeds=[3, 4], **CONTROL_INPAINT),
    case("one generator for two images", num_images_per_prompt=2, seeds=[9], shared=True, control_guidance_end=0.6, **CONTROL_INPAINT),
]
KONTEXT_INPAINT = {**{k: v for k, v in INPAINT.items() if k not in SIZE}, "_auto_resize": False}
KONTEXT_INPAINT_CASES = [
    case("an image", **KONTEXT_INPAINT),
    case("all of it, a rectangle", **{**KONTEXT_INPAINT, "image": photo(50, 41), "mask_image": mask(50, 41, (0, 0, 30, 25)), "strength": 1.0}),
    case("another image that the prompt speaks of", image_reference=photo(44, 25, name="reference"), **KONTEXT_INPAINT),
    case("two images a prompt", num_images_per_prompt=2, seeds=[3, 4], **KONTEXT_INPAINT),
    case("true guidance", negative_prompt="blurry", true_cfg_scale=3.0, **KONTEXT_INPAINT),
]
TASKS = {
    f"flux-{kind}{suffix}": {"pipeline": pipeline, "repo": f"tiny-flux-{kind}", "parts": {}, "cases": cases}
    for kind in ("dev", "schnell")
    for suffix, pipeline, cases in (("", "FluxPipeline", CASES), ("-img2img", "FluxImg2ImgPipeline", IMG2IMG_CASES))
} | {
    name: {"pipeline": pipeline, "repo": "tiny-flux-dev", "parts": parts, "cases": cases}
    for name, pipeline, parts, cases in (
        ("flux-kontext", "FluxKontextPipeline", {}, KONTEXT_CASES),
        ("flux-fill", "FluxFillPipeline", {"transformer": part("flux-fill")}, FILL_CASES),
        ("flux-control", "FluxControlPipeline", {"transformer": part("flux-control")}, CONTROL_CASES),
        ("flux-control-img2img", "FluxControlImg2ImgPipeline", {"transformer": part("flux-control")},
         CONTROL_IMG2IMG_CASES),
        ("flux-controlnet", "FluxControlNetPipeline", {"controlnet": part("flux-canny")}, NET_CASES),
        ("flux-controlnet-union", "FluxControlNetPipeline", {"controlnet": part("flux-union")}, UNION_CASES),
        ("flux-controlnet-two", "FluxControlNetPipeline", {"controlnet": [part("flux-union"), part("flux-union")]}, TWO_CASES),
        ("flux-controlnet-union-twice", "FluxControlNetPipeline", {"controlnet": [part("flux-union")]}, UNION_TWICE_CASES),
        ("flux-controlnet-pixels", "FluxControlNetPipeline", {"controlnet": part("flux-pixels")}, PIXEL_CASES),
        ("flux-taef1", "FluxImg2ImgPipeline", {"transformer": part("flux-16"), "vae": "models/AutoencoderTiny/taef1"}, IMG2IMG_CASES[:3]),
        ("flux-inpaint", "FluxInpaintPipeline", {}, INPAINT_CASES),
        ("flux-control-inpaint", "FluxControlInpaintPipeline", {"transformer": part("flux-control")}, CONTROL_INPAINT_CASES),
        ("flux-controlnet-inpaint", "FluxControlNetInpaintPipeline", {"controlnet": part("flux-canny")}, NET_INPAINT_CASES),
        ("flux-kontext-inpaint", "FluxKontextInpaintPipeline", {}, KONTEXT_INPAINT_CASES),
        ("flux-controlnet-img2img", "FluxControlNetImg2ImgPipeline", {"controlnet": part("flux-canny")}, NET_IMG2IMG_CASES),
    )
}

TASKS |= {
    "chroma": {"pipeline": "ChromaPipeline", "repo": "tiny-chroma", "parts": {}, "cases": CHROMA_CASES},
    "chroma-inpaint": {"pipeline": "ChromaInpaintPipeline", "repo": "tiny-chroma", "parts": {}, "cases": CHROMA_INPAINT_CASES},
    "chroma-img2img": {"pipeline": "ChromaImg2ImgPipeline", "repo": "tiny-chroma", "parts": {}, "cases": CHROMA_IMG2IMG_CASES},
}



def with_guidance_embeds(init):
    """diffusers 0.42.1 inpaints with Chroma only where its transformer says that it has no embedding of the guidance scale."""
    def made(self, *args, **kwargs):
        init(self, *args, **kwargs)
        self.transformer.register_to_config(guidance_embeds=False)
    return functools.wraps(init)(made)


if __name__ == "__main__":
    ChromaInpaintPipeline.__init__ = with_guidance_embeds(ChromaInpaintPipeline.__init__)
    warnings.simplefilter("ignore")
    wanted = sys.argv[1:] or ["repos", *TASKS]
    if "repos" in wanted:
        for repo in REPOS:
            write_repo(repo)
    if "repos" in wanted or "tiny-chroma" in wanted:
        write_chroma("tiny-chroma")
    for name in PARTS:
        if "repos" in wanted or name in wanted:
            write_part(name)
    for name in wanted:
        if name in TASKS:
            write_task(name, TASKS[name], COMMAND)
