"""sparse_model.py FOLDER NAME ...: writes models of their real sizes that take no room: float16 files of holes.

A fake card computes nothing, so what it counts needs no numbers, only the names and sizes of tensors.
"""

import json
import sys
from pathlib import Path

import diffusers
import torch

sys.path.insert(0, str(Path(__file__).parents[1]))
from configs import SD15, SDXL, VAE  # noqa: E402

MODELS = {"sd15": ("UNet2DConditionModel", SD15), "sdxl": ("UNet2DConditionModel", SDXL), "vae": ("AutoencoderKL", VAE)}


def write(folder: Path, name: str) -> None:
    class_name, config = MODELS[name]
    with torch.device("meta"):
        model = getattr(diffusers, class_name)(**config)
    header, end = {}, 0
    for key, tensor in model.state_dict().items():
        begin, end = end, end + 2 * tensor.numel()
        header[key] = {"dtype": "F16", "shape": list(tensor.shape), "data_offsets": [begin, end]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    folder.mkdir(parents=True, exist_ok=True)
    model.save_config(folder)
    with open(folder / "diffusion_pytorch_model.safetensors", "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        file.truncate(8 + len(text) + end)


for one in sys.argv[2:]:
    write(Path(sys.argv[1]) / one, one)
