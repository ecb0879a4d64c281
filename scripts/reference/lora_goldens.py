"""LoRA files for tests/fixtures/tiny-stable-diffusion and the images that diffusers makes with them.

    python scripts/reference/lora_goldens.py

Writes tests/golden/lora/*.safetensors: random adapters in the styles of PEFT (with alpha in the metadata), kohya
(underscores, alpha tensors) and early diffusers, and images.safetensors with what the reference makes of them. Those of
DoRA, LoHa and LoKr are put into the models by PEFT itself, and written under the names of PEFT and of LyCORIS.
"""

import re
import sys
from pathlib import Path

import torch
from diffusers import StableDiffusionPipeline, StableDiffusionXLPipeline
from peft import LoHaConfig, LoKrConfig, LoraConfig
from peft.tuners.tuners_utils import BaseTunerLayer
from peft.utils import get_peft_model_state_dict
from safetensors.torch import save_file

from single_file_goldens import unet_name

ROOT = Path(__file__).resolve().parents[2]
REPO = ROOT / "tests/fixtures/tiny-stable-diffusion"
OUT = ROOT / "tests/golden/lora"
CALL = dict(prompt="a red apple", num_inference_steps=4, output_type="np")
RANK, ALPHA = 3, 5


def load() -> StableDiffusionPipeline:
    pipe = StableDiffusionPipeline.from_pretrained(REPO, safety_checker=None)
    pipe.set_progress_bar_config(disable=True)
    return pipe


def draw(pipe: StableDiffusionPipeline, seed: int = 5, **more) -> torch.Tensor:
    image = pipe(**CALL, generator=torch.Generator().manual_seed(seed), **more).images[0]
    return torch.from_numpy((image * 255).round().astype("uint8").copy()).contiguous()


def adapter(seed: int, targets: list[str]) -> StableDiffusionPipeline:
    pipe = load()
    pipe.unet.add_adapter(LoraConfig(r=RANK, lora_alpha=ALPHA, target_modules=targets))
    pipe.text_encoder.add_adapter(LoraConfig(r=RANK, lora_alpha=ALPHA, target_modules=["q_proj", "v_proj", "fc1"]))
    rng = torch.Generator().manual_seed(seed)
    for model in (pipe.unet, pipe.text_encoder):
        for name, parameter in model.named_parameters():
            if "lora_" in name:
                parameter.data = torch.randn(parameter.shape, generator=rng) * 0.3
    return pipe


def notes(model) -> dict:
    """The adapter's config, without the path of this machine."""
    return {**model.peft_config["default"].to_dict(), "base_model_name_or_path": None}


def state(model) -> dict[str, torch.Tensor]:
    return {k: v.contiguous() for k, v in get_peft_model_state_dict(model).items()}


