"""Writes Qwen2_5_VLForConditionalGeneration of tests/fixtures/models and what it gives: tests/golden/models.

    $(sh scripts/reference/setup.sh) scripts/reference/qwen2_5_vl_goldens.py
"""

import json

import torch
from transformers import Qwen2_5_VLConfig, Qwen2_5_VLForConditionalGeneration

from common import GOLDEN, generator, seed_of, write_golden
from model_goldens import Calls
from qwen3_goldens import add_case
from task_repos import folder
from tiny_models import liven

CLASS = "Qwen2_5_VLForConditionalGeneration"
COMMAND = "scripts/reference/qwen2_5_vl_goldens.py"
TEXT = dict(vocab_size=60, hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=2, num_key_value_heads=1,
            max_position_embeddings=512, bos_token_id=1, eos_token_id=2, rope_parameters={
                "rope_type": "default", "rope_theta": 1000000.0, "mrope_section": [1, 1, 2]})
VISION = dict(depth=2, hidden_size=16, intermediate_size=20, num_heads=2, patch_size=2, spatial_merge_size=2, temporal_patch_size=2,
              window_size=8, out_hidden_size=16, fullatt_block_indexes=[1])
IDS = dict(image_token_id=51, video_token_id=52, vision_start_token_id=53, vision_end_token_id=54)
CONFIGS = {
    "nested": TEXT,
    # as its files are on the Hub: flat, with names from before the language model had a prefix of its own
    "flat": {**TEXT, "num_key_value_heads": 2, "rms_norm_eps": 1e-3, "num_hidden_layers": 3},
}


def language_model(text: dict, seed: int, vision: dict = VISION, ids: dict = IDS) -> Qwen2_5_VLForConditionalGeneration:
    config = Qwen2_5_VLConfig(text_config=text, vision_config=vision, tie_word_embeddings=False, **ids)
    return liven(Qwen2_5_VLForConditionalGeneration(config), seed).eval()


def flatten(where) -> None:
    path = where / "config.json"
    config = json.loads(path.read_text())
    text = config.pop("text_config")
    rope = text.pop("rope_parameters")
    config |= text | {"rope_theta": rope["rope_theta"], "model_type": "qwen2_5_vl", "architectures": [CLASS],
                      "rope_scaling": {"mrope_section": rope["mrope_section"], "rope_type": "default", "type": "mrope"}}
    path.write_text(json.dumps(config, indent=2) + "\n")


def add_image_case(calls: Calls, model, name: str, grids: list, g: torch.Generator, vision: dict = VISION) -> None:
    merged = vision["spatial_merge_size"] ** 2
    row = torch.randint(0, 50, (3,), generator=g).tolist()
    for _, rows, columns in grids:
        row += [IDS["vision_start_token_id"]] + [IDS["image_token_id"]] * (rows * columns // merged) + [IDS["vision_end_token_id"], 7]
    ids = torch.tensor([row + [3, 1, 4]])
    kinds = (ids == IDS["image_token_id"]).int()
    patches = torch.randn(sum(rows * columns for _, rows, columns in grids), 3 * 2 * vision["patch_size"] ** 2, generator=g)
    states = model(input_ids=ids, attention_mask=torch.ones_like(ids), pixel_values=patches, image_grid_thw=torch.tensor(grids),
                   mm_token_type_ids=kinds, output_hidden_states=True).hidden_states
    calls.add(name, {"input_ids": ids, "pixel_values": patches, "image_grid_thw": grids},
              {f"hidden_states.{i}": state for i, state in enumerate(states)})


def write_models() -> None:
    for name, config in CONFIGS.items():
        where = folder(f"models/{CLASS}/{name}")
        model = language_model(config, seed_of(f"{CLASS}/{name}"))
        model.save_pretrained(where)
        if name == "flat":
            flatten(where)
        calls, g = Calls(), generator(seed_of(name))
        ids = torch.randint(0, 50, (2, 7), generator=g)
        right = torch.tensor([[1, 1, 1, 1, 0, 0, 0], [1, 1, 1, 1, 1, 1, 1]])
        add_case(calls, model, "two rows", {"input_ids": ids})
        add_case(calls, model, "filled up on the right", {"input_ids": ids, "attention_mask": right})
        add_case(calls, model, "one token", {"input_ids": ids[:1, :1]})
        add_case(calls, model, "a long row", {"input_ids": torch.randint(0, 50, (1, 60), generator=g)})
        for label, grids in (("an image", [[1, 4, 6]]), ("images of other sizes", [[1, 6, 4], [1, 10, 14]])):
            add_image_case(calls, model, label, grids, g)
        write_golden(GOLDEN / "models" / CLASS / name, COMMAND, calls.cases, calls.tensors)


if __name__ == "__main__":
    with torch.no_grad():
        write_models()
