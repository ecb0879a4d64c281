"""Writes the models that task_goldens.py needs beside those of make_repos.py.

    $(sh scripts/reference/setup.sh) scripts/reference/task_repos.py [name ...]
"""

import shutil
import sys

import torch
from diffusers.pipelines.stable_diffusion.safety_checker import StableDiffusionSafetyChecker
from transformers import CLIPConfig, CLIPImageProcessorPil

from common import FIXTURES, generator, seed_of
from tasks import picture
from tiny_models import liven

VISION = dict(hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=2, image_size=16, patch_size=4,
              projection_dim=8)


def folder(path: str):
    where = FIXTURES / path
    shutil.rmtree(where, ignore_errors=True)
    where.mkdir(parents=True)
    return where


def clip_image_processor() -> CLIPImageProcessorPil:
    return CLIPImageProcessorPil(size={"shortest_edge": 16}, crop_size={"height": 16, "width": 16})


def safety() -> None:
    """Hides about half of the pictures; one of its concepts is found only next to a special one."""
    clip_image_processor().save_pretrained(folder("processors/CLIPImageProcessor/clip-16"))
    config = CLIPConfig(vision_config=VISION, text_config=dict(hidden_size=8, num_hidden_layers=1), projection_dim=8)
    checker = liven(StableDiffusionSafetyChecker(config), seed_of("safety")).eval()
    checker.concept_embeds.data = torch.randn(17, 8, generator=generator(1))
    checker.special_care_embeds.data = torch.randn(3, 8, generator=generator(2))
    pictures = [picture(24, 20, name=f"safety {i}") for i in range(8)]
    pixels = clip_image_processor()(pictures, return_tensors="pt").pixel_values
    with torch.no_grad():
        seen = torch.nn.functional.normalize(checker.visual_projection(checker.vision_model(pixels)[1]))
    likeness = lambda name: seen @ torch.nn.functional.normalize(getattr(checker, name)).T  # noqa: E731
    concepts, special = likeness("concept_embeds"), likeness("special_care_embeds")
    checker.concept_embeds_weights.data = torch.ones(17)
    checker.concept_embeds_weights.data[4] = concepts[:, 4].median() + 0.0035
    checker.concept_embeds_weights.data[9] = concepts[:, 9].sort().values[-2:].mean() + 0.001
    checker.special_care_embeds_weights.data = torch.ones(3)
    checker.special_care_embeds_weights.data[1] = special[:, 1].median() + 0.001
    checker.save_pretrained(folder("models/StableDiffusionSafetyChecker/tiny"))


WRITERS = {"safety": safety}

if __name__ == "__main__":
    for name in sys.argv[1:] or WRITERS:
        WRITERS[name]()
