"""LoRA files for tests/fixtures/tiny-flux-dev in the styles of all trainers, and the images that diffusers makes with them.

    $(sh scripts/reference/setup.sh) scripts/reference/lora_flux_goldens.py

Writes tests/golden/lora/flux-STYLE.safetensors and flux-images.safetensors. Every file is checked here: diffusers' own conversion of it
gives the adapter that the images are made with (but for the layers that it passes over in kohya's style: embedders and the last layer).
"""

import inspect

import torch
from diffusers import FluxPipeline
from diffusers.loaders import lora_conversion_utils
from safetensors.torch import save_file

from common import FIXTURES, GOLDEN, generator
from single_file_transformers import flux

OUT = GOLDEN / "lora"
REPO = FIXTURES / "tiny-flux-dev"
RANK, ALPHA = 4, 2
CALL = dict(prompt="a red apple", height=32, width=32, num_inference_steps=4, max_sequence_length=16, output_type="np")


def draw(pipe) -> torch.Tensor:
    image = pipe(**CALL, generator=generator(5)).images[0]
    return torch.from_numpy((image * 255).round().astype("uint8").copy()).contiguous()


def load():
    pipe = FluxPipeline.from_pretrained(REPO)
    pipe.set_progress_bar_config(disable=True)
    return pipe


def layers_of(config) -> list[tuple[str, list[str], bool]]:
    """Layers as their authors name them, the layers of diffusers that these consist of, and whether halves are swapped."""
    return [(stored.removesuffix(".weight"), [part.removesuffix(".weight") for part in parts], bool(rest))
            for stored, parts, *rest in flux(config) if stored.endswith(".weight")]


def swap(value: torch.Tensor) -> torch.Tensor:
    return torch.cat(value.chunk(2)[::-1])


def adapter(pipe) -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
    """A and B of each layer, as its authors have it."""
    g, weights, out = generator(11), pipe.transformer.state_dict(), {}
    for stored, parts, _ in layers_of(pipe.transformer.config):
        rows = sum(weights[f"{part}.weight"].shape[0] for part in parts)
        width = weights[f"{parts[0]}.weight"].shape[1]
        out[stored] = torch.randn(RANK, width, generator=g) * 0.3, torch.randn(rows, RANK, generator=g) * 0.3
    return out


def diffusers_names(pipe, changes: dict, scale: float = 1.0) -> dict:
    weights, out = pipe.transformer.state_dict(), {}
    for stored, parts, swapped in layers_of(pipe.transformer.config):
        if stored not in changes:
            continue
        down, up = changes[stored]
        rows = [weights[f"{part}.weight"].shape[0] for part in parts]
        for part, one in zip(parts, torch.split(swap(up) if swapped else up, rows)):
            out[f"transformer.{part}.lora_A.weight"], out[f"transformer.{part}.lora_B.weight"] = down * scale, one
    return {name: value.contiguous() for name, value in out.items()}


def converter(name: str, pipe):
    """diffusers' conversion, which knows FLUX.1 in its one width and depth."""
    width = pipe.transformer.config.num_attention_heads * pipe.transformer.config.attention_head_dim
    source = inspect.getsource(getattr(lora_conversion_utils, name))
    for old, new in (("3072", str(width)), ("12288", str(4 * width)), ("num_layers = 19", "num_layers = 2"), ("num_single_layers = 38", "num_single_layers = 2")):
        source = source.replace(old, new)
    scope = dict(vars(lora_conversion_utils))
    exec(source, scope)
    return scope[name]


def same(converted: dict, wanted: dict) -> None:
    converted = {name: value for name, value in converted.items() if name.startswith("transformer.")}
    assert converted and all(torch.equal(value, wanted[name]) for name, value in converted.items())


# what diffusers 0.42.1 converts of kohya's style and then passes over, since it does not say "transformer." before it
PASSED_OVER = ("time_in", "vector_in", "guidance_in", "img_in", "txt_in", "final_layer")

if __name__ == "__main__":
    pipe = load()
    changes = adapter(pipe)
    images = {"flux base": draw(pipe)}
    truth = diffusers_names(pipe, changes, ALPHA / RANK)
    files = {
        "peft": truth,
        "kohya": {}, "comfyui": {}, "underscored": {}, "fal": {f"base_model.model.{k}.lora_{m}.weight": v * s for k, (a, b) in changes.items()
                                                               for m, v, s in (("A", a, ALPHA / RANK), ("B", b, 1))},
    }
    for name, (down, up) in changes.items():
        flat = name.replace(".", "_")
        for style, prefix in (("kohya", f"lora_unet_{flat}"), ("comfyui", f"diffusion_model.{name}")):
            files[style].update({f"{prefix}.lora_down.weight": down, f"{prefix}.lora_up.weight": up, f"{prefix}.alpha": torch.tensor(float(ALPHA))})
    for name, value in diffusers_names(pipe, changes).items():
        layer, part = name.removeprefix("transformer.").rsplit(".lora_", 1)
        flat = f"lora_transformer_{layer.replace('.', '_')}"
        files["underscored"][f"{flat}.lora_{'down' if part.startswith('A') else 'up'}.weight"] = value
        files["underscored"][f"{flat}.alpha"] = torch.tensor(float(ALPHA))
    convert = converter("_convert_kohya_flux_lora_to_diffusers", pipe)
    for style in ("kohya", "comfyui"):
        same(convert(dict(files[style])), {k: v for k, v in truth.items()})
    # of the blocks alone, whose conversions are whole
    blocks = {name: change for name, change in changes.items() if not name.startswith(PASSED_OVER)}
    kohya = {k: v for k, v in files["kohya"].items() if not k.startswith(tuple(f"lora_unet_{name}" for name in PASSED_OVER))}
    of_blocks = diffusers_names(pipe, blocks, ALPHA / RANK)
    same(convert(dict(kohya)), of_blocks)
    assert convert(dict(kohya)).keys() == of_blocks.keys()
    files["kohya-blocks"] = kohya
    # XLabs: of attentions alone, with no alpha; linear1 without its feed forward
    xlabs, inside = {}, {}
    for name, (down, up) in blocks.items():
        kind, index, layer = name.split(".", 2)
        at = {"img_attn.qkv": "qkv_lora1", "img_attn.proj": "proj_lora1", "txt_attn.qkv": "qkv_lora2", "txt_attn.proj": "proj_lora2",
              "linear1": "qkv_lora", "linear2": "proj_lora"}.get(layer)
        if at is None:
            continue
        rows = up[:3 * up.shape[0] // 7] if layer == "linear1" else up
        xlabs[f"{kind}.{index}.processor.{at}.down.weight"], xlabs[f"{kind}.{index}.processor.{at}.up.weight"] = down, rows.contiguous()
        inside[name] = down, up
    wanted = {k: v for k, v in diffusers_names(pipe, inside).items() if ".proj_mlp." not in k}
    converted = lora_conversion_utils._convert_xlabs_flux_lora_to_diffusers(dict(xlabs))
    same(converted, wanted)
    assert converted.keys() == wanted.keys()
    files["xlabs"] = xlabs
    for style, tensors in files.items():
        save_file({name: value.clone().contiguous() for name, value in tensors.items()}, OUT / f"flux-{style}.safetensors")
    for name, state in (("flux", truth), ("flux blocks", of_blocks), ("flux xlabs", wanted)):
        pipe = load()
        pipe.load_lora_weights(dict(state), adapter_name="one")
        images[name] = draw(pipe)
        pipe.set_adapters("one", 0.4)
        images[f"{name} 0.4"] = draw(pipe)
    save_file(images, OUT / "flux-images.safetensors")
