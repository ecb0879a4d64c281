"""Tiny repos as original checkpoints, one file each, and the images that diffusers makes of those files.

    $(sh scripts/reference/setup.sh) scripts/reference/single_file_goldens.py

Writes tests/fixtures/single_file/NAME.safetensors from the repos of tests/fixtures, with the names of the first Stable
Diffusion (what diffusers' convert_diffusers_to_original_stable_diffusion.py and ..._sdxl.py write), and
tests/golden/single_file with images of `from_single_file`.
"""

import re

import diffusers
import torch
from PIL import Image
from safetensors.torch import save_file

from common import FIXTURES, GOLDEN, generator, write_golden

COMMAND = "scripts/reference/single_file_goldens.py"
OUT = FIXTURES / "single_file"
REPOS = {
    "sd1": ("tiny-stable-diffusion", "StableDiffusionPipeline"),
    "sd1-fp16": ("tiny-stable-diffusion", "StableDiffusionPipeline"),
    "sd2": ("tiny-stable-diffusion-2", "StableDiffusionPipeline"),
    "sdxl": ("tiny-stable-diffusion-xl", "StableDiffusionXLPipeline"),
    "refiner": ("tiny-stable-diffusion-xl-refiner", "StableDiffusionXLImg2ImgPipeline"),
}
GREY = Image.new("RGB", (32, 32), (128, 128, 128))
RESNET = {"norm1": "in_layers.0", "conv1": "in_layers.2", "time_emb_proj": "emb_layers.1", "norm2": "out_layers.0",
          "conv2": "out_layers.3", "conv_shortcut": "skip_connection"}
PLAIN = {"time_embedding.linear_1": "time_embed.0", "time_embedding.linear_2": "time_embed.2", "conv_in": "input_blocks.0.0",
         "conv_norm_out": "out.0", "conv_out": "out.2", "add_embedding.linear_1": "label_emb.0.0",
         "add_embedding.linear_2": "label_emb.0.2"}


def unet_name(name: str, config) -> str:
    for new, old in PLAIN.items():
        if name.startswith(f"{new}."):
            return name.replace(new, old, 1)
    each = config.layers_per_block + 1
    kind, rest = name.split(".", 1)
    if kind == "mid_block":
        part, index, rest = rest.split(".", 2)
        place = 1 if part == "attentions" else 2 * int(index)
        return f"middle_block.{place}.{resnet(rest) if part == 'resnets' else rest}"
    block, part, index, rest = rest.split(".", 3)
    if part == "downsamplers":
        return f"input_blocks.{each * (int(block) + 1)}.0.op.{rest.split('.', 1)[1]}"
    if part == "upsamplers":
        attention = "CrossAttn" in config.up_block_types[int(block)]
        return f"output_blocks.{each * (int(block) + 1) - 1}.{2 if attention else 1}.{rest}"
    place = each * int(block) + int(index) + (1 if kind == "down_blocks" else 0)
    side = "input_blocks" if kind == "down_blocks" else "output_blocks"
    return f"{side}.{place}.{'0.' + resnet(rest) if part == 'resnets' else '1.' + rest}"


def resnet(rest: str) -> str:
    part, end = rest.rsplit(".", 1)
    return f"{RESNET[part]}.{end}"


def vae_name(name: str, levels: int) -> str:
    attention = {"group_norm": "norm", "to_q": "q", "to_k": "k", "to_v": "v", "to_out.0": "proj_out"}
    if ".attentions.0." in name:
        for new, old in attention.items():
            name = name.replace(f"mid_block.attentions.0.{new}.", f"mid.attn_1.{old}.")
    name = re.sub(r"mid_block\.resnets\.(\d)", lambda m: f"mid.block_{int(m[1]) + 1}", name)
    name = re.sub(r"down_blocks\.(\d)\.resnets", r"down.\1.block", name)
    name = re.sub(r"down_blocks\.(\d)\.downsamplers\.0", r"down.\1.downsample", name)
    name = re.sub(r"up_blocks\.(\d)\.resnets", lambda m: f"up.{levels - 1 - int(m[1])}.block", name)
    name = re.sub(r"up_blocks\.(\d)\.upsamplers\.0", lambda m: f"up.{levels - 1 - int(m[1])}.upsample", name)
    return name.replace("conv_shortcut", "nin_shortcut").replace("conv_norm_out", "norm_out")


def vae(model) -> dict:
    levels = len(model.config.block_out_channels)
    out = {}
    for name, value in model.state_dict().items():
        is_matrix = re.search(r"attentions\.0\.to_.*weight$", name)
        out[f"first_stage_model.{vae_name(name, levels)}"] = value[:, :, None, None] if is_matrix else value
    return out


def bare(model) -> dict:
    return {name.removeprefix("text_model."): value for name, value in model.state_dict().items()}


def clip(model, prefix: str) -> dict:
    out = {f"{prefix}text_model.{name}": value for name, value in bare(model).items()}
    out[f"{prefix}text_model.embeddings.position_ids"] = torch.arange(77).reshape(1, -1)
    return out


