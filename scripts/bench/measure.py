"""One measurement of the reference in a process of its own; measure.ts is the same for denoise.

    python measure.py unet REPO SIZE CALLS | vae REPO PIXELS CALLS | image REPO PIXELS STEPS | first-step REPO SIZE | pipeline REPO STEPS RUNS | overhead REPO SIZE STEPS
                      | work REPO SIZE

Prints JSON lines with seconds, and the peak memory of the process in bytes at the end. DENOISE_BENCH_THREADS sets the
number of threads.
"""

import json
import os
import resource
import sys
import time
import types

import torch

torch.set_num_threads(int(os.environ["DENOISE_BENCH_THREADS"]))
DTYPE = torch.bfloat16 if os.environ.get("DENOISE_BENCH_COLUMN") == "bfloat16" else torch.float32
PROMPT = "a red apple on a blue background"


def say(**line) -> None:
    print(json.dumps(line), flush=True)


def load(repo: str):
    from diffusers import StableDiffusionPipeline

    pipe = StableDiffusionPipeline.from_pretrained(repo, use_safetensors=True, safety_checker=None, torch_dtype=DTYPE)
    pipe.set_progress_bar_config(disable=True)
    return pipe


def timed(work) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def unet(repo: str, size: str, calls: str) -> None:
    from diffusers import UNet2DConditionModel

    model = UNet2DConditionModel.from_pretrained(repo, subfolder="unet", use_safetensors=True, torch_dtype=DTYPE).eval()
    sample = torch.randn(1, model.config.in_channels, int(size), int(size), dtype=DTYPE)
    text = torch.randn(1, 77, model.config.cross_attention_dim, dtype=DTYPE)
    model(sample, 981, encoder_hidden_states=text)
    for _ in range(int(calls)):
        say(seconds=timed(lambda: model(sample, 981, encoder_hidden_states=text)))


def vae(repo: str, pixels: str, calls: str) -> None:
    from diffusers import AutoencoderKL

    model = AutoencoderKL.from_pretrained(repo, subfolder="vae", use_safetensors=True, torch_dtype=DTYPE).eval()
    latents = torch.randn(1, 4, int(pixels) // 8, int(pixels) // 8, dtype=DTYPE)
    model.decode(latents)
    for _ in range(int(calls)):
        say(seconds=timed(lambda: model.decode(latents)))


def image(repo: str, pixels: str, steps: str) -> None:
    pipe = load(repo)
    say(seconds=timed(lambda: pipe(PROMPT, height=int(pixels), width=int(pixels), num_inference_steps=int(steps),
                                   generator=torch.Generator().manual_seed(0))))


def first_step(repo: str, size: str) -> None:
    pipe = load(repo)

    def stop(_pipe, _step, _timestep, _values):
        say(step=0)
        finish()
        os._exit(0)

    pipe(PROMPT, height=int(size) * 8, width=int(size) * 8, num_inference_steps=50, callback_on_step_end=stop)


def pipeline(repo: str, steps: str, runs: str) -> None:
    pipe = load(repo)
    run = lambda: pipe(PROMPT, num_inference_steps=int(steps), generator=torch.Generator().manual_seed(0))  # noqa: E731
    run()
    for _ in range(int(runs)):
        say(seconds=timed(run))


def overhead(repo: str, size: str, steps: str) -> None:
    """Everything of a step but the UNet: its place is taken by a function that gives a ready tensor."""
    pipe = load(repo)
    output = torch.randn(2, 4, int(size), int(size))
    pipe.unet.forward = types.MethodType(lambda *_args, **_kwargs: (output,), pipe.unet)
    factor = pipe.vae_scale_factor
    times = []
    keep = lambda *_args: times.append(time.perf_counter()) or {}  # noqa: E731
    pipe(PROMPT, height=int(size) * factor, width=int(size) * factor, num_inference_steps=int(steps), output_type="latent",
         callback_on_step_end=keep)
    for before, after in zip(times, times[1:]):
        say(seconds=after - before)


def work(repo: str, size: str) -> None:
    """The floating-point operations of a UNet call, and the most of them that torch.matmul does in a second here."""
    from diffusers import UNet2DConditionModel
    from torch.nn.attention import SDPBackend, sdpa_kernel
    from torch.utils.flop_counter import FlopCounterMode

    model = UNet2DConditionModel.from_pretrained(repo, subfolder="unet", use_safetensors=True).eval()
    sample = torch.randn(1, model.config.in_channels, int(size), int(size))
    text = torch.randn(1, 77, model.config.cross_attention_dim)
    with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH):  # the only one that it counts
        model(sample, 981, encoder_hidden_states=text)
    best = 0.0
    for rows, inner, columns in ((4096, 2880, 320), (1280, 11520, 256), (1024, 5760, 640)):
        a, b = torch.randn(rows, inner), torch.randn(inner, columns)
        least = min(timed(lambda: a @ b) for _ in range(10))
        best = max(best, 2 * rows * inner * columns / least)
    say(operations=counter.get_total_flops(), matmul_per_second=best)


def finish() -> None:
    say(peak_bytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)


if __name__ == "__main__":
    measures = {"unet": unet, "vae": vae, "image": image, "first-step": first_step, "pipeline": pipeline, "overhead": overhead, "work": work}
    with torch.no_grad():
        measures[sys.argv[1]](*sys.argv[2:])
    finish()
