"""What is drawn, as the indented lines of rules: levels of names with what is drawn in them, what repeats written once.

`lines_of()` writes them, `draws_in()` reads them, as tests/support/rule_lines.ts does. tests/fixtures/README.md describes the format.
"""

from collections.abc import Iterable, Iterator
from itertools import groupby, product

WIDEST = 100  # letters of a line that holds several things
PUNCTUATION = set(" ,:;~")  # what no name may hold

# A body is a tuple of what is drawn in a level, in order: (names, what) with a body or the words "RULE SIZE [TYPE]",
# and ("", "skip N") or ("", "pass N"). Names are as they are written: "mid.0~2.norm1,norm2".
Body = tuple


def lines_of(draws: Iterable[tuple[str | None, str]]) -> list[str]:
    """(name, "RULE SIZE [TYPE]") and (None, "skip N") in the order in which they are drawn, as lines."""
    return _Writer().lines(_joined(_tree(draws)), "", 1)


def draws_in(lines: Iterable[str]) -> Iterator[tuple[str | None, str]]:
    """What `lines_of()` was given."""
    root: list = []
    bodies = [root]  # the open levels
    for line in lines:
        depth = len(line) - len(line.lstrip(" "))
        del bodies[depth:]
        label, colon, items = line.strip().partition(":")
        if colon:
            bodies[-1].append((label, [_item(item) for item in items.split(";")]))
        elif " " in label and " like " not in label:
            bodies[-1] += [_item(item) for item in label.split(";")]
        else:
            names, _, pattern = label.partition(" like ")
            body = pattern or []
            bodies[-1].append((names, body))
            bodies.append(body if isinstance(body, list) else [])
    yield from _walk(root, "", {})


def _item(text: str) -> tuple[str, str]:
    first, rest = text.strip().split(" ", 1)
    return ("", f"{first} {rest}") if first in ("skip", "pass") else (first, f" {rest}")


def _walk(body, path: str, levels: dict) -> Iterator[tuple[str | None, str]]:
    for names, what in body:
        if not names:
            yield None, what
            continue
        for name in expanded(names):
            full = f"{path}.{name}" if path else name
            if isinstance(what, str) and what.startswith(" "):
                yield full, what[1:]
            else:
                levels[full] = levels[what] if isinstance(what, str) else what
                yield from _walk(levels[full], full, levels)


def expanded(names: str) -> list[str]:
    """`a.0~2,5` as a.0, a.1, a.2 and a.5."""
    parts = [[name for one in part.split(",") for name in _range(one)] for part in names.split(".")]
    return [".".join(chosen) for chosen in product(*parts)]


def _range(text: str) -> list[str]:
    first, to, last = text.partition("~")
    return [str(number) for number in range(int(first), int(last) + 1)] if to else [text]


def _tree(draws: Iterable[tuple[str | None, str]]) -> list:
    root: list = []
    bodies, below = [root], []  # the open levels and their names
    for name, what in draws:
        if name is None:
            bodies[-1].append(("", what))
            continue
        *levels, last = name.split(".")
        same = next((i for i, (a, b) in enumerate(zip(levels, below)) if a != b), min(len(levels), len(below)))
        del bodies[same + 1 :]
        for level in levels[same:]:
            bodies[-1].append((level, body := []))
            bodies.append(body)
        bodies[-1].append((last, f" {what}"))
        below = levels
    return root


def _joined(body: list) -> Body:
    """Neighbours that hold the same have their names in one place, and a level that holds one thing is one with it."""
    whole = [(name, what if isinstance(what, str) else _joined(what)) for name, what in body]
    joined = []
    for (_, what), same in groupby(whole, lambda one: (bool(one[0]), one[1])):
        names = [name for name, _ in same]
        if not names[0]:
            joined += [("", what)] * len(names)
            continue
        label = _written(names)
        while not isinstance(what, str) and len(what) == 1 and what[0][0]:
            (inner, what), = what
            label += f".{inner}"
        joined.append((label, what))
    return tuple(joined)


def _written(names: list[str]) -> str:
    runs: list[list[str]] = []
    for name in names:
        if runs and name.isdigit() and name == str(int(runs[-1][-1]) + 1 if runs[-1][-1].isdigit() else ""):
            runs[-1].append(name)
        else:
            runs.append([name])
    return ",".join(f"{run[0]}~{run[-1]}" if len(run) > 2 else ",".join(run) for run in runs)


class _Writer:
    def __init__(self) -> None:
        self._at: dict[str, Body] = {}  # by the full name of a level, what it held when it was last written
        self._known: dict[Body, str] = {}

    def lines(self, body: Body, path: str, depth: int) -> list[str]:
        lines: list[str] = []
        for is_item, parts in groupby(body, lambda one: isinstance(one[1], str)):
            if is_item:
                lines += _wrapped([f"{names}{what}" for names, what in parts], depth)
            else:
                lines += [line for names, what in parts for line in self._level(names, what, path, depth)]
        return lines

    def _level(self, names: str, body: Body, path: str, depth: int) -> list[str]:
        indent = " " * depth
        full = [f"{path}.{name}" if path else name for name in expanded(names)]
        known = self._known.get(body)
        pattern = f"{indent}{names} like {known}" if known is not None and self._at[known] == body else None
        inner = self.lines(body, full[0], depth + 1) if pattern is None else []
        line = f"{indent}{names}: " + "; ".join(f"{name}{what}" for name, what in body if isinstance(what, str))
        short = all(isinstance(what, str) for _, what in body) and len(line) <= WIDEST
        for name in full:
            self._note(name, body)
        if short and (pattern is None or len(line) <= len(pattern)):
            return [line]
        return [pattern] if pattern is not None else [f"{indent}{names}", *inner]

    def _note(self, path: str, body: Body) -> None:
        self._at[path] = body
        if self._at.get(self._known.get(body)) != body:
            self._known[body] = path
        for names, what in body:
            if not isinstance(what, str):
                for name in expanded(names):
                    self._note(f"{path}.{name}", what)


def _wrapped(items: list[str], depth: int) -> list[str]:
    lines: list[str] = []
    for item in items:
        if lines and len(lines[-1]) + len(item) + 2 <= WIDEST:
            lines[-1] += f"; {item}"
        else:
            lines.append(" " * depth + item)
    return lines
