"""Masked IP-Adapters, FaceID adapters, and the images that diffusers makes with them.

    $(sh scripts/reference/setup.sh) scripts/reference/ip_adapter_face_goldens.py

Writes tests/fixtures/ip_adapter/{face,face-plus,face-xl}.safetensors, random adapters in the layout of h94/IP-Adapter-FaceID
with their LoRA halves, beside those of ip_adapter_goldens.py, and tests/golden/ip_adapter_face.{json,safetensors}.
"""

import torch
from diffusers import StableDiffusionPipeline, StableDiffusionXLPipeline, UNet2DConditionModel
from diffusers.image_processor import IPAdapterMaskProcessor
from safetensors.torch import save_file

from common import FIXTURES, GOLDEN, generator, seed_of, write_golden
from ip_adapter_goldens import ONE, OUT, PROJECTION, TWO, VISION, linear, norm, plus
from tasks import PROMPT, mask, photo, tensor

COMMAND = "scripts/reference/ip_adapter_face_goldens.py"
FACE, TOKENS, RANK = 6, 4, 3
SD, XL = "tiny-stable-diffusion", "tiny-stable-diffusion-xl"


def face(g, width: int) -> dict:
    return {"proj.0.weight": linear(2 * FACE, FACE, g), "proj.0.bias": torch.randn(2 * FACE, generator=g),
            "proj.2.weight": linear(TOKENS * width, 2 * FACE, g), "proj.2.bias": torch.randn(TOKENS * width, generator=g),
            **norm("norm", width, g)}


def face_plus(g, width: int) -> dict:
    inside = {key: value for key, value in plus(g, width, hidden=width).items() if key != "latents"}
    return {**face(g, width), **{f"perceiver_resampler.{key}": value for key, value in inside.items()}}


ADAPTERS = {"face": (face, SD), "face-plus": (face_plus, SD), "face-xl": (face, XL)}


def write_adapters() -> None:
    for name, (build, repo) in ADAPTERS.items():
        unet = UNet2DConditionModel.from_pretrained(FIXTURES / repo / "unet")
        g = generator(seed_of(name))
        names = [key.removesuffix(".processor") for key in unet.attn_processors]
        width = next(unet.get_submodule(one).to_k.weight.shape[1] for one in names if one.endswith("attn2"))
        tensors = {f"image_proj.{key}": value for key, value in build(g, width).items()}
        for i, one in enumerate(names):
            module = unet.get_submodule(one)
            for part in ("to_q", "to_k", "to_v", "to_out"):
                layer = module.to_out[0] if part == "to_out" else getattr(module, part)
                out, into = layer.weight.shape
                tensors[f"ip_adapter.{i}.{part}_lora.down.weight"] = linear(RANK, into, g)
                tensors[f"ip_adapter.{i}.{part}_lora.up.weight"] = 0.5 * linear(out, RANK, g)
            if one.endswith("attn2"):
                out, into = module.to_k.weight.shape
                for part in "kv":
                    tensors[f"ip_adapter.{i}.to_{part}_ip.weight"] = 1.5 * linear(out, into, g)
        save_file(tensors, OUT / f"{name}.safetensors")


def pixels(image) -> torch.Tensor:
    return torch.frombuffer(bytearray(image.tobytes()), dtype=torch.uint8).reshape(image.height, image.width, -1)


