"""torch_models.py FOLDER NAME: the other side of the measurement, one model of diffusers on the card.

Commands come as lines of JSON on standard input, answers go as lines of JSON to standard output:
{"do": "make"} makes the model with random weights, writes it and what it computes (in half and in full
precision) to FOLDER/NAME; {"do": "compile"} compiles it; {"do": "time", "how": "eager"} measures calls.
"""

import json
import statistics
import sys
import time
from pathlib import Path

import torch
from safetensors.torch import save_file

from configs import SD15, SDXL, VAE

FOLDER, NAME = Path(sys.argv[1]) / sys.argv[2], sys.argv[2]
CUDA = torch.device("cuda")
torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False


def randn(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, device=CUDA, generator=GENERATOR)


def sd15() -> dict:
    return {"sample": randn(2, 4, 64, 64), "timestep": 500, "encoder_hidden_states": randn(2, 77, 768)}


def sdxl() -> dict:
    added = {"text_embeds": randn(2, 1280), "time_ids": torch.full((2, 6), 1024.0, device=CUDA)}
    return {"sample": randn(2, 4, 128, 128), "timestep": 500, "encoder_hidden_states": randn(2, 77, 2048), "added_cond_kwargs": added}


def flux() -> dict:
    ids = torch.zeros(4096, 3, device=CUDA)
    ids[:, 1], ids[:, 2] = torch.arange(4096, device=CUDA) // 64, torch.arange(4096, device=CUDA) % 64
    return {
        "hidden_states": randn(1, 4096, 64), "encoder_hidden_states": randn(1, 512, 4096), "pooled_projections": randn(1, 768),
        "timestep": torch.full((1,), 0.5, device=CUDA), "guidance": torch.full((1,), 3.5, device=CUDA),
        "img_ids": ids, "txt_ids": torch.zeros(512, 3, device=CUDA)}


def zimage() -> dict:
    return {"hidden_states": randn(1, 16, 128, 128), "timestep": torch.full((1,), 0.5, device=CUDA), "cap_feats": {"0": randn(256, 2560)}}


# the class, its config beyond the defaults, what it is called with, its method and its half precision
MODELS = {
    "sd15": ("UNet2DConditionModel", SD15, sd15, "forward", torch.float16),
    "sdxl": ("UNet2DConditionModel", SDXL, sdxl, "forward", torch.float16),
    "vae": ("AutoencoderKL", VAE, lambda: {"z": randn(1, 4, 64, 64)}, "decode", torch.float16),
    "vae1024": ("AutoencoderKL", VAE, lambda: {"z": randn(1, 4, 128, 128)}, "decode", torch.float16),
    "flux": ("FluxTransformer2DModel", dict(guidance_embeds=True), flux, "forward", torch.bfloat16),
    "zimage": ("ZImageTransformer2DModel", {}, zimage, "forward", torch.bfloat16),
}
CLASS, CONFIG, inputs, METHOD, HALF = MODELS[NAME]
GENERATOR = torch.Generator(CUDA).manual_seed(1)


def cast(value, dtype=None, memory_format=torch.preserve_format):
    if isinstance(value, dict):
        return {key: cast(item, dtype, memory_format) for key, item in value.items()}
    if not isinstance(value, torch.Tensor):
        return value
    return value.to(dtype or HALF, memory_format=memory_format if value.dim() == 4 else torch.preserve_format)


def call(function, values: dict) -> torch.Tensor:
    values = dict(values)
    with torch.inference_mode():
        if "cap_feats" in values:  # lists of images and of texts
            latents = list(values["hidden_states"].unsqueeze(2).unbind(0))
            return torch.stack(function(latents, values["timestep"], list(values["cap_feats"].values()), return_dict=False)[0]).squeeze(2)
        return function(*([values.pop("z")] if "z" in values else []), **values, return_dict=False)[0]


def flat(values: dict, prefix: str = "") -> dict:
    pairs = {}
    for key, value in values.items():
        pairs.update(flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key: value})
    return pairs


