"""Random weights and inputs as rules: which draws of which torch generator they are.

`record()` notes every draw of `torch.randn` and `torch.rand` from a generator. When the program ends, each .safetensors file of weights
that it wrote gets a FILE.rules beside it, from which tests/support/fixtures.ts makes the same bytes again. The weights
themselves are not tracked. tests/fixtures/README.md describes the format.
"""

import atexit
import base64
import json
import time
import zlib
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

import numpy
import torch
from safetensors import safe_open

from rule_lines import PUNCTUATION, draws_in, lines_of

TYPES = {torch.float32: "f32", torch.float16: "f16", torch.bfloat16: "bf16", torch.int64: "i64"}
SHORTEST = 4  # numbers of a tensor that is looked for among the draws; shorter ones are written down



@dataclass(frozen=True)
class Draw:
    values: torch.Tensor
    uniform: bool  # by rand, not by randn

    def passed(self) -> str:
        return f"{'pass' if self.uniform else 'skip'} {self.values.numel()}"


# by generator: what was drawn, and how many numbers by randint; None after draws of another kind
_streams: list[tuple[torch.Generator, list[Draw | int | None]]] = []
_states: dict[int, torch.Tensor] = {}


def record(*folders: Path) -> None:
    """From now on notes what is drawn, and at the end writes the rules of the weights that were written into the folders."""
    start = time.time()
    for name in ("randn", "rand", "randint"):
        setattr(torch, name, noting(getattr(torch, name), name))
    for folder in folders:
        atexit.register(lambda folder=folder: write_rules(folder, start - 2))


def noting(function, kind: str):
    def noted(*arguments, generator=None, **options):
        if generator is None:
            return function(*arguments, **options)
        before = generator.get_state()
        values = function(*arguments, generator=generator, **options)
        stream = next((draws for known, draws in _streams if known is generator), None)
        if stream is None:
            _streams.append((generator, stream := []))
            _states[id(generator)] = generator.clone_state().manual_seed(generator.initial_seed()).get_state()
        if not torch.equal(before, _states[id(generator)]) or (kind == "randn" and values.dtype != torch.float32):
            stream.append(None)
        elif kind == "randint" or values.dtype != torch.float32:
            stream.append(values.numel())
        else:
            stream.append(Draw(values.detach().clone(), kind == "rand"))
        _states[id(generator)] = generator.get_state()
        return values

    return noted


