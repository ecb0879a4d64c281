"""Writes transformers of PixArt and its kin, and what they give: tests/fixtures/models, tests/golden/models/CLASS/NAME.

    $(sh scripts/reference/setup.sh) scripts/reference/dit_goldens.py [CLASS ...]

Each class has its configurations, a function that gives the inputs of its calls and one that makes them.
"""

import sys
import warnings

import torch
from diffusers import AuraFlowTransformer2DModel, AutoencoderDC, DiTTransformer2DModel, ErnieImageTransformer2DModel, Krea2Transformer2DModel, Lumina2Transformer2DModel, PixArtTransformer2DModel, QwenImage21Transformer2DModel, SanaTransformer2DModel

from common import FIXTURES, GOLDEN, generator, seed_of, write_golden
from model_goldens import Calls
from tiny_models import liven

COMMAND = "scripts/reference/dit_goldens.py"

_PIXART = dict(sample_size=8, num_layers=2, num_attention_heads=3, attention_head_dim=8, cross_attention_dim=24, caption_channels=12)
PIXART = {
    "sigma": _PIXART,
    # PixArt-alpha/PixArt-XL-2-1024-MS: given the resolution; positions of a large grid
    "alpha": {**_PIXART, "sample_size": 128},
    "plain": {**_PIXART, "caption_channels": None, "out_channels": None, "attention_bias": False, "interpolation_scale": 2.5,
              "norm_eps": 1e-3, "in_channels": 3, "patch_size": 1, "activation_fn": "geglu"},
    "no_text": {**_PIXART, "cross_attention_dim": None, "use_additional_conditions": True, "num_layers": 1},
}


def pixart_calls(config, g: torch.Generator):
    conditioned = config.sample_size == 128 if config.use_additional_conditions is None else config.use_additional_conditions

    def values(batch: int, height: int, width: int, tokens: int, timestep, **more) -> dict:
        return {
            "hidden_states": torch.randn(batch, config.in_channels, height, width, generator=g),
            "encoder_hidden_states": torch.randn(batch, tokens, config.caption_channels or config.cross_attention_dim, generator=g),
            "timestep": torch.tensor(timestep), **more,
            **(dict(resolution=torch.tensor([[8.0 * height, 8.0 * width]] * batch), aspect_ratio=torch.tensor([[height / width]] * batch))
               if conditioned else {}),
        }

    yield "two images", values(2, 8, 8, 5, [700, 700])
    yield "a rectangle, another time for each", values(2, 6, 10, 4, [999.0, 13.5],
                                                       encoder_attention_mask=torch.tensor([[1, 1, 0, 0], [1, 1, 1, 1]]))
    yield "a small one", values(1, 2, 4, 3, [400], encoder_attention_mask=torch.tensor([[1, 0, 0]]))


def pixart(model, values: dict) -> dict:
    added = {name: values[name] for name in ("resolution", "aspect_ratio") if name in values}
    plain = {name: value for name, value in values.items() if name not in added}
    return {"sample": model(**plain, added_cond_kwargs=added or {"resolution": None, "aspect_ratio": None}).sample}


_SANA = dict(in_channels=4, out_channels=4, num_attention_heads=2, attention_head_dim=8, num_layers=2, num_cross_attention_heads=4,
             cross_attention_head_dim=4, cross_attention_dim=16, caption_channels=12, sample_size=8)
SANA = {
    "sana": _SANA,
    # Sana-Sprint: queries and keys normalized, the guidance scale an input
    "sprint": {**_SANA, "qk_norm": "rms_norm_across_heads", "guidance_embeds": True, "attention_bias": True},
    "positions": {**_SANA, "interpolation_scale": 2, "patch_size": 2, "norm_elementwise_affine": True, "out_channels": None,
                  "mlp_ratio": 3.0, "num_layers": 1, "norm_eps": 1e-3},
}


