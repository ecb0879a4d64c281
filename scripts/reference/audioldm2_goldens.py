"""Writes the models of AudioLDM 2, a tiny repo of them, and the audio that diffusers makes: tests/golden/tasks/audioldm2.

    $(sh scripts/reference/setup.sh) scripts/reference/audioldm2_goldens.py [repos] [models] [task ...]
"""

import shutil
import sys
import warnings

import torch
from diffusers import AudioLDM2Pipeline, AudioLDM2ProjectionModel, AudioLDM2UNet2DConditionModel, DDIMScheduler
from transformers import ClapFeatureExtractor, GPT2Config, GPT2LMHeadModel, GPT2Model, RobertaTokenizer, T5Config, T5EncoderModel, T5TokenizerFast

from audioldm_goldens import VAE, gan, whole_clap
from common import FIXTURES, GOLDEN, generator, seed_of, write_golden
from model_goldens import Calls
from task_goldens import write_task
from task_repos import folder
from tasks import OTHER, PROMPT, case, latents, swap
from tiny_models import build, liven

COMMAND = "scripts/reference/audioldm2_goldens.py"

_GPT2 = dict(vocab_size=40, n_positions=64, n_embd=16, n_layer=2, n_head=4, attn_implementation="eager")
GPT2 = {
    "plain": _GPT2,
    # other scales, an inner width of its own, another activation
    "other": {**_GPT2, "n_inner": 20, "scale_attn_by_inverse_layer_idx": True, "scale_attn_weights": False, "activation_function": "gelu",
              "layer_norm_epsilon": 1e-3, "n_layer": 3},
}
PROJECTION = {"plain": dict(text_encoder_dim=12, text_encoder_1_dim=20, langauge_model_dim=16)}
_UNET = dict(sample_size=8, in_channels=4, out_channels=4, layers_per_block=1, block_out_channels=(8, 16), norm_num_groups=4, attention_head_dim=2,
             down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"), up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
             cross_attention_dim=[[None, 16, 20], [None, 16, 20]])
UNET = {
    "plain": _UNET,
    # two levels that attend, to other states each; more layers; projections by matrices
    "several": {**_UNET, "down_block_types": ("CrossAttnDownBlock2D",) * 2, "up_block_types": ("CrossAttnUpBlock2D",) * 2,
                "cross_attention_dim": [[16, None], [None, 16, 20, 20]], "layers_per_block": [1, 2], "transformer_layers_per_block": [1, 2],
                "use_linear_projection": True, "only_cross_attention": [True, False], "attention_head_dim": [2, 4],
                "mid_block_scale_factor": 1.3, "resnet_time_scale_shift": "scale_shift"},
    # one width for all levels: the first states
    "one_width": {**_UNET, "cross_attention_dim": 16},
}


def gpt2(cls, name: str, where: str):
    return liven(cls(GPT2Config(**GPT2[name])), seed_of(where)).eval()


def projection(where: str) -> AudioLDM2ProjectionModel:
    return liven(AudioLDM2ProjectionModel(**PROJECTION["plain"]), seed_of(where)).eval()


def unet(name: str, where: str) -> AudioLDM2UNet2DConditionModel:
    model = liven(AudioLDM2UNet2DConditionModel(**UNET[name]), seed_of(where)).eval()
    model.conv_out.weight.data *= 1.5
    return model


def gpt2_calls(model, seed: int) -> Calls:
    calls, g, width = Calls(), generator(seed), model.config.n_embd
    for label, length, kept in (("whole rows", 7, None), ("gaps in the rows", 11, [1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 1])):
        states = torch.randn(2, length, width, generator=g)
        mask = {} if kept is None else {"attention_mask": torch.tensor([kept, [1] * length])}
        out = model(inputs_embeds=states, output_hidden_states=True, **mask).hidden_states[-1]
        calls.add(label, {"inputs_embeds": states, **mask}, {"last_hidden_state": out})
    return calls


def projection_calls(model, seed: int) -> Calls:
    calls, g, config = Calls(), generator(seed), model.config
    values = {"hidden_states": torch.randn(2, 1, config.text_encoder_dim, generator=g),
              "hidden_states_1": torch.randn(2, 6, config.text_encoder_1_dim, generator=g)}
    calls.add("two texts", values, {"hidden_states": model(**values).hidden_states})
    return calls


def unet_calls(model, seed: int) -> Calls:
    calls, g = Calls(), generator(seed)
    second = not isinstance(model.config.cross_attention_dim, int)
    for label, batch, height, width, masked in (("masked states", 2, 8, 8, True), ("all states count", 1, 6, 4, False)):
        values = {"sample": torch.randn(batch, 4, height, width, generator=g), "timestep": 481,
                  "encoder_hidden_states": torch.randn(batch, 5, 16, generator=g)}
        if second:
            values["encoder_hidden_states_1"] = torch.randn(batch, 7, 20, generator=g)
            if masked:
                values["encoder_attention_mask_1"] = torch.tensor([[1, 1, 1, 1, 0, 0, 0], [1] * 7])
        rest = {key: value for key, value in values.items() if key not in ("sample", "timestep")}
        calls.add(label, values, {"sample": model(values["sample"], 481, **rest).sample})
    return calls


