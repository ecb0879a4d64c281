"""Priors of Kandinsky: PriorTransformer, the vectors that they make, and with the decoder images of texts:
tests/golden/{models/PriorTransformer,kandinsky_prior,tasks/kandinsky22-*combined}.

    $(sh scripts/reference/setup.sh) scripts/reference/kandinsky_prior_goldens.py [repos] [combined] [models] [calls] [task ...]

Writes the models to tests/fixtures/{models/PriorTransformer,tiny-kandinsky22-prior,tiny-kandinsky22-combined}.
"""

import json
import shutil
import sys
import tempfile
import warnings
from pathlib import Path

import diffusers
import torch
from diffusers import KandinskyV22Pipeline, KandinskyV22PriorPipeline, PriorTransformer, UnCLIPScheduler
from transformers import CLIPTokenizer, CLIPVisionConfig, CLIPVisionModelWithProjection

from common import FIXTURES, GOLDEN, generator, seed_of, write_golden
from model_goldens import Calls
from task_goldens import store, write_task
from task_repos import VISION, clip_image_processor, folder
from tasks import OTHER, PROMPT, case, latents, mask, photo, tensor
from tiny_models import CLIP_TEXT_PROJECTION, build, liven
from tiny_tokenizer import write_tokenizer

COMMAND = "scripts/reference/kandinsky_prior_goldens.py"
# as wide as the vectors that tiny-kandinsky22 is conditioned on
TEXT = {**CLIP_TEXT_PROJECTION["sdxl"], "hidden_size": 20, "intermediate_size": 24, "projection_dim": 20, "num_attention_heads": 2}
PRIOR = dict(num_attention_heads=2, attention_head_dim=8, num_layers=2, embedding_dim=20)
PRIORS = {
    "kandinsky": dict(PRIOR, num_embeddings=7),
    "normalized": dict(PRIOR, num_embeddings=5, norm_in_type="layer", embedding_proj_norm_type="layer", embedding_proj_dim=12, clip_embed_dim=14,
                       time_embed_dim=24, time_embed_act_fn="gelu"),
    # as of Shap-E, whose sample is several vectors
    "vectors": dict(PRIOR, num_embeddings=6, additional_embeddings=0, encoder_hid_proj_type=None, added_emb_type=None, time_embed_act_fn="gelu",
                    norm_in_type="layer", embedding_proj_norm_type="layer", embedding_proj_dim=12, clip_embed_dim=18),
}


def prior(config: dict, name: str) -> PriorTransformer:
    return liven(PriorTransformer(**config), seed_of(name)).eval()


def write_repos() -> None:
    for name, config in PRIORS.items():
        prior(config, f"PriorTransformer/{name}").save_pretrained(FIXTURES / "models" / "PriorTransformer" / name)
    where = folder("tiny-kandinsky22-prior")
    with tempfile.TemporaryDirectory() as temp:
        write_tokenizer(Path(temp))
        vision = CLIPVisionConfig(**{**VISION, "projection_dim": 20})
        pipe = KandinskyV22PriorPipeline(
            prior=prior(dict(PRIOR, num_embeddings=77), "tiny-kandinsky22-prior/prior"),
            image_encoder=liven(CLIPVisionModelWithProjection(vision), seed_of("tiny-kandinsky22-prior/image_encoder")).eval(),
            text_encoder=build("CLIPTextModelWithProjection", TEXT, seed_of("tiny-kandinsky22-prior/text_encoder")),
            tokenizer=CLIPTokenizer.from_pretrained(temp), image_processor=clip_image_processor(),
            scheduler=UnCLIPScheduler(variance_type="fixed_small_log", clip_sample_range=10, prediction_type="sample"),
        )
        pipe.save_pretrained(where)
        shutil.rmtree(where / "tokenizer")
        shutil.copytree(temp, where / "tokenizer")
    index = json.loads((where / "model_index.json").read_text())
    index["image_processor"] = ["transformers", "CLIPImageProcessor"]  # as the Hub's repo names it
    (where / "model_index.json").write_text(json.dumps(index, indent=2) + "\n")


