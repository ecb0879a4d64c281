"""Writes what the first latent diffusion pipelines need, and what they give: tests/fixtures/models/VQModel and LDMBertModel
with their goldens, the repos tiny-ldm and tiny-ldm-super-resolution, and tests/golden/tasks/ldm*.

    $(sh scripts/reference/setup.sh) scripts/reference/latent_diffusion_goldens.py
"""

import warnings

import torch
from diffusers import DDIMScheduler, LDMSuperResolutionPipeline, LDMTextToImagePipeline, VQModel
from diffusers.pipelines.latent_diffusion.pipeline_latent_diffusion import LDMBertConfig, LDMBertModel
from transformers import BertTokenizer

from bert_vocabulary import write_tokenizer
from common import GOLDEN, generator, seed_of, write_golden
from model_goldens import Calls, vq_model as vq_model_calls
from task_goldens import write_task
from task_repos import folder
from tasks import OTHER, PROMPT, case, latents, photo, swap, tensor
from tiny_models import UNET_2D_CONDITION, build, liven

COMMAND = "scripts/reference/latent_diffusion_goldens.py"
TWO = dict(down_block_types=("DownEncoderBlock2D",) * 2, up_block_types=("UpDecoderBlock2D",) * 2, norm_num_groups=2, sample_size=16)
VQ_MODELS = {
    # the first stage of CompVis/ldm-super-resolution-4x-openimages, far narrower
    "ldm": dict(block_out_channels=(4, 4, 8), layers_per_block=2, norm_num_groups=2, sample_size=16, num_vq_embeddings=64,
                down_block_types=("DownEncoderBlock2D",) * 3, up_block_types=("UpDecoderBlock2D",) * 3),
    # the decoder of Kandinsky 2 (MoVQ), whose normalizations look at the latents
    "spatial": dict(block_out_channels=(32, 64), latent_channels=4, num_vq_embeddings=48, vq_embed_dim=4, norm_type="spatial",
                    **{**TWO, "down_block_types": ("DownEncoderBlock2D", "AttnDownEncoderBlock2D"),
                       "up_block_types": ("AttnUpDecoderBlock2D", "UpDecoderBlock2D")}),
    # the codebook of amused: numbers in the place of latents
    "lookup": dict(block_out_channels=(4, 8), latent_channels=6, num_vq_embeddings=40, vq_embed_dim=3, mid_block_add_attention=False,
                   lookup_from_codebook=True, scaling_factor=0.5, act_fn="gelu", **TWO),
    # fewer than 26 vectors, whose distances torch takes one by one; force_upcast
    "few": dict(block_out_channels=(4, 8), latent_channels=4, num_vq_embeddings=9, force_upcast=True, in_channels=1, out_channels=1,
                **TWO),
}
BERTS = {
    "ldm": dict(vocab_size=120, d_model=16, encoder_layers=3, encoder_ffn_dim=24, encoder_attention_heads=2, head_dim=6,
                max_position_embeddings=77),
    "wide_heads": dict(vocab_size=60, d_model=8, encoder_layers=2, encoder_ffn_dim=12, encoder_attention_heads=4, head_dim=8,
                       max_position_embeddings=20, activation_function="relu"),
}


def vq_model(config: dict, seed: int) -> VQModel:
    """With a codebook as wide as the latents, so that many of its vectors are near some of them."""
    model = liven(VQModel(**config), seed).eval()
    model.encoder.conv_out.weight.data *= 1.5
    out = model.decode(torch.randn(2, model.quantize.vq_embed_dim, 8, 8, generator=generator(seed))).sample
    model.decoder.conv_out.weight.data *= 0.45 / float(out.std())
    return model


def write_vq_model(name: str, config: dict) -> None:
    model = vq_model(config, seed_of(f"VQModel/{name}"))
    model.save_pretrained(folder(f"models/VQModel/{name}"))
    calls = vq_model_calls(model, 1)
    write_golden(GOLDEN / "models" / "VQModel" / name, COMMAND, calls.cases, calls.tensors)


def write_bert(name: str, config: dict) -> None:
    model = liven(LDMBertModel(LDMBertConfig(**config)), seed_of(f"LDMBertModel/{name}")).eval()
    model.save_pretrained(folder(f"models/LDMBertModel/{name}"))
    g, calls = generator(2), Calls()
    ids = torch.randint(0, config["vocab_size"], (2, 9), generator=g)
    layers, heads = config["encoder_layers"], config["encoder_attention_heads"]

    def add(label: str, **inputs) -> None:
        out = model(**inputs, output_hidden_states=True, return_dict=True)
        states = {f"hidden_states.{i}": state for i, state in enumerate(out.hidden_states)}
        calls.add(label, inputs, {"last_hidden_state": out.last_hidden_state, **states})

    add("two rows", input_ids=ids)
    add("the longest row", input_ids=torch.randint(0, config["vocab_size"], (1, config["max_position_embeddings"]), generator=g))
    add("a mask", input_ids=ids, attention_mask=torch.tensor([[1] * 9, [1] * 5 + [0] * 4]))
    add("own places", input_ids=ids, position_ids=torch.tensor([[3, 1, 0, 2, 8, 7, 6, 5, 4]]))
    add("a mask of heads", input_ids=ids, head_mask=torch.rand(layers, heads, generator=g))
    add("embedded tokens", inputs_embeds=torch.randn(2, 4, config["d_model"], generator=g))
    write_golden(GOLDEN / "models" / "LDMBertModel" / name, COMMAND, calls.cases, calls.tensors)


