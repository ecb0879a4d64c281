"""Tiny models with random weights, one for each configuration that parity is measured on.

A name is a configuration; `MODELS[class][name]` are the arguments of the diffusers or transformers class.
"""

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel, UNet2DModel, VQModel
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

from common import generator, seed_of

VOCAB = 634  # entries of tiny_tokenizer's default vocabulary

UNET_2D = {
    # google/ddpm-cat-256, far narrower and three levels deep
    "ddpm": dict(
        sample_size=16, block_out_channels=(4, 8, 8), layers_per_block=1, norm_num_groups=2, norm_eps=1e-6,
        down_block_types=("DownBlock2D", "AttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "AttnUpBlock2D", "UpBlock2D"),
        downsample_padding=0, flip_sin_to_cos=False, freq_shift=1, attention_head_dim=None,
    ),
    "ddpm_two_layers": dict(
        sample_size=8, block_out_channels=(8, 8), layers_per_block=2, norm_num_groups=4, norm_eps=1e-6,
        down_block_types=("DownBlock2D", "AttnDownBlock2D"), up_block_types=("AttnUpBlock2D", "UpBlock2D"),
        downsample_padding=0, flip_sin_to_cos=False, freq_shift=1, attention_head_dim=None,
    ),
    "heads": dict(
        sample_size=8, block_out_channels=(4, 8), layers_per_block=1, norm_num_groups=2, attention_head_dim=2,
        down_block_types=("AttnDownBlock2D", "AttnDownBlock2D"), up_block_types=("AttnUpBlock2D", "AttnUpBlock2D"),
    ),
    "scale_shift": dict(
        sample_size=8, block_out_channels=(4, 8), layers_per_block=1, norm_num_groups=2, attention_head_dim=4,
        down_block_types=("DownBlock2D", "AttnDownBlock2D"), up_block_types=("AttnUpBlock2D", "UpBlock2D"),
        resnet_time_scale_shift="scale_shift", attn_norm_num_groups=4, center_input_sample=True,
    ),
    "resnet_sampling": dict(
        sample_size=8, block_out_channels=(4, 8), layers_per_block=1, norm_num_groups=2, attention_head_dim=4,
        down_block_types=("DownBlock2D", "AttnDownBlock2D"), up_block_types=("AttnUpBlock2D", "UpBlock2D"),
        downsample_type="resnet", upsample_type="resnet", mid_block_scale_factor=1.4142135,
    ),
    "no_mid_attention": dict(
        sample_size=8, in_channels=4, out_channels=2, block_out_channels=(4, 8), layers_per_block=1, norm_num_groups=2,
        down_block_types=("DownBlock2D", "DownBlock2D"), up_block_types=("UpBlock2D", "UpBlock2D"),
        add_attention=False, act_fn="gelu", time_embedding_dim=24,
    ),
    "no_mid": dict(
        sample_size=8, block_out_channels=(4, 8), layers_per_block=1, norm_num_groups=2, mid_block_type=None,
        down_block_types=("DownBlock2D", "AttnDownBlock2D"), up_block_types=("AttnUpBlock2D", "UpBlock2D"),
    ),
    "fourier": dict(
        sample_size=8, block_out_channels=(4, 8), layers_per_block=1, norm_num_groups=2, attention_head_dim=4,
        down_block_types=("DownBlock2D", "AttnDownBlock2D"), up_block_types=("AttnUpBlock2D", "UpBlock2D"),
        time_embedding_type="fourier",
    ),
    "class_labels": dict(
        sample_size=8, block_out_channels=(4, 8), layers_per_block=1, norm_num_groups=2, attention_head_dim=4,
        down_block_types=("DownBlock2D", "AttnDownBlock2D"), up_block_types=("AttnUpBlock2D", "UpBlock2D"),
        num_class_embeds=5,
    ),
    "class_timestep": dict(
        sample_size=8, block_out_channels=(4, 8), layers_per_block=1, norm_num_groups=2, class_embed_type="timestep",
        down_block_types=("DownBlock2D", "DownBlock2D"), up_block_types=("UpBlock2D", "UpBlock2D"), add_attention=False,
    ),
    "class_identity": dict(
        sample_size=8, block_out_channels=(4, 8), layers_per_block=1, norm_num_groups=2, class_embed_type="identity",
        down_block_types=("DownBlock2D", "DownBlock2D"), up_block_types=("UpBlock2D", "UpBlock2D"), add_attention=False,
    ),
    # a table of timesteps, and the names of blocks before diffusers 0.1
    "learned": dict(
        sample_size=8, block_out_channels=(4, 8), layers_per_block=1, norm_num_groups=2, attention_head_dim=None,
        down_block_types=("UNetResDownBlock2D", "UNetResAttnDownBlock2D"),
        up_block_types=("UNetResAttnUpBlock2D", "UNetResUpBlock2D"), time_embedding_type="learned", num_train_timesteps=50,
    ),
    # google/ncsnpp-*-256, without its attention, which needs 32 channels
    "ncsnpp": dict(
        sample_size=16, block_out_channels=(8, 12, 12), layers_per_block=1, norm_num_groups=None, norm_eps=1e-6,
        down_block_types=("SkipDownBlock2D",) * 3, up_block_types=("SkipUpBlock2D",) * 3, attention_head_dim=None,
        time_embedding_type="fourier", mid_block_scale_factor=2**0.5,
    ),
    "skip_attention": dict(
        sample_size=4, block_out_channels=(32,), layers_per_block=1, attention_head_dim=8, mid_block_type=None,
        down_block_types=("AttnSkipDownBlock2D",), up_block_types=("AttnSkipUpBlock2D",), time_embedding_dim=8,
    ),
    "some_skip": dict(
        sample_size=8, block_out_channels=(4, 8, 8), layers_per_block=2, norm_num_groups=2, center_input_sample=True,
        down_block_types=("SkipDownBlock2D", "DownBlock2D", "DownBlock2D"), add_attention=False,
        up_block_types=("UpBlock2D", "SkipUpBlock2D", "SkipUpBlock2D"), resnet_time_scale_shift="scale_shift",
        act_fn="Mish",
    ),
    "k_blocks": dict(
        sample_size=8, block_out_channels=(32, 32), layers_per_block=1, norm_num_groups=None, mid_block_type=None,
        down_block_types=("KDownBlock2D",) * 2, up_block_types=("KUpBlock2D",) * 2, time_embedding_dim=8, act_fn="gelu",
    ),
    # openai/diffusers-cd_imagenet64_l2
    "consistency": dict(
        sample_size=8, block_out_channels=(4, 8), layers_per_block=1, norm_num_groups=2, attention_head_dim=4,
        down_block_types=("ResnetDownsampleBlock2D", "AttnDownBlock2D"), num_class_embeds=10,
        up_block_types=("AttnUpBlock2D", "ResnetUpsampleBlock2D"), downsample_type="resnet", upsample_type="resnet",
        resnet_time_scale_shift="scale_shift", attn_norm_num_groups=2,
    ),
    # without class labels and without a normalization before the attention in the middle
    "consistency_plain": dict(
        sample_size=8, block_out_channels=(4, 8), layers_per_block=1, norm_num_groups=2, attention_head_dim=4,
        down_block_types=("ResnetDownsampleBlock2D", "AttnDownBlock2D"),
        up_block_types=("AttnUpBlock2D", "ResnetUpsampleBlock2D"), downsample_type="resnet", upsample_type="resnet",
        resnet_time_scale_shift="scale_shift",
    ),
}

# What most conditional UNets below share: two levels, the first with cross attention.
_TWO_LEVELS = dict(
    sample_size=8, block_out_channels=(4, 8), layers_per_block=1, norm_num_groups=2, cross_attention_dim=16,
    down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"), up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
    attention_head_dim=2,
)
_SDXL = dict(
    sample_size=8, block_out_channels=(4, 8, 8), layers_per_block=1, norm_num_groups=2, cross_attention_dim=16,
    down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
    up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
    attention_head_dim=(1, 2, 4), transformer_layers_per_block=(1, 2, 3), use_linear_projection=True,
    addition_embed_type="text_time", addition_time_embed_dim=8, projection_class_embeddings_input_dim=6 * 8 + 16,
)

UNET_2D_CONDITION = {
    "sd1": dict(
        sample_size=8, block_out_channels=(4, 8, 8), layers_per_block=2, norm_num_groups=2, cross_attention_dim=16,
        down_block_types=("CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"), attention_head_dim=4,
    ),
    "sd2": dict(
        sample_size=8, block_out_channels=(4, 8, 8), layers_per_block=1, norm_num_groups=2, cross_attention_dim=16,
        down_block_types=("CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"), attention_head_dim=(1, 2, 4),
        use_linear_projection=True, upcast_attention=True,
    ),
    "sdxl": _SDXL,
    # segmind/SSD-1B: lists of lists, and a middle without a block
    "ssd": {
        **_SDXL, "transformer_layers_per_block": (0, (1, 2), (2, 1)), "layers_per_block": 2,
        "reverse_transformer_layers_per_block": ((2, 1, 1), (1, 2, 1), 1), "mid_block_type": None,
    },
    "kolors": {**_SDXL, "encoder_hid_dim": 24, "encoder_hid_dim_type": "text_proj"},
    "lcm": {**_TWO_LEVELS, "time_cond_proj_dim": 12},
    "inpaint": {**_TWO_LEVELS, "in_channels": 9},
    "depth": {**_TWO_LEVELS, "in_channels": 5, "use_linear_projection": True, "attention_head_dim": (2, 4)},
    # stabilityai/stable-diffusion-x4-upscaler
    "upscaler": {
        **_TWO_LEVELS, "in_channels": 7, "num_class_embeds": 10, "only_cross_attention": (True, False),
        "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D"),
        "up_block_types": ("CrossAttnUpBlock2D", "UpBlock2D"),
    },
    "only_cross": {**_TWO_LEVELS, "only_cross_attention": True},
    "class_timestep": {**_TWO_LEVELS, "class_embed_type": "timestep"},
    "class_identity": {**_TWO_LEVELS, "class_embed_type": "identity"},
    "class_projection": {**_TWO_LEVELS, "class_embed_type": "projection", "projection_class_embeddings_input_dim": 8},
    "class_simple_projection": {
        **_TWO_LEVELS, "class_embed_type": "simple_projection", "projection_class_embeddings_input_dim": 8,
        "class_embeddings_concat": True,
    },
    "scale_shift": {
        **_TWO_LEVELS, "resnet_time_scale_shift": "scale_shift", "mid_block_type": "UNetMidBlock2D",
        "downsample_padding": 0, "center_input_sample": True,
    },
    "time_options": {
        **_TWO_LEVELS, "flip_sin_to_cos": False, "freq_shift": 1, "time_embedding_dim": 24,
        "time_embedding_act_fn": "gelu", "timestep_post_act": "silu", "conv_in_kernel": 1, "conv_out_kernel": 5,
        "act_fn": "gelu", "mid_block_scale_factor": 2,
    },
    "lists": {**_TWO_LEVELS, "layers_per_block": (1, 2), "cross_attention_dim": (16, 16), "norm_eps": 1e-6,
              "down_block_types": ("CrossAttnDownBlock2D",) * 2, "up_block_types": ("CrossAttnUpBlock2D",) * 2,
              "transformer_layers_per_block": (2, 1)},
}

