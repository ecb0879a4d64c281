"""Writes UNet1DModel of tests/fixtures/models, tests/fixtures/tiny-dance-diffusion, and what they give.

    $(sh scripts/reference/setup.sh) scripts/reference/audio_goldens.py
"""

import torch
from diffusers import DanceDiffusionPipeline, IPNDMScheduler, UNet1DModel

from common import FIXTURES, GOLDEN, generator, seed_of, write_golden
from task_repos import folder
from tiny_models import liven

COMMAND = "scripts/reference/audio_goldens.py"
_SOUND = dict(sample_size=64, sample_rate=100)
_PLAN = dict(
    sample_size=32, in_channels=5, out_channels=5, time_embedding_type="positional", use_timestep_embedding=True,
    flip_sin_to_cos=False, freq_shift=1, act_fn="mish",
)
CONFIGS = {
    # harmonai/maestro-150k with two levels, both ways with attention
    "attention": dict(
        **_SOUND, block_out_channels=(32, 32), extra_in_channels=16, time_embedding_dim=16,
        down_block_types=("DownBlock1DNoSkip", "AttnDownBlock1D"), up_block_types=("AttnUpBlock1D", "UpBlock1DNoSkip"),
    ),
    "positional": dict(
        **_SOUND, in_channels=1, out_channels=1, block_out_channels=(6, 32), extra_in_channels=6,
        time_embedding_type="positional", flip_sin_to_cos=False, freq_shift=1,
        down_block_types=("DownBlock1DNoSkip", "DownBlock1D"), up_block_types=("UpBlock1D", "UpBlock1DNoSkip"),
        out_block_type="OutConv1DBlock", act_fn="SiLU", norm_num_groups=3,
    ),
    # bglick13/hopper-medium-v2-value-function-hor32, its UNet and its value function
    "plan": dict(
        **_PLAN, block_out_channels=(8, 16, 16), layers_per_block=2, mid_block_type="MidResTemporalBlock1D",
        down_block_types=("DownResnetBlock1D",) * 3, up_block_types=("UpResnetBlock1D",) * 2, out_block_type="OutConv1DBlock",
    ),
    "plan_fourier": dict(
        **{**_PLAN, "time_embedding_type": "fourier", "act_fn": "gelu"}, block_out_channels=(16, 8), norm_num_groups=None,
        mid_block_type="MidResTemporalBlock1D", down_block_types=("DownResnetBlock1D",) * 2,
        up_block_types=("UpResnetBlock1D",) * 2, out_block_type="OutConv1DBlock",
    ),
    "value": dict(
        **_PLAN, block_out_channels=(16, 32), mid_block_type="ValueFunctionMidBlock1D", downsample_each_block=True,
        down_block_types=("DownResnetBlock1D",) * 2, up_block_types=(), out_block_type="ValueFunction",
    ),
}
REPO = dict(
    **_SOUND, block_out_channels=(8, 32), extra_in_channels=16,
    down_block_types=("DownBlock1DNoSkip", "DownBlock1D"), up_block_types=("UpBlock1D", "UpBlock1DNoSkip"),
)
LENGTHS = {"attention": (64, 12), "positional": (64, 20), "plan": (32, 24), "plan_fourier": (32, 6), "value": (16,)}
CALLS = [
    ("as long as the model was trained for", {}, [0]),
    ("a length that the levels do not halve", {"audio_length_in_s": 0.333, "num_inference_steps": 6}, [5]),
    ("three audio clips", {"batch_size": 3, "num_inference_steps": 3, "audio_length_in_s": 0.25}, [1, 2, 3]),
    ("one step", {"num_inference_steps": 1, "audio_length_in_s": 0.12}, [9]),
    ("two audio clips of one generator", {"batch_size": 2, "num_inference_steps": 2, "audio_length_in_s": 0.3}, 7),
]


def make(config: dict, seed: int) -> UNet1DModel:
    """A model whose weights half precision holds, so that their file is half as long."""
    model = liven(UNet1DModel(**config), seed).eval()
    if config.get("time_embedding_type", "fourier") == "fourier":
        weight = model.time_proj.weight
        weight.data = torch.randn(weight.shape, generator=generator(seed))
    return model.half().float()


def write_models() -> None:
    for name, config in CONFIGS.items():
        model = make(config, seed_of(f"UNet1DModel/{name}"))
        cases, tensors, g = [], {}, generator(seed_of(name))
        for length in LENGTHS[name]:
            for title, timestep in (("one timestep", 0.731), ("a timestep each", torch.tensor([0.999, 20.0, 0.0]))):
                key, batch = len(cases), 3 if torch.is_tensor(timestep) else 2
                tensors[f"{key}.sample"] = torch.randn(batch, model.config.in_channels, length, generator=g)
                # a timestep for each sample: ValueFunction cannot spread a single one
                each = torch.as_tensor(timestep).expand(batch)
                tensors[f"{key}.out"] = model(tensors[f"{key}.sample"], each).sample
                tensors[f"{key}.timestep"] = each
                given = {"tensor": f"{key}.timestep"} if torch.is_tensor(timestep) else timestep
                cases.append({"name": f"{title}, length {length}",
                              "inputs": {"sample": {"tensor": f"{key}.sample"}, "timestep": given},
                              "outputs": {"sample": {"tensor": f"{key}.out"}}})
        model.half().save_pretrained(folder(f"models/UNet1DModel/{name}"))
        write_golden(GOLDEN / "models" / "UNet1DModel" / name, COMMAND, cases, tensors)


def write_pipeline() -> None:
    unet = make(REPO, seed_of("tiny-dance-diffusion"))
    last = unet.up_blocks[-1].resnets[-1]
    for layer in (last.conv_2, last.conv_skip):  # quieter, so that fewer samples are clipped
        layer.weight.data = (0.3 * layer.weight.data).half().float()
    pipe = DanceDiffusionPipeline(unet=unet, scheduler=IPNDMScheduler())
    pipe.set_progress_bar_config(disable=True)
    cases, tensors = [], {}
    for name, call, seeds in CALLS:
        given = generator(seeds) if isinstance(seeds, int) else [generator(seed) for seed in seeds]
        tensors[f"{len(cases)}.audios"] = torch.from_numpy(pipe(**call, generator=given).audios)
        cases.append({"name": name, "call": call, "seeds": seeds, "audios": f"{len(cases)}.audios"})
    pipe.unet.half()
    pipe.save_pretrained(folder("tiny-dance-diffusion"))
    write_golden(GOLDEN / "pipelines" / "tiny-dance-diffusion", COMMAND, cases, tensors)


if __name__ == "__main__":
    with torch.no_grad():
        write_models()
        write_pipeline()
    print(sum(file.stat().st_size for file in FIXTURES.glob("models/UNet1DModel/*/*")), "bytes")
