"""Writes diffusion transformers of tests/fixtures/models and what they give: tests/golden/models/CLASS/NAME.

    $(sh scripts/reference/setup.sh) scripts/reference/transformer_goldens.py [CLASS ...]

Each class has its configurations and a function that gives the inputs of its calls.
"""

import sys
import warnings

import torch
from diffusers import (
    ChromaTransformer2DModel,
    Flux2Transformer2DModel,
    Flux3Transformer2DModel,
    FluxControlNetModel,
    FluxTransformer2DModel,
    LongCatImageTransformer2DModel,
    OvisImageTransformer2DModel,
    QwenImageControlNetModel,
    QwenImageTransformer2DModel,
    SD3ControlNetModel,
    SD3Transformer2DModel,
    ZImageTransformer2DModel,
)

from common import FIXTURES, GOLDEN, generator, seed_of, write_golden
from model_goldens import Calls
from tiny_models import liven

COMMAND = "scripts/reference/transformer_goldens.py"

_FLUX = dict(in_channels=16, num_layers=2, num_single_layers=2, attention_head_dim=16, num_attention_heads=2,
             joint_attention_dim=12, pooled_projection_dim=8, axes_dims_rope=(4, 6, 6))
FLUX = {
    "schnell": _FLUX,
    "dev": {**_FLUX, "guidance_embeds": True, "axes_dims_rope": (8, 4, 4)},
    # FLUX.1 Fill: more channels in than out; single blocks only
    "fill": {**_FLUX, "in_channels": 24, "out_channels": 16, "num_layers": 1, "num_single_layers": 3, "guidance_embeds": True},
    "double_only": {**_FLUX, "num_single_layers": 0, "num_attention_heads": 1},
}


def image_ids(height: int, width: int, kind: int = 0) -> torch.Tensor:
    ids = torch.zeros(height, width, 3)
    ids[..., 0], ids[..., 1], ids[..., 2] = kind, torch.arange(height)[:, None], torch.arange(width)[None]
    return ids.reshape(-1, 3)


def flux_calls(config, g: torch.Generator, pooled: bool = True):
    def values(batch: int, ids: torch.Tensor, tokens: int, timestep) -> dict:
        return {
            "hidden_states": torch.randn(batch, len(ids), config.in_channels, generator=g),
            "encoder_hidden_states": torch.randn(batch, tokens, config.joint_attention_dim, generator=g),
            **({"pooled_projections": torch.randn(batch, config.pooled_projection_dim, generator=g)} if pooled else {}),
            "timestep": torch.tensor(timestep), "img_ids": ids, "txt_ids": torch.zeros(tokens, 3),
            **({"guidance": torch.tensor([3.5, 1.0][:batch])} if pooled and config.guidance_embeds else {}),
        }

    yield "two images", values(2, image_ids(4, 4), 5, [0.7, 0.7])
    yield "a rectangle, another time for each", values(2, image_ids(2, 6), 3, [1.0, 0.013])
    yield "a reference image behind it", values(1, torch.cat([image_ids(3, 3), image_ids(2, 4, 1)]), 4, [0.4])


_OVIS = {key: value for key, value in _FLUX.items() if key != "pooled_projection_dim"}
OVIS = {
    "plain": {**_OVIS, "out_channels": 16},
    # as many channels out as in where nothing says it, wider heads
    "wide": {**_OVIS, "in_channels": 8, "out_channels": None, "num_layers": 1, "num_single_layers": 3, "attention_head_dim": 32, "axes_dims_rope": (8, 12, 12)},
    "double_only": {**_OVIS, "out_channels": 24, "num_single_layers": 0, "num_attention_heads": 1},
}
LONGCAT = {
    "plain": _FLUX,
    "wide": {**_FLUX, "in_channels": 8, "num_layers": 1, "num_single_layers": 3, "attention_head_dim": 32, "axes_dims_rope": (8, 12, 12)},
    "single_only": {**_FLUX, "num_layers": 0, "num_attention_heads": 1},
}


def plain_flux_calls(config, g: torch.Generator):
    for name, values in flux_calls(config, g, pooled=False):
        ids = torch.arange(len(values["txt_ids"]), dtype=torch.float32)
        yield name, {**values, "txt_ids": torch.stack([torch.zeros_like(ids), ids, ids], 1)}


