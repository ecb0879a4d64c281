"""IP-Adapters for tests/fixtures/tiny-stable-diffusion and the images that diffusers makes with them.

    $(sh scripts/reference/setup.sh) scripts/reference/ip_adapter_goldens.py

Writes tests/fixtures/ip_adapter (an image encoder; random adapters in the layout of h94/IP-Adapter: plain, Plus and
Full-Face) and tests/golden/ip_adapter with calls as in tests/golden/tasks.
"""

import diffusers
import torch
from diffusers import ControlNetModel, UNet2DConditionModel
from safetensors.torch import save_file
from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

from common import FIXTURES, GOLDEN, generator, seed_of, write_golden
from task_goldens import run_case, store
from tasks import PROMPT, case, mask, photo, tensor
from tiny_models import liven

COMMAND = "scripts/reference/ip_adapter_goldens.py"
OUT = FIXTURES / "ip_adapter"
VISION, PROJECTION = 12, 8
TEXT = dict(prompt=PROMPT, num_inference_steps=3)
ONE, TWO = photo(24, 20, name="ip one"), photo(40, 64, name="ip two")


def linear(out: int, into: int, g) -> torch.Tensor:
    return torch.randn(out, into, generator=g) * into ** -0.5


def norm(name: str, width: int, g) -> dict:
    return {f"{name}.weight": 1 + 0.2 * torch.randn(width, generator=g), f"{name}.bias": 0.1 * torch.randn(width, generator=g)}


def plain(g, width: int) -> dict:
    return {"proj.weight": linear(4 * width, PROJECTION, g), "proj.bias": torch.randn(4 * width, generator=g), **norm("norm", width, g)}


def full(g, width: int) -> dict:
    return {"proj.0.weight": linear(VISION, VISION, g), "proj.0.bias": torch.randn(VISION, generator=g),
            "proj.2.weight": linear(width, VISION, g), "proj.2.bias": torch.randn(width, generator=g), **norm("proj.3", width, g)}


def plus(g, width: int, hidden: int = 10, inner: int = 64, queries: int = 5) -> dict:
    out = {"latents": torch.randn(1, queries, hidden, generator=g), "proj_in.weight": linear(hidden, VISION, g),
           "proj_in.bias": torch.randn(hidden, generator=g), "proj_out.weight": linear(width, hidden, g),
           "proj_out.bias": torch.randn(width, generator=g), **norm("norm_out", width, g)}
    for i in range(4):
        layer = f"layers.{i}"
        out.update({f"{layer}.0.to_q.weight": linear(inner, hidden, g), f"{layer}.0.to_kv.weight": linear(2 * inner, hidden, g),
                    f"{layer}.0.to_out.weight": linear(hidden, inner, g), f"{layer}.1.1.weight": linear(4 * hidden, hidden, g),
                    f"{layer}.1.3.weight": linear(hidden, 4 * hidden, g), **norm(f"{layer}.0.norm1", hidden, g),
                    **norm(f"{layer}.0.norm2", hidden, g), **norm(f"{layer}.1.0", hidden, g)})
    return out


def write_adapters() -> None:
    config = CLIPVisionConfig(hidden_size=VISION, intermediate_size=20, num_hidden_layers=3, num_attention_heads=2,
                              image_size=16, patch_size=4, projection_dim=PROJECTION)
    encoder = liven(CLIPVisionModelWithProjection(config), seed_of("ip_adapter")).eval()
    encoder.save_pretrained(OUT / "image_encoder")
    for name, (build, repo) in ADAPTERS.items():
        unet = UNet2DConditionModel.from_pretrained(FIXTURES / repo / "unet")
        sizes = [unet.get_submodule(key.removesuffix(".processor")).to_k.weight.shape
                 for key in unet.attn_processors if key.endswith("attn2.processor")]
        g = generator(seed_of(name))
        tensors = {f"image_proj.{key}": value for key, value in build(g, sizes[0][1]).items()}
        for i, (out, into) in enumerate(sizes):
            for part in "kv":
                tensors[f"ip_adapter.{2 * i + 1}.to_{part}_ip.weight"] = 1.5 * linear(out, into, g)
        save_file(tensors, OUT / f"{name}.safetensors")