def sana_calls(config, g: torch.Generator):
    def values(batch: int, height: int, width: int, tokens: int, timestep, **more) -> dict:
        return {
            "hidden_states": torch.randn(batch, config.in_channels, height, width, generator=g),
            "encoder_hidden_states": torch.randn(batch, tokens, config.caption_channels, generator=g),
            "timestep": torch.tensor(timestep), **more,
            **(dict(guidance=torch.tensor([0.45, 0.2][:batch])) if config.guidance_embeds else {}),
        }

    yield "two images", values(2, 8, 8, 5, [700.0, 700.0])
    yield "a rectangle, another time for each", values(2, 4, 10, 4, [999.0, 0.7],
                                                       encoder_attention_mask=torch.tensor([[1, 1, 0, 0], [1, 1, 1, 1]]))
    yield "a small one", values(1, 2, 2, 3, [0.4], encoder_attention_mask=torch.tensor([[1, 0, 0]]))


def plain(model, values: dict) -> dict:
    return {"sample": model(**values).sample}


_DC = dict(latent_channels=4, attention_head_dim=4, encoder_block_types=("ResBlock", "ResBlock", "EfficientViTBlock"),
           decoder_block_types=("ResBlock", "ResBlock", "EfficientViTBlock"), encoder_block_out_channels=(4, 8, 16),
           decoder_block_out_channels=(4, 8, 16), encoder_layers_per_block=(1, 1, 2), decoder_layers_per_block=(2, 1, 1),
           encoder_qkv_multiscales=((), (), (5,)), decoder_qkv_multiscales=((), (), (5,)), scaling_factor=0.41407)
DC = {
    "sana": {**_DC, "upsample_block_type": "interpolate"},
    # mit-han-lab/dc-ae-f32c32-in-1.0: no blocks in the first level, pixels moved into channels
    "no_first": {**_DC, "encoder_layers_per_block": (0, 1, 1), "decoder_layers_per_block": (0, 2, 1), "decoder_act_fns": ("relu", "silu", "gelu")},
    "scales": {**_DC, "encoder_qkv_multiscales": ((), (), ()), "decoder_qkv_multiscales": ((), (3,), (3, 5)), "downsample_block_type": "conv",
               "decoder_block_types": ("ResBlock", "EfficientViTBlock", "EfficientViTBlock"), "encoder_out_shortcut": False,
               "decoder_in_shortcut": False, "decoder_conv_act_fn": "silu", "latent_channels": 8},
}


def dc_calls(config, g: torch.Generator):
    yield "two images", {"sample": torch.randn(2, 3, 16, 16, generator=g), "z": torch.randn(2, config.latent_channels, 4, 4, generator=g)}
    yield "a rectangle", {"sample": torch.randn(1, 3, 8, 24, generator=g), "z": torch.randn(1, config.latent_channels, 2, 6, generator=g)}
    yield "few pixels", {"sample": torch.randn(1, 3, 4, 4, generator=g), "z": torch.randn(1, config.latent_channels, 1, 1, generator=g)}


def both_ways(model, values: dict) -> dict:
    return {"latents": model.encode(values["sample"]).latent, "sample": model.decode(values["z"]).sample}


_DIT = dict(sample_size=8, num_layers=2, num_attention_heads=2, attention_head_dim=8, num_embeds_ada_norm=11)
DIT = {
    "dit": {**_DIT, "out_channels": 8},
    "plain": {**_DIT, "attention_bias": False, "patch_size": 1, "norm_eps": 1e-3, "activation_fn": "geglu", "num_layers": 1, "in_channels": 3},
}


def dit_calls(config, g: torch.Generator):
    def values(batch: int, side: int, timestep, labels) -> dict:
        return {"hidden_states": torch.randn(batch, config.in_channels, side, side, generator=g),
                "timestep": torch.tensor(timestep), "class_labels": torch.tensor(labels)}

    yield "two images", values(2, 8, [700, 700], [3, 11])
    yield "a small one", values(1, 4, [13], [0])


_LUMINA = dict(sample_size=8, in_channels=4, hidden_size=24, num_layers=2, num_refiner_layers=1, num_attention_heads=4, num_kv_heads=2,
               multiple_of=16, axes_dim_rope=(2, 2, 2), axes_lens=(300, 16, 16), cap_feat_dim=12)
