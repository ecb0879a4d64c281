"""GLIGEN: the models tests/fixtures/models/{UNet2DConditionModel/gligen*,CLIPImageProjection/tiny} with their goldens, and
tests/golden/tasks/gligen*.

    $(sh scripts/reference/setup.sh) scripts/reference/gligen_goldens.py [models] [task ...]
"""

import functools
import sys
import warnings
from unittest import mock

import diffusers
import torch
from diffusers import UNet2DConditionModel
from diffusers.models.autoencoders.vae import DiagonalGaussianDistribution
from diffusers.pipelines.stable_diffusion.clip_image_project_model import CLIPImageProjection
from transformers import CLIPProcessor, CLIPTokenizer

from common import FIXTURES, GOLDEN, generator, seed_of, write_golden
from model_goldens import Calls, condition_inputs
from task_goldens import write_task
from task_repos import clip_image_processor, folder
from tasks import OTHER, PROMPT, SAFETY, TEXT, case, latents, photo, swap
from tiny_models import UNET_2D_CONDITION, liven

COMMAND = "scripts/reference/gligen_goldens.py"
SMALL = {**UNET_2D_CONDITION["sd1"], "layers_per_block": 1}
UNETS = {
    "models/UNet2DConditionModel/gligen": {**SMALL, "attention_type": "gated"},
    "models/UNet2DConditionModel/gligen_text_image": {
        **SMALL, "attention_type": "gated-text-image", "use_linear_projection": True, "only_cross_attention": (True, False, False)},
    "parts/UNet2DConditionModel/gligen-inpaint": {**SMALL, "attention_type": "gated", "in_channels": 9},
    "parts/UNet2DConditionModel/gligen-text-image-inpaint": {**SMALL, "attention_type": "gated-text-image", "in_channels": 9},
}


def grounding(kind: str, batch: int, g: torch.Generator, width: int = 16, objects: int = 4) -> dict:
    """What position_net is given: of the last object nothing is there."""
    there = torch.tensor([1.0] * (objects - 1) + [0.0]).repeat(batch, 1)
    vectors = lambda: torch.randn(batch, objects, width, generator=g)  # noqa: E731
    values = {"boxes": torch.rand(batch, objects, 4, generator=g), "masks": there}
    if kind == "gated":
        return {**values, "positive_embeddings": vectors()}
    return {**values, "phrases_embeddings": vectors(), "phrases_masks": there.roll(1, 1), "image_embeddings": vectors(),
            "image_masks": there * torch.rand(batch, objects, generator=g)}


def write_unet(path: str, config: dict) -> None:
    model = liven(UNet2DConditionModel(**config), seed_of(path)).eval()
    model.conv_out.weight.data *= 1.5
    for i, (name, value) in enumerate(model.named_parameters()):
        if ".alpha_" in name:
            value.data = torch.tensor(0.5 + i % 5 / 5)
    model.save_pretrained(folder(path))
    if not path.startswith("models/"):
        return
    calls, g = Calls(), generator(seed_of(path))
    for label, batch, height, width, timestep in (("two images", 2, 8, 8, 981), ("a rectangle that does not halve", 1, 10, 6, 20.5)):
        given, objects = condition_inputs(model, batch, height, width, timestep, g), grounding(config["attention_type"], batch, g)
        sample = model(**given, cross_attention_kwargs={"gligen": dict(objects)}).sample
        calls.add(label, {**given, **{f"gligen.{key}": value for key, value in objects.items()}}, {"sample": sample})
    given = condition_inputs(model, 1, 8, 8, 500, g)
    calls.add("without objects", given, {"sample": model(**given).sample})
    write_golden(GOLDEN / path, COMMAND, calls.cases, calls.tensors)


def write_projection() -> None:
    path = "models/CLIPImageProjection/tiny"
    model = liven(CLIPImageProjection(hidden_size=16), seed_of(path)).eval()
    model.save_pretrained(folder(path))
    calls, embeds = Calls(), torch.randn(3, 16, generator=generator(seed_of(path)))
    calls.add("three vectors", {"embeds": embeds}, {"projected": model(embeds)})
    write_golden(GOLDEN / path, COMMAND, calls.cases, calls.tensors)


def write_processor() -> None:
    """As transformers writes it whole, with the tokenizer beside."""
    where = folder("processors/CLIPProcessor/clip-16")
    CLIPProcessor(clip_image_processor(), CLIPTokenizer.from_pretrained(FIXTURES / "tokenizers" / "clip-77")).save_pretrained(where)


def write_models() -> None:
    with torch.no_grad():
        for path, config in UNETS.items():
            write_unet(path, config)
        write_projection()
    write_processor()


def from_one_stream() -> None:
    """Where an image is inpainted, diffusers draws from torch's own generator, too: here all is drawn from that one, begun where the
    generator of the call stands. Latents of the tiny autoencoder lie in memory channel by channel, for which `randn_like` draws in
    another way than for those that lie plain; noise is drawn as for the latter."""
    for name in ("StableDiffusionGLIGENPipeline", "StableDiffusionGLIGENTextImagePipeline"):
        cls = getattr(diffusers, name)
        call = cls.__call__

        @functools.wraps(call)
        def seeded(self, *args, own=call, generator=None, **options):
            one = generator[0] if isinstance(generator, list) and len(generator) == 1 else generator
            if options.get("gligen_inpaint_image") is None or isinstance(one, list):
                return own(self, *args, generator=generator, **options)
            torch.set_rng_state(one.get_state())
            drawn = lambda latents, generator=None: latents.mean + latents.std * torch.randn(latents.mean.shape)  # noqa: E731
            with mock.patch("torch.randn_like", lambda like: torch.randn(like.shape)), mock.patch.object(DiagonalGaussianDistribution, "sample", drawn):
                return own(self, *args, generator=None, **options)

        cls.__call__ = seeded


