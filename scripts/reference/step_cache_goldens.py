"""Golden of step caches: tests/golden/step_cache.json and .safetensors.

    $(sh scripts/reference/setup.sh) scripts/reference/step_cache_goldens.py

A tiny transformer of tests/fixtures is called at the steps of a run that hardly changes, twice a step as guidance does, with a
cache of diffusers: what it gives at all of them, for the caches to be held against.
"""

import contextlib
import io
import json
import re

import torch
from diffusers import (
    FasterCacheConfig,
    FirstBlockCacheConfig,
    Flux2Transformer2DModel,
    FluxTransformer2DModel,
    MagCacheConfig,
    PixArtTransformer2DModel,
    PyramidAttentionBroadcastConfig,
    QwenImageTransformer2DModel,
    SD3Transformer2DModel,
    TaylorSeerCacheConfig,
)

from diffusers.hooks import (
    apply_faster_cache,
    apply_first_block_cache,
    apply_mag_cache,
    apply_pyramid_attention_broadcast,
    apply_taylorseer_cache,
)
from diffusers.hooks.mag_cache import FLUX_MAG_RATIOS
from diffusers.hooks.hooks import CacheContext, _set_cache_context

from common import FIXTURES, GOLDEN, generator, write_golden
from transformer_goldens import image_ids

STEPS = 12
FLUX = FIXTURES / "models/FluxTransformer2DModel/dev"
SD3 = FIXTURES / "models/SD3Transformer2DModel/sd3"
SD35 = FIXTURES / "models/SD3Transformer2DModel/medium"
PIXART = FIXTURES / "models/PixArtTransformer2DModel/sigma"
QWEN = FIXTURES / "models/QwenImageTransformer2DModel/qwen"
FLUX2 = FIXTURES / "models/Flux2Transformer2DModel/klein"
FAST, BROADCAST = FasterCacheConfig, PyramidAttentionBroadcastConfig
HOOKS = {FirstBlockCacheConfig: apply_first_block_cache, TaylorSeerCacheConfig: apply_taylorseer_cache,
         MagCacheConfig: apply_mag_cache, FAST: apply_faster_cache, BROADCAST: apply_pyramid_attention_broadcast}
