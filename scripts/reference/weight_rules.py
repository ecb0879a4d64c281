"""Random weights of tests/fixtures as rules: which draws of which torch generator they are.

`record()` notes every draw of `torch.randn` from a generator. When the program ends, each .safetensors file of
tests/fixtures that it wrote gets a FILE.rules beside it, from which tests/support/fixtures.ts makes the same bytes again.
The weights themselves are not tracked. tests/fixtures/README.md describes the format.
"""

import atexit
import base64
import time
from pathlib import Path

import numpy
import torch
from safetensors import safe_open

TYPES = {torch.float32: "f32", torch.float16: "f16", torch.bfloat16: "bf16", torch.int64: "i64"}
SHORTEST = 4  # numbers of a tensor that is looked for among the draws; shorter ones are written down

_streams: list[tuple[torch.Generator, list[torch.Tensor]]] = []


def record(folder: Path) -> None:
    """From now on notes what is drawn, and at the end writes the rules of what was written into the folder."""
    start, randn = time.time(), torch.randn

    def noted(*size, generator=None, **options):
        drawn = randn(*size, generator=generator, **options)
        if generator is not None and drawn.dtype == torch.float32:
            stream = next((draws for known, draws in _streams if known is generator), None)
            if stream is None:
                _streams.append((generator, stream := []))
            stream.append(drawn.detach().clone())
        return drawn

    torch.randn = noted
    atexit.register(lambda: write_rules(folder, start - 2))


def write_rules(folder: Path, since: float) -> None:
    written = [path for path in sorted(folder.glob("**/*.safetensors")) if path.stat().st_mtime >= since]
    if not written:
        return
    streams = [(generator.initial_seed(), draws) for generator, draws in _streams] + known_streams(folder, written)
    index = Index(streams)
    for path in written:
        rules_file(path).write_text(rules_of(path, streams, index))


def rules_file(path: Path) -> Path:
    return path.with_name(f"{path.name}.rules")


def known_streams(folder: Path, written: list[Path]) -> list:
    """The draws behind the other files, from which what was written may have been made."""
    streams = []
    for rules in sorted(folder.glob("**/*.rules")):
        if any(rules == rules_file(path) for path in written):
            continue
        for line in rules.read_text().splitlines():
            words = line.split()
            if words[0] == "seed":
                streams.append((int(words[1]), []))
                source = torch.Generator().manual_seed(int(words[1]))
            elif words[0] == "skip":
                streams[-1][1].append(torch.randn(int(words[1]), generator=source))
            elif line.startswith(" ") and len(words) > 2:
                streams[-1][1].append(torch.randn([int(n) for n in words[2].split("x")], generator=source))
    return streams


class Index:
    """The draws by how many numbers they have, to be found by their first ones."""

    def __init__(self, streams) -> None:
        places: dict[int, list] = {}
        for s, (_, draws) in enumerate(streams):
            for d, draw in enumerate(draws):
                if draw.numel() >= SHORTEST:
                    places.setdefault(draw.numel(), []).append(((s, d), _direction(draw.numpy())))
        self._by_size = {size: ([at for at, _ in found], numpy.stack([v for _, v in found])) for size, found in places.items()}

    def find(self, values: numpy.ndarray):
        """(stream, draw) of which the values are a multiple, give or take a constant; None without one."""
        if values.size not in self._by_size:
            return None
        places, directions = self._by_size[values.size]
        likeness = directions @ _direction(values)
        best = int(likeness.argmax())
        return places[best] if likeness[best] > 0.99 else None


def _direction(values: numpy.ndarray) -> numpy.ndarray:
    start = values.ravel()[:48].astype(numpy.float64)
    start = start - start.mean()
    length = numpy.linalg.norm(start)
    return start / length if length else start


