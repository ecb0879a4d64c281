"""Writes tests/golden/tasks (see tests/golden/README.md).

    $(sh scripts/reference/setup.sh) scripts/reference/task_goldens.py [task ...]
"""

import functools
import inspect
import sys
import warnings

import diffusers
import numpy
import torch
import transformers
from diffusers.pipelines import deepfloyd_if
from diffusers.pipelines.stable_diffusion import clip_image_project_model, safety_checker as stable_diffusion_safety
from PIL import Image
from transformers import CLIPTextModel

from common import FIXTURES, GOLDEN, generator, input_name, write_golden
from ip_adapters import encoders, follow
from modular import load_modular
from tasks import TASKS

# clip_skip of diffusers 0.42.1 reads text_encoder.text_model, which transformers 5 has merged into the encoder itself
TEXT_MODEL = property(lambda self: self)
CLIPTextModel.text_model = TEXT_MODEL
# what transformers 5 asks of models that are loaded, and IFSafetyChecker of diffusers 0.42.1 does not have
deepfloyd_if.IFSafetyChecker.all_tied_weights_keys = {}

COMMAND = "scripts/reference/task_goldens.py"

# every so manyth row and column of an image, and number of a row of latents, is kept: as 3 divides no stride of a model, those
# that are left out are made by the same layers in the same places of their kernels
EVERY = 3


def find_class(name: str):
    """Processors are taken in their form on Pillow, not the one on torchvision."""
    for where in (diffusers, stable_diffusion_safety, deepfloyd_if, clip_image_project_model, transformers):
        for found in (f"{name}Pil", name):
            if hasattr(where, found):
                return getattr(where, found)
    raise ValueError(name)


def load_part(path: str):
    more = {} if path.startswith("processors/") else {"use_safetensors": True}
    return find_class(path.split("/")[1]).from_pretrained(FIXTURES / path, **more)


def load(task: dict):
    if task["pipeline"].endswith("ModularPipeline"):
        pipe = load_modular(task)
        pipe.set_progress_bar_config(disable=True)
        return pipe
    parts = {}
    for role, path in task["parts"].items():
        parts[role] = [load_part(one) for one in path] if isinstance(path, list) else path and load_part(path)
        if role == "adapter" and isinstance(path, list):  # of which XL's pipeline makes none by itself
            parts[role] = diffusers.MultiAdapter(parts[role])
    if "ip_adapter" in task:
        parts |= encoders(task["pipeline"])
    cls = getattr(diffusers, task["pipeline"])
    pipe = cls.from_pretrained(str(FIXTURES / task["repo"]), use_safetensors=True, **parts)
    pipe.set_progress_bar_config(disable=True)
    if "lora" in task:
        name, weight = task["lora"]
        del CLIPTextModel.text_model  # by which diffusers would look for kohya's layers of the text encoder in vain
        pipe.load_lora_weights(str(GOLDEN / "lora"), weight_name=f"{name}.safetensors", adapter_name="one")
        CLIPTextModel.text_model = TEXT_MODEL
        pipe.set_adapters(["one"], [weight])
    if "ip_adapter" in task:
        follow(pipe, *task["ip_adapter"])
    return pipe


def store(value, tensors: dict):
    """Images and tensors go to tests/golden/inputs, or to the file beside; equal ones once."""
    if isinstance(value, (list, tuple)):
        return [store(item, tensors) for item in value]
    if not isinstance(value, (Image.Image, torch.Tensor)):
        return value
    kind = "tensor" if isinstance(value, torch.Tensor) else "image"
    pixels = value if kind == "tensor" else torch.from_numpy(numpy.array(value))
    pixels = pixels.unsqueeze(-1) if kind == "image" and pixels.ndim == 2 else pixels
    name = input_name(pixels)
    tensors[name] = pixels
    return {kind: name}


def watch(scheduler, seen: dict):
    """A scheduler of the same config that keeps the latest samples, for pipelines that do not call back with them; copies of it do so, too."""
    cls = type(scheduler)

    def keeping(method):
        @functools.wraps(method)
        def call(*args, **kwargs):
            result = method(*args, **kwargs)
            seen["latents"] = result[0] if isinstance(result, tuple) else result.prev_sample
            return result

        return call

    steps = {name: keeping(getattr(cls, name)) for name in ("step", "step_pred", "step_correct") if hasattr(cls, name)}
    return type(cls.__name__, (cls,), steps).from_config(scheduler.config)


def size_of(call: dict, pixels: torch.Tensor) -> tuple[int, int]:
    """Of what was made: where it is a part that is put back into an image, the size of the call, else the image's."""
    height, width = pixels.shape[1:3]
    return (call.get("height", height), call.get("width", width)) if "padding_mask_crop" in call else (height, width)


def run_audio(pipe, one: dict) -> tuple[torch.Tensor, torch.Tensor]:
    """The audio as float32 [N, C, samples], and the last latents."""
    generators, seen = [generator(seed) for seed in one["seeds"]], {}
    pipe.scheduler = watch(pipe.scheduler, seen)
    torch.manual_seed(one["seeds"][0])  # what is drawn without a generator
    audios = torch.as_tensor(pipe(**one["call"], generator=generators[0] if one["shared"] else generators, output_type="np").audios)
    return audios if audios.ndim == 3 else audios.unsqueeze(1), seen["latents"]


