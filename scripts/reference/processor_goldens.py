"""Writes tests/golden/processors (see tests/golden/README.md).

    $(sh scripts/reference/setup.sh) scripts/reference/processor_goldens.py
"""

import warnings

import torch
from diffusers.pipelines.stable_diffusion.safety_checker import StableDiffusionSafetyChecker
from transformers import CLIPImageProcessorPil, DPTImageProcessorPil, SiglipImageProcessorPil

from common import FIXTURES, GOLDEN, write_golden
from task_goldens import store
from tasks import photo

COMMAND = "scripts/reference/processor_goldens.py"
IMAGES = [photo(24, 20), photo(20, 37), photo(16, 16), photo(9, 40), photo(30, 30, "L"), photo(31, 17, "RGBA")]
CLIP = [
    {"size": {"shortest_edge": 16}, "crop_size": {"height": 16, "width": 16}},
    {"size": {"shortest_edge": 12}, "crop_size": {"height": 16, "width": 10}},
    {"size": {"height": 14, "width": 18}, "do_center_crop": False, "resample": 2},
    {"size": {"shortest_edge": 16}, "crop_size": {"height": 15, "width": 15}, "do_normalize": False, "resample": 1},
]
DPT = [
    {"size": {"height": 16, "width": 16}},
    {"size": {"height": 20, "width": 14}, "keep_aspect_ratio": True, "ensure_multiple_of": 4},
    {"size": {"height": 12, "width": 18}, "resample": 2, "do_normalize": False},
]

SIGLIP = [
    {"size": {"height": 16, "width": 16}},
    {"size": {"height": 20, "width": 14}, "resample": 2},
    {"size": {"height": 12, "width": 18}, "do_normalize": False},
]


def processor_cases(cls, configs: list[dict], images: list, tensors: dict) -> list[dict]:
    cases = []
    for config in configs:
        for image in images:
            output = f"{len(cases)}.pixel_values"
            tensors[output] = cls(**config)(image, return_tensors="pt").pixel_values
            cases.append({"config": config, "image": store(image, tensors), "output": {"tensor": output}})
    return cases


def write_safety(path: str) -> None:
    """Which images are hidden, and how far the nearest score is from its threshold."""
    checker = StableDiffusionSafetyChecker.from_pretrained(FIXTURES / "models" / path)
    processor = CLIPImageProcessorPil.from_pretrained(FIXTURES / "processors" / "CLIPImageProcessor" / "clip-16")
    tensors, cases = {}, []
    for i in range(8):
        image = photo(24, 20, name=f"safety {i}")
        pixels = processor(image, return_tensors="pt").pixel_values
        _, found = checker(clip_input=pixels, images=[torch.zeros(3, 2, 2)])
        cases.append({"image": store(image, tensors), "found": bool(found[0])})
    write_golden(GOLDEN / "processors" / "StableDiffusionSafetyChecker", COMMAND, cases, tensors)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    tensors = {}
    cases = processor_cases(CLIPImageProcessorPil, CLIP, IMAGES, tensors)
    write_golden(GOLDEN / "processors" / "CLIPImageProcessor", COMMAND, cases, tensors)
    tensors = {}
    cases = processor_cases(DPTImageProcessorPil, DPT, IMAGES[:4], tensors)
    write_golden(GOLDEN / "processors" / "DPTImageProcessor", COMMAND, cases, tensors)
    tensors = {}
    cases = processor_cases(SiglipImageProcessorPil, SIGLIP, IMAGES, tensors)
    write_golden(GOLDEN / "processors" / "SiglipImageProcessor", COMMAND, cases, tensors)
    with torch.no_grad():
        write_safety("StableDiffusionSafetyChecker/tiny")
