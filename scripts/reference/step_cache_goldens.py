"""Golden of step caches: tests/golden/step_cache.json and .safetensors.

    $(sh scripts/reference/setup.sh) scripts/reference/step_cache_goldens.py

A tiny transformer of tests/fixtures is called at the steps of a run that hardly changes, twice a step as guidance does, with a
cache of diffusers: what it gives at each, for the caches to be held against.
"""

import torch
from diffusers import FirstBlockCacheConfig, FluxTransformer2DModel, SD3Transformer2DModel, TaylorSeerCacheConfig

from diffusers.hooks import apply_first_block_cache, apply_taylorseer_cache
from diffusers.hooks.hooks import CacheContext, _set_cache_context

from common import FIXTURES, GOLDEN, generator, write_golden
from transformer_goldens import image_ids

STEPS = 12
FLUX = FIXTURES / "models/FluxTransformer2DModel/dev"
SD3 = FIXTURES / "models/SD3Transformer2DModel/sd3"
SETTINGS = [
    ("flux, first block", FLUX, FirstBlockCacheConfig, {"threshold": 0.5}),
    ("flux, first block, other threshold", FLUX, FirstBlockCacheConfig, {"threshold": 0.65}),
    ("flux without single blocks, first block", FIXTURES / "models/FluxTransformer2DModel/double_only",
     FirstBlockCacheConfig, {"threshold": 0.7}),
    ("flux, TaylorSeer", FLUX, TaylorSeerCacheConfig, {}),
    ("flux, TaylorSeer of order 2", FLUX, TaylorSeerCacheConfig,
     {"cache_interval": 3, "max_order": 2, "disable_cache_before_step": 2, "disable_cache_after_step": 9,
      "taylor_factors_dtype": torch.float32}),
    ("flux, TaylorSeer of some attentions", FLUX, TaylorSeerCacheConfig,
     {"cache_interval": 4, "cache_identifiers": [r"single_transformer_blocks\.\d+\.attn"]}),
    ("flux, TaylorSeer lite", FLUX, TaylorSeerCacheConfig, {"cache_interval": 3, "use_lite_mode": True}),
    ("sd3, TaylorSeer", SD3, TaylorSeerCacheConfig, {"cache_interval": 3, "taylor_factors_dtype": torch.float32}),
]


def inputs(model, g: torch.Generator) -> tuple[torch.Tensor, dict, list[dict]]:
    config = model.config
    texts = [{"encoder_hidden_states": torch.randn(1, 5, config.joint_attention_dim, generator=g),
              "pooled_projections": torch.randn(1, config.pooled_projection_dim, generator=g)} for _ in range(2)]
    if isinstance(model, SD3Transformer2DModel):
        return torch.randn(1, config.in_channels, 8, 8, generator=g), {}, texts
    others = {"img_ids": image_ids(4, 4), "txt_ids": torch.zeros(5, 3)}
    if config.guidance_embeds:
        others["guidance"] = torch.tensor([3.5])
    return torch.randn(1, 16, config.in_channels, generator=g), others, texts


def run(name: str, folder, cache, options: dict, tensors: dict) -> dict:
    model = (SD3Transformer2DModel if folder == SD3 else FluxTransformer2DModel).from_pretrained(folder).eval()
    sample, others, texts = inputs(model, generator(7))
    # SD3Transformer2DModel has no enable_cache, but the hooks work on it
    {"FirstBlockCacheConfig": apply_first_block_cache, "TaylorSeerCacheConfig": apply_taylorseer_cache}[cache.__name__](
        model, cache(**options))
    scale = 1000 if folder == SD3 else 1
    tensors[f"{name}/sample"] = sample.clone()
    for i, text in enumerate(texts):
        tensors.update({f"{name}/{key}/{i}": value for key, value in text.items()})
    for step in range(STEPS):
        time = torch.tensor([scale * (1 - step / STEPS)])
        outputs = []
        for i, text in enumerate(texts):
            _set_cache_context(model, CacheContext(str(i)))
            with torch.no_grad():
                output = model(hidden_states=sample, timestep=time, **text, **others, return_dict=False)[0]
            tensors[f"{name}/output/{i}/{step}"] = output
            outputs.append(output)
        sample = sample - (outputs[0] + 0.5 * outputs[1]) / (8 * STEPS) * (1 if step % 4 else 3)
        tensors[f"{name}/sample/{step}"] = sample
    named = {key: str(value).split(".")[-1] if isinstance(value, torch.dtype) else value for key, value in options.items()}
    return {"name": name, "model": str(folder.relative_to(FIXTURES)), "cache": cache.__name__, "options": named,
            "steps": STEPS}


if __name__ == "__main__":
    tensors: dict[str, torch.Tensor] = {}
    cases = [run(*setting, tensors) for setting in SETTINGS]
    write_golden(GOLDEN / "step_cache", "scripts/reference/step_cache_goldens.py", cases, tensors)
