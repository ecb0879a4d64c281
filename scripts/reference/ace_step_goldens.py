"""Writes the models of ACE-Step, a tiny repo of them, and the audio that diffusers makes: tests/golden/tasks/ace-step*.

    $(sh scripts/reference/setup.sh) scripts/reference/ace_step_goldens.py [repos] [models] [task ...]
"""

import json
import shutil
import sys
import warnings

import torch
from diffusers import (
    AceStepAudioTokenDetokenizer,
    AceStepAudioTokenizer,
    AceStepConditionEncoder,
    AceStepPipeline,
    AceStepTransformer1DModel,
    FlowMatchEulerDiscreteScheduler,
)
from safetensors.torch import save_file
from transformers import Qwen2Tokenizer, Qwen3Config, Qwen3Model

from common import FIXTURES, GOLDEN, generator, seed_of, write_golden
from model_goldens import Calls
from stable_audio_goldens import oobleck
from task_goldens import write_task
from task_repos import folder
from tasks import OTHER, PROMPT, case, latents, swap
from tiny_models import liven

COMMAND = "scripts/reference/ace_step_goldens.py"

_LAYERS = dict(hidden_size=16, intermediate_size=24, num_attention_heads=4, num_key_value_heads=2, head_dim=8, sliding_window=3)
_TRANSFORMER = dict(**_LAYERS, num_hidden_layers=3, in_channels=12, audio_acoustic_hidden_dim=4)
TRANSFORMER = {
    "plain": _TRANSFORMER,
    # conditions of another width, biases, larger patches, other kinds of layers
    "wider": {**_TRANSFORMER, "encoder_hidden_size": 12, "attention_bias": True, "patch_size": 3, "num_key_value_heads": 1, "rope_theta": 500.0,
              "layer_types": ["full_attention", "sliding_attention", "sliding_attention"], "rms_norm_eps": 1e-3, "hidden_size": 24},
    "turbo": {**_TRANSFORMER, "is_turbo": True, "model_version": "turbo", "num_hidden_layers": 2, "sliding_window": 128},
}
_CONDITIONS = dict(**_LAYERS, text_hidden_dim=12, timbre_hidden_dim=4, num_lyric_encoder_hidden_layers=3, num_timbre_encoder_hidden_layers=2)
CONDITIONS = {
    "plain": _CONDITIONS,
    "other": {**_CONDITIONS, "layer_types": ["full_attention", "sliding_attention", "full_attention"], "attention_bias": True, "rope_theta": 500.0,
              "num_key_value_heads": 4, "sliding_window": 2},
}
_TOKENIZER = dict(**_LAYERS, audio_acoustic_hidden_dim=4, pool_window_size=5, fsq_dim=16, num_attention_pooler_hidden_layers=2)
TOKENIZER = {
    "plain": _TOKENIZER,
    "residual": {**_TOKENIZER, "fsq_input_levels": [5, 3, 4], "fsq_input_num_quantizers": 2, "pool_window_size": 3, "sliding_window": 1},
}
DETOKENIZER = {
    "plain": {key: value for key, value in _TOKENIZER.items() if key != "fsq_dim"},
    "short": {**{key: value for key, value in _TOKENIZER.items() if key != "fsq_dim"}, "pool_window_size": 3, "sliding_window": 1,
              "attention_bias": True},
}


def alive(cls, config: dict, where: str):
    model = liven(cls(**config), seed_of(where)).eval()
    if cls is AceStepConditionEncoder:
        model.silence_latent.data = torch.randn(model.silence_latent.shape, generator=generator(seed_of(f"{where}/silence")))
    if cls is AceStepTransformer1DModel:
        model.proj_out_conv.weight.data *= 0.5
    return model


