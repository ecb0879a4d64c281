"""Tiny CLIP vision models and what transformers gives for them.

    python scripts/reference/clip_vision_goldens.py

Writes plugins/models/clip_vision/testdata/{plain,projected}/ (repos) and outputs.safetensors.
"""

from pathlib import Path

import torch
import transformers
from safetensors.torch import save_file
from transformers import CLIPVisionConfig, CLIPVisionModel, CLIPVisionModelWithProjection

OUT = Path(__file__).resolve().parents[2] / "plugins/models/clip_vision/testdata"
CONFIG = dict(hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=2, image_size=16,
              patch_size=4, projection_dim=12)

torch.set_num_threads(1)
pixels = torch.randn(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))
tensors = {}
for name, cls, more in (("plain", CLIPVisionModel, dict(hidden_act="gelu")), ("projected", CLIPVisionModelWithProjection, {})):
    torch.manual_seed(1)
    model = cls(CLIPVisionConfig(**CONFIG, **more)).eval()
    for parameter in model.parameters():
        parameter.data += torch.randn(parameter.shape) * 0.1
    model.save_pretrained(OUT / name)
    with torch.no_grad():
        output = model(pixels, output_hidden_states=True)
    for key in ("last_hidden_state", "pooler_output", "image_embeds"):
        if getattr(output, key, None) is not None:
            tensors[f"{name}.{key}"] = getattr(output, key).contiguous()
    tensors[f"{name}.hidden_states.1"] = output.hidden_states[1].contiguous()
save_file(tensors, OUT / "outputs.safetensors", metadata={
    "command": "python scripts/reference/clip_vision_goldens.py", "transformers": transformers.__version__})
