"""Writes the models of Stable Audio, a tiny repo of them, and the audio that diffusers makes: tests/golden/tasks/stable-audio*.

    $(sh scripts/reference/setup.sh) scripts/reference/stable_audio_goldens.py [repos] [models] [task ...]
"""

import shutil
import sys
import warnings

import torch
from diffusers import (
    AutoencoderOobleck,
    CosineDPMSolverMultistepScheduler,
    StableAudioDiTModel,
    StableAudioPipeline,
    StableAudioProjectionModel,
)
from diffusers.models.embeddings import get_1d_rotary_pos_embed
from transformers import T5Config, T5EncoderModel, T5TokenizerFast

from common import FIXTURES, GOLDEN, generator, seed_of, write_golden
from model_goldens import Calls
from task_goldens import write_task
from task_repos import folder
from tasks import OTHER, PROMPT, case, latents, swap
from tiny_models import liven

COMMAND = "scripts/reference/stable_audio_goldens.py"

_OOBLECK = dict(encoder_hidden_size=8, downsampling_ratios=[2, 4], channel_multiples=[1, 2], decoder_channels=8,
                decoder_input_channels=4, audio_channels=2, sampling_rate=40)
OOBLECK = {
    "stereo": _OOBLECK,
    "mono": {**_OOBLECK, "audio_channels": 1, "downsampling_ratios": [3, 2, 2], "channel_multiples": [1, 2, 3], "sampling_rate": 60},
    # a decoder of another width; a level that halves nothing
    "uneven": {**_OOBLECK, "decoder_channels": 6, "encoder_hidden_size": 12, "decoder_input_channels": 6, "downsampling_ratios": [5, 1]},
}
_DIT = dict(sample_size=20, in_channels=4, num_layers=2, attention_head_dim=16, num_attention_heads=4, num_key_value_attention_heads=2,
            out_channels=4, cross_attention_dim=32, time_proj_dim=8, global_states_input_dim=24, cross_attention_input_dim=12)
DIT = {
    "grouped": _DIT,
    "one_key_head": {**_DIT, "num_key_value_attention_heads": 1, "attention_head_dim": 8, "cross_attention_dim": 8},
    # heads of an odd quarter, more channels out than in
    "narrow": {**_DIT, "attention_head_dim": 12, "num_attention_heads": 2, "cross_attention_dim": 24, "out_channels": 6, "num_layers": 1},
}
PROJECTION = {
    "wider": dict(text_encoder_dim=16, conditioning_dim=12, min_value=0, max_value=4),
    "as_wide": dict(text_encoder_dim=12, conditioning_dim=12, min_value=1, max_value=9),
}


MONO_TRANSFORMER = "parts/StableAudioDiTModel/mono"


def louder(vae: AutoencoderOobleck, seed: int) -> AutoencoderOobleck:
    """Weights under which waveforms fill the range without much clipping."""
    for model, rows, out in ((vae.encoder, vae.config.audio_channels, 1.0), (vae.decoder, vae.config.decoder_input_channels, 0.35)):
        made = model(torch.randn(2, rows, 64 * vae.hop_length, generator=generator(seed)))
        model.conv2.weight_g.data *= out / float(made.std())
    return vae


def oobleck(name: str, where: str) -> AutoencoderOobleck:
    seed = seed_of(where)
    return louder(liven(AutoencoderOobleck(**OOBLECK[name]), seed), seed).eval()


def transformer(name: str, where: str) -> StableAudioDiTModel:
    """Weights that follow what they are given less steeply: under guidance by 7 others multiply the last bits of float32."""
    model = liven(StableAudioDiTModel(**DIT[name]), seed_of(where)).eval()
    model.proj_out.weight.data *= 0.4
    return model


def oobleck_calls(vae, seed: int) -> Calls:
    calls, g, config = Calls(), generator(seed), vae.config
    for batch, length in ((2, 6), (1, 11)):
        waveform = torch.randn(batch, config.audio_channels, length * vae.hop_length, generator=g) * 0.4
        dist = vae.encode(waveform).latent_dist
        calls.add(f"encode {batch}", {"sample": waveform}, {
            "mean": dist.mean, "logvar": dist.logvar, "std": dist.std, "sample_seed_7": dist.sample(generator(7)),
        }, method="encode")
        z = torch.randn(batch, config.decoder_input_channels, length, generator=g)
        calls.add(f"decode {batch}", {"z": z}, {"sample": vae.decode(z).sample}, method="decode")
    return calls


