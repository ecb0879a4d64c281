"""Writes tests/golden/single_file_transformers.json: of which tensors of diffusers' transformers and AutoencoderDC their authors' files
consist.

    $(sh scripts/reference/setup.sh) scripts/reference/single_file_transformers.py

Each tensor of a file is the rows of one or several layers; with "swapped" the halves of a last one are changed, with "flat" its rows lie one
after the other, with "1x1" it is a convolution. Every layout is
checked here: diffusers' own conversion of such a file gives the tensors of the model back.
"""

import inspect
import re

import torch
from diffusers import (
    AuraFlowTransformer2DModel,
    AutoencoderDC,
    ChromaTransformer2DModel,
    CosmosTransformer3DModel,
    ErnieImageTransformer2DModel,
    Flux2Transformer2DModel,
    Flux3Transformer2DModel,
    FluxTransformer2DModel,
    Krea2Transformer2DModel,
    Lumina2Transformer2DModel,
    QwenImage21Transformer2DModel,
    QwenImageTransformer2DModel,
    SanaTransformer2DModel,
    SD3Transformer2DModel,
    ZImageTransformer2DModel,
)
from diffusers.loaders import single_file_utils

from common import FIXTURES, GOLDEN, versions, write_json

COMMAND = "scripts/reference/single_file_transformers.py"
QKV = ["to_q", "to_k", "to_v"]
ADDED = ["add_q_proj", "add_k_proj", "add_v_proj"]


def both(stored: str, *names: str, swapped: bool = False) -> list:
    ends = ("weight", "bias")
    return [[f"{stored}.{end}", [f"{name}.{end}" for name in names], *(["swapped"] if swapped else [])] for end in ends]


def embedding(stored: str, name: str) -> list:
    return both(f"{stored}.in_layer", f"{name}.linear_1") + both(f"{stored}.out_layer", f"{name}.linear_2")


def flux_blocks(config, modulated: bool) -> list:
    out = []
    for i in range(config.num_layers):
        old, new = f"double_blocks.{i}", f"transformer_blocks.{i}"
        for stream, qkv, norms, proj, ff, mod in (("img", QKV, ("norm_q", "norm_k"), "to_out.0", "ff", "norm1"),
                                                  ("txt", ADDED, ("norm_added_q", "norm_added_k"), "to_add_out", "ff_context", "norm1_context")):
            if modulated:
                out += both(f"{old}.{stream}_mod.lin", f"{new}.{mod}.linear")
            out += both(f"{old}.{stream}_attn.qkv", *(f"{new}.attn.{part}" for part in qkv))
            out += [[f"{old}.{stream}_attn.norm.{part}_norm.scale", [f"{new}.attn.{norm}.weight"]]
                    for part, norm in zip(("query", "key"), norms)]
            out += both(f"{old}.{stream}_attn.proj", f"{new}.attn.{proj}")
            out += both(f"{old}.{stream}_mlp.0", f"{new}.{ff}.net.0.proj") + both(f"{old}.{stream}_mlp.2", f"{new}.{ff}.net.2")
    for i in range(config.num_single_layers):
        old, new = f"single_blocks.{i}", f"single_transformer_blocks.{i}"
        if modulated:
            out += both(f"{old}.modulation.lin", f"{new}.norm.linear")
        out += both(f"{old}.linear1", *(f"{new}.attn.{part}" for part in QKV), f"{new}.proj_mlp")
        out += both(f"{old}.linear2", f"{new}.proj_out")
        out += [[f"{old}.norm.{part}_norm.scale", [f"{new}.attn.norm_{part[0]}.weight"]] for part in ("query", "key")]
    return out + both("final_layer.linear", "proj_out") + both("txt_in", "context_embedder") + both("img_in", "x_embedder")


def flux(config) -> list:
    guidance = embedding("guidance_in", "time_text_embed.guidance_embedder") if config.guidance_embeds else []
    return [
        *embedding("time_in", "time_text_embed.timestep_embedder"), *embedding("vector_in", "time_text_embed.text_embedder"), *guidance,
        *flux_blocks(config, True), *both("final_layer.adaLN_modulation.1", "norm_out.linear", swapped=True),
    ]


