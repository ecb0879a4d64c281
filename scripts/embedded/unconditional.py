"""The tiny unconditional model: UNet2DModel + DDPMScheduler, emoji of 32 x 32 on white."""

from pathlib import Path

import torch
from diffusers import DDPMPipeline, DDPMScheduler, UNet2DModel

from .autoencoder import sheet
from .data import Drawings
from .progress import Average, Progress, generator, rate

BATCH = 16
SIZE = 32


def new_model() -> UNet2DModel:
    return UNet2DModel(
        sample_size=SIZE,
        in_channels=3,
        out_channels=3,
        layers_per_block=1,
        block_out_channels=(32, 64, 96),
        down_block_types=("DownBlock2D", "DownBlock2D", "AttnDownBlock2D"),
        up_block_types=("AttnUpBlock2D", "UpBlock2D", "UpBlock2D"),
        attention_head_dim=16,
        norm_num_groups=16,
    )


def new_scheduler() -> DDPMScheduler:
    return DDPMScheduler(beta_schedule="linear", clip_sample=True)


def train(folder: Path, drawings: Drawings, seed: int, steps: int, decay: int, peak=1e-3) -> None:
    torch.manual_seed(seed)
    model, scheduler = new_model(), new_scheduler()
    print(f"unconditional: {sum(p.numel() for p in model.parameters()):,} parameters", flush=True)
    everything = torch.arange(len(drawings))
    white = drawings.on_named(everything, torch.zeros_like(everything))
    images = torch.nn.functional.adaptive_avg_pool2d(white, SIZE)
    optimizer = torch.optim.AdamW(model.parameters(), peak, weight_decay=1e-2, fused=True)
    average = Average(model.parameters(), 0.999)
    progress = Progress(folder, "ddpm", {"model": model, "optimizer": optimizer, "average": average})
    while progress.step < steps:
        rng = generator(seed, progress.step)
        for group in optimizer.param_groups:
            group["lr"] = peak * rate(progress.step, steps, decay)
        clean = images[torch.randint(len(images), (BATCH,), generator=rng)]
        mirrored = torch.rand(BATCH, 1, 1, 1, generator=rng) < 0.5
        clean = torch.where(mirrored, clean.flip(3), clean)
        noise = torch.randn(clean.shape, generator=rng)
        time = torch.randint(scheduler.config.num_train_timesteps, (BATCH,), generator=rng)
        with torch.autocast("cpu", torch.bfloat16):
            made = model(scheduler.add_noise(clean, noise, time), time).sample
        loss = (made.float() - noise).square().mean()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        progress.step += 1
        average.update(progress.step)
        progress.add(loss=loss.item())
        if progress.step % 100 == 0:
            progress.report()
        if progress.step % 100 == 0 or progress.step == steps:
            progress.save()


@torch.no_grad()
def export(folder: Path, target: Path) -> None:
    model = new_model()
    saved = torch.load(folder / "ddpm.ckpt", weights_only=False)
    for parameter, average in zip(model.parameters(), saved["average"].values()):
        parameter.copy_(average)
    pipeline = DDPMPipeline(model.eval(), new_scheduler())
    pipeline.set_progress_bar_config(disable=True)
    asked = dict(num_inference_steps=50, output_type="np", generator=torch.Generator().manual_seed(0))
    made = torch.from_numpy(pipeline(24, **asked).images).permute(0, 3, 1, 2) * 2 - 1
    sheet(made, 12).save(folder / "ddpm.png")
    pipeline.to(torch.float16).save_pretrained(target, max_shard_size="3800KB")
