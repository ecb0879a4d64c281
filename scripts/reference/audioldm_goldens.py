"""Writes the models of AudioLDM, a tiny repo of them, and the audio that diffusers makes: tests/golden/tasks/audioldm.

    $(sh scripts/reference/setup.sh) scripts/reference/audioldm_goldens.py [repos] [models] [task ...]
"""

import shutil
import sys
import warnings

import torch
from diffusers import AudioLDMPipeline, DDIMScheduler, MusicLDMPipeline, UNet2DConditionModel
from transformers import ClapConfig, ClapFeatureExtractor, ClapModel, ClapTextConfig, ClapTextModelWithProjection, RobertaTokenizer, SpeechT5HifiGan, SpeechT5HifiGanConfig

from common import FIXTURES, GOLDEN, generator, seed_of, write_golden
from model_goldens import Calls
from task_goldens import write_task
from task_repos import folder
from tasks import OTHER, PROMPT, case, latents, swap
from tiny_models import build, liven

COMMAND = "scripts/reference/audioldm_goldens.py"

_CLAP = dict(vocab_size=401, hidden_size=16, num_hidden_layers=2, num_attention_heads=4, intermediate_size=24, max_position_embeddings=30,
             type_vocab_size=1, projection_dim=12, attn_implementation="eager")
CLAP = {
    "clap": _CLAP,
    # other activations, more kinds of tokens than are used, another token for padding
    "other": {**_CLAP, "hidden_act": "gelu_new", "projection_hidden_act": "gelu", "type_vocab_size": 2, "pad_token_id": 3, "layer_norm_eps": 1e-5},
}
_GAN = dict(model_in_dim=16, sampling_rate=96, upsample_initial_channel=16, upsample_rates=[2, 3], upsample_kernel_sizes=[4, 7],
            resblock_kernel_sizes=[3, 5], resblock_dilation_sizes=[[1, 3], [1, 2]], normalize_before=False)
GAN = {
    "plain": _GAN,
    "normalized": {**_GAN, "normalize_before": True, "leaky_relu_slope": 0.2, "upsample_rates": [4], "upsample_kernel_sizes": [8],
                   "resblock_dilation_sizes": [[1, 3, 5], [1, 3, 5]]},
}
# cross-attention without a text: pixels look at each other twice; CLAP's vector beside the time
UNET = dict(sample_size=8, in_channels=4, out_channels=4, layers_per_block=1, block_out_channels=(8, 16), norm_num_groups=4, attention_head_dim=2,
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"), up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
            cross_attention_dim=(8, 16), class_embed_type="simple_projection", projection_class_embeddings_input_dim=12,
            class_embeddings_concat=True)
VAE = dict(in_channels=1, out_channels=1, block_out_channels=(4, 8), layers_per_block=1, norm_num_groups=2, sample_size=16, latent_channels=4,
           down_block_types=("DownEncoderBlock2D",) * 2, up_block_types=("UpDecoderBlock2D",) * 2, scaling_factor=0.92)


def clap(name: str, where: str) -> ClapTextModelWithProjection:
    return liven(ClapTextModelWithProjection(ClapTextConfig(**CLAP[name])), seed_of(where)).eval()


WHOLE_CLAP = {
    # widths of the projection and of the audio encoder that are not the text's own
    "whole": dict(text_config=CLAP["clap"], projection_dim=10, projection_hidden_act="gelu",
                  audio_config=dict(spec_size=64, window_size=4, num_mel_bins=16, hidden_size=32, patch_size=2, patch_stride=[2, 2], depths=[1, 1],
                                    num_attention_heads=[2, 2], patch_embeds_hidden_size=16, num_hidden_layers=2)),
}


# as in transformers 4, which MusicLDMPipeline expects: the vectors themselves
get_text_features = ClapModel.get_text_features
ClapModel.get_text_features = lambda self, *args, **kwargs: get_text_features(self, *args, **kwargs).pooler_output


def whole_clap(name: str, where: str, **changes) -> ClapModel:
    return liven(ClapModel(ClapConfig(**{**WHOLE_CLAP[name], **changes})), seed_of(where)).eval()


