"""Writes UNets of the kinds that Stable Diffusion does not have, and calls with masks and residuals:
tests/fixtures/models/UNet2DConditionModel/NAME and tests/golden/models/UNet2DConditionModel/NAME.

    $(sh scripts/reference/setup.sh) scripts/reference/unet_condition_goldens.py [name ...]
"""

import sys
import warnings

import torch
from diffusers import UNet2DConditionModel

from common import GOLDEN, generator, seed_of, write_golden
from model_goldens import Calls, call_condition as call, condition_inputs as inputs
from task_repos import folder
from tiny_models import liven

COMMAND = "scripts/reference/unet_condition_goldens.py"
SMALL = dict(sample_size=8, block_out_channels=(4, 8), layers_per_block=1, norm_num_groups=2, cross_attention_dim=16, attention_head_dim=2)
CROSS = dict(SMALL, down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"), up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"))
SIMPLE = dict(
    SMALL, down_block_types=("ResnetDownsampleBlock2D", "SimpleCrossAttnDownBlock2D"), attention_head_dim=4,
    mid_block_type="UNetMidBlock2DSimpleCrossAttn", up_block_types=("SimpleCrossAttnUpBlock2D", "ResnetUpsampleBlock2D"),
)
# stabilityai/sd-x2-latent-upscaler, as narrow as groups of 32 channels allow
K = dict(
    sample_size=8, in_channels=8, out_channels=5, block_out_channels=(64, 32, 32), layers_per_block=(1, 2, 1), norm_num_groups=None,
    down_block_types=("KDownBlock2D", "KCrossAttnDownBlock2D", "KCrossAttnDownBlock2D"), mid_block_type=None,
    up_block_types=("KCrossAttnUpBlock2D", "KCrossAttnUpBlock2D", "KUpBlock2D"), attention_head_dim=16, cross_attention_dim=16,
    cross_attention_norm="layer_norm", act_fn="gelu", time_embedding_type="fourier", timestep_post_act="gelu",
    time_cond_proj_dim=128 + 16, time_embedding_dim=32, conv_in_kernel=1, conv_out_kernel=1, resnet_time_scale_shift="scale_shift",
)
CONFIGS = {
    "latent_upscaler": K,
    "k_plain": {**K, "block_out_channels": (32, 32), "down_block_types": ("KDownBlock2D",) * 2, "up_block_types": ("KUpBlock2D",) * 2,
                "time_embedding_type": "positional", "layers_per_block": 1, "time_cond_proj_dim": None, "act_fn": "silu",
                "mid_block_type": "UNetMidBlock2DCrossAttn", "timestep_post_act": None},
    "k_middle": {**K, "block_out_channels": (32, 32), "down_block_types": ("KCrossAttnDownBlock2D", "KDownBlock2D"),
                 "up_block_types": ("KUpBlock2D", "KCrossAttnUpBlock2D"), "mid_block_type": "UNetMidBlock2D", "conv_in_kernel": 3,
                 "attention_head_dim": (8, 16), "time_cond_proj_dim": None, "time_embedding_dim": 20, "layers_per_block": 1},
    # DeepFloyd/IF-I
    "if": {**SIMPLE, "cross_attention_dim": 32, "encoder_hid_dim": 24, "encoder_hid_dim_type": "text_proj", "addition_embed_type": "text",
           "addition_embed_type_num_heads": 4, "cross_attention_norm": "group_norm", "resnet_time_scale_shift": "scale_shift",
           "resnet_skip_time_act": True, "resnet_out_scale_factor": 1.4142, "mid_block_scale_factor": 1.4142, "act_fn": "gelu",
           "class_embed_type": "timestep", "out_channels": 8, "time_embedding_act_fn": "gelu"},
    "simple_only_cross": {**SIMPLE, "only_cross_attention": (False, True), "mid_block_only_cross_attention": True,
                          "cross_attention_norm": "layer_norm", "attention_head_dim": (2, 4), "cross_attention_dim": 8},
    "simple_everywhere": {**SIMPLE, "down_block_types": ("SimpleCrossAttnDownBlock2D",) * 2, "layers_per_block": 2,
                          "up_block_types": ("SimpleCrossAttnUpBlock2D",) * 2, "only_cross_attention": True},
    # the decoder of kakaobrain/karlo-v1-alpha
    "unclip": {**SIMPLE, "class_embed_type": "identity", "resnet_time_scale_shift": "scale_shift", "out_channels": 8},
    "kandinsky": {**SIMPLE, "encoder_hid_dim": 20, "encoder_hid_dim_type": "text_image_proj", "addition_embed_type": "text_image"},
    "kandinsky22": {**SIMPLE, "encoder_hid_dim": 20, "encoder_hid_dim_type": "image_proj", "addition_embed_type": "image"},
    "kandinsky22_hint": {**SIMPLE, "encoder_hid_dim": 20, "encoder_hid_dim_type": "image_proj", "addition_embed_type": "image_hint",
                         "in_channels": 8},
    "attn": {**SMALL, "down_block_types": ("AttnDownBlock2D", "CrossAttnDownBlock2D"), "layers_per_block": 2,
             "up_block_types": ("CrossAttnUpBlock2D", "AttnUpBlock2D"), "attention_head_dim": (2, 4)},
    "resnet_resample": {**SMALL, "down_block_types": ("ResnetDownsampleBlock2D", "CrossAttnDownBlock2D"),
                        "up_block_types": ("CrossAttnUpBlock2D", "ResnetUpsampleBlock2D"), "resnet_skip_time_act": True,
                        "resnet_out_scale_factor": 1.3, "mid_block_scale_factor": 0.7, "layers_per_block": (2, 1)},
    "fourier": {**CROSS, "time_embedding_type": "fourier", "class_embed_type": "timestep", "flip_sin_to_cos": False,
                "class_embeddings_concat": True},
    "text_pooled": {**CROSS, "addition_embed_type": "text", "addition_embed_type_num_heads": 2, "time_embedding_dim": 20},
    "asymmetric": {**CROSS, "down_block_types": ("CrossAttnDownBlock2D",) * 2, "up_block_types": ("CrossAttnUpBlock2D",) * 2,
                   "transformer_layers_per_block": (1, 2), "reverse_transformer_layers_per_block": ((1, 3), 2)},
    # pixels can be masked where all that attend are as many
    "masked": {**CROSS, "mid_block_type": "UNetMidBlock2D"},
    "masked_only_cross": {**CROSS, "mid_block_type": "UNetMidBlock2D", "only_cross_attention": (True, False), "attention_head_dim": (1, 2)},
}


