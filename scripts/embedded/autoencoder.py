"""The autoencoder: 128 x 128 images <-> 16 x 16 x 4 latents. Its decoder is polished once more at the end."""

from pathlib import Path

import torch
from diffusers import AutoencoderKL
from PIL import Image

from .data import COLOURS, Drawings, palette
from .progress import Average, Progress, generator, rate

BATCH = 8
CROPPED = 0.55
"""Share of the steps, the first ones, that train on twice as many crops of half the side, at half the cost."""


def new_autoencoder(size: int) -> AutoencoderKL:
    return AutoencoderKL(
        in_channels=3,
        out_channels=3,
        down_block_types=["DownEncoderBlock2D"] * 4,
        up_block_types=["UpDecoderBlock2D"] * 4,
        block_out_channels=[16, 32, 64, 96],
        layers_per_block=1,
        latent_channels=4,
        norm_num_groups=8,
        sample_size=size,
        mid_block_add_attention=False,
    )


def batch(drawings: Drawings, count: int, rng: torch.Generator) -> torch.Tensor:
    """Random drawings: most on the named backgrounds, some on any colour, some with their channels exchanged."""
    index = torch.randint(len(drawings), (count,), generator=rng)
    named = palette()[torch.randint(len(COLOURS), (count,), generator=rng)]
    anything = torch.randint(256, (count, 3), generator=rng)
    free = torch.rand(count, 1, generator=rng) < 0.15
    images = drawings.on(index, torch.where(free, anything, named))
    if torch.rand((), generator=rng) < 0.1:
        images = images[:, torch.randperm(3, generator=rng)]
    return images


def crops(images: torch.Tensor, rng: torch.Generator) -> torch.Tensor:
    """A square of half the side out of each image."""
    half = images.shape[-1] // 2
    corners = torch.randint(half + 1, (len(images), 2), generator=rng).tolist()
    return torch.stack([p[:, y : y + half, x : x + half] for p, (y, x) in zip(images, corners)])


def distance(made: torch.Tensor, true: torch.Tensor) -> torch.Tensor:
    """Absolute error of pixels, of hues and of edges; squared error, so that no rare colour is given up."""
    difference = made - true
    hue = difference - difference.mean(1, keepdim=True)
    error = difference.abs().mean() + hue.abs().mean()
    for axis in (2, 3):
        error = error + 0.5 * difference.diff(dim=axis).abs().mean()
    pooled = torch.nn.functional.avg_pool2d(difference, 8)
    return error + 2 * difference.square().mean() + 6 * pooled.square().mean()


def thumbnail(images: torch.Tensor) -> torch.Tensor:
    """What the first three channels of the latents are drawn towards: the image's own colours, 8 times smaller.

    Without it a short training keeps to one axis of colour; and such latents are easy to denoise.
    """
    return 1.5 * torch.nn.functional.avg_pool2d(images, 8)


def train(folder: Path, drawings: Drawings, seed: int, steps: int, decay: int, peak=2e-3) -> None:
    torch.manual_seed(seed)
    vae = new_autoencoder(drawings.size)
    print(f"autoencoder: {sum(p.numel() for p in vae.parameters()):,} parameters", flush=True)
    optimizer = torch.optim.AdamW(vae.parameters(), peak, weight_decay=1e-4, betas=(0.9, 0.98), fused=True)
    average = Average(vae.parameters(), 0.995)
    progress = Progress(folder, "vae", {"vae": vae, "optimizer": optimizer, "average": average})
    while progress.step < steps:
        rng = generator(seed, progress.step)
        cropped = progress.step < CROPPED * steps
        true = batch(drawings, BATCH * (1 + cropped), rng)
        if cropped:
            true = crops(true, rng)
        for group in optimizer.param_groups:
            group["lr"] = peak * rate(progress.step, steps, decay)
        with torch.autocast("cpu", torch.bfloat16):
            latents = vae.encode(true).latent_dist
            noise = torch.randn(latents.mean.shape, generator=rng)
            made = vae.decode(latents.mean + latents.std * noise).sample
        error = distance(made.float(), true)
        divergence = latents.kl().float().mean() / latents.mean[0].numel()
        anchor = (latents.mean[:, :3].float() - thumbnail(true)).square().mean()
        loss = error + 1e-3 * divergence + max(0.05, 1 - progress.step / 500) * anchor
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(vae.parameters(), 1.0)
        optimizer.step()
        progress.step += 1
        average.update(progress.step)
        progress.add(error=error.item(), divergence=divergence.item(), anchor=anchor.item())
        if progress.step % 100 == 0:
            progress.report()
        if progress.step % 300 == 0 or progress.step == steps:
            progress.save()
    average.swap()
    finish(folder, vae, drawings)