def chroma(config) -> list:
    layer = "distilled_guidance_layer"
    layers = [pair for i in range(config.approximator_layers)
              for pair in embedding(f"{layer}.layers.{i}", f"{layer}.layers.{i}")
              + [[f"{layer}.norms.{i}.scale", [f"{layer}.norms.{i}.weight"]]]]
    return [*both(f"{layer}.in_proj", f"{layer}.in_proj"), *both(f"{layer}.out_proj", f"{layer}.out_proj"), *layers,
            *flux_blocks(config, False)]


def sd3(config) -> list:
    out = [["pos_embed", ["pos_embed.pos_embed"]], *both("x_embedder.proj", "pos_embed.proj"),
           *both("context_embedder", "context_embedder"), *both("final_layer.linear", "proj_out"),
           *both("final_layer.adaLN_modulation.1", "norm_out.linear", swapped=True)]
    for old, new in (("t_embedder", "timestep_embedder"), ("y_embedder", "text_embedder")):
        out += both(f"{old}.mlp.0", f"time_text_embed.{new}.linear_1") + both(f"{old}.mlp.2", f"time_text_embed.{new}.linear_2")
    for i in range(config.num_layers):
        old, new, last = f"joint_blocks.{i}", f"transformer_blocks.{i}", i == config.num_layers - 1
        for stream, qkv, norms, proj, ff, mod in (("x", QKV, ("norm_q", "norm_k"), "to_out.0", "ff", "norm1"),
                                                  ("context", ADDED, ("norm_added_q", "norm_added_k"), "to_add_out", "ff_context", "norm1_context")):
            at, is_last = f"{old}.{stream}_block", last and stream == "context"
            attentions = ["attn"] + (["attn2"] if stream == "x" and i in config.dual_attention_layers else [])
            for attn in attentions:
                out += both(f"{at}.{attn}.qkv", *(f"{new}.{attn}.{part}" for part in qkv))
                if config.qk_norm is not None:
                    out += [[f"{at}.{attn}.ln_{part}.weight", [f"{new}.{attn}.{norm}.weight"]] for part, norm in zip("qk", norms)]
                if not is_last:
                    out += both(f"{at}.{attn}.proj", f"{new}.{attn}.{proj}")
            out += both(f"{at}.adaLN_modulation.1", f"{new}.{mod}.linear", swapped=is_last)
            if not is_last:
                out += both(f"{at}.mlp.fc1", f"{new}.{ff}.net.0.proj") + both(f"{at}.mlp.fc2", f"{new}.{ff}.net.2")
    return out


def plain(stored: str, *names: str, swapped: bool = False) -> list:
    return both(stored, *names, swapped=swapped)[:1]


def flux2(config) -> list:
    embed = "time_guidance_embed"
    out = [*plain("time_in.in_layer", f"{embed}.timestep_embedder.linear_1"), *plain("time_in.out_layer", f"{embed}.timestep_embedder.linear_2")]
    if config.guidance_embeds:
        out += plain("guidance_in.in_layer", f"{embed}.guidance_embedder.linear_1")
        out += plain("guidance_in.out_layer", f"{embed}.guidance_embedder.linear_2")
    for name in ("double_stream_modulation_img", "double_stream_modulation_txt", "single_stream_modulation"):
        out += plain(f"{name}.lin", f"{name}.linear")
    for i in range(config.num_layers):
        old, new = f"double_blocks.{i}", f"transformer_blocks.{i}"
        for stream, qkv, norms, proj, ff in (("img", QKV, ("norm_q", "norm_k"), "to_out.0", "ff"),
                                             ("txt", ADDED, ("norm_added_q", "norm_added_k"), "to_add_out", "ff_context")):
            out += plain(f"{old}.{stream}_attn.qkv", *(f"{new}.attn.{part}" for part in qkv)) + plain(f"{old}.{stream}_attn.proj", f"{new}.attn.{proj}")
            out += [[f"{old}.{stream}_attn.norm.{part}_norm.scale", [f"{new}.attn.{norm}.weight"]] for part, norm in zip(("query", "key"), norms)]
            out += plain(f"{old}.{stream}_mlp.0", f"{new}.{ff}.linear_in") + plain(f"{old}.{stream}_mlp.2", f"{new}.{ff}.linear_out")
    for i in range(config.num_single_layers):
        old, new = f"single_blocks.{i}", f"single_transformer_blocks.{i}.attn"
        out += plain(f"{old}.linear1", f"{new}.to_qkv_mlp_proj") + plain(f"{old}.linear2", f"{new}.to_out")
        out += [[f"{old}.norm.{part}_norm.scale", [f"{new}.norm_{part[0]}.weight"]] for part in ("query", "key")]
    return [*out, *plain("txt_in", "context_embedder"), *plain("img_in", "x_embedder"), *plain("final_layer.linear", "proj_out"),
            *plain("final_layer.adaLN_modulation.1", "norm_out.linear", swapped=True)]


