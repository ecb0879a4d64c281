"""Random models, pipelines and tasks with what the reference gives for them, for the live comparison (parity.ts).

    python live.py SEED COUNT FOLDER models|pipelines|tasks [TASK,...]

Writes repos and goldens (in the formats of tests/golden) into FOLDER and prints a JSON line for each when it is there.
"""

import json
import sys
import tempfile
import time
import warnings
from functools import partial
from pathlib import Path
from random import Random

import diffusers
import torch
from transformers import CLIPTokenizer

import gligen_goldens
import marigold_goldens
import random_configs
import random_tasks
import video_zero_goldens
from common import generator, write_golden
from model_goldens import run_model
from pipeline_goldens import run_case
from longcat_image_goldens import load_longcat
from qwen_image_edit_goldens import load_edits
from qwen_image21_goldens import load_qwen21
from qwen_image_layered_goldens import load_layered
from sd3_control_goldens import mean_without_generator
from task_goldens import load, write_task
from task_goldens import run_case as run_task
from tiny_models import build
from tiny_tokenizer import write_tokenizer

COMMAND = "scripts/reference/live.py"


def say(**line) -> None:
    print(json.dumps(line), flush=True)


def model(dice: Random, folder: Path, index: int) -> None:
    class_name = random_configs.pick(dice, *random_configs.MODELS)
    config = random_configs.MODELS[class_name](dice)
    seed = dice.randrange(2**31)
    build(class_name, config, seed).save_pretrained(folder)
    start = time.perf_counter()
    calls = run_model(class_name, folder, seed)
    seconds = time.perf_counter() - start
    write_golden(folder / "golden", COMMAND, calls.cases, calls.tensors, results=None)
    say(kind="model", index=index, folder=str(folder), class_name=class_name, config=config, seconds=seconds)


def random_unconditional(dice: Random, seed: int):
    # not "fourier", which takes the logarithm of timestep 0
    unet = random_configs.unet_2d(dice) | {"in_channels": 3, "out_channels": 3, "num_class_embeds": None,
                                           "class_embed_type": None, "time_embedding_type": "positional"}
    largest = random_configs.pick(dice, 0.7, 5.0, 50.0)
    kind, noise = random_configs.pick(
        dice, (diffusers.DDPMPipeline, diffusers.DDPMScheduler()), (diffusers.DDIMPipeline, diffusers.DDIMScheduler()),
        (diffusers.PNDMPipeline, diffusers.PNDMScheduler(skip_prk_steps=True)),
        (diffusers.ScoreSdeVePipeline, diffusers.ScoreSdeVeScheduler(sigma_max=largest)),
        (diffusers.KarrasVePipeline, diffusers.KarrasVeScheduler(sigma_min=0.1, sigma_max=largest)),
        (diffusers.ConsistencyModelPipeline, diffusers.CMStochasticIterativeScheduler()),
    )
    return kind(build("UNet2DModel", unet, seed), noise), *random_configs.unconditional(dice)


def random_pipeline(dice: Random):
    scheduler, options = random_configs.scheduler(dice)
    seed = dice.randrange(2**31)
    if dice.random() < 0.4:
        return random_unconditional(dice, seed)
    text = random_configs.clip_text(dice, positions=77)
    unet = random_configs.unet_2d_condition(dice, in_channels=4, cross=text["hidden_size"], plain=True)
    with tempfile.TemporaryDirectory() as temp:
        write_tokenizer(Path(temp))
        pipe = diffusers.StableDiffusionPipeline(
            unet=build("UNet2DConditionModel", unet, seed),
            vae=build("AutoencoderKL", random_configs.autoencoder_kl(dice, latent_channels=4), seed),
            text_encoder=build("CLIPTextModel", text, seed), tokenizer=CLIPTokenizer.from_pretrained(temp),
            scheduler=getattr(diffusers, scheduler)(**options), safety_checker=None, feature_extractor=None,
            requires_safety_checker=False,
        )
    return pipe, *random_configs.text_to_image(dice)


def sensitivity(pipe, call: dict, seeds: list[int]) -> int:
    """How far pixels move in diffusers itself when the first latents change by one part in ten million."""
    if not hasattr(pipe, "vae"):
        return 0
    size = pipe.unet.config.sample_size
    latents = torch.cat([torch.randn(1, 4, size, size, generator=generator(seed)) for seed in seeds])
    noises = (torch.randn(latents.shape, generator=generator(i)) for i in range(2))
    own, *moved = (run_case(pipe, {**call, "latents": values}, seeds)[0].int()
                   for values in (latents, *(latents * (1 + 1e-7 * noise) for noise in noises)))
    return max(int((own - other).abs().max()) for other in moved)