@torch.no_grad()
def main() -> None:
    write_adapters()
    cases, tensors = [], {}
    left, right = mask(64, 64, (0, 0, 30, 64)), mask(50, 40, (20, 8, 50, 40))
    soft = photo(37, 29, "L", "soft mask")
    for name, image in (("one", ONE), ("two", TWO), ("left", left), ("right", right), ("soft", soft)):
        tensors[f"image.{name}"] = pixels(image)
    processor = IPAdapterMaskProcessor()
    made = {
        "both": processor.preprocess([left, right], height=64, width=64),
        "own": processor.preprocess([soft]),
        "wide": processor.preprocess([right, soft], height=48, width=72),
    }
    grey = IPAdapterMaskProcessor(do_binarize=False, do_normalize=True).preprocess([soft], height=32, width=32)
    for name, value in {**made, "grey": grey}.items():
        tensors[f"mask.{name}"] = value
    both = made["both"].reshape(1, 2, 64, 64)
    wide = made["wide"].reshape(1, 2, 48, 72)
    one = made["both"][:1].reshape(1, 1, 64, 64)
    for name, value in {"both": both, "wide": wide, "one": one, "second": made["both"][1:].reshape(1, 1, 64, 64)}.items():
        tensors[f"masks.{name}"] = value
    for rows in (1, 2):
        tensors[f"face.{rows}"] = tensor(2, rows, FACE, seed=rows, low=-1)
    tensors["face.alone"] = tensors["face.1"][1:].clone()

    def run(name, pipe, repo, adapters, *, scale=None, images=None, embeds=None, masks=None, shortcut=None, **call):
        pipe.unload_ip_adapter()
        pipe.unload_lora_weights()
        pipe.load_ip_adapter(str(OUT), subfolder="", weight_name=[f"{one}.safetensors" for one in adapters])
        if scale is not None:
            pipe.set_ip_adapter_scale(scale)
        options = dict(prompt=PROMPT, num_inference_steps=3, generator=generator(3), **call)
        values = {"one": ONE, "two": TWO}
        if images is not None and shortcut is None:
            options["ip_adapter_image"] = [[values[item] for item in row] for row in images]
        if embeds is not None:
            options["ip_adapter_image_embeds"] = [tensors[item] for item in embeds]
        if shortcut is not None:
            guided = call.get("guidance_scale", 7.5) > 1
            layer = pipe.unet.encoder_hid_proj.image_projection_layers[0]
            states, nothing = pipe.encode_image([values[item] for item in images[0]], "cpu", 1, True)
            layer.clip_embeds = torch.stack([nothing, states]) if guided else states[None]
            layer.shortcut = shortcut
        if masks is not None:
            options["cross_attention_kwargs"] = {"ip_adapter_masks": [None if item is None else tensors[f"masks.{item}"] for item in masks]}
        image = pipe(**options).images[0]
        key = f"{len(cases)}.image"
        tensors[key] = pixels(image)
        cases.append({"name": name, "repo": repo, "adapters": adapters, "scale": scale, "images": images, "embeds": embeds, "masks": masks,
                      "shortcut": shortcut, "call": call, "image": key})

    pipe = StableDiffusionPipeline.from_pretrained(FIXTURES / SD, safety_checker=None)
    pipe.set_progress_bar_config(disable=True)
    pair = [["one", "two"]]
    run("two images, each in its mask", pipe, SD, ["plain"], images=pair, masks=["both"])
    run("two images, each with its scale", pipe, SD, ["plain"], images=pair, masks=["both"], scale=[[0.9, 0.3]])
    run("masks of another shape", pipe, SD, ["plus"], images=pair, masks=["wide"])
    run("an image that is taller than wide", pipe, SD, ["plain"], images=pair, masks=["both"], height=80, width=40)
    run("one of two adapters is masked", pipe, SD, ["plain", "plus"], images=[["one"], ["two"]], masks=["one", None], scale=[0.8, 0.5])
    run("two adapters in masks, without guidance", pipe, SD, ["plain", "plus"], images=[["one"], ["two"]], masks=["one", "second"], guidance_scale=1.0)
    run("a face", pipe, SD, ["face"], embeds=["face.1"])
    run("a face, without guidance", pipe, SD, ["face"], embeds=["face.alone"], guidance_scale=1.0)
    run("two faces in masks", pipe, SD, ["face"], embeds=["face.2"], masks=["both"], scale=[[0.8, 0.6]])
    run("a face and its image", pipe, SD, ["face-plus"], embeds=["face.1"], images=[["one"]], shortcut=False)
    run("a face and its image, second version", pipe, SD, ["face-plus"], embeds=["face.1"], images=[["one"]], shortcut=True)
    run("two faces and their images", pipe, SD, ["face-plus"], embeds=["face.2"], images=pair, shortcut=True)
    pipe = StableDiffusionXLPipeline.from_pretrained(FIXTURES / XL)
    pipe.set_progress_bar_config(disable=True)
    run("xl, a face", pipe, XL, ["face-xl"], embeds=["face.1"])
    run("xl, two images, each in its mask", pipe, XL, ["plain-xl"], images=pair, masks=["both"])
    write_golden(GOLDEN / "ip_adapter_face", COMMAND, cases, tensors)


if __name__ == "__main__":
    main()
