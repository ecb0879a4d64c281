"""LoRA files for the tiny repos of Z-Image, Qwen-Image, Qwen-Image 2.1, ERNIE-Image, FLUX.2, FLUX.3, SD3, Chroma, AuraFlow, Lumina 2, Sana, Krea 2 and Anima in the styles of trainers, and the images that diffusers makes with them.

    $(sh scripts/reference/setup.sh) scripts/reference/lora_transformers_goldens.py [NAME ...]

Writes tests/golden/lora/REPO-STYLE.safetensors and transformers-images.safetensors. The file in diffusers' own style makes the images;
those of ComfyUI have the same changes of the layers as their authors name them, where these have several in one. LoKr of FLUX.2
(flux2-lokr.safetensors, flux2-lycoris.safetensors) is as ai-toolkit and LyCORIS write it, and as diffusers reads it.
"""

import sys

import task_goldens
import torch
from safetensors.torch import load_file, save_file

from common import FIXTURES, GOLDEN, generator, seed_of
from lora_flux_goldens import swap
from qwen_image21_goldens import load_qwen21
from single_file_transformers import aura_flow, chroma, cosmos, ernie_image, flux2, flux3, krea2, lumina2, qwen_image, qwen_image21, sana, sd3, z_image
import anima_goldens  # noqa: E402, F401, I001: in the place of torchvision for Cosmos
import pixtral  # noqa: E402, F401, I001: in the place of the class that asks for torchvision, once diffusers is there

OUT = GOLDEN / "lora"
RANK, ALPHA = 4, 2
CALL = dict(prompt="a red apple", height=32, width=32, num_inference_steps=4, output_type="np")
REPOS = {
    "z-image": ("tiny-z-image", "ZImagePipeline", z_image, dict(guidance_scale=0.0)),
    "qwen-image": ("tiny-qwen-image", "QwenImagePipeline", qwen_image, {}),
    "qwen-image21": ("tiny-qwen-image21", "QwenImage21Pipeline", qwen_image21, {}),
    "ernie-image": ("tiny-ernie-image", "ErnieImagePipeline", ernie_image, dict(guidance_scale=1.0)),
    "sd3": ("tiny-sd3", "StableDiffusion3Pipeline", sd3, dict(max_sequence_length=16)),
    "chroma": ("tiny-chroma", "ChromaPipeline", chroma, dict(max_sequence_length=16)),
    # with the scheduler that Lightning's LoRAs ask for
    "qwen-image-lightning": ("tiny-qwen-image-lightning", "QwenImagePipeline", qwen_image, dict(true_cfg_scale=1.0)),
    "flux2-dev": ("tiny-flux2-dev", "Flux2Pipeline", flux2, dict(max_sequence_length=160)),
    "flux2": ("tiny-flux2-klein", "Flux2KleinPipeline", flux2, dict(max_sequence_length=64)),
    "flux3": ("tiny-flux3", "Flux3ModularPipeline", flux3, {}),
    "aura-flow": ("tiny-aura-flow", "AuraFlowPipeline", aura_flow, dict(max_sequence_length=16)),
    "lumina2": ("tiny-lumina2", "Lumina2Pipeline", lumina2, dict(max_sequence_length=16)),
    "sana": ("tiny-sana", "SanaPipeline", sana, dict(max_sequence_length=16, use_resolution_binning=False)),
    "krea2": ("tiny-krea2", "Krea2Pipeline", krea2, dict(guidance_scale=0.0)),
    "anima": ("tiny-anima", "AnimaModularPipeline", cosmos, dict(max_sequence_length=16)),
}

SCALED = {"z-image": "joint_attention_kwargs", "aura-flow": "attention_kwargs"}


def draw(pipe, more: dict) -> torch.Tensor:
    images = pipe(**CALL, **more, generator=generator(5)).images
    return torch.from_numpy((images[0] * 255).round().astype("uint8").copy()).contiguous()