def flux_transformer_calls(config, g: torch.Generator):
    yield from flux_calls(config, g)
    name, values = next(flux_calls(config, g))
    width = config.num_attention_heads * config.attention_head_dim
    added = lambda: torch.randn(2, values["hidden_states"].shape[1], width, generator=g)  # noqa: E731
    yield "a residual of a ControlNet", {**values, "controlnet_block_samples.0": added()}
    if config.num_single_layers > 0:
        yield "residuals for each block", {
            **values, **{f"controlnet_block_samples.{i}": added() for i in range(config.num_layers)},
            **{f"controlnet_single_block_samples.{i}": added() for i in range(config.num_single_layers)}}
        yield "residuals in turn", {
            **values, **{f"controlnet_block_samples.{i}": added() for i in range(2)}, "controlnet_blocks_repeat": True}


_FLUX_CONTROL = {**_FLUX, "num_layers": 1, "num_single_layers": 1}
FLUX_CONTROL = {
    "canny": {**_FLUX_CONTROL, "guidance_embeds": True},
    "union": {**_FLUX_CONTROL, "num_mode": 3, "num_layers": 2},
    # XLabs: given pixels, double blocks only
    "pixels": {**_FLUX_CONTROL, "conditioning_embedding_channels": 4, "patch_size": 2, "num_single_layers": 0, "num_layers": 2},
}


def flux_control_calls(config, g: torch.Generator):
    pixels = config.conditioning_embedding_channels is not None
    for i, (label, values) in enumerate(flux_calls(config, g)):
        if i == 2 and pixels:
            continue
        batch, tokens, channels = values["hidden_states"].shape
        size = (64, 64) if i == 0 else (32, 96)  # of 4x4 and 2x6 tokens, a sixteenth of the pixels' sides
        shape = (batch, 3, *size) if pixels else (batch, tokens, channels)
        mode = {"controlnet_mode": torch.full((batch, 1), i)} if config.num_mode else {}
        yield label, {**values, "controlnet_cond": torch.randn(*shape, generator=g), "conditioning_scale": [1.0, 0.7, 0.0][i], **mode}


_CHROMA = {key: value for key, value in _FLUX.items() if key != "pooled_projection_dim"}
_CHROMA = {**_CHROMA, "approximator_num_channels": 16, "approximator_hidden_dim": 20, "approximator_layers": 3}
CHROMA = {
    "chroma": _CHROMA,
    # the numbers of the modulations reach as far as in the released model
    "deep": {**_CHROMA, "num_layers": 8, "num_single_layers": 20, "num_attention_heads": 1, "approximator_num_channels": 64,
             "approximator_layers": 1},
}


def chroma_calls(config, g: torch.Generator):
    for i, (label, values) in enumerate(flux_calls(config, g, pooled=False)):
        batch, tokens, _ = values["hidden_states"].shape
        text = values["encoder_hidden_states"].shape[1]
        kept = torch.arange(text)[None] <= torch.tensor([[text], [1]])[:batch]
        mask = {} if i == 2 else {"attention_mask": torch.cat([kept.float(), torch.ones(batch, tokens)], dim=1)}
        yield label, {**values, **mask}


_SD3 = dict(sample_size=8, in_channels=4, num_layers=3, attention_head_dim=8, num_attention_heads=2, joint_attention_dim=12,
            caption_projection_dim=16, pooled_projection_dim=10, out_channels=4, pos_embed_max_size=10)
SD3 = {
    "sd3": _SD3,
    # stabilityai/stable-diffusion-3.5-medium: normed, with a second attention in the first blocks
    "medium": {**_SD3, "qk_norm": "rms_norm", "dual_attention_layers": (0, 1)},
    "large": {**_SD3, "qk_norm": "rms_norm", "num_layers": 2, "out_channels": 6, "patch_size": 1},
}