def flux3(config) -> list:
    names = [("target_timestep_embedder.linear_1", "ref_time_in.in_layer"), ("target_timestep_embedder.linear_2", "ref_time_in.out_layer"),
             ("timestep_embedder.linear_1", "time_in.in_layer"), ("timestep_embedder.linear_2", "time_in.out_layer"), ("x_embedders.", "emb_in."),
             ("context_embedder.", "txt_in."), ("single_transformer_blocks.", "single_blocks."), ("attn.to_q", "q_proj"), ("attn.to_k", "k_proj"),
             ("attn.to_v", "v_proj"), ("attn.to_out.0", "attn_out"), ("attn.norm_q.weight", "norm.query_norm.scale"),
             ("attn.norm_k.weight", "norm.key_norm.scale"), ("ff.linear_in", "mlp_in"), ("ff.linear_out", "mlp_out"), ("proj_out.", "final_layer.image.linear."),
             ("norm_out.linear", "final_layer.image.adaLN_modulation.1"), (".linear.weight", ".lin.weight")]
    out = []
    for stored, parts in of_state(Flux3Transformer2DModel, config, names):
        stored = f"content_{stored}" if stored.startswith("mode_blocks.") else stored.replace("image.lin.weight", "image.linear.weight") \
            if stored.startswith("final_layer") else stored
        out.append([stored, parts, *(["swapped"] if "adaLN" in stored else [])])
    return out


def z_image(config) -> list:
    """Names of the model itself where they are the same."""
    out, fused = [], ("to_q.weight", "to_k.weight", "to_v.weight")
    for name in ZImageTransformer2DModel.from_config(config).state_dict():
        if name.endswith(fused[1:]):
            continue
        if name.endswith(fused[0]):
            at = name.removesuffix(fused[0])
            out.append([f"{at}qkv.weight", [at + part for part in fused]])
            continue
        stored = name.replace("all_x_embedder.2-1.", "x_embedder.").replace("all_final_layer.2-1.", "final_layer.")
        for new, old in (("attention.to_out.0.", "attention.out."), ("attention.norm_q.", "attention.q_norm."), ("attention.norm_k.", "attention.k_norm.")):
            stored = stored.replace(new, old)
        out.append([stored, [name]])
    return out


def qwen_image(config) -> list:
    return [[name, [name]] for name in QwenImageTransformer2DModel.from_config(config).state_dict()]


def ernie_image(config) -> list:
    return of_state(ErnieImageTransformer2DModel, config, [])


def qwen_image21(config) -> list:
    return of_state(QwenImage21Transformer2DModel, config, [], {"img_mlp.gate_layer": ("img_mlp.gate_up", "proj"), "img_mlp.proj": None})


def of_state(cls, config, names: list, fused: dict = {}) -> list:
    """The names of a model with these beginnings and ends written as in its authors' files; None for the later ones of those that lie in one."""
    out = []
    for name in cls.from_config(config).state_dict():
        stored, parts = name, [name]
        for new, old in names:
            stored = stored.replace(new, old)
        end = next((end for end in fused if f".{end}." in stored), None)
        if end is not None:
            if fused[end] is None:
                continue
            old, *others = fused[end]
            parts += [name.replace(f".{end.split('.')[-1]}.", f".{other}.") for other in others]
            stored = stored.replace(f".{end}.", f".{old}.")
        out.append([stored, parts])
    return out


