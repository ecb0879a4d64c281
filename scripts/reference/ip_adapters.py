"""IP-Adapters of FLUX.1 and Stable Diffusion 3 out of tests/fixtures, in diffusers."""

from transformers import CLIPVisionModelWithProjection, SiglipImageProcessorPil, SiglipVisionModel

from common import FIXTURES

OUT = FIXTURES / "ip_adapter_transformers"


def encoders(class_name: str) -> dict:
    """What encodes images for the IP-Adapters of a pipeline."""
    if class_name.startswith("Flux"):
        return dict(image_encoder=CLIPVisionModelWithProjection.from_pretrained(FIXTURES / "ip_adapter" / "image_encoder"))
    where = FIXTURES / "tiny-flux-redux"
    return dict(image_encoder=SiglipVisionModel.from_pretrained(where / "image_encoder"),
                feature_extractor=SiglipImageProcessorPil.from_pretrained(where / "feature_extractor"))


def follow(pipe, names: list, scale) -> None:
    """Loads IP-Adapters with their scale."""
    files = [f"{name}.safetensors" for name in names]
    pipe.load_ip_adapter(str(OUT), weight_name=files if type(pipe).__name__.startswith("Flux") else files[0], subfolder="")
    if scale is not None:
        pipe.set_ip_adapter_scale(scale)
