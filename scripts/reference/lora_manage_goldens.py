"""Images that diffusers makes with LoRAs that are fused, weighed by a call, turned off, and taken away.

    python scripts/reference/lora_manage_goldens.py

Reads the files of lora_goldens.py and writes tests/golden/lora/managed.safetensors.
"""

import sys

import torch
from diffusers import FluxPipeline
from safetensors.torch import save_file

from lora_flux_goldens import CALL as FLUX_CALL
from lora_goldens import CALL, OUT, ROOT, draw, load


def draw_flux(pipe: FluxPipeline, **more) -> torch.Tensor:
    image = pipe(**FLUX_CALL, generator=torch.Generator().manual_seed(5), **more).images[0]
    return torch.from_numpy((image * 255).round().astype("uint8").copy()).contiguous()


def with_lora(*names: str):
    pipe = load()
    for name in names:
        pipe.load_lora_weights(OUT, weight_name=f"{name}.safetensors", adapter_name=name)
    return pipe


def main() -> None:
    torch.set_num_threads(1)
    images = {}

    pipe = with_lora("peft")
    images["scale 0.4"] = draw(pipe, cross_attention_kwargs={"scale": 0.4})
    images["scale 0"] = draw(pipe, cross_attention_kwargs={"scale": 0.0})
    pipe = with_lora("peft", "early")
    pipe.set_adapters(["peft", "early"], [0.7, -0.5])
    images["both, scale 0.5"] = draw(pipe, cross_attention_kwargs={"scale": 0.5})

    pipe = with_lora("peft")
    pipe.fuse_lora(components=["unet", "text_encoder"], lora_scale=0.7)
    images["fused 0.7"] = draw(pipe)
    images["fused 0.7, scale 0.5"] = draw(pipe, cross_attention_kwargs={"scale": 0.5})
    pipe.unload_lora_weights()
    images["fused 0.7, unloaded"] = draw(pipe)
    pipe.load_lora_weights(OUT, weight_name="early.safetensors", adapter_name="early")
    images["fused 0.7, unloaded, early"] = draw(pipe)

    pipe = with_lora("peft")
    pipe.fuse_lora(components=["unet"], lora_scale=0.6)
    images["unet fused 0.6"] = draw(pipe)
    pipe = with_lora("peft", "early")
    pipe.set_adapters(["peft", "early"], [0.7, -0.5])
    pipe.fuse_lora(components=["unet", "text_encoder"])
    images["both fused"] = draw(pipe)
    pipe = with_lora("peft", "early")
    pipe.set_adapters(["peft", "early"], [0.7, -0.5])
    pipe.fuse_lora(components=["unet", "text_encoder"], adapter_names=["early"])
    pipe.unload_lora_weights()
    images["early fused"] = draw(pipe)

    pipe = with_lora("peft", "early")
    pipe.set_adapters(["peft", "early"], [0.7, -0.5])
    pipe.delete_adapters("early")
    images["early deleted"] = draw(pipe)
    pipe.disable_lora()
    images["disabled"] = draw(pipe)
    pipe.enable_lora()
    images["enabled"] = draw(pipe)

    flux = FluxPipeline.from_pretrained(ROOT / "tests/fixtures/tiny-flux-dev")
    flux.set_progress_bar_config(disable=True)
    flux.load_lora_weights(OUT, weight_name="flux-peft.safetensors", adapter_name="peft")
    images["flux"] = draw_flux(flux)
    images["flux, scale 0.4"] = draw_flux(flux, joint_attention_kwargs={"scale": 0.4})
    flux.set_adapters(["peft"], [{"transformer": {
        "single_transformer_blocks": 0.2, "transformer_blocks": 0.5, "embed": 0.7, "norm_out": 0.3, "proj_out": 0.9}}])
    images["flux, layers"] = draw_flux(flux)

    save_file(images, OUT / "managed.safetensors", metadata={
        "command": "python scripts/reference/lora_manage_goldens.py", "torch": torch.__version__, "call": str(CALL)})
    base = draw(load())
    for name, image in images.items():
        if not name.startswith("flux"):
            print(name, (image.float() - base.float()).abs().mean().item())


if __name__ == "__main__":
    sys.exit(main())