BOXES = [[0.1, 0.2, 0.5, 0.7], [0.5, 0.25, 0.9, 0.95]]
PLACED = dict(gligen_phrases=["a red apple", "a cat at night"], gligen_boxes=BOXES, **TEXT)
SHOWN = dict(gligen_images=[photo(30, 24), photo(20, 41, name="another")], **PLACED)
INTO = dict(gligen_inpaint_image=photo(32, 32), **PLACED)
MANY = dict(gligen_phrases=["a cat"] * 31, gligen_boxes=[[i / 40, i / 50, (i + 5) / 40, (i + 9) / 40] for i in range(31)])
TEXT_CASES = [
    case("the repo's own scheduler", **PLACED),
    case("all steps, DDIM, eta 1", scheduler=swap("DDIM"), eta=1.0, gligen_scheduled_sampling_beta=1.0, **PLACED),
    case("no step", gligen_scheduled_sampling_beta=0.0, **PLACED),
    case("Heun, whose timesteps are more", scheduler=swap("HeunDiscrete"), gligen_scheduled_sampling_beta=0.5, **PLACED),
    case("without guidance, a rectangle", guidance_scale=1.0, height=32, width=48, **PLACED),
    case("two prompts, two images each", **{**PLACED, "prompt": [PROMPT, OTHER]}, num_images_per_prompt=2, seeds=[1, 2, 3, 4],
         negative_prompt=["blurry", "dark"]),
    case("more objects than there may be", gligen_scheduled_sampling_beta=1.0, **{**PLACED, **MANY}),
    case("own embeddings and latents, clip_skip", gligen_phrases=["a cat"], gligen_boxes=BOXES[:1], num_inference_steps=4, clip_skip=1,
         prompt_embeds=latents(1, 77, 16, seed=4), negative_prompt_embeds=latents(1, 77, 16, seed=5), latents=latents(1, 4, 8, 8, seed=3)),
]
INPAINT_CASES = [
    case("the repo's own scheduler", **INTO),
    case("Euler ancestral, an image that is wide, all steps", scheduler=swap("EulerAncestralDiscrete"), gligen_scheduled_sampling_beta=1.0,
         **{**INTO, "gligen_inpaint_image": photo(53, 38)}),
    case("DDIM, eta 1, an image that is high", scheduler=swap("DDIM"), eta=1.0, **{**INTO, "gligen_inpaint_image": photo(41, 70)}),
    case("one generator for two images", num_images_per_prompt=2, seeds=[9], shared=True, **INTO),
    case("own latents, without guidance", latents=latents(1, 4, 8, 8, seed=3), guidance_scale=1.0, **INTO),
]
TEXT_IMAGE_CASES = [
    case("the repo's own scheduler", **SHOWN),
    case("phrases alone, without guidance", guidance_scale=1.0, **PLACED),
    case("images alone", **{key: value for key, value in SHOWN.items() if key != "gligen_phrases"}),
    case("one of each, Euler, another length", scheduler=swap("EulerDiscrete"), gligen_normalize_constant=9.5, **{
        **SHOWN, "gligen_phrases": [None, "a cat"], "gligen_images": [photo(20, 20), None]}),
    case("masks", input_phrases_mask=[1, 0], input_images_mask=0, **SHOWN),
    case("two prompts", **{**SHOWN, "prompt": [PROMPT, OTHER]}, seeds=[1, 2]),
]
PARTS = {
    "image_encoder": "parts/CLIPVisionModelWithProjection/variation", "processor": "processors/CLIPProcessor/clip-16",
    "image_project": "models/CLIPImageProjection/tiny",
}
TEXT_CLASS, TEXT_IMAGE_CLASS = "StableDiffusionGLIGENPipeline", "StableDiffusionGLIGENTextImagePipeline"
UNET = {"unet": "models/UNet2DConditionModel/gligen"}
TASKS = {
    "gligen": {"pipeline": TEXT_CLASS, "repo": "tiny-stable-diffusion", "parts": UNET, "cases": TEXT_CASES},
    "gligen-safety": {"pipeline": TEXT_CLASS, "repo": "tiny-stable-diffusion", "parts": {**UNET, **SAFETY}, "cases": [
        case("six images", num_images_per_prompt=6, seeds=[1, 2, 3, 4, 5, 6], **PLACED)]},
    "gligen-inpaint": {"pipeline": TEXT_CLASS, "repo": "tiny-stable-diffusion",
                       "parts": {"unet": "parts/UNet2DConditionModel/gligen-inpaint"}, "cases": INPAINT_CASES},
    "gligen-text-image": {"pipeline": TEXT_IMAGE_CLASS, "repo": "tiny-stable-diffusion",
                          "parts": {"unet": "models/UNet2DConditionModel/gligen_text_image", **PARTS}, "cases": TEXT_IMAGE_CASES},
    "gligen-text-image-inpaint": {"pipeline": TEXT_IMAGE_CLASS, "repo": "tiny-stable-diffusion",
                                  "parts": {"unet": "parts/UNet2DConditionModel/gligen-text-image-inpaint", **PARTS},
                                  "cases": [case("the repo's own scheduler", **SHOWN, gligen_inpaint_image=photo(40, 32))]},
}

if __name__ == "__main__":
    warnings.simplefilter("ignore")
    from_one_stream()
    for wanted in sys.argv[1:] or ["models", *TASKS]:
        write_models() if wanted == "models" else write_task(wanted, TASKS[wanted], COMMAND)