def aura_flow(config) -> list:
    names = [("joint_transformer_blocks.", "double_layers."), ("single_transformer_blocks.", "single_layers."), ("pos_embed.pos_embed", "positional_encoding"),
             ("pos_embed.proj", "init_x_linear"), ("time_step_proj.linear_1", "t_embedder.mlp.0"), ("time_step_proj.linear_2", "t_embedder.mlp.2"),
             ("context_embedder.", "cond_seq_linear."), ("norm_out.linear", "modF.1"), ("linear_1", "c_fc1"), ("linear_2", "c_fc2"), ("out_projection", "c_proj"),
             ("ff_context.", "mlpC."), ("norm1_context.linear", "modC.1"), ("to_add_out", "w1o")]
    names += [(f"add_{part}_proj", f"w1{part}") for part in "qkv"]
    out = []
    for stored, parts in of_state(AuraFlowTransformer2DModel, config, names):
        single = stored.startswith("single_layers.")
        stream = "1" if single else "2"
        for new, old in (("to_q", f"w{stream}q"), ("to_k", f"w{stream}k"), ("to_v", f"w{stream}v"), ("to_out.0", f"w{stream}o"),
                         (".ff.", ".mlp." if single else ".mlpX."), ("norm1.linear", "modCX.1" if single else "modX.1")):
            stored = stored.replace(new, old)
        stored = "final_linear.weight" if stored == "proj_out.weight" else stored
        out.append([stored, parts, *(["swapped"] if stored.startswith("modF") else [])])
    return out


def lumina2(config) -> list:
    names = [("time_caption_embed.caption_embedder", "cap_embedder"), ("time_caption_embed.timestep_embedder.linear_1", "t_embedder.mlp.0"),
             ("time_caption_embed.timestep_embedder.linear_2", "t_embedder.mlp.2"), ("norm_out.linear_1", "final_layer.adaLN_modulation.1"),
             ("norm_out.linear_2", "final_layer.linear"), ("norm1.linear", "adaLN_modulation.1"), ("norm1.norm", "attention_norm1"),
             (".norm1.", ".attention_norm1."), (".norm2.", ".attention_norm2."), (".attn.", ".attention."), ("to_out.0", "out"), ("norm_q", "q_norm"),
             ("norm_k", "k_norm"), ("feed_forward.linear_", "feed_forward.w")]
    return of_state(Lumina2Transformer2DModel, config, names, {"to_q": ("qkv", "to_k", "to_v"), "to_k": None, "to_v": None})


def sana(config) -> list:
    names = [("patch_embed.proj", "x_embedder.proj"), ("time_embed.emb.timestep_embedder.linear_1", "t_embedder.mlp.0"),
             ("time_embed.emb.timestep_embedder.linear_2", "t_embedder.mlp.2"), ("time_embed.linear", "t_block.1"),
             ("caption_projection.linear_", "y_embedder.y_proj.fc"), ("caption_norm", "attention_y_norm"), ("transformer_blocks.", "blocks."),
             ("attn1.to_out.0", "attn.proj"), ("attn2.to_out.0", "cross_attn.proj"), ("attn1.", "attn."), ("attn2.to_q", "cross_attn.q_linear"),
             ("attn2.", "cross_attn."), ("ff.conv_inverted", "mlp.inverted_conv.conv"), ("ff.conv_depth", "mlp.depth_conv.conv"),
             ("ff.conv_point", "mlp.point_conv.conv"), ("proj_out", "final_layer.linear")]
    out = of_state(SanaTransformer2DModel, config, names,
                   {"cross_attn.to_k": ("cross_attn.kv_linear", "to_v"), "cross_attn.to_v": None, "to_q": ("qkv", "to_k", "to_v"), "to_k": None, "to_v": None})
    return [["final_layer.scale_shift_table" if stored == "scale_shift_table" else stored, parts] for stored, parts in out]


def krea2(config) -> list:
    names = [("text_fusion.", "txtfusion."), ("transformer_blocks.", "blocks."), ("img_in.", "first."), ("time_embed.linear_1", "tmlp.0"), ("time_embed.linear_2", "tmlp.2"),
             ("time_mod_proj", "tproj.1"), ("txt_in.norm.weight", "txtmlp.0.scale"), ("txt_in.linear_1", "txtmlp.1"), ("txt_in.linear_2", "txtmlp.3"),
             ("final_layer.linear", "last.linear"), ("final_layer.norm.weight", "last.norm.scale"), ("final_layer.scale_shift_table", "last.modulation.lin"),
             ("attn.to_q", "attn.wq"), ("attn.to_k", "attn.wk"), ("attn.to_v", "attn.wv"), ("attn.to_out.0", "attn.wo"), ("attn.to_gate", "attn.gate"),
             ("attn.norm_q.weight", "attn.qknorm.qnorm.scale"), ("attn.norm_k.weight", "attn.qknorm.knorm.scale"), (".ff.", ".mlp."),
             ("norm1.weight", "prenorm.scale"), ("norm2.weight", "postnorm.scale"), ("scale_shift_table", "mod.lin")]
    out = of_state(Krea2Transformer2DModel, config, names)
    return [[stored, parts, *(["flat"] if stored.endswith(".mod.lin") else [])] for stored, parts in out]