def transformer_calls(model, seed: int) -> Calls:
    calls, g, config = Calls(), generator(seed), model.config
    width = config.encoder_hidden_size or config.hidden_size
    for label, batch, length, tokens, time, time_r in (("two clips", 2, 12, 5, [0.7, 0.7], [0.7, 0.7]), ("a time for each", 2, 25, 3, [1.0, 0.013], [0.4, 0.0]),
                                                       ("an odd length", 1, 11, 4, [0.4], [0.4])):
        values = {
            "hidden_states": torch.randn(batch, length, config.audio_acoustic_hidden_dim, generator=g), "timestep": torch.tensor(time),
            "timestep_r": torch.tensor(time_r), "encoder_hidden_states": torch.randn(batch, tokens, width, generator=g),
            "context_latents": torch.randn(batch, length, config.in_channels - config.audio_acoustic_hidden_dim, generator=g),
        }
        calls.add(label, values, {"sample": model(**values).sample})
    return calls


def condition_calls(model, seed: int) -> Calls:
    calls, g, config = Calls(), generator(seed), model.config
    for label, batch, order, text, lyrics in (("one row", 1, [0], [6], [9]), ("rows of unequal length", 3, [0, 1, 2], [6, 4, 2], [3, 11, 7]),
                                              ("references in any order", 2, [1, 0, 1], [3, 5], [4, 1])):
        mask = lambda lengths: torch.tensor([[int(i < n) for i in range(max(lengths))] for n in lengths])  # noqa: E731
        values = {
            "text_hidden_states": torch.randn(batch, max(text), config.text_hidden_dim, generator=g), "text_attention_mask": mask(text),
            "lyric_hidden_states": torch.randn(batch, max(lyrics), config.text_hidden_dim, generator=g), "lyric_attention_mask": mask(lyrics),
            "refer_audio_acoustic_hidden_states_packed": torch.randn(len(order), 9, config.timbre_hidden_dim, generator=g),
            "refer_audio_order_mask": torch.tensor(order),
        }
        states, kept = model(**values)
        calls.add(label, values, {"encoder_hidden_states": states, "encoder_attention_mask": kept.long()})
    return calls


def tokenizer_calls(model, seed: int) -> Calls:
    calls, g, config = Calls(), generator(seed), model.config
    window, channels = config.pool_window_size, config.audio_acoustic_hidden_dim
    for label, batch, length in (("whole tokens", 2, 4 * window), ("a token that is filled up", 1, 3 * window + 1)):
        values = {"latents": torch.randn(batch, length, channels, generator=g), "silence_latent": torch.randn(1, 20, channels, generator=g)}
        quantized, indices = model.tokenize(values["latents"], values["silence_latent"])
        given = torch.randint(0, model.quantizer.codebook_size, (2, 6, config.fsq_input_num_quantizers), generator=g)
        calls.add(label, {**values, "indices": given}, {"quantized": quantized, "indices": indices,
                                                        "output": model.quantizer.get_output_from_indices(given)})
    return calls


def detokenizer_calls(model, seed: int) -> Calls:
    calls, g = Calls(), generator(seed)
    values = {"hidden_states": torch.randn(2, 4, model.config.hidden_size, generator=g)}
    calls.add("two rows", values, {"latents": model(values["hidden_states"])})
    return calls


CLASSES = {
    AceStepTransformer1DModel: (TRANSFORMER, transformer_calls), AceStepConditionEncoder: (CONDITIONS, condition_calls),
    AceStepAudioTokenizer: (TOKENIZER, tokenizer_calls), AceStepAudioTokenDetokenizer: (DETOKENIZER, detokenizer_calls),
}


def write_models() -> None:
    for cls, (configs, calls_of) in CLASSES.items():
        for name, config in configs.items():
            where = f"{cls.__name__}/{name}"
            model = alive(cls, config, where)
            model.save_pretrained(folder(f"models/{where}"))
            calls = calls_of(model, seed_of(name))
            write_golden(GOLDEN / "models" / where, COMMAND, calls.cases, calls.tensors)


def write_tokenizer(where) -> Qwen2Tokenizer:
    """As Qwen3's embedding models have it: each text ends with a token."""
    shutil.copytree(FIXTURES / "tokenizers" / "qwen2-json", where)
    path = where / "tokenizer.json"
    whole = json.loads(path.read_text())
    end = next(token["id"] for token in whole["added_tokens"] if token["content"] == "<|endoftext|>")
    parts = [{"Sequence": {"id": "A", "type_id": 0}}, {"SpecialToken": {"id": "<|endoftext|>", "type_id": 0}}]
    whole["post_processor"] = {"type": "TemplateProcessing", "single": parts, "pair": parts, "special_tokens": {
        "<|endoftext|>": {"id": "<|endoftext|>", "ids": [end], "tokens": ["<|endoftext|>"]}}}
    path.write_text(json.dumps(whole, ensure_ascii=False, indent=1) + "\n")
    return Qwen2Tokenizer.from_pretrained(where)


