"""Writes Qwen3Model of tests/fixtures/models and what it gives: tests/golden/models/Qwen3Model.

    $(sh scripts/reference/setup.sh) scripts/reference/qwen3_goldens.py
"""

import json

import torch
from transformers import Qwen3Config, Qwen3ForCausalLM, Qwen3Model

from common import FIXTURES, GOLDEN, generator, seed_of, write_golden
from model_goldens import Calls
from task_repos import folder
from tiny_models import liven

COMMAND = "scripts/reference/qwen3_goldens.py"
_TINY = dict(vocab_size=60, hidden_size=16, intermediate_size=24, num_hidden_layers=3, num_attention_heads=4,
             num_key_value_heads=2, head_dim=8, max_position_embeddings=512, bos_token_id=1, eos_token_id=2)
CONFIGS = {
    # Qwen3-4B, which Z-Image takes: wide heads, keys shared by groups
    "grouped": dict(**_TINY, rope_parameters={"rope_type": "default", "rope_theta": 1000000.0}),
    "own_keys": {**_TINY, "num_key_value_heads": None, "attention_bias": True, "rms_norm_eps": 1e-3, "num_hidden_layers": 2},
    "one_key": {**_TINY, "num_key_value_heads": 1, "head_dim": 4, "hidden_act": "gelu_pytorch_tanh"},
    # as its files are in older repos: with a head and flat options
    "causal_lm": dict(**_TINY, rope_parameters={"rope_type": "default", "rope_theta": 500.0}, tie_word_embeddings=False),
}
DTYPES = {"grouped": ["float16", "bfloat16"]}


def add_case(calls: Calls, model, name: str, inputs: dict, **more) -> None:
    # what stands where there is padding is nobody's
    mask = inputs.get("attention_mask", torch.ones_like(inputs["input_ids"]))[..., None]
    states = model(**inputs, output_hidden_states=True).hidden_states
    calls.add(name, inputs, {f"hidden_states.{i}": state * mask for i, state in enumerate(states)}, **more)


def write_models() -> None:
    for name, config in CONFIGS.items():
        where = folder(f"models/Qwen3Model/{name}")
        causal = name == "causal_lm"
        whole = (Qwen3ForCausalLM if causal else Qwen3Model)(Qwen3Config(**config))
        liven(whole, seed_of(f"Qwen3Model/{name}")).eval().save_pretrained(where)
        model = whole.model if causal else whole
        if causal:
            config_json = json.loads((where / "config.json").read_text())
            config_json["rope_theta"] = config_json.pop("rope_parameters")["rope_theta"]
            config_json["rope_scaling"] = None
            (where / "config.json").write_text(json.dumps(config_json, indent=2) + "\n")
        calls, g = Calls(), generator(seed_of(name))
        ids = torch.randint(0, 60, (2, 7), generator=g)
        right = torch.tensor([[1, 1, 1, 1, 0, 0, 0], [1, 1, 1, 1, 1, 1, 1]])
        add_case(calls, model, "two rows", {"input_ids": ids})
        add_case(calls, model, "filled up on the right", {"input_ids": ids, "attention_mask": right})
        add_case(calls, model, "filled up on the left", {"input_ids": ids, "attention_mask": right.flip(1)})
        add_case(calls, model, "one token", {"input_ids": ids[:1, :1]})
        add_case(calls, model, "a long row", {"input_ids": torch.randint(0, 60, (1, 60), generator=g)})
        for dtype in DTYPES.get(name, []):
            # weights as transformers holds them in that type, computed with in float32
            held = Qwen3Model.from_pretrained(where, dtype=getattr(torch, dtype)).eval().float()
            add_case(calls, held, f"in {dtype}", {"input_ids": ids, "attention_mask": right}, dtype=dtype)
        write_golden(GOLDEN / "models" / "Qwen3Model" / name, COMMAND, calls.cases, calls.tensors)


if __name__ == "__main__":
    with torch.no_grad():
        write_models()
    print(sum(file.stat().st_size for file in FIXTURES.glob("models/Qwen3Model/*/*")), "bytes")
