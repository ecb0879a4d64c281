"""Writes T5EncoderModel of tests/fixtures/models, what it gives, and the classes of distances.

    $(sh scripts/reference/setup.sh) scripts/reference/t5_goldens.py
"""

import torch
from transformers import T5Config, T5EncoderModel, UMT5Config, UMT5EncoderModel
from transformers.models.t5.modeling_t5 import T5Attention

from common import FIXTURES, GOLDEN, ROOT, generator, seed_of, write_golden, write_json, versions
from task_repos import folder
from tiny_models import liven

COMMAND = "scripts/reference/t5_goldens.py"
_TINY = dict(vocab_size=60, d_model=16, d_kv=4, d_ff=24, num_layers=2, num_heads=3)
CONFIGS = {
    # google/t5-v1_1-xxl, which FLUX and Stable Diffusion 3 take
    "gated_gelu": dict(**_TINY, feed_forward_proj="gated-gelu", tie_word_embeddings=False),
    # google-t5/t5-small
    "relu": dict(**_TINY, feed_forward_proj="relu", layer_norm_epsilon=1e-3),
    "gated_silu": dict(
        **{**_TINY, "num_layers": 3, "d_kv": 5, "num_heads": 2}, feed_forward_proj="gated-silu",
        relative_attention_num_buckets=12, relative_attention_max_distance=20,
    ),
    "gelu": dict(**_TINY, feed_forward_proj="gelu"),
}
DTYPES = {"gated_gelu": ["float16", "bfloat16"]}
BUCKETS = [(32, 128), (12, 20), (4, 5), (64, 1000), (32, 64), (9, 30), (320, 800), (48, 200), (20, 21)]


def add_case(cases: list, tensors: dict, model, name: str, inputs: dict, **more) -> None:
    output = model(**inputs, output_hidden_states=True)
    outputs = {"last_hidden_state": output.last_hidden_state}
    outputs |= {f"hidden_states.{i}": state for i, state in enumerate(output.hidden_states)}
    case = {"name": name, **more, "inputs": {}, "outputs": {}}
    for side, values in (("inputs", inputs), ("outputs", outputs)):
        for key, value in values.items():
            tensors[f"{len(cases)}.{key}"] = value
            case[side][key] = {"tensor": f"{len(cases)}.{key}"}
    cases.append(case)


def write_models() -> None:
    for name, config in CONFIGS.items():
        where = folder(f"models/T5EncoderModel/{name}")
        model = liven(T5EncoderModel(T5Config(**config)), seed_of(f"T5EncoderModel/{name}")).eval()
        model.save_pretrained(where)
        cases, tensors, g = [], {}, generator(seed_of(name))
        ids = torch.randint(0, 60, (2, 7), generator=g)
        mask = torch.tensor([[1, 1, 1, 1, 0, 0, 0], [1, 1, 1, 1, 1, 1, 1]])
        add_case(cases, tensors, model, "two rows", {"input_ids": ids})
        add_case(cases, tensors, model, "masked", {"input_ids": ids, "attention_mask": mask})
        add_case(cases, tensors, model, "one token", {"input_ids": ids[:1, :1]})
        add_case(cases, tensors, model, "a long row", {"input_ids": torch.randint(0, 60, (1, 60), generator=g)})
        for dtype in DTYPES.get(name, []):
            # weights as transformers holds them in that type, computed with in float32
            held = T5EncoderModel.from_pretrained(where, dtype=getattr(torch, dtype)).eval().float()
            add_case(cases, tensors, held, f"in {dtype}", {"input_ids": ids, "attention_mask": mask}, dtype=dtype)
        write_golden(GOLDEN / "models" / "T5EncoderModel" / name, COMMAND, cases, tensors)

    # a half-precision checkpoint, with the name that is tied to the other
    half = folder("models/T5EncoderModel/half")
    model = liven(T5EncoderModel(T5Config(**CONFIGS["gated_gelu"])), seed_of("T5EncoderModel/half")).eval()
    model.half().save_pretrained(half)
    model = T5EncoderModel.from_pretrained(half, dtype=torch.float32).eval()
    cases, tensors = [], {}
    add_case(cases, tensors, model, "half precision on disk", {"input_ids": torch.arange(9).reshape(1, 9)})
    write_golden(GOLDEN / "models" / "T5EncoderModel" / "half", COMMAND, cases, tensors)


def write_umt5() -> None:
    """Distances of its own in each layer."""
    for name in ("gated_gelu", "gated_silu"):
        where = folder(f"models/UMT5EncoderModel/{name}")
        model = liven(UMT5EncoderModel(UMT5Config(**CONFIGS[name])), seed_of(f"UMT5EncoderModel/{name}")).eval()
        model.save_pretrained(where)
        cases, tensors, g = [], {}, generator(seed_of(name))
        ids = torch.randint(0, 60, (2, 7), generator=g)
        mask = torch.tensor([[1, 1, 1, 1, 0, 0, 0], [1, 1, 1, 1, 1, 1, 1]])
        add_case(cases, tensors, model, "two rows", {"input_ids": ids})
        add_case(cases, tensors, model, "masked", {"input_ids": ids, "attention_mask": mask})
        add_case(cases, tensors, model, "a long row", {"input_ids": torch.randint(0, 60, (1, 60), generator=g)})
        for dtype in DTYPES.get(name, []):
            held = UMT5EncoderModel.from_pretrained(where, dtype=getattr(torch, dtype)).eval().float()
            add_case(cases, tensors, held, f"in {dtype}", {"input_ids": ids, "attention_mask": mask}, dtype=dtype)
        write_golden(GOLDEN / "models" / "UMT5EncoderModel" / name, COMMAND, cases, tensors)


def write_buckets() -> None:
    cases = []
    for buckets, distance in BUCKETS:
        places = torch.arange(-distance - 1, distance + 2)
        found = T5Attention._relative_position_bucket(places, True, buckets, distance)
        cases.append({"buckets": buckets, "distance": distance, "classes": found.tolist()})
    path = ROOT / "plugins" / "models" / "t5_encoder" / "testdata" / "buckets.json"
    write_json(path, {"versions": versions(), "command": COMMAND, "cases": cases})
    path.write_text(path.read_text().replace(",\n    ", ", ").replace("[\n    ", "["))


if __name__ == "__main__":
    with torch.no_grad():
        write_models()
        write_umt5()
    write_buckets()
    print(sum(file.stat().st_size for file in FIXTURES.glob("models/T5EncoderModel/*/*")), "bytes")
