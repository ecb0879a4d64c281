"""ControlNets: tests/fixtures/models/ControlNetModel, what they give, and images under their control.

    $(sh scripts/reference/setup.sh) scripts/reference/control_goldens.py [repos] [models] [task ...]

Writes tests/golden/models/ControlNetModel and tests/golden/tasks/controlnet*.
"""

import sys
import warnings

import torch
from diffusers import ControlNetModel

from common import FIXTURES, GOLDEN, generator, seed_of, write_golden
from model_goldens import Calls
from task_goldens import write_task
from tasks import PROMPT, OTHER, case, latents, mask, photo, swap, tensor
from tiny_models import liven

COMMAND = "scripts/reference/control_goldens.py"
FOLDER = FIXTURES / "models" / "ControlNetModel"

# The widths of tests/fixtures/tiny-stable-diffusion, whose images are four times as large as its latents
SD1 = dict(
    block_out_channels=(4, 8, 8), layers_per_block=2, norm_num_groups=2, cross_attention_dim=16, attention_head_dim=4,
    down_block_types=("CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"),
    conditioning_embedding_out_channels=(4, 6, 8),
)
TWO_LEVELS = {**SD1, "block_out_channels": (4, 8), "layers_per_block": 1,
              "down_block_types": ("CrossAttnDownBlock2D", "DownBlock2D")}
CONFIGS = {
    "sd1": SD1,
    "bgr": {**SD1, "controlnet_conditioning_channel_order": "bgr", "use_linear_projection": True,
            "num_attention_heads": (1, 2, 4), "transformer_layers_per_block": (2, 1, 1), "only_cross_attention": True,
            "resnet_time_scale_shift": "scale_shift", "mid_block_type": "UNetMidBlock2D", "downsample_padding": 0},
    "pooled": {**SD1, "global_pool_conditions": True, "mid_block_scale_factor": 2, "act_fn": "gelu"},
    "inpaint": {**TWO_LEVELS, "conditioning_channels": 3},
    "wide": {**TWO_LEVELS, "cross_attention_dim": 24},
    "classes": {**TWO_LEVELS, "num_class_embeds": 5, "conditioning_channels": 1, "conditioning_embedding_out_channels": (4, 6)},
    "class_projection": {**TWO_LEVELS, "class_embed_type": "projection", "projection_class_embeddings_input_dim": 6},
    "class_timestep": {**TWO_LEVELS, "class_embed_type": "timestep"},
    "sdxl": {**TWO_LEVELS, "addition_embed_type": "text_time", "addition_time_embed_dim": 8, "use_linear_projection": True,
             "projection_class_embeddings_input_dim": 6 * 8 + 16, "attention_head_dim": (2, 4)},
}


def write_repos() -> None:
    for name, config in CONFIGS.items():
        model = liven(ControlNetModel(**config), seed_of(f"ControlNetModel/{name}")).eval()
        model.save_pretrained(FOLDER / name)


def inputs(config, batch: int, g: torch.Generator) -> dict:
    factor = 2 ** (len(config.conditioning_embedding_out_channels) - 1)
    values = {
        "sample": torch.randn(batch, 4, 8, 6, generator=g), "timestep": 481.0,
        "encoder_hidden_states": torch.randn(batch, 5, config.cross_attention_dim, generator=g),
        "controlnet_cond": torch.rand(batch, config.conditioning_channels, 8 * factor, 6 * factor, generator=g),
    }
    if config.num_class_embeds:
        values["class_labels"] = torch.randint(0, config.num_class_embeds, (batch,), generator=g)
    if config.class_embed_type == "timestep":
        values["class_labels"] = torch.randint(0, 1000, (batch,), generator=g).float()
    if config.class_embed_type == "projection":
        values["class_labels"] = torch.randn(batch, config.projection_class_embeddings_input_dim, generator=g)
    if config.addition_embed_type == "text_time":
        values["added_cond_kwargs.text_embeds"] = torch.randn(batch, 16, generator=g)
        values["added_cond_kwargs.time_ids"] = torch.randint(0, 1024, (batch, 6), generator=g).float()
    return values


@torch.no_grad()
def write_models() -> None:
    for name in CONFIGS:
        model, calls, g = ControlNetModel.from_pretrained(FOLDER / name).eval(), Calls(), generator(seed_of(name))
        for title, more in (("plain", {}), ("scaled", {"conditioning_scale": 0.6}),
                            ("guess mode", {"conditioning_scale": 1.5, "guess_mode": True})):
            values = {**inputs(model.config, 2, g), **more}
            added = {key.split(".")[1]: value for key, value in values.items() if "." in key}
            plain = {key: value for key, value in values.items() if "." not in key}
            result = model(**plain, **({"added_cond_kwargs": added} if added else {}))
            outputs = {f"down.{i}": value for i, value in enumerate(result.down_block_res_samples)}
            calls.add(title, values, {**outputs, "mid": result.mid_block_res_sample})
        write_golden(GOLDEN / "models" / "ControlNetModel" / name, COMMAND, calls.cases, calls.tensors)


EDGES, POSE, PHOTO = photo(32, 32, name="edges"), photo(32, 32, name="pose"), photo(32, 32)
TEXT = dict(prompt=PROMPT, num_inference_steps=5)
RANGE = dict(control_guidance_start=0.2, control_guidance_end=0.7)
IMG2IMG = dict(image=PHOTO, control_image=EDGES, strength=0.7, **TEXT)
INPAINT = dict(image=PHOTO, mask_image=mask(32, 32, (8, 4, 24, 20)), control_image=EDGES, **TEXT)


