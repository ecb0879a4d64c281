"""Runs a scheduler of diffusers with each of its options by itself and with random combinations of them.

    python scheduler_goldens.py                   goldens of all packages: plugins/schedulers/*/testdata/goldens.json
    python scheduler_goldens.py ddim pndm ...     only these packages
    python scheduler_goldens.py --live SEED N ddim ...   N random combinations each, records as JSON lines on stdout

The options come from the signature of the class; their values from its annotations and from scheduler_options.py, which
also says what else a class is run with. What diffusers refuses is written down with its error. First sample and bias
are `randn` of the record's seed, so they are not written down.
"""

import base64
import inspect
import itertools
import json
import math
import random
import sys
import types
import typing
import warnings

import diffusers
import numpy

from common import ROOT, seed_of, unb64, versions
from scheduler_options import CLASSES as USUAL
from scheduler_options import VALUES
from scheduler_special import CLASSES as SPECIAL
from scheduler_trajectories import run_or_error

SHAPE = [2, 3, 2, 2]  # small, but not a multiple of 16: the tail of torch.randn is drawn too
PACKAGES = ROOT / "plugins" / "schedulers"
CLASSES = USUAL | SPECIAL


def signature(class_name: str) -> dict[str, inspect.Parameter]:
    parameters = dict(inspect.signature(getattr(diffusers.schedulers, class_name).__init__).parameters)
    return {name: p for name, p in parameters.items() if name not in ("self", "kwargs")}


def literals(annotation) -> list:
    if typing.get_origin(annotation) is typing.Literal:
        return list(typing.get_args(annotation))
    if isinstance(annotation, types.UnionType) or typing.get_origin(annotation) is typing.Union:
        return list(itertools.chain.from_iterable(literals(a) for a in typing.get_args(annotation)))
    return []


def values_of(parameter: inspect.Parameter, extra: dict) -> list:
    """Each value that an option is tried with, its default left out."""
    values = extra.get(parameter.name, VALUES.get(parameter.name))
    if values is None:
        values = literals(parameter.annotation)
    if not values and isinstance(parameter.default, bool):
        values = [not parameter.default]
    if not values and not literals(parameter.annotation) and parameter.name not in extra:
        raise SystemExit(f"no values to try for the option {parameter.name}; add it to scheduler_options.py")
    # an option that needs others comes as a dict of all of them
    return [v for v in values if isinstance(v, dict) or v != parameter.default or type(v) is not type(parameter.default)]


def as_config(name: str, value) -> dict:
    return value if isinstance(value, dict) else {name: value}


def one_by_one(class_name: str, entry: dict) -> list[dict]:
    base, run = entry.get("base", {}), {"steps": 5, **entry.get("run", {})}
    cases = [case("defaults", base, run)]
    for name, parameter in signature(class_name).items():
        for value in values_of(parameter, entry.get("values", {})):
            config = {**base, **as_config(name, value)}
            cases.append(case(f"{name}={json.dumps(value)}"[:60], config, run))
    return cases + [case(name, {**base, **config}, {**run, **how}) for name, config, how in entry.get("cases", [])]


def at_random(class_name: str, entry: dict, dice: random.Random, count: int) -> list[dict]:
    cases = []
    for i in range(count):
        config = dict(entry.get("base", {}))
        for name, parameter in signature(class_name).items():
            if name in entry.get("fixed", ()):
                continue
            values = values_of(parameter, entry.get("values", {}))
            if values and dice.random() < entry.get("share", 0.3):
                config |= as_config(name, dice.choice(values))
        run = {**entry.get("run", {}), "steps": dice.randint(2, 9)}
        run["step"] = {**run.get("step", {}), **dice.choice(entry.get("steps", [{}]))}
        cases.append(case(f"random {i}", config, run))
    return cases


def case(name: str, config: dict, run: dict) -> dict:
    config = {k: v for k, v in config.items() if v is not ...}  # `...` takes a value of the base away
    run = dict(run)
    steps = run.pop("steps")
    plan = run.pop("plan", None) or {"num_inference_steps": steps}
    return {"name": name, "config": config, "set_timesteps": {**plan, **run.pop("plan_options", {})}, **run}


def slim(record: dict) -> dict:
    """A record without what the test can work out for itself."""
    kept = {k: record[k] for k in ("name", "config", "from", "set_timesteps", "step", "begin", "scale", "shape", "seed",
                                   "skip_add_noise", "undoes", "churns", "tensors", "tokens", "error", "timesteps", "sigmas", "init_noise_sigma", "order")
            if k in record}
    if "steps" not in record:
        return kept
    for key in ("add_noise", "get_velocity", "batch_step"):
        if key in record:
            kept[key] = record[key]
    samples = [unb64(step["prev_sample"], [-1]).numpy() for step in record["steps"]]
    denoised = [unb64(step["pred_original_sample"], [-1]).numpy() for step in record["steps"] if "pred_original_sample" in step]
    pack = lambda arrays: base64.b64encode(numpy.concatenate(arrays).astype("<f4").tobytes()).decode()  # noqa: E731
    return kept | {"prev_samples": pack(samples)} | ({"last_pred_original": pack(denoised[-1:])} if denoised else {})


def is_finite(record: dict) -> bool:
    if "steps" not in record:
        return True
    return all(numpy.isfinite(unb64(step["prev_sample"], [-1]).numpy()).all() for step in record["steps"])


def records(class_name: str, cases: list[dict]) -> list[dict]:
    done = [run_or_error({"shape": SHAPE, "class_name": class_name, "seed": seed_of(c["name"]) % 100000, **c}) for c in cases]
    # where the reference itself runs into its own recursion there is nothing to compare
    done = [r for r in done if not r.get("error", "").startswith("RecursionError")]
    return [slim(r) for r in done if is_finite(r)]


def rounded(value):
    """Infinity is no JSON: it is written as a string that `Number` understands."""
    if isinstance(value, float) and not math.isfinite(value):
        return "Infinity" if value > 0 else "-Infinity" if value < 0 else "NaN"
    if isinstance(value, dict):
        return {k: rounded(v) for k, v in value.items()}
    return [rounded(v) for v in value] if isinstance(value, list) else value


def main(arguments: list[str]) -> None:
    warnings.simplefilter("ignore")
    if arguments[:1] == ["--live"]:
        seed, count, *packages = arguments[1:]
        for package in packages or CLASSES:
            entry = CLASSES[package]
            for record in records(entry["class"], at_random(entry["class"], entry, random.Random(seed), int(count))):
                print(json.dumps(rounded({"package": package, **record})))
        return
    for package in arguments or CLASSES:
        entry = CLASSES[package]
        class_name = entry["class"]
        cases = one_by_one(class_name, entry)
        cases += at_random(class_name, entry, random.Random(entry.get("seed", package)), entry.get("random", 10))
        done = records(class_name, cases)
        path = PACKAGES / package / "testdata" / "goldens.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = ",\n".join(json.dumps(rounded(record)) for record in done)
        head = json.dumps({"versions": versions(), "command": f"scripts/reference/scheduler_goldens.py {package}",
                           "className": class_name})
        path.write_text(f'{head[:-1]},\n"cases": [\n{lines}\n]}}\n')
        refused = sum("error" in record for record in done)
        print(f"{package}: {len(done)} cases of {len(cases)}, {refused} refused, {path.stat().st_size // 1000} kB", file=sys.stderr)


if __name__ == "__main__":
    main(sys.argv[1:])