class Side:
    def make(self) -> dict:
        import diffusers

        begin = time.time()
        torch.manual_seed(0)
        with torch.device(CUDA):
            torch.set_default_dtype(HALF)
            self.model = getattr(diffusers, CLASS)(**CONFIG).eval()
            torch.set_default_dtype(torch.float32)
        self.model.to(HALF)
        self.model.save_pretrained(FOLDER)
        self.inputs = inputs()
        half = call(getattr(self.model, METHOD), cast(self.inputs)).float()
        self.model.float()  # in place, as two of the largest do not fit; and back without loss
        full = call(getattr(self.model, METHOD), cast(self.inputs, torch.float32))
        self.model.to(HALF)
        torch.cuda.empty_cache()
        self.write({"half": half, "full": full})
        return {
            "seconds": round(time.time() - begin, 1), "dtype": str(HALF).removeprefix("torch."),
            "parameters": sum(p.numel() for p in self.model.parameters()),
            "relative": float((half - full).abs().max() / full.abs().max()), "torch": torch.__version__,
            "card": torch.cuda.get_device_name()}

    def write(self, results: dict) -> None:
        given = {k: v.float() for k, v in flat(self.inputs).items() if isinstance(v, torch.Tensor)}
        save_file({k: v.cpu().contiguous() for k, v in {**given, **results}.items()}, FOLDER / "golden.safetensors")
        names = {k: {"tensor": k} if isinstance(v, torch.Tensor) else v for k, v in flat(self.inputs).items()}
        cases = [{"name": name, "method": METHOD, "inputs": names, "outputs": {"sample": {"tensor": name}}} for name in results]
        (FOLDER / "golden.json").write_text(json.dumps({"className": CLASS, "cases": cases}))

    def compile(self) -> dict:
        begin = time.time()
        self.compiled = torch.compile(self.last().forward if METHOD == "forward" else self.last().decode, mode="reduce-overhead", fullgraph=True)
        for _ in range(3):
            call(self.compiled, self.last_inputs())
        torch.cuda.synchronize()
        return {"seconds": round(time.time() - begin, 1)}

    def last(self):
        return self.model.to(memory_format=torch.channels_last)

    def last_inputs(self) -> dict:
        return cast(self.inputs, memory_format=torch.channels_last)

    def time(self, how: str, calls: int = 20) -> dict:
        values = cast(self.inputs) if how == "eager" else self.last_inputs()
        if how == "eager":
            self.model.to(memory_format=torch.contiguous_format)
        elif how == "channels_last":
            self.last()
        function = self.compiled if how == "compile" else getattr(self.model, METHOD)
        torch.cuda.reset_peak_memory_stats()
        times = []
        for _ in range(calls + 4):
            begin = time.perf_counter()
            call(function, values)
            torch.cuda.synchronize()
            times.append((time.perf_counter() - begin) * 1000)
        times = times[4:]
        return {
            "ms": round(statistics.median(times), 2), "min": round(min(times), 2),
            "peakGB": round(torch.cuda.max_memory_allocated() / 1e9, 2)}


def ceilings() -> dict:
    def best(work, calls: int = 10) -> float:
        times = []
        for _ in range(calls):
            begin = time.perf_counter()
            work()
            torch.cuda.synchronize()
            times.append(time.perf_counter() - begin)
        return statistics.median(times[3:])

    a = torch.randn(8192, 8192, device=CUDA, dtype=torch.float16)
    x = torch.randint(255, (1 << 30,), device=CUDA, dtype=torch.uint8)
    y = torch.empty_like(x)
    return {
        "halfTflops": round(2 * 8192**3 / best(lambda: a @ a) / 1e12, 1),
        "copyTBps": round(2 * x.numel() / best(lambda: y.copy_(x)) / 1e12, 2)}


side = Side()
for line in sys.stdin:
    order = json.loads(line)
    try:
        what = order.pop("do")
        answer = ceilings() if what == "ceilings" else getattr(side, what)(**order)
    except Exception as error:  # the other rows stand
        answer = {"error": repr(error)[:500]}
    print(json.dumps(answer), flush=True)