def write_repo(name: str, transformer: str, **left_out) -> None:
    where = folder(name)
    tokenizer = write_tokenizer(where / "made")
    language = Qwen3Config(vocab_size=len(tokenizer), hidden_size=12, intermediate_size=24, num_hidden_layers=2, num_attention_heads=4,
                           num_key_value_heads=2, head_dim=8, max_position_embeddings=4096)
    parts = dict(
        vae=oobleck("stereo", f"{name}/vae"), text_encoder=liven(Qwen3Model(language), seed_of(f"{name}/text_encoder")).eval(), tokenizer=tokenizer,
        transformer=alive(AceStepTransformer1DModel, TRANSFORMER[transformer], f"{name}/transformer"),
        condition_encoder=alive(AceStepConditionEncoder, CONDITIONS["plain"], f"{name}/condition_encoder"),
        scheduler=FlowMatchEulerDiscreteScheduler(num_train_timesteps=1, shift=1.0),
        audio_tokenizer=alive(AceStepAudioTokenizer, TOKENIZER["plain"], f"{name}/audio_tokenizer"),
        audio_token_detokenizer=alive(AceStepAudioTokenDetokenizer, DETOKENIZER["plain"], f"{name}/audio_token_detokenizer"),
    )
    AceStepPipeline(**{**parts, **left_out}).save_pretrained(where)
    shutil.rmtree(where / "tokenizer")
    (where / "made").rename(where / "tokenizer")


def write_loras() -> None:
    """The same changes by the names of ACE-Step's own code, as PEFT saves them, and by diffusers' names."""
    model = AceStepTransformer1DModel.from_pretrained(FIXTURES / "tiny-ace-step" / "transformer")
    own = {"to_q": "q_proj", "to_k": "k_proj", "to_v": "v_proj", "to_out.0": "o_proj"}
    g, original, today = generator(seed_of("ace-step-lora")), {}, {}
    for name, weight in model.state_dict().items():
        layer = name.removesuffix(".weight")
        ending = next((end for end in own if layer.endswith(f"attn.{end}")), None)
        if ending is None:
            continue
        parts = {"lora_A.weight": torch.randn(3, weight.shape[1], generator=g) * 0.3, "lora_B.weight": torch.randn(weight.shape[0], 3, generator=g) * 0.3}
        for part, value in parts.items():
            original[f"base_model.model.{layer.removesuffix(ending)}{own[ending]}.{part}"] = value
            today[f"transformer.{layer}.{part}"] = value
    save_file(original, GOLDEN / "lora" / "ace-step-original.safetensors")
    save_file(today, GOLDEN / "lora" / "ace-step-peft.safetensors")


LYRICS = "[verse]\nSoft notes in the morning light\n[chorus]\nMusic fills the air"
TEXT = dict(prompt=PROMPT, audio_duration=4.0, num_inference_steps=5)
BOTH = {**TEXT, "prompt": [PROMPT, OTHER], "lyrics": [LYRICS, "la la"]}
CODES = "<|audio_code_3|><|audio_code_871|> and <|audio_code_99999999|>"


def clip(seconds: float, seed: int, channels: int = 2) -> torch.Tensor:
    return latents(channels, int(seconds * 40), seed=seed) * 0.4