CLASSES = {
    "GPT2Model": (GPT2, lambda name: gpt2(GPT2Model, name, f"GPT2Model/{name}"), gpt2_calls),
    "GPT2LMHeadModel": (["plain"], lambda name: gpt2(GPT2LMHeadModel, name, f"GPT2LMHeadModel/{name}"), gpt2_calls),
    "AudioLDM2ProjectionModel": (PROJECTION, lambda name: projection(f"AudioLDM2ProjectionModel/{name}"), projection_calls),
    "AudioLDM2UNet2DConditionModel": (UNET, lambda name: unet(name, f"AudioLDM2UNet2DConditionModel/{name}"), unet_calls),
}


def write_models() -> None:
    for class_name, (configs, make, calls_of) in CLASSES.items():
        for name in configs:
            model = make(name)
            model.save_pretrained(folder(f"models/{class_name}/{name}"))
            calls = calls_of(model, seed_of(name))
            write_golden(GOLDEN / "models" / class_name / name, COMMAND, calls.cases, calls.tensors)


def write_repo(name: str) -> None:
    where = folder(name)
    language_model = gpt2(GPT2LMHeadModel, "plain", f"{name}/language_model")
    language_model.config.max_new_tokens = 3
    tokenizer_2 = T5TokenizerFast.from_pretrained(FIXTURES / "tokenizers" / "t5-json", model_max_length=24)
    t5 = T5EncoderModel(T5Config(vocab_size=len(tokenizer_2), d_model=20, d_kv=5, d_ff=24, num_layers=2, num_heads=4, feed_forward_proj="gated-gelu"))
    AudioLDM2Pipeline(
        vae=build("AutoencoderKL", VAE, seed_of(f"{name}/vae")), text_encoder=whole_clap("whole", f"{name}/text_encoder", projection_dim=12),
        text_encoder_2=liven(t5, seed_of(f"{name}/text_encoder_2")).eval(), projection_model=projection(f"{name}/projection_model"),
        language_model=language_model, tokenizer=RobertaTokenizer.from_pretrained(FIXTURES / "tokenizers" / "roberta"), tokenizer_2=tokenizer_2,
        feature_extractor=ClapFeatureExtractor(), unet=unet("plain", f"{name}/unet"),
        scheduler=DDIMScheduler(beta_start=0.0015, beta_end=0.0195, beta_schedule="scaled_linear", clip_sample=False, set_alpha_to_one=False,
                                steps_offset=1),
        vocoder=gan("plain", f"{name}/vocoder"),
    ).save_pretrained(where)
    shutil.rmtree(where / "tokenizer")
    shutil.copytree(FIXTURES / "tokenizers" / "roberta", where / "tokenizer")


TEXT = dict(prompt=PROMPT, num_inference_steps=5)
BOTH = {**TEXT, "prompt": [PROMPT, OTHER]}
GIVEN = dict(prompt_embeds=latents(2, 6, 20, seed=4), generated_prompt_embeds=latents(2, 3, 16, seed=5),
             negative_prompt_embeds=latents(2, 6, 20, seed=6), negative_generated_prompt_embeds=latents(2, 3, 16, seed=7))
CASES = [
    case("as long as the model was trained for", **TEXT),
    case("a longer one, negative prompt", audio_length_in_s=1.83, negative_prompt="noise, low quality, hiss and hum of the mains", seeds=[11], **TEXT),
    case("without guidance", guidance_scale=1.0, negative_prompt="noise", **TEXT),
    case("two prompts, two negative prompts, guidance 5", negative_prompt=["noise", "hiss"], guidance_scale=5.0, seeds=[1, 2], **BOTH),
    case("two prompts of unequal length, seven states written", seeds=[5, 6], audio_length_in_s=0.5, max_new_tokens=7, **BOTH),
    case("a prompt that is cut", **{**TEXT, "prompt": " ".join([PROMPT, OTHER] * 4)}),
    case("own latents", latents=latents(1, 4, 6, 8, seed=3), audio_length_in_s=0.75, **TEXT),
    case("own states, two clips each", num_waveforms_per_prompt=2, seeds=[3, 4, 5, 6], num_inference_steps=4, **GIVEN),
    case("DDIM, eta 0.6", eta=0.6, **TEXT),
    case("Euler ancestral", scheduler=swap("EulerAncestralDiscrete"), **TEXT),
]
TASKS = {"audioldm2": {"pipeline": "AudioLDM2Pipeline", "repo": "tiny-audioldm2", "parts": {}, "audio": True, "cases": CASES}}

if __name__ == "__main__":
    warnings.simplefilter("ignore")
    wanted = sys.argv[1:] or ["models", "repos", *TASKS]
    with torch.no_grad():
        if "models" in wanted:
            write_models()
        if "repos" in wanted:
            write_repo("tiny-audioldm2")
        for name in wanted:
            if name in TASKS:
                write_task(name, TASKS[name], COMMAND)
