"""LoRA files for tests/fixtures/tiny-flux-dev in the styles of all trainers, and the images that diffusers makes with them.

    $(sh scripts/reference/setup.sh) scripts/reference/lora_flux_goldens.py

Writes tests/golden/lora/flux-STYLE.safetensors and flux-images.safetensors. Every file is checked here: diffusers' own conversion of it
gives the adapter that the images are made with (but for the layers that it passes over in kohya's style: embedders and the last layer).
LoKr and LoHa of layers that have several in one, which diffusers 0.42.1 reads of FLUX.2 alone, are held to weights with the whole change.
"""

import inspect

import torch
from diffusers import FluxControlPipeline, FluxPipeline
from diffusers.loaders import lora_conversion_utils, lora_pipeline
from PIL import Image
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
    # of the last layer diffusers 0.42.1 swaps the halves of lora_A, too, which are ranks and not rows
    source = source.replace("swap_scale_shift(", "swap_rows(")
    scope = dict(vars(lora_conversion_utils))
    scope["swap_rows"] = lambda value: value if len(value) == RANK else lora_conversion_utils.swap_scale_shift(value)
    exec(source, scope)
    return scope[name]


def same(converted: dict, wanted: dict) -> None:
    converted = {name: value for name, value in converted.items() if name.startswith("transformer.")}
    assert converted and all(torch.equal(value, wanted[name]) for name, value in converted.items())