def polish(folder: Path, drawings: Drawings, seed: int, steps: int, decay: int, peak=1.5e-3) -> None:
    """Trains the decoder on while the encoder, and so the latents the denoiser knows, stay as they are.

    A little noise on the latents makes it forgive what the denoiser leaves.
    """
    vae = AutoencoderKL.from_pretrained(folder / "vae")
    trained = [*vae.decoder.parameters(), *vae.post_quant_conv.parameters()]
    optimizer = torch.optim.AdamW(trained, peak, weight_decay=1e-4, betas=(0.9, 0.98), fused=True)
    average = Average(trained, 0.995)
    progress = Progress(folder, "polish", {"vae": vae, "optimizer": optimizer, "average": average})
    while progress.step < steps:
        rng = generator(seed + 1, progress.step)
        true = batch(drawings, BATCH, rng)
        for group in optimizer.param_groups:
            group["lr"] = peak * rate(progress.step, steps, decay)
        with torch.autocast("cpu", torch.bfloat16):
            with torch.no_grad():
                latents = vae.encode(true).latent_dist.mean
            noise = torch.randn(latents.shape, generator=rng) / vae.config.scaling_factor
            made = vae.decode(latents + 0.05 * noise).sample
        loss = distance(made.float(), true)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
        progress.step += 1
        average.update(progress.step)
        progress.add(error=loss.item())
        if progress.step % 100 == 0:
            progress.report()
        if progress.step % 200 == 0 or progress.step == steps:
            progress.save()
    average.swap()
    save(folder, vae, drawings)


@torch.no_grad()
def finish(folder: Path, vae: AutoencoderKL, drawings: Drawings) -> None:
    """Gives every channel of the latents mean 0 and deviation 1, within the 1 x 1 convolutions around them; saves."""
    vae.eval()
    picked = torch.arange(0, len(drawings), max(1, len(drawings) // 96))
    colour = torch.arange(len(picked)) % len(COLOURS)
    latents = vae.encode(drawings.on_named(picked, colour)).latent_dist.mean
    mean, deviation = latents.mean((0, 2, 3)), latents.std((0, 2, 3))
    print("latent means", mean.tolist(), "deviations", deviation.tolist(), flush=True)
    inward, outward = vae.quant_conv, vae.post_quant_conv
    channels = len(mean)
    outward.bias += (outward.weight[:, :, 0, 0] * mean).sum(1)
    outward.weight *= deviation[None, :, None, None]
    inward.weight[:channels] /= deviation[:, None, None, None]
    inward.bias[:channels] = (inward.bias[:channels] - mean) / deviation
    inward.bias[channels:] -= 2 * deviation.log()
    vae.register_to_config(scaling_factor=1.0)
    save(folder, vae, drawings)


@torch.no_grad()
def save(folder: Path, vae: AutoencoderKL, drawings: Drawings) -> None:
    """Saves the autoencoder, and a sheet of drawings above what it makes of them."""
    vae.eval().save_pretrained(folder / "vae")
    shown = torch.arange(0, len(drawings), len(drawings) // 24)[:24]
    colour = torch.cat([torch.zeros(12, dtype=torch.long), torch.arange(12) % len(COLOURS)])
    true = drawings.on_named(shown, colour)
    sheet(torch.cat([true, vae(true).sample]), 12).save(folder / "vae.png")


def sheet(images: torch.Tensor, columns: int) -> Image.Image:
    """[N, 3, S, S] in -1..1 -> one image, `columns` a row."""
    count, _, size, _ = images.shape
    grid = images.clamp(-1, 1).add(1).mul(127.5).round().byte().permute(0, 2, 3, 1)
    grid = grid.reshape(count // columns, columns, size, size, 3).permute(0, 2, 1, 3, 4)
    return Image.fromarray(grid.reshape(count // columns * size, columns * size, 3).numpy())
