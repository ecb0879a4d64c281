"""Calls of the models in tests/fixtures/models: inputs and outputs.

`run_model` is what the live comparison uses too: it takes a loaded model and a seed and gives cases and tensors.
"""

import diffusers
import torch
import transformers
from transformers import CLIPTokenizer

from common import FIXTURES, GOLDEN, generator, seed_of, write_golden
from tiny_models import MODELS

COMMAND = "scripts/reference/goldens.py models"
PROMPTS = ["a red apple on a blue background", "an astronaut riding a horse, 2 dogs & a cat's house!"]


class Calls:
    """Cases with their tensors, stored under `CASE.inputs.ROLE` and `CASE.outputs.ROLE`."""

    def __init__(self) -> None:
        self.cases, self.tensors = [], {}

    def add(self, name: str, inputs: dict, outputs: dict, **more) -> None:
        case = {"name": name, **more, "inputs": {}, "outputs": {}}
        for side, values in (("inputs", inputs), ("outputs", outputs)):
            for role, value in values.items():
                if isinstance(value, torch.Tensor):
                    key = f"{len(self.cases)}.{side}.{role}"
                    self.tensors[key] = value
                    value = {"tensor": key}
                case[side][role] = value
        self.cases.append(case)


def unet_2d(model, seed: int) -> Calls:
    calls, g, config = Calls(), generator(seed), model.config
    size, learned = config.sample_size, config.time_embedding_type == "learned"
    for name, shape, timestep in (
        ("two images, one timestep", (2, config.in_channels, size, size), 2),
        ("rectangle", (1, config.in_channels, size * 2, size), 31 if learned else 481.5),
        ("a timestep each", (3, config.in_channels, size, size), torch.tensor([49 if learned else 999, 20, 1])),
    ):
        inputs = {"sample": torch.randn(shape, generator=g), "timestep": timestep}
        if (labels := class_labels(config, shape[0], g)) is not None:
            inputs["class_labels"] = labels
        # as a tensor, which is what pipelines pass: UNet2DModel cuts a plain number down to an integer
        output = model(**{**inputs, "timestep": torch.as_tensor(timestep)})
        calls.add(name, inputs, {"sample": output.sample})
    return calls


def class_labels(config, batch: int, g: torch.Generator) -> torch.Tensor | None:
    kind = config.class_embed_type
    if kind is None:
        return torch.randint(0, config.num_class_embeds, (batch,), generator=g) if config.num_class_embeds else None
    if kind == "timestep":
        return torch.randint(0, 1000, (batch,), generator=g).float()
    if kind == "identity":
        width = config.time_embedding_dim or config.block_out_channels[0] * 4
        return torch.randn(batch, width, generator=g)
    return torch.randn(batch, config.projection_class_embeddings_input_dim, generator=g)


def residual_shapes(model, batch: int, height: int, width: int) -> list[tuple[int, ...]]:
    """Shapes of the skip connections, that is of a ControlNet's residuals."""
    shapes = []
    hooks = [layer.register_forward_hook(lambda _m, _i, out: shapes.extend(tuple(s.shape) for s in out[1]))
             for layer in model.down_blocks]
    hooks.append(model.conv_in.register_forward_hook(lambda _m, _i, out: shapes.append(tuple(out.shape))))
    model(torch.zeros(batch, model.config.in_channels, height, width), 1,
          torch.zeros(batch, 3, model.config.cross_attention_dim))
    for hook in hooks:
        hook.remove()
    return shapes


