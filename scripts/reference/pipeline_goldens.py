"""Images that whole pipelines make of the repos in tests/fixtures."""

import diffusers
import numpy
import torch
from diffusers import DiffusionPipeline
from transformers import CLIPTextModel

from common import FIXTURES, GOLDEN, generator, write_golden

# clip_skip of diffusers 0.42.1 reads text_encoder.text_model, which transformers 5 has merged into the encoder itself
CLIPTextModel.text_model = property(lambda self: self)

COMMAND = "scripts/reference/goldens.py pipelines"
PROMPT, OTHER = "a red apple on a blue background", "a cat at night, in the rain"


def case(name: str, *, seeds: list[int] | None = None, scheduler: dict | None = None, **call) -> dict:
    """`seeds`: one for each image; `scheduler`: `{"class", "config"}`, taken over with from_config."""
    return {"name": name, "scheduler": scheduler, "seeds": seeds or [0], "call": call}


def swap(class_name: str, **config) -> dict:
    return {"class": f"{class_name}Scheduler", "config": config}


TEXT = dict(prompt=PROMPT, num_inference_steps=8)
STABLE_DIFFUSION = [
    case("the repo's own scheduler", **TEXT),
    case("DDIM", scheduler=swap("DDIM"), **TEXT),
    case("DDPM", scheduler=swap("DDPM"), **TEXT),
    case("Euler", scheduler=swap("EulerDiscrete"), **TEXT),
    case("PNDM", scheduler=swap("PNDM"), **TEXT),
    case("PNDM with a Runge-Kutta start", scheduler=swap("PNDM", skip_prk_steps=False), **TEXT),
    case("Euler, karras", scheduler=swap("EulerDiscrete", use_karras_sigmas=True), **TEXT),
    case("Euler, trailing", scheduler=swap("EulerDiscrete", timestep_spacing="trailing"), **TEXT),
    case("one step", prompt=PROMPT, num_inference_steps=1, scheduler=swap("EulerDiscrete")),
    case("two prompts", prompt=[PROMPT, OTHER], num_inference_steps=6, seeds=[3, 4]),
    case("two images a prompt", prompt=PROMPT, num_inference_steps=6, num_images_per_prompt=2, seeds=[3, 4]),
    case("two prompts, two images each, DDPM", prompt=[PROMPT, OTHER], num_images_per_prompt=2, num_inference_steps=6,
         seeds=[5, 6, 7, 8], scheduler=swap("DDPM")),
    case("negative prompt", negative_prompt="blurry, low quality", seeds=[11], **TEXT),
    case("a negative prompt each", prompt=[PROMPT, OTHER], negative_prompt=["blurry", "low quality"],
         num_inference_steps=5, seeds=[1, 2]),
    case("without guidance", guidance_scale=1.0, **TEXT),
    case("guidance 15", guidance_scale=15.0, **TEXT),
    case("guidance_rescale", guidance_rescale=0.7, **TEXT),
    case("DDIM, eta 1", scheduler=swap("DDIM"), eta=1.0, **TEXT),
    case("clip_skip 1", clip_skip=1, **TEXT),
    case("a rectangle", height=64, width=32, **TEXT),
    case("empty prompt", prompt="", num_inference_steps=4),
    case("a prompt that is too long", prompt=" ".join([PROMPT, OTHER] * 8), num_inference_steps=4),
    case("own timesteps, Euler", prompt=PROMPT, timesteps=[999, 700, 400, 100], scheduler=swap("EulerDiscrete")),
    case("own sigmas, Euler", prompt=PROMPT, sigmas=[14.0, 5.0, 1.5, 0.3], scheduler=swap("EulerDiscrete")),
]
UNCONDITIONAL = [
    case("the repo's own scheduler", num_inference_steps=10),
    case("three images", num_inference_steps=5, batch_size=3, seeds=[1, 2, 3]),
]
DDIM_ONLY = [
    case("eta 1", num_inference_steps=10, eta=1.0),
    case("eta 0.5, clipped model output", num_inference_steps=10, eta=0.5, use_clipped_model_output=True),
]
REPOS = {
    "tiny-stable-diffusion": STABLE_DIFFUSION,
    "tiny-stable-diffusion-2": [c for c in STABLE_DIFFUSION if c["name"] not in ("PNDM with a Runge-Kutta start",)],
    "tiny-ddpm": [*UNCONDITIONAL, case("thirty steps", num_inference_steps=30, seeds=[9])],
    "tiny-ddpm-root": [case("all thousand steps"), *UNCONDITIONAL],
    "tiny-ddpm-sharded": UNCONDITIONAL,
    "tiny-ddim": [*UNCONDITIONAL, *DDIM_ONLY],
    # weights of half precision, computed with in single precision
    "tiny-stable-diffusion-fp16": [case("the repo's own scheduler", **TEXT), case("DDIM", scheduler=swap("DDIM"), **TEXT)],
}
LOAD = {"tiny-stable-diffusion-fp16": {"variant": "fp16"}}


