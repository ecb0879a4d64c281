"""The consistency decoder: tests/fixtures/models/ConsistencyDecoderVAE with goldens, and tests/golden/tasks/consistency-decoder*.

    $(sh scripts/reference/setup.sh) scripts/reference/consistency_decoder_goldens.py [models] [task ...]
"""

import sys
import warnings

import torch
from diffusers import ConsistencyDecoderVAE

from common import GOLDEN, generator, seed_of, write_golden
from model_goldens import Calls
from task_goldens import write_task
from task_repos import folder
from tasks import IMG2IMG, INPAINT, PROMPT, TEXT, case, latents, swap
from tiny_models import liven

COMMAND = "scripts/reference/consistency_decoder_goldens.py"
# of the size of latents that tiny-stable-diffusion has
TINY = dict(
    sample_size=16, encoder_block_out_channels=(4, 4, 8), encoder_down_block_types=("DownEncoderBlock2D",) * 3, encoder_layers_per_block=1,
    encoder_norm_num_groups=2, decoder_block_out_channels=(4, 8), decoder_down_block_types=("ResnetDownsampleBlock2D",) * 2,
    decoder_up_block_types=("ResnetUpsampleBlock2D",) * 2, decoder_layers_per_block=1, decoder_norm_num_groups=2,
)
CONFIGS = {
    "tiny": TINY,
    "attention": {
        **TINY, "scaling_factor": 0.7, "encoder_act_fn": "gelu", "decoder_add_attention": True, "decoder_block_out_channels": (8, 8),
        "decoder_down_block_types": ("DownBlock2D", "AttnDownBlock2D"), "decoder_up_block_types": ("AttnUpBlock2D", "UpBlock2D"),
        "decoder_resnet_time_scale_shift": "default", "decoder_time_embedding_type": "positional", "decoder_norm_eps": 1e-3,
        "encoder_down_block_types": ("DownEncoderBlock2D", "AttnDownEncoderBlock2D", "DownEncoderBlock2D"),
    },
}


def write_model(name: str, config: dict) -> None:
    path = f"models/ConsistencyDecoderVAE/{name}"
    model = liven(ConsistencyDecoderVAE(**config), seed_of(path)).eval()
    # images that fill the range without much clipping
    model.decoder_unet.conv_out.weight.data *= 0.8
    model.save_pretrained(folder(path))
    calls, g = Calls(), generator(seed_of(path))
    image = torch.rand(2, 3, 24, 16, generator=g) * 2 - 1
    dist = model.encode(image).latent_dist
    calls.add("encode", {"sample": image}, {"mean": dist.mean, "logvar": dist.logvar, "std": dist.std, "sample_seed_7": dist.sample(generator(7))},
              method="encode")
    model.enable_tiling()
    large = torch.rand(1, 3, 40, 24, generator=g) * 2 - 1
    dist = model.encode(large).latent_dist
    model.disable_tiling()
    calls.add("encode in tiles", {"sample": large, "tiled": True}, {"mean": dist.mean, "logvar": dist.logvar}, method="encode")
    z = torch.randn(2, 4, 3, 4, generator=g) * 4
    calls.add("decode", {"z": z, "seed": 5}, {"sample": model.decode(z, generator=generator(5)).sample}, method="decode")
    write_golden(GOLDEN / path, COMMAND, calls.cases, calls.tensors)


def write_models() -> None:
    with torch.no_grad():
        for name, config in CONFIGS.items():
            write_model(name, config)


PARTS = {"vae": "models/ConsistencyDecoderVAE/tiny"}
TASKS = {
    "consistency-decoder": {"pipeline": "StableDiffusionPipeline", "repo": "tiny-stable-diffusion", "parts": PARTS, "cases": [
        case("the repo's own scheduler", **TEXT),
        case("Euler ancestral, which draws too, a rectangle", scheduler=swap("EulerAncestralDiscrete"), height=32, width=48, **TEXT),
        case("two prompts, two images each", prompt=[PROMPT, "a cat"], num_images_per_prompt=2, num_inference_steps=3, seeds=[1, 2, 3, 4]),
        case("one generator for two images", num_images_per_prompt=2, seeds=[9], shared=True, **TEXT),
        case("own latents", latents=latents(1, 4, 8, 8, seed=3), **TEXT),
    ]},
    "consistency-decoder-img2img": {"pipeline": "StableDiffusionImg2ImgPipeline", "repo": "tiny-stable-diffusion", "parts": PARTS, "cases": [
        case("an image", **IMG2IMG), case("DDIM, two images a prompt", scheduler=swap("DDIM"), num_images_per_prompt=2, seeds=[3, 4], **IMG2IMG)]},
    "consistency-decoder-inpaint": {"pipeline": "StableDiffusionInpaintPipeline", "repo": "tiny-stable-diffusion", "parts": PARTS, "cases": [
        case("strength 0.7", strength=0.7, **INPAINT)]},
}

if __name__ == "__main__":
    warnings.simplefilter("ignore")
    for wanted in sys.argv[1:] or ["models", *TASKS]:
        write_models() if wanted == "models" else write_task(wanted, TASKS[wanted], COMMAND)
