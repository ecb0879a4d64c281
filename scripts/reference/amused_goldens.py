"""aMUSEd: UVit2DModel with its goldens, the repo tiny-amused, and tests/golden/tasks/amused*.

    $(sh scripts/reference/setup.sh) scripts/reference/amused_goldens.py [repos] [task ...]
"""

import shutil
import sys
import tempfile
import warnings
from pathlib import Path

import torch
from diffusers import AmusedPipeline, AmusedScheduler, UVit2DModel
from transformers import CLIPTokenizer

from common import FIXTURES, GOLDEN, generator, seed_of, write_golden
from latent_diffusion_goldens import vq_model
from model_goldens import Calls
from task_goldens import write_task
from task_repos import folder
from tasks import OTHER, PROMPT, case, latents, mask, photo, tensor
from tiny_models import CLIP_TEXT_PROJECTION, build, liven
from tiny_tokenizer import write_tokenizer

COMMAND = "scripts/reference/amused_goldens.py"
CODES = 40
TEXT = CLIP_TEXT_PROJECTION["sdxl"]
SMALL = dict(
    hidden_size=16, cond_embed_dim=TEXT["projection_dim"], micro_cond_encode_dim=6, micro_cond_embed_dim=30, encoder_hidden_size=TEXT["hidden_size"],
    vocab_size=CODES + 3, codebook_size=CODES, in_channels=10, block_out_channels=12, num_res_blocks=2, block_num_heads=3, num_hidden_layers=2,
    num_attention_heads=4, intermediate_size=20, sample_size=8,
)
UVITS = {
    # amused/amused-256
    "plain": SMALL,
    # amused/amused-512, whose sides are halved; with biases, and as wide inside as outside
    "halved": dict(SMALL, downsample=True, upsample=True, use_bias=True, block_out_channels=16, block_num_heads=2, num_res_blocks=1),
    "without_scales": dict(SMALL, ln_elementwise_affine=False, layer_norm_eps=1e-3, num_hidden_layers=1),
    "biases_without_scales": dict(SMALL, ln_elementwise_affine=False, use_bias=True, num_hidden_layers=1, downsample=True),
}
VQ = dict(block_out_channels=(4, 8, 8), latent_channels=6, num_vq_embeddings=CODES, mid_block_add_attention=False, lookup_from_codebook=True,
          down_block_types=("DownEncoderBlock2D",) * 3, up_block_types=("UpDecoderBlock2D",) * 3, layers_per_block=1, norm_num_groups=2, sample_size=32)


def uvit(config: dict, name: str) -> UVit2DModel:
    return liven(UVit2DModel(**config), seed_of(name)).eval()


def write_model(name: str, config: dict) -> None:
    model, calls, g = uvit(config, f"UVit2DModel/{name}"), Calls(), generator(4)
    model.save_pretrained(folder(f"models/UVit2DModel/{name}"))
    for label, shape in (("two images", (2, 8, 8)), ("a rectangle", (1, 4, 10))):
        inputs = {
            "input_ids": torch.randint(0, config["vocab_size"], shape, generator=g),
            "encoder_hidden_states": torch.randn(shape[0], 7, config["encoder_hidden_size"], generator=g),
            "pooled_text_emb": torch.randn(shape[0], config["cond_embed_dim"], generator=g),
            "micro_conds": torch.tensor([[512.0, 384.0, 3.0, 0.0, 6.0]] * shape[0]),
        }
        calls.add(label, inputs, {"logits": model(**inputs)})
    write_golden(GOLDEN / "models" / "UVit2DModel" / name, COMMAND, calls.cases, calls.tensors)


@torch.no_grad()
def write_repos() -> None:
    for name, config in UVITS.items():
        write_model(name, config)
    vqvae = vq_model(VQ, seed_of("tiny-amused/vqvae"))
    # amused's decoder gives 0..1
    vqvae.decoder.conv_out.weight.data *= 0.5
    vqvae.decoder.conv_out.bias.data += 0.5
    where = folder("tiny-amused")
    with tempfile.TemporaryDirectory() as temp:
        write_tokenizer(Path(temp))
        AmusedPipeline(
            vqvae=vqvae, tokenizer=CLIPTokenizer.from_pretrained(temp),
            text_encoder=build("CLIPTextModelWithProjection", TEXT, seed_of("tiny-amused/text_encoder")),
            transformer=uvit(SMALL, "tiny-amused/transformer"), scheduler=AmusedScheduler(mask_token_id=CODES + 2),
        ).save_pretrained(where)
        shutil.rmtree(where / "tokenizer")
        shutil.copytree(temp, where / "tokenizer")