LUMINA = {
    "lumina": _LUMINA,
    "plain": {**_LUMINA, "num_kv_heads": 4, "out_channels": 6, "norm_eps": 1e-2, "ffn_dim_multiplier": 0.7, "num_refiner_layers": 2,
              "num_layers": 1, "patch_size": 1, "axes_dim_rope": (4, 4, 4), "hidden_size": 48},
}


def lumina_calls(config, g: torch.Generator):
    def values(batch: int, height: int, width: int, tokens: int, timestep, mask) -> dict:
        return {
            "hidden_states": torch.randn(batch, config.in_channels, height, width, generator=g), "timestep": torch.tensor(timestep),
            "encoder_hidden_states": torch.randn(batch, tokens, config.cap_feat_dim, generator=g), "encoder_attention_mask": torch.tensor(mask),
        }

    yield "two images", values(2, 8, 8, 3, [0.7, 0.7], [[1, 1, 1], [1, 1, 1]])
    yield "texts of other lengths, another time for each", values(3, 4, 10, 4, [0.999, 0.0, 0.3], [[1, 1, 0, 0], [1, 1, 1, 1], [1, 1, 0, 0]])
    yield "a long text", values(1, 2, 4, 120, [0.4], [[1] * 100 + [0] * 20])


_AURA = dict(sample_size=8, num_mmdit_layers=2, num_single_dit_layers=2, attention_head_dim=8, num_attention_heads=2, joint_attention_dim=12,
             caption_projection_dim=16, pos_embed_max_size=100)
AURA = {
    "aura": _AURA,
    "joint_only": {**_AURA, "num_single_dit_layers": 0, "in_channels": 3, "out_channels": 6, "patch_size": 1, "num_mmdit_layers": 1},
}


def aura_calls(config, g: torch.Generator):
    def values(batch: int, height: int, width: int, tokens: int, timestep) -> dict:
        return {"hidden_states": torch.randn(batch, config.in_channels, height, width, generator=g), "timestep": torch.tensor(timestep),
                "encoder_hidden_states": torch.randn(batch, tokens, config.joint_attention_dim, generator=g)}

    yield "two images", values(2, 8, 8, 3, [0.7, 0.7])
    yield "a rectangle, another time for each", values(2, 6, 10, 4, [1.0, 0.013])
    yield "a small one", values(1, 2, 4, 5, [0.4])


_KREA = dict(in_channels=16, num_layers=2, attention_head_dim=16, num_attention_heads=4, num_key_value_heads=2, intermediate_size=40,
             timestep_embed_dim=32, text_hidden_dim=12, num_text_layers=3, text_num_attention_heads=2, text_num_key_value_heads=2,
             text_intermediate_size=20, num_layerwise_text_blocks=1, num_refiner_text_blocks=1, axes_dims_rope=(4, 6, 6))
KREA = {
    "krea2": _KREA,
    "plain": {**_KREA, "in_channels": 4, "num_key_value_heads": 4, "text_num_attention_heads": 4, "text_num_key_value_heads": 1, "num_text_layers": 1,
              "num_layerwise_text_blocks": 2, "num_refiner_text_blocks": 0, "axes_dims_rope": (8, 4, 4), "rope_theta": 50.0, "norm_eps": 1e-2},
    "no_fusion": {**_KREA, "num_layers": 1, "num_key_value_heads": 1, "num_layerwise_text_blocks": 0, "num_refiner_text_blocks": 2},
}


def krea_calls(config, g: torch.Generator):
    def values(height: int, width: int, lengths: list, timestep) -> dict:
        rows, longest = len(lengths), max(lengths)
        ids = torch.zeros(longest + height * width, 3)
        ids[longest:, 1], ids[longest:, 2] = torch.arange(height).repeat_interleave(width), torch.arange(width).repeat(height)
        return {
            "hidden_states": torch.randn(rows, height * width, config.in_channels, generator=g), "timestep": torch.tensor(timestep),
            "encoder_hidden_states": torch.randn(rows, longest, config.num_text_layers, config.text_hidden_dim, generator=g),
            "encoder_attention_mask": (torch.arange(longest)[None] < torch.tensor(lengths)[:, None]).long(), "position_ids": ids,
        }

    yield "two images", values(4, 4, [5, 5], [0.7, 0.7])
    yield "texts of other lengths, another time for each", values(2, 6, [3, 9, 3], [1.0, 0.013, 0.4])
    yield "one token", values(1, 1, [1], [0.25])