AUTOENCODER_KL = {
    "sd1": dict(
        block_out_channels=(4, 4, 8, 8), layers_per_block=1, norm_num_groups=2, sample_size=32,
        down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4,
    ),
    "two_layers": dict(
        block_out_channels=(4, 8), layers_per_block=2, norm_num_groups=2, sample_size=16,
        down_block_types=("DownEncoderBlock2D",) * 2, up_block_types=("UpDecoderBlock2D",) * 2,
    ),
    "no_mid_attention": dict(
        block_out_channels=(4, 8), layers_per_block=1, norm_num_groups=2, sample_size=16, latent_channels=8,
        down_block_types=("DownEncoderBlock2D",) * 2, up_block_types=("UpDecoderBlock2D",) * 2,
        mid_block_add_attention=False, act_fn="gelu",
    ),
    # FLUX.1 and Stable Diffusion 3
    "sixteen_channels": dict(
        block_out_channels=(4, 4, 8), layers_per_block=1, norm_num_groups=2, sample_size=16, latent_channels=16,
        down_block_types=("DownEncoderBlock2D",) * 3, up_block_types=("UpDecoderBlock2D",) * 3,
        use_quant_conv=False, use_post_quant_conv=False, scaling_factor=0.3611, shift_factor=0.1159, force_upcast=False,
    ),
    "post_quant_only": dict(
        in_channels=1, out_channels=1, block_out_channels=(4, 4), layers_per_block=1, norm_num_groups=2, sample_size=16,
        down_block_types=("DownEncoderBlock2D",) * 2, up_block_types=("UpDecoderBlock2D",) * 2, use_quant_conv=False,
    ),
    # attention under the names of diffusers 0.6: query, key, value, proj_attn
    "old_names": dict(
        block_out_channels=(4, 8), layers_per_block=1, norm_num_groups=2, sample_size=16,
        down_block_types=("DownEncoderBlock2D",) * 2, up_block_types=("UpDecoderBlock2D",) * 2,
    ),
}

