"""Random configs of models and random calls of pipelines, small and within what diffusers accepts."""

from random import Random

from tiny_models import VOCAB


def pick(dice: Random, *values):
    return dice.choice(values)


def some(dice: Random, probability: float, **config) -> dict:
    """The options with that probability, none of them otherwise."""
    return config if dice.random() < probability else {}


def levels(dice: Random, count: int) -> tuple[tuple[int, ...], int]:
    """Channels of each level, and groups that divide them all."""
    groups = pick(dice, 1, 2, 4)
    factors = (4, 6) if groups == 1 else (2, 4)  # at 2 channels and freq_shift 1 diffusers divides 0 by 0
    return tuple(groups * pick(dice, *factors) for _ in range(count)), groups


def plain_levels(dice: Random) -> dict:
    count = dice.randint(1, 3)
    channels, groups = levels(dice, count)
    kinds = [pick(dice, ("DownBlock2D", "UpBlock2D"), ("AttnDownBlock2D", "AttnUpBlock2D"),
                  ("ResnetDownsampleBlock2D", "ResnetUpsampleBlock2D")) for _ in range(count)]
    return dict(
        in_channels=dice.randint(1, 4), out_channels=dice.randint(1, 4), block_out_channels=channels, norm_num_groups=groups,
        down_block_types=tuple(down for down, _ in kinds), up_block_types=tuple(up for _, up in reversed(kinds)),
    )


def skip_levels(dice: Random) -> dict:
    """Of score-based models; attention needs multiples of 32 channels."""
    count = dice.randint(1, 3)
    attention = [dice.random() < 0.3 for _ in range(count)]
    unit, factors = (32, (1,)) if any(attention) else (4, (1, 2, 3))
    return dict(
        in_channels=3, out_channels=3, block_out_channels=tuple(unit * pick(dice, *factors) for _ in range(count)),
        norm_num_groups=None, down_block_types=tuple(f"{'Attn' * a}SkipDownBlock2D" for a in attention),
        up_block_types=tuple(f"{'Attn' * a}SkipUpBlock2D" for a in reversed(attention)),
    )


def k_levels(dice: Random) -> dict:
    """In the manner of k-diffusion; a group has 32 channels."""
    count = dice.randint(1, 2)
    return dict(
        in_channels=dice.randint(1, 4), out_channels=dice.randint(1, 4), norm_num_groups=None,
        block_out_channels=tuple(32 * dice.randint(1, 2) for _ in range(count)), down_block_types=("KDownBlock2D",) * count,
        up_block_types=("KUpBlock2D",) * count,
    )


def unet_2d(dice: Random) -> dict:
    shape = pick(dice, *(plain_levels,) * 5, *(skip_levels,) * 3, k_levels)(dice)
    groups = pick(dice, shape["norm_num_groups"] or 1, 1)
    return shape | dict(
        sample_size=4 * 2 ** (len(shape["block_out_channels"]) - 1), layers_per_block=dice.randint(1, 2),
        attention_head_dim=pick(dice, None, 1, 2), flip_sin_to_cos=pick(dice, True, False), freq_shift=pick(dice, 0, 1),
        downsample_padding=pick(dice, 0, 1), norm_eps=pick(dice, 1e-5, 1e-6), act_fn=pick(dice, "silu", "gelu", "mish", "relu"),
        center_input_sample=dice.random() < 0.2, add_attention=dice.random() < 0.8,
        mid_block_type=pick(dice, "UNetMidBlock2D", "UNetMidBlock2D", None),
        downsample_type=pick(dice, "conv", "conv", "resnet"), upsample_type=pick(dice, "conv", "conv", "resnet"),
        **some(dice, 0.3, resnet_time_scale_shift="scale_shift"), **some(dice, 0.3, attn_norm_num_groups=groups),
        **some(dice, 0.2, time_embedding_type="fourier"),
        **pick(dice, {}, {}, {"num_class_embeds": 4}, {"class_embed_type": "timestep"}, {"class_embed_type": "identity"}),
        **some(dice, 0.2, mid_block_scale_factor=1.4142135), **some(dice, 0.2, time_embedding_dim=20),
    )


