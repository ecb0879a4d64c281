"""The denoiser and the text encoder, trained together on latents computed once."""

import json
from pathlib import Path

import torch
from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
from diffusers.models.attention_processor import AttnProcessor
from transformers import CLIPTokenizer

from .data import COLOURS, Drawings, captions, held_out
from .progress import Average, Progress, generator, rate
from .text import new_text_encoder, save_tokenizer, tokenize
from .together import Together, run

BATCH = 32
WHITE_WEIGHT = 3.0
FAVOURITE_WEIGHT = 2.0
UNCONDITIONAL = 0.1


def new_scheduler() -> DDIMScheduler:
    """The last step of these betas is all noise, so that the colour of the ground cannot leak through it."""
    return DDIMScheduler(
        beta_start=0.0001,
        beta_end=0.02,
        beta_schedule="linear",
        prediction_type="v_prediction",
        clip_sample=False,
        set_alpha_to_one=True,
        steps_offset=1,
        timestep_spacing="trailing",
    )


def new_unet() -> UNet2DConditionModel:
    return UNet2DConditionModel(
        sample_size=16,
        in_channels=4,
        out_channels=4,
        down_block_types=["DownBlock2D", "DownBlock2D", "DownBlock2D"],
        up_block_types=["CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"],
        block_out_channels=[64, 96, 128],
        layers_per_block=1,
        cross_attention_dim=128,
        attention_head_dim=4,
        norm_num_groups=16,
    )


@torch.no_grad()
def encode(folder: Path, drawings: Drawings) -> None:
    """Latents of every drawing on every background: [names, colours, 4, 16, 16], half precision."""
    vae = AutoencoderKL.from_pretrained(folder / "vae").eval()
    rows = []
    for colour in range(len(COLOURS)):
        parts = []
        for index in torch.arange(len(drawings)).split(32):
            images = drawings.on_named(index, torch.full_like(index, colour))
            with torch.autocast("cpu", torch.bfloat16):
                latents = vae.encode(images).latent_dist.mean
            parts.append(latents.float() * vae.config.scaling_factor)
        rows.append(torch.cat(parts))
        print(f"encode: {COLOURS[colour]}", flush=True)
    torch.save(torch.stack(rows, 1).half(), folder / "latents.pt")


class Examples:
    """Draws pairs of name and background in proportion to their weight; the held-out ones weigh nothing."""

    def __init__(self, folder: Path, drawings: Drawings, tokenizer: CLIPTokenizer, seed: int, favourites: list[str]):
        self.latents = torch.load(folder / "latents.pt").float()
        names = drawings.names
        weight = torch.ones(len(names), len(COLOURS))
        weight[:, 0] = WHITE_WEIGHT
        for prompt in favourites:
            for row in [n for n, name in enumerate(names) if prompt_names(prompt, name)]:
                weight[row] *= FAVOURITE_WEIGHT
        for name, colour in held_out(names, seed):
            weight[name, colour] = 0
        self.weight = weight.flatten()
        texts = [captions(name, colour) for name in names for colour in COLOURS]
        self.variants = torch.tensor([len(t) for t in texts])
        self.first = self.variants.cumsum(0) - self.variants
        self.tokens = tokenize(tokenizer, [text for variants in texts for text in variants])
        self.empty = tokenize(tokenizer, [""])[0]

    def draw(self, count: int, rng: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        """-> latents [count, 4, 16, 16], tokens [count, LENGTH]."""
        pair = torch.multinomial(self.weight, count, replacement=True, generator=rng)
        variant = (torch.rand(count, generator=rng) * self.variants[pair]).long()
        tokens = self.tokens[self.first[pair] + variant]
        tokens[torch.rand(count, generator=rng) < UNCONDITIONAL] = self.empty
        return self.latents.flatten(0, 1)[pair], tokens


def prompt_names(prompt: str, name: str) -> bool:
    return prompt.split(" on a")[0].removeprefix("a ").removeprefix("an ") == name


def train(folder: Path, drawings: Drawings, seed: int, steps: int, decay: int, peak: float, processes: int) -> None:
    texts = [text for name in drawings.names for colour in COLOURS for text in captions(name, colour)]
    tokenizer = save_tokenizer(folder / "tokenizer", texts)
    sizes = {"unet": new_unet().num_parameters(), "text encoder": new_text_encoder(tokenizer).num_parameters()}
    print(f"parameters: {sizes}", flush=True)
    run(processes, sum(sizes.values()), work, folder, drawings, seed, steps, decay, peak)


def work(together: Together, folder: Path, drawings: Drawings, seed: int, steps: int, decay: int, peak: float) -> None:
    torch.manual_seed(seed)
    tokenizer = CLIPTokenizer.from_pretrained(folder / "tokenizer")
    favourites = json.loads(Path(__file__).with_name("prompts.json").read_text())
    examples = Examples(folder, drawings, tokenizer, seed, favourites)
    text, unet, scheduler = new_text_encoder(tokenizer), new_unet(), new_scheduler()
    unet.set_attn_processor(AttnProcessor())
    trained = [*unet.parameters(), *text.parameters()]
    optimizer = torch.optim.AdamW(trained, peak, weight_decay=1e-2, betas=(0.9, 0.99), fused=True)
    average = Average(trained, 0.9995)
    parts = {"unet": unet, "text": text, "optimizer": optimizer, "average": average}
    progress = Progress(folder, "unet", parts)
    signal = scheduler.alphas_cumprod
    while progress.step < steps:
        rng = generator(seed, progress.step)
        for group in optimizer.param_groups:
            group["lr"] = peak * rate(progress.step, steps, decay)
        clean, tokens = examples.draw(BATCH, rng)
        noise = torch.randn(clean.shape, generator=rng)
        time = torch.randint(len(signal), (BATCH,), generator=rng)
        clean, tokens, noise, time = map(together.mine, (clean, tokens, noise, time))
        with torch.autocast("cpu", torch.bfloat16):
            said = text(tokens).last_hidden_state
            made = unet(scheduler.add_noise(clean, noise, time), time, said).sample
        velocity = scheduler.get_velocity(clean, noise, time)
        error = (made.float() - velocity).square().mean((1, 2, 3))
        ratio = 1 / (1 - signal[time])  # signal to noise, plus one: what v-prediction weighs clean images with
        loss = (error * (ratio.clamp(max=5) / ratio)).mean()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        together.average(trained)
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
        progress.step += 1
        if together.rank == 0:
            average.update(progress.step)
            noisy = time > 700
            progress.add(loss=loss.item(), noisy=(error * noisy).sum().item() / max(1, int(noisy.sum())))
            if progress.step % 100 == 0:
                progress.report()
            if progress.step % 500 == 0 or progress.step == steps:
                progress.save()