def write_combined() -> None:
    """Prior and decoder in one folder, as a combined pipeline saves them."""
    where, prior = folder("tiny-kandinsky22-combined"), FIXTURES / "tiny-kandinsky22-prior"
    parts = KandinskyV22PriorPipeline.from_pretrained(str(prior), use_safetensors=True).components
    decoder = KandinskyV22Pipeline.from_pretrained(str(FIXTURES / "tiny-kandinsky22"), use_safetensors=True).components
    # not save_pretrained: that of diffusers does not know its own prior_image_processor again
    for role, part in {**decoder, **{f"prior_{role}": part for role, part in parts.items()}}.items():
        part.save_pretrained(where / role)
    shutil.rmtree(where / "prior_tokenizer")
    shutil.copytree(prior / "tokenizer", where / "prior_tokenizer")
    index = {"_class_name": "KandinskyV22CombinedPipeline", "_diffusers_version": "0.42.1", "movq": ["diffusers", "VQModel"],
             "prior_image_encoder": ["transformers", "CLIPVisionModelWithProjection"], "prior_image_processor": ["transformers", "CLIPImageProcessor"],
             "prior_prior": ["diffusers", "PriorTransformer"], "prior_scheduler": ["diffusers", "UnCLIPScheduler"],
             "prior_text_encoder": ["transformers", "CLIPTextModelWithProjection"], "prior_tokenizer": ["transformers", "CLIPTokenizer"],
             "scheduler": ["diffusers", "DDPMScheduler"], "unet": ["diffusers", "UNet2DConditionModel"]}
    (where / "model_index.json").write_text(json.dumps(index, indent=2) + "\n")


@torch.no_grad()
def write_models() -> None:
    for name, config in PRIORS.items():
        model, calls, g = PriorTransformer.from_pretrained(FIXTURES / "models" / "PriorTransformer" / name).eval(), Calls(), generator(seed_of(name))
        width, has_text = config.get("embedding_proj_dim", 20), config.get("encoder_hid_proj_type", "linear") is not None
        for title, masked in (("two vectors", False), ("a masked text", True)) if has_text else (("two samples", False),):
            values = {"hidden_states": torch.randn(*((2, 20) if has_text else (2, 6, 20)), generator=g), "timestep": 481,
                      "proj_embedding": torch.randn(2, width, generator=g)}
            if has_text:
                values["encoder_hidden_states"] = torch.randn(2, config["num_embeddings"], 20, generator=g)
            if masked:
                values["attention_mask"] = (torch.arange(config["num_embeddings"]) < torch.tensor([[3], [5]])).float()
            result = model(**values).predicted_image_embedding
            calls.add(title, values, {"predicted_image_embedding": result, "processed": model.post_process_latents(result)})
        write_golden(GOLDEN / "models" / "PriorTransformer" / name, COMMAND, calls.cases, calls.tensors)


CALL = dict(prompt=PROMPT, num_inference_steps=5)
TEXTS = (
    ("a prompt", [0], CALL),
    ("without guidance", [0], dict(CALL, guidance_scale=1.0)),
    ("a negative prompt", [1, 2], dict(CALL, negative_prompt="blurry, dark")),
    ("a negative prompt, without guidance", [1, 2], dict(CALL, negative_prompt="blurry", guidance_scale=0.5)),
    ("two prompts, two vectors of each", [1, 2, 3, 4], dict(CALL, prompt=[PROMPT, OTHER], num_images_per_prompt=2, guidance_scale=7.0)),
    ("two prompts and negative ones", [1, 2, 3, 4], dict(CALL, prompt=[PROMPT, OTHER], negative_prompt=["blurry", "dark"])),
    ("own latents", [0], dict(CALL, latents=latents(1, 20, seed=3))),
)
IMAGE = dict(CALL, image=photo(40, 33), strength=0.7)
IMAGES = (
    ("an image", [0], IMAGE),
    ("a negative prompt", [1, 2], dict(IMAGE, negative_prompt="blurry")),
    ("two prompts, an image each, two vectors of each", [1, 2, 3, 4], dict(IMAGE, prompt=[PROMPT, OTHER], image=[photo(40, 33), photo(20, 37)],
                                                                           num_images_per_prompt=2, guidance_scale=1.0)),
    ("vectors, all of it", [0], dict(IMAGE, image=latents(1, 20, seed=4), strength=1.0)),
    ("pixels", [0], dict(IMAGE, image=tensor(1, 3, 16, 16, seed=5, low=-2, high=2))),
)