def gan(name: str, where: str) -> SpeechT5HifiGan:
    model, seed = SpeechT5HifiGan(SpeechT5HifiGanConfig(**GAN[name])), seed_of(where)
    liven(model, seed).eval()
    g = generator(seed + 1)
    if model.config.normalize_before:
        model.mean.data = 0.2 * torch.randn(model.mean.shape, generator=g)
        model.scale.data = 1 + 0.2 * torch.randn(model.scale.shape, generator=g)
    waveform = model(torch.randn(2, 20, model.config.model_in_dim, generator=generator(seed + 2)))
    model.conv_post.weight.data *= 0.4 / float(waveform.std())
    return model


def unet(where: str) -> UNet2DConditionModel:
    return build("UNet2DConditionModel", UNET, seed_of(where))


def clap_calls(model, seed: int) -> Calls:
    calls, g, config = Calls(), generator(seed), model.config
    for label, length, kept in (("whole rows", 9, (9, 9)), ("padding at the end", 12, (12, 5)), ("as long as can be", 26, (20, 26))):
        ids = torch.randint(5, config.vocab_size, (2, length), generator=g)
        mask = torch.arange(length)[None] < torch.tensor(kept)[:, None]
        ids = torch.where(mask, ids, config.pad_token_id)
        out = model(ids, attention_mask=mask.long(), output_hidden_states=True)
        values = {"last_hidden_state": out.last_hidden_state, "text_embeds": out.text_embeds,
                  **{f"hidden_states.{i}": state for i, state in enumerate(out.hidden_states)}}
        masked = {} if all(mask.flatten()) else {"attention_mask": mask.long()}
        calls.add(label, {"input_ids": ids, **masked}, values)
    return calls


def whole_clap_calls(model, seed: int) -> Calls:
    calls, g, config = Calls(), generator(seed), model.config.text_config
    for length, kept in ((9, (9, 9)), (12, (12, 5))):
        ids = torch.randint(5, config.vocab_size, (2, length), generator=g)
        mask = (torch.arange(length)[None] < torch.tensor(kept)[:, None]).long()
        ids = torch.where(mask.bool(), ids, config.pad_token_id)
        text = model.text_model(ids, attention_mask=mask, output_hidden_states=True)
        values = {"last_hidden_state": text.last_hidden_state, "text_embeds": model.text_projection(text.pooler_output),
                  **{f"hidden_states.{i}": state for i, state in enumerate(text.hidden_states)}}
        calls.add(f"{length} tokens", {"input_ids": ids, "attention_mask": mask}, values)
    return calls


def gan_calls(model, seed: int) -> Calls:
    calls, g = Calls(), generator(seed)
    for batch, frames in ((2, 7), (1, 16)):
        spectrogram = torch.randn(batch, frames, model.config.model_in_dim, generator=g)
        calls.add(f"{frames} frames", {"spectrogram": spectrogram}, {"waveform": model(spectrogram)})
    return calls


def unet_calls(model, seed: int) -> Calls:
    calls, g = Calls(), generator(seed)
    for batch, height, width in ((2, 8, 8), (1, 6, 4)):
        values = {"sample": torch.randn(batch, 4, height, width, generator=g), "timestep": 481,
                  "class_labels": torch.randn(batch, 12, generator=g)}
        out = model(values["sample"], 481, encoder_hidden_states=None, class_labels=values["class_labels"]).sample
        calls.add(f"{height} frames of {width} bins, without a text", values, {"sample": out})
    return calls