# the hooks of these keep one state for all calls, whichever branch of guidance: theirs are of one
WITHOUT_CONTEXTS = (FAST, BROADCAST)
MAG_RATIOS = [1.0, 1.05, 1.02, 0.99, 1.01, 0.97, 0.98, 1.0, 0.95, 0.96]
SETTINGS = [
    ("flux, first block", FLUX, FirstBlockCacheConfig, {"threshold": 0.5}),
    ("flux, first block, other threshold", FLUX, FirstBlockCacheConfig, {"threshold": 0.65}),
    ("flux without single blocks, first block", FIXTURES / "models/FluxTransformer2DModel/double_only",
     FirstBlockCacheConfig, {"threshold": 0.7}),
    ("qwen, first block", QWEN, FirstBlockCacheConfig, {"threshold": 0.5}),
    ("flux, TaylorSeer", FLUX, TaylorSeerCacheConfig, {}),
    ("flux, TaylorSeer of order 2", FLUX, TaylorSeerCacheConfig,
     {"cache_interval": 3, "max_order": 2, "disable_cache_before_step": 2, "disable_cache_after_step": 9,
      "taylor_factors_dtype": torch.float32}),
    ("flux, TaylorSeer of some attentions", FLUX, TaylorSeerCacheConfig,
     {"cache_interval": 4, "cache_identifiers": [r"single_transformer_blocks\.\d+\.attn"]}),
    ("flux, TaylorSeer lite", FLUX, TaylorSeerCacheConfig, {"cache_interval": 3, "use_lite_mode": True}),
    ("sd3, TaylorSeer", SD3, TaylorSeerCacheConfig, {"cache_interval": 3, "taylor_factors_dtype": torch.float32}),
    ("flux, magnitudes", FLUX, MagCacheConfig, {"num_inference_steps": STEPS, "mag_ratios": FLUX_MAG_RATIOS.tolist()}),
    # a run of 5 steps, again and again
    ("flux, magnitudes of few steps", FLUX, MagCacheConfig,
     {"num_inference_steps": 5, "mag_ratios": [1.0, 0.98, 0.99], "max_skip_steps": 1, "threshold": 0.04,
      "retention_ratio": 0.3}),
    ("flux without single blocks, magnitudes", FIXTURES / "models/FluxTransformer2DModel/double_only", MagCacheConfig,
     {"num_inference_steps": STEPS, "mag_ratios": MAG_RATIOS, "threshold": 0.2, "max_skip_steps": 5}),
    ("flux2, magnitudes", FLUX2, MagCacheConfig, {"num_inference_steps": STEPS, "mag_ratios": MAG_RATIOS}),
    ("qwen, magnitudes", QWEN, MagCacheConfig, {"num_inference_steps": STEPS, "mag_ratios": MAG_RATIOS}),
    ("sd3, magnitudes", SD3, MagCacheConfig, {"num_inference_steps": STEPS, "mag_ratios": MAG_RATIOS, "threshold": 0.1}),
    ("flux, magnitudes measured", FLUX, MagCacheConfig, {"num_inference_steps": STEPS, "calibrate": True}),
    ("pixart, magnitudes", PIXART, MagCacheConfig, {"num_inference_steps": STEPS, "mag_ratios": MAG_RATIOS}),
    ("pixart, first block", PIXART, FirstBlockCacheConfig, {"threshold": 0.5}),
    ("flux, broadcast", FLUX, BROADCAST, {}),
    ("flux, broadcast of single blocks", FLUX, BROADCAST,
     {"spatial_attention_block_skip_range": 3, "spatial_attention_timestep_skip_range": (300, 900),
      "spatial_attention_block_identifiers": ["^single_transformer_blocks"]}),
    ("flux2, broadcast", FLUX2, BROADCAST, {"spatial_attention_block_skip_range": 3}),
    ("qwen, broadcast", QWEN, BROADCAST, {"spatial_attention_timestep_skip_range": (0, 700)}),
    ("sd3.5, broadcast", SD35, BROADCAST, {"spatial_attention_block_skip_range": 4}),
    ("pixart, broadcast of both kinds", PIXART, BROADCAST,
     {"spatial_attention_block_skip_range": 2, "cross_attention_block_skip_range": 3,
      "cross_attention_timestep_skip_range": (50, 950)}),
    ("pixart, broadcast of the text", PIXART, BROADCAST, {"cross_attention_block_skip_range": 4}),
    # none of its calls may be skipped before there is one, which the hook does not look for
    ("flux, faster", FLUX, FAST, {"is_guidance_distilled": True}),
    ("flux, faster in single blocks", FLUX, FAST,
     {"is_guidance_distilled": True, "spatial_attention_block_skip_range": 3,
      "spatial_attention_timestep_skip_range": (200, 950),
      "spatial_attention_block_identifiers": ["single"]}),
    ("pixart, faster", PIXART, FAST, {"tensor_format": "BCHW"}),
    ("pixart, faster, other weights", PIXART, FAST,
     {"tensor_format": "BCHW", "unconditional_batch_skip_range": 4, "alpha_low_frequency": 1.3,
      "alpha_high_frequency": 0.8, "unconditional_batch_timestep_skip_range": (100, 900),
      "low_frequency_weight_update_timestep_range": (200, 600), "spatial_attention_block_skip_range": 3,
      "high_frequency_weight_update_timestep_range": (-1, 700)}),
    ("sd3, faster", SD3, FAST, {"tensor_format": "BCHW"}),
]