def cosmos(config) -> list:
    names = [("norm_out.linear_", "final_layer.adaln_modulation."), ("time_embed.norm", "t_embedding_norm"), ("time_embed.t_embedder", "t_embedder.1"),
             ("patch_embed.proj", "x_embedder.proj.1"), ("proj_out", "final_layer.linear"), ("transformer_blocks.", "blocks."),
             ("ff.net.0.proj", "mlp.layer1"), ("ff.net.2", "mlp.layer2"), ("attn1.", "self_attn."), ("attn2.", "cross_attn."), ("to_out.0", "output_proj"),
             ("norm_q", "q_norm"), ("norm_k", "k_norm"), ("to_q", "q_proj"), ("to_k", "k_proj"), ("to_v", "v_proj")]
    names += [(f"norm{i + 1}.linear_", f"adaln_modulation_{part}.") for i, part in enumerate(("self_attn", "cross_attn", "mlp"))]
    return of_state(CosmosTransformer3DModel, config, names)


DC_NAMES = [("attn.to_qkv_multiscale.0.proj_in", "context_module.main.aggreg.0.0"), ("attn.to_qkv_multiscale.0.proj_out", "context_module.main.aggreg.0.1"),
            ("attn.to_out", "context_module.main.proj.conv"), ("attn.norm_out", "context_module.main.proj.norm"),
            ("attn.to_q", "context_module.main.qkv.conv"), ("conv_out.conv_inverted", "local_module.main.inverted_conv.conv"),
            ("conv_out.conv_depth", "local_module.main.depth_conv.conv"), ("conv_out.conv_point", "local_module.main.point_conv.conv"),
            ("conv_out.norm", "local_module.main.point_conv.norm"), ("conv1", "main.conv1.conv"), ("conv2", "main.conv2.conv"),
            ("norm", "main.conv2.norm"), ("conv", "main.conv.conv")]
DC_ENDS = [("encoder.conv_in.conv", "encoder.project_in.conv.conv"), ("encoder.conv_in", "encoder.project_in.conv"),
           ("encoder.conv_out", "encoder.project_out.main.op_list.0.conv"), ("decoder.conv_in", "decoder.project_in.main.conv"),
           ("decoder.norm_out", "decoder.project_out.op_list.0"), ("decoder.conv_out.conv", "decoder.project_out.op_list.2.conv.conv"),
           ("decoder.conv_out", "decoder.project_out.op_list.2.conv")]


def autoencoder_dc(state) -> list:
    out = []
    for name in state:
        module, _, end = name.rpartition(".")
        if module.endswith((".to_k", ".to_v")):
            continue
        block = re.match(r"(encoder|decoder)\.(?:down|up)_blocks\.(\d+)\.(\d+)\.(.*)$", module)
        if block:
            side, stage, i, inner = block.groups()
            stored = f"{side}.stages.{stage}.op_list.{i}.{dict(DC_NAMES)[inner]}"
        else:
            stored = dict(DC_ENDS)[module]
        parts = [name.replace("to_q.", f"to_{part}.") for part in "qkv"] if module.endswith(".to_q") else [name]
        out.append([f"{stored}.{end}", parts, *(["1x1"] if re.search(r"attn\.to_(q|out)$", module) else [])])
    return out


# what the authors' files hold beside, and diffusers leaves out
BESIDE = {"cosmos": ["accum_iteration", "pos_embedder.dim_spatial_range", "pos_embedder.seq", "blocks.0.self_attn._extra_state"], "flux3": ["repa_projectors.0.weight"], "lumina2": ["norm_final.weight"], "sana": ["pos_embed", "y_embedder.y_embedding"], "z_image": ["norm_final.weight"]}


