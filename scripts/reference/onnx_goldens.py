"""Goldens of @denoise/onnx: each layer's inputs, weights and result as torch computes them.

    python scripts/reference/onnx_goldens.py

writes plugins/runtimes/onnx/testdata/layers.safetensors. Names are case/in/NAME, case/w/NAME and
case/out; the versions stand in the file's metadata.
"""

from pathlib import Path

import diffusers
import safetensors.torch
import torch
import torch.nn.functional as F
from diffusers.models.downsampling import downsample_2d
from diffusers.models.embeddings import get_timestep_embedding
from diffusers.models.upsampling import upsample_2d

torch.manual_seed(0)
torch.set_num_threads(1)
tensors: dict[str, torch.Tensor] = {}


def case(name: str, inputs: dict, weights: dict, out: torch.Tensor) -> None:
    for key, value in inputs.items():
        tensors[f"{name}/in/{key}"] = value.clone(memory_format=torch.contiguous_format)
    for key, value in weights.items():
        tensors[f"{name}/w/{key}"] = value.detach().clone(memory_format=torch.contiguous_format)
    tensors[f"{name}/out"] = out.detach().clone(memory_format=torch.contiguous_format)


def layer(name: str, module: torch.nn.Module, x: torch.Tensor, pad=None) -> None:
    for parameter in module.parameters():
        torch.nn.init.normal_(parameter)
    out = module(x if pad is None else F.pad(x, pad))
    case(name, {"x": x}, dict(module.named_parameters()), out)


image = torch.randn(2, 8, 5, 6)
layer("conv2d", torch.nn.Conv2d(8, 4, 3, padding=1), image)
layer("conv2d_stride", torch.nn.Conv2d(8, 4, 3, stride=2, padding=1), image)
layer("conv2d_asymmetric", torch.nn.Conv2d(8, 4, 3, stride=2), image, pad=(0, 1, 0, 1))
layer("conv2d_groups", torch.nn.Conv2d(8, 8, 3, padding=2, dilation=2, groups=4, bias=False), image)
layer("conv_transpose", torch.nn.ConvTranspose2d(8, 4, 4, stride=2, padding=1), image)
layer("linear", torch.nn.Linear(6, 7), image)
layer("linear_no_bias", torch.nn.Linear(6, 7, bias=False), image)
layer("group_norm", torch.nn.GroupNorm(4, 8, eps=1e-6), image * 3 + 1)
layer("group_norm_plain", torch.nn.GroupNorm(2, 8, affine=False), image)
layer("group_norm_tokens", torch.nn.GroupNorm(4, 8), torch.randn(2, 8, 7))
layer("layer_norm", torch.nn.LayerNorm(6), image)
layer("layer_norm_plain", torch.nn.LayerNorm(6, elementwise_affine=False, eps=1e-6), image)

x = torch.linspace(-8, 8, 65)
for name, function in {
    "silu": F.silu,
    "mish": F.mish,
    "relu": F.relu,
    "gelu": F.gelu,
    "gelu_new": lambda v: F.gelu(v, approximate="tanh"),
    "quick_gelu": lambda v: v * torch.sigmoid(1.702 * v),
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
}.items():
    case(f"activation_{name}", {"x": x}, {}, function(x))


def heads(value: torch.Tensor, count: int) -> torch.Tensor:
    return value.unflatten(-1, (count, -1)).transpose(1, 2)


def attend(name: str, queries: int, keys: int, bias=None, scale=None, v_width=8) -> None:
    q, k = torch.randn(2, queries, 8), torch.randn(2, keys, 8)
    v = torch.randn(2, keys, v_width)
    out = F.scaled_dot_product_attention(
        heads(q, 2), heads(k, 2), heads(v, 2), attn_mask=bias, scale=scale
    )
    inputs = {"query": q, "key": k, "value": v}
    if bias is not None:
        inputs["bias"] = bias
    case(name, inputs, {}, out.transpose(1, 2).flatten(2))


attend("attention", 5, 5)
attend("attention_cross", 5, 3)
attend("attention_scale", 4, 4, scale=0.3)
attend("attention_causal", 6, 6, bias=torch.full((6, 6), -3.4028234663852886e38).triu(1)[None, None])
attend("attention_bias", 3, 4, bias=torch.randn(2, 2, 3, 4))
attend("attention_wide_value", 3, 4, v_width=12)

steps = torch.tensor([0.0, 1.0, 946.4210205078125, 999.0])
for name, options in {
    "plain": dict(embedding_dim=32),
    "flipped": dict(embedding_dim=320, flip_sin_to_cos=True, downscale_freq_shift=0),
    "odd": dict(embedding_dim=33, scale=2.5, max_period=500),
}.items():
    case(f"sinusoidal_{name}", {"x": steps}, {}, get_timestep_embedding(steps, **options))

ids = torch.tensor([[3, 0, 2], [1, 1, 4]])
table = torch.nn.Embedding(5, 6)
case("embedding", {"ids": ids}, {"weight": table.weight}, table(ids))

case("upsample", {"x": image}, {}, F.interpolate(image, scale_factor=2.0, mode="nearest"))
like = torch.zeros(2, 3, 9, 11)
case("upsample_like", {"x": image, "like": like}, {}, F.interpolate(image, size=(9, 11)))
for corners in (False, True):
    out = F.interpolate(image, scale_factor=2, mode="bilinear", align_corners=corners)
    case(f"bilinear_{str(corners).lower()}", {"x": image}, {}, out)
case("avg_pool", {"x": image}, {}, F.avg_pool2d(image, 2, stride=2))
case("fir_down", {"x": image}, {}, downsample_2d(image, kernel=(1, 3, 3, 1)))
case("fir_up", {"x": image}, {}, upsample_2d(image, kernel=(1, 3, 3, 1)))
case("pad", {"x": image}, {}, F.pad(image, (2, 4, 1, 3)))

half = torch.randn(7, 6) * torch.tensor([1e-8, 1e-4, 1, 100, 7e4, 1]).float()
for dtype in (torch.float16, torch.bfloat16):
    name = str(dtype).removeprefix("torch.")
    rows = torch.arange(7)
    case(f"rounded_{name}", {"ids": rows}, {"weight": half}, half.to(dtype).float())
    case(f"stored_{name}", {"ids": rows}, {"weight": half.to(dtype)}, half.to(dtype).float())

audio = torch.randn(2, 8, 9)
layer("conv1d", torch.nn.Conv1d(8, 4, 5, padding=2), audio)
layer("conv1d_stride", torch.nn.Conv1d(8, 6, 3, stride=2, padding=1, dilation=2, groups=2), audio)
layer("conv_transpose_1d", torch.nn.ConvTranspose1d(8, 4, 4, stride=2, padding=1), audio)
layer("rms_norm", torch.nn.RMSNorm(6, eps=1e-6), image)

target = Path(__file__).parents[2] / "plugins/runtimes/onnx/testdata/layers.safetensors"
target.parent.mkdir(parents=True, exist_ok=True)
versions = {"torch": torch.__version__, "diffusers": diffusers.__version__}
command = {"command": "python scripts/reference/onnx_goldens.py"}
safetensors.torch.save_file(tensors, target, metadata={**versions, **command})
print(f"{target.name}: {len(tensors)} tensors, {target.stat().st_size} bytes")