def inputs(model, g: torch.Generator, rows: int, branches: int) -> tuple[torch.Tensor, dict, list[dict]]:
    config = model.config

    def text(width: int, more: dict[str, int] = {}) -> list[dict]:
        return [{"encoder_hidden_states": torch.randn(rows, 5, width, generator=g),
                 **{key: torch.randn(rows, size, generator=g) for key, size in more.items()}}
                for _ in range(branches)]

    if isinstance(model, SD3Transformer2DModel):
        texts = text(config.joint_attention_dim, {"pooled_projections": config.pooled_projection_dim})
        return torch.randn(rows, config.in_channels, 8, 8, generator=g), {}, texts
    if isinstance(model, PixArtTransformer2DModel):
        texts = text(config.caption_channels)
        others = {"added_cond_kwargs": {"resolution": None, "aspect_ratio": None}}
        return torch.randn(rows, config.in_channels, 8, 8, generator=g), others, texts
    sample = torch.randn(rows, 16, config.in_channels, generator=g)
    if isinstance(model, QwenImageTransformer2DModel):
        return sample, {"img_shapes": [[(1, 4, 4)]] * rows}, text(config.joint_attention_dim)
    if isinstance(model, Flux2Transformer2DModel):
        places = torch.zeros(16, 4)
        places[:, 1:3] = image_ids(4, 4)[:, 1:3]
        words = torch.zeros(5, 4)
        words[:, 3] = torch.arange(5)
        return sample, {"img_ids": places, "txt_ids": words}, text(config.joint_attention_dim)
    texts = text(config.joint_attention_dim, {"pooled_projections": config.pooled_projection_dim})
    others = {"img_ids": image_ids(4, 4), "txt_ids": torch.zeros(5, 3)}
    if config.guidance_embeds:
        others["guidance"] = torch.tensor([3.5])
    return sample, others, texts


def run(name: str, folder, cache, options: dict, tensors: dict) -> dict:
    classes = {kind.__name__: kind for kind in (FluxTransformer2DModel, Flux2Transformer2DModel, SD3Transformer2DModel,
                                                PixArtTransformer2DModel, QwenImageTransformer2DModel)}
    is_guided = cache is FAST and not options.get("is_guidance_distilled")
    now = [0.0]
    more = {"current_timestep_callback": lambda: now[0]} if cache in WITHOUT_CONTEXTS else {}
    if is_guided:
        more["_unconditional_conditional_input_kwargs_identifiers"] = [
            "hidden_states", "encoder_hidden_states", "timestep", "pooled_projections"]

    def load():
        model = classes[folder.parent.name].from_pretrained(folder).eval()
        # SD3Transformer2DModel and PixArtTransformer2DModel have no enable_cache, but the hooks work on them
        HOOKS[cache](model, cache(**options, **more))
        return model

    model = load()
    sample, others, texts = inputs(model, generator(7), 2 if is_guided else 1, 1 if cache in WITHOUT_CONTEXTS else 2)
    is_share = folder.parent.name in ("FluxTransformer2DModel", "Flux2Transformer2DModel", "QwenImageTransformer2DModel")
    tensors[f"{name}/sample"] = sample.clone()
    for i, text in enumerate(texts):
        tensors.update({f"{name}/{key}/{i}": value for key, value in text.items()})
    said = io.StringIO()
    made = [[] for _ in texts]
    for step in range(STEPS):
        # not where a range ends
        now[0] = 1000 * (1 - step / STEPS) - 3
        time = torch.full((len(sample),), now[0] / 1000 if is_share else now[0])
        outputs = []
        for i, text in enumerate(texts):
            if cache not in WITHOUT_CONTEXTS:
                _set_cache_context(model, CacheContext(str(i)))
            with torch.no_grad(), contextlib.redirect_stdout(said):
                output = model(hidden_states=sample, timestep=time, **text, **others, return_dict=False)[0]
            made[i].append(output)
            outputs.append(output)
        change = outputs[0] + 0.5 * outputs[1] if len(outputs) == 2 else outputs[0]
        # PixArt's second half tells a variance
        sample = sample - change[:, :sample.shape[1]] / (8 * STEPS) * (1 if step % 4 else 3)
    tensors.update({f"{name}/output/{i}": torch.stack(outputs) for i, outputs in enumerate(made)})
    measured = [json.loads(line) for line in re.findall(r"^\[[\d.].*\]$", said.getvalue(), re.MULTILINE)]
    named = {key: str(value).split(".")[-1] if isinstance(value, torch.dtype) else value for key, value in options.items()}
    return {"name": name, "model": str(folder.relative_to(FIXTURES)), "cache": cache.__name__, "options": named,
            "steps": STEPS, **({"measured": measured} if measured else {})}


if __name__ == "__main__":
    tensors: dict[str, torch.Tensor] = {}
    cases = [run(*setting, tensors) for setting in SETTINGS]
    write_golden(GOLDEN / "step_cache", "scripts/reference/step_cache_goldens.py", cases, tensors, results="/output/")