def models(*names: str) -> list[str] | str:
    paths = [f"models/ControlNetModel/{name}" for name in names]
    return paths[0] if len(paths) == 1 else paths


def task(pipeline: str, nets, cases: list[dict], **parts) -> dict:
    return {"pipeline": f"StableDiffusionControlNet{pipeline}Pipeline", "repo": "tiny-stable-diffusion",
            "parts": {"controlnet": nets, **parts}, "cases": cases}


TASKS = {
    "controlnet": task("", models("sd1"), [
        case("the repo's own scheduler", image=EDGES, **TEXT),
        case("Euler, scale 0.4", scheduler=swap("EulerDiscrete"), image=EDGES, controlnet_conditioning_scale=0.4, **TEXT),
        case("from 0.2 to 0.7 of the steps", scheduler=swap("DDIM"), image=EDGES, **RANGE, **TEXT),
        case("guess mode", image=EDGES, guess_mode=True, guidance_scale=4.0, **TEXT),
        case("guess mode without guidance", image=EDGES, guess_mode=True, guidance_scale=1.0, **TEXT),
        case("without guidance", image=EDGES, guidance_scale=1.0, **TEXT),
        case("two images a prompt", image=EDGES, num_images_per_prompt=2, seeds=[3, 4], **TEXT),
        case("two prompts, an image each", image=[EDGES, POSE], prompt=[PROMPT, OTHER], num_images_per_prompt=2,
             seeds=[1, 2, 3, 4], num_inference_steps=4),
        case("an image of odd size", image=photo(53, 38), **TEXT),
        case("given size", image=photo(53, 38), height=24, width=40, **TEXT),
        case("a grey image with an alpha", image=photo(32, 32, "RGBA", "edges"), **TEXT),
        case("tensor", image=tensor(1, 3, 32, 24, seed=5), **TEXT),
        case("own latents, DDIM, eta 1", scheduler=swap("DDIM"), eta=1.0, latents=latents(1, 4, 8, 8, seed=7), image=EDGES, **TEXT),
        case("clip_skip 1, negative prompt", image=EDGES, clip_skip=1, negative_prompt="blurry", **TEXT),
    ]),
    "controlnet-bgr": task("", models("bgr"), [case("other options", image=EDGES, **TEXT)]),
    "controlnet-pooled": task("", models("pooled"), [
        case("pooled", image=EDGES, **TEXT), case("pooled, scale 0.5", image=EDGES, controlnet_conditioning_scale=0.5, **TEXT),
    ]),
    "controlnet-several": task("", models("sd1", "bgr"), [
        case("an image each", image=[EDGES, POSE], **TEXT),
        case("scales and ranges", image=[EDGES, POSE], controlnet_conditioning_scale=[0.7, 0.3],
             control_guidance_start=[0.0, 0.4], control_guidance_end=[0.5, 1.0], **TEXT),
        case("one scale for all, guess mode", image=[EDGES, POSE], controlnet_conditioning_scale=0.5, guess_mode=True, **TEXT),
        case("two prompts", image=[[EDGES, POSE], [POSE, PHOTO]], prompt=[PROMPT, OTHER], seeds=[1, 2], num_inference_steps=4),
    ]),
    "controlnet-img2img": task("Img2Img", models("sd1"), [
        case("the repo's own scheduler", **IMG2IMG),
        case("Euler, range, scale", scheduler=swap("EulerDiscrete"), controlnet_conditioning_scale=0.6, **RANGE, **IMG2IMG),
        case("guess mode, two images", guess_mode=True, num_images_per_prompt=2, seeds=[1, 2], **IMG2IMG),
        case("given size", **{**IMG2IMG, "image": photo(53, 38), "height": 24, "width": 40}),
        case("one generator, two prompts", **{
            **IMG2IMG, "prompt": [PROMPT, OTHER], "image": [PHOTO, POSE], "control_image": [EDGES, PHOTO], "seeds": [9],
            "shared": True}),
    ]),
    "controlnet-img2img-several": task("Img2Img", models("sd1", "bgr"), [
        case("scales", **{**IMG2IMG, "control_image": [EDGES, POSE], "controlnet_conditioning_scale": [0.7, 0.3]})]),
    "controlnet-inpaint-4": task("Inpaint", models("sd1"), [
        case("all of it", **INPAINT),
        case("Euler, strength 0.6, range, scale", scheduler=swap("EulerDiscrete"), strength=0.6,
             controlnet_conditioning_scale=0.6, **RANGE, **INPAINT),
        case("guess mode, two images", guess_mode=True, num_images_per_prompt=2, seeds=[1, 2], strength=0.5, **INPAINT),
        case("an image of its own size", **{**INPAINT, "image": photo(50, 41), "control_image": photo(50, 41, name="edges"),
                                             "mask_image": mask(50, 41, (0, 0, 30, 25))}),
        case("padding_mask_crop", **{
            **INPAINT, "image": photo(80, 60), "mask_image": mask(80, 60, (30, 20, 50, 36)), "height": 32, "width": 32,
            "control_image": photo(80, 60, name="edges"), "padding_mask_crop": 4}),
    ]),
    "controlnet-inpaint-9": task("Inpaint", models("inpaint"), [
        case("all of it", **INPAINT), case("DDIM, strength 0.6", scheduler=swap("DDIM"), strength=0.6, **INPAINT),
    ], unet="models/UNet2DConditionModel/inpaint"),
}


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    for wanted in sys.argv[1:] or ["repos", "models", *TASKS]:
        if wanted in TASKS:
            write_task(wanted, {**TASKS[wanted]}, COMMAND)
        else:
            {"repos": write_repos, "models": write_models}[wanted]()