def lycoris(pipe, dora: bool) -> tuple[dict, dict, dict]:
    """LoKr of every second layer and LoHa of the others: as LyCORIS names them, as ai-toolkit does, and the whole change of each."""
    g, weights = generator(23), pipe.transformer.state_dict()
    names, changes = {}, {}
    for at, (stored, parts, _) in enumerate(layers_of(pipe.transformer.config)):
        rows = sum(weights[f"{part}.weight"].shape[0] for part in parts)
        width = weights[f"{parts[0]}.weight"].shape[1]
        rand = lambda *dims: torch.randn(*dims, generator=g) * 0.3
        if at % 2 and not dora:
            a, b, c, d = rand(rows, 2), rand(2, width), rand(rows, 2), rand(2, width)
            tensors = {"hada_w1_a": a, "hada_w1_b": b, "hada_w2_a": c, "hada_w2_b": d, "alpha": torch.tensor(1.0)}
            change = (a @ b) * (c @ d) / 2
        else:
            # 4 rows of blocks, which end elsewhere than the layers in one do
            left, right = rand(4, 2), rand(rows // 4, width // 2)
            tensors, change = {"lokr_w1": left, "lokr_w2": right, "alpha": torch.tensor(9.0)}, torch.kron(left, right)
            if at % 4 == 0:
                a, b = rand(rows // 4, 2), rand(2, width // 2)
                tensors = {"lokr_w1": left, "lokr_w2_a": a, "lokr_w2_b": b, "alpha": torch.tensor(1.0)}
                change = torch.kron(left, a @ b) / 2
        if dora:
            tensors["dora_scale"] = torch.rand(rows, 1, generator=g) + 0.5
        names[stored], changes[stored] = tensors, change
    flat = {f"lora_unet_{name.replace('.', '_')}.{end}": value for name, tensors in names.items() for end, value in tensors.items()}
    dotted = {f"diffusion_model.{name}.{end}": value for name, tensors in names.items() for end, value in tensors.items()}
    return flat, dotted, {name: (change, names[name].get("dora_scale")) for name, change in changes.items()}


def merged(changes: dict, scale: float):
    pipe = load()
    weights = pipe.transformer.state_dict()
    for stored, parts, swapped in layers_of(pipe.transformer.config):
        change, lengths = changes[stored]
        sizes = [weights[f"{part}.weight"].shape[0] for part in parts]
        for part, one, rows in zip(parts, torch.split(swap(change) if swapped else change, sizes),
                                   [None] * len(parts) if lengths is None else torch.split(swap(lengths) if swapped else lengths, sizes)):
            new = weights[f"{part}.weight"] + scale * one
            weights[f"{part}.weight"].copy_(new if rows is None else new * rows / new.norm(dim=1, keepdim=True))
    return pipe


def control(pipe) -> tuple[dict, dict]:
    """A Control LoRA as Black Forest Labs names it, whose input is twice as wide, and a plain one, which goes with it."""
    g, out, plain = generator(31), {}, {}
    weights, channels = pipe.transformer.state_dict(), pipe.transformer.config.in_channels
    for stored, parts, _ in layers_of(pipe.transformer.config):
        rows = sum(weights[f"{part}.weight"].shape[0] for part in parts)
        width = weights[f"{parts[0]}.weight"].shape[1]
        down = torch.randn(RANK, 2 * channels if stored == "img_in" else width, generator=g) * 0.3
        out |= {f"{stored}.lora_A.weight": down, f"{stored}.lora_B.weight": torch.randn(rows, RANK, generator=g) * 0.3,
                f"{stored}.lora_B.bias": torch.randn(rows, generator=g) * 0.3}
        if stored in ("img_in", "double_blocks.0.img_attn.proj"):
            at = f"transformer.{parts[0]}"
            plain |= {f"{at}.lora_A.weight": torch.randn(RANK, width, generator=g) * 0.3, f"{at}.lora_B.weight": torch.randn(rows, RANK, generator=g) * 0.3}
    for stored, parts in ((stored, parts) for stored, parts, *_ in flux(pipe.transformer.config) if stored.endswith(".scale")):
        out[stored] = torch.rand(weights[parts[0]].shape, generator=g) + 0.5
    return out, plain


def control_images() -> tuple[dict, dict, dict]:
    def load_control():
        pipe = FluxControlPipeline.from_pretrained(REPO)
        pipe.set_progress_bar_config(disable=True)
        return pipe

    def draw_control(pipe):
        image = pipe(**CALL, control_image=edges, generator=generator(5)).images[0]
        return torch.from_numpy((image * 255).round().astype("uint8").copy()).contiguous()

    pixels = torch.randint(0, 256, (32, 32, 3), generator=generator(41), dtype=torch.uint8)
    edges = Image.fromarray(pixels.numpy())
    pipe = load_control()
    lora_pipeline._convert_bfl_flux_control_lora_to_diffusers = converter("_convert_bfl_flux_control_lora_to_diffusers", pipe)
    file, plain = control(pipe)
    pipe.load_lora_weights(dict(file), adapter_name="control")
    images = {"control image": pixels, "flux control": draw_control(pipe)}
    pipe.set_adapters("control", 0.4)
    images["flux control 0.4"] = draw_control(pipe)
    pipe.load_lora_weights(dict(plain), adapter_name="plain")
    pipe.set_adapters(["control", "plain"], [0.8, 0.5])
    images["flux control and plain"] = draw_control(pipe)
    return file, plain, images


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
    files["lycoris"], files["lycoris-dotted"], whole = lycoris(pipe, False)
    files["lokr-dora"], _, stretched = lycoris(pipe, True)
    for name, change, scale in (("lycoris", whole, 1), ("lycoris 0.4", whole, 0.4), ("lokr dora", stretched, 1)):
        images[f"flux {name}"] = draw(merged(change, scale))
    files["control"], files["control-plain"], of_control = control_images()
    images |= of_control
    for style, tensors in files.items():
        save_file({name: value.clone().contiguous() for name, value in tensors.items()}, OUT / f"flux-{style}.safetensors")
    for name, state in (("flux", truth), ("flux blocks", of_blocks), ("flux xlabs", wanted)):
        pipe = load()
        pipe.load_lora_weights(dict(state), adapter_name="one")
        images[name] = draw(pipe)
        pipe.set_adapters("one", 0.4)
        images[f"{name} 0.4"] = draw(pipe)
    save_file(images, OUT / "flux-images.safetensors")
