"""Makes core/testdata/*.json: what torch and diffusers give for the numbers in core.

    python scripts/reference/core_goldens.py [random|schedules|config|quantile ...]

Large arrays are stored as a SHA-256 of their little-endian bytes and a few values.
"""

import base64
import hashlib
import json
import random
import sys
from pathlib import Path

import diffusers
import numpy as np
import scipy
import torch

torch.set_num_threads(1)
OUT = Path(__file__).parents[2] / "core" / "testdata"
VERSIONS = {
    "torch": torch.__version__,
    "diffusers": diffusers.__version__,
    "numpy": np.__version__,
    "scipy": scipy.__version__,
    "command": "python scripts/reference/core_goldens.py",
}


def digest(values):
    array = np.ascontiguousarray(values.numpy() if isinstance(values, torch.Tensor) else values)
    return hashlib.sha256(array.tobytes()).hexdigest()[:32]


def lines(value, depth):
    """JSON with one line for each value of the outer levels."""
    inner = "\n" + " " * depth
    if depth > 2 or not value or not isinstance(value, (dict, list)):
        return json.dumps(value, separators=(",", ":"))
    if isinstance(value, list):
        return "[" + ",".join(inner + lines(item, depth + 1) for item in value) + "]"
    items = (f"{inner}{json.dumps(key)}:{lines(item, depth + 1)}" for key, item in value.items())
    return "{" + ",".join(items) + "}"


def write(name, value):
    text = lines({"versions": VERSIONS, **value}, 0)
    (OUT / f"{name}.json").write_text(text + "\n")
    print(name, len(text))


def draw(generator, call):
    op, *args = call
    if op == "randn":
        return torch.randn(args[0], generator=generator)
    if op == "randn64":
        return torch.randn(args[0], generator=generator, dtype=torch.float64)
    if op == "randn16":
        return torch.randn(args[0], generator=generator, dtype=torch.float16)
    if op == "rand":
        return torch.rand(args[0], generator=generator)
    if op == "rand64":
        return torch.rand(args[0], generator=generator, dtype=torch.float64)
    if op == "randint":
        return torch.randint(args[0], args[1], args[2], generator=generator)
    if op == "randperm":
        return torch.randperm(args[0], generator=generator)
    raise ValueError(op)


def random_goldens():
    seeds = [0, 1, 2, 7, 42, 123, 1000, 1234, 31337, 65535, 2**31 - 1, 2**31, 2**32 - 1, 2**32,
             2**32 + 7, 2**53, 2**63 - 1, 2**63, 2**64 - 1, -1, -2, -(2**31), -(2**63), 99991]
    shapes = [[1], [2], [3], [5], [15], [16], [17], [31], [32], [33], [100], [1000], [0], [],
              [1, 3, 8, 8], [1, 4, 64, 64], [2, 4, 9, 7], [1, 3, 256, 256]]
    pick = random.Random(0)
    cases = []
    for index, seed in enumerate(seeds):
        generator = torch.Generator("cpu").manual_seed(seed)
        calls = [["randn", shapes[index % len(shapes)]], ["randn", shapes[(index * 7 + 3) % len(shapes)]]]
        for _ in range(10):
            op = pick.choice(["randn", "randn", "randn", "rand", "randint", "randperm", "randn64", "randn16", "rand64"])
            if op == "randint":
                low, high = pick.choice([(0, 10), (0, 1000), (-5, 6), (0, 2**28 - 1), (0, 2**28),
                                         (0, 2**28 + 1), (0, 2**31), (-(2**40), 2**45), (0, 1)])
                calls.append([op, low, high, pick.choice([[1], [7], [3, 4]])])
            elif op == "randperm":
                calls.append([op, pick.choice([0, 1, 2, 10, 1000])])
            else:
                calls.append([op, pick.choice(shapes[:15])])
        results = []
        for call in calls:
            values = draw(generator, call)
            results.append({"call": call, "sha256": digest(values),
                            "first": [float(x) for x in values.flatten()[:2]]})
        cases.append({"seed": str(seed), "initial_seed": str(generator.initial_seed()), "draws": results})
    write("random", {"cases": cases})


GOLDENS = {"random": random_goldens}

if __name__ == "__main__":
    for name in sys.argv[1:] or GOLDENS:
        GOLDENS[name]()
