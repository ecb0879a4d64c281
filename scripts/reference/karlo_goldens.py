"""unCLIP: UnCLIPTextProjModel with its goldens, the repos tiny-unclip and tiny-unclip-variation, and tests/golden/tasks/unclip*.

    $(sh scripts/reference/setup.sh) scripts/reference/karlo_goldens.py [repos] [task ...]
"""

import json
import shutil
import sys
import tempfile
import warnings
from pathlib import Path

import diffusers
import torch
from diffusers import UnCLIPImageVariationPipeline, UnCLIPPipeline, UnCLIPScheduler
from diffusers.pipelines.deprecated import unclip
from diffusers.pipelines.deprecated.unclip.text_proj import UnCLIPTextProjModel
from transformers import CLIPTokenizer, CLIPVisionConfig, CLIPVisionModelWithProjection

from common import FIXTURES, GOLDEN, generator, seed_of, write_golden
from kandinsky_prior_goldens import PRIOR, TEXT, prior
from model_goldens import Calls
from task_goldens import write_task
from task_repos import VISION, clip_image_processor, folder
from tasks import OTHER, PROMPT, case, latents, photo, tensor
from tiny_models import build, liven
from tiny_tokenizer import write_tokenizer
from unet_condition_goldens import CONFIGS

# diffusers 0.42.1 has moved the module and finds it no more by the name that model_index.json has
diffusers.pipelines.unclip = unclip
COMMAND = "scripts/reference/karlo_goldens.py"
WIDTH = TEXT["projection_dim"]
DECODER = {**CONFIGS["unclip"], "in_channels": 3, "out_channels": 6, "sample_size": 8}
PROJ = dict(clip_extra_context_tokens=3, clip_embeddings_dim=WIDTH, time_embed_dim=4 * DECODER["block_out_channels"][0],
            cross_attention_dim=DECODER["cross_attention_dim"])
LARGE = dict(
    sample_size=20, in_channels=6, out_channels=3, block_out_channels=(4, 8), layers_per_block=1, norm_num_groups=2, attention_head_dim=4,
    down_block_types=("ResnetDownsampleBlock2D", "ResnetDownsampleBlock2D"), up_block_types=("ResnetUpsampleBlock2D", "ResnetUpsampleBlock2D"),
    add_attention=False, resnet_time_scale_shift="scale_shift",
)


def text_proj(config: dict, name: str) -> UnCLIPTextProjModel:
    return liven(UnCLIPTextProjModel(**config), seed_of(name)).eval()


def write_model() -> None:
    model, calls, g = text_proj(PROJ, "UnCLIPTextProjModel/tiny"), Calls(), generator(4)
    model.save_pretrained(folder("models/UnCLIPTextProjModel/tiny"))
    for label, guided in (("two images", False), ("with guidance", True)):
        rows = 4 if guided else 2
        inputs = {"image_embeddings": torch.randn(2, WIDTH, generator=g), "prompt_embeds": torch.randn(rows, WIDTH, generator=g),
                  "text_encoder_hidden_states": torch.randn(rows, 5, WIDTH, generator=g), "do_classifier_free_guidance": guided}
        states, time = model(**inputs)
        calls.add(label, inputs, {"text_encoder_hidden_states": states, "additive_clip_time_embeddings": time})
    write_golden(GOLDEN / "models" / "UnCLIPTextProjModel" / "tiny", COMMAND, calls.cases, calls.tensors)


def save(pipeline, name: str, tokenizer: str, **more) -> None:
    where = folder(name)
    shared = dict(
        decoder=build("UNet2DConditionModel", DECODER, seed_of("tiny-unclip/decoder")), text_proj=text_proj(PROJ, "tiny-unclip/text_proj"),
        text_encoder=build("CLIPTextModelWithProjection", TEXT, seed_of("tiny-unclip/text_encoder")), tokenizer=CLIPTokenizer.from_pretrained(tokenizer),
        super_res_first=build("UNet2DModel", LARGE, seed_of("tiny-unclip/first")), super_res_last=build("UNet2DModel", LARGE, seed_of("tiny-unclip/last")),
        # as Karlo's
        decoder_scheduler=UnCLIPScheduler(variance_type="learned_range", prediction_type="epsilon"),
        super_res_scheduler=UnCLIPScheduler(variance_type="fixed_small_log", prediction_type="epsilon"),
    )
    pipeline(**shared, **more).save_pretrained(where)
    shutil.rmtree(where / "tokenizer")
    shutil.copytree(tokenizer, where / "tokenizer")
    index = json.loads((where / "model_index.json").read_text())
    index["text_proj"] = ["unclip", "UnCLIPTextProjModel"]  # as the Hub's repos name them
    if "feature_extractor" in index:
        index["feature_extractor"] = ["transformers", "CLIPImageProcessor"]
    (where / "model_index.json").write_text(json.dumps(index, indent=2) + "\n")


