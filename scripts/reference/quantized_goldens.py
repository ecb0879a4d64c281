"""Goldens of weights that Python libraries have quantized, and their numbers by these libraries themselves.

    deno task goldens quantization

writes plugins/foundations/safetensors/testdata/quantized.safetensors,
whose tensors are named as diffusers saves them, and dequantized.safetensors.
"""

from pathlib import Path

import torch
from bitsandbytes import functional
from optimum.quanto import freeze, qfloat8, qint8, quantize
from safetensors.torch import save_file
from torchao.quantization import Float8WeightOnlyConfig, Int8WeightOnlyConfig, quantize_

FOLDER = Path(__file__).resolve().parents[2] / "plugins/foundations/safetensors/testdata"
torch.manual_seed(0)
stored: dict[str, torch.Tensor] = {}
numbers: dict[str, torch.Tensor] = {}


def four_bits(kind: str, nested: bool, dtype: torch.dtype, rows: int, columns: int, blocksize: int) -> None:
    name = f"bitsandbytes.{kind}{'.nested' if nested else ''}.{str(dtype).split('.')[1]}.{columns}.weight"
    weight = torch.randn(rows, columns).to(dtype)
    packed, state = functional.quantize_4bit(weight, blocksize=blocksize, compress_statistics=nested, quant_type=kind)
    stored[name] = packed
    stored.update({f"{name}.{key}": value for key, value in state.as_dict(packed=True).items()})
    # as one row: bitsandbytes' kernel for CPUs is wrong where blocks do not end with rows, unlike that for CUDA
    state.shape = torch.Size([1, rows * columns])
    numbers[name] = functional.dequantize_4bit(packed, state).reshape(rows, columns)


def int8() -> None:
    weight, scale, _ = functional.int8_vectorwise_quant(torch.randn(32, 128).half())
    stored["bitsandbytes.int8.weight"] = weight
    stored["bitsandbytes.int8.SCB"] = scale
    stored["bitsandbytes.int8.weight_format"] = torch.tensor(0, dtype=torch.uint8)
    numbers["bitsandbytes.int8.weight"] = functional.int8_vectorwise_dequant(weight, scale)


def quanto(kind: str, weights) -> None:
    layer = torch.nn.Sequential(torch.nn.Linear(128, 32, bias=False))
    quantize(layer, weights=weights)
    freeze(layer)
    stored.update({key.replace("0.", f"quanto.{kind}.", 1): value for key, value in layer.state_dict().items()})
    numbers[f"quanto.{kind}.weight"] = layer[0].weight.dequantize()


def torchao(kind: str, config) -> None:
    layer = torch.nn.Sequential(torch.nn.Linear(128, 32, bias=False))
    quantize_(layer, config)
    weight = layer[0].weight
    parts = {"qdata": weight.qdata, "scale": weight.scale, "zero_point": getattr(weight, "zero_point", None)}
    stored.update({f"torchao.{kind}._weight_{key}": value for key, value in parts.items() if value is not None})
    numbers[f"torchao.{kind}.weight"] = weight.dequantize()


for kind in ("nf4", "fp4"):
    for nested in (False, True):
        four_bits(kind, nested, torch.float32, 32, 128, 64)
four_bits("nf4", True, torch.bfloat16, 32, 128, 64)
four_bits("nf4", False, torch.float32, 24, 48, 64)  # blocks that do not end with rows
int8()
quanto("int8", qint8)
quanto("float8", qfloat8)
torchao("int8", Int8WeightOnlyConfig())
torchao("float8", Float8WeightOnlyConfig())
save_file({key: value.contiguous() for key, value in stored.items()}, FOLDER / "quantized.safetensors")
save_file({key: value.contiguous() for key, value in numbers.items()}, FOLDER / "dequantized.safetensors")
