"""The denoiser and the text encoder, trained together on latents that are computed once."""

import json
import os
import time
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL, DPMSolverMultistepScheduler, UNet2DConditionModel
from safetensors.torch import load_file, save_file

from .progress import Master, Progress, rate
from .text import LENGTH, Words, new_text_encoder

DEFAULTS = {"guidance_scale": 2.25, "num_inference_steps": 6}
"""What the model is called with unless a call says otherwise; evaluate.ts measures it so."""
UNCONDITIONAL = 0.1
KEPT = 60
"""Seconds after which the averaged weights are written again, so that a run that is cut off leaves a model."""


def new_scheduler() -> DPMSolverMultistepScheduler:
    """The last step of these betas is all noise, so that the colour of the ground cannot leak through it.

    The last two options are DDIM's, which takes the config over: latents go beyond -1..1.
    """
    return DPMSolverMultistepScheduler.from_config({
        "beta_start": 0.0001,
        "beta_end": 0.02,
        "beta_schedule": "linear",
        "prediction_type": "v_prediction",
        "steps_offset": 1,
        "timestep_spacing": "trailing",
        "clip_sample": False,
        "set_alpha_to_one": True,
    })


def new_unet() -> UNet2DConditionModel:
    """The pooled text scales and shifts every block, which says at once what is drawn; attention says where."""
    return UNet2DConditionModel(
        sample_size=32,
        in_channels=4,
        out_channels=4,
        down_block_types=["DownBlock2D", "DownBlock2D", "CrossAttnDownBlock2D"],
        up_block_types=["CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"],
        block_out_channels=[64, 128, 192],
        layers_per_block=1,
        cross_attention_dim=192,
        attention_head_dim=[2, 4, 6],
        norm_num_groups=16,
        resnet_time_scale_shift="scale_shift",
        addition_embed_type="text",
        addition_embed_type_num_heads=6,
    )