def sd3_calls(config, g: torch.Generator):
    def values(batch: int, height: int, width: int, tokens: int, timestep, **more) -> dict:
        return {
            "hidden_states": torch.randn(batch, config.in_channels, height, width, generator=g),
            "encoder_hidden_states": torch.randn(batch, tokens, config.joint_attention_dim, generator=g),
            "pooled_projections": torch.randn(batch, config.pooled_projection_dim, generator=g),
            "timestep": torch.tensor(timestep), **more,
        }

    yield "two images", values(2, 8, 8, 5, [700.5, 700.5])
    yield "a rectangle, another time for each", values(2, 6, 10, 3, [1000.0, 13.0])
    yield "without a layer", values(1, 4, 4, 4, [400.0], skip_layers=[1])
    yield "without the last layer", values(1, 4, 8, 4, [250.0], skip_layers=[config.num_layers - 1])
    tokens, width = 16 * 4 // config.patch_size**2, config.num_attention_heads * config.attention_head_dim
    for count in (1, config.num_layers - 1):
        added = {f"block_controlnet_hidden_states.{i}": torch.randn(2, tokens, width, generator=g) for i in range(count)}
        yield f"{count} residuals of a ControlNet", values(2, 8, 8, 5, [700.5, 700.5], **added)


_SD3_CONTROL = dict(in_channels=16, num_layers=1, attention_head_dim=8, num_attention_heads=2, joint_attention_dim=36, caption_projection_dim=16,
                    pooled_projection_dim=24, pos_embed_max_size=16)
SD3_CONTROL = {
    "sd3": _SD3_CONTROL,
    "deep": {**_SD3_CONTROL, "num_layers": 2, "qk_norm": "rms_norm", "dual_attention_layers": (0,), "pos_embed_type": None},
    "pooled": {**_SD3_CONTROL, "force_zeros_for_pooled_projection": False},
    # stabilityai/stable-diffusion-3.5-large-controlnet-*: of the image alone, in the transformer's tokens
    "large": {**_SD3_CONTROL, "num_layers": 2, "joint_attention_dim": None, "use_pos_embed": False, "force_zeros_for_pooled_projection": False},
    # alimama-creative/SD3-Controlnet-Inpainting
    "inpaint": {**_SD3_CONTROL, "extra_conditioning_channels": 1},
}