@torch.no_grad()
def write_repos() -> None:
    write_model()
    with tempfile.TemporaryDirectory() as temp:
        write_tokenizer(Path(temp))
        save(UnCLIPPipeline, "tiny-unclip", temp, prior=prior(dict(PRIOR, num_embeddings=77), "tiny-unclip/prior"),
             prior_scheduler=UnCLIPScheduler(variance_type="fixed_small_log", clip_sample_range=5, prediction_type="sample"))
        vision = CLIPVisionConfig(**{**VISION, "projection_dim": WIDTH})
        save(UnCLIPImageVariationPipeline, "tiny-unclip-variation", temp, feature_extractor=clip_image_processor(),
             image_encoder=liven(CLIPVisionModelWithProjection(vision), seed_of("tiny-unclip/image_encoder")).eval())


STEPS = dict(decoder_num_inference_steps=4, super_res_num_inference_steps=3)
TEXTS = dict(prior_num_inference_steps=3, **STEPS)
TASKS = {
    "unclip": {
        "pipeline": "UnCLIPPipeline", "repo": "tiny-unclip", "parts": {}, "cases": [
            case("a prompt", prompt=PROMPT, **TEXTS),
            case("as many steps as by default", prompt=PROMPT, seeds=[3]),
            case("two prompts, two images each", prompt=[PROMPT, OTHER], num_images_per_prompt=2, seeds=[1, 2, 3, 4], **TEXTS),
            case("one generator for two images", prompt=PROMPT, num_images_per_prompt=2, seeds=[9], shared=True, **TEXTS),
            case("without guidance", prompt=PROMPT, prior_guidance_scale=1.0, decoder_guidance_scale=1.0, **TEXTS),
            case("guidance of the vector alone", prompt=PROMPT, prior_guidance_scale=3.0, decoder_guidance_scale=0.5, **TEXTS),
            case("guidance of the small image alone", prompt=PROMPT, prior_guidance_scale=0.5, decoder_guidance_scale=3.0, **TEXTS),
            case("own latents", prompt=PROMPT, prior_latents=latents(1, 20, seed=3), decoder_latents=latents(1, 3, 8, 8, seed=4),
                 super_res_latents=latents(1, 3, 20, 20, seed=5), **TEXTS),
            case("a prompt that is too long", prompt=" ".join([PROMPT, OTHER] * 8), **TEXTS),
        ],
    },
    "unclip-variation": {
        "pipeline": "UnCLIPImageVariationPipeline", "repo": "tiny-unclip-variation", "parts": {}, "cases": [
            case("an image", image=photo(40, 33), **STEPS),
            case("two images, two variations each", image=[photo(40, 33), photo(20, 37)], num_images_per_prompt=2, seeds=[1, 2, 3, 4], **STEPS),
            case("one generator for two images", image=photo(40, 33), num_images_per_prompt=2, seeds=[9], shared=True, **STEPS),
            case("without guidance", image=photo(40, 33), decoder_guidance_scale=1.0, **STEPS),
            case("pixels", image=tensor(1, 3, 16, 16, seed=5, low=-2, high=2), **STEPS),
            case("a vector, own latents", image_embeddings=latents(1, WIDTH, seed=6), decoder_latents=latents(1, 3, 8, 8, seed=4),
                 super_res_latents=latents(1, 3, 20, 20, seed=5), **STEPS),
        ],
    },
}

if __name__ == "__main__":
    warnings.simplefilter("ignore")
    for wanted in sys.argv[1:] or ["repos", *TASKS]:
        write_repos() if wanted == "repos" else write_task(wanted, TASKS[wanted], COMMAND)
