"""Writes LlamaModel, Mistral3ForConditionalGeneration and Qwen3VLForConditionalGeneration of tests/fixtures/models and what
they give for texts: tests/golden/models.

    $(sh scripts/reference/setup.sh) scripts/reference/llama_goldens.py
"""

import json

import torch
from transformers import (
    LlamaConfig,
    LlamaForCausalLM,
    LlamaModel,
    Mistral3Config,
    Mistral3ForConditionalGeneration,
    Qwen3VLConfig,
    Qwen3VLForConditionalGeneration,
)

from common import GOLDEN, generator, seed_of, write_golden
from model_goldens import Calls
from qwen2_5_vl_goldens import IDS, add_image_case
from qwen3_goldens import add_case
from task_repos import folder
from tiny_models import liven

COMMAND = "scripts/reference/llama_goldens.py"
_TINY = dict(vocab_size=60, hidden_size=16, intermediate_size=24, num_hidden_layers=3, num_attention_heads=4, num_key_value_heads=2,
             max_position_embeddings=512, bos_token_id=1, eos_token_id=2)
PIXTRAL = dict(model_type="pixtral", hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=1, head_dim=8, patch_size=4, image_size=16)
_VISUAL = dict(depth=1, hidden_size=8, intermediate_size=8, num_heads=1, out_hidden_size=16, patch_size=4, num_position_embeddings=16,
               deepstack_visual_indexes=[0])


def mistral(model_type: str = "mistral", **text) -> Mistral3Config:
    return Mistral3Config(text_config=dict(model_type=model_type, **{**_TINY, "sliding_window": None, **text}), vision_config=PIXTRAL)


def qwen(theta: float, **text) -> Qwen3VLConfig:
    rope = {"rope_type": "default", "rope_theta": theta, "mrope_section": [2, 1, 1], "mrope_interleaved": True}
    return Qwen3VLConfig(text_config=dict(head_dim=8, rope_parameters=rope, **{**_TINY, **text}), vision_config=_VISUAL)


# the last block's states are given to the second layer, those of the first to the first
TOWER = dict(depth=3, hidden_size=16, intermediate_size=20, num_heads=2, out_hidden_size=16, patch_size=2, spatial_merge_size=2, temporal_patch_size=2,
             num_position_embeddings=25, deepstack_visual_indexes=[2, 0])


def qwen_with(tower: dict, **text) -> Qwen3VLConfig:
    rope = {"rope_type": "default", "rope_theta": 5000000.0, "mrope_section": [4, 2, 2], "mrope_interleaved": True}
    return Qwen3VLConfig(text_config=dict(head_dim=16, rope_parameters=rope, **{**_TINY, **text}), vision_config=tower, **IDS)


