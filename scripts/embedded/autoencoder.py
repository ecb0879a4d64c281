"""The autoencoder: 128 x 128 images <-> 32 x 32 x 4 latents."""

import time
from pathlib import Path

import torch
from diffusers import AutoencoderKL
from torch.nn.functional import avg_pool2d, relu

from .progress import Master, Progress, rate
from .scenes import SIZE, Scenes

ADVERSARY = 0.45
"""The share of the time after which the discriminator joins."""


def new_autoencoder() -> AutoencoderKL:
    return AutoencoderKL(
        in_channels=3,
        out_channels=3,
        down_block_types=["DownEncoderBlock2D"] * 3,
        up_block_types=["UpDecoderBlock2D"] * 3,
        block_out_channels=[32, 64, 64],
        layers_per_block=1,
        latent_channels=4,
        norm_num_groups=16,
        sample_size=SIZE,
        mid_block_add_attention=False,
        scaling_factor=1.0,
    )


class Discriminator(torch.nn.Sequential):
    """Says of patches of some 40 x 40 pixels how much they look like drawings (Isola et al., 2017, arXiv:1611.07004)."""

    def __init__(self):
        def layer(inward: int, outward: int) -> list[torch.nn.Module]:
            conv = torch.nn.Conv2d(inward, outward, 4, 2, 1, bias=False)
            return [conv, torch.nn.GroupNorm(8, outward), torch.nn.LeakyReLU(0.2)]

        first = [torch.nn.Conv2d(3, 32, 4, 2, 1), torch.nn.LeakyReLU(0.2)]
        super().__init__(*first, *layer(32, 64), *layer(64, 128), torch.nn.Conv2d(128, 1, 4, 1, 1))


def distance(made: torch.Tensor, true: torch.Tensor) -> torch.Tensor:
    """Absolute error of pixels, of hues and of edges; squared error, so that no rare colour is given up."""
    difference = made - true
    hue = difference - difference.mean(1, keepdim=True)
    error = difference.abs().mean() + hue.abs().mean()
    for axis in (2, 3):
        error = error + difference.diff(dim=axis).abs().mean()
    return error + 2 * difference.square().mean() + 4 * avg_pool2d(difference, 8).square().mean()


def thumbnail(images: torch.Tensor) -> torch.Tensor:
    """What the first three channels of the latents start from: the image's own colours, 4 times smaller."""
    return 1.5 * avg_pool2d(images, 4)