def dit_calls(model, seed: int) -> Calls:
    calls, g, config = Calls(), generator(seed), model.config
    for label, batch, length, tokens, timestep in (("two clips", 2, 7, 5, [0.7, 0.7]), ("a time for each", 2, 12, 3, [0.99, 0.013]),
                                                   ("without positions", 1, 5, 4, [0.4])):
        values = {
            "hidden_states": torch.randn(batch, config.in_channels, length, generator=g), "timestep": torch.tensor(timestep),
            "encoder_hidden_states": torch.randn(batch, tokens, config.cross_attention_input_dim, generator=g),
            "global_hidden_states": torch.randn(batch, 1, config.global_states_input_dim, generator=g),
        }
        rotary = {}
        if label != "without positions":
            tables = get_1d_rotary_pos_embed(config.attention_head_dim // 2, length + 1, use_real=True, repeat_interleave_real=False)
            half = tables[0].shape[1] // 2  # the other half is the same
            rotary = {"rotary_embedding.0": tables[0][:, :half], "rotary_embedding.1": tables[1][:, :half]}
            out = model(**values, rotary_embedding=tables).sample
        else:
            out = model(**values).sample
        calls.add(label, {**values, **rotary}, {"sample": out})
    return calls


def projection_calls(model, seed: int) -> Calls:
    calls, g = Calls(), generator(seed)
    values = {"text_hidden_states": torch.randn(2, 5, model.config.text_encoder_dim, generator=g),
              "start_seconds": torch.tensor([0.0, 2.5]), "end_seconds": torch.tensor([3.75, 12.0])}
    out = model(**values)
    names = ("text_hidden_states", "seconds_start_hidden_states", "seconds_end_hidden_states")
    calls.add("text and times, one beyond the largest", values, {name: getattr(out, name) for name in names})
    return calls


CLASSES = {
    "AutoencoderOobleck": (OOBLECK, lambda name: oobleck(name, f"AutoencoderOobleck/{name}"), oobleck_calls),
    "StableAudioDiTModel": (DIT, lambda name: liven(StableAudioDiTModel(**DIT[name]), seed_of(f"StableAudioDiTModel/{name}")).eval(), dit_calls),
    "StableAudioProjectionModel": (
        PROJECTION, lambda name: liven(StableAudioProjectionModel(**PROJECTION[name]), seed_of(f"StableAudioProjectionModel/{name}")).eval(),
        projection_calls),
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
    tokenizer = T5TokenizerFast.from_pretrained(FIXTURES / "tokenizers" / "t5-json", model_max_length=24)
    StableAudioPipeline(
        vae=oobleck("stereo", f"{name}/vae"),
        text_encoder=liven(T5EncoderModel(T5Config(
            vocab_size=len(tokenizer), d_model=16, d_kv=4, d_ff=24, num_layers=2, num_heads=3)), seed_of(f"{name}/text_encoder")).eval(),
        projection_model=liven(StableAudioProjectionModel(**PROJECTION["wider"]), seed_of(f"{name}/projection")).eval(),
        tokenizer=tokenizer,
        transformer=transformer("grouped", f"{name}/transformer"),
        scheduler=CosineDPMSolverMultistepScheduler(solver_order=2, prediction_type="v_prediction", sigma_data=1.0,
                                                    sigma_schedule="exponential", sigma_min=0.3, sigma_max=500),
    ).save_pretrained(where)
    transformer("one_key_head", MONO_TRANSFORMER).save_pretrained(folder(MONO_TRANSFORMER))
    shutil.copy(FIXTURES / "tokenizers" / "t5-json" / "tokenizer.json", where / "tokenizer" / "tokenizer.json")


TEXT = dict(prompt=PROMPT, num_inference_steps=6)
BOTH = {**TEXT, "prompt": [PROMPT, OTHER]}
EDM = swap("EDMDPMSolverMultistep", sigma_min=0.3, sigma_max=500, sigma_data=1.0, prediction_type="v_prediction")


def waveforms(*shape: int, seed: int) -> torch.Tensor:
    return latents(*shape, seed=seed) * 0.4


def ones_but(rows: int, tokens: int, *hidden: int) -> torch.Tensor:
    mask = torch.ones(rows, tokens, dtype=torch.int64)
    mask[:, list(hidden)] = 0
    return mask


CASES = [
    case("as long as the model was trained for", **TEXT),
    case("a length", audio_end_in_s=1.3, **TEXT),
    case("a start and an end, negative prompt", audio_start_in_s=0.7, audio_end_in_s=3.2, negative_prompt="noise", seeds=[11], **TEXT),
    case("without guidance", guidance_scale=1.0, negative_prompt="noise", audio_end_in_s=2.0, **TEXT),
    case("two prompts, two clips each", num_waveforms_per_prompt=2, seeds=[5, 6, 7, 8], audio_end_in_s=1.0, **BOTH),
    case("two prompts, two negative prompts, guidance 3", negative_prompt=["noise", "low quality, hiss"], guidance_scale=3.0,
         seeds=[1, 2], audio_end_in_s=0.5, **BOTH),
    case("one generator for three clips", num_waveforms_per_prompt=3, seeds=[9], shared=True, audio_end_in_s=0.8, **TEXT),
    case("a prompt that is cut", **{**TEXT, "prompt": " ".join([PROMPT, OTHER] * 4)}),
    case("one step", **{**TEXT, "num_inference_steps": 1}),
    case("own latents", latents=latents(1, 4, 20, seed=3), audio_end_in_s=1.5, **TEXT),
    case("own embeddings", prompt_embeds=latents(1, 6, 16, seed=4), num_inference_steps=4),
    case("own embeddings with masks", prompt_embeds=latents(2, 6, 16, seed=4), attention_mask=ones_but(2, 6, 4, 5), seeds=[3, 4],
         negative_prompt_embeds=latents(2, 6, 16, seed=5), negative_attention_mask=ones_but(2, 6, 0), num_inference_steps=4),
    case("own negative embeddings, one mask", negative_prompt_embeds=latents(1, 24, 16, seed=5), **TEXT),
    case("own embeddings, a mask for the negative ones", prompt_embeds=latents(1, 6, 16, seed=4),
         negative_prompt_embeds=latents(1, 6, 16, seed=5), negative_attention_mask=ones_but(1, 6, 2), num_inference_steps=4),
    case("a short clip to begin with", initial_audio_waveforms=waveforms(1, 2, 90, seed=6), initial_audio_sampling_rate=40, **TEXT),
    case("a long mono clip to begin with", initial_audio_waveforms=waveforms(1, 300, seed=7), initial_audio_sampling_rate=40, **TEXT),
    case("two clips to begin with, two of each", initial_audio_waveforms=waveforms(2, 2, 160, seed=8), initial_audio_sampling_rate=40,
         num_waveforms_per_prompt=2, seeds=[1, 2, 3, 4], **BOTH),
    case("a clip to begin with, one generator", initial_audio_waveforms=waveforms(1, 1, 160, seed=9), initial_audio_sampling_rate=40,
         num_waveforms_per_prompt=2, seeds=[8], shared=True, **TEXT),
    case("EDM's DPM-Solver++", scheduler=EDM, **TEXT),
    case("EDM's DPM-Solver++ with noise", scheduler={**EDM, "config": {**EDM["config"], "algorithm_type": "sde-dpmsolver++"}}, **TEXT),
    case("Karras, Heun, first order at the end", scheduler=swap("CosineDPMSolverMultistep", sigma_schedule="karras", solver_type="heun",
                                                              euler_at_final=True), **TEXT),
    case("DDIM, eta 0.6", scheduler=swap("DDIM", num_train_timesteps=1000), eta=0.6, audio_end_in_s=1.0, **TEXT),
]
MONO = [
    case("a length", audio_end_in_s=2.2, **TEXT),
    case("a stereo clip to begin with", initial_audio_waveforms=waveforms(1, 2, 250, seed=8), initial_audio_sampling_rate=60, **TEXT),
]
TASKS = {
    "stable-audio": {"pipeline": "StableAudioPipeline", "repo": "tiny-stable-audio", "parts": {}, "audio": True, "cases": CASES},
    "stable-audio-mono": {"pipeline": "StableAudioPipeline", "repo": "tiny-stable-audio", "audio": True, "cases": MONO,
                          "parts": {"vae": "models/AutoencoderOobleck/mono", "transformer": MONO_TRANSFORMER}},
}

if __name__ == "__main__":
    warnings.simplefilter("ignore")
    wanted = sys.argv[1:] or ["models", "repos", *TASKS]
    with torch.no_grad():
        if "models" in wanted:
            write_models()
        if "repos" in wanted:
            write_repo("tiny-stable-audio")
        for name in wanted:
            if name in TASKS:
                write_task(name, TASKS[name], COMMAND)
