"""The second half of diffusers' quicktour, on the repo that is laid out like google/ddpm-cat-256."""

import numpy
import torch
from diffusers import DDPMScheduler, UNet2DModel

from common import FIXTURES, GOLDEN, write_golden

COMMAND = "scripts/reference/goldens.py quicktour"


def display_sample(sample: torch.Tensor) -> torch.Tensor:
    """As in the quicktour: truncated, with wrap-around at 256."""
    image_processed = sample.cpu().permute(0, 2, 3, 1)
    image_processed = (image_processed + 1.0) * 127.5
    with numpy.errstate(invalid="ignore"):
        return torch.from_numpy(image_processed.numpy().astype(numpy.uint8)[0])


@torch.no_grad()
def write_quicktour_golden() -> None:
    repo_id = FIXTURES / "tiny-ddpm-root"
    model = UNet2DModel.from_pretrained(repo_id, use_safetensors=True)
    torch.manual_seed(0)
    noisy_sample = torch.randn(1, model.config.in_channels, model.config.sample_size, model.config.sample_size)
    noisy_residual = model(sample=noisy_sample, timestep=2).sample
    scheduler = DDPMScheduler.from_pretrained(repo_id)
    less_noisy_sample = scheduler.step(model_output=noisy_residual, timestep=2, sample=noisy_sample).prev_sample

    sample, shown = noisy_sample, []
    for i, t in enumerate(scheduler.timesteps):
        residual = model(sample, t).sample
        sample = scheduler.step(residual, t, sample).prev_sample
        if (i + 1) % 50 == 0:
            shown.append(display_sample(sample))
    outputs = {"noisy_sample": noisy_sample, "noisy_residual": noisy_residual, "less_noisy_sample": less_noisy_sample,
               "sample": sample, "images": torch.stack(shown)}
    stored = {name: {"tensor": name} for name in outputs}
    write_golden(GOLDEN / "quicktour", COMMAND, [{"name": "tiny-ddpm-root", "outputs": stored}], outputs, None)