_CLIP = dict(vocab_size=VOCAB, hidden_size=16, intermediate_size=40, num_hidden_layers=3, num_attention_heads=2,
             bos_token_id=632, projection_dim=12)
CLIP_TEXT = {
    # openai/clip-vit-large-patch14 in SD 1.x: pooled at the largest id, the meaning of eos_token_id 2
    "sd1": {**_CLIP, "hidden_act": "quick_gelu", "eos_token_id": 2},
    # the text encoder of SD 2.x
    "sd2": {**_CLIP, "hidden_act": "gelu", "eos_token_id": 2, "pad_token_id": 1, "num_attention_heads": 4},
    # pooled at the first eos_token_id
    "eos": {**_CLIP, "hidden_act": "gelu", "eos_token_id": 633, "layer_norm_eps": 1e-3},
    # weights without the prefix "text_model.", as transformers 5 saves them, and 16 positions
    "no_prefix": {**_CLIP, "hidden_act": "quick_gelu", "eos_token_id": 633, "max_position_embeddings": 16,
                  "num_hidden_layers": 1},
}
CLIP_TEXT_PROJECTION = {
    "sdxl": {**_CLIP, "hidden_act": "gelu", "eos_token_id": 2, "num_hidden_layers": 2},
}

MODELS = {
    "UNet2DModel": UNET_2D,
    "UNet2DConditionModel": UNET_2D_CONDITION,
    "AutoencoderKL": AUTOENCODER_KL,
    "CLIPTextModel": CLIP_TEXT,
    "CLIPTextModelWithProjection": CLIP_TEXT_PROJECTION,
}
_CLASSES = {
    "UNet2DModel": UNet2DModel, "UNet2DConditionModel": UNet2DConditionModel, "AutoencoderKL": AutoencoderKL,
    "CLIPTextModel": CLIPTextModel, "CLIPTextModelWithProjection": CLIPTextModelWithProjection,
    "VQModel": VQModel,
}