def train(folder: Path, scenes: Scenes, seed: int, seconds: float, batch: int, compiled: bool, peak=1.5e-3) -> AutoencoderKL:
    device = scenes.layers.device
    torch.manual_seed(seed)
    vae, judge = new_autoencoder().to(device, torch.bfloat16), Discriminator().to(device)
    judge = judge.to(memory_format=torch.channels_last)
    print(f"autoencoder: {sum(p.numel() for p in vae.parameters()):,} parameters", flush=True)
    master = Master({"vae": vae}, 0.997, eight=False)
    optimizer = torch.optim.AdamW([master.weights], peak, weight_decay=1e-4, betas=(0.9, 0.98), fused=True)
    judging = torch.optim.AdamW(judge.parameters(), 4e-4, weight_decay=1e-4, betas=(0.5, 0.9), fused=True)
    rng = torch.Generator(device).manual_seed(seed)
    half = torch.autocast(device.type, torch.bfloat16)

    def there_and_back(true: torch.Tensor, noise: torch.Tensor) -> tuple:
        mean, spread = vae.quant_conv(vae.encoder(true)).float().chunk(2, 1)
        spread = spread.clamp(-12, 3)
        made = vae.decoder(vae.post_quant_conv((mean + (0.5 * spread).exp() * noise).bfloat16()))
        return mean, 0.5 * (mean.square() + spread.exp() - 1 - spread).mean(), made.float()

    def draw() -> tuple[torch.Tensor, torch.Tensor]:
        index = torch.randint(len(scenes), (batch,), generator=rng, device=device)
        true = scenes.images(index).contiguous(memory_format=torch.channels_last)
        return true, torch.randn((batch, 4, SIZE // 4, SIZE // 4), generator=rng, device=device)

    run = compile_or_not(there_and_back, draw, master) if compiled else there_and_back
    parts = {"master": master, "judge": judge, "optimizer": optimizer, "judging": judging}
    progress = Progress(folder, "vae", parts, seconds)
    master.round()
    rng.manual_seed(seed + progress.step)
    while progress.share() < 1:
        share = progress.share()
        for group in optimizer.param_groups:
            group["lr"] = peak * min(1, (progress.step + 1) / 100) * rate(share)
        true, noise = draw()
        mean, divergence, made = run(true.bfloat16(), noise)
        error = distance(made, true)
        anchor = (mean[:, :3] - thumbnail(true)).square().mean()
        loss = error + 1e-3 * divergence + max(0.0, 1 - share / 0.3) * anchor
        if share > ADVERSARY:
            with half:
                doubt = -judge(made).float().mean()
            (wanted,) = torch.autograd.grad(error, made, retain_graph=True)
            (pushed,) = torch.autograd.grad(doubt, made, retain_graph=True)
            weight = (wanted.norm() / (pushed.norm() + 1e-9)) * 0.2 * min(1, (share - ADVERSARY) * 10)
            loss = loss + weight * doubt
        loss.backward()
        master.step(optimizer, progress.step)
        if share > ADVERSARY - 0.05:
            with half:
                real, false = judge(true), judge(made.detach())
            judged = relu(1 - real.float()).mean() + relu(1 + false.float()).mean()
            judging.zero_grad(set_to_none=True)
            judged.backward()
            judging.step()
            progress.add(judged=judged)
        progress.step += 1
        progress.add(error=error, divergence=divergence, anchor=anchor)
        if progress.due(seconds / 15):
            progress.report(batch)
            if device.type == "cpu":
                progress.save()
    progress.report(batch)
    progress.save()
    finished = new_autoencoder()
    finished.load_state_dict(master.averages("vae", torch.float32))
    finished = finish(finished.to(device), scenes)
    finished.save_pretrained(folder / "vae")
    return finished


def compile_or_not(function, draw, master: Master):
    """The function compiled, or as it is where the compiler fails: the run must go on."""
    started = time.time()
    try:
        compiled = torch.compile(function, dynamic=False)
        for _ in range(2):
            true, noise = draw()
            mean, divergence, made = compiled(true.bfloat16(), noise)
            (made.mean() + divergence + mean.mean()).backward()
    except Exception as error:
        print(f"vae: not compiled, since {type(error).__name__}: {error}"[:2000], flush=True)
        compiled = function
    master.slopes.zero_()
    print(f"vae: ready after {time.time() - started:.1f} s", flush=True)
    return compiled


@torch.no_grad()
def finish(vae: AutoencoderKL, scenes: Scenes) -> AutoencoderKL:
    """Gives every channel of the latents mean 0 and deviation 1, within the 1 x 1 convolutions around them."""
    vae.eval()
    device = scenes.layers.device
    index = torch.arange(min(len(scenes), 512), device=device)
    latents = torch.cat([vae.encode(scenes.images(part)).latent_dist.mean for part in index.split(64)])
    mean, deviation = latents.mean((0, 2, 3)), latents.std((0, 2, 3))
    print("latent means", mean.tolist(), "deviations", deviation.tolist(), flush=True)
    inward, outward = vae.quant_conv, vae.post_quant_conv
    channels = len(mean)
    outward.bias += (outward.weight[:, :, 0, 0] * mean).sum(1)
    outward.weight *= deviation[None, :, None, None]
    inward.weight[:channels] /= deviation[:, None, None, None]
    inward.bias[:channels] = (inward.bias[:channels] - mean) / deviation
    inward.bias[channels:] -= 2 * deviation.log()
    return vae


@torch.no_grad()
def encode(finished: AutoencoderKL, scenes: Scenes, seconds: float, batch: int) -> torch.Tensor:
    """Latents of the first scenes, as many as the time allows: [N, 4, 32, 32] in half precision, on the device."""
    device = scenes.layers.device
    vae = new_autoencoder().to(device, torch.bfloat16)
    vae.load_state_dict(finished.state_dict())
    started, parts = time.time(), []
    for index in torch.arange(len(scenes), device=device).split(batch):
        images = scenes.images(index).contiguous(memory_format=torch.channels_last)
        latents = vae.encode(images.bfloat16()).latent_dist.mean
        parts.append(latents.half().contiguous())
        if device.type == "cuda":
            torch.cuda.synchronize()
        if time.time() - started > seconds:
            break
    made = torch.cat(parts)
    print(f"encode: {len(made)} of {len(scenes)} scenes in {time.time() - started:.1f} s", flush=True)
    return made