ADAPTERS = {"plain": (plain, "tiny-stable-diffusion"), "full": (full, "tiny-stable-diffusion"),
            "plus": (plus, "tiny-stable-diffusion"), "plus-xl": (plus, "tiny-stable-diffusion-xl"),
            "plain-xl": (plain, "tiny-stable-diffusion-xl"), "plus-kolors": (plus, "tiny-kolors")}
PHOTO = photo(32, 32)
CASES = [
    ("StableDiffusionPipeline", ["plain"], None, [
        case("plain", ip_adapter_image=ONE, **TEXT),
        case("plain, two images of one prompt", ip_adapter_image=ONE, num_images_per_prompt=2, seeds=[1, 2], **TEXT),
        case("plain, two images to follow", ip_adapter_image=[[ONE, TWO]], **TEXT),
        case("plain, without guidance", ip_adapter_image=ONE, guidance_scale=1.0, **TEXT),
        case("plain, embeddings", ip_adapter_image_embeds=[tensor(2, 1, PROJECTION, seed=3)], **TEXT),
    ]),
    ("StableDiffusionPipeline", ["plain"], 0.4, [case("plain, scale 0.4", ip_adapter_image=ONE, **TEXT)]),
    ("StableDiffusionPipeline", ["plain"], 0.0, [case("plain, scale 0", ip_adapter_image=ONE, **TEXT)]),
    ("StableDiffusionPipeline", ["plus"], None, [
        case("plus", ip_adapter_image=ONE, **TEXT),
        case("plus, two images to follow", ip_adapter_image=[[ONE, TWO]], num_images_per_prompt=2, seeds=[1, 2], **TEXT),
        case("plus, embeddings", ip_adapter_image_embeds=[tensor(2, 1, 17, VISION, seed=3)], **TEXT),
    ]),
    ("StableDiffusionPipeline", ["full"], None, [case("full", ip_adapter_image=ONE, **TEXT)]),
    ("StableDiffusionPipeline", ["plain", "plus"], [0.7, 0.3], [case("two", ip_adapter_image=[ONE, TWO], **TEXT)]),
    ("StableDiffusionSAGPipeline", ["plain"], 0.7, [case("sag, without guidance", ip_adapter_image=ONE, guidance_scale=1.0, **TEXT)]),
    ("StableDiffusionImg2ImgPipeline", ["plus"], 0.6, [case("img2img", image=PHOTO, ip_adapter_image=ONE, **TEXT)]),
    ("StableDiffusionInpaintPipeline", ["plain"], 0.6, [
        case("inpaint", image=PHOTO, mask_image=mask(32, 32, (8, 4, 24, 20)), height=32, width=32, ip_adapter_image=ONE, **TEXT)]),
    ("StableDiffusionControlNetPipeline", ["plain"], 0.6, [case("controlnet", image=PHOTO, ip_adapter_image=ONE, **TEXT)]),
    ("StableDiffusionXLPipeline", ["plus-xl"], 0.6, [
        case("xl, two images of one prompt", ip_adapter_image=ONE, num_images_per_prompt=2, seeds=[1, 2], **TEXT)]),
    ("StableDiffusionXLPipeline", ["plain-xl"], None, [
        case("xl, plain", ip_adapter_image=ONE, **TEXT),
        case("xl, plain, two images to follow", ip_adapter_image=[[ONE, TWO]], **TEXT),
        case("xl, plain, without guidance", ip_adapter_image=ONE, guidance_scale=1.0, **TEXT),
        case("xl, plain, embeddings", ip_adapter_image_embeds=[tensor(2, 1, PROJECTION, seed=3)], **TEXT),
    ]),
    ("StableDiffusionXLPipeline", ["plain-xl", "plus-xl"], [0.7, 0.3], [case("xl, two", ip_adapter_image=[ONE, TWO], **TEXT)]),
    ("StableDiffusionXLPipeline", ["plain-xl"], {"up": {"block_0": [0.0, 1.0]}}, [
        case("xl, style alone", ip_adapter_image=ONE, **TEXT)]),
    ("StableDiffusionXLPipeline", ["plain-xl", "plus-xl"], [{"down": 0.9, "mid": 0.4}, {"up": {"block_1": 0.8, "block_0": [0.2, 0.6]}}], [
        case("xl, two by blocks", ip_adapter_image=[ONE, TWO], **TEXT)]),
    ("StableDiffusionXLImg2ImgPipeline", ["plus-xl"], 0.6, [case("xl img2img", image=PHOTO, strength=0.7, ip_adapter_image=ONE, **TEXT)]),
    ("StableDiffusionXLInpaintPipeline", ["plain-xl"], 0.6, [
        case("xl inpaint", image=PHOTO, mask_image=mask(32, 32, (8, 4, 24, 20)), height=32, width=32, ip_adapter_image=ONE, **TEXT)]),
    ("StableDiffusionXLControlNetPipeline", ["plain-xl"], 0.6, [
        case("xl controlnet", image=PHOTO, ip_adapter_image=ONE, **TEXT),
        case("xl controlnet, guess mode", image=PHOTO, guess_mode=True, ip_adapter_image=ONE, **TEXT)]),
    ("StableDiffusionXLControlNetImg2ImgPipeline", ["plus-xl"], 0.6, [
        case("xl controlnet img2img", image=PHOTO, control_image=TWO.resize((32, 32)), ip_adapter_image=ONE, **TEXT)]),
    ("StableDiffusionXLControlNetInpaintPipeline", ["plain-xl"], 0.6, [
        case("xl controlnet inpaint", image=PHOTO, mask_image=mask(32, 32, (8, 4, 24, 20)), control_image=TWO.resize((32, 32)),
             ip_adapter_image=ONE, **TEXT)]),
    # whose UNet projects its text, too
    ("KolorsPipeline", ["plus-kolors"], 0.6, [
        case("kolors, two images of one prompt", ip_adapter_image=ONE, num_images_per_prompt=2, seeds=[1, 2], **TEXT)]),
    ("KolorsImg2ImgPipeline", ["plus-kolors"], None, [
        case("kolors img2img", image=PHOTO, strength=0.7, ip_adapter_image=ONE, **TEXT)]),
]
@torch.no_grad()
def main() -> None:
    write_adapters()
    cases, tensors = [], {}
    for class_name, names, scale, calls in CASES:
        repo = ADAPTERS[names[0]][1]
        more = {} if "XL" in class_name or "Kolors" in class_name else {"safety_checker": None}
        if "ControlNet" in class_name:
            net = "parts/ControlNetModel/xl" if "XL" in class_name else "models/ControlNetModel/sd1"
            more["controlnet"] = ControlNetModel.from_pretrained(FIXTURES / net)
        pipe = getattr(diffusers, class_name).from_pretrained(FIXTURES / repo, **more)
        pipe.set_progress_bar_config(disable=True)
        pipe.load_ip_adapter(str(OUT), subfolder="", weight_name=[f"{name}.safetensors" for name in names])
        if scale is not None:
            pipe.set_ip_adapter_scale(scale)
        for one in calls:
            key = f"{len(cases)}.images"
            tensors[key] = run_case(pipe, one)[0]
            call = {name: store(value, tensors) for name, value in one["call"].items()}
            cases.append({**one, "call": call, "images": key, "pipeline": class_name, "repo": repo, "adapters": names, "adapter_scale": scale})
    write_golden(GOLDEN / "ip_adapter", COMMAND, cases, tensors, r"\.(images|latents)$")


if __name__ == "__main__":
    main()