def write(name: str) -> dict:
    repo, class_name, layout_of, more = REPOS[name]
    pipe = task_goldens.load({"pipeline": class_name, "repo": repo, "parts": {}})
    pipe.set_progress_bar_config(disable=True)
    weights, g = pipe.transformer.state_dict(), generator(seed_of(name))
    own, original, kohya = {}, {}, {}
    layout = layout_of(pipe.transformer.config)
    if name == "anima":  # whose authors' files hold what makes the text beside the transformer
        more_weights = {f"text_conditioner.{key}": value for key, value in pipe.text_conditioner.state_dict().items()}
        weights = {**weights, **more_weights}
        layout += [[key.replace("text_conditioner", "llm_adapter"), [key]] for key in more_weights if ".embed." not in key]
    for stored, parts, *rest in layout:
        if not stored.endswith(".weight") or weights[parts[0]].ndim != 2 or "embedding" in stored:
            continue
        sizes = [len(weights[part]) for part in parts]
        down = torch.randn(RANK, weights[parts[0]].shape[1], generator=g) * 0.3
        up = torch.randn(sum(sizes), RANK, generator=g) * 0.3
        layer = stored.removesuffix(".weight")
        original |= {f"diffusion_model.{layer}.lora_A.weight": down, f"diffusion_model.{layer}.lora_B.weight": up}
        flat = f"lora_unet_{layer.replace('.', '_')}"
        kohya |= {f"{flat}.lora_down.weight": down * (RANK / ALPHA), f"{flat}.lora_up.weight": up, f"{flat}.alpha": torch.tensor(float(ALPHA))}
        for part, rows in zip(parts, torch.split(swap(up) if rest else up, sizes)):
            at = ("" if part.startswith("text_conditioner.") else "transformer.") + part.removesuffix(".weight")
            own |= {f"{at}.lora_A.weight": down, f"{at}.lora_B.weight": rows}
    for style, tensors in (("peft", own), ("comfyui", original), ("kohya", kohya)):
        save_file({key: value.contiguous().clone() for key, value in tensors.items()}, OUT / f"{name}-{style}.safetensors")
    images = {f"{name} base": draw(pipe, more)}
    pipe.load_lora_weights(dict(own), adapter_name="one")
    images[name] = draw(pipe, more)
    pipe.set_adapters(["one"], [0.4])
    images[f"{name} 0.4"] = draw(pipe, more)
    if kwargs := SCALED.get(name):  # the scale of a call is another way to the same image
        pipe.set_adapters(["one"], [1.0])
        scaled = draw(pipe, {**more, kwargs: {"scale": 0.4}})
        assert (scaled.int() - images[f"{name} 0.4"].int()).abs().max() <= 1, name
    return images


def kronecker(rows: int, columns: int, number: int, g: torch.Generator) -> dict:
    """A change of a layer: whole factors, whose alpha counts for nothing, or the right one of two matrices where PEFT has it so."""
    rand = lambda *dims: torch.randn(*dims, generator=g) * 0.3
    # 4 rows of blocks, which end elsewhere than the layers in one do
    left, (height, width), alpha = rand(4, 4), (rows // 4, columns // 4), {"alpha": torch.tensor(3.0)}
    if number % 2 or max(height, width) <= 4:
        return {"lokr_w1": left, "lokr_w2": rand(height, width), **alpha}
    return {"lokr_w1": left, "lokr_w2_a": rand(height, 2), "lokr_w2_b": rand(2, width), **alpha}


def lokr() -> dict:
    """Images with LoKr of FLUX.2's layers, several of which lie in one in its authors' files."""
    repo, class_name, layout_of, more = REPOS["flux2"]
    images = {}
    for style in ("lokr", "lycoris"):
        pipe = task_goldens.load({"pipeline": class_name, "repo": repo, "parts": {}})
        pipe.set_progress_bar_config(disable=True)
        weights, g, file = pipe.transformer.state_dict(), generator(seed_of(style)), {}
        for number, (stored, parts, *rest) in enumerate(layout_of(pipe.transformer.config)):
            if rest or not stored.endswith(".weight"):  # of the last layer diffusers 0.42.1 does not change the halves, as it does for LoRA
                continue
            taken = parts if style == "lycoris" else [stored]
            for part in taken:
                rows = len(weights[part]) if style == "lycoris" else sum(len(weights[one]) for one in parts)
                layer = part.removesuffix(".weight")
                at = f"lycoris_{layer.replace('.', '_')}" if style == "lycoris" else f"diffusion_model.{layer}"
                if style == "lycoris" and "transformer_blocks" not in layer:
                    continue
                file |= {f"{at}.{end}": value for end, value in kronecker(rows, weights[parts[0]].shape[1], number, g).items()}
        save_file({key: value.contiguous().clone() for key, value in file.items()}, OUT / f"flux2-{style}.safetensors")
        pipe.load_lora_weights(dict(file), adapter_name="one")
        images[f"flux2 {style}"] = draw(pipe, more)
    return images


if __name__ == "__main__":
    load_qwen21()
    OUT.mkdir(parents=True, exist_ok=True)
    with torch.no_grad():
        images = {key: value for name in sys.argv[1:] or [*REPOS, "lokr"]
                  for key, value in (lokr() if name == "lokr" else write(name)).items()}
    path = OUT / "transformers-images.safetensors"
    save_file({**(load_file(path) if sys.argv[1:] else {}), **images}, path)
