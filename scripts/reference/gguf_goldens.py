"""Golden of @denoise/gguf: a file with a tensor of each type that is read, and its numbers by the gguf package.

    deno task goldens quantization

writes plugins/foundations/gguf/testdata/types.gguf and types.safetensors. The bytes of quantized tensors are random, with
finite float16 numbers where a scale lies.
"""

import json
import struct
from pathlib import Path

import numpy as np
from gguf import GGMLQuantizationType as Type
from gguf import GGUFWriter
from gguf.constants import GGML_QUANT_SIZES
from gguf.quants import dequantize, quantize

FOLDER = Path(__file__).resolve().parents[2] / "plugins/foundations/gguf/testdata"
# bytes of a block at which its float16 numbers lie
SCALES = {"Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0], "Q5_1": [0, 2], "Q8_0": [0], "Q2_K": [80, 82], "Q3_K": [108],
          "Q4_K": [0, 2], "Q5_K": [0, 2], "Q6_K": [208]}
random = np.random.RandomState(0)
writer = GGUFWriter(FOLDER / "types.gguf", "sd1")
numbers: dict[str, np.ndarray] = {}


def blocks(name: str, rows: int, columns: int) -> None:
    size, length = GGML_QUANT_SIZES[Type[name]]
    raw = random.randint(0, 256, (rows, columns // size * length)).astype(np.uint8)
    each = raw.reshape(-1, length)
    for place in SCALES[name]:
        each[:, place:place + 2] = random.uniform(-0.1, 0.1, (len(each), 1)).astype(np.float16).view(np.uint8)
    writer.add_tensor(f"t.{name}", raw, raw_dtype=Type[name])
    numbers[f"t.{name}"] = dequantize(raw, Type[name])


def plain() -> None:
    floats = random.randn(3, 5).astype(np.float32)
    halves = floats.astype(np.float16)
    upper = (floats.view(np.uint32) >> 16).astype(np.uint16)
    writer.add_tensor("t.F32", floats)
    writer.add_tensor("t.F16", halves)
    writer.add_tensor("t.BF16", upper.view(np.uint8).reshape(3, 10), raw_dtype=Type.BF16)
    numbers["t.F32"] = floats
    numbers["t.F16"] = halves.astype(np.float32)
    numbers["t.BF16"] = (upper.astype(np.uint32) << 16).view(np.float32)


def reshaped() -> None:
    """A convolution as ComfyUI-GGUF writes it: in rows that blocks fit, its shape beside it."""
    weight = random.randn(4, 8, 3, 3).astype(np.float32)
    raw = quantize(weight.reshape(-1, 32), Type.Q8_0)
    writer.add_tensor("t.conv", raw, raw_dtype=Type.Q8_0)
    writer.add_array("comfy.gguf.orig_shape.t.conv", [4, 8, 3, 3])
    numbers["t.conv"] = dequantize(raw, Type.Q8_0).reshape(4, 8, 3, 3)


def save(path: Path) -> None:
    header, place = {}, 0
    for name, value in sorted(numbers.items()):
        end = place + value.size * 4
        header[name] = {"dtype": "F32", "shape": list(value.shape), "data_offsets": [place, end]}
        place = end
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    data = b"".join(np.ascontiguousarray(value, np.float32).tobytes() for _, value in sorted(numbers.items()))
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


if __name__ == "__main__":
    writer.add_array("words", ["a", "bé"])
    writer.add_float32("half", 0.5)
    writer.add_bool("yes", True)
    for name in SCALES:
        blocks(name, rows=6, columns=512)
    plain()
    reshaped()
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    save(FOLDER / "types.safetensors")