def rules_of(path: Path, streams, index: Index) -> str:
    taken: dict[int, dict[int, str]] = {}  # stream -> draw -> line
    literal = []
    with safe_open(path, "pt") as file:
        metadata = file.metadata()
        for name in file.keys():
            tensor = file.get_tensor(name)
            for part, line in pieces(name, tensor):
                at = index.find(part.float().numpy()) if part.is_floating_point() else None
                rule = at and exact_rule(part, streams[at[0]][1][at[1]].numpy())
                if rule and at[1] not in taken.setdefault(at[0], {}):
                    taken[at[0]][at[1]] = f"{line} {rule} {'x'.join(map(str, part.shape))}{typed(part)}"
                else:
                    literal.append(f"{line} = {'x'.join(map(str, part.shape))} {TYPES[part.dtype]} {encoded(part)}")
    lines = [f"metadata {metadata['format']}"] if metadata else []
    for s in sorted(taken):
        seed, draws = streams[s]
        lines.append(f"seed {seed}")
        below = []  # names of the levels that the line before was in
        skipped: list[int] = []
        for d in range(max(taken[s]) + 1):
            if d not in taken[s]:
                lines.append(f"skip {draws[d].numel()}")
                continue
            name, rule = taken[s][d].split(" ", 1)
            *levels, last = name.split(".")
            same = next((i for i, (a, b) in enumerate(zip(levels, below)) if a != b), min(len(levels), len(below)))
            lines += [" " * (i + 1) + levels[i] for i in range(same, len(levels))]
            lines.append(" " * (len(levels) + 1) + f"{last} {rule}")
            below = levels
    return "\n".join(lines + literal) + "\n"


def pieces(name: str, tensor: torch.Tensor):
    """A tensor; one of query, key and value in one in its three parts."""
    if name.endswith(("in_proj_weight", "in_proj_bias", "qkv.weight", "qkv.bias")):
        return [(part, f"{name}[{i}]") for i, part in enumerate(tensor.chunk(3))]
    return [(tensor, name)]


def typed(tensor: torch.Tensor) -> str:
    return "" if tensor.dtype == torch.float32 else f" {TYPES[tensor.dtype]}"


def encoded(tensor: torch.Tensor) -> str:
    return base64.b64encode(tensor.reshape(-1).contiguous().view(torch.uint8).numpy().tobytes()).decode() if tensor.numel() else ""


def exact_rule(tensor: torch.Tensor, draw: numpy.ndarray) -> str | None:
    """How the draw becomes the tensor, bit for bit: factors one after the other, then what is added."""
    draw, want = draw.reshape(tensor.shape), tensor.numpy() if tensor.dtype != torch.bfloat16 else None
    if want is None:
        return None
    stored = lambda value: value.astype(want.dtype)  # noqa: E731
    width = f32(float(tensor[0].numel()) ** -0.5) if tensor.ndim >= 2 else None
    ways = [("e", [0.5], 0), ("p", [0.2], 0), ("b", [0.1], 0), ("w", [0.2], 1), ("n", [], 0)]
    if width is not None:
        ways += [("m", [0.8, width], 0), ("q", [1.5, width], 0), ("u", [width], 0)]
    def made(factors, added):
        value = draw.astype(numpy.float32)
        for factor in factors:
            value = value * f32(factor)
        return f32(added) + value if added else value

    for name, factors, added in ways:
        if numpy.array_equal(stored(made(factors, added)), want):
            return name
    for name, factors, added in ways:  # scaled once more after it was made, as the last layers are
        value = made(factors, added)
        big = numpy.unravel_index(numpy.abs(value).argmax(), value.shape)
        ratio = f32(want[big].astype(numpy.float32) / value[big])
        for step in sorted(range(-40, 41), key=abs):
            factor = nudged(ratio, step)
            if numpy.array_equal(stored(value * factor), want):
                return f"{name}*{float(str(factor))}"
    return None


def f32(value) -> numpy.float32:
    return numpy.float32(value)


def nudged(value: numpy.float32, steps: int) -> numpy.float32:
    for _ in range(abs(steps)):
        value = numpy.nextafter(value, numpy.float32(numpy.inf if steps > 0 else -numpy.inf))
    return value