def write_rules(folder: Path, since: float) -> None:
    written = [path for path in sorted(folder.glob("**/*.safetensors")) if path.stat().st_mtime >= since and not holds_results(path)]
    if not written:
        return
    streams = drawn() + known_streams(folder, written)
    index = Index(streams)
    for path in written:
        with safe_open(path, "pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}
        rules, rest = rules_of(tensors, streams, index)
        head = [f"metadata {value}" if key == "format" else f"note {key} {json.dumps(value)}" for key, value in metadata.items()]
        rules_file(path).write_text("\n".join(head + rules + [literal(name, part) for name, part in rest.items()]) + "\n")


def holds_results(path: Path) -> bool:
    """Images that the reference made with the weights beside them."""
    with safe_open(path, "pt") as file:
        return all(file.get_slice(name).get_dtype() == "U8" for name in file.keys())


def drawn() -> list:
    """What was drawn until now, by seed."""
    return [(generator.initial_seed(), list(takewhile(lambda draw: draw is not None, draws))) for generator, draws in _streams]


def rules_file(path: Path) -> Path:
    return path.with_name(f"{path.name}.rules")


def known_streams(folder: Path, written: list[Path]) -> list:
    """The draws behind the other files, from which what was written may have been made."""
    others = [path for path in sorted(folder.glob("**/*.rules")) if not any(path == rules_file(one) for one in written)]
    return [stream for path in others for stream in streams_of(path.read_text())]


def streams_of(rules: str) -> list:
    """Each seed that the rules name with what is drawn from it."""
    streams = []
    for seed, _, _, draw in draws_of(rules):
        if not streams or streams[-1][0] != seed or draw is None:
            streams.append((seed, []))
        if draw is not None:
            streams[-1][1].append(draw)
    return streams


def numbers_of(rules: str) -> dict[str, torch.Tensor]:
    """The tensors that the rules draw, by name."""
    return {name: torch.from_numpy(follow(rule, draw.values.numpy())) for _, name, rule, draw in draws_of(rules) if rule}


def draws_of(rules: str):
    """(seed, name, rule, draw) of each line that draws; name and rule are None of what is skipped, all but the seed where one begins."""
    for line, below in groups_of(rules):
        word, _, first = line.partition(" ")
        if word != "seed":
            continue
        seed, source = int(first), torch.Generator().manual_seed(int(first))
        yield seed, None, None, None
        for name, what in draws_in(below):
            rule, size, *_ = what.split(" ")
            uniform = rule == "pass" if name is None else rule in UNIFORM
            draw = (torch.rand if uniform else torch.randn)([int(n) for n in size.split("x")], generator=source)
            yield seed, name, rule if name else None, Draw(draw, uniform)


def groups_of(rules: str):
    """Each line that is not indented with those that are below it."""
    groups: list[tuple[str, list[str]]] = []
    for line in rules.splitlines():
        if line.startswith(" "):
            groups[-1][1].append(line)
        else:
            groups.append((line, []))
    return groups


class Index:
    """The draws by how many numbers they have, to be found by their first ones."""

    def __init__(self, streams) -> None:
        places: dict[int, list] = {}
        for s, (_, draws) in enumerate(streams):
            for d, draw in enumerate(draws):
                if isinstance(draw, Draw) and draw.values.numel() >= SHORTEST:
                    places.setdefault(draw.values.numel(), []).append(((s, d), _direction(draw.values.numpy())))
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


def rules_of(tensors: dict[str, torch.Tensor], streams=None, index: Index | None = None) -> tuple[list[str], dict[str, torch.Tensor]]:
    """The lines that say how tensors are drawn, and those that were not: by name, or by name and part."""
    streams = drawn() if streams is None else streams
    index = index or Index(streams)
    taken: dict[int, dict[int, tuple[str, str]]] = {}  # stream -> draw -> name and rule

    def take(name: str, part: torch.Tensor) -> bool:
        at = index.find(part.float().numpy()) if part.is_floating_point() and not set(name) & PUNCTUATION else None
        rule = at and exact_rule(part, streams[at[0]][1][at[1]])
        if not rule or at[1] in taken.setdefault(at[0], {}):
            return False
        taken[at[0]][at[1]] = (name, f"{rule} {'x'.join(map(str, part.shape))}{typed(part)}")
        return True

    rest = {}
    for name, tensor in tensors.items():
        if not take(name, tensor):
            rest.update({part: values for part, values in pieces(name, tensor) if part == name or not take(part, values)})
    lines = []
    for s in sorted(taken):
        seed, draws = streams[s]
        passed = [(None, f"pass {draw}" if isinstance(draw, int) else draw.passed()) for draw in draws[: max(taken[s]) + 1]]
        lines += [f"seed {seed}", *lines_of([taken[s].get(d, skipped) for d, skipped in enumerate(passed)])]
    return lines, rest


def pieces(name: str, tensor: torch.Tensor):
    """A tensor that was not drawn as a whole; one of query, key and value in one in its three parts."""
    if name.endswith(("in_proj_weight", "in_proj_bias", "qkv.weight", "qkv.bias")):
        return [(f"{name}[{i}]", part) for i, part in enumerate(tensor.chunk(3))]
    return [(name, tensor)]


def typed(tensor: torch.Tensor) -> str:
    return "" if tensor.dtype == torch.float32 else f" {TYPES[tensor.dtype]}"


def literal(name: str, tensor: torch.Tensor) -> str:
    """The line of a tensor that is not random, deflated where that is shorter."""
    data = tensor.reshape(-1).contiguous().view(torch.uint8).numpy().tobytes() if tensor.numel() else b""
    deflated = zlib.compress(data, 9)
    sign, kept = ("~", deflated) if len(deflated) < len(data) * 0.9 else ("=", data)
    return f"{name} {sign} {'x'.join(map(str, tensor.shape))} {TYPES[tensor.dtype]} {base64.b64encode(kept).decode()}"


def factors_of(kind: str, shape) -> list:
    """What a draw is multiplied with, one factor after the other."""
    width = f32(float(numpy.prod(shape[1:])) ** -0.5)
    return {"n": [], "e": [0.5], "p": [0.2], "w": [0.2], "b": [0.1], "m": [0.8, width], "q": [1.5, width], "u": [width]}[kind]


# what becomes of uniform numbers: as they are, or from -1 to 1
UNIFORM = {"r": lambda draw: draw, "s": lambda draw: draw * f32(2) - f32(1)}


def follow(rule: str, draw: numpy.ndarray) -> numpy.ndarray:
    if rule in UNIFORM:
        return UNIFORM[rule](draw)
    kind, *scales = rule.split("*")
    value = draw.astype(numpy.float32)
    for factor in factors_of(kind, draw.shape):
        value = value * f32(factor)
    value = f32(1) + value if kind == "w" else value
    for scale in scales:
        value = value * f32(scale)
    return value


def exact_rule(tensor: torch.Tensor, drawn: Draw) -> str | None:
    """How the draw becomes the tensor, bit for bit: factors one after the other, then what is added."""
    draw, want = drawn.values.numpy().reshape(tensor.shape), tensor.numpy() if tensor.dtype != torch.bfloat16 else None
    if want is None:
        return None
    if drawn.uniform:
        return next((kind for kind in UNIFORM if numpy.array_equal(follow(kind, draw), want)), None)
    stored = lambda value: value.astype(want.dtype)  # noqa: E731
    plain, by_width = ["e", "p", "b", "w", "n"], ["m", "q", "u"] if tensor.ndim >= 2 else []
    for kind in [*by_width, *plain]:
        if numpy.array_equal(stored(follow(kind, draw)), want):
            return kind
    for kind in [kind + scale for scale in ("", *FIRST_SCALES) for kind in [*plain, *by_width]]:  # scaled after it was made, as last layers are
        value = follow(kind, draw)
        big = numpy.unravel_index(numpy.abs(value).argmax(), value.shape)
        ratio = f32(want[big].astype(numpy.float32) / value[big])
        if not numpy.allclose(value * ratio, want, rtol=1e-3, atol=1e-6):
            continue
        for factor in neighbours(ratio, 40):
            if numpy.array_equal(stored(value.flat[:4] * factor), want.flat[:4]) and numpy.array_equal(stored(value * factor), want):
                return f"{kind}*{float(str(factor))}"
    return None


# by what weights are scaled before they are scaled by what their results ask for
FIRST_SCALES = ("*0.1", "*0.5")


def f32(value) -> numpy.float32:
    return numpy.float32(value)


def neighbours(value: numpy.float32, count: int) -> list[numpy.float32]:
    """The number and so many next to it on each side, the nearest first."""
    found, above, below = [value], value, value
    for _ in range(count):
        above, below = numpy.nextafter(above, numpy.float32(numpy.inf)), numpy.nextafter(below, numpy.float32(-numpy.inf))
        found += [below, above]
    return found