def krea(model, values: dict) -> dict:
    return plain(model, {**values, "encoder_attention_mask": values["encoder_attention_mask"].bool()})


_QWEN21 = dict(in_channels=4, out_channels=4, num_layers=2, attention_head_dim=16, num_attention_heads=2, context_in_dim=12, axes_dims_rope=(4, 6, 6))
QWEN21 = {
    "qwen21": _QWEN21,
    "plain": {**_QWEN21, "patch_size": 2, "out_channels": None, "num_attention_heads": 3, "mlp_ratio": 2, "axes_dims_rope": (8, 4, 4), "eps": 1e-2,
              "causal_condition": False, "num_layers": 1},
}


def qwen21_calls(config, g: torch.Generator):
    def values(height: int, width: int, lengths: list, timestep) -> dict:
        return {
            "hidden_states": torch.randn(len(lengths), height * width, config.in_channels * config.patch_size**2, generator=g),
            "timestep": torch.tensor(timestep), "grid": torch.tensor([height, width]),
            **{f"texts.{i}": torch.randn(n, config.context_in_dim, generator=g) for i, n in enumerate(lengths)},
        }

    yield "two images", values(4, 4, [5, 5], [0.7, 0.7])
    yield "texts of other lengths", values(2, 6, [3, 9, 3], [0.4, 0.4, 0.4])
    yield "another time for each", values(6, 2, [4, 4], [1.0, 0.013])
    yield "one token of text", values(2, 2, [1], [0.25])
    for label, grids, more in (("an image among the text", [(2, 4)], values(4, 2, [3], [0.6])),
                               ("images of other sizes, texts of other lengths", [(4, 2), (2, 6), (2, 2)], values(2, 4, [2, 6], [0.35, 0.35]))):
        for i, (rows, columns) in enumerate(grids):
            more[f"references.{i}.text"] = torch.randn(2 + i, config.context_in_dim, generator=g)
            more[f"references.{i}.tokens"] = torch.randn(1, rows * columns, config.in_channels * config.patch_size**2, generator=g)
            more[f"references.{i}.grid"] = torch.tensor([rows, columns])
        yield label, more