def condition_inputs(model, batch: int, height: int, width: int, timestep, g: torch.Generator, tokens: int = 5) -> dict:
    """What the model takes, by the names of the arguments; those of added_cond_kwargs with a point between."""
    config = model.config
    kind = config.addition_embed_type or ""
    hint = 4 if kind == "image_hint" else 0
    values = {"sample": torch.randn(batch, config.in_channels - hint, height, width, generator=g), "timestep": timestep}
    cross = config.cross_attention_dim
    cross = cross if isinstance(cross, int) else cross[0]
    if config.encoder_hid_dim_type != "image_proj" or kind == "text":
        values["encoder_hidden_states"] = torch.randn(batch, tokens, config.encoder_hid_dim or cross, generator=g)
    if (labels := class_labels(config, batch, g)) is not None:
        values["class_labels"] = labels
    if config.time_cond_proj_dim:
        values["timestep_cond"] = torch.randn(batch, config.time_cond_proj_dim, generator=g)
    if kind == "text_time":
        width_of_text = config.projection_class_embeddings_input_dim - 6 * config.addition_time_embed_dim
        values["added_cond_kwargs.text_embeds"] = torch.randn(batch, width_of_text, generator=g)
        values["added_cond_kwargs.time_ids"] = torch.randint(0, 1024, (batch, 6), generator=g).float()
    if kind == "text_image":
        values["added_cond_kwargs.text_embeds"] = torch.randn(batch, cross, generator=g)
    if "image" in kind or "image" in (config.encoder_hid_dim_type or ""):
        both = kind == "text_image" or config.encoder_hid_dim_type == "text_image_proj"
        values["added_cond_kwargs.image_embeds"] = torch.randn(batch, cross if both else config.encoder_hid_dim, generator=g)
    if hint:
        values["added_cond_kwargs.hint"] = torch.rand(batch, 3, height * 8, width * 8, generator=g)
    return values


def call_condition(model, values: dict) -> torch.Tensor:
    nested = {"encoder_hidden_states": None}
    for key, value in values.items():
        first, _, second = key.partition(".")
        if second.isdigit():
            nested[first] = [*nested.get(first, []), value.clone()]  # the model adds to some in place
        elif second:
            nested[first] = {**nested.get(first, {}), second: value}
        else:
            nested[first] = value
    return model(**nested).sample


def unet_2d_condition(model, seed: int, extras: bool = False) -> Calls:
    calls, g, config = Calls(), generator(seed), model.config
    size = config.sample_size
    # other levels double what they have halved, and nothing else
    any_size = all(kind in ("DownBlock2D", "CrossAttnDownBlock2D") for kind in config.down_block_types)

    def inputs(batch: int, height: int, width: int, timestep, tokens: int) -> dict:
        return condition_inputs(model, batch, height, width, timestep, g, tokens)

    def add(name: str, values: dict, **more) -> None:
        calls.add(name, values, {"sample": call_condition(model, values)}, **more)

    add("two images, one timestep", inputs(2, size, size, 981, 7))
    if config.class_embed_type is None and config.num_class_embeds is None and not config.time_cond_proj_dim and any_size:
        add("a size that does not halve", inputs(1, size + 2, size - 2, 500.25, 77))
    add("a timestep each", inputs(2, size, size, torch.tensor([999, 1]), 3))
    if extras:
        mask = torch.tensor([[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]])
        add("masked text", {**inputs(2, size, size, 41, 5), "encoder_attention_mask": mask}, feature="encoder_attention_mask")
        values = inputs(1, size, size, 801, 4)
        shapes = residual_shapes(model, 1, size, size)
        for i, shape in enumerate(shapes):
            values[f"down_block_additional_residuals.{i}"] = 0.1 * torch.randn(shape, generator=g)
        values["mid_block_additional_residual"] = 0.1 * torch.randn(shapes[-1], generator=g)
        add("residuals of a ControlNet", values, feature="additional_residuals")
    return calls


def autoencoder_kl(model, seed: int) -> Calls:
    calls, g, config = Calls(), generator(seed), model.config
    factor = 2 ** (len(config.block_out_channels) - 1)
    for batch, height, width in ((2, 2, 2), (1, 3, 2)):
        image = torch.rand(batch, config.in_channels, height * factor * 2, width * factor * 2, generator=g) * 2 - 1
        latent_dist = model.encode(image).latent_dist
        calls.add(f"encode {batch}", {"sample": image}, {
            "mean": latent_dist.mean, "logvar": latent_dist.logvar, "std": latent_dist.std,
            "sample_seed_7": latent_dist.sample(generator(7)),
        }, method="encode")
        latents = torch.randn(batch, config.latent_channels, height * 2, width * 2, generator=g) * 2
        calls.add(f"decode {batch}", {"z": latents}, {"sample": model.decode(latents).sample}, method="decode")
    return calls


