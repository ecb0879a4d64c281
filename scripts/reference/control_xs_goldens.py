"""ControlNet-XS: its models in tests/fixtures, what they give, and images under their control.

    $(sh scripts/reference/setup.sh) scripts/reference/control_xs_goldens.py [repos] [models] [task ...]

Writes tests/golden/models/UNetControlNetXSModel and tests/golden/tasks/control-xs*.
"""

import sys
import warnings

import torch
from diffusers import ControlNetXSAdapter, UNet2DConditionModel, UNetControlNetXSModel

from common import FIXTURES, GOLDEN, generator, seed_of, write_golden
from model_goldens import Calls
from task_goldens import write_task
from task_repos import folder
from tasks import OTHER, PROMPT, XL_NEGATIVE_SIZES, XL_SIZES, case, latents, photo, swap
from tiny_models import UNET_2D_CONDITION, build, liven

COMMAND = "scripts/reference/control_xs_goldens.py"

# The widths of tests/fixtures/tiny-stable-diffusion, whose images are four times as large as its latents
SD1 = dict(
    block_out_channels=(4, 6, 8), base_block_out_channels=(4, 8, 8), cross_attention_dim=16, num_attention_heads=2, use_linear_projection=False,
    down_block_types=("CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"), sample_size=8, conditioning_embedding_out_channels=(4, 6, 8),
)
# Of UNets of Stable Diffusion XL with two residual blocks a level
XL = {**SD1, "cross_attention_dim": 32, "use_linear_projection": True, "block_out_channels": (2, 4, 6),
      "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"), "transformer_layers_per_block": (1, 1, 2),
      "num_attention_heads": (1, 2, 3)}
ADAPTERS = {
    "sd1": SD1,
    # groups of a level's first block count for all of it once the adapter is joined with a UNet
    "groups": {**SD1, "block_out_channels": (3, 8, 16), "max_norm_num_groups": 8, "num_attention_heads": (1, 2, 4)},
    # the same groups joined with a UNet and loaded as one model
    "even": {**SD1, "block_out_channels": (4, 8, 8), "max_norm_num_groups": 8},
    "time": {**SD1, "learn_time_embedding": True, "time_embedding_mix": 0.4, "conditioning_channel_order": "bgr"},
    "xl": XL,
}
UNETS = {
    "sd1": dict(
        sample_size=8, block_out_channels=(4, 8, 8), norm_num_groups=2, cross_attention_dim=16, num_attention_heads=2, use_linear_projection=False,
        down_block_types=SD1["down_block_types"], up_block_types=("UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"),
        ctrl_block_out_channels=(3, 6, 8), ctrl_num_attention_heads=(1, 2, 4), ctrl_conditioning_embedding_out_channels=(4, 6),
        ctrl_learn_time_embedding=True, time_embedding_mix=0.7, ctrl_conditioning_channel_order="bgr", ctrl_max_norm_num_groups=4,
    ),
    "xl": dict(
        sample_size=8, block_out_channels=(4, 8), norm_num_groups=2, cross_attention_dim=(12, 12), num_attention_heads=(2, 4),
        transformer_layers_per_block=(1, 2), down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"), addition_embed_type="text_time", addition_time_embed_dim=8,
        projection_class_embeddings_input_dim=6 * 8 + 12, ctrl_block_out_channels=(2, 6), ctrl_num_attention_heads=2,
        ctrl_conditioning_embedding_out_channels=(4, 6),
    ),
}


def write_repos() -> None:
    for name, config in ADAPTERS.items():
        model = liven(ControlNetXSAdapter(**config), seed_of(f"ControlNetXSAdapter/{name}")).eval()
        model.save_pretrained(FIXTURES / "models" / "ControlNetXSAdapter" / name)
    for name, config in UNETS.items():
        model = liven(UNetControlNetXSModel(**config), seed_of(f"UNetControlNetXSModel/{name}")).eval()
        model.save_pretrained(FIXTURES / "models" / "UNetControlNetXSModel" / name)
    base = dict(cross_attention_dim=32, projection_class_embeddings_input_dim=6 * 8 + 12, transformer_layers_per_block=(1, 1, 2), layers_per_block=2)
    unet = build("UNet2DConditionModel", {**UNET_2D_CONDITION["sdxl"], **base}, seed_of("xl-xs"))
    unet.save_pretrained(folder("parts/UNet2DConditionModel/xl-xs"))


def unet_of(adapter: str) -> str:
    """The UNet that an adapter is joined with, in tests/fixtures."""
    return "parts/UNet2DConditionModel/xl-xs" if adapter == "xl" else "tiny-stable-diffusion/unet"