def load(repo: str) -> DiffusionPipeline:
    # transformers 5 would keep the text encoder in the type of its file
    options = {"use_safetensors": True, "dtype": torch.float32, **LOAD.get(repo, {})}
    pipe = DiffusionPipeline.from_pretrained(str(FIXTURES / repo), **options)
    pipe.set_progress_bar_config(disable=True)
    return pipe


def apply_scheduler(pipe: DiffusionPipeline, own, wanted: dict | None) -> None:
    pipe.scheduler = own
    if wanted is not None:
        pipe.scheduler = getattr(diffusers, wanted["class"]).from_config(own.config, **wanted["config"])


def run_case(pipe: DiffusionPipeline, call: dict, seeds: list[int]) -> tuple[torch.Tensor, torch.Tensor | None]:
    """The images as uint8 [N, H, W, 3], and the last latents where the pipeline has latents."""
    generators = [generator(seed) for seed in seeds]
    seen = {}

    def keep(_pipe, _step, _timestep, values):
        seen.update(values)
        return {}

    more = {"callback_on_step_end": keep} if hasattr(pipe, "vae") else {}
    one = len(generators) == 1 and not hasattr(pipe, "vae")
    images = pipe(**call, generator=generators[0] if one else generators, output_type="pil", **more).images
    return torch.from_numpy(numpy.stack([numpy.asarray(image) for image in images])), seen.get("latents")


def own_inputs(pipe, cases: list[dict], tensors: dict) -> None:
    """Cases whose call holds tensors: own latents and own embeddings."""
    latents = torch.randn(2, 4, 8, 8, generator=generator(42))
    embeds, negative = pipe.encode_prompt(OTHER, "cpu", 1, True, "green trees")
    for name, call, seeds in (
        ("own latents", {"prompt": PROMPT, "num_images_per_prompt": 2, "latents": latents}, [0, 1]),
        ("own embeddings", {"prompt_embeds": embeds, "negative_prompt_embeds": negative}, [2]),
    ):
        call = {"num_inference_steps": 6, **call}
        images, last = run_case(pipe, call, seeds)
        stored = {}
        for key, value in call.items():
            if isinstance(value, torch.Tensor):
                tensors[f"{len(cases)}.call.{key}"] = value
                value = {"tensor": f"{len(cases)}.call.{key}"}
            stored[key] = value
        finish({**case(name, seeds=seeds), "call": stored}, cases, tensors, images, last)


def finish(value: dict, cases: list[dict], tensors: dict, images: torch.Tensor, latents: torch.Tensor | None) -> None:
    index = len(cases)
    tensors[f"{index}.images"] = images
    value = {**value, "images": f"{index}.images"}
    if latents is not None:
        tensors[f"{index}.latents"] = latents
        value["latents"] = f"{index}.latents"
    cases.append(value)


def printed(pipe: DiffusionPipeline) -> dict:
    """What Python prints; the folder, which differs from machine to machine, as `.`."""
    strip = lambda text: text.replace(str(FIXTURES) + "/", "")  # noqa: E731
    parts = {name: part for name, part in pipe.components.items() if hasattr(part, "config") and name != "text_encoder"}
    return {
        "pipeline": strip(str(pipe)),
        "scheduler": str(pipe.scheduler),
        "configs": {name: {k: v for k, v in part.config.items() if not k.startswith("_use") and k != "_name_or_path"}
                    for name, part in parts.items()},
        "config_strings": {name: strip(part.to_json_string()) for name, part in parts.items()},
    }


@torch.no_grad()
def write_pipeline_goldens() -> None:
    for repo, wanted in REPOS.items():
        pipe = load(repo)
        own, head = pipe.scheduler, printed(pipe)
        cases, tensors = [], {}
        for one in wanted:
            apply_scheduler(pipe, own, one["scheduler"])
            finish(one, cases, tensors, *run_case(pipe, one["call"], one["seeds"]))
        apply_scheduler(pipe, own, None)
        if hasattr(pipe, "vae") and repo not in LOAD:
            own_inputs(pipe, cases, tensors)
        write_golden(GOLDEN / "pipelines" / repo, COMMAND, cases, tensors, r"^\d+\.(images|latents)$", load=LOAD.get(repo, {}), printed=head)