def run_case(pipe, one: dict) -> tuple[torch.Tensor, torch.Tensor | None, list[bool] | None]:
    """The images as uint8 [N, H, W, C], the last latents where the pipeline calls back with them, and what was hidden."""
    generators = [generator(seed) for seed in one["seeds"]]
    seen = {}

    def keep(_pipe, _step, _timestep, values):
        seen.update(values)
        return {}

    calls_back = hasattr(pipe, "_callback_tensor_inputs") and "callback_on_step_end" in inspect.signature(type(pipe).__call__).parameters
    more = {"callback_on_step_end": keep} if calls_back else {}
    if not hasattr(pipe, "vae") or not more:
        role = "scheduler" if hasattr(pipe, "scheduler") else "super_res_scheduler"
        setattr(pipe, role, watch(getattr(pipe, role), seen))
    given = {"generator": generators[0] if one["shared"] else generators, "output_type": "pil", **more}
    # some pipelines write into the lists that they are given
    call = {key: list(value) if isinstance(value, list) else value for key, value in one["call"].items()}
    if hasattr(pipe, "set_pag_applied_layers"):  # in diffusers the pipeline's, not the call's
        pipe.set_pag_applied_layers(call.pop("pag_applied_layers", "mid"))
    if type(pipe).__name__.startswith(("IF", "StableDiffusionDiffEdit")):  # which put back after the step what a mask keeps
        given["callback"] = lambda _step, _timestep, stepped: seen.update(latents=stepped)
    if isinstance(pipe, diffusers.Krea2Pipeline):  # which asks for a mask where denoise is given lists
        call |= {f"{key}_mask": torch.ones(call[key].shape[:2], dtype=torch.bool) for key in ("prompt_embeds", "negative_prompt_embeds") if key in call}
    output = pipe(**call, **given)
    images = [one for made in output.images for one in (made if isinstance(made, list) else [made])]
    pixels = torch.from_numpy(numpy.stack([numpy.asarray(image) for image in images]))
    latents = seen.get("latents")
    if isinstance(pipe, diffusers.DiTPipeline):  # whose scheduler steps both halves of a guided batch
        latents = latents[: len(images)]
    if latents is not None and not latents.is_floating_point():  # ids of tokens
        return pixels, latents, None
    if latents is not None and latents.ndim == 3 and not hasattr(pipe, "_unpack_latents"):  # FLUX.2: a token is a latent
        height, width = size_of(one["call"], pixels)
        factor = 2 * pipe.vae_scale_factor
        latents = latents.permute(0, 2, 1).reshape(len(latents), -1, height // factor, width // factor)
    if latents is not None and "layers" in call:  # frames one after the other
        frames = pipe._unpack_latents(latents, *size_of(one["call"], pixels), call["layers"], pipe.vae_scale_factor)
        latents = frames.permute(0, 2, 1, 3, 4).flatten(1, 2)
    if latents is not None and latents.ndim == 3:  # packed into tokens
        height, width = size_of(one["call"], pixels)
        given = (latents, height, width, pipe.vae_scale_factor)
        latents = pipe._unpack_latents(*given[: len(inspect.signature(pipe._unpack_latents).parameters)])
    if latents is not None and latents.ndim == 5:  # a video of one frame
        latents = latents.squeeze(2)
    return pixels, latents, output.get("nsfw_content_detected", output.get("nsfw_detected"))


@torch.no_grad()
def write_task(name: str, task: dict, command: str = COMMAND, folder=GOLDEN / "tasks", every: int = EVERY) -> None:
    task = {**task, **({} if task.get("audio") else {"every": task.get("every", every)}), "latents_every": every}
    pipe = load(task)
    own = getattr(pipe, "scheduler", None)
    cases, tensors = [], {}
    for i, one in enumerate(task["cases"]):
        wanted = one["scheduler"]
        if own is not None:
            pipe.scheduler = own if wanted is None else getattr(diffusers, wanted["class"]).from_config(own.config, **wanted["config"])
        made = "audios" if task.get("audio") else "images"
        tensors[f"{i}.{made}"], last, hidden = (*run_audio(pipe, one), None) if task.get("audio") else run_case(pipe, one)
        value = {**one, "call": {key: store(item, tensors) for key, item in one["call"].items()}, made: f"{i}.{made}"}
        if "every" in task:
            tensors[f"{i}.{made}"] = tensors[f"{i}.{made}"][:, ::task["every"], ::task["every"]]
        if last is not None:
            tensors[f"{i}.latents"] = last[..., ::every]
            value["latents"] = f"{i}.latents"
        if hidden is not None:
            value["hidden"] = hidden
        cases.append(value)
    head = {key: task[key] for key in ("pipeline", "repo", "parts", "every", "latents_every", "lora", "ip_adapter") if key in task}
    write_golden(folder / name, command, cases, tensors, r"\.(images|audios|latents)$" if folder == GOLDEN / "tasks" else None, **head)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    for wanted in sys.argv[1:] or TASKS:
        write_task(wanted, TASKS[wanted])