def vq_model(model, seed: int) -> Calls:
    calls, g, config = Calls(), generator(seed), model.config
    width, count = model.quantize.vq_embed_dim, config.num_vq_embeddings
    sample = torch.rand(2, config.in_channels, 16, 24, generator=g) * 2 - 1
    calls.add("encode", {"sample": sample}, {"latents": model.encode(sample).latents}, method="encode")
    z = torch.randn(2, width, 5, 4, generator=g)
    quantized, loss, (_, _, indices) = model.quantize(z)
    calls.add("quantize", {"z": z}, {"quantized": quantized, "indices": indices, "commit_loss": loss}, method="quantize")
    decoded = model.decode(z)
    calls.add("decode", {"z": z}, {"sample": decoded.sample, "commit_loss": decoded.commit_loss}, method="decode")
    if config.lookup_from_codebook:
        codes = torch.randint(0, count, (2, 12), generator=g)
        given = {"z": codes, "force_not_quantize": True, "shape": [2, 3, 4, width]}
        decoded = model.decode(codes, force_not_quantize=True, shape=(2, 3, 4, width))
    else:
        given = {"z": z, "force_not_quantize": True}
        decoded = model.decode(z, force_not_quantize=True)
    calls.add("decode without quantizing", given, {"sample": decoded.sample, "commit_loss": decoded.commit_loss}, method="decode")
    both = model(sample)
    calls.add("forward", {"sample": sample}, {"sample": both.sample, "commit_loss": both.commit_loss}, method="forward")
    return calls


def clip_text(model, seed: int) -> Calls:
    calls, config = Calls(), model.config
    length = config.max_position_embeddings
    tokenizer = CLIPTokenizer.from_pretrained(FIXTURES / "tokenizers" / "clip-77")
    for name, prompts in (("two prompts", PROMPTS), ("empty", [""]), ("too long", [" ".join(PROMPTS * 8)])):
        ids = tokenizer(prompts, padding="max_length", max_length=length, truncation=True, return_tensors="pt").input_ids
        result = model(ids, output_hidden_states=True)
        pooled = "text_embeds" if hasattr(result, "text_embeds") else "pooler_output"
        outputs = {"last_hidden_state": result.last_hidden_state, pooled: result[pooled]}
        for i, state in enumerate(result.hidden_states):
            outputs[f"hidden_states.{i}"] = state
        calls.add(name, {"input_ids": ids}, outputs)
    return calls


RUNNERS = {
    "UNet2DModel": unet_2d, "UNet2DConditionModel": unet_2d_condition, "AutoencoderKL": autoencoder_kl,
    "CLIPTextModel": clip_text, "CLIPTextModelWithProjection": clip_text,
    "VQModel": vq_model,
}


@torch.no_grad()
def run_model(class_name: str, folder, seed: int, extras: bool = False) -> Calls:
    """Calls of the model that the folder holds."""
    library = transformers if class_name.startswith("CLIP") else diffusers
    model = getattr(library, class_name).from_pretrained(folder).eval()
    return RUNNERS[class_name](model, seed, **({"extras": True} if extras else {}))


def write_model_goldens() -> None:
    for class_name, configs in MODELS.items():
        for name in configs:
            calls = run_model(class_name, FIXTURES / "models" / class_name / name, seed_of(name),
                              extras=(class_name, name) == ("UNet2DConditionModel", "sd1"))
            write_golden(GOLDEN / "models" / class_name / name, COMMAND, calls.cases, calls.tensors)
