"""Runs schedulers of diffusers over whole trajectories and writes down every step.

    python scheduler_trajectories.py                  all of scheduler_cases.py, into tests/golden/schedulers
    python scheduler_trajectories.py ClassName ...    only these classes
    python scheduler_trajectories.py --live           cases as a JSON list on stdin, records as a JSON list on stdout

A case names a class, its config and how it is run; a record is the case with everything the run gave. Both are described
in tests/golden/README.md. The model is a formula that any language computes to the same bit, see `fake_model`.
"""

import contextlib
import hashlib
import inspect
import json
import sys
import warnings

import diffusers
import numpy
import torch

from common import GOLDEN, b64, generator, seed_of, unb64, versions, write_json
from scheduler_calls import CALLS, Calls

COMMAND = "scripts/reference/scheduler_trajectories.py"


def fake_model(x: torch.Tensor, t: float, bias: torch.Tensor, channels: int = 1) -> torch.Tensor:
    """round(round(x * c) + bias) in float32, c = float32(1 / (1 + t / 1000)).

    With `channels` 2 (learned variances) the output has a second half: min(|first half|, 1).
    """
    out = x * torch.tensor(1 / (1 + t / 1000), dtype=torch.float32) + bias
    return torch.cat([out, out.abs().clamp(max=1)], dim=1) if channels == 2 else out


@contextlib.contextmanager
def recorded_noise(scheduler, noises: list):
    """Collects what the scheduler's module draws with randn_tensor."""
    module = sys.modules[type(scheduler).__module__]
    original = getattr(module, "randn_tensor", None)
    if original is None:
        yield
        return

    def draw(*args, **kwargs):
        noise = original(*args, **kwargs)
        noises.append(noise)
        return noise

    module.randn_tensor = draw
    try:
        yield
    finally:
        module.randn_tensor = original


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


def sha256(tensor) -> str | None:
    if not isinstance(tensor, torch.Tensor):
        return None
    return hashlib.sha256(tensor.to(torch.float32).numpy().tobytes()).hexdigest()


def numbers(tensor) -> list[float] | None:
    if tensor is None:
        return None
    return torch.as_tensor(numpy.asarray(tensor)).to(torch.float64).reshape(-1).tolist()


def run(case: dict) -> dict:
    shape = case.get("shape", [2, 3, 4, 4])
    seed = case.get("seed", seed_of(f"{case['class_name']}/{case['name']}"))
    draw = generator(seed)
    sample = unb64(case["sample"], shape) if "sample" in case else torch.randn(shape, generator=draw)
    bias = unb64(case["bias"], shape) if "bias" in case else 0.2 * torch.randn(shape, generator=draw)

    scheduler = make(case)
    calls = CALLS.get(case["class_name"], Calls)(scheduler, bias, case)
    record = {
        **case, **calls.fields, "seed": seed, "shape": shape, "string": str(scheduler),
        "betas_sha256": sha256(getattr(scheduler, "betas", None)),
        "alphas_cumprod_sha256": sha256(getattr(scheduler, "alphas_cumprod", None)),
        "training_timesteps_sha256": sha256(getattr(scheduler, "timesteps", None)),
    }
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
        "sample": b64(sample), "bias": b64(bias),
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
        options["generator"] = generator(seed + 1)
    noises, steps = [], []
    with recorded_noise(scheduler, noises):
        for i in range(begin, len(timesteps)):
            model = lambda x, t: fake_model(x, float(t), bias, 2 if learned else 1)  # noqa: E731
            sample, denoised = calls.step(model, i, sample, options)
            steps.append({"prev_sample": b64(sample)} | ({} if denoised is None else {"pred_original_sample": b64(denoised)}))
    return record | {"steps": steps, "noises": [b64(noise) for noise in noises]}


def run_or_error(case: dict) -> dict:
    """The record, or the case with the error that diffusers raises for it."""
    try:
        return run(case)
    except Exception as error:  # noqa: BLE001 - whatever diffusers raises is the answer
        return {**case, "error": f"{type(error).__name__}: {error}"}


def main(arguments: list[str]) -> None:
    warnings.simplefilter("ignore")
    if arguments == ["--live"]:
        json.dump([run_or_error(case) for case in json.load(sys.stdin)], sys.stdout)
        return
    from scheduler_cases import CASES

    for class_name in arguments or CASES:
        cases = CASES[class_name]
        records = [run({"class_name": class_name, **case}) for case in cases]
        broken = [r["name"] for r in records if not torch.isfinite(unb64(r["steps"][-1]["prev_sample"], r["shape"])).all()]
        if broken:
            raise SystemExit(f"{class_name}: not finite in {broken}")
        path = GOLDEN / "schedulers" / f"{class_name}.json"
        write_json(path, {"versions": versions(), "command": COMMAND, "cases": records})
        print(f"{class_name}: {len(records)} cases, {path.stat().st_size // 1000} kB", file=sys.stderr)


if __name__ == "__main__":
    main(sys.argv[1:])