SOURCE = {**TEXT, "src_audio": clip(5.0, 6)}
CASES = [
    case("a description alone", **TEXT),
    case("lyrics and what is known of the music", lyrics=LYRICS, bpm=120, keyscale="C major", timesignature="4", vocal_language="ja", seeds=[11],
         **TEXT),
    case("without guidance", guidance_scale=1.0, lyrics=LYRICS, **TEXT),
    case("a length that is no whole number", guidance_scale=4.0, **{**TEXT, "audio_duration": 3.33}),
    case("no length", guidance_scale=1.0, prompt=PROMPT, audio_duration=0.0, num_inference_steps=2),
    case("two descriptions of unequal length, a language each", vocal_language=["en", "zh"], seeds=[1, 2], **BOTH),
    case("one generator for two clips", seeds=[9], shared=True, **BOTH),
    case("guidance in the middle alone", cfg_interval_start=0.3, cfg_interval_end=0.7, shift=1.0, **{**TEXT, "num_inference_steps": 6}),
    case("a shift of 2", shift=2.0, guidance_scale=2.5, **TEXT),
    case("own timesteps", timesteps=[1.0, 0.8, 0.45, 0.1], **{**TEXT, "num_inference_steps": 8}),
    case("one step", **{**TEXT, "num_inference_steps": 1}),
    case("own latents", latents=latents(1, 20, 4, seed=3), **TEXT),
    case("own instruction", instruction="Make a song", **TEXT),
    case("texts that are cut", max_text_length=40, max_lyric_length=12, lyrics=LYRICS, **TEXT),
    case("another timbre", reference_audio=clip(7.3, 4), lyrics=LYRICS, **TEXT),
    case("a long reference of the timbre, two clips", reference_audio=clip(41.0, 5), seeds=[3, 4], **BOTH),
    case("repaint", task_type="repaint", repainting_start=1.0, repainting_end=3.0, lyrics=LYRICS, **SOURCE),
    case("repaint to the end, as long as the source", task_type="repaint", repainting_start=2.6, repainting_end=-1.0, **{**SOURCE, "audio_duration": 0.0}),
    case("cover of a clip", task_type="cover", **SOURCE),
    case("half a cover, another timbre, two clips", task_type="cover", audio_cover_strength=0.4, reference_audio=clip(31.0, 8), seeds=[7, 8],
         src_audio=clip(3.1, 9), guidance_scale=3.0, **BOTH),
    case("codes", audio_codes=CODES, **TEXT),
    case("codes of two clips, as long as these", audio_codes=[CODES, "<|audio_code_12|>"], seeds=[1, 2], **{**BOTH, "audio_duration": 0.0}),
    case("extract a track", task_type="extract", track_name="vocals", **SOURCE),
    case("extract", task_type="extract", **SOURCE),
    case("lego", task_type="lego", track_name="drums", repainting_start=0.5, repainting_end=2.0, **SOURCE),
    case("complete", task_type="complete", complete_track_classes=["drums", "bass"], **SOURCE),
    case("a scheduler that shifts too", scheduler=swap("FlowMatchEulerDiscrete", shift=2.0, num_train_timesteps=1), **TEXT),
]
TURBO = [case("guidance is left out", lyrics=LYRICS, **TEXT), case("eight steps", prompt=PROMPT, audio_duration=2.0, seeds=[5]),
         case("two descriptions", seeds=[1, 2], shift=1.0, **BOTH)]
LORA = [case("changed", lyrics=LYRICS, **TEXT), case("half of it", attention_kwargs={"scale": 0.5}, **TEXT)]
TASKS = {
    **{f"lora-ace-step-{style}": {"pipeline": "AceStepPipeline", "repo": "tiny-ace-step", "parts": {}, "audio": True, "lora": (f"ace-step-{style}", 0.7),
                                  "cases": LORA} for style in ("original", "peft")},
    "ace-step": {"pipeline": "AceStepPipeline", "repo": "tiny-ace-step", "parts": {}, "audio": True, "cases": CASES},
    "ace-step-turbo": {"pipeline": "AceStepPipeline", "repo": "tiny-ace-step-turbo", "parts": {}, "audio": True, "cases": TURBO},
}

if __name__ == "__main__":
    warnings.simplefilter("ignore")
    wanted = sys.argv[1:] or ["models", "repos", *TASKS]
    with torch.no_grad():
        if "models" in wanted:
            write_models()
        if "repos" in wanted:
            write_repo("tiny-ace-step", "plain")
            write_repo("tiny-ace-step-turbo", "turbo", audio_tokenizer=None, audio_token_detokenizer=None)
            write_loras()
        for name in wanted:
            if name in TASKS:
                write_task(name, TASKS[name], COMMAND)
