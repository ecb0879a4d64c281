"""Runs a scheduler of diffusers over a whole trajectory and writes down what it gave.

A case names a class, its config and how it is run; a record is the case with what the run gave, see SchedulerRecord in
plugins/foundations/testing/replay.ts. The model is a formula that any language computes to the same bit, see `fake_model`.
First sample and bias are `randn` of the record's seed, so they are not written down.
"""

import base64
import inspect
import json
import math

import diffusers
import numpy
import torch

from common import b64, generator
from scheduler_calls import CALLS, Calls


def fake_model(x: torch.Tensor, t: float, bias: torch.Tensor, channels: int = 1) -> torch.Tensor:
    """round(round(x * c) + bias) in float32, c = float32(1 / (1 + t / 1000)).

    With `channels` 2 (learned variances) the output has a second half: min(|first half|, 1).
    """
    out = x * torch.tensor(1 / (1 + t / 1000), dtype=torch.float32) + bias
    return torch.cat([out, out.abs().clamp(max=1)], dim=1) if channels == 2 else out


def make(case: dict):
    cls = getattr(diffusers.schedulers, case["class_name"])
    if "from" not in case:
        return cls(**CALLS.get(case["class_name"], Calls).config(case.get("config", {})))
    source = case["from"]
    if "through" in case:  # loaded by its own class first, which remembers the values it had only by default
        first = getattr(diffusers, source["_class_name"]).from_config(source)
        # ... and on disk does not say that it had them by default only
        source = first.config if case["through"] == "memory" else json.loads(first.to_json_string())
    return cls.from_config(source, **case.get("config", {}))


def numbers(tensor) -> list[float] | None:
    if tensor is None:
        return None
    return torch.as_tensor(numpy.asarray(tensor)).to(torch.float64).reshape(-1).tolist()


def floats(tensors: list) -> str:
    """float32 numbers of all of them, base64."""
    arrays = [tensor.reshape(-1).to(torch.float32).numpy() for tensor in tensors]
    return base64.b64encode(numpy.concatenate(arrays).astype("<f4").tobytes()).decode()


def step_between(shape: list[int]) -> int:
    """Of all samples but the last every so manyth number is kept, no factor of a side, so that they lie all over it."""
    return next((every for every in (5, 7, 11) if math.prod(shape) > 2 * every and all(side % every for side in shape)), 1)


def run(case: dict) -> dict:
    """The record; None where the run ends in numbers that are none."""
    shape = case["shape"]
    draw = generator(case["seed"])
    sample, bias = torch.randn(shape, generator=draw), 0.2 * torch.randn(shape, generator=draw)

    scheduler = make(case)
    calls = CALLS.get(case["class_name"], Calls)(scheduler, bias, case)
    record = {**case, **calls.fields, "string": str(scheduler)}
    plan = case["set_timesteps"]
    if "sigmas" in plan and case["class_name"].startswith("UniPC"):  # takes arrays only
        plan = {**plan, "sigmas": numpy.array(plan["sigmas"])}
    calls.plan(plan)
    timesteps, order = calls.timesteps, getattr(scheduler, "order", 1)
    begin = case.get("begin", 0) * order
    if begin and hasattr(scheduler, "set_begin_index"):
        scheduler.set_begin_index(begin)
    sample = calls.first(sample)
    record |= {
        "timesteps": numbers(timesteps),
        "sigmas": numbers(getattr(scheduler, "sigmas", None)),
        "init_noise_sigma": float(getattr(scheduler, "init_noise_sigma", 1.0)),
        "order": order,
    }
    if hasattr(scheduler, "add_noise") and not case.get("skip_add_noise"):
        at = calls.noise_timesteps(torch.linspace(begin, len(timesteps) - 1, shape[0]).long())
        record["add_noise"] = {"timesteps": numbers(at), "result": b64(scheduler.add_noise(bias, sample, at))}
    if hasattr(scheduler, "get_velocity"):
        at = timesteps[: shape[0]]
        record["get_velocity"] = {"timesteps": numbers(at), "result": b64(scheduler.get_velocity(sample, bias, at))}

    learned = str(case.get("config", {}).get("variance_type", "")).startswith("learned")
    if hasattr(scheduler, "batch_step_no_noise"):
        at = timesteps[torch.linspace(0, len(timesteps) - 1, shape[0]).long()]
        output = fake_model(sample, 0.0, bias, 2 if learned else 1)
        record["batch_step"] = {"timesteps": numbers(at), "result": b64(scheduler.batch_step_no_noise(output, at, sample))}
    drawing = next(getattr(scheduler, name) for name in ("step_pred", "add_noise_to_input", "step") if hasattr(scheduler, name))
    takes = inspect.signature(drawing).parameters
    options = dict(case.get("step", {}))
    if "generator" in takes:
        options["generator"] = generator(case["seed"] + 1)
    samples, denoised = [], None
    for i in range(begin, len(timesteps)):
        model = lambda x, t: fake_model(x, float(t), bias, 2 if learned else 1)  # noqa: E731
        sample, denoised = calls.step(model, i, sample, options)
        samples.append(sample)
    if not all(torch.isfinite(sample).all() for sample in samples):
        return None
    every = step_between(shape)
    record |= {"every": every} if every > 1 else {}
    record["prev_samples"] = floats([*(sample.reshape(-1)[::every] for sample in samples[:-1]), *samples[-1:]])
    return record | ({} if denoised is None else {"last_pred_original": floats([denoised])})


def run_or_error(case: dict) -> dict | None:
    """The record, or the case with the error that diffusers raises for it."""
    try:
        return run(case)
    except Exception as error:  # noqa: BLE001 - whatever diffusers raises is the answer
        if type(error) is NameError:  # a mistake of ours; one of diffusers is an UnboundLocalError
            raise
        return {**case, "error": f"{type(error).__name__}: {error}"}