def liven(model: torch.nn.Module, seed: int) -> torch.nn.Module:
    """Weights under which every tensor matters: affine norms away from 1 and 0, attention away from uniform."""
    g = generator(seed)
    for name, value in sorted(model.named_parameters()):
        noise = torch.randn(value.shape, generator=g)
        if "embedding" in name and value.ndim == 2 and "linear" not in name and "position" not in name:
            value.data = 0.5 * noise
        elif "position_embedding" in name:
            value.data = 0.2 * noise
        elif value.ndim >= 2:
            gain = 1.5 if any(part in name for part in ("to_q.", "to_k.", "q_proj.", "k_proj.")) else 0.8
            value.data = noise * gain * value[0].numel() ** -0.5
        elif name.endswith("weight"):
            value.data = 1 + 0.2 * noise
        else:
            value.data = 0.1 * noise
    return model


def build(class_name: str, config: dict, seed: int) -> torch.nn.Module:
    """A model of the class in evaluation mode, with weights that depend on the seed alone."""
    cls = _CLASSES[class_name]
    model = cls(CLIPTextConfig(**config)) if class_name.startswith("CLIP") else cls(**config)
    liven(model, seed).eval()
    with torch.no_grad():
        if class_name == "UNet2DConditionModel" or class_name == "UNet2DModel":
            model.conv_out.weight.data *= 1.5
        if class_name == "AutoencoderKL":  # images that fill the range without much clipping
            latents = torch.randn(2, config.get("latent_channels", 4), 8, 8, generator=generator(seed))
            out = model.decode(latents / model.config.scaling_factor).sample
            model.decoder.conv_out.weight.data *= 0.45 / float(out.std())
            model.decoder.conv_out.bias.data *= 0.1
    return model


def tiny(class_name: str, name: str) -> torch.nn.Module:
    return build(class_name, MODELS[class_name][name], seed_of(f"{class_name}/{name}"))
