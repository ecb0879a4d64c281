"""half_errors.py: how far the reference itself is off in half precision, for every call of tests/golden/models.

Writes scripts/gpu/half_errors.json: by "CLASS/NAME CASE", the largest difference of an output relative to its
largest number, in float16 and bfloat16 on the CPU. The kit allows a card twice that.
"""

import json
import math
from pathlib import Path

import diffusers
import torch
import transformers
from diffusers.pipelines.latent_diffusion.pipeline_latent_diffusion import LDMBertModel
from safetensors.torch import load_file

ROOT = Path(__file__).parents[2]
GOLDEN, FIXTURES = ROOT / "tests/golden/models", ROOT / "tests/fixtures/models"
NUMBERED = {"down_block_additional_residuals", "down_intrablock_additional_residuals"}


def load(class_name: str, folder: Path, dtype: torch.dtype):
    if class_name == "LDMBertModel":
        return LDMBertModel.from_pretrained(folder, torch_dtype=dtype).eval()
    for library in (diffusers, transformers):
        if hasattr(library, class_name):
            return getattr(library, class_name).from_pretrained(folder, torch_dtype=dtype).eval()
    raise ValueError(class_name)


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
    if name.startswith("Autoencoder") and method == "encode":
        found = model.encode(given["sample"])
        if not hasattr(found, "latent_dist"):
            return {"mean": found.latents}
        return {key: getattr(found.latent_dist, key) for key in ("mean", "logvar", "std")}
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


@torch.no_grad()
def main() -> None:
    errors: dict = {}
    for path in sorted(GOLDEN.glob("*/*.json")):
        id = f"{path.parent.name}/{path.stem}"
        head, tensors = json.loads(path.read_text()), load_file(path.with_suffix(".safetensors"))
        for dtype in (torch.float16, torch.bfloat16):
            name = str(dtype).removeprefix("torch.")
            try:
                model = load(path.parent.name, FIXTURES / id, dtype)
            except Exception as error:
                print(id, name, repr(error)[:200])
                continue
            for case in head["cases"]:
                if case.get("dtype", name) != name:
                    continue
                values = {k: tensors[v["tensor"]] if isinstance(v, dict) else v for k, v in case["inputs"].items()}
                try:
                    found = outputs(model, case, nested(values, dtype))
                except Exception as error:
                    print(id, case["name"], name, repr(error)[:200])
                    continue
                worst = 0.0
                for key, value in found.items():
                    if value is None or key not in case["outputs"]:
                        continue
                    expected = tensors[case["outputs"][key]["tensor"]]
                    worst = max(worst, float((value.float() - expected).abs().max() / max(float(expected.abs().max()), 1e-6)))
                if math.isfinite(worst):
                    errors.setdefault(f"{id} {case['name']}", {})[name] = float(f"{worst:.2e}")
    (Path(__file__).parent / "half_errors.json").write_text(json.dumps(errors, indent=1, sort_keys=True) + "\n")


main()