def guess(name: str, **call) -> dict:
    """The reference takes a single generator."""
    text = {} if "prompt_embeds" in call else {"prompt": PROMPT}
    return case(name, shared=True, **{**text, "num_inference_steps": 5, **call})


EMBEDS = dict(prompt_embeds=latents(1, TEXT["projection_dim"], seed=4), encoder_hidden_states=latents(1, 77, TEXT["hidden_size"], seed=5),
              negative_prompt_embeds=latents(1, TEXT["projection_dim"], seed=6),
              negative_encoder_hidden_states=latents(1, 77, TEXT["hidden_size"], seed=7))
PHOTO = photo(32, 32)
COVERED = dict(image=PHOTO, mask_image=mask(32, 32, (8, 4, 24, 20)))
HALVED = {"transformer": "models/UVit2DModel/halved"}
# in the reference masks have sides of whole multiples of four tokens
TASKS = {
    "amused": {
        "pipeline": "AmusedPipeline", "repo": "tiny-amused", "parts": {}, "cases": [
            guess("twelve steps", num_inference_steps=12, seeds=[3]),
            guess("without guidance", guidance_scale=1.0),
            guess("a step", num_inference_steps=1),
            guess("temperatures", temperature=(5, 1)),
            guess("a temperature", temperature=3, seeds=[4]),
            guess("a negative prompt, guidance 3", negative_prompt="blurry", guidance_scale=3.0),
            guess("a rectangle, micro conditioning", height=16, width=48, micro_conditioning_aesthetic_score=9, micro_conditioning_crop_coord=(4, 7)),
            guess("two prompts, two images each", prompt=[PROMPT, OTHER], negative_prompt=["blurry", "dark"], num_images_per_prompt=2, seeds=[8]),
            guess("own tokens", latents=torch.where(tensor(1, 8, 8, seed=2) < 0.7, CODES + 2, torch.randint(0, CODES, (1, 8, 8), generator=generator(3)))),
            guess("own embeddings", **EMBEDS),
            guess("a prompt that is too long", prompt=" ".join([PROMPT, OTHER] * 8)),
        ],
    },
    "amused-halved": {
        "pipeline": "AmusedPipeline", "repo": "tiny-amused", "parts": HALVED,
        "cases": [guess("trained size"), guess("a rectangle", height=24, width=40, seeds=[2])],
    },
    "amused-img2img": {
        "pipeline": "AmusedImg2ImgPipeline", "repo": "tiny-amused", "parts": {}, "cases": [
            guess("half of the steps", image=PHOTO, num_inference_steps=12),
            guess("most of the steps", image=PHOTO, strength=0.8, temperature=(4, 1)),
            guess("all of the steps", image=PHOTO, strength=1.0),
            guess("an image of odd size", image=photo(53, 38), strength=0.7),
            guess("a tensor, without guidance", image=tensor(1, 3, 16, 24, seed=5), guidance_scale=1.0),
            guess("two prompts, an image each, twice", prompt=[PROMPT, OTHER], negative_prompt=["", "dark"], image=[PHOTO, photo(32, 32, name="another")],
                  num_images_per_prompt=2, strength=0.7, seeds=[6]),
            guess("own embeddings", image=PHOTO, **EMBEDS),
        ],
    },
    "amused-inpaint": {
        "pipeline": "AmusedInpaintPipeline", "repo": "tiny-amused", "parts": {}, "cases": [
            guess("twelve steps", num_inference_steps=12, **COVERED),
            guess("strength 0.6, temperatures", strength=0.6, temperature=(4, 1), **COVERED),
            guess("an image of odd size, a grey mask", image=photo(50, 34), mask_image=photo(50, 34, "L", "grey mask"), seeds=[5]),
            guess("two prompts, an image and a mask each, twice", prompt=[PROMPT, OTHER], negative_prompt=["", "dark"],
                  image=[PHOTO, photo(32, 32, name="another")], mask_image=[COVERED["mask_image"], mask(32, 32, (0, 16, 32, 32))],
                  num_images_per_prompt=2, seeds=[6]),
            guess("tensors", image=tensor(1, 3, 16, 32, seed=5), mask_image=tensor(1, 1, 16, 32, seed=6)),
            guess("without guidance", guidance_scale=1.0, **COVERED),
        ],
    },
}

if __name__ == "__main__":
    warnings.simplefilter("ignore")
    for wanted in sys.argv[1:] or ["repos", *TASKS]:
        write_repos() if wanted == "repos" else write_task(wanted, TASKS[wanted], COMMAND)
