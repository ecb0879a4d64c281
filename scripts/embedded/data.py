"""The training set: drawings on plain backgrounds, their captions, and which pairs are held out."""

import copy
import json
import random
from pathlib import Path

import numpy as np
import torch

BACKGROUNDS = json.loads(Path(__file__).with_name("backgrounds.json").read_text())
COLOURS = list(BACKGROUNDS)
HELD_OUT = 50


class Drawings:
    """The images of render.ts: `names[i]` is drawn by `pixels[i]`, size x size RGBA of 8 bits."""

    def __init__(self, folder: Path):
        self.names: list[str] = json.loads((folder / "names.json").read_text())
        flat = np.fromfile(folder / "emoji.rgba", np.uint8)
        self.size = int(round((flat.size / len(self.names) / 4) ** 0.5))
        self.pixels = torch.from_numpy(flat.reshape(len(self.names), self.size, self.size, 4))

    def taught(self) -> "Drawings":
        """The drawings of taught.txt, whose names the denoiser learns; the autoencoder sees them all."""
        slugs = Path(__file__).with_name("taught.txt").read_text().split()
        index = [self.names.index(slug.replace("-", " ")) for slug in slugs]
        some = copy.copy(self)
        some.names, some.pixels = [self.names[i] for i in index], self.pixels[index]
        return some

    def __len__(self) -> int:
        return len(self.names)

    def on(self, index: torch.Tensor, colour: torch.Tensor) -> torch.Tensor:
        """Drawings over backgrounds: index [B], colour [B, 3] of 0..255 -> images [B, 3, S, S] in -1..1."""
        rgba = self.pixels[index].float()
        alpha = rgba[..., 3:] / 255
        rgb = rgba[..., :3] * alpha + colour.float()[:, None, None, :] * (1 - alpha)
        return rgb.permute(0, 3, 1, 2) / 127.5 - 1

    def on_named(self, index: torch.Tensor, colour: torch.Tensor) -> torch.Tensor:
        """As `on`, the colour being an index into COLOURS."""
        return self.on(index, palette()[colour])


def palette() -> torch.Tensor:
    return torch.tensor(list(BACKGROUNDS.values()))


def article(word: str) -> str:
    return "an" if word[0] in "aeiou" else "a"


def captions(name: str, colour: str) -> list[str]:
    """What an image may be called; white goes without saying."""
    ground = f"on {article(colour)} {colour} background"
    said = [f"{name} {ground}", f"{article(name)} {name} {ground}"]
    return [name, f"{article(name)} {name}", *said] if colour == "white" else said


def held_out(names: list[str], seed: int) -> set[tuple[int, int]]:
    """The name x background pairs never trained on: each name and each colour is seen, the pair is not."""
    pairs = [(n, c) for n in range(len(names)) for c in range(1, len(COLOURS))]
    return set(random.Random(seed).sample(pairs, HELD_OUT))
