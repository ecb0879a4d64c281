"""Checkpoints, learning rates, averages and logs that every stage shares."""

import json
import math
import time
from pathlib import Path

import torch

EIGHT_BITS = torch.float8_e4m3fn
ALIGNED = 64
"""Numbers of which a whole multiple lies before each weight: kernels want addresses that are multiples of 16 bytes."""


def rate(elapsed: float, hold: float = 0.5, low: float = 0.01) -> float:
    """The learning rate at a share of the time, next to its peak: it is held, then falls as a cosine does."""
    if elapsed < hold:
        return 1.0
    return low + (1 - low) * 0.5 * (1 + math.cos(math.pi * min(1.0, (elapsed - hold) / (1 - hold))))


class Progress:
    """What a stage needs to go on after an interruption, how far its time has run, and the log of how it went."""

    def __init__(self, folder: Path, stage: str, parts: dict, budget: float):
        self.folder, self.stage, self.parts, self.budget = folder, stage, parts, budget
        self.file = folder / f"{stage}.ckpt"
        self.step, self.seconds, self.log = 0, 0.0, []
        if self.file.exists():
            saved = torch.load(self.file, weights_only=False, map_location="cpu")
            for name, part in parts.items():
                part.load_state_dict(saved[name])
            self.step, self.seconds, self.log = saved["step"], saved["seconds"], saved["log"]
            print(f"{stage}: goes on at step {self.step}", flush=True)
        self.started = self.told = time.time()
        self.sums: dict[str, tuple[torch.Tensor | int, int]] = {}

    def start(self) -> None:
        """What came before (compiling, waiting) does not count."""
        self.started = self.told = time.time()

    def elapsed(self) -> float:
        return self.seconds + time.time() - self.started

    def share(self) -> float:
        """0 at the start, 1 when the time is over."""
        return min(1.0, self.elapsed() / self.budget)

    def add(self, **values: torch.Tensor) -> None:
        for key, value in values.items():
            sum_, count = self.sums.get(key, (0, 0))
            self.sums[key] = (sum_ + value.detach().float(), count + 1)

    def due(self, seconds: float) -> bool:
        """Whether the last report is that long ago."""
        return time.time() - self.told >= seconds

    def report(self, batch: int) -> None:
        row = {"step": self.step, "seconds": round(self.elapsed(), 1), "images": self.step * batch}
        row |= {key: round(float(sum_) / count, 5) for key, (sum_, count) in self.sums.items()}
        self.log.append(row)
        print(self.stage, json.dumps(row), flush=True)
        self.sums, self.told = {}, time.time()

    def save(self) -> None:
        state = {name: part.state_dict() for name, part in self.parts.items()}
        state |= {"step": self.step, "seconds": self.elapsed(), "log": self.log}
        part = self.file.with_suffix(".part")
        torch.save(state, part)
        part.replace(self.file)


def in_eight_bits(name: str, value: torch.Tensor) -> bool:
    """Which weights are stored in 8 bits: all matrices and kernels but the first and the last layer."""
    return value.ndim > 1 and not name.startswith(("conv_in.", "conv_out."))


class Master(torch.nn.Module):
    """The precise weights behind models that compute with what will be stored, so that rounding is trained for.

    The models hold bfloat16 numbers, rounded to 8 bits where `in_eight_bits` says so (`eight`); gradients go to the weights here
    in float32 (a straight-through estimator), and `average` is their exponential moving average, which is exported.
    All lie in one piece of memory: first what is stored in 8 bits, then the rest; parameters of the models are views.
    """

    def __init__(self, models: dict[str, torch.nn.Module], decay: float, eight: bool = True):
        super().__init__()
        named = [(part, name, p) for part, model in models.items() for name, p in model.named_parameters()]
        named.sort(key=lambda row: not in_eight_bits(row[1], row[2]))
        self.decay = decay
        self.places: list[tuple[str, str, torch.Size, int]] = []
        at = self.eight = 0
        for part, name, p in named:
            self.places.append((part, name, p.shape, at))
            at += -(-p.numel() // ALIGNED) * ALIGNED
            self.eight = at if eight and in_eight_bits(name, p) else self.eight
        precise = torch.zeros(at, device=named[0][2].device)
        for (_, _, _, at), (_, _, p) in zip(self.places, named):
            precise[at : at + p.numel()] = p.detach().float().flatten()
        self.weights = torch.nn.Parameter(precise)
        self.average = torch.nn.Parameter(precise.clone(), requires_grad=False)
        self.given = torch.zeros_like(precise, dtype=torch.bfloat16)
        self.slopes = torch.zeros_like(self.given)
        for (_, _, shape, at), (_, _, p) in zip(self.places, named):
            p.data = self.given[at : at + p.numel()].view(shape)
            p.grad = self.slopes[at : at + p.numel()].view(shape)
        self.weights.grad = torch.zeros_like(precise)
        self.round()

    @torch.no_grad()
    def round(self, of: torch.Tensor | None = None) -> None:
        """Puts what would be stored into the models; of the average when it is given."""
        of = self.weights if of is None else of
        self.given[: self.eight] = of[: self.eight].to(EIGHT_BITS).bfloat16()
        self.given[self.eight :] = of[self.eight :].bfloat16()

    @torch.no_grad()
    def step(self, optimizer: torch.optim.Optimizer, number: int) -> torch.Tensor:
        """One step of the optimizer by the models' gradients, which become zero; -> their norm."""
        self.weights.grad.copy_(self.slopes).nan_to_num_(0.0, 0.0, 0.0)
        self.slopes.zero_()
        norm = torch.nn.utils.clip_grad_norm_([self.weights], 1.0)
        optimizer.step()
        self.round()
        self.average.lerp_(self.weights, 1 - min(self.decay, (1 + number) / (10 + number)))
        return norm

    @torch.no_grad()
    def begin_with(self, part: str, weights: dict[str, torch.Tensor]) -> None:
        """Takes the weights of an earlier run, by name, for a model; what has another shape now stays as it is."""
        weights = {name.removeprefix("text_model."): value for name, value in weights.items()}
        for owner, name, shape, at in self.places:
            name = name.removeprefix("text_model.")
            if owner == part and name in weights and weights[name].shape == shape:
                for flat in (self.weights, self.average):
                    flat[at : at + shape.numel()] = weights[name].flatten().to(flat)
        self.round()

    def averages(self, part: str, dtype: torch.dtype = torch.float16) -> dict[str, torch.Tensor]:
        """The averaged weights of a model, by name."""
        flat = self.average.detach().to(dtype).cpu()
        return {
            name: flat[at : at + shape.numel()].view(shape).clone()
            for owner, name, shape, at in self.places
            if owner == part
        }