def qwen21(model, values: dict) -> dict:
    """Texts in one tensor with a mask, the image behind them, as the pipeline passes them; of all tokens those of the image."""
    texts, (height, width) = [text for name, text in values.items() if name.startswith("texts.")], values["grid"].tolist()
    rows, longest = len(texts), max(len(text) for text in texts)
    padded = torch.stack([torch.cat([text, text.new_zeros(longest - len(text), text.shape[1])]) for text in texts])
    mask = torch.stack([torch.arange(longest) < len(text) for text in texts])
    slots = torch.zeros(rows, longest)
    shapes, tokens = [(1, height, width)], [values["hidden_states"]]
    for i in reversed(range(sum(name.endswith(".grid") for name in values))):  # whose states, which are not read, stand before the text
        text, grid, own = (values[f"references.{i}.{part}"] for part in ("text", "grid", "tokens"))
        count = own.shape[1] // 4
        before = torch.cat([text, text.new_full((count, text.shape[1]), 7.0)]).expand(rows, -1, -1)
        padded, mask = torch.cat([before, padded], dim=1), torch.cat([torch.ones(rows, before.shape[1]).bool(), mask], dim=1)
        slots = torch.cat([torch.zeros(rows, len(text)), torch.ones(rows, count), slots], dim=1)
        shapes, tokens = [(1, *grid.tolist()), *shapes], [own.expand(rows, -1, -1), *tokens]
    slots = torch.cat([slots, torch.ones(rows, height * width // 4)], dim=1).bool()
    output = model(torch.cat(tokens, dim=1), padded, values["timestep"], [shapes] * rows, slots, None if mask.all() else mask).sample
    return {"sample": output[:, -height * width :]}


_ERNIE = dict(hidden_size=32, num_attention_heads=2, num_layers=2, ffn_hidden_size=40, in_channels=4, out_channels=4, text_in_dim=12, rope_axes_dim=(4, 6, 6))
ERNIE = {
    "ernie": _ERNIE,
    # states as wide as tokens, patches of 2x2
    "plain": {**_ERNIE, "num_attention_heads": 4, "num_layers": 1, "in_channels": 3, "out_channels": 5, "patch_size": 2, "text_in_dim": 32, "rope_theta": 50,
              "rope_axes_dim": (4, 2, 2), "eps": 1e-2},
}


def ernie_calls(config, g: torch.Generator):
    def values(height: int, width: int, lengths: list, timestep) -> dict:
        return {
            "hidden_states": torch.randn(len(lengths), config.in_channels, height, width, generator=g), "timestep": torch.tensor(timestep),
            **{f"texts.{i}": torch.randn(n, config.text_in_dim, generator=g) for i, n in enumerate(lengths)},
        }

    yield "two images", values(4, 4, [5, 5], [700.0, 700.0])
    yield "texts of other lengths, another time for each", values(2, 6, [3, 9, 3], [1000.0, 13.0, 400.5])
    yield "one token of text", values(6, 2, [1], [250.0])


def ernie(model, values: dict) -> dict:
    texts = [text for name, text in values.items() if name.startswith("texts.")]
    lengths = torch.tensor([len(text) for text in texts])
    padded = torch.stack([torch.cat([text, text.new_zeros(max(lengths) - len(text), text.shape[1])]) for text in texts])
    sample = model(values["hidden_states"], values["timestep"], padded, lengths).sample
    channels, height, width = model.config.out_channels, *values["hidden_states"].shape[2:]
    return {"sample": sample.reshape(len(texts), channels, height, width)}


CLASSES = {
    "ErnieImageTransformer2DModel": (ErnieImageTransformer2DModel, ERNIE, ernie_calls, ernie),
    "QwenImage21Transformer2DModel": (QwenImage21Transformer2DModel, QWEN21, qwen21_calls, qwen21),
    "Krea2Transformer2DModel": (Krea2Transformer2DModel, KREA, krea_calls, krea),
    "AuraFlowTransformer2DModel": (AuraFlowTransformer2DModel, AURA, aura_calls, plain),
    "Lumina2Transformer2DModel": (Lumina2Transformer2DModel, LUMINA, lumina_calls, plain),
    "DiTTransformer2DModel": (DiTTransformer2DModel, DIT, dit_calls, plain),
    "SanaTransformer2DModel": (SanaTransformer2DModel, SANA, sana_calls, plain),
    "AutoencoderDC": (AutoencoderDC, DC, dc_calls, both_ways),
    "PixArtTransformer2DModel": (PixArtTransformer2DModel, PIXART, pixart_calls, pixart),
}

if __name__ == "__main__":
    warnings.simplefilter("ignore")
    with torch.no_grad():
        for class_name in sys.argv[1:] or CLASSES:
            cls, configs, calls_of, outputs_of = CLASSES[class_name]
            for name, config in configs.items():
                model = liven(cls(**config), seed_of(f"{class_name}/{name}")).eval()
                model.save_pretrained(FIXTURES / "models" / class_name / name)
                calls = Calls()
                for label, values in calls_of(model.config, generator(seed_of(name))):
                    calls.add(label, values, outputs_of(model, values))
                if name == next(iter(configs)):  # weights as diffusers holds them in 16 bits, computed with in 32
                    held = cls.from_pretrained(FIXTURES / "models" / class_name / name, torch_dtype=torch.bfloat16).eval().float()
                    label, values = next(calls_of(model.config, generator(seed_of(name))))
                    calls.add(f"{label}, in bfloat16", values, outputs_of(held, values), dtype="bfloat16")
                write_golden(GOLDEN / "models" / class_name / name, COMMAND, calls.cases, calls.tensors)