CLASSES = {
    "ClapTextModelWithProjection": (CLAP, lambda name: clap(name, f"ClapTextModelWithProjection/{name}"), clap_calls),
    "ClapModel": (WHOLE_CLAP, lambda name: whole_clap(name, f"ClapModel/{name}"), whole_clap_calls),
    "SpeechT5HifiGan": (GAN, lambda name: gan(name, f"SpeechT5HifiGan/{name}"), gan_calls),
    "UNet2DConditionModel": (["audioldm"], lambda name: unet(f"UNet2DConditionModel/{name}"), unet_calls),
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
    music = name == "tiny-musicldm"
    # the UNet takes a vector of 12
    text_encoder = whole_clap("whole", f"{name}/text_encoder", projection_dim=12) if music else clap("clap", f"{name}/text_encoder")
    (MusicLDMPipeline if music else AudioLDMPipeline)(
        vae=build("AutoencoderKL", VAE, seed_of(f"{name}/vae")), text_encoder=text_encoder, **(dict(feature_extractor=ClapFeatureExtractor()) if music else {}),
        tokenizer=RobertaTokenizer.from_pretrained(FIXTURES / "tokenizers" / "roberta"), unet=unet(f"{name}/unet"),
        scheduler=DDIMScheduler(beta_start=0.0015, beta_end=0.0195, beta_schedule="scaled_linear", clip_sample=False, set_alpha_to_one=False,
                                steps_offset=1),
        vocoder=gan("plain", f"{name}/vocoder"),
    ).save_pretrained(where)
    shutil.rmtree(where / "tokenizer")
    shutil.copytree(FIXTURES / "tokenizers" / "roberta", where / "tokenizer")


TEXT = dict(prompt=PROMPT, num_inference_steps=5)
BOTH = {**TEXT, "prompt": [PROMPT, OTHER]}
CASES = [
    case("as long as the model was trained for", **TEXT),
    case("a length that the autoencoder does not halve", audio_length_in_s=0.7, **TEXT),
    case("a longer one, negative prompt", audio_length_in_s=1.83, negative_prompt="noise, low quality, hiss and hum of the mains", seeds=[11], **TEXT),
    case("without guidance", guidance_scale=1.0, negative_prompt="noise", **TEXT),
    case("two prompts, two clips each", num_waveforms_per_prompt=2, seeds=[5, 6, 7, 8], audio_length_in_s=0.5, **BOTH),
    case("two prompts, two negative prompts, guidance 5", negative_prompt=["noise", "hiss"], guidance_scale=5.0, seeds=[1, 2], **BOTH),
    case("one generator for three clips", num_waveforms_per_prompt=3, seeds=[9], shared=True, **TEXT),
    case("a prompt that is cut", **{**TEXT, "prompt": " ".join([PROMPT, OTHER] * 4)}),
    case("one step", **{**TEXT, "num_inference_steps": 1}),
    case("the default steps", prompt=OTHER),
    case("own latents", latents=latents(1, 4, 6, 8, seed=3), audio_length_in_s=0.75, **TEXT),
    case("own vectors", prompt_embeds=latents(1, 12, seed=4), num_inference_steps=4),
    case("own vectors, negative ones too", prompt_embeds=latents(2, 12, seed=4), negative_prompt_embeds=latents(2, 12, seed=5), seeds=[3, 4],
         num_inference_steps=4),
    case("DDIM, eta 0.6", eta=0.6, **TEXT),
    case("PNDM", scheduler=swap("PNDM", skip_prk_steps=True), **TEXT),
    case("LMS", scheduler=swap("LMSDiscrete"), **TEXT),
    case("Euler ancestral", scheduler=swap("EulerAncestralDiscrete"), **TEXT),
]
MUSIC = [
    case("as long as the model was trained for", **TEXT),
    case("a longer one, negative prompt", audio_length_in_s=1.83, negative_prompt="noise, low quality", seeds=[11], **TEXT),
    case("without guidance", guidance_scale=1.0, **TEXT),
    case("two prompts, two negative prompts, guidance 5", negative_prompt=["noise", "hiss"], guidance_scale=5.0, seeds=[1, 2], **BOTH),
    case("own latents", latents=latents(1, 4, 6, 8, seed=3), audio_length_in_s=0.75, **TEXT),
    case("own vectors, negative ones too, two clips each", prompt_embeds=latents(2, 12, seed=4), negative_prompt_embeds=latents(2, 12, seed=5),
         num_waveforms_per_prompt=2, seeds=[3, 4, 5, 6], num_inference_steps=4),
    case("DDIM, eta 0.6", eta=0.6, **TEXT),
    case("Euler ancestral", scheduler=swap("EulerAncestralDiscrete"), **TEXT),
]
TASKS = {"audioldm": {"pipeline": "AudioLDMPipeline", "repo": "tiny-audioldm", "parts": {}, "audio": True, "cases": CASES},
         "musicldm": {"pipeline": "MusicLDMPipeline", "repo": "tiny-musicldm", "parts": {}, "audio": True, "cases": MUSIC}}

if __name__ == "__main__":
    warnings.simplefilter("ignore")
    wanted = sys.argv[1:] or ["models", "repos", *TASKS]
    with torch.no_grad():
        if "models" in wanted:
            write_models()
        if "repos" in wanted:
            write_repo("tiny-audioldm")
            write_repo("tiny-musicldm")
        for name in wanted:
            if name in TASKS:
                write_task(name, TASKS[name], COMMAND)
