"""What the reference scripts share: folders, versions, and how tensors are written down."""

import base64
import json
import math
import platform
import re
import sys
import zlib
from hashlib import sha256
from pathlib import Path

import diffusers
import numpy
import torch
import transformers
from safetensors.torch import load_file, save_file

from weight_rules import numbers_of, record, rules_of

ROOT = Path(__file__).resolve().parents[2]
FIXTURES = ROOT / "tests" / "fixtures"
GOLDEN = ROOT / "tests" / "golden"

torch.set_num_threads(1)
diffusers.utils.logging.set_verbosity_error()
transformers.utils.logging.set_verbosity_error()
diffusers.utils.logging.disable_progress_bar()
if Path(sys.argv[0]).stem.endswith(("goldens", "repos")):  # a maker of fixtures
    record(FIXTURES, GOLDEN / "lora")


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
    """A key a line, and of a list of objects one a line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("{" + ",\n".join(f"{compact(key)}:{rows(item)}" for key, item in value.items()) + "}\n")


def rows(item) -> str:
    if isinstance(item, list) and item and all(isinstance(one, dict) for one in item):
        return "[\n" + ",\n".join(compact(one) for one in item) + "\n]"
    return compact(item)


def compact(value) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


# so many numbers of a large and of a small result are kept, spread over all of it
KEPT, KEPT_OF_SMALL = 256, 64


def write_golden(
    path: Path, command: str, cases: list[dict], tensors: dict[str, torch.Tensor], results: str | None = r"\.outputs\.", **head
) -> None:
    """Writes PATH.json with the versions, the command, the head and the cases, and the tensors in two files: PATH.rules says what
    was drawn, PATH.safetensors has the rest; of the outputs of cases, and of tensors whose name `results` matches, it has a part
    (all of them with None)."""
    outputs = [stored["tensor"] for case in cases for stored in case.get("outputs", {}).values() if isinstance(stored, dict)]
    write_tensors(path, tensors, results and "|".join([results, *(f"^{re.escape(name)}$" for name in outputs)]))
    write_json(path.with_suffix(".json"), {"versions": versions(), "command": command, **head, "cases": cases})


# images and tensors that calls are given, each in a file by itself, which several goldens name
INPUTS = "inputs/"


def input_name(tensor: torch.Tensor) -> str:
    """By what the tensor holds."""
    tensor = tensor.contiguous()
    return INPUTS + sha256(f"{tensor.dtype} {tuple(tensor.shape)} ".encode() + tensor.numpy().tobytes()).hexdigest()[:12]


# by the name of an input the line that says how it is made, where draws alone do not
MADE_INPUTS: dict[str, str] = {}


def write_input(name: str, tensor: torch.Tensor) -> None:
    """HASH.rules of what is made from draws, HASH.safetensors of the rest."""
    lines, rest = ([MADE_INPUTS[name]], {}) if name in MADE_INPUTS else rules_of({"value": tensor})
    if rest:
        save_file({"value": tensor}, GOLDEN / f"{name}.safetensors")
    else:
        (GOLDEN / f"{name}.rules").write_text("\n".join(lines) + "\n")
    (GOLDEN / f"{name}.{'rules' if rest else 'safetensors'}").unlink(missing_ok=True)


def write_tensors(path: Path, tensors: dict[str, torch.Tensor], results: str | None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    tensors = {name: tensor.detach().clone().contiguous() for name, tensor in tensors.items()}
    is_result = re.compile(results).search if results else lambda _: None
    if results:
        for name in [name for name in tensors if name.startswith(INPUTS)]:
            write_input(name, tensors.pop(name))
    rules, rest = rules_of({name: tensor for name, tensor in tensors.items() if results and not is_result(name)})
    stored, thinned = {name: tensors[name] for name in tensors if is_result(name) or name in rest or not results}, {}
    for name, tensor in stored.items():
        if is_result(name) and (every := step_between(tensor)) > 1:
            stored[name] = tensor.reshape(-1)[::every].contiguous()
            thinned[name] = [every, float(tensor.abs().max()), *tensor.shape]
    save_file(stored, path.with_suffix(".safetensors"), {"thinned": json.dumps(thinned)} if thinned else None)
    if rules:
        path.with_suffix(".rules").write_text("\n".join(rules) + "\n")
    else:
        path.with_suffix(".rules").unlink(missing_ok=True)


def step_between(tensor: torch.Tensor) -> int:
    """Every so manyth number is kept. It has no factor in common with a side, so that they lie in all rows and columns."""
    if tensor.dtype not in (torch.float32, torch.uint8) or tensor.numel() <= 2 * KEPT_OF_SMALL:
        return 1
    every = tensor.numel() // (KEPT if tensor.numel() > 2 * KEPT else KEPT_OF_SMALL)
    while any(math.gcd(every, side) > 1 for side in tensor.shape):
        every += 1
    return every


def read_golden(path: Path) -> tuple[dict, dict[str, torch.Tensor]]:
    """The head of a golden and its tensors, of results only what is kept."""
    rules = path.with_suffix(".rules")
    drawn = numbers_of(rules.read_text()) if rules.exists() else {}
    return json.loads(path.with_suffix(".json").read_text()), {**load_file(path.with_suffix(".safetensors")), **drawn}
