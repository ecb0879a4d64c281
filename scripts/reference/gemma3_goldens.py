"""Writes Gemma3TextModel and Gemma3ForConditionalGeneration of tests/fixtures/models and what they give for texts:
tests/golden/models.

    $(sh scripts/reference/setup.sh) scripts/reference/gemma3_goldens.py
"""

import json

import torch
from transformers import Gemma3Config, Gemma3ForCausalLM, Gemma3ForConditionalGeneration, Gemma3TextConfig, Gemma3TextModel

from common import GOLDEN, generator, seed_of, write_golden
from model_goldens import Calls
from qwen3_goldens import add_case
from task_repos import folder
from tiny_models import liven

COMMAND = "scripts/reference/gemma3_goldens.py"
_TINY = dict(vocab_size=60, hidden_size=16, intermediate_size=24, num_hidden_layers=3, num_attention_heads=4, num_key_value_heads=2,
             head_dim=8, query_pre_attn_scalar=12, sliding_window=4, max_position_embeddings=512)
_SLIDING = {"layer_types": ["sliding_attention", "full_attention", "sliding_attention"]}
_VISION = dict(model_type="siglip_vision_model", hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=1, patch_size=4,
               image_size=16)


def ropes(full: dict, theta: float) -> dict:
    return {"rope_parameters": {"full_attention": full, "sliding_attention": {"rope_type": "default", "rope_theta": theta}}}


CONFIGS = {
    "Gemma3TextModel": {
        # gemma-3-1b: layers that slide have waves of their own
        "text": (Gemma3TextModel, Gemma3TextConfig(**_TINY, **_SLIDING)),
        "plain": (Gemma3TextModel, Gemma3TextConfig(**{**_TINY, "num_key_value_heads": 4, "attention_bias": True, "rms_norm_eps": 1e-3}, hidden_activation="silu",
                                                    layer_types=["full_attention", "sliding_attention", "full_attention"], attn_logit_softcapping=0.5)),
        # as its files are in older repos: with a head and flat options
        "causal_lm": (Gemma3ForCausalLM, Gemma3TextConfig(**_TINY, sliding_window_pattern=3, **ropes({"rope_type": "default", "rope_theta": 5000.0}, 90.0))),
    },
    "Gemma3ForConditionalGeneration": {
        # gemma-3-4b and larger: positions stretched linearly where layers do not slide
        "stretched": (Gemma3ForConditionalGeneration, Gemma3Config(
            text_config=dict(**_TINY, **_SLIDING, **ropes({"rope_type": "linear", "factor": 8.0, "rope_theta": 1000.0}, 70.0)), vision_config=_VISION,
            mm_tokens_per_image=4, image_token_index=59)),
        "older": (Gemma3ForConditionalGeneration, Gemma3Config(
            text_config=dict(**{**_TINY, "num_hidden_layers": 2}, sliding_window_pattern=2, **ropes({"rope_type": "linear", "factor": 3.0, "rope_theta": 1e6}, 1e4)),
            vision_config=_VISION, mm_tokens_per_image=4, image_token_index=59)),
    },
}


def as_older(where, name: str, pattern: int) -> None:
    """As Hub repos have it: positions beside the other options, no list of layers."""
    config = json.loads((where / "config.json").read_text())
    text = config.get("text_config", config)
    ropes = text.pop("rope_parameters")
    text["rope_theta"] = ropes["full_attention"].pop("rope_theta")
    text["rope_local_base_freq"] = ropes["sliding_attention"]["rope_theta"]
    text["rope_scaling"] = ropes["full_attention"] if name == "older" else None
    text["sliding_window_pattern"] = pattern
    del text["layer_types"]
    (where / "config.json").write_text(json.dumps(config, indent=2) + "\n")


def write_models() -> None:
    for cls, configs in CONFIGS.items():
        for name, (kind, config) in configs.items():
            where = folder(f"models/{cls}/{name}")
            whole = liven(kind(config), seed_of(f"{cls}/{name}")).eval()
            whole.save_pretrained(where)
            if name in ("causal_lm", "older"):
                as_older(where, name, 3 if name == "causal_lm" else 2)
                assert kind.config_class.from_pretrained(where).get_text_config().rope_parameters == config.get_text_config().rope_parameters
            model = whole if kind is Gemma3TextModel else whole.model
            calls, g = Calls(), generator(seed_of(name))
            ids = torch.randint(1, 59, (2, 7), generator=g)  # none that stands for an image
            right = torch.tensor([[1, 1, 1, 1, 0, 0, 0], [1, 1, 1, 1, 1, 1, 1]])
            add_case(calls, model, "two rows", {"input_ids": ids})
            add_case(calls, model, "filled up on the right", {"input_ids": ids, "attention_mask": right})
            add_case(calls, model, "filled up on the left", {"input_ids": ids, "attention_mask": right.flip(1)})
            add_case(calls, model, "one token", {"input_ids": ids[:1, :1]})
            add_case(calls, model, "a long row", {"input_ids": torch.randint(1, 59, (1, 40), generator=g)})
            if name == "text":  # weights as transformers holds them in that type, computed with in float32
                held = Gemma3TextModel.from_pretrained(where, dtype=torch.bfloat16).eval().float()
                add_case(calls, held, "in bfloat16", {"input_ids": ids, "attention_mask": right}, dtype="bfloat16")
            write_golden(GOLDEN / "models" / cls / name, COMMAND, calls.cases, calls.tensors)


if __name__ == "__main__":
    with torch.no_grad():
        write_models()
