"""Kolors: ChatGLMModel with its goldens, the repo tiny-kolors, and tests/golden/tasks/kolors*.

    $(sh scripts/reference/setup.sh) scripts/reference/kolors_goldens.py [models] [repos] [task ...]

Takes tests/fixtures/tokenizers/chatglm.
"""

import json
import shutil
import sys
import warnings

import torch
from diffusers import EulerDiscreteScheduler
from diffusers.pipelines.kolors.text_encoder import ChatGLMConfig, ChatGLMModel

from common import FIXTURES, GOLDEN, generator, seed_of, write_golden
from make_repos import VAE_FACTOR_4
from model_goldens import Calls
from pag_goldens import LAYERS, on
from task_goldens import write_task
from task_repos import folder
from tasks import IMG2IMG, PHOTO, PROMPT, TEXT, XL_NEGATIVE_SIZES, XL_SIZES, case, latents, photo, swap
from tiny_models import UNET_2D_CONDITION, build, liven

COMMAND = "scripts/reference/kolors_goldens.py"
_TINY = dict(num_layers=3, padded_vocab_size=480, hidden_size=24, ffn_hidden_size=20, kv_channels=8, num_attention_heads=4, seq_length=300,
             multi_query_attention=True, multi_query_group_num=2, original_rope=True)
CHATGLM = {
    # ChatGLM3: keys and values shared in groups, biases before attention alone
    "grouped": dict(**_TINY, add_qkv_bias=True),
    "own_keys": {**_TINY, "num_layers": 2, "multi_query_attention": False, "add_bias_linear": True, "layernorm_epsilon": 1e-3, "kv_channels": 12},
    "other_norms": {**_TINY, "num_layers": 2, "rmsnorm": False, "post_layer_norm": False, "apply_residual_connection_post_layernorm": True},
}


def chatglm(name: str, where: str) -> ChatGLMModel:
    return liven(ChatGLMModel(ChatGLMConfig(**CHATGLM[name]), empty_init=False), seed_of(where)).eval()


def chatglm_calls(model: ChatGLMModel, seed: int) -> Calls:
    calls, g = Calls(), generator(seed)
    ids = torch.randint(0, 480, (2, 7), generator=g)
    left = torch.tensor([[0, 0, 0, 1, 1, 1, 1], [1, 1, 1, 1, 1, 1, 1]])
    placed = torch.tensor([[0, 0, 0, 0, 1, 2, 3], [0, 1, 2, 3, 4, 5, 6]])
    for label, inputs in (
        ("two rows", {"input_ids": ids}),
        ("filled up on the left", {"input_ids": ids, "attention_mask": left, "position_ids": placed}),
        ("filled up on the right", {"input_ids": ids, "attention_mask": left.flip(1)}),
        ("one token", {"input_ids": ids[:1, :1]}),
        ("a long row", {"input_ids": torch.randint(0, 480, (1, 60), generator=g)}),
    ):
        output = model(**inputs, output_hidden_states=True)
        states = {f"hidden_states.{i}": state.permute(1, 0, 2) for i, state in enumerate(output.hidden_states)}
        calls.add(label, inputs, {**states, "last_hidden_state": output.last_hidden_state.permute(1, 0, 2)})
    return calls


@torch.no_grad()
def write_models() -> None:
    for name in CHATGLM:
        where = f"ChatGLMModel/{name}"
        model = chatglm(name, where)
        model.save_pretrained(folder(f"models/{where}"))
        calls = chatglm_calls(model, seed_of(where))
        write_golden(GOLDEN / "models" / where, COMMAND, calls.cases, calls.tensors)


