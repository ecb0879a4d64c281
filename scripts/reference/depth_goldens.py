"""Writes tests/fixtures/models/DPTForDepthEstimation, tests/fixtures/processors/DPTImageProcessor and tests/golden/models/DPTForDepthEstimation.

    $(sh scripts/reference/setup.sh) scripts/reference/depth_goldens.py
"""

import torch
from transformers import DPTConfig, DPTForDepthEstimation, DPTImageProcessorPil

from common import FIXTURES, GOLDEN, generator, seed_of, write_golden
from task_repos import folder
from tiny_models import liven

COMMAND = "scripts/reference/depth_goldens.py"
PLAIN = dict(hidden_size=16, num_hidden_layers=4, num_attention_heads=2, intermediate_size=24, image_size=32, patch_size=8,
             backbone_out_indices=[0, 1, 2, 3], neck_hidden_sizes=[8, 8, 12, 16], fusion_hidden_size=8)
CONFIGS = {
    "plain": PLAIN,
    "ignore": {**PLAIN, "readout_type": "ignore", "qkv_bias": False, "head_in_index": 3},
    "add": {**PLAIN, "readout_type": "add", "reassemble_factors": [2, 1, 0.5, 0.25], "hidden_act": "relu"},
    # Intel/dpt-hybrid-midas
    "hybrid": {
        **PLAIN, "is_hybrid": True, "image_size": 64, "patch_size": 16, "reassemble_factors": [1, 1, 1, 0.5],
        "neck_hidden_sizes": [16, 24, 12, 16], "backbone_featmap_shape": [1, 32, 4, 4], "neck_ignore_stages": [0, 1],
        "backbone_config": {
            "model_type": "bit", "global_padding": "same", "layer_type": "bottleneck", "depths": [2, 1, 1],
            "hidden_sizes": [16, 24, 32], "embedding_size": 8, "num_groups": 4, "embedding_dynamic_padding": True,
            "out_features": ["stage1", "stage2", "stage3"],
        },
    },
}


@torch.no_grad()
def write(name: str, config: dict) -> None:
    model = liven(DPTForDepthEstimation(DPTConfig(**config)), seed_of(f"dpt/{name}")).eval()
    model.head.head[4].bias.data += 1  # depth away from the last ReLU's zero
    model.save_pretrained(folder(f"models/DPTForDepthEstimation/{name}"))
    size = config["image_size"]
    sizes = [(size, size)] if config.get("is_hybrid") else [(size, size), (48, 64)]
    if name in ("add",):
        sizes = sizes[:1]
    cases, tensors = [], {}
    for i, (height, width) in enumerate(sizes):
        pixels = torch.randn(2, 3, height, width, generator=generator(i))
        try:
            depth = model(pixels).predicted_depth
        except RuntimeError:  # tokens of another shape than a square
            continue
        tensors[f"{i}.pixel_values"], tensors[f"{i}.predicted_depth"] = pixels, depth
        print(name, height, width, tuple(depth.shape), float(depth.min()), float(depth.max()))
        cases.append({"name": f"{height}x{width}", "inputs": {"pixel_values": {"tensor": f"{i}.pixel_values"}},
                      "outputs": {"predicted_depth": {"tensor": f"{i}.predicted_depth"}}})
    write_golden(GOLDEN / "models" / "DPTForDepthEstimation" / name, COMMAND, cases, tensors)


if __name__ == "__main__":
    for size in (32, 64):
        processor = DPTImageProcessorPil(size={"height": size, "width": size})
        processor.save_pretrained(folder(f"processors/DPTImageProcessor/dpt-{size}"))
    for name, config in CONFIGS.items():
        write(name, config)