def converter(kind: str, config):
    """diffusers' conversion, which knows FLUX.1 and Lumina 2 in their one width."""
    width = getattr(config, "dim", None) or config.num_attention_heads * config.attention_head_dim if kind not in ("lumina2", "ernie_image") else config.hidden_size
    name = next(name for name in (f"convert_{kind}_transformer_checkpoint_to_diffusers", f"convert_{kind}_transformer_to_diffusers",
                                  f"convert_{kind}_to_diffusers") if hasattr(single_file_utils, name))
    source = inspect.getsource(getattr(single_file_utils, name)).replace("inner_dim = 3072", f"inner_dim = {width}")
    if kind == "lumina2":
        groups = width // config.num_attention_heads * config.num_kv_heads
        source = source.replace("q_dim = 2304", f"q_dim = {width}").replace("v_dim = 768", f"v_dim = {groups}")
    scope = dict(vars(single_file_utils))
    exec(source, scope)
    return scope[name]


def swap(value: torch.Tensor) -> torch.Tensor:
    return torch.cat(value.chunk(2)[::-1])


CHANGES = {"swapped": swap, "flat": torch.flatten}


MODELS = [
    (FluxTransformer2DModel, flux, "flux", ("dev", "schnell")),
    (SD3Transformer2DModel, sd3, "sd3", ("sd3", "medium", "large")),
    (ChromaTransformer2DModel, chroma, "chroma", ("chroma",)),
    (Flux2Transformer2DModel, flux2, "flux2", ("klein", "dev")),
    (Flux3Transformer2DModel, flux3, "flux3", ("base", "distilled")),
    (ZImageTransformer2DModel, z_image, "z_image", ("turbo", "no_refiners")),
    (QwenImageTransformer2DModel, qwen_image, None, ("qwen", "still")),
    (QwenImage21Transformer2DModel, qwen_image21, "qwen_image21", ("qwen21", "plain")),
    (ErnieImageTransformer2DModel, ernie_image, "ernie_image", ("ernie", "plain")),
    (AuraFlowTransformer2DModel, aura_flow, "auraflow", ("aura", "joint_only")),
    (Lumina2Transformer2DModel, lumina2, "lumina2", ("lumina", "plain")),
    (SanaTransformer2DModel, sana, "sana", ("sana",)),
    (Krea2Transformer2DModel, krea2, "krea2", ("krea2", "plain")),
    (CosmosTransformer3DModel, cosmos, "cosmos", ("anima", "plain")),
]

# converted without what ComfyUI puts before the names, which diffusers leaves on some of them
ALONE = ("flux2", "flux3", "auraflow", "sana", "lumina2", "cosmos")

if __name__ == "__main__":
    cases = []
    for cls, layout_of, kind, names in MODELS:
        for name in names:
            folder = f"models/{cls.__name__}/{name}"
            if not (FIXTURES / folder).exists():
                continue
            model = cls.from_pretrained(FIXTURES / folder)
            state, layout = model.state_dict(), layout_of(model.config)
            file = {}
            for stored, parts, *rest in layout:
                rows = torch.cat([state[part] for part in parts])
                file[f"model.diffusion_model.{stored}"] = CHANGES[rest[0]](rows) if rest else rows
            beside = BESIDE.get(kind, [])
            file |= {f"model.diffusion_model.{name}": torch.zeros(1) for name in beside}
            alone = {name.removeprefix("model.diffusion_model."): value for name, value in file.items()}
            # Qwen-Image's files have diffusers' names
            back = alone if kind is None else converter(kind, model.config)(dict(alone) if kind in ALONE else dict(file))
            assert back.keys() == state.keys() and all(torch.equal(back[key], state[key]) for key in state), folder
            cases.append({"className": cls.__name__, "folder": folder, "layout": layout, **({"beside": beside} if beside else {})})
    for name in ("sana", "no_first"):  # of one scale, which diffusers' conversion knows
        folder = f"models/AutoencoderDC/{name}"
        state = AutoencoderDC.from_pretrained(FIXTURES / folder).state_dict()
        layout = autoencoder_dc(state)
        file = {}
        for stored, parts, *rest in layout:
            rows = torch.cat([state[part] for part in parts])
            file[stored] = rows[..., None, None] if rest else rows
        back = single_file_utils.convert_autoencoder_dc_checkpoint_to_diffusers(file)
        assert back.keys() == state.keys() and all(torch.equal(back[key], state[key]) for key in state), folder
        cases.append({"className": "AutoencoderDC", "folder": folder, "layout": layout})
    write_json(GOLDEN / "single_file_transformers.json", {"versions": versions(), "command": COMMAND, "cases": cases})