def inputs(config, g: torch.Generator) -> tuple[dict, dict]:
    factor = 2 ** (len(config.ctrl_conditioning_embedding_out_channels) - 1)
    width = config.cross_attention_dim if isinstance(config.cross_attention_dim, int) else config.cross_attention_dim[0]
    values = {
        "sample": torch.randn(2, 4, 8, 12, generator=g), "timestep": 481.0, "encoder_hidden_states": torch.randn(2, 5, width, generator=g),
        "controlnet_cond": torch.rand(2, 3, 8 * factor, 12 * factor, generator=g),
    }
    added = {"text_embeds": torch.randn(2, 12, generator=g), "time_ids": torch.randint(0, 1024, (2, 6), generator=g).float()}
    return values, added if config.addition_embed_type else {}


def write_calls(path: str, name: str, model: UNetControlNetXSModel, **given) -> None:
    calls, g = Calls(), generator(seed_of(name))
    for title, more in (("controlled", {}), ("scale 0.3", {"conditioning_scale": 0.3}), ("not controlled", {"apply_control": False})):
        values, added = inputs(model.config, g)
        sample = model(**values, **more, **({"added_cond_kwargs": added} if added else {})).sample
        kept = {key: value for key, value in values.items() if key != "controlnet_cond" or more.get("apply_control", True)}
        more.pop("apply_control", None)
        calls.add(title, {**kept, **more, **given, **{f"added_cond_kwargs.{key}": value for key, value in added.items()}}, {"sample": sample})
    write_golden(GOLDEN / "models" / path / name, COMMAND, calls.cases, calls.tensors)


@torch.no_grad()
def write_models() -> None:
    for name in UNETS:
        model = UNetControlNetXSModel.from_pretrained(FIXTURES / "models" / "UNetControlNetXSModel" / name).eval()
        write_calls("UNetControlNetXSModel", name, model)
    for name in ADAPTERS:
        unet = UNet2DConditionModel.from_pretrained(FIXTURES / unet_of(name), use_safetensors=True)
        adapter = ControlNetXSAdapter.from_pretrained(FIXTURES / "models" / "ControlNetXSAdapter" / name)
        write_calls("ControlNetXSAdapter", name, UNetControlNetXSModel.from_unet(unet, adapter).eval(), unet=unet_of(name))


EDGES, POSE = photo(32, 32, name="edges"), photo(32, 32, name="pose")
TEXT = dict(prompt=PROMPT, num_inference_steps=5)
CALL = dict(image=EDGES, **TEXT)
TWO = dict(num_images_per_prompt=2, seeds=[3, 4])
SHARED = [
    case("the repo's own scheduler", **CALL),
    case("Euler, scale 0.4, a part of the steps", scheduler=swap("EulerDiscrete"), controlnet_conditioning_scale=0.4, control_guidance_start=0.2,
         control_guidance_end=0.7, **CALL),
    case("without guidance", guidance_scale=1.0, **CALL),
    case("two images a prompt", **TWO, **CALL),
    case("two prompts, an image each, two images of each", prompt=[PROMPT, OTHER], image=[EDGES, POSE], num_images_per_prompt=2,
         seeds=[1, 2, 3, 4], num_inference_steps=4, negative_prompt=["blurry", "low"]),
    case("given size, own latents", **{**CALL, "image": photo(53, 38), "height": 48, "width": 32, "latents": latents(1, 4, 12, 8, seed=7)}),
]


def task(kind: str, adapter: str, cases: list[dict], repo: str, **more) -> dict:
    return {"pipeline": f"StableDiffusion{kind}ControlNetXSPipeline", "repo": repo,
            "parts": {"controlnet": f"models/ControlNetXSAdapter/{adapter}", **more}, "cases": cases}


TASKS = {
    "control-xs": task("", "sd1", [*SHARED, case("clip_skip, DDIM", scheduler=swap("DDIM"), eta=0.5, clip_skip=1, **CALL)], "tiny-stable-diffusion"),
    "control-xs-groups": task("", "groups", SHARED[:2], "tiny-stable-diffusion"),
    "control-xs-time": task("", "time", SHARED[:2], "tiny-stable-diffusion"),
    "control-xs-xl": task("XL", "xl", [
        *SHARED, case("sizes", **XL_SIZES, **XL_NEGATIVE_SIZES, **TWO, **CALL), case("a second prompt", prompt_2=OTHER, negative_prompt="", **CALL),
    ], "tiny-stable-diffusion-xl", unet=unet_of("xl")),
}

if __name__ == "__main__":
    warnings.simplefilter("ignore")
    for wanted in sys.argv[1:] or ["repos", "models", *TASKS]:
        if wanted in TASKS:
            write_task(wanted, TASKS[wanted], COMMAND)
        else:
            {"repos": write_repos, "models": write_models}[wanted]()