def open_clip(model, prefix: str, last_layer: bool) -> dict:
    state, out = bare(model), {}
    names = {"embeddings.position_embedding.weight": "positional_embedding", "final_layer_norm.weight": "ln_final.weight",
             "embeddings.token_embedding.weight": "token_embedding.weight", "final_layer_norm.bias": "ln_final.bias"}
    layer = {"layer_norm1": "ln_1", "layer_norm2": "ln_2", "mlp.fc1": "mlp.c_fc", "mlp.fc2": "mlp.c_proj",
             "self_attn.out_proj": "attn.out_proj"}
    for name, value in state.items():
        if name in names:
            out[names[name]] = value
        elif name == "text_projection.weight":
            out["text_projection"] = value.T
        elif ".q_proj." in name:
            joined = torch.cat([state[name.replace("q_proj", part)] for part in ("q_proj", "k_proj", "v_proj")])
            start, end = name.replace("encoder.layers.", "transformer.resblocks.").split(".self_attn.q_proj.")
            out[f"{start}.attn.in_proj_{end}"] = joined
        elif ".k_proj." not in name and ".v_proj." not in name:
            for new, old in layer.items():
                name = name.replace(f".{new}.", f".{old}.")
            out[name.replace("encoder.layers.", "transformer.resblocks.")] = value
    if last_layer:  # Stable Diffusion 2 has a last layer that it does not use, and a projection
        count = model.config.num_hidden_layers
        for name in list(out):
            if name.startswith("transformer.resblocks.0."):
                out[name.replace(".0.", f".{count}.", 1)] = torch.ones_like(out[name])
        out["text_projection"] = torch.eye(model.config.hidden_size)
    out["logit_scale"] = torch.ones(())
    return {prefix + name: value for name, value in out.items()}


def original(name: str, pipe) -> dict:
    unet = {f"model.diffusion_model.{unet_name(key, pipe.unet.config)}": value for key, value in pipe.unet.state_dict().items()}
    text = {
        "sd1": lambda: clip(pipe.text_encoder, "cond_stage_model.transformer."),
        "sd2": lambda: open_clip(pipe.text_encoder, "cond_stage_model.model.", True),
        "sdxl": lambda: {**clip(pipe.text_encoder, "conditioner.embedders.0.transformer."),
                         **open_clip(pipe.text_encoder_2, "conditioner.embedders.1.model.", False)},
        "refiner": lambda: open_clip(pipe.text_encoder_2, "conditioner.embedders.0.model.", False),
    }[name.split("-")[0]]()
    return {**unet, **vae(pipe.vae), **text, "alphas_cumprod": torch.ones(3), "model_ema.decay": torch.ones(())}


def controlnet_name(name: str, config) -> str:
    parts = name.split(".")
    if parts[0] == "controlnet_down_blocks":
        return f"zero_convs.{parts[1]}.0.{parts[2]}"
    if parts[0] == "controlnet_mid_block":
        return f"middle_block_out.0.{parts[1]}"
    if parts[0] != "controlnet_cond_embedding":
        return unet_name(name, config)
    layer = {"conv_in": 0, "conv_out": 14}.get(parts[1]) if parts[1] != "blocks" else 2 * int(parts[2]) + 2
    return f"input_hint_block.{layer}.{parts[-1]}"


def write_controlnet() -> None:
    """A ControlNet as a repo and as an original file, which diffusers reads to the same weights."""
    torch.manual_seed(0)
    model = diffusers.ControlNetModel(
        block_out_channels=(4, 8), down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"), layers_per_block=1,
        norm_num_groups=2, cross_attention_dim=6, attention_head_dim=2, conditioning_embedding_out_channels=(2, 2, 4, 4))
    for value in model.parameters():
        value.normal_(std=0.3)
    model.save_pretrained(OUT / "controlnet")
    named = {controlnet_name(key, model.config): value for key, value in model.state_dict().items()}
    save_file({f"control_model.{key}": value for key, value in named.items()}, OUT / "controlnet.safetensors")
    again = diffusers.ControlNetModel.from_single_file(str(OUT / "controlnet.safetensors"), config=str(OUT / "controlnet"))
    for key, value in model.state_dict().items():
        assert again.state_dict()[key].equal(value), key


@torch.no_grad()
def main() -> None:
    OUT.mkdir(parents=True, exist_ok=True)
    write_controlnet()
    tensors, cases = {}, []
    for name, (repo, class_name) in REPOS.items():
        cls = getattr(diffusers, class_name)
        pipe = cls.from_pretrained(FIXTURES / repo)
        weights = {key: value.detach().clone().contiguous() for key, value in original(name, pipe).items()}
        if name.endswith("fp16"):
            weights = {key: value.half() if value.is_floating_point() else value for key, value in weights.items()}
        save_file(weights, OUT / f"{name}.safetensors")
        images = []
        options = {} if "XL" in class_name else {"safety_checker": None}
        again = cls.from_single_file(str(OUT / f"{name}.safetensors"), config=str(FIXTURES / repo), **options)
        for one in (pipe, again):
            one.set_progress_bar_config(disable=True)
            more = {"image": GREY, "strength": 0.9} if "Img2Img" in class_name else {}
            image = one(prompt="a red apple", num_inference_steps=3, generator=generator(5), **more).images[0]
            images.append(torch.frombuffer(bytearray(image.tobytes()), dtype=torch.uint8).reshape(image.height, image.width, 3))
        print(name, "differs from its repo by", (images[0].int() - images[1].int()).abs().max().item())
        # Both encoders of the tiny SDXL are as wide, and by their width from_single_file tells them apart
        tensors[name] = images[0 if name == "sdxl" else 1]
        cases.append({"name": name, "repo": repo, "pipeline": class_name})
    write_golden(GOLDEN / "single_file", COMMAND, cases, tensors)


if __name__ == "__main__":
    main()
