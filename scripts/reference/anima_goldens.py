"""Writes Anima's models of tests/fixtures/models and what they give (tests/golden/models), a tiny repo of it, and the images that diffusers
makes with that: tests/golden/tasks/anima.

    $(sh scripts/reference/setup.sh) scripts/reference/anima_goldens.py [models] [repos] [task ...]
"""

import shutil
import sys
import warnings
from types import SimpleNamespace

import torch
from diffusers import AnimaTextConditioner, CosmosTransformer3DModel, FlowMatchEulerDiscreteScheduler
from diffusers.models.transformers import transformer_cosmos
from transformers import Qwen2Tokenizer, Qwen3Config, Qwen3Model, T5TokenizerFast

from autoencoder_goldens import QWEN, build_qwen
from common import FIXTURES, GOLDEN, generator, seed_of, write_golden
from model_goldens import Calls
from modular import write_index
from task_goldens import write_task
from task_repos import folder
from tasks import OTHER, PROMPT, case, latents, photo
from tiny_models import liven

# the only function of torchvision that it calls: zeros, brought to the size of the latents
transformer_cosmos.transforms = SimpleNamespace(
    InterpolationMode=SimpleNamespace(NEAREST="nearest"),
    functional=SimpleNamespace(resize=lambda mask, size, interpolation: torch.nn.functional.interpolate(mask, size=size, mode=interpolation)))

COMMAND = "scripts/reference/anima_goldens.py"
_COSMOS = dict(in_channels=4, out_channels=4, num_attention_heads=2, attention_head_dim=16, num_layers=2, mlp_ratio=2.0, text_embed_dim=12,
               adaln_lora_dim=6, max_size=(8, 40, 40), rope_scale=(1.0, 3.0, 3.0), extra_pos_embed_type=None)
COSMOS = {
    "anima": _COSMOS,
    "plain": {**_COSMOS, "concat_padding_mask": False, "patch_size": (1, 1, 1), "rope_scale": (2.0, 1.0, 1.0), "out_channels": 6, "num_layers": 1},
}
_CONDITIONER = dict(source_dim=10, target_dim=12, model_dim=12, num_layers=2, num_attention_heads=3, target_vocab_size=50, min_sequence_length=9)
CONDITIONER = {
    "anima": _CONDITIONER,
    "projected": {**_CONDITIONER, "model_dim": 16, "num_attention_heads": 2, "use_self_attention": False, "use_layer_norm": True, "mlp_ratio": 2.0},
}
TRANSFORMER = {**_COSMOS, "text_embed_dim": 16, "max_size": (8, 240, 240)}
TEXT_CONDITIONER = {**_CONDITIONER, "source_dim": 16, "target_dim": 16, "model_dim": 16, "num_attention_heads": 2, "min_sequence_length": 24}
LANGUAGE = dict(hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=2, num_key_value_heads=1, head_dim=8,
                max_position_embeddings=1024, rope_parameters={"rope_type": "default", "rope_theta": 1000000.0})


def cosmos_calls(calls: Calls, model, config, g: torch.Generator) -> None:
    for label, batch, size, tokens, timestep in (
        ("two images", 2, (8, 8), 5, [0.7, 0.7]), ("a rectangle, another time for each", 2, (4, 12), 3, [1.0, 0.013]), ("two tokens", 1, (2, 4), 7, [0.4])):
        values = {"hidden_states": torch.randn(batch, config.in_channels, *size, generator=g), "timestep": torch.tensor(timestep),
                  "encoder_hidden_states": torch.randn(batch, tokens, config.text_embed_dim, generator=g)}
        mask = torch.zeros(1, 1, 8 * size[0], 8 * size[1])
        sample = model(values["hidden_states"].unsqueeze(2), values["timestep"], values["encoder_hidden_states"], padding_mask=mask).sample
        calls.add(label, values, {"sample": sample.squeeze(2)})


def conditioner_calls(calls: Calls, model, config, g: torch.Generator) -> None:
    right = lambda *counts: torch.tensor([[1] * n + [0] * (max(counts) - n) for n in counts])  # noqa: E731
    for label, source, target, masks in (
        ("two texts", 6, 4, False), ("filled up", 5, 7, True), ("more than the least number of tokens", 3, 12, False)):
        values = {"source_hidden_states": torch.randn(2, source, config.source_dim, generator=g),
                  "target_input_ids": torch.randint(0, config.target_vocab_size, (2, target), generator=g)}
        if masks:
            values |= {"target_attention_mask": right(3, target), "source_attention_mask": right(source, 2)}
        calls.add(label, values, {"states": model(**values)})
    values = {"source_hidden_states": torch.zeros(1, 1, config.source_dim), "target_input_ids": torch.tensor([[1]]),
              "target_attention_mask": torch.tensor([[1]]), "source_attention_mask": torch.tensor([[0]])}
    calls.add("an empty text", values, {"states": model(**values)})


