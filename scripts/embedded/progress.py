"""Checkpoints, learning rates and logs that every stage shares."""

import json
import time
from pathlib import Path

import torch


def rate(step: int, steps: int, decay: int, warmup: int = 100) -> float:
    """Warm up, hold, and fall linearly over the last `decay` steps: a run may be prolonged until it falls."""
    return min(1.0, (step + 1) / warmup, max(0.02, (steps - step) / max(1, decay)))


def generator(seed: int, step: int) -> torch.Generator:
    """The randomness of one step depends on the seed and the step alone, so a resumed run goes the same way."""
    return torch.Generator().manual_seed(seed * 1_000_003 + step)


class Progress:
    """Keeps what a stage needs to go on after an interruption, and the log of how it went."""

    def __init__(self, folder: Path, stage: str, parts: dict):
        self.folder, self.stage, self.parts = folder, stage, parts
        self.file = folder / f"{stage}.ckpt"
        self.step, self.seconds, self.log = 0, 0.0, []
        if self.file.exists():
            saved = torch.load(self.file, weights_only=False)
            for name, part in parts.items():
                part.load_state_dict(saved[name])
            self.step, self.seconds, self.log = saved["step"], saved["seconds"], saved["log"]
            print(f"{stage}: goes on at step {self.step}", flush=True)
        self.started = time.time()
        self.sums: dict[str, float] = {}
        self.count = 0

    def elapsed(self) -> float:
        return self.seconds + time.time() - self.started

    def add(self, **values: float) -> None:
        for key, value in values.items():
            self.sums[key] = self.sums.get(key, 0.0) + value
        self.count += 1

    def report(self) -> None:
        row = {"step": self.step, "seconds": round(self.elapsed())}
        row |= {key: round(value / self.count, 5) for key, value in self.sums.items()}
        self.log.append(row)
        print(self.stage, json.dumps(row), flush=True)
        self.sums, self.count = {}, 0

    def save(self) -> None:
        state = {name: part.state_dict() for name, part in self.parts.items()}
        state |= {"step": self.step, "seconds": self.elapsed(), "log": self.log}
        part = self.file.with_suffix(".part")
        torch.save(state, part)
        part.replace(self.file)


class Average(torch.nn.Module):
    """An exponential moving average of parameters, which is what is exported."""

    def __init__(self, parameters, decay: float):
        super().__init__()
        self.source = list(parameters)
        self.decay = decay
        self.shadow = torch.nn.ParameterList(
            [torch.nn.Parameter(p.detach().clone(), requires_grad=False) for p in self.source]
        )

    @torch.no_grad()
    def update(self, step: int) -> None:
        weight = 1 - min(self.decay, (1 + step) / (10 + step))
        torch._foreach_lerp_(list(self.shadow), self.source, weight)

    @torch.no_grad()
    def swap(self) -> None:
        """Exchanges the averaged and the trained weights; a second call exchanges them back."""
        for average, trained in zip(self.shadow, self.source):
            kept = trained.detach().clone()
            trained.copy_(average)
            average.copy_(kept)
