"""Writes Gemma2Model of tests/fixtures/models and what it gives: tests/golden/models/Gemma2Model.

    $(sh scripts/reference/setup.sh) scripts/reference/gemma2_goldens.py
"""

import json

import torch
from transformers import Gemma2Config, Gemma2ForCausalLM, Gemma2Model

from common import FIXTURES, GOLDEN, generator, seed_of, write_golden
from model_goldens import Calls
from qwen3_goldens import add_case
from task_repos import folder
from tiny_models import liven

COMMAND = "scripts/reference/gemma2_goldens.py"
_TINY = dict(vocab_size=60, hidden_size=16, intermediate_size=24, num_hidden_layers=3, num_attention_heads=4, num_key_value_heads=2,
             head_dim=8, query_pre_attn_scalar=12, sliding_window=4, max_position_embeddings=512)
CONFIGS = {
    # gemma-2-2b-it: every other layer slides, scores are capped
    "gemma": _TINY,
    "plain": {**_TINY, "num_key_value_heads": 4, "attention_bias": True, "attn_logit_softcapping": None, "rms_norm_eps": 1e-3,
              "layer_types": ["full_attention", "sliding_attention", "sliding_attention"], "hidden_activation": "silu"},
    # as its files are in older repos: with a head and flat options
    "causal_lm": {**_TINY, "attn_logit_softcapping": 0.5, "num_hidden_layers": 2, "rope_parameters": {"rope_type": "default", "rope_theta": 500.0}},
}


def write_models() -> None:
    for name, config in CONFIGS.items():
        where = folder(f"models/Gemma2Model/{name}")
        causal = name == "causal_lm"
        whole = (Gemma2ForCausalLM if causal else Gemma2Model)(Gemma2Config(**config))
        liven(whole, seed_of(f"Gemma2Model/{name}")).eval().save_pretrained(where)
        model = whole.model if causal else whole
        if causal:
            written = json.loads((where / "config.json").read_text())
            written["rope_theta"] = written.pop("rope_parameters")["rope_theta"]
            del written["layer_types"]
            written["hidden_act"] = written["hidden_activation"]
            (where / "config.json").write_text(json.dumps(written, indent=2) + "\n")
        calls, g = Calls(), generator(seed_of(name))
        ids = torch.randint(0, 60, (2, 7), generator=g)
        right = torch.tensor([[1, 1, 1, 1, 0, 0, 0], [1, 1, 1, 1, 1, 1, 1]])
        add_case(calls, model, "two rows", {"input_ids": ids})
        add_case(calls, model, "filled up on the right", {"input_ids": ids, "attention_mask": right})
        add_case(calls, model, "one token", {"input_ids": ids[:1, :1]})
        add_case(calls, model, "a long row", {"input_ids": torch.randint(0, 60, (1, 40), generator=g)})
        if name == "gemma":  # weights as transformers holds them in that type, computed with in float32
            held = Gemma2Model.from_pretrained(where, dtype=torch.bfloat16).eval().float()
            add_case(calls, held, "in bfloat16", {"input_ids": ids, "attention_mask": right}, dtype="bfloat16")
        write_golden(GOLDEN / "models" / "Gemma2Model" / name, COMMAND, calls.cases, calls.tensors)


if __name__ == "__main__":
    with torch.no_grad():
        write_models()
    print(sum(file.stat().st_size for file in FIXTURES.glob("models/Gemma2Model/*/*")), "bytes")