def kohya(prefix: str, weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    out = {}
    for key, value in weights.items():
        layer, part = key.rsplit(".lora_", 1)
        name = f"{prefix}_{layer.replace('.', '_')}"
        out[f"{name}.lora_{'down' if part.startswith('A') else 'up'}.weight"] = value
        out[f"{name}.alpha"] = torch.tensor(float(ALPHA))
    return out


ALL = r"(mid_block|up_blocks\.1).*\.(to_q|to_out\.0|proj_in|conv1|ff\.net\.0\.proj)"
TEXT = r".*layers\.0.*\.(q_proj|fc1)"
# a target of the UNet is a linear layer, a convolution of one pixel or one of nine
KINDS = {
    "dora": lambda targets: LoraConfig(r=RANK, lora_alpha=ALPHA, target_modules=targets, use_dora=True),
    "loha": lambda targets: LoHaConfig(r=2, alpha=ALPHA, target_modules=targets, init_weights=False),
    "loha-whole": lambda targets: LoHaConfig(r=5, alpha=ALPHA, target_modules=targets, init_weights=False),
    "loha-tucker": lambda targets: LoHaConfig(r=2, alpha=ALPHA, target_modules=targets, init_weights=False,
                                              use_effective_conv2d=True),
    "lokr": lambda targets: LoKrConfig(r=1, alpha=ALPHA, target_modules=targets, init_weights=False),
    "lokr-both": lambda targets: LoKrConfig(r=1, alpha=ALPHA, target_modules=targets, init_weights=False,
                                            decompose_both=True, decompose_factor=4),
    # whole matrices are scaled by nothing, as in LyCORIS
    "lokr-whole": lambda targets: LoKrConfig(r=16, alpha=16, target_modules=targets, init_weights=False),
    "lokr-tucker": lambda targets: LoKrConfig(r=1, alpha=ALPHA, target_modules=targets, init_weights=False,
                                              use_effective_conv2d=True, decompose_factor=2),
}


def decomposed(kind: str, seed: int) -> StableDiffusionPipeline:
    """A pipeline with adapters of that kind, large enough to show in the images."""
    pipe = load()
    rng = torch.Generator().manual_seed(seed)
    for model, targets in ((pipe.unet, ALL), (pipe.text_encoder, TEXT)):
        model.add_adapter(KINDS[kind](targets))
        for name, parameter in model.named_parameters():
            if "magnitude" in name:
                parameter.data *= 1 + 0.3 * torch.randn(parameter.shape, generator=rng)
            elif any(part in name for part in ("lora_", "hada_", "lokr_")):
                parameter.data = torch.randn(parameter.shape, generator=rng) * (0.3 if "lora_" in name else 0.6)
    return pipe


def weigh(pipe: StableDiffusionPipeline, weight: float) -> None:
    for model in (pipe.unet, pipe.text_encoder):
        for module in model.modules():
            if isinstance(module, BaseTunerLayer):
                module.set_scale("default", weight)


def lycoris(pipe: StableDiffusionPipeline, peft: bool) -> dict[str, torch.Tensor]:
    """The adapters under the names of PEFT, or of kohya and LyCORIS with alpha beside them."""
    out = {}
    for prefix, model in (("unet", pipe.unet), ("text_encoder", pipe.text_encoder)):
        for key, value in state(model).items():
            layer, part = re.match(r"(.*?)\.((?:lora|hada|lokr)_.*)", key).groups()
            short = {"unet": "lora_unet", "text_encoder": "lora_te"}[prefix]
            name = f"{prefix}.{layer}" if peft else f"{short}_{layer.replace('.', '_')}"
            if not peft and part == "lora_magnitude_vector":
                part, value = "dora_scale", value.reshape(-1, *[1] * (3 if value.ndim == 4 else 1))
            if not peft:
                part = part.replace("lora_A", "lora_down").replace("lora_B", "lora_up")
            out[f"{name}.{part}"] = value
            out[f"{name}.alpha"] = torch.tensor(float(ALPHA))
    return out


def write_decomposed(images: dict[str, torch.Tensor]) -> None:
    for seed, kind in enumerate(KINDS):
        pipe = decomposed(kind, 10 + seed)
        save_file(lycoris(pipe, peft=False), OUT / f"{kind}.safetensors")
        if kind in ("dora", "loha", "lokr"):
            save_file(lycoris(pipe, peft=True), OUT / f"{kind}-peft.safetensors")
        images[kind] = draw(pipe)
        weigh(pipe, 0.4)
        images[f"{kind} 0.4"] = draw(pipe)


XL_UNET = r"(down_blocks\.1|up_blocks\.0|mid_block).*\.(to_v|to_out\.0|proj_in|conv1|time_emb_proj|ff\.net\.0\.proj)"

BLOCKS = {
    "blocks": {"unet": {"down": 0.3, "up": {"block_0": [0.0, 1.2]}}, "text_encoder": 0.1, "text_encoder_2": 0.6},
    "middle": {"unet": {"mid": 0.2, "down": {"block_1": 0.0}}},
}


def write_xl(images: dict[str, torch.Tensor]) -> None:
    """An adapter of all three models of Stable Diffusion XL: PEFT's names, kohya's, and kohya's over the first names."""
    pipe = StableDiffusionXLPipeline.from_pretrained(ROOT / "tests/fixtures/tiny-stable-diffusion-xl")
    pipe.set_progress_bar_config(disable=True)
    images["xl base"] = draw(pipe)
    rng = torch.Generator().manual_seed(30)
    models = {"unet": (pipe.unet, XL_UNET), "text_encoder": (pipe.text_encoder, TEXT), "text_encoder_2": (pipe.text_encoder_2, TEXT)}
    for model, targets in models.values():
        model.add_adapter(LoraConfig(r=2, lora_alpha=ALPHA, target_modules=targets))
        for name, parameter in model.named_parameters():
            if "lora_" in name:
                parameter.data = torch.randn(parameter.shape, generator=rng) * 0.4
    images["xl"] = draw(pipe)
    for model, _ in models.values():
        for module in model.modules():
            if isinstance(module, BaseTunerLayer):
                module.set_scale("default", 0.4)
    images["xl 0.4"] = draw(pipe)
    states = {role: state(model) for role, (model, _) in models.items()}
    peft = {f"{role}_lora_layers": get_peft_model_state_dict(model) for role, (model, _) in models.items()}
    about = {f"{role}_lora_adapter_metadata": notes(model) for role, (model, _) in models.items()}
    pipe.save_lora_weights(OUT, weight_name="xl.safetensors", **peft, **about)
    text = {}
    for role, prefix in (("text_encoder", "lora_te1"), ("text_encoder_2", "lora_te2")):
        bare = {f"text_model.{key.removeprefix('text_model.')}": value for key, value in states[role].items()}
        text.update(kohya(prefix, bare))
    save_file({**kohya("lora_unet", states["unet"]), **text}, OUT / "xl-kohya.safetensors")
    first = {}
    for key, value in states["unet"].items():
        layer, part = key.rsplit(".lora_", 1)
        first[f"{unet_name(f'{layer}.weight', pipe.unet.config).removesuffix('.weight')}.lora_{part}"] = value
    save_file({**kohya("lora_unet", first), **text}, OUT / "xl-first-names.safetensors")
    pipe = StableDiffusionXLPipeline.from_pretrained(ROOT / "tests/fixtures/tiny-stable-diffusion-xl")
    pipe.set_progress_bar_config(disable=True)
    pipe.load_lora_weights(OUT, weight_name="xl.safetensors", adapter_name="xl")
    for name, weights in BLOCKS.items():
        pipe.set_adapters(["xl"], [weights])
        images[f"xl {name}"] = draw(pipe)


# the config in the header of a file decides what its tensors mean
NOTED = {
    "rslora": dict(use_rslora=True),
    "patterns": dict(rank_pattern={"to_q": 2, "attentions.0.proj_in": 4, "fc1": 1},
                     alpha_pattern={r"mid_block\..*to_q": 9, "proj_in": 1.5, "self_attn.q_proj": 7}),
    "rslora-patterns": dict(use_rslora=True, rank_pattern={"conv1": 2}, alpha_pattern={"conv1": 11, "to_out.0": 2}),
    "bias": dict(lora_bias=True),
    "dora-note": dict(use_dora=True),
}


def write_noted(images: dict[str, torch.Tensor]) -> None:
    """Adapters whose notes say more than alpha, as diffusers writes and reads them."""
    for seed, (name, options) in enumerate(NOTED.items()):
        pipe = load()
        rng = torch.Generator().manual_seed(40 + seed)
        for model, targets in ((pipe.unet, ALL), (pipe.text_encoder, TEXT)):
            model.add_adapter(LoraConfig(r=RANK, lora_alpha=ALPHA, target_modules=targets, **options))
            for key, parameter in model.named_parameters():
                if "magnitude" in key:
                    parameter.data *= 1 + 0.3 * torch.randn(parameter.shape, generator=rng)
                elif "lora_" in key:
                    parameter.data = torch.randn(parameter.shape, generator=rng) * 0.3
        drawn = draw(pipe)
        pipe.save_lora_weights(OUT, unet_lora_layers=get_peft_model_state_dict(pipe.unet),
                               text_encoder_lora_layers=get_peft_model_state_dict(pipe.text_encoder),
                               weight_name=f"{name}.safetensors", unet_lora_adapter_metadata=notes(pipe.unet),
                               text_encoder_lora_adapter_metadata=notes(pipe.text_encoder))
        if name == "dora-note":  # on transformers 5 diffusers drops the magnitudes of a text encoder: PEFT's own images
            images[name] = drawn
            weigh(pipe, 0.4)
        else:
            pipe = load()
            pipe.load_lora_weights(OUT, weight_name=f"{name}.safetensors", adapter_name=name)
            images[name] = draw(pipe)
            assert (images[name].int() - drawn.int()).abs().max() <= 1, name
            pipe.set_adapters([name], [0.4])
        images[f"{name} 0.4"] = draw(pipe)


def write_oldest(images: dict[str, torch.Tensor]) -> None:
    """Names that diffusers wrote in 2023, of a text encoder's attention too."""
    pipe = adapter(50, ["to_q", "to_k", "to_v", "to_out.0"])
    unet, text = state(pipe.unet), state(pipe.text_encoder)
    renamed = {}
    for key, value in unet.items():
        key = re.sub(r"\.(to_q|to_k|to_v)\.lora_", r".processor.\1_lora.", key).replace(".to_out.0.lora_", ".processor.to_out_lora.")
        renamed[f"unet.{key.replace('_lora.A', '_lora.down').replace('_lora.B', '_lora.up')}"] = value
    for key, value in text.items():
        if ".self_attn." not in key:
            continue
        key = f"text_model.{key.removeprefix('text_model.')}"
        key = re.sub(r"\.(q|v)_proj\.lora_", r".to_\1_lora.", key).replace("_lora.A", "_lora.down").replace("_lora.B", "_lora.up")
        renamed[f"text_encoder.{key}"] = value
        # the reference knows these names by the one of to_out
        if ".to_v_lora." in key:
            renamed[f"text_encoder.{key.replace('to_v', 'to_out')}"] = value * 0.5
    save_file({key: value.contiguous() for key, value in renamed.items()}, OUT / "oldest.safetensors")
    pipe = load()
    pipe.load_lora_weights(OUT, weight_name="oldest.safetensors", adapter_name="oldest")
    images["oldest"] = draw(pipe)
    pipe.set_adapters(["oldest"], [0.4])
    images["oldest 0.4"] = draw(pipe)


def main() -> None:
    torch.set_num_threads(1)
    OUT.mkdir(parents=True, exist_ok=True)
    images = {"base": draw(load())}

    pipe = adapter(1, ["to_q", "to_k", "to_v", "to_out.0", "proj_in", "conv1", "ff.net.0.proj"])
    unet, text = state(pipe.unet), state(pipe.text_encoder)
    text = {k if k.startswith("text_model.") else f"text_model.{k}": v for k, v in text.items()}
    pipe.save_lora_weights(OUT, unet_lora_layers=get_peft_model_state_dict(pipe.unet),
                           text_encoder_lora_layers=get_peft_model_state_dict(pipe.text_encoder),
                           weight_name="peft.safetensors", unet_lora_adapter_metadata=notes(pipe.unet),
                           text_encoder_lora_adapter_metadata=notes(pipe.text_encoder))
    # With transformers 5 the reference drops what kohya files hold for q_proj and v_proj of a text encoder.
    text = {k: v for k, v in text.items() if ".mlp." in k}
    save_file({**kohya("lora_unet", unet), **kohya("lora_te", text)}, OUT / "kohya.safetensors")

    other = adapter(2, ["to_q", "to_v"])
    save_file({f"unet.{k.replace('lora_A', 'lora.down').replace('lora_B', 'lora.up')}": v
               for k, v in state(other.unet).items()}, OUT / "early.safetensors")

    for name in ("peft", "kohya", "early"):
        pipe = load()
        pipe.load_lora_weights(OUT, weight_name=f"{name}.safetensors", adapter_name=name)
        images[name] = draw(pipe)
        pipe.set_adapters([name], [0.4])
        images[f"{name} 0.4"] = draw(pipe)
    pipe = load()
    pipe.load_lora_weights(OUT, weight_name="peft.safetensors", adapter_name="one")
    pipe.load_lora_weights(OUT, weight_name="early.safetensors", adapter_name="two")
    pipe.set_adapters(["one", "two"], [0.7, -0.5])
    images["both"] = draw(pipe)
    write_decomposed(images)
    write_xl(images)
    write_noted(images)
    write_oldest(images)
    save_file(images, OUT / "images.safetensors", metadata={
        "command": "python scripts/reference/lora_goldens.py", "torch": torch.__version__, "call": str(CALL)})
    for name, image in images.items():
        base = images["xl base" if name.startswith("xl") else "base"]
        print(name, (image.float() - base.float()).abs().mean().item())


if __name__ == "__main__":
    sys.exit(main())