def level_shapes(model, values: dict) -> list[tuple[int, ...]]:
    """The shape that a residual inside of each level has, and inside of the middle."""
    shapes = []

    def keep(block, _inputs, output) -> None:
        result, states = output
        crosses = getattr(block, "has_cross_attention", False)
        shapes.append(tuple(states[len(block.resnets) - 1].shape if crosses else result.shape))

    hooks = [block.register_forward_hook(keep) for block in model.down_blocks]
    call(model, values)
    for hook in hooks:
        hook.remove()
    return [*shapes, shapes[-1]]


def write(name: str, config: dict) -> None:
    model = liven(UNet2DConditionModel(**config), seed_of(f"UNet2DConditionModel/{name}")).eval()
    model.conv_out.weight.data *= 1.5
    model.save_pretrained(folder(f"models/UNet2DConditionModel/{name}"))
    calls, g = Calls(), generator(seed_of(name))

    def add(label: str, values: dict) -> None:
        calls.add(label, values, {"sample": call(model, values)})

    size = 4 if config.get("addition_embed_type") == "image_hint" else 8  # hints are large
    add("two images, one timestep", inputs(model, 2, size, size, 981, g))
    add("a rectangle, two tokens", inputs(model, 1, size, 2 * size, 20.5, g, tokens=2))
    add("a timestep each", inputs(model, 2, size, size, torch.tensor([999, 1]), g))
    if config["down_block_types"][0] == "CrossAttnDownBlock2D" and "class_embed_type" not in config:
        add("a size that does not halve", inputs(model, 1, 10, 6, 500.25, g))
    text = torch.tensor([[1, 1, 1, 0, 0], [1, 0, 1, 1, 1]])
    if config.get("encoder_hid_dim_type") in (None, "text_proj"):
        if not name.startswith("simple") and name != "masked_only_cross":
            add("masked text", {**inputs(model, 2, 8, 8, 41, g), "encoder_attention_mask": text})
    if name in ("if", "unclip"):
        add("masked text, as UnCLIP gives it", {**inputs(model, 2, 8, 8, 41, g), "attention_mask": text})
    if name == "masked":
        pixels = (torch.rand(2, 64, generator=g) > 0.3).float()
        add("masked pixels", {**inputs(model, 2, 8, 8, 41, g), "attention_mask": pixels})
        add("masked pixels and text", {**inputs(model, 2, 8, 8, 41, g), "attention_mask": pixels, "encoder_attention_mask": text})
    if name == "masked_only_cross":
        add("the text masked twice", {**inputs(model, 2, 8, 8, 41, g), "attention_mask": text, "encoder_attention_mask": text.flip(1)})
    if name in ("masked", "attn", "resnet_resample", "k_plain"):
        values = inputs(model, 2, 8, 8, 801, g)
        shapes = level_shapes(model, values)
        residuals = {f"down_intrablock_additional_residuals.{i}": torch.randn(shape, generator=g) for i, shape in enumerate(shapes)}
        add("residuals of a T2I-Adapter, the middle too", {**values, **residuals})
        residuals.popitem()
        add("residuals of a T2I-Adapter", {**values, **residuals})
    write_golden(GOLDEN / "models" / "UNet2DConditionModel" / name, COMMAND, calls.cases, calls.tensors)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    with torch.no_grad():
        for wanted in sys.argv[1:] or CONFIGS:
            write(wanted, CONFIGS[wanted])