MODELS = {
    "CosmosTransformer3DModel": (CosmosTransformer3DModel, COSMOS, cosmos_calls),
    "AnimaTextConditioner": (AnimaTextConditioner, CONDITIONER, conditioner_calls),
}


def write_models() -> None:
    for class_name, (cls, configs, calls_of) in MODELS.items():
        for name, config in configs.items():
            model = liven(cls(**config), seed_of(f"{class_name}/{name}")).eval()
            model.save_pretrained(folder(f"models/{class_name}/{name}"))
            calls = Calls()
            calls_of(calls, model, model.config, generator(seed_of(name)))
            write_golden(GOLDEN / "models" / class_name / name, COMMAND, calls.cases, calls.tensors)


def write_repo(name: str) -> None:
    where = folder(name)
    for role, files in (("tokenizer", "qwen2"), ("t5_tokenizer", "t5-json")):
        shutil.copytree(FIXTURES / "tokenizers" / files, where / role)
    tokenizer = Qwen2Tokenizer.from_pretrained(where / "tokenizer")
    t5_tokenizer = T5TokenizerFast.from_pretrained(where / "t5_tokenizer")
    conditioner = {**TEXT_CONDITIONER, "target_vocab_size": len(t5_tokenizer)}
    parts = SimpleNamespace(
        text_encoder=liven(Qwen3Model(Qwen3Config(vocab_size=len(tokenizer), **LANGUAGE)), seed_of(f"{name}/text_encoder")).eval(),
        tokenizer=tokenizer, t5_tokenizer=t5_tokenizer,
        vae=build_qwen(QWEN["qwen"], seed_of(f"{name}/vae")),
        text_conditioner=liven(AnimaTextConditioner(**conditioner), seed_of(f"{name}/text_conditioner")).eval(),
        transformer=liven(CosmosTransformer3DModel(**TRANSFORMER), seed_of(f"{name}/transformer")).eval(),
        scheduler=FlowMatchEulerDiscreteScheduler(shift=3.0),
    )
    for role, part in vars(parts).items():
        if not role.endswith("tokenizer"):
            part.save_pretrained(where / role)
    write_index(where, "AnimaModularPipeline", "AnimaAutoBlocks", f"tiny/{name}", parts)


SIZE = dict(height=32, width=32)
CALL = dict(prompt=PROMPT, num_inference_steps=5, **SIZE)
LONG = "一只猫 🚀 Ärger, " * 6
IMAGE = dict(image=photo(32, 32), **CALL)
CASES = [
    case("text", **CALL),
    case("a rectangle, a negative prompt, stronger guidance", **{**CALL, "height": 24, "width": 48}, negative_prompt="blurry", guidance_scale=7.0),
    case("without guidance", guidance_scale=1.0, **CALL),
    case("two prompts of other lengths, a negative one each", **{**CALL, "prompt": [PROMPT, LONG], "negative_prompt": ["", "low quality"]}, seeds=[5, 6]),
    case("an empty prompt", **{**CALL, "prompt": ""}),
    case("two prompts, two images each", **{**CALL, "prompt": [PROMPT, OTHER]}, num_images_per_prompt=2, seeds=[5, 6, 7, 8]),
    case("one generator for two images", **CALL, num_images_per_prompt=2, seeds=[9], shared=True),
    case("a prompt that is cut, little guidance", **{**CALL, "prompt": LONG, "max_sequence_length": 8}, guidance_scale=0.5),
    case("own sigmas", **{**CALL, "sigmas": [1.0, 0.6, 0.25]}),
    case("own latents", latents=latents(1, 4, 8, 8, seed=3), **CALL),
    case("an image", strength=0.7, **IMAGE),
    case("an image of another size, strength by default", **{**IMAGE, "image": photo(50, 41)}, negative_prompt="blurry"),
    case("an image for two prompts", **{**IMAGE, "prompt": [PROMPT, OTHER]}, strength=0.5, seeds=[1, 2]),
    case("an image each, two of each", **{**IMAGE, "prompt": [PROMPT, OTHER], "image": [photo(32, 32), photo(32, 32, name="another")]},
         strength=0.6, num_images_per_prompt=2, seeds=[1, 2, 3, 4]),
    case("an image, all of its noise", strength=1.0, **IMAGE),
    case("an image, nearly none of it, own noise", strength=0.25, latents=latents(1, 4, 8, 8, seed=4), **IMAGE),
]
TASKS = {"anima": {"pipeline": "AnimaModularPipeline", "repo": "tiny-anima", "parts": {}, "cases": CASES}}

if __name__ == "__main__":
    warnings.simplefilter("ignore")
    wanted = sys.argv[1:] or ["models", "repos", *TASKS]
    with torch.no_grad():
        if "models" in wanted:
            write_models()
        if "repos" in wanted:
            write_repo("tiny-anima")
    for name in wanted:
        if name in TASKS:
            write_task(name, TASKS[name], COMMAND)
