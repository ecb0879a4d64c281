"""Kandinsky 2.1: MultilingualCLIP with its goldens, the repos tiny-kandinsky21 and -combined, and tests/golden/tasks/kandinsky21*.

    $(sh scripts/reference/setup.sh) scripts/reference/kandinsky21_goldens.py [repos] [models] [task ...]

Takes tests/fixtures/tokenizers/xlm-roberta-json, tiny-kandinsky22 and -prior.
"""

import json
import shutil
import sys
import warnings

import torch
from diffusers import DDIMScheduler, KandinskyV22PriorPipeline
from diffusers.pipelines.kandinsky.text_encoder import MCLIPConfig, MultilingualCLIP
from transformers import XLMRobertaTokenizer

from common import FIXTURES, GOLDEN, generator, seed_of, write_golden
from kandinsky_goldens import config_of
from model_goldens import Calls
from task_goldens import write_task
from task_repos import folder
from tasks import OTHER, PROMPT, case, latents, mask, photo, swap
from tiny_models import build, liven

COMMAND = "scripts/reference/kandinsky21_goldens.py"
TOKENIZER = FIXTURES / "tokenizers" / "xlm-roberta-json"
_MCLIP = dict(vocab_size=260, hidden_size=16, num_hidden_layers=2, num_attention_heads=4, intermediate_size=24, max_position_embeddings=90,
              type_vocab_size=1, layer_norm_eps=1e-5, transformerDimSize=16, imageDimSize=20, attn_implementation="eager")
MCLIP = {
    "mclip": _MCLIP,
    # another activation, more kinds of tokens than are used, another token for padding
    "other": {**_MCLIP, "hidden_act": "gelu_new", "type_vocab_size": 2, "pad_token_id": 3, "layer_norm_eps": 1e-12, "imageDimSize": 7},
}


def mclip(name: str, where: str) -> MultilingualCLIP:
    return liven(MultilingualCLIP(MCLIPConfig(**MCLIP[name])), seed_of(where)).eval()


def mclip_calls(model, seed: int) -> Calls:
    calls, g, config = Calls(), generator(seed), model.config
    for label, length, kept in (("whole rows", 9, (9, 9)), ("padding at the end", 77, (77, 5))):
        ids = torch.randint(5, config.vocab_size, (2, length), generator=g)
        attention = torch.arange(length)[None] < torch.tensor(kept)[:, None]
        ids = torch.where(attention, ids, config.pad_token_id)
        embeds, states = model(ids, attention.long())
        calls.add(label, {"input_ids": ids, "attention_mask": attention.long()}, {"text_embeds": embeds, "last_hidden_state": states})
    return calls


@torch.no_grad()
def write_models() -> None:
    for name in MCLIP:
        where = f"MultilingualCLIP/{name}"
        model = mclip(name, where)
        model.save_pretrained(folder(f"models/{where}"))
        calls = mclip_calls(model, seed_of(where))
        write_golden(GOLDEN / "models" / where, COMMAND, calls.cases, calls.tensors)


def unet_of(where: str, in_channels: int = 4):
    # as wide as the vectors of the tiny prior, and as the tiny text encoder
    config = {**config_of("kandinsky"), "in_channels": in_channels, "out_channels": 8, "cross_attention_dim": 20, "encoder_hid_dim": 16}
    return build("UNet2DConditionModel", config, seed_of(where))


def write_repos() -> None:
    """Laid out as kandinsky-community/kandinsky-2-1, and as a combined pipeline saves it with its prior."""
    where, both = folder("tiny-kandinsky21"), folder("tiny-kandinsky21-combined")
    unet_of("tiny-kandinsky21/unet").save_pretrained(where / "unet")
    mclip("mclip", "tiny-kandinsky21/text_encoder").save_pretrained(where / "text_encoder")
    DDIMScheduler(beta_start=0.00085, beta_end=0.012, beta_schedule="linear", clip_sample=False, set_alpha_to_one=False,
                  steps_offset=1, prediction_type="epsilon").save_pretrained(where / "scheduler")
    XLMRobertaTokenizer.from_pretrained(TOKENIZER, padding_side="right").save_pretrained(where / "tokenizer")
    shutil.copytree(FIXTURES / "tiny-kandinsky22" / "movq", where / "movq")
    shutil.copytree(where, both, dirs_exist_ok=True)
    for role, part in KandinskyV22PriorPipeline.from_pretrained(str(FIXTURES / "tiny-kandinsky22-prior"), use_safetensors=True).components.items():
        part.save_pretrained(both / f"prior_{role}")
    shutil.rmtree(both / "prior_tokenizer")
    shutil.copytree(FIXTURES / "tiny-kandinsky22-prior" / "tokenizer", both / "prior_tokenizer")
    index = {"_class_name": "KandinskyPipeline", "_diffusers_version": "0.42.1", "movq": ["diffusers", "VQModel"],
             "scheduler": ["diffusers", "DDIMScheduler"], "text_encoder": ["kandinsky", "MultilingualCLIP"],
             "tokenizer": ["transformers", "XLMRobertaTokenizer"], "unet": ["diffusers", "UNet2DConditionModel"]}
    (where / "model_index.json").write_text(json.dumps(index, indent=2) + "\n")
    index |= {"_class_name": "KandinskyCombinedPipeline", "prior_image_encoder": ["transformers", "CLIPVisionModelWithProjection"],
              "prior_image_processor": ["transformers", "CLIPImageProcessor"], "prior_prior": ["diffusers", "PriorTransformer"],
              "prior_scheduler": ["diffusers", "UnCLIPScheduler"], "prior_text_encoder": ["transformers", "CLIPTextModelWithProjection"],
              "prior_tokenizer": ["transformers", "CLIPTokenizer"]}
    (both / "model_index.json").write_text(json.dumps(index, indent=2) + "\n")
    unet_of("kandinsky21-inpaint", 9).save_pretrained(folder("parts/UNet2DConditionModel/kandinsky21-inpaint"))