def unet_2d_condition(dice: Random, in_channels: int | None = None, cross: int | None = None, plain: bool = False) -> dict:
    """`plain`: what StableDiffusionPipeline can call, with latents of 4 channels."""
    count = dice.randint(1, 3)
    channels, groups = levels(dice, count)
    crossed = [dice.random() < 0.6 for _ in range(count)]
    cross = cross or pick(dice, 8, 12)
    config = dict(
        sample_size=8, in_channels=in_channels or pick(dice, 4, 4, 5, 9), block_out_channels=channels, norm_num_groups=groups,
        layers_per_block=pick(dice, 1, 2, tuple(dice.randint(1, 2) for _ in channels)), cross_attention_dim=cross,
        down_block_types=tuple("CrossAttnDownBlock2D" if c else "DownBlock2D" for c in crossed),
        up_block_types=tuple("CrossAttnUpBlock2D" if c else "UpBlock2D" for c in reversed(crossed)),
        attention_head_dim=pick(dice, 1, 2, tuple(pick(dice, 1, 2) for _ in channels)),
        transformer_layers_per_block=pick(dice, 1, 1, 2, tuple(dice.randint(1, 2) for _ in channels)),
        use_linear_projection=dice.random() < 0.5, flip_sin_to_cos=dice.random() < 0.8, freq_shift=pick(dice, 0, 0, 1),
        norm_eps=pick(dice, 1e-5, 1e-6), act_fn=pick(dice, "silu", "silu", "gelu", "mish"),
        downsample_padding=pick(dice, 1, 1, 0), upcast_attention=dice.random() < 0.2,
        mid_block_type=pick(dice, *("UNetMidBlock2DCrossAttn",) * 4, "UNetMidBlock2D", None),
        **some(dice, 0.1, center_input_sample=True), **some(dice, 0.2, only_cross_attention=True),
        **some(dice, 0.2, resnet_time_scale_shift="scale_shift"), **some(dice, 0.1, time_embedding_dim=20),
        **some(dice, 0.1, time_embedding_act_fn="silu"), **some(dice, 0.1, timestep_post_act="gelu"),
        **some(dice, 0.1, conv_in_kernel=1), **some(dice, 0.1, conv_out_kernel=1),
        **some(dice, 0.1, mid_block_scale_factor=2.0),
    )
    if plain:
        return config
    if dice.random() < 0.3:
        return config | upscaler_levels(dice)
    if dice.random() < 0.4:
        config |= other_levels(dice, count, cross)
    return config | pick(
        dice, {}, {}, {"time_cond_proj_dim": 6}, {"num_class_embeds": 7}, {"class_embed_type": "timestep"},
        {"class_embed_type": "projection", "projection_class_embeddings_input_dim": 5},
        {"class_embed_type": "simple_projection", "projection_class_embeddings_input_dim": 5, "class_embeddings_concat": True},
        {"addition_embed_type": "text_time", "addition_time_embed_dim": 4, "projection_class_embeddings_input_dim": 30},
        {"encoder_hid_dim": 10, "encoder_hid_dim_type": "text_proj"},
        {"encoder_hid_dim": 10, "encoder_hid_dim_type": "text_image_proj", "addition_embed_type": "text_image"},
        {"encoder_hid_dim": 10, "encoder_hid_dim_type": "image_proj", "addition_embed_type": "image"},
        {"addition_embed_type": "text", "addition_embed_type_num_heads": pick(dice, 1, 2, 4)},
        {"time_embedding_type": "fourier", "class_embed_type": "identity", "time_embedding_dim": 24},
    )


def other_levels(dice: Random, count: int, cross: int) -> dict:
    """Levels of Kandinsky, IF and unCLIP."""
    kinds = [pick(dice, ("SimpleCrossAttnDownBlock2D", "SimpleCrossAttnUpBlock2D"), ("AttnDownBlock2D", "AttnUpBlock2D"),
                  ("ResnetDownsampleBlock2D", "ResnetUpsampleBlock2D"), ("CrossAttnDownBlock2D", "CrossAttnUpBlock2D"))
             for _ in range(count)]
    return dict(
        down_block_types=tuple(down for down, _ in kinds), up_block_types=tuple(up for _, up in reversed(kinds)),
        mid_block_type=pick(dice, "UNetMidBlock2DSimpleCrossAttn", "UNetMidBlock2DCrossAttn"), cross_attention_dim=cross,
        only_cross_attention=pick(dice, False, False, True), mid_block_only_cross_attention=pick(dice, None, True, False),
        resnet_skip_time_act=dice.random() < 0.5, resnet_out_scale_factor=pick(dice, 1.0, 1.4142),
    )


def upscaler_levels(dice: Random) -> dict:
    """Levels of the latent upscaler: the lowest ones as wide as the time embedding, in groups of 32."""
    last = pick(dice, "KCrossAttn", "K")
    wide = pick(dice, 32, 64)
    kinds, channels = pick(dice, (("K", last), (wide, wide)), (("K", "KCrossAttn", last), (96 - wide, wide, wide)),
                           (("K", "K", last), (96 - wide, wide, wide)), (("K",), (wide,)))
    return dict(
        block_out_channels=channels, down_block_types=tuple(f"{kind}DownBlock2D" for kind in kinds),
        up_block_types=tuple(f"{kind}UpBlock2D" for kind in reversed(kinds)), time_embedding_dim=wide, norm_num_groups=None,
        time_embedding_type=pick(dice, "fourier", "positional"), layers_per_block=pick(dice, 1, 2),
        attention_head_dim=pick(dice, 8, 16), mid_block_type=pick(dice, None, None, "UNetMidBlock2DCrossAttn", "UNetMidBlock2D"),
        transformer_layers_per_block=1, cross_attention_norm="layer_norm", only_cross_attention=False,
        **pick(dice, {}, {"time_cond_proj_dim": 6}, {"num_class_embeds": 7}),
    )


