"""Tiny parts of FLUX.1 Redux, and what transformers and diffusers give for them.

    $(sh scripts/reference/setup.sh) scripts/reference/redux_goldens.py

Writes tests/fixtures/{models/SiglipVisionModel,models/ReduxImageEncoder,tiny-flux-redux} and
tests/golden/{models/...,flux_redux}.
"""

import json
import warnings

import torch
from diffusers import FluxPipeline, FluxPriorReduxPipeline
from diffusers.pipelines.flux.modeling_flux import ReduxImageEncoder
from transformers import SiglipImageProcessorPil, SiglipVisionConfig, SiglipVisionModel

from common import FIXTURES, GOLDEN, generator, seed_of, write_golden
from model_goldens import Calls
from task_goldens import store
from task_repos import folder
from tasks import OTHER, PROMPT, photo
from tiny_models import liven

COMMAND = "scripts/reference/redux_goldens.py"
VISION = dict(hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=2, image_size=16, patch_size=4)
VISIONS = {"plain": {**VISION, "vision_use_head": False}, "head": {**VISION, "num_channels": 1, "hidden_act": "gelu"}}
REDUX = dict(redux_dim=16, txt_in_features=12)


def write_models() -> None:
    for name, config in VISIONS.items():
        model = liven(SiglipVisionModel(SiglipVisionConfig(**config)), seed_of(f"SiglipVisionModel/{name}")).eval()
        model.save_pretrained(FIXTURES / "models" / "SiglipVisionModel" / name)
        pixels = torch.randn(2, config.get("num_channels", 3), 16, 16, generator=generator(seed_of(name)))
        output, calls = model(pixels), Calls()
        outputs = {key: output[key] for key in ("last_hidden_state", "pooler_output") if output.get(key) is not None}
        calls.add("two images", {"pixel_values": pixels}, outputs)
        write_golden(GOLDEN / "models" / "SiglipVisionModel" / name, COMMAND, calls.cases, calls.tensors)
    encoder = liven(ReduxImageEncoder(**REDUX), seed_of("ReduxImageEncoder")).eval()
    encoder.save_pretrained(FIXTURES / "models" / "ReduxImageEncoder" / "tiny")
    x, calls = torch.randn(2, 5, 16, generator=generator(3)), Calls()
    calls.add("two images", {"x": x}, {"image_embeds": encoder(x).image_embeds})
    write_golden(GOLDEN / "models" / "ReduxImageEncoder" / "tiny", COMMAND, calls.cases, calls.tensors)


def write_repo() -> FluxPriorReduxPipeline:
    where = folder("tiny-flux-redux")
    pipe = FluxPriorReduxPipeline(
        image_encoder=liven(SiglipVisionModel(SiglipVisionConfig(**VISION)), seed_of("tiny-flux-redux/image_encoder")).eval(),
        feature_extractor=SiglipImageProcessorPil(size={"height": 16, "width": 16}),
        image_embedder=liven(ReduxImageEncoder(redux_dim=16, txt_in_features=16), seed_of("tiny-flux-redux/image_embedder")).eval(),
    )
    pipe.save_pretrained(where)
    index = json.loads((where / "model_index.json").read_text())
    index["feature_extractor"] = ["transformers", "SiglipImageProcessor"]  # as the Hub's repo names it
    (where / "model_index.json").write_text(json.dumps(index, indent=2) + "\n")
    return pipe


def write_calls(redux: FluxPriorReduxPipeline) -> None:
    flux = FluxPipeline.from_pretrained(FIXTURES / "tiny-flux-dev")
    whole = FluxPriorReduxPipeline(**{**redux.components, "text_encoder": flux.text_encoder, "tokenizer": flux.tokenizer,
                                      "text_encoder_2": flux.text_encoder_2, "tokenizer_2": flux.tokenizer_2})
    one, two = photo(40, 33), photo(20, 37, name="another")
    tensors, cases = {}, []
    # diffusers without text encoders gives zeros as wide as T5-XXL's states, which these models do not have
    for name, call in (
        ("an image and a prompt", dict(image=one, prompt=PROMPT)),
        ("two images mixed", dict(image=[one, two], prompt=PROMPT, prompt_embeds_scale=[0.7, 0.3], pooled_prompt_embeds_scale=[1.0, 0.5])),
        ("two prompts, another text for T5", dict(image=[one, two], prompt=[PROMPT, OTHER], prompt_2=[OTHER, PROMPT], prompt_embeds_scale=0.5)),
    ):
        out = whole(**call)
        key = str(len(cases))
        tensors[f"{key}.prompt"], tensors[f"{key}.pooled"] = out.prompt_embeds.contiguous(), out.pooled_prompt_embeds.contiguous()
        cases.append({"name": name, "call": {k: store(v, tensors) for k, v in call.items()},
                      "prompt_embeds": f"{key}.prompt", "pooled_prompt_embeds": f"{key}.pooled"})
    write_golden(GOLDEN / "flux_redux", COMMAND, cases, tensors, r"\.(prompt|pooled)$")


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    with torch.no_grad():
        write_models()
        write_calls(write_repo())
