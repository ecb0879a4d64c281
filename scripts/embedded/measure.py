"""Looks at an unfinished model: a sheet of the favourite prompts, and how often the right drawing comes out.

The figures of the model card are made by scripts/embedded/evaluate.ts; these here steer the training.
"""

import json
import random
import time
from pathlib import Path

import torch
from diffusers import StableDiffusionPipeline

from .autoencoder import sheet
from .data import COLOURS, Drawings, article, held_out, palette
from .export import trained_pipeline

STEPS = 25


def phrase(name: str, colour: str) -> str:
    return name if colour == "white" else f"{name} on {article(colour)} {colour} background"


@torch.no_grad()
def draw(pipeline: StableDiffusionPipeline, prompts: list[str], guidance: float, steps: int, seed: int) -> torch.Tensor:
    images = []
    for start in range(0, len(prompts), 32):
        some = prompts[start : start + 32]
        rngs = [torch.Generator().manual_seed(seed + start + i) for i in range(len(some))]
        asked = dict(guidance_scale=guidance, num_inference_steps=steps, generator=rngs, output_type="pt")
        with torch.autocast("cpu", torch.bfloat16):
            images.append(pipeline(some, **asked).images.float() * 2 - 1)
    return torch.cat(images)


def features(images: torch.Tensor) -> torch.Tensor:
    small = torch.nn.functional.adaptive_avg_pool2d((images + 1) / 2, 16).flatten(1)
    return small / small.norm(dim=1, keepdim=True)


def ranks(drawings: Drawings, images: torch.Tensor, pairs: list[tuple[int, int]]) -> torch.Tensor:
    """The place, from 0, of the asked drawing among all drawings on that background, by likeness."""
    places = []
    everything = torch.arange(len(drawings))
    for colour in range(len(COLOURS)):
        mine = [i for i, pair in enumerate(pairs) if pair[1] == colour]
        if mine:
            known = features(drawings.on_named(everything, torch.full_like(everything, colour)))
            likeness = features(images[mine]) @ known.T
            asked = torch.tensor([pairs[i][0] for i in mine])
            places.append((likeness > likeness.gather(1, asked[:, None])).sum(1))
    return torch.cat(places)


def background_right(images: torch.Tensor, pairs: list[tuple[int, int]]) -> float:
    """Share of images whose border (2 pixels, median) is nearest to the asked one of the named colours."""
    edge = torch.cat([images[:, :, :2].flatten(2), images[:, :, -2:].flatten(2)], 2).median(2).values
    near = torch.cdist((edge + 1) * 127.5, palette().float()).argmin(1)
    return (near == torch.tensor([colour for _, colour in pairs])).float().mean().item()


def chosen_pairs(drawings: Drawings, seed: int, count: int) -> dict[str, list[tuple[int, int]]]:
    """Names to measure, each on one background that it was seen on in training, and the pairs held out."""
    hidden = held_out(drawings.names, seed)
    names = random.Random(seed).sample(range(len(drawings)), count)
    seen = []
    for place, name in enumerate(names):
        colour = place % len(COLOURS)
        seen.append((name, 0 if (name, colour) in hidden else colour))
    return {"seen": seen, "heldOut": sorted(hidden)}


def write_pairs(drawings: Drawings, seed: int, file: Path) -> None:
    """What scripts/embedded/evaluate.ts draws."""
    pairs = chosen_pairs(drawings, seed, 200)
    said = {label: [[drawings.names[n], COLOURS[c]] for n, c in some] for label, some in pairs.items()}
    file.write_text(json.dumps(said, indent=0) + "\n")


def measure(folder: Path, drawings: Drawings, seed: int, guidance: float, count: int) -> None:
    pipeline = trained_pipeline(folder)
    step = torch.load(folder / "unet.ckpt", weights_only=False)["step"]
    prompts = json.loads(Path(__file__).with_name("prompts.json").read_text())
    started = time.time()
    sheet(draw(pipeline, prompts, guidance, STEPS, 0), 8).save(folder / f"sheet-{step}-{guidance:g}.png")
    report = {"step": step, "guidance": guidance}
    for label, pairs in chosen_pairs(drawings, seed, count).items():
        pairs = pairs[:count]
        prompts = [phrase(drawings.names[n], COLOURS[c]) for n, c in pairs]
        images = draw(pipeline, prompts, guidance, STEPS, 1000)
        place = ranks(drawings, images, pairs)
        report[label] = {
            "top1": round((place < 1).float().mean().item(), 3),
            "top5": round((place < 5).float().mean().item(), 3),
            "background": round(background_right(images, pairs), 3),
        }
    report["seconds"] = round(time.time() - started)
    print(json.dumps(report), flush=True)
    with (folder / "measured.jsonl").open("a") as file:
        file.write(json.dumps(report) + "\n")
