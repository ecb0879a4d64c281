"""Runs a scheduler of diffusers with each of its options by itself and with random combinations of them.

    python scheduler_goldens.py                   goldens of all packages: plugins/schedulers/*/testdata/goldens.json
    python scheduler_goldens.py ddim pndm ...     only these packages
    python scheduler_goldens.py handed_on         tests/golden/schedulers.json: configs that another class loaded first
    python scheduler_goldens.py --live SEED N ddim ...   N random combinations each, records as JSON lines on stdout

The options come from the signature of the class; their values from its annotations and from scheduler_options.py, which
also says what else a class is run with, as scheduler_cases.py does. What diffusers refuses is written down with its error,
and what it prints for the class as it is and for what is run beside single options.
"""

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

from common import GOLDEN, ROOT, seed_of, versions, write_json
from scheduler_cases import CASES, HANDED_ON, SD15
from scheduler_options import CLASSES as USUAL
from scheduler_options import VALUES
from scheduler_special import CLASSES as SPECIAL
from scheduler_runs import run_or_error

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


def one_by_one(package: str, class_name: str, entry: dict) -> list[dict]:
    base, run = entry.get("base", {}), {"steps": 5, **entry.get("run", {})}
    cases = [case("defaults", base, run) | {"prints": True}]
    for name, parameter in signature(class_name).items():
        for value in values_of(parameter, entry.get("values", {})):
            config = {**base, **as_config(name, value)}
            cases.append(case(f"{name}={json.dumps(value)}"[:60], config, run))
    beside = [*entry.get("cases", []), *CASES.get(package, [])]
    return cases + [case(name, {**base, **config}, {**run, **how}) | {"prints": True} for name, config, how in beside]


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


KEPT = ["name", "config", "from", "through", "set_timesteps", "step", "begin", "scale", "shape", "seed", "skip_add_noise",
        "undoes", "churns", "tensors", "tokens", "error", "timesteps", "sigmas", "init_noise_sigma", "order", "string",
        "add_noise", "get_velocity", "batch_step", "prev_samples", "last_pred_original"]


def record(class_name: str, made: dict) -> dict | None:
    """What the test compares; None where there is nothing to compare with."""
    prints = made.pop("prints", False)
    seed = seed_of(made["name"]) % 100000
    done = run_or_error({"shape": SHAPE, "class_name": class_name, "seed": seed, **made})
    # numbers that are none, or the reference running into its own recursion
    if done is None or done.get("error", "").startswith("RecursionError"):
        return None
    return {key: done[key] for key in KEPT if key in done and (key != "string" or prints)}


def records(class_name: str, cases: list[dict]) -> list[dict]:
    return [done for made in cases if (done := record(class_name, made)) is not None]


def write(path, head: dict, cases: list[dict]) -> None:
    write_json(path, {"versions": versions(), **head, "cases": [rounded(one) for one in cases]})


def handed_on() -> list[dict]:
    made = [{**case(f"{class_name} through {through}", {}, {"steps": 10}), "from": SD15, "through": through, "prints": True}
            for class_name, through in HANDED_ON]
    return [{"class_name": class_name, **record(class_name, one)} for (class_name, _), one in zip(HANDED_ON, made, strict=True)]


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
    for package in arguments or [*CLASSES, "handed_on"]:
        if package == "handed_on":
            write(GOLDEN / "schedulers.json", {"command": "scripts/reference/scheduler_goldens.py handed_on"}, handed_on())
            continue
        entry = CLASSES[package]
        class_name = entry["class"]
        cases = one_by_one(package, class_name, entry)
        cases += at_random(class_name, entry, random.Random(entry.get("seed", package)), entry.get("random", 10))
        done = records(class_name, cases)
        path = PACKAGES / package / "testdata" / "goldens.json"
        write(path, {"command": f"scripts/reference/scheduler_goldens.py {package}", "className": class_name}, done)
        refused = sum("error" in one for one in done)
        print(f"{package}: {len(done)} cases of {len(cases)}, {refused} refused, {path.stat().st_size // 1000} kB", file=sys.stderr)


if __name__ == "__main__":
    main(sys.argv[1:])
