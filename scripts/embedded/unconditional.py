"""The tiny unconditional model: UNet2DModel + DDPMScheduler, emoji of 32 x 32 on white."""

import json
import re
from pathlib import Path

import torch
from diffusers import DDPMScheduler, UNet2DModel
from safetensors.torch import load_file
from torch.nn.functional import avg_pool2d

from .denoiser import save
from .progress import Master, Progress, rate
from .scenes import Sprites

SIZE = 32
STYLE = "flat"
SHOWN = re.compile(r"^(animal|food|drink|plant|face|cat-face|monkey|heart|sky|transport|musical|sport)")


def new_model() -> UNet2DModel:
    return UNet2DModel(
        sample_size=SIZE,
        in_channels=3,
        out_channels=3,
        layers_per_block=1,
        block_out_channels=(48, 96, 128),
        down_block_types=("DownBlock2D", "DownBlock2D", "AttnDownBlock2D"),
        up_block_types=("AttnUpBlock2D", "UpBlock2D", "UpBlock2D"),
        attention_head_dim=16,
        norm_num_groups=16,
    )


def new_scheduler() -> DDPMScheduler:
    return DDPMScheduler(beta_schedule="linear", clip_sample=True)


def images(folder: Path, device: torch.device) -> torch.Tensor:
    """The drawings that it learns, on white: [N, 3, 32, 32] in -1..1."""
    sprites = Sprites(folder / "data", device)
    concepts = json.loads((folder / "data" / "concepts.json").read_text())
    shown = [c["sprites"][STYLE] for c in concepts if STYLE in c["sprites"] and SHOWN.match(c["subgroup"])]
    drawn = sprites.large[shown].float() / 255
    return avg_pool2d(drawn[:, :3] + 1 - drawn[:, 3:], 128 // SIZE) * 2 - 1


def train(
    folder: Path,
    seed: int,
    seconds: float,
    batch: int,
    device: torch.device,
    begin: Path | None,
    out: Path | None,
    peak=1e-3,
) -> None:
    torch.manual_seed(seed)
    model, scheduler = new_model().to(device, torch.bfloat16), new_scheduler()
    print(f"unconditional: {sum(p.numel() for p in model.parameters()):,} parameters", flush=True)
    known = images(folder, device)
    print(f"unconditional: {len(known)} drawings", flush=True)
    master = Master({"ddpm": model}, 0.9995)
    if begin:
        master.begin_with("ddpm", load_file(begin / "ddpm.safetensors"))
    optimizer = torch.optim.AdamW([master.weights], peak, weight_decay=1e-2, betas=(0.9, 0.99), fused=True)
    progress = Progress(folder, "ddpm", {"master": master, "optimizer": optimizer}, seconds)
    master.round()
    signal = scheduler.alphas_cumprod.to(device)
    rng = torch.Generator(device).manual_seed(seed + progress.step)
    while progress.share() < 1:
        for group in optimizer.param_groups:
            group["lr"] = peak * min(1, (progress.step + 1) / 200) * rate(progress.share())
        clean = known[torch.randint(len(known), (batch,), generator=rng, device=device)]
        mirrored = torch.rand(batch, 1, 1, 1, generator=rng, device=device) < 0.5
        clean = torch.where(mirrored, clean.flip(3), clean)
        noise = torch.randn(clean.shape, generator=rng, device=device)
        time = torch.randint(len(signal), (batch,), generator=rng, device=device)
        share = signal[time][:, None, None, None]
        noised = share.sqrt() * clean + (1 - share).sqrt() * noise
        made = model(noised.bfloat16().contiguous(memory_format=torch.channels_last), time).sample
        loss = (made.float() - noise).square().mean()
        loss.backward()
        master.step(optimizer, progress.step)
        progress.step += 1
        progress.add(loss=loss)
        if progress.due(max(5, seconds / 15)):
            progress.report(batch)
            if device.type == "cpu":
                progress.save()
    progress.report(batch)
    progress.save()
    (out or folder).mkdir(parents=True, exist_ok=True)
    save((out or folder) / "ddpm.safetensors", master.averages("ddpm"))