def sd3_control_calls(config, g: torch.Generator):
    width = config.num_attention_heads * config.attention_head_dim
    for label, batch, height, rows, timestep, scale in (
        ("two images", 2, 8, 8, [700.5, 700.5], 1.0), ("a rectangle, another time for each, less of it", 2, 6, 10, [1000.0, 13.0], 0.4)):
        latents = (config.in_channels, height, rows) if config.use_pos_embed else (height * rows // 4, width)
        text = {} if config.joint_attention_dim is None else {
            "encoder_hidden_states": torch.randn(batch, 5, config.joint_attention_dim, generator=g)}
        yield label, {
            "hidden_states": torch.randn(batch, *latents, generator=g), **text,
            "controlnet_cond": torch.randn(batch, config.in_channels + config.extra_conditioning_channels, height, rows, generator=g),
            "pooled_projections": torch.randn(batch, config.pooled_projection_dim, generator=g),
            "timestep": torch.tensor(timestep), "conditioning_scale": scale}


_Z_IMAGE = dict(in_channels=4, dim=48, n_layers=2, n_refiner_layers=1, n_heads=3, n_kv_heads=3, cap_feat_dim=12,
                axes_dims=(4, 6, 6), axes_lens=(128, 32, 32))
Z_IMAGE = {
    "turbo": _Z_IMAGE,
    "plain": {**_Z_IMAGE, "n_layers": 1, "n_refiner_layers": 2, "qk_norm": False, "norm_eps": 1e-2, "t_scale": 500.0, "rope_theta": 10000.0},
    # wider than the 256 channels that the time has at most
    "wide": {**_Z_IMAGE, "dim": 288, "n_heads": 4, "n_layers": 1, "axes_dims": (32, 16, 24), "in_channels": 2},
    "no_refiners": {**_Z_IMAGE, "n_refiner_layers": 0},
}


def z_image_calls(config, g: torch.Generator):
    def values(size: tuple, lengths: list, timestep: list) -> dict:
        latents = torch.randn(len(lengths), config.in_channels, *size, generator=g)
        texts = {f"cap_feats.{i}": torch.randn(n, config.cap_feat_dim, generator=g) for i, n in enumerate(lengths)}
        return {"hidden_states": latents, "timestep": torch.tensor(timestep), **texts}

    yield "two images", values((8, 8), [5, 5], [0.3, 0.3])
    yield "texts of other lengths, another time for each", values((4, 12), [3, 40, 32, 3], [0.0, 0.987, 0.5, 0.1])
    yield "rows that need no padding", values((8, 16), [32], [0.6])
    yield "one token", values((2, 2), [1], [0.4])


def outputs_of(model, values: dict) -> dict:
    if isinstance(model, (QwenImageTransformer2DModel, QwenImageControlNetModel)):
        return qwen_outputs(model, values)
    if isinstance(model, ZImageTransformer2DModel):
        return {"sample": z_image_sample(model, values)}
    lists = {}
    for name in [name for name in values if "." in name]:
        lists.setdefault(name.split(".")[0], []).append(values[name])
    output = model(**{name: value for name, value in values.items() if "." not in name}, **lists)
    if "sample" in output:
        return {"sample": output.sample}
    return {f"{name}.{i}": sample for name, samples in output.items() for i, sample in enumerate(samples or [])}


def z_image_sample(model, values: dict) -> torch.Tensor:
    texts = [text for name, text in values.items() if name.startswith("cap_feats.")]
    latents = list(values["hidden_states"].unsqueeze(2).unbind(0))
    return torch.stack(model(latents, values["timestep"], texts).sample).squeeze(2)


def qwen_outputs(model, values: dict) -> dict:
    """Texts in one tensor with a mask, as the pipelines pass them."""
    texts = [text for name, text in values.items() if name.startswith("texts.")]
    rows, longest = len(texts), max(len(text) for text in texts)
    padded = torch.stack([torch.cat([text, text.new_zeros(longest - len(text), text.shape[1])]) for text in texts])
    mask = torch.stack([(torch.arange(longest) < len(text)).long() for text in texts])
    shapes = [[tuple(shape) for shape in values["img_shapes"]]] * rows
    if isinstance(model, QwenImageControlNetModel):
        output = model(values["hidden_states"], values["controlnet_cond"], values["conditioning_scale"], padded, mask, values["timestep"], shapes)
        return {f"controlnet_block_samples.{i}": sample for i, sample in enumerate(output.controlnet_block_samples)}
    more = {"additional_t_cond": torch.tensor([values.get("additional_t_cond", 0)] * rows)} if model.config.use_additional_t_cond else {}
    added = [values[name] for name in values if name.startswith("controlnet_block_samples.")]
    return {"sample": model(values["hidden_states"], padded, mask, values["timestep"], shapes, controlnet_block_samples=added or None, **more).sample}


_QWEN = dict(patch_size=2, in_channels=16, out_channels=4, num_layers=2, attention_head_dim=16, num_attention_heads=2,
             joint_attention_dim=12, axes_dims_rope=(4, 6, 6))
QWEN = {
    "qwen": _QWEN,
    # Qwen-Image-Edit-2511: reference images stay at time 0
    "still": {**_QWEN, "zero_cond_t": True, "axes_dims_rope": (8, 4, 4)},
    "layered": {**_QWEN, "use_additional_t_cond": True, "use_layer3d_rope": True, "out_channels": None, "patch_size": 1, "num_layers": 1},
}


def qwen_calls(config, g: torch.Generator):
    def values(shapes: list, lengths: list, timestep: list, **more) -> dict:
        tokens = sum(a * b * c for a, b, c in shapes)
        texts = {f"texts.{i}": torch.randn(n, config.joint_attention_dim, generator=g) for i, n in enumerate(lengths)}
        return {"hidden_states": torch.randn(len(lengths), tokens, config.in_channels, generator=g), "img_shapes": shapes,
                "timestep": torch.tensor(timestep), **texts, **more}

    layers = {"additional_t_cond": 1} if config.use_additional_t_cond else {}
    yield "two images", values([[1, 4, 4]], [5, 5], [0.7, 0.7])
    yield "texts of other lengths, another time for each", values([[1, 3, 5]], [3, 7, 3], [1.0, 0.013, 0.5])
    yield "two reference images behind it", values([[1, 3, 3], [1, 2, 4], [1, 5, 2]], [4], [0.4], **layers)
    if not config.use_additional_t_cond:
        width = config.num_attention_heads * config.attention_head_dim
        added = {f"controlnet_block_samples.{i}": torch.randn(3, 15, width, generator=g) for i in range(config.num_layers - 1)}
        yield "residuals of a ControlNet", values([[1, 3, 5]], [3, 7, 3], [0.7, 0.7, 0.7], **added)


_QWEN_CONTROL = dict(patch_size=2, in_channels=16, out_channels=4, num_layers=1, attention_head_dim=16, num_attention_heads=2,
                     joint_attention_dim=16, axes_dims_rope=(4, 6, 6))
QWEN_CONTROL = {
    "union": {**_QWEN_CONTROL, "num_layers": 2},
    # InstantX/Qwen-Image-ControlNet-Inpainting
    "inpaint": {**_QWEN_CONTROL, "extra_condition_channels": 4},
}


def qwen_control_calls(config, g: torch.Generator):
    for label, shape, lengths, timestep, scale in (
        ("two images", [1, 4, 4], [5, 5], [0.7, 0.7], 1.0),
        ("texts of other lengths, another time for each", [1, 3, 5], [3, 7, 3], [1.0, 0.013, 0.5], 0.4)):
        rows, tokens = len(lengths), shape[1] * shape[2]
        texts = {f"texts.{i}": torch.randn(n, config.joint_attention_dim, generator=g) for i, n in enumerate(lengths)}
        cond = torch.randn(rows, tokens, config.in_channels + config.extra_condition_channels, generator=g)
        yield label, {"hidden_states": torch.randn(rows, tokens, config.in_channels, generator=g), "img_shapes": [shape], "controlnet_cond": cond,
                      "timestep": torch.tensor(timestep), "conditioning_scale": scale, **texts}


_FLUX2 = dict(in_channels=16, num_layers=2, num_single_layers=2, attention_head_dim=16, num_attention_heads=2, joint_attention_dim=12,
              axes_dims_rope=(4, 4, 4, 4), guidance_embeds=False)
FLUX2 = {
    "klein": _FLUX2,
    "dev": {**_FLUX2, "guidance_embeds": True, "axes_dims_rope": (2, 6, 6, 2), "mlp_ratio": 2.5, "eps": 1e-4, "rope_theta": 500},
    "narrow": {**_FLUX2, "out_channels": 8, "num_layers": 1, "num_single_layers": 3, "num_attention_heads": 1, "timestep_guidance_channels": 32},
}


def flux2_ids(*images: tuple) -> torch.Tensor:
    return torch.cat([torch.cartesian_prod(torch.tensor([t]), torch.arange(h), torch.arange(w), torch.tensor([0])) for t, h, w in images]).float()


def flux2_calls(config, g: torch.Generator):
    def values(batch: int, ids: torch.Tensor, tokens: int, timestep) -> dict:
        text = torch.zeros(tokens, 4)
        text[:, 3] = torch.arange(tokens)
        return {
            "hidden_states": torch.randn(batch, len(ids), config.in_channels, generator=g),
            "encoder_hidden_states": torch.randn(batch, tokens, config.joint_attention_dim, generator=g),
            "timestep": torch.tensor(timestep), "img_ids": ids, "txt_ids": text,
            **({"guidance": torch.tensor([4.0, 1.0][:batch])} if config.guidance_embeds else {}),
        }

    yield "two images", values(2, flux2_ids((0, 4, 4)), 5, [0.7, 0.7])
    yield "a rectangle, another time for each", values(2, flux2_ids((0, 2, 6)), 3, [1.0, 0.013])
    yield "two reference images behind it", values(1, flux2_ids((0, 3, 3), (10, 2, 4), (20, 4, 1)), 4, [0.4])


_FLUX3 = dict(in_channels=16, cond_in_channels=16, num_layers=2, num_single_layers=2, attention_head_dim=16, num_attention_heads=2,
              joint_attention_dim=12, axes_dims_rope=(4, 4, 4, 4))
FLUX3 = {
    "base": _FLUX3,
    "distilled": {**_FLUX3, "flow_map": True, "axes_dims_rope": (2, 6, 6, 2), "mlp_ratio": 2.5, "eps": 1e-4, "rope_theta": 500},
    "narrow": {**_FLUX3, "cond_in_channels": 8, "num_layers": 1, "num_single_layers": 3, "num_attention_heads": 1, "timestep_channels": 32},
}


def flux3_ids(*images: tuple) -> torch.Tensor:
    """Coordinates (0, row, column, image) as the pipelines scale them."""
    ids = torch.cat([torch.cartesian_prod(torch.tensor([0]), torch.arange(h), torch.arange(w), torch.tensor([l])) for l, h, w in images]).float()
    ids[:, 1:3] *= 0.5
    return ids


def flux3_calls(config, g: torch.Generator):
    def values(batch: int, size: tuple, tokens: int, timestep: list, references: tuple = ()) -> dict:
        text = torch.zeros(tokens, 4)
        text[:, 3] = torch.arange(tokens)
        ids, cond = flux3_ids((0, *size)), flux3_ids(*references) if references else None
        return {
            "hidden_states": torch.randn(batch, len(ids), config.in_channels, generator=g),
            "encoder_hidden_states": torch.randn(batch, tokens, config.joint_attention_dim, generator=g),
            "timestep": torch.tensor(timestep), "img_ids": ids, "txt_ids": text,
            **({"image_cond_hidden_states": torch.randn(batch, len(cond), config.cond_in_channels, generator=g), "image_cond_ids": cond}
               if references else {}),
            **({"target_timestep": torch.tensor([0.4, 0.0][:batch])} if config.flow_map else {}),
        }

    yield "two images", values(2, (4, 4), 5, [0.7, 0.7])
    yield "a rectangle, another time for each", values(2, (2, 6), 3, [1.0, 0.013])
    yield "two reference images", values(1, (3, 3), 4, [0.4], ((-1, 2, 4), (-2, 4, 1)))
    yield "a reference image for each of two", values(2, (2, 3), 4, [0.9, 0.2], ((-1, 3, 2),))


CLASSES = {
    "FluxTransformer2DModel": (FluxTransformer2DModel, FLUX, flux_transformer_calls),
    "OvisImageTransformer2DModel": (OvisImageTransformer2DModel, OVIS, plain_flux_calls),
    "LongCatImageTransformer2DModel": (LongCatImageTransformer2DModel, LONGCAT, plain_flux_calls),
    "ChromaTransformer2DModel": (ChromaTransformer2DModel, CHROMA, chroma_calls),
    "FluxControlNetModel": (FluxControlNetModel, FLUX_CONTROL, flux_control_calls),
    "ZImageTransformer2DModel": (ZImageTransformer2DModel, Z_IMAGE, z_image_calls),
    "QwenImageTransformer2DModel": (QwenImageTransformer2DModel, QWEN, qwen_calls),
    "QwenImageControlNetModel": (QwenImageControlNetModel, QWEN_CONTROL, qwen_control_calls),
    "Flux2Transformer2DModel": (Flux2Transformer2DModel, FLUX2, flux2_calls),
    "Flux3Transformer2DModel": (Flux3Transformer2DModel, FLUX3, flux3_calls),
    "SD3Transformer2DModel": (SD3Transformer2DModel, SD3, sd3_calls),
    "SD3ControlNetModel": (SD3ControlNetModel, SD3_CONTROL, sd3_control_calls),
}

if __name__ == "__main__":
    warnings.simplefilter("ignore")
    with torch.no_grad():
        for class_name in sys.argv[1:] or CLASSES:
            cls, configs, calls_of = CLASSES[class_name]
            for name, config in configs.items():
                model = liven(cls(**config), seed_of(f"{class_name}/{name}")).eval()
                model.save_pretrained(FIXTURES / "models" / class_name / name)
                calls = Calls()
                for label, values in calls_of(model.config, generator(seed_of(name))):
                    calls.add(label, values, outputs_of(model, values))
                if name == next(iter(configs)):  # weights as diffusers holds them in 16 bits, computed with in 32
                    kept = model._keep_in_fp32_modules or []
                    model.load_state_dict({key: value if any(part in key.split(".") for part in kept) else value.to(torch.bfloat16).float()
                                           for key, value in model.state_dict().items()})
                    label, values = next(calls_of(model.config, generator(seed_of(name))))
                    calls.add(f"{label}, in bfloat16", values, outputs_of(model, values), dtype="bfloat16")
                write_golden(GOLDEN / "models" / class_name / name, COMMAND, calls.cases, calls.tensors)
