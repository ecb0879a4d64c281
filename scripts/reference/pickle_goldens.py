"""Files of torch.save in both of its formats, with the same tensors as safetensors.

    .reference/bin/python scripts/reference/pickle_goldens.py
"""

import pathlib
from collections import OrderedDict

import torch
from safetensors.torch import save_file

OUT = pathlib.Path("plugins/foundations/pickle/testdata")


def main() -> None:
    OUT.mkdir(exist_ok=True)
    torch.manual_seed(0)
    base = torch.randn(6, 8)
    tensors = OrderedDict(
        float32=torch.randn(3, 4), float16=torch.randn(5).half(), bfloat16=torch.randn(2, 3).bfloat16(),
        float64=torch.randn(3, dtype=torch.float64), int8=torch.arange(-3, 3, dtype=torch.int8),
        uint8=torch.arange(7, dtype=torch.uint8), int32=torch.arange(3, dtype=torch.int32), int64=torch.arange(-2, 3),
        bool=torch.tensor([True, False]), empty=torch.zeros(0, 3), scalar=torch.tensor(3.5),
        parameter=torch.nn.Parameter(torch.randn(2, 2)), row=base[1], window=base[2:4, 1:5], transposed=base.T,
    )
    torch.save(tensors, OUT / "legacy.bin", _use_new_zipfile_serialization=False)
    tensors["float8"] = torch.randn(4, 4).to(torch.float8_e4m3fn)
    torch.save(tensors, OUT / "archive.bin")
    save_file({name: one.detach().clone().contiguous() for name, one in tensors.items()}, OUT / "tensors.safetensors")
    weights = torch.nn.Linear(2, 3).state_dict()
    note = {"epoch": 3, "global_step": 12345678901, "lr": 0.1, "ended": None, "done": True, "name": "é"}
    torch.save({"state_dict": weights, **note, "lists": [{"a": torch.ones(2)}]}, OUT / "nested.ckpt")


if __name__ == "__main__":
    main()