def scheduler() -> DDIMScheduler:
    """As CompVis/ldm-text2im-large-256 has it."""
    return DDIMScheduler(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", clip_sample=False)


def write_repos() -> None:
    where = folder("tiny-ldm")
    write_tokenizer(where / "tokenizer")
    unet = {**UNET_2D_CONDITION["only_cross"], "cross_attention_dim": 16, "in_channels": 3, "out_channels": 3, "sample_size": 4}
    unet.pop("only_cross_attention")
    pipe = LDMTextToImagePipeline(
        vqvae=vq_model(VQ_MODELS["ldm"], seed_of("tiny-ldm/vqvae")),
        bert=liven(LDMBertModel(LDMBertConfig(**BERTS["ldm"])), seed_of("tiny-ldm/bert")).eval(),
        tokenizer=BertTokenizer.from_pretrained(where / "tokenizer"),
        unet=build("UNet2DConditionModel", unet, seed_of("tiny-ldm/unet")), scheduler=scheduler(),
    )
    pipe.save_pretrained(where)
    where = folder("tiny-ldm-super-resolution")
    plain = dict(
        sample_size=16, in_channels=6, out_channels=3, block_out_channels=(4, 8), layers_per_block=1, norm_num_groups=2,
        down_block_types=("DownBlock2D", "AttnDownBlock2D"), up_block_types=("AttnUpBlock2D", "UpBlock2D"), attention_head_dim=4,
    )
    LDMSuperResolutionPipeline(
        vqvae=vq_model(VQ_MODELS["ldm"], seed_of("tiny-ldm-super-resolution/vqvae")),
        unet=build("UNet2DModel", plain, seed_of("tiny-ldm-super-resolution/unet")), scheduler=scheduler(),
    ).save_pretrained(where)


TEXT = dict(prompt=PROMPT, num_inference_steps=6)
SMALL = dict(image=photo(32, 32), num_inference_steps=5)
KL = {"vqvae": "models/AutoencoderKL/two_layers", "unet": "models/UNet2DConditionModel/sd2"}
TASKS = {
    "ldm": {
        "pipeline": "LDMTextToImagePipeline", "repo": "tiny-ldm", "parts": {}, "cases": [
            case("the repo's own scheduler", **TEXT, height=64, width=64),
            case("trained size, guidance 6", guidance_scale=6.0, **TEXT, seeds=[3]),
            case("guidance 0.5", guidance_scale=0.5, height=32, width=64, **TEXT),
            case("two prompts", **{**TEXT, "prompt": [PROMPT, OTHER]}, guidance_scale=3.0, seeds=[1, 2], height=64, width=64),
            case("one generator for two images", **{**TEXT, "prompt": [PROMPT, OTHER]}, seeds=[9], shared=True),
            case("PNDM", scheduler=swap("PNDM"), height=64, width=64, **TEXT),
            case("LMS", scheduler=swap("LMSDiscrete"), height=64, width=64, **TEXT),
            case("own latents", latents=latents(1, 3, 4, 8, seed=7), height=32, width=64, **TEXT),
            case("a prompt that is too long", prompt=" ".join([PROMPT, OTHER] * 12), num_inference_steps=3, guidance_scale=2.0),
        ],
    },
    "ldm-kl": {
        "pipeline": "LDMTextToImagePipeline", "repo": "tiny-ldm", "parts": KL,
        "cases": [case("an AutoencoderKL", guidance_scale=6.0, height=64, width=64, **TEXT)],
    },
    "ldm-super-resolution": {
        "pipeline": "LDMSuperResolutionPipeline", "repo": "tiny-ldm-super-resolution", "parts": {}, "cases": [
            case("an image", **SMALL),
            case("an image of odd size", **{**SMALL, "image": photo(70, 37)}),
            case("two tensors, Euler", scheduler=swap("EulerDiscrete"), seeds=[1, 2],
                 **{**SMALL, "image": tensor(2, 3, 12, 20, seed=5, low=-1)}),
            case("tensors of positive numbers, DPM-Solver++", scheduler=swap("DPMSolverMultistep"),
                 **{**SMALL, "image": tensor(1, 3, 16, 16, seed=6)}),
            case("PNDM", scheduler=swap("PNDM"), **SMALL),
            case("one generator for two images", seeds=[9], shared=True, **{**SMALL, "image": tensor(2, 3, 12, 20, seed=8, low=-1)}),
        ],
    },
}

if __name__ == "__main__":
    warnings.simplefilter("ignore")
    with torch.no_grad():
        for name, config in VQ_MODELS.items():
            write_vq_model(name, config)
        for name, config in BERTS.items():
            write_bert(name, config)
        write_repos()
        for name, task in TASKS.items():
            write_task(name, task, COMMAND)