@torch.no_grad()
def write_calls() -> None:
    tensors, cases = {}, []
    for name, calls in (("KandinskyV22PriorPipeline", TEXTS), ("KandinskyPriorPipeline", TEXTS[:3]), ("KandinskyV22PriorEmb2EmbPipeline", IMAGES)):
        pipe = getattr(diffusers, name).from_pretrained(str(FIXTURES / "tiny-kandinsky22-prior"), use_safetensors=True)
        pipe.set_progress_bar_config(disable=True)
        for title, seeds, call in calls:
            given = {key: list(value) if isinstance(value, list) else value for key, value in call.items()}
            out = pipe(**given, generator=[generator(seed) for seed in seeds])
            key = str(len(cases))
            tensors[f"{key}.embeds"], tensors[f"{key}.negative"] = out.image_embeds.contiguous(), out.negative_image_embeds.contiguous()
            cases.append({"pipeline": name, "name": title, "seeds": seeds, "call": {k: store(v, tensors) for k, v in call.items()},
                          "image_embeds": f"{key}.embeds", "negative_image_embeds": f"{key}.negative"})
    write_golden(GOLDEN / "kandinsky_prior", COMMAND, cases, tensors)


WHOLE = dict(prompt=PROMPT, num_inference_steps=4, prior_num_inference_steps=3, height=64, width=64)
TWO = dict(prompt=[PROMPT, OTHER], num_images_per_prompt=2, seeds=[1, 2, 3, 4])
BY_IMAGE = dict(image=photo(64, 64), strength=0.8, **WHOLE)
BY_MASK = dict(image=photo(64, 64), mask_image=mask(64, 64, (16, 8, 48, 40)), **WHOLE)


def task(kind: str, cases: list[dict], **parts) -> dict:
    return {"pipeline": f"KandinskyV22{kind}CombinedPipeline", "repo": "tiny-kandinsky22-combined", "parts": parts, "cases": cases}


TASKS = {
    "kandinsky22-combined": task("", [
        case("a prompt", **WHOLE), case("without guidance of the decoder", guidance_scale=1.0, **WHOLE),
        case("without guidance of the prior, a rectangle", prior_guidance_scale=1.0, **{**WHOLE, "width": 128}),
        case("two prompts, two images of each", guidance_scale=1.5, **{**WHOLE, **TWO, "seeds": [5, 6, 7, 8]}), case("a negative prompt, one generator", negative_prompt="blurry", shared=True, guidance_scale=1.5, **WHOLE),
        case("own latents", latents=latents(1, 20, seed=3), **WHOLE),
    ]),
    "kandinsky22-img2img-combined": task("Img2Img", [
        case("an image", **BY_IMAGE), case("two prompts, an image each, two images of each", **{**BY_IMAGE, **TWO, "image": [photo(64, 64), photo(64, 64, name="another")]}),
    ]),
    "kandinsky22-inpaint-combined": task("Inpaint", [
        case("an image", **BY_MASK), case("two images of a prompt", num_images_per_prompt=2, seeds=[3, 4], guidance_scale=1.5, **BY_MASK),
    ], unet="parts/UNet2DConditionModel/kandinsky22-inpaint"),
}


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    for wanted in sys.argv[1:] or ["repos", "combined", "models", "calls", *TASKS]:
        if wanted in TASKS:
            write_task(wanted, TASKS[wanted], COMMAND)
        else:
            {"repos": write_repos, "combined": write_combined, "models": write_models, "calls": write_calls}[wanted]()