def autoencoder_kl(dice: Random, latent_channels: int | None = None) -> dict:
    count = dice.randint(1, 4)
    channels, groups = levels(dice, count)
    return dict(
        in_channels=3, out_channels=3, block_out_channels=channels, norm_num_groups=groups,
        down_block_types=("DownEncoderBlock2D",) * count, up_block_types=("UpDecoderBlock2D",) * count,
        layers_per_block=dice.randint(1, 2), latent_channels=latent_channels or pick(dice, 3, 4, 8, 16), sample_size=16,
        act_fn=pick(dice, "silu", "silu", "gelu"), mid_block_add_attention=dice.random() < 0.8,
        scaling_factor=pick(dice, 0.18215, 0.13025, 1.5305), **some(dice, 0.3, use_quant_conv=False),
        **some(dice, 0.3, use_post_quant_conv=False),
    )


def vq_model(dice: Random) -> dict:
    config = autoencoder_kl(dice, latent_channels=pick(dice, 3, 4, 6))
    config.pop("use_quant_conv", None), config.pop("use_post_quant_conv", None)
    count = len(config["block_out_channels"])
    plain = dict(norm_type="group", vq_embed_dim=pick(dice, None, 3, 5), lookup_from_codebook=dice.random() < 0.3)
    spatial = dict(norm_type="spatial", block_out_channels=(32,) * count, norm_num_groups=pick(dice, 4, 32))
    attention = dice.random() < 0.3
    return config | pick(dice, plain, plain, spatial) | dict(
        num_vq_embeddings=pick(dice, 8, 50, 300),
        down_block_types=("DownEncoderBlock2D",) * (count - 1) + (f"{'Attn' * attention}DownEncoderBlock2D",),
        up_block_types=(f"{'Attn' * attention}UpDecoderBlock2D",) + ("UpDecoderBlock2D",) * (count - 1),
    )


def clip_text(dice: Random, positions: int | None = None) -> dict:
    heads = pick(dice, 1, 2, 4)
    return dict(
        vocab_size=VOCAB, hidden_size=heads * pick(dice, 4, 8), num_attention_heads=heads,
        intermediate_size=dice.randint(8, 24), num_hidden_layers=dice.randint(1, 4), bos_token_id=632,
        eos_token_id=pick(dice, 2, 633), hidden_act=pick(dice, "quick_gelu", "gelu"),
        max_position_embeddings=positions or pick(dice, 16, 77), layer_norm_eps=pick(dice, 1e-5, 1e-3), projection_dim=8,
    )


MODELS = {
    "UNet2DModel": unet_2d, "UNet2DConditionModel": unet_2d_condition, "AutoencoderKL": autoencoder_kl,
    "CLIPTextModel": clip_text, "VQModel": vq_model,
}


def scheduler(dice: Random) -> tuple[str, dict]:
    """Class and options of a scheduler for Stable Diffusion."""
    name = pick(dice, *SCHEDULERS)
    return name, dict(
        beta_start=0.00085, beta_end=0.012, beta_schedule=pick(dice, "scaled_linear", "linear"),
        prediction_type=pick(dice, "epsilon", "v_prediction"),
        timestep_spacing=pick(dice, "leading", "trailing", "linspace"), steps_offset=1,
        # diffusers' Runge-Kutta start fails under 4 steps
        **({"skip_prk_steps": True} if name == "PNDMScheduler" else {}),
    )


SCHEDULERS = ("DDPMScheduler", "DDIMScheduler", "PNDMScheduler", "EulerDiscreteScheduler")
PROMPTS = ("a red apple on a blue background", "a cat at night", "", "an astronaut riding a horse, 2 dogs & a cat's house!",
           "Überraschung: 🚀 the SKY")


def text_to_image(dice: Random) -> tuple[dict, list[int]]:
    """Arguments of a StableDiffusionPipeline call, and a seed for each image."""
    prompts = dice.choices(PROMPTS, k=dice.randint(1, 2))
    each = dice.randint(1, 2)
    negative = pick(dice, *PROMPTS)
    call = dict(
        prompt=prompts if len(prompts) > 1 else prompts[0], num_images_per_prompt=each,
        num_inference_steps=dice.randint(2, 7), guidance_scale=pick(dice, 1.0, 3.0, 7.5),
        **some(dice, 0.4, negative_prompt=[negative] * 2 if len(prompts) > 1 else negative), **some(dice, 0.2, guidance_rescale=0.5),
        **some(dice, 0.3, eta=0.5),
    )
    return call, [dice.randrange(2**32) for _ in range(len(prompts) * each)]


def unconditional(dice: Random) -> tuple[dict, list[int]]:
    batch = dice.randint(1, 3)
    return dict(batch_size=batch, num_inference_steps=dice.randint(2, 12)), [dice.randrange(2**32) for _ in range(batch)]
