"""Writes plugins/foundations/schedules/testdata/brownian.json: what numpy's SeedSequence and torchsde's Brownian trees give.

    python brownian_goldens.py
"""

import warnings

import numpy
import torch
import torchsde
from diffusers.schedulers.scheduling_dpmsolver_sde import BrownianTreeNoiseSampler

from common import ROOT, b64, versions, write_json

DIMS = [2, 3, 2, 2]
SIGMAS = [14.5, 9.25, 4.33, 1.0078125, 0.3, 0.03125]  # 1/128 lies on the edge between two rounded times
SEEDS = [0, 5, 2**33 + 7, [3, 4]]


def seed_sequence(entropy: int, spawn_key: list[int]) -> dict:
    sequence = numpy.random.SeedSequence(entropy=entropy, spawn_key=tuple(spawn_key), pool_size=24)
    return {"entropy": str(entropy), "spawn_key": spawn_key, "state": sequence.generate_state(4).tolist()}


def noise(seed) -> dict:
    sigmas = torch.tensor(SIGMAS).tolist()
    sampler = BrownianTreeNoiseSampler(torch.zeros(DIMS), sigmas[-1], sigmas[0], seed)
    steps = [sampler(a, b) for a, b in zip(sigmas, sigmas[1:])] + [sampler(sigmas[1], sigmas[3])]
    return {"seed": str(seed) if isinstance(seed, int) else seed, "noise": b64(torch.stack(steps))}


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    keys = [(0, []), (123, [0, 0]), (2**40 + 5, [3, 2]), (77, [2**33, 34])]
    write_json(ROOT / "plugins/foundations/schedules/testdata/brownian.json", {
        "versions": {**versions(), "torchsde": torchsde.__version__},
        "command": "scripts/reference/brownian_goldens.py",
        "dims": DIMS,
        "sigmas": torch.tensor(SIGMAS).tolist(),
        "seed_sequences": [seed_sequence(*key) for key in keys],
        "paths": [noise(seed) for seed in SEEDS],
    })