class Trainer:
    """The models, their precise weights and one step of training."""

    def __init__(self, folder: Path, seed: int, device: torch.device, batch: int, compiled: bool, peak=1.2e-3):
        torch.manual_seed(seed)
        self.folder, self.seed, self.device, self.batch, self.peak = folder, seed, device, batch, peak
        self.text = new_text_encoder(folder / "data" / "tokenizer").to(device, torch.bfloat16)
        self.unet = new_unet().to(device, torch.bfloat16)
        self.master = Master({"unet": self.unet, "text": self.text}, 0.998)
        counts = {part: sum(p.numel() for p in model.parameters()) for part, model in (("unet", self.unet), ("text", self.text))}
        print(f"parameters: {counts}", flush=True)
        self.optimizer = torch.optim.AdamW(
            [self.master.weights], peak, weight_decay=1e-2, betas=(0.9, 0.99), fused=True
        )
        self.signal = new_scheduler().alphas_cumprod.to(device)
        self.rng = torch.Generator(device).manual_seed(seed)
        self.run = torch.compile(self.loss, dynamic=False) if compiled else self.loss

    def begin_with(self, folder: Path) -> None:
        """Takes what fits of an earlier run's weights, each token's by the token."""
        unet = {**load_file(folder / "unet-0.safetensors"), **load_file(folder / "unet-1.safetensors")}
        text = load_file(folder / "text.safetensors")
        if (folder / "vocab.json").exists():
            before = json.loads((folder / "vocab.json").read_text())
            after = json.loads((self.folder / "data" / "tokenizer" / "vocab.json").read_text())
            table = self.text.get_input_embeddings().weight.detach().float().cpu()
            name = next(name for name in text if name.endswith("token_embedding.weight"))
            for token, index in after.items():
                if token in before:
                    table[index] = text[name][before[token]].float()
            text[name] = table
        self.master.begin_with("unet", unet)
        self.master.begin_with("text", text)

    def loss(self, noised: torch.Tensor, time: torch.Tensor, tokens: torch.Tensor, target: torch.Tensor, weight: torch.Tensor) -> tuple:
        said = self.text(tokens).last_hidden_state
        made = self.unet(noised, time, said, return_dict=False)[0]
        error = (made.float() - target).square().mean((1, 2, 3))
        return (error * weight).mean(), error

    def step(self, clean: torch.Tensor, tokens: torch.Tensor, number: int, share: float) -> tuple:
        """-> the loss, and the mean squared error of the batch's noisiest fifth, as tensors on the device."""
        count, device = len(clean), self.device
        for group in self.optimizer.param_groups:
            group["lr"] = self.peak * min(1, (number + 1) / 200) * rate(share)
        noise = torch.randn(clean.shape, generator=self.rng, device=device)
        spread = (torch.arange(count, device=device) + torch.rand(count, generator=self.rng, device=device)) / count
        time = (spread * len(self.signal)).long().clamp(max=len(self.signal) - 1)
        signal = self.signal[time][:, None, None, None]
        noised = signal.sqrt() * clean + (1 - signal).sqrt() * noise
        target = signal.sqrt() * noise - (1 - signal).sqrt() * clean
        ratio = 1 / (1 - signal.flatten())  # signal to noise, plus one: what v-prediction weighs clean images with
        weight = ratio.clamp(max=5) / ratio
        noised = noised.bfloat16().contiguous(memory_format=torch.channels_last)
        loss, error = self.run(noised, time, tokens, target, weight)
        loss.backward()
        self.master.step(self.optimizer, number)
        return loss.detach(), error[-count // 5 :].mean().detach()

    def warm_up(self) -> None:
        """Compiles on made-up data; the weights stay as they are."""
        started = time.time()
        kept = [tensor.clone() for tensor in (self.master.weights, self.master.average)]
        tokens = torch.randint(0, 500, (self.batch, LENGTH), device=self.device)
        latents = torch.randn(self.batch, 4, 32, 32, device=self.device)
        try:
            self.step(latents, tokens, 0, 0.0)
        except Exception as error:  # whatever a compiler may raise: the run must go on
            print(f"unet: not compiled, since {type(error).__name__}: {error}"[:2000], flush=True)
            self.run = self.loss
            self.master.slopes.zero_()
        for _ in range(2):
            self.step(latents, tokens, 0, 0.0)
        with torch.no_grad():
            self.master.weights.copy_(kept[0]), self.master.average.copy_(kept[1])
        self.master.round()
        self.optimizer.state.clear()
        self.rng.manual_seed(self.seed)
        if self.device.type == "cuda":
            torch.cuda.synchronize()
        print(f"unet: ready after {time.time() - started:.1f} s", flush=True)

    def train(self, latents: torch.Tensor, tokens: torch.Tensor, seconds: float, out: Path | None) -> None:
        """latents [N, 4, 32, 32] and tokens [N, LENGTH], on the device."""
        parts = {"master": self.master, "optimizer": self.optimizer}
        progress = Progress(self.folder, "unet", parts, seconds)
        self.master.round()
        self.rng.manual_seed(self.seed + progress.step)
        empty = torch.full((LENGTH,), int(tokens[0, -1]), device=self.device)
        empty[0] = tokens[0, 0]
        kept, sheets = time.time(), Sheets(self, empty, out or self.folder)
        while progress.share() < 1:
            index = torch.randint(len(latents), (self.batch,), generator=self.rng, device=self.device)
            said = tokens[index].long()
            silent = torch.rand(self.batch, 1, generator=self.rng, device=self.device) < UNCONDITIONAL
            said = torch.where(silent, empty, said)
            loss, noisy = self.step(latents[index].float(), said, progress.step, progress.share())
            progress.step += 1
            progress.add(loss=loss, noisy=noisy)
            if progress.step * self.batch >= sheets.next:
                try:
                    sheets.draw(progress.step * self.batch)
                except Exception as error:  # a sheet that fails must not end the run
                    print(f"no sheet, since {type(error).__name__}: {error}"[:500], flush=True)
                    self.master.round()
            if progress.due(max(5, seconds / 60)):
                progress.report(self.batch)
                if time.time() - kept > KEPT:
                    kept = time.time()
                    self.write(out or self.folder)
                    if self.device.type == "cpu":
                        progress.save()
        progress.report(self.batch)
        self.write(out or self.folder)
        sheets.draw(progress.step * self.batch)
        progress.save()

    def write(self, out: Path) -> None:
        """The averaged weights in half precision, in files of less than 16 MB."""
        out.mkdir(parents=True, exist_ok=True)
        unet = self.master.averages("unet")
        names = sorted(unet)
        for number, some in enumerate((names[: len(names) // 2], names[len(names) // 2 :])):
            save(out / f"unet-{number}.safetensors", {name: unet[name] for name in some})
        save(out / "text.safetensors", self.master.averages("text"))


class Sheets:
    """What the averaged weights draw each time that the number of images has doubled: sheets.npz."""

    PROMPTS = [
        *("red apple", "cat", "rocket", "pizza", "owl", "banana", "grinning face", "guitar", "unicorn", "castle", "bicycle", "octopus"),
        *("blue apple", "purple elephant", "two cats", "three balloons on a yellow background", "cat and dog", "burger and fries"),
        *("snowman beside a christmas tree", "small penguin on a turquoise background", "a cup of coffee", "four strawberries"),
        *("pink owl in flat style", "robot on a red to yellow gradient"),
    ]

    def __init__(self, trainer: Trainer, empty: torch.Tensor, out: Path):
        words = Words(trainer.folder / "data" / "tokenizer")
        self.trainer, self.out, self.next = trainer, out, 250_000
        self.tokens = torch.tensor([words.encode(prompt) for prompt in self.PROMPTS], device=empty.device)
        self.empty = empty.expand_as(self.tokens)
        self.noise = torch.randn(len(self.PROMPTS), 4, 32, 32, generator=torch.Generator().manual_seed(0)).to(empty.device)
        self.made: dict[str, np.ndarray] = {}

    @torch.no_grad()
    def draw(self, images: int) -> None:
        self.next = 2 * images
        vae = AutoencoderKL.from_pretrained(self.trainer.folder / "vae").to(self.noise.device)
        self.trainer.master.round(self.trainer.master.average)
        scheduler, sample = new_scheduler(), self.noise
        scheduler.set_timesteps(DEFAULTS["num_inference_steps"])
        said = self.trainer.text(torch.cat([self.tokens, self.empty])).last_hidden_state
        for time_ in scheduler.timesteps:
            made = self.trainer.unet(torch.cat([sample] * 2).bfloat16(), time_, said, return_dict=False)[0].float()
            asked, silent = made.chunk(2)
            sample = scheduler.step(silent + DEFAULTS["guidance_scale"] * (asked - silent), time_, sample, return_dict=False)[0]
        drawn = torch.cat([vae.decode(part).sample for part in sample.split(8)])
        self.trainer.master.round()
        self.made[str(images)] = ((drawn.clamp(-1, 1) + 1) * 127.5).round().byte().permute(0, 2, 3, 1).cpu().numpy()
        np.savez_compressed(self.out / "sheets.npz", **self.made)


def save(file: Path, weights: dict[str, torch.Tensor]) -> None:
    part = file.with_suffix(".part")
    save_file(weights, part, metadata={"format": "pt"})
    os.replace(part, file)