LEARNED = swap("DDPM", beta_start=0.00085, beta_end=0.012, variance_type="learned_range")
MAKE = dict(prompt=PROMPT, image_embeds=latents(1, 20, seed=1), negative_image_embeds=latents(1, 20, seed=2), height=64, width=64,
            num_inference_steps=5)
TWO = dict(prompt=[PROMPT, "новая красная кошка"], image_embeds=latents(2, 20, seed=3), negative_image_embeds=latents(2, 20, seed=4), seeds=[1, 2])
PHOTO, ANOTHER = photo(64, 64), photo(64, 64, name="another")
IMAGE = dict(image=PHOTO, strength=0.7, **{**MAKE, "num_inference_steps": 8})
MASKED = dict(image=PHOTO, mask_image=mask(64, 64, (16, 8, 48, 40)), **MAKE)
INPAINT = {"unet": "parts/UNet2DConditionModel/kandinsky21-inpaint"}
WHOLE = dict(prompt=PROMPT, num_inference_steps=4, prior_num_inference_steps=3, height=64, width=64)
PAIR = dict(prompt=[PROMPT, OTHER], num_images_per_prompt=2, guidance_scale=1.5, seeds=[5, 6, 7, 8])


def task(kind: str, cases: list[dict], repo: str = "tiny-kandinsky21", **parts) -> dict:
    return {"pipeline": f"Kandinsky{kind}Pipeline", "repo": repo, "parts": parts, "cases": cases}


TASKS = {
    "kandinsky21": task("", [
        case("the repo's own scheduler", **MAKE),
        case("learned variance, a negative prompt", scheduler=LEARNED, negative_prompt="dark, blurry", **MAKE),
        case("fixed variance, guidance 2", scheduler=swap("DDPM", variance_type="fixed_small"), guidance_scale=2.0, **MAKE),
        case("without guidance, learned variance", scheduler=LEARNED, guidance_scale=1.0, **MAKE),
        case("two prompts, what is not wanted of each", negative_prompt=["dark", "a photo of"], **{**MAKE, **TWO}),
        case("two images of a prompt, one generator", num_images_per_prompt=2, seeds=[9], shared=True, **MAKE),
        case("a long prompt, a rectangle", guidance_scale=2.0, **{**MAKE, "prompt": " ".join([PROMPT, OTHER] * 9), "height": 40, "width": 70}),
        case("own latents", latents=latents(1, 4, 8, 8, seed=7), **MAKE),
    ]),
    "kandinsky21-img2img": task("Img2Img", [
        case("the repo's own scheduler", **IMAGE),
        case("learned variance, all of it", scheduler=LEARNED, **{**IMAGE, "strength": 1.0}),
        case("hardly a step, counted from the end", **{**IMAGE, "num_inference_steps": 700, "strength": 0.0015}),
        case("two prompts, an image each", **{**IMAGE, **TWO, "image": [PHOTO, ANOTHER]}),
        case("two images of a prompt, one generator", num_images_per_prompt=2, seeds=[9], shared=True, **IMAGE),
        case("a larger image, without guidance", guidance_scale=1.0, **{**IMAGE, "image": photo(70, 101)}),
    ]),
    "kandinsky21-inpaint": task("Inpaint", [
        case("the repo's own scheduler", **MASKED),
        case("learned variance, a soft mask", scheduler=LEARNED, **{**MASKED, "mask_image": photo(90, 60, "L", "grey mask")}),
        case("a rectangle, two images of a prompt", **{**MASKED, "width": 128, "num_images_per_prompt": 2, "seeds": [1, 2]}),
        case("two prompts, an image and a mask each", **{**MASKED, **TWO, "image": [PHOTO, ANOTHER],
                                                         "mask_image": [mask(64, 64, (16, 8, 48, 40)), mask(64, 64, (0, 0, 20, 64))]}),
    ], **INPAINT),
    "kandinsky21-combined": task("Combined", [
        case("a prompt", **WHOLE),
        case("two prompts, two images of each", **{**WHOLE, **PAIR}),
        case("a negative prompt, one generator", negative_prompt="blurry", shared=True, **WHOLE),
        case("own latents, a rectangle", latents=latents(1, 20, seed=3), **{**WHOLE, "width": 128}),
    ], "tiny-kandinsky21-combined"),
    "kandinsky21-img2img-combined": task("Img2ImgCombined", [
        case("an image", image=PHOTO, strength=0.8, **WHOLE),
        case("two prompts, two images of each", strength=0.8, **{**WHOLE, **PAIR, "image": [PHOTO, ANOTHER]}),
    ], "tiny-kandinsky21-combined"),
    "kandinsky21-inpaint-combined": task("InpaintCombined", [
        case("an image", image=PHOTO, mask_image=MASKED["mask_image"], guidance_scale=1.5, **WHOLE),
        case("two images of a prompt", image=[PHOTO], mask_image=MASKED["mask_image"], num_images_per_prompt=2, seeds=[3, 4], **WHOLE),
    ], "tiny-kandinsky21-combined", **INPAINT),
}


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    for wanted in sys.argv[1:] or ["repos", "models", *TASKS]:
        if wanted in TASKS:
            write_task(wanted, TASKS[wanted], COMMAND)
        else:
            {"repos": write_repos, "models": write_models}[wanted]()
