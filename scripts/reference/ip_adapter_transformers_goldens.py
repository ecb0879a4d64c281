"""IP-Adapters of FLUX.1 and Stable Diffusion 3 for tiny repos and the images that diffusers makes with them.

    $(sh scripts/reference/setup.sh) scripts/reference/ip_adapter_transformers_goldens.py

Writes tests/fixtures/ip_adapter_transformers (random adapters with the names of XLabs, of diffusers and of InstantX) and
tests/golden/ip_adapter_transformers with calls as in tests/golden/ip_adapter.
"""

import diffusers
import torch
from diffusers import FluxControlNetModel, SD3Transformer2DModel
from safetensors.torch import save_file

from common import FIXTURES, GOLDEN, generator, seed_of, write_golden
from ip_adapters import OUT, encoders, follow
from ip_adapter_goldens import ONE, PROJECTION, TWO, linear, norm
from task_goldens import run_case, store
from tasks import OTHER, PHOTO, PROMPT, case, mask, tensor

COMMAND = "scripts/reference/ip_adapter_transformers_goldens.py"
SIZE = dict(height=32, width=32)
TEXT = dict(prompt=PROMPT, num_inference_steps=3, max_sequence_length=24)
SIZED = {**TEXT, **SIZE}
MASK = mask(32, 32, (8, 4, 24, 20))
FLUX_WIDTH, FLUX_STATES, FLUX_LAYERS = 32, 16, 2
SIGLIP = 16


def layer(name: str, out: int, into: int, g) -> dict:
    return {f"{name}.weight": linear(out, into, g), f"{name}.bias": 0.2 * torch.randn(out, generator=g)}


def flux(g, projection: str, attention: str, key: str, value: str) -> dict:
    tensors = {**layer(f"{projection}.proj", 4 * FLUX_STATES, PROJECTION, g), **norm(f"{projection}.norm", FLUX_STATES, g)}
    for i in range(FLUX_LAYERS):
        for name in (key, value):
            tensors.update(layer(f"{attention}.{i}.{name}", FLUX_WIDTH, FLUX_STATES, g))
    return tensors


def xlabs(g) -> dict:
    return flux(g, "ip_adapter_proj_model", "double_blocks", "processor.ip_adapter_double_stream_k_proj",
                "processor.ip_adapter_double_stream_v_proj")


def named(g) -> dict:
    return flux(g, "image_proj", "ip_adapter", "to_k_ip", "to_v_ip")


def sd3(repo: str, hidden: int = 12, inner: int = 64, queries: int = 3, waves: int = 10):
    def build(g) -> dict:
        transformer = SD3Transformer2DModel.from_pretrained(FIXTURES / repo / "transformer")
        head = transformer.config.attention_head_dim
        width = head * transformer.config.num_attention_heads
        image = {"latents": torch.randn(1, queries, hidden, generator=g), **layer("proj_in", hidden, SIGLIP, g),
                 **layer("proj_out", width, hidden, g), **norm("norm_out", width, g),
                 **layer("time_embedding.linear_1", hidden, waves, g), **layer("time_embedding.linear_2", hidden, hidden, g)}
        for i in range(4):
            at = f"layers.{i}"
            image.update({f"{at}.0.to_q.weight": linear(inner, hidden, g), f"{at}.0.to_kv.weight": linear(2 * inner, hidden, g),
                          f"{at}.0.to_out.weight": linear(hidden, inner, g), f"{at}.1.1.weight": linear(4 * hidden, hidden, g),
                          f"{at}.1.3.weight": linear(hidden, 4 * hidden, g), **layer(f"{at}.2.1", 4 * hidden, hidden, g),
                          **norm(f"{at}.0.norm1", hidden, g), **norm(f"{at}.0.norm2", hidden, g), **norm(f"{at}.1.0", hidden, g)})
        tensors = {f"image_proj.{key}": value for key, value in image.items()}
        for i in range(len(transformer.attn_processors)):
            at = f"ip_adapter.{i}"
            tensors.update({**layer(f"{at}.norm_ip.linear", 2 * width, hidden, g), f"{at}.to_k_ip.weight": linear(width, width, g),
                            f"{at}.to_v_ip.weight": 2 * linear(width, width, g)})
            for name in ("norm_q", "norm_k", "norm_ip_k"):
                tensors[f"{at}.{name}.weight"] = 1 + 0.2 * torch.randn(head, generator=g)
        return tensors
    return build