def write_repos() -> None:
    """Laid out as Kwai-Kolors/Kolors-diffusers."""
    where = folder("tiny-kolors")
    unet = {**UNET_2D_CONDITION["kolors"], "transformer_layers_per_block": 1, "projection_class_embeddings_input_dim": 6 * 8 + 24}
    build("UNet2DConditionModel", unet, seed_of("tiny-kolors/unet")).save_pretrained(where / "unet")
    build("AutoencoderKL", {**VAE_FACTOR_4, "scaling_factor": 0.13025}, seed_of("tiny-stable-diffusion-xl/vae")).save_pretrained(where / "vae")
    chatglm("grouped", "tiny-kolors/text_encoder").save_pretrained(where / "text_encoder")
    shutil.copytree(FIXTURES / "tokenizers" / "chatglm", where / "tokenizer")
    EulerDiscreteScheduler(beta_start=0.00085, beta_end=0.014, beta_schedule="scaled_linear", num_train_timesteps=1100, steps_offset=1,
                           timestep_spacing="leading").save_pretrained(where / "scheduler")
    index = {"_class_name": "KolorsPipeline", "_diffusers_version": "0.42.1", "feature_extractor": [None, None], "force_zeros_for_empty_prompt": False,
             "image_encoder": [None, None], "scheduler": ["diffusers", "EulerDiscreteScheduler"], "text_encoder": ["kolors", "ChatGLMModel"],
             "tokenizer": ["kolors", "ChatGLMTokenizer"], "unet": ["diffusers", "UNet2DConditionModel"], "vae": ["diffusers", "AutoencoderKL"]}
    (where / "model_index.json").write_text(json.dumps(index, indent=2) + "\n")


CHINESE = "一只红色的猫坐在蓝色的桌子上，高质量"
TWO = dict(num_images_per_prompt=2, seeds=[1, 2])
PAIR = dict(prompt=[PROMPT, CHINESE], negative_prompt=["blurry, dark, low quality", "模糊"])
OWN = dict(prompt_embeds=latents(1, 31, 24, seed=4), pooled_prompt_embeds=latents(1, 24, seed=5), negative_prompt_embeds=latents(1, 31, 24, seed=6),
           negative_pooled_prompt_embeds=latents(1, 24, seed=7))
LONG = "，".join([CHINESE, PROMPT] * 14)
SHARED = [
    case("the repo's own scheduler"),
    case("a Chinese prompt, DDIM, eta 1", scheduler=swap("DDIM"), eta=1.0, prompt=CHINESE),
    case("two prompts, what is not wanted of each", seeds=[3, 4], **PAIR),
    case("an empty negative prompt, two images", negative_prompt="", **TWO),
    case("without guidance", guidance_scale=1.0),
    case("a prompt that is too long, a long negative prompt", prompt=LONG, negative_prompt=LONG[9:]),
    case("negative sizes, two images", **TWO, **XL_SIZES, **XL_NEGATIVE_SIZES),
    case("half of the negative sizes", negative_original_size=(20, 30)),
]
TEXT_CASES = [
    case("a rectangle, DPM-Solver++", scheduler=swap("DPMSolverMultistep", use_karras_sigmas=True), height=64, width=40),
    case("denoising_end, Heun", scheduler=swap("HeunDiscrete"), denoising_end=0.7),
    case("own timesteps, own latents", timesteps=[999, 700, 400, 100], latents=latents(1, 4, 8, 8, seed=3)),
]


def own(call: dict) -> dict:
    """The same call with states of its own instead of a prompt."""
    return {**{key: value for key, value in call.items() if key != "prompt"}, **OWN}


TASKS = {
    "kolors": {"pipeline": "KolorsPipeline", "repo": "tiny-kolors", "parts": {},
               "cases": [*on(TEXT, [*SHARED, *TEXT_CASES]), case("own embeddings", **own(TEXT))]},
    "kolors-img2img": {"pipeline": "KolorsImg2ImgPipeline", "repo": "tiny-kolors", "parts": {}, "cases": on(IMG2IMG, [
        *SHARED,
        case("two prompts, an image each, strength 0.9", **{**PAIR, "image": [PHOTO, photo(32, 32, name="another")]}, strength=0.9, seeds=[1, 2]),
        case("an image of odd size", image=photo(53, 38)),
        case("another size is told", height=64, width=48),
        case("latents from 0.4 on", denoising_start=0.4, image=latents(1, 4, 8, 8, seed=7)),
        case("own latents", latents=latents(1, 4, 8, 8, seed=8)),
    ])},
    "kolors-pag": {"pipeline": "KolorsPAGPipeline", "repo": "tiny-kolors", "parts": {}, "cases": on(TEXT, [
        *SHARED,
        case("an adaptive scale, other layers", pag_scale=4.0, pag_adaptive_scale=0.005, **LAYERS),
        case("without perturbed guidance", pag_scale=0.0),
    ])},
}


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    for wanted in sys.argv[1:] or ["models", "repos", *TASKS]:
        if wanted in TASKS:
            write_task(wanted, TASKS[wanted], COMMAND)
        else:
            {"repos": write_repos, "models": write_models}[wanted]()