CONFIGS = {
    "LlamaModel": {
        "grouped": (LlamaModel, LlamaConfig(**_TINY)),
        # with a head, wide heads and biases, as its files are in older repos
        "causal_lm": (LlamaForCausalLM, LlamaConfig(**{**_TINY, "num_hidden_layers": 2, "num_key_value_heads": None}, head_dim=6, attention_bias=True,
                                                   rms_norm_eps=1e-3, rope_parameters={"rope_type": "default", "rope_theta": 500.0})),
    },
    "Mistral3ForConditionalGeneration": {
        # Mistral Small 3.2, which FLUX.2 dev takes: heads narrower than the states ask for, long waves
        "small": (Mistral3ForConditionalGeneration, mistral(head_dim=6, rms_norm_eps=1e-5, rope_parameters={"rope_type": "default", "rope_theta": 1e9})),
        "window": (Mistral3ForConditionalGeneration, mistral(sliding_window=3, hidden_act="gelu_pytorch_tanh")),
        "older": (Mistral3ForConditionalGeneration, mistral(head_dim=8, num_hidden_layers=2)),
        # Ministral 3, which ERNIE-Image takes: stretched positions, queries that grow with them
        "ministral": (Mistral3ForConditionalGeneration, mistral("ministral3", head_dim=16, rope_parameters={
            "rope_type": "yarn", "rope_theta": 50.0, "factor": 4.0, "original_max_position_embeddings": 16, "max_position_embeddings": 64,
            "beta_fast": 8.0, "beta_slow": 0.5, "mscale": 1.0, "mscale_all_dim": 0.7, "llama_4_scaling_beta": 0.1})),
    },
    "Qwen3VLForConditionalGeneration": {
        "text": (Qwen3VLForConditionalGeneration, qwen(5000000.0)),
        "older": (Qwen3VLForConditionalGeneration, qwen(700.0, attention_bias=True, num_hidden_layers=2)),
        "images": (Qwen3VLForConditionalGeneration, qwen_with(TOWER)),
        # states for more layers than there are, short waves
        "deep": (Qwen3VLForConditionalGeneration, qwen_with(
            {**TOWER, "depth": 4, "deepstack_visual_indexes": [0, 1, 3], "num_heads": 1, "hidden_act": "silu", "num_position_embeddings": 4,
             "rope_parameters": {"rope_type": "axial", "rope_theta": 20.0}}, num_hidden_layers=2, num_key_value_heads=4)),
    },
}


WITH_IMAGES = ("images", "deep")


def as_older(where, cls: str, name: str) -> None:
    """As Hub repos have it: rope_theta beside the other options."""
    if name not in ("causal_lm", "older"):
        return
    config = json.loads((where / "config.json").read_text())
    text = config.get("text_config", config)
    rope = text.pop("rope_parameters")
    text["rope_theta"] = rope.pop("rope_theta")
    text["rope_scaling"] = rope if "mrope_section" in rope else None
    (where / "config.json").write_text(json.dumps(config, indent=2) + "\n")


def write_models() -> None:
    for cls, configs in CONFIGS.items():
        for name, (kind, config) in configs.items():
            where = folder(f"models/{cls}/{name}")
            whole = liven(kind(config), seed_of(f"{cls}/{name}")).eval()
            whole.save_pretrained(where)
            as_older(where, cls, name)
            model = whole if cls == "LlamaModel" and name == "grouped" else whole.model
            calls, g = Calls(), generator(seed_of(name))
            if name in WITH_IMAGES:
                for label, grids in (("an image", [[1, 4, 6]]), ("images of other sizes", [[1, 6, 2], [1, 10, 14]])):
                    add_image_case(calls, model, label, grids, g, TOWER)
                write_golden(GOLDEN / "models" / cls / name, COMMAND, calls.cases, calls.tensors)
                continue
            ids = torch.randint(11, 60, (2, 7), generator=g)  # none that stands for an image
            right = torch.tensor([[1, 1, 1, 1, 0, 0, 0], [1, 1, 1, 1, 1, 1, 1]])
            add_case(calls, model, "two rows", {"input_ids": ids})
            add_case(calls, model, "filled up on the right", {"input_ids": ids, "attention_mask": right})
            add_case(calls, model, "filled up on the left", {"input_ids": ids, "attention_mask": right.flip(1)})
            add_case(calls, model, "one token", {"input_ids": ids[:1, :1]})
            add_case(calls, model, "a long row", {"input_ids": torch.randint(11, 60, (1, 60), generator=g)})
            if cls == "Qwen3VLForConditionalGeneration":  # FLUX.3 attends to padding, and places it like that
                row = {"input_ids": ids[:1], "attention_mask": right[:1], "position_ids": torch.tensor([[0, 1, 2, 3, 1, 1, 1]])}
                states = model(**row, output_hidden_states=True).hidden_states
                calls.add("padding at position 1", row, {f"hidden_states.{i}": state for i, state in enumerate(states)})
            write_golden(GOLDEN / "models" / cls / name, COMMAND, calls.cases, calls.tensors)


if __name__ == "__main__":
    with torch.no_grad():
        write_models()