ADAPTERS = {"flux-xlabs": xlabs, "flux-named": named, "sd3": sd3("tiny-sd3"), "sd3-medium": sd3("tiny-sd3-medium")}
GUIDED = dict(true_cfg_scale=2.5, negative_prompt="blurry")
KONTEXT = dict(image=PHOTO, max_area=1024, _auto_resize=False)
CASES = [
    ("FluxPipeline", "tiny-flux-dev", ["flux-xlabs"], None, [
        case("an image", ip_adapter_image=ONE, **SIZED),
        case("two images of one prompt", ip_adapter_image=ONE, num_images_per_prompt=2, seeds=[1, 2], **SIZED),
        case("two prompts, two images to follow", ip_adapter_image=[[ONE, TWO]], seeds=[1, 2], **{**SIZED, "prompt": [PROMPT, OTHER]}),
        case("embeddings", ip_adapter_image_embeds=[tensor(1, 1, PROJECTION, seed=3)], **SIZED),
        case("true guidance", ip_adapter_image=ONE, **GUIDED, **SIZED),
        case("true guidance, a negative image", ip_adapter_image=ONE, negative_ip_adapter_image=TWO, **GUIDED, **SIZED),
        case("true guidance, a negative image alone", negative_ip_adapter_image=TWO, **GUIDED, **SIZED),
        case("true guidance, negative embeddings", ip_adapter_image=ONE,
             negative_ip_adapter_image_embeds=[tensor(1, 1, PROJECTION, seed=4)], **GUIDED, **SIZED),
    ]),
    ("FluxPipeline", "tiny-flux-dev", ["flux-named"], 0.4, [case("scale 0.4", ip_adapter_image=ONE, **SIZED)]),
    ("FluxPipeline", "tiny-flux-schnell", ["flux-named"], [0.2, 1.3], [case("a scale for each block", ip_adapter_image=ONE, **SIZED)]),
    ("FluxPipeline", "tiny-flux-dev", ["flux-xlabs", "flux-named"], [0.7, [0.1, 0.6]], [
        case("two", ip_adapter_image=[ONE, TWO], **SIZED)]),
    ("FluxImg2ImgPipeline", "tiny-flux-dev", ["flux-xlabs"], 0.6, [case("an image", image=PHOTO, ip_adapter_image=TWO, **SIZED)]),
    ("FluxInpaintPipeline", "tiny-flux-dev", ["flux-xlabs"], 0.6, [
        case("a mask", image=PHOTO, mask_image=MASK, ip_adapter_image=TWO, **SIZED)]),
    ("FluxControlNetPipeline", "tiny-flux-dev", ["flux-xlabs"], 0.6, [
        case("a control image", control_image=PHOTO, ip_adapter_image=TWO, **SIZED)]),
    ("FluxKontextPipeline", "tiny-flux-dev", ["flux-xlabs"], 0.6, [case("Kontext", ip_adapter_image=TWO, **KONTEXT, **SIZED)]),
    ("StableDiffusion3Pipeline", "tiny-sd3", ["sd3"], None, [
        case("an image", ip_adapter_image=ONE, **SIZED),
        case("two prompts, two images of each", ip_adapter_image=ONE, num_images_per_prompt=2, seeds=[1, 2, 3, 4],
             **{**SIZED, "prompt": [PROMPT, OTHER]}),
        case("without guidance", ip_adapter_image=ONE, guidance_scale=1.0, **SIZED),
        case("embeddings", ip_adapter_image_embeds=tensor(2, 16, SIGLIP, seed=3), **SIZED),
        case("no image", **SIZED),
    ]),
    ("StableDiffusion3Pipeline", "tiny-sd3-medium", ["sd3-medium"], 1.2, [case("a second attention", ip_adapter_image=ONE, **SIZED)]),
    ("StableDiffusion3Img2ImgPipeline", "tiny-sd3", ["sd3"], 1.0, [case("an image", image=PHOTO, ip_adapter_image=TWO, **SIZED)]),
    ("StableDiffusion3InpaintPipeline", "tiny-sd3", ["sd3"], 1.0, [
        case("a mask", image=PHOTO, mask_image=MASK, ip_adapter_image=TWO, **SIZED)]),
]
NETS = {"FluxControlNetPipeline": (FluxControlNetModel, "parts/FluxControlNetModel/flux-canny")}


@torch.no_grad()
def main() -> None:
    OUT.mkdir(exist_ok=True)
    for name, build in ADAPTERS.items():
        save_file(build(generator(seed_of(f"ip_adapter_transformers/{name}"))), OUT / f"{name}.safetensors")
    cases, tensors = [], {}
    for class_name, repo, names, scale, calls in CASES:
        more = encoders(class_name)
        if class_name in NETS:
            net, path = NETS[class_name]
            more["controlnet"] = net.from_pretrained(FIXTURES / path)
        pipe = getattr(diffusers, class_name).from_pretrained(FIXTURES / repo, **more)
        pipe.set_progress_bar_config(disable=True)
        follow(pipe, names, scale)
        for one in calls:
            key = f"{len(cases)}.images"
            tensors[key] = run_case(pipe, one)[0]
            call = {name: store(value, tensors) for name, value in one["call"].items()}
            cases.append({**one, "call": call, "images": key, "pipeline": class_name, "repo": repo, "adapters": names, "adapter_scale": scale})
    write_golden(GOLDEN / "ip_adapter_transformers", COMMAND, cases, tensors, r"\.(images|latents)$")


if __name__ == "__main__":
    main()