# tasks that multiply roundings: MoVQ normalizes by the latents, edits keep what lies above a quantile, SAG blurs what is attended to most
ROUNDED = ("kandinsky", "semantic", "sag", "paint-by-example")


def task_sensitivity(made: dict) -> int:
    """How far pixels move in diffusers itself when outputs of the UNet change by five parts in ten million of their largest."""
    pipe, one = load(made), made["cases"][0]
    if one["scheduler"] is not None:
        pipe.scheduler = getattr(diffusers, one["scheduler"]["class"]).from_config(pipe.scheduler.config, **one["scheduler"]["config"])
    unet = pipe.unet
    forward, own = unet.forward, run_task(pipe, one)[0].int()

    def moved(seed: int) -> torch.Tensor:
        g = generator(seed)

        def noisy(*args, **kwargs):
            output = forward(*args, **kwargs)
            sample = output[0]
            sample.add_(sample.abs().max() * 5e-7 * torch.randn(sample.shape, generator=g))
            return output

        unet.forward = noisy
        return run_task(pipe, one)[0].int()

    return max(int((own - moved(seed)).abs().max()) for seed in range(4))


def pipeline(dice: Random, folder: Path, index: int) -> None:
    pipe, call, seeds = random_pipeline(dice)
    pipe.set_progress_bar_config(disable=True)
    pipe.save_pretrained(folder)
    if hasattr(pipe, "tokenizer"):
        write_tokenizer(folder / "tokenizer")
    start = time.perf_counter()
    images, latents = run_case(pipe, call, seeds)
    seconds = time.perf_counter() - start
    tensors = {"images": images} | ({} if latents is None else {"latents": latents})
    case = {"name": "random", "scheduler": None, "seeds": seeds, "call": call, **{name: name for name in tensors}}
    write_golden(folder / "golden", COMMAND, [case], tensors, None)
    say(kind="pipeline", index=index, folder=str(folder), class_name=type(pipe).__name__,
        config={"scheduler": dict(pipe.scheduler.config), **call}, seconds=seconds,
        sensitivity=sensitivity(pipe, call, seeds))


def task(dice: Random, folder: Path, index: int, among: list[str]) -> None:
    """A call on a repo of tests/fixtures."""
    name, made = random_tasks.task(dice, among)
    call, swapped = made["cases"][0]["call"], made["cases"][0]["scheduler"]
    shown = ("image", "original_image", "gligen_images", "gligen_inpaint_image", "image_reference", "example_image", "image_latents", "mask_image", "depth_map", "control_image", "control_mask", "initial_audio_waveforms", "src_audio", "reference_audio",
             "image_embeds", "negative_image_embeds", "ip_adapter_image", "negative_ip_adapter_image", "ip_adapter_image_embeds")
    given = {key: str(value) if key in shown else value for key, value in call.items()}
    start = time.perf_counter()
    if name.startswith("marigold-"):
        marigold_goldens.write_task(name.removeprefix("marigold-"), made["cases"], folder)
    else:
        write_task("golden", made, COMMAND, folder, every=1)
    seconds = time.perf_counter() - start
    say(kind="task", index=index, folder=str(folder), class_name=name, config={"scheduler": swapped, **given}, seconds=seconds,
        sensitivity=task_sensitivity(made) if name.startswith(ROUNDED) else 0)


@torch.no_grad()
def main(seed: str, count: str, folder: str, kind: str, *among: str) -> None:
    warnings.simplefilter("ignore")
    mean_without_generator()
    gligen_goldens.from_one_stream()
    video_zero_goldens.give_images()
    load_edits()
    load_longcat()
    load_layered()
    load_qwen21()
    tasks = [name for names in among for name in names.split(",")]
    write = {"models": model, "pipelines": pipeline, "tasks": partial(task, among=tasks)}[kind]
    for index in range(int(count)):
        write(Random(f"{kind} {seed} {index}"), Path(folder) / f"{kind}-{index}", index)


if __name__ == "__main__":
    main(*sys.argv[1:])
