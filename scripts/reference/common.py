"""What the reference scripts share: folders, versions, and how tensors are written down."""

import base64
import json
import platform
import sys
import zlib
from pathlib import Path

import diffusers
import numpy
import torch
import transformers
from safetensors.torch import save_file

from weight_rules import record

ROOT = Path(__file__).resolve().parents[2]
FIXTURES = ROOT / "tests" / "fixtures"
GOLDEN = ROOT / "tests" / "golden"

torch.set_num_threads(1)
diffusers.utils.logging.set_verbosity_error()
transformers.utils.logging.set_verbosity_error()
diffusers.utils.logging.disable_progress_bar()
if Path(sys.argv[0]).stem.endswith(("goldens", "repos")):  # a maker of fixtures
    record(FIXTURES)


def versions() -> dict:
    """The versions that a golden file carries."""
    return {
        "diffusers": diffusers.__version__,
        "transformers": transformers.__version__,
        "torch": torch.__version__,
        "numpy": numpy.__version__,
        "python": platform.python_version(),
    }


def generator(seed: int) -> torch.Generator:
    return torch.Generator("cpu").manual_seed(seed)


def seed_of(name: str) -> int:
    """A seed that depends on the name alone, so that adding a case leaves the others as they are."""
    return zlib.crc32(name.encode()) & 0x7FFFFFFF


def b64(tensor: torch.Tensor) -> str:
    """The tensor's little-endian float32 bytes."""
    return base64.b64encode(tensor.detach().to(torch.float32).contiguous().numpy().tobytes()).decode()


def unb64(text: str, shape: list[int]) -> torch.Tensor:
    return torch.from_numpy(numpy.frombuffer(base64.b64decode(text), "<f4").copy()).reshape(shape)


def write_json(path: Path, value: dict) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n")


def write_golden(path: Path, command: str, cases: list[dict], tensors: dict[str, torch.Tensor]) -> None:
    """Writes PATH.safetensors and, beside it, PATH.json with the versions, the command and the cases."""
    path.parent.mkdir(parents=True, exist_ok=True)
    contiguous = {name: tensor.detach().clone().contiguous() for name, tensor in tensors.items()}
    save_file(contiguous, path.with_suffix(".safetensors"))
    write_json(path.with_suffix(".json"), {"versions": versions(), "command": command, "cases": cases})
