"""What each layer of a pipeline gives in a short call, for the comparison of layers (first_difference.ts).

    python first_difference.py FOLDER OUT PROMPT SEED STEPS SIZE

Prints the layers in the order in which they end, and writes their first outputs into OUT.
"""

import inspect
import json
import sys
import warnings
from pathlib import Path

import diffusers
import torch
from safetensors.torch import save_file


def tensor_of(output) -> torch.Tensor | None:
    """The samples among what a module gives."""
    if isinstance(output, torch.Tensor):
        return output
    values = output.values() if isinstance(output, dict) else output if isinstance(output, (tuple, list)) else ()
    for value in values:
        if (found := tensor_of(value)) is not None:
            return found
    return getattr(output, "sample", None) if isinstance(getattr(output, "sample", None), torch.Tensor) else None


@torch.no_grad()
def main(folder: str, out: str, prompt: str, seed: str, steps: str, size: str) -> None:
    warnings.simplefilter("ignore")
    pipe = diffusers.DiffusionPipeline.from_pretrained(folder)
    pipe.set_progress_bar_config(disable=True)
    taken = inspect.signature(pipe.__call__).parameters
    options = {
        "prompt": prompt, "num_inference_steps": int(steps), "generator": torch.Generator("cpu").manual_seed(int(seed)),
        "guidance_scale": 1.0, "true_cfg_scale": 1.0, "output_type": "np",
        "height": int(size), "width": int(size), "max_area": int(size) ** 2, "use_resolution_binning": False,
    }
    call = {name: value for name, value in options.items() if name in taken}
    lines, tensors, numbers = [], {}, {}

    def note(role: str, model, path: str):
        def hook(module, args, output) -> None:
            value, key = tensor_of(output), f"{role} {path}"
            if value is None or not value.is_floating_point() or key in tensors:
                return
            tensors[key] = value.detach().float().clone().contiguous()
            if isinstance(getattr(module, "bias", None), torch.Tensor):
                channels_first = isinstance(module, (torch.nn.GroupNorm, torch.nn.modules.conv._ConvNd))
                axis = 1 if channels_first else value.dim() - 1
                shape = [-1 if i == axis else 1 for i in range(value.dim())]
                bias = module.bias.detach().float().reshape(shape).expand(value.shape)
                tensors[f"{key} without bias"] = (tensors[key] - bias).contiguous()
            lines.append({"key": key, "role": role, "model": type(model).__name__, "path": path})
        return hook

    for role, model in pipe.components.items():
        if isinstance(model, torch.nn.Module):
            model.eval()
            for path, module in model.named_modules():
                if any(module.children()):
                    continue  # our graphs name layers, and write blocks as they like
                module.register_forward_hook(note(role, model, path))
    pipe(**call)
    save_file(tensors, Path(out))
    print(json.dumps({"call": sorted(call), "modules": lines}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
