"""The training images: scenes of captions.py put together from drawings, on the device that trains."""

import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import torch
from torch.nn.functional import avg_pool2d, grid_sample

from .captions import Captions
from .text import LENGTH, Words

SIZE = 128
LAYERS = 6
GROUNDS = ["plain", "gradient", "striped"]
STRIPE = 16
LUMINANCE = (0.299, 0.587, 0.114)


def scene_rows(folder: Path, seed: int, first: int, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scenes as numbers: layers [count, LAYERS, 8] (sprite or -1, x, y, scale, recoloured or not, red, green, blue),
    grounds [count, 7] (kind, two colours) and tokens [count, LENGTH]."""
    captions, words = Captions(folder), Words(folder / "tokenizer")
    layers = np.full((count, LAYERS, 8), -1, np.float32)
    grounds = np.zeros((count, 7), np.float32)
    tokens = np.zeros((count, LENGTH), np.int16)
    for row in range(count):
        scene = captions.scene(seed, first + row)
        for place, layer in enumerate(scene.layers):
            colour = (0, 0, 0, 0) if layer.colour is None else (1, *layer.colour)
            layers[row, place] = (layer.sprite, layer.x, layer.y, layer.scale, *colour)
        grounds[row] = (GROUNDS.index(scene.ground), *scene.colours[0], *scene.colours[1])
        tokens[row] = words.encode(scene.caption)
    return layers, grounds, tokens


class Scenes:
    """`count` scenes of a seed, and the drawings that they are made of."""

    def __init__(self, folder: Path, seed: int, count: int, device: torch.device):
        workers = max(1, (os.cpu_count() or 1) - 2) if device.type == "cuda" else 1
        parts = [(folder, seed, first, min(4096, count - first)) for first in range(0, count, 4096)]
        if workers > 1:
            with ProcessPoolExecutor(workers, multiprocessing.get_context("fork")) as pool:
                rows = list(pool.map(scene_rows, *zip(*parts)))
        else:
            rows = [scene_rows(*part) for part in parts]
        layers, grounds, tokens = (np.concatenate(column) for column in zip(*rows))
        self.layers = torch.from_numpy(layers).to(device)
        self.grounds = torch.from_numpy(grounds).to(device)
        self.tokens = torch.from_numpy(tokens).to(device)
        self.sprites = Sprites(folder, device)

    def __len__(self) -> int:
        return len(self.layers)

    def images(self, index: torch.Tensor) -> torch.Tensor:
        """-> [len(index), 3, SIZE, SIZE] in -1..1."""
        layers, canvas = self.layers[index], background(self.grounds[index])
        for place in range(LAYERS):
            for small in (False, True):
                layer = layers[:, place]
                here = ((layer[:, 0] >= 0) & ((layer[:, 3] < 0.75) == small)).nonzero()[:, 0]
                if len(here):
                    drawn = self.sprites.placed(layer[here], small)
                    canvas[here] = drawn[:, :3] + canvas[here] * (1 - drawn[:, 3:])
        return canvas * 2 - 1


class Sprites:
    """Drawings [N, 4, SIZE, SIZE], and at half the size for small objects: colours multiplied by alpha, 8 bits."""

    def __init__(self, folder: Path, device: torch.device):
        flat = torch.from_numpy(np.fromfile(folder / "sprites.rgba", np.uint8))
        whole = flat.view(-1, SIZE, SIZE, 4).to(device)
        self.large = whole.permute(0, 3, 1, 2).contiguous()
        self.small = torch.cat([avg_pool2d(part.float(), 2).round().byte() for part in self.large.split(256)])
        weights = torch.tensor(LUMINANCE, device=device)[None, :, None, None] / 255
        sums = [
            ((p[:, :3].float() * weights).sum((1, 2, 3)), (p[:, 3].float() / 255).sum((1, 2))) for p in self.small.split(256)
        ]
        light, alpha = (torch.cat(column) for column in zip(*sums))
        self.light = light / alpha.clamp(min=1)
        """How light each drawing is, 0..1."""

    def __len__(self) -> int:
        return len(self.large)

    def placed(self, layer: torch.Tensor, small: bool) -> torch.Tensor:
        """Layers [N, 8] of one size -> [N, 4, SIZE, SIZE] in 0..1, where they belong, in their colours."""
        index = layer[:, 0].long()
        drawn = (self.small if small else self.large)[index].float() / 255
        drawn = recoloured(drawn, self.light[index], layer[:, 4], layer[:, 5:] / 255)
        scale = layer[:, 3]
        matrix = torch.zeros(len(layer), 2, 3, device=layer.device)
        matrix[:, 0, 0] = matrix[:, 1, 1] = 1 / scale
        matrix[:, 0, 2] = -(layer[:, 1] / (SIZE / 2) - 1) / scale
        matrix[:, 1, 2] = -(layer[:, 2] / (SIZE / 2) - 1) / scale
        grid = torch.nn.functional.affine_grid(matrix, (len(layer), 4, SIZE, SIZE), align_corners=False)
        return grid_sample(drawn, grid, mode="bilinear", padding_mode="zeros", align_corners=False)


def recoloured(drawn: torch.Tensor, middle: torch.Tensor, asked: torch.Tensor, colour: torch.Tensor) -> torch.Tensor:
    """Gives the drawings for which `asked` is 1 a colour: what is as light as their mean takes it, shades and lights stay."""
    alpha = drawn[:, 3:]
    weights = torch.tensor(LUMINANCE, device=drawn.device)[None, :, None, None]
    light = (drawn[:, :3] * weights).sum(1, keepdim=True) / alpha.clamp(min=1 / 255)
    middle, colour = middle[:, None, None, None].clamp(0.05, 0.95), colour[:, :, None, None]
    shade = colour * (0.3 + 0.7 * (light / middle).clamp(max=1))
    shine = (1 - colour) * 0.75 * ((light - middle) / (1 - middle)).clamp(0, 1)
    given = torch.cat([(shade + shine).clamp(0, 1) * alpha, alpha], 1)
    return torch.where(asked[:, None, None, None] > 0, given, drawn)


def background(grounds: torch.Tensor) -> torch.Tensor:
    """[N, 7] -> [N, 3, SIZE, SIZE] in 0..1."""
    kind, first, second = grounds[:, 0], grounds[:, 1:4] / 255, grounds[:, 4:7] / 255
    place = torch.arange(SIZE, device=grounds.device)
    down = (place / (SIZE - 1))[None, None, :, None]
    across = ((place // STRIPE) % 2).float()[None, None, None, :]
    kind = kind[:, None, None, None]
    mix = torch.where(kind == 1, down, torch.where(kind == 2, across, 0.0))
    first, second = first[:, :, None, None], second[:, :, None, None]
    return (first + (second - first) * mix).expand(-1, -1, SIZE, SIZE).contiguous()
