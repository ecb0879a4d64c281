"""half_errors.py [NAMES]: how far the reference itself is off in half precision, for every call of tests/golden/models,
or of those models whose names have one of these in them, whose rows it renews.

Writes scripts/gpu/half_errors.json: by "CLASS/NAME CASE", the largest difference of an output relative to its
largest number, in float16 and bfloat16 on the CPU. Which roundings meet is chance, so it is the most of DRAWS
models, all but the first with weights moved by up to a rounding of float16. The kit allows a card twice that.
"""

import json
import math
import sys
from pathlib import Path

import torch

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "scripts/reference"))
from common import read_golden  # noqa: E402
from half_calls import CALLS, distribution, load  # noqa: E402

GOLDEN, FIXTURES = ROOT / "tests/golden/models", ROOT / "tests/fixtures/models"
NUMBERED = {"down_block_additional_residuals", "down_intrablock_additional_residuals"}


def nested(values: dict, dtype: torch.dtype) -> dict:
    found: dict = {}
    for key, value in values.items():
        if isinstance(value, torch.Tensor) and value.is_floating_point() and key != "timestep":
            value = value.to(dtype)
        first, _, second = key.partition(".")
        if first in NUMBERED:
            found[first] = [*found.get(first, []), value]
        elif second:
            found[first] = {**found.get(first, {}), second: value}
        else:
            found[first] = value
    return found


def outputs(model, case: dict, given: dict) -> dict:
    """By the names that the golden has."""
    method, name = case.get("method"), type(model).__name__
    if name in ("SiglipVisionModel", "ReduxImageEncoder"):
        return dict(model(**given))
    if name == "Qwen2_5_VLForConditionalGeneration" and "image_grid_thw" in given:
        ids = given["input_ids"]
        given = {**given, "attention_mask": torch.ones_like(ids), "image_grid_thw": torch.tensor(given["image_grid_thw"]),
                 "mm_token_type_ids": (ids == model.config.image_token_id).int()}
    if name.startswith("Autoencoder") and method == "encode":
        found = model.encode(given["sample"])
        if not hasattr(found, "latent_dist"):
            return {"mean": found.latents}
        return distribution(found.latent_dist)
    if method == "decode":
        given = dict(given)
        return {"sample": model.decode(given.pop("z"), **given).sample}
    if name == "VQModel":
        if method == "encode":
            return {"latents": model.encode(given["sample"]).latents}
        if method == "quantize":
            return {"quantized": model.quantize(given["z"])[0]}
        return {"sample": model(given["sample"]).sample}
    if name == "ControlNetModel":
        down, mid = model(**given, return_dict=False)
        return {**{f"down.{i}": one for i, one in enumerate(down)}, "mid": mid}
    if name == "ZImageTransformer2DModel":
        texts = [text for key, text in given.get("cap_feats", {}).items()]
        found = model(list(given["hidden_states"].unsqueeze(2).unbind(0)), torch.as_tensor(given["timestep"]), texts)
        return {"sample": torch.stack(found.sample).squeeze(2)}
    if "timestep" in given:
        given["timestep"] = torch.as_tensor(given["timestep"])
        if name == "UNet2DConditionModel":
            given.setdefault("encoder_hidden_states", None)
        return {"sample": model(**given).sample}
    if "hidden_states.0" in case["outputs"]:
        found = model(**given, output_hidden_states=True)
        states = {f"hidden_states.{i}": state for i, state in enumerate(found.hidden_states)}
        return {**states, **{k: getattr(found, k) for k in ("last_hidden_state", "pooler_output", "text_embeds") if hasattr(found, k)}}
    return {"predicted_depth": model(**given).predicted_depth}


def flat(values: dict, prefix: str = "") -> dict:
    """By the names that the golden has."""
    found: dict = {}
    for key, value in values.items():
        parts = dict(enumerate(value)) if key in NUMBERED else value
        found |= flat(parts, f"{prefix}{key}.") if isinstance(parts, dict) else {f"{prefix}{key}": value}
    return found


DRAWS = 32
ROUNDING = 2.0**-11


def error_of(found: dict, expected: dict) -> float:
    worst = 0.0
    for key, value in expected.items():
        other = found.get(key)
        if value is None or other is None:
            continue
        worst = max(worst, float((other.float() - value.float()).abs().max() / max(float(value.abs().max()), 1e-6)))
    return worst


def moved(full, generator: torch.Generator) -> None:
    for parameter in full.parameters():
        noise = torch.rand(parameter.shape, generator=generator) * 2 - 1
        parameter.mul_(1 + ROUNDING * noise)


@torch.no_grad()
def errors_of(path: Path, errors: dict) -> None:
    id = f"{path.parent.name}/{path.stem}"
    head, tensors = read_golden(path)
    generator = torch.Generator().manual_seed(0)
    own = CALLS.get(path.parent.name)
    call = outputs if own is None else lambda model, _, given: own(model, flat(given))
    full = load(path.parent.name, FIXTURES / id, torch.float32)
    halves = {dtype: load(path.parent.name, FIXTURES / id, dtype) for dtype in (torch.float16, torch.bfloat16)}
    for draw in range(DRAWS):
        if draw > 0:
            moved(full, generator)
        for dtype, model in halves.items():
            name = str(dtype).removeprefix("torch.")
            model.load_state_dict(full.state_dict())
            for case in head["cases"]:
                if case.get("dtype", name) != name:
                    continue
                values = {k: tensors[v["tensor"]] if isinstance(v, dict) else v for k, v in case["inputs"].items()}
                keys = case["outputs"]
                try:
                    expected = call(full, case, nested(values, torch.float32))
                    found = call(model, case, nested(values, dtype))
                except Exception as error:
                    print(id, case["name"], name, repr(error)[:200])
                    continue
                worst = error_of(found, {key: value for key, value in expected.items() if key in keys})
                if math.isfinite(worst):
                    row = errors.setdefault(f"{id} {case['name']}", {})
                    row[name] = float(f"{max(worst, row.get(name, 0.0)):.2e}")


def main() -> None:
    file, names = Path(__file__).parent / "half_errors.json", sys.argv[1:]
    errors = json.loads(file.read_text()) if names else {}
    for path in sorted(GOLDEN.glob("*/*.json")):
        id = f"{path.parent.name}/{path.stem}"
        if names and not any(name in id for name in names):
            continue
        errors = {call: row for call, row in errors.items() if not call.startswith(f"{id} ")}
        try:
            errors_of(path, errors)
        except Exception as error:
            print(path, repr(error)[:200])
        file.write_text(json.dumps(errors, indent=1, sort_keys=True) + "\n")  # so that a stop leaves what there is


main()
