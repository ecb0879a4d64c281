"""The tokenizer, in CLIP's file format, and the text encoder that reads it."""

import collections
import json
import re
from pathlib import Path

from transformers import CLIPTextConfig, CLIPTextModel

LENGTH = 32
MERGES = 3000
START, END = "<|startoftext|>", "<|endoftext|>"
PIECES = re.compile(r"'s|'t|'re|'ve|'m|'ll|'d|[^\W\d_]+|\d|[^\s\w]+|_+")


def byte_letters() -> list[str]:
    """The 256 printable stand-ins of bytes that GPT-2 and CLIP use, in CLIP's order."""
    plain = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    rest = [b for b in range(256) if b not in plain]
    return [chr(b) for b in plain] + [chr(256 + i) for i in range(len(rest))]


def byte_table() -> dict[int, str]:
    plain = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    rest = [b for b in range(256) if b not in plain]
    return dict(zip([*plain, *rest], byte_letters()))


def learn_merges(words: collections.Counter, count: int) -> list[tuple[str, str]]:
    """Byte pair encoding: joins the most frequent neighbours, again and again (ties: alphabetical)."""
    split = {word: [*word[:-1], word[-1] + "</w>"] for word in words}
    pairs = collections.Counter()
    where = collections.defaultdict(set)

    def note(word: str, sign: int) -> None:
        parts = split[word]
        for pair in zip(parts, parts[1:]):
            pairs[pair] += sign * words[word]
            where[pair].add(word)

    for word in split:
        note(word, 1)
    merges = []
    while len(merges) < count and pairs:
        best = min(pairs, key=lambda pair: (-pairs[pair], pair))
        if pairs[best] <= 0:
            break
        merges.append(best)
        for word in list(where.pop(best)):
            note(word, -1)
            split[word] = joined(split[word], best)
            note(word, 1)
        del pairs[best]
    return merges


def joined(parts: list[str], pair: tuple[str, str]) -> list[str]:
    made, i = [], 0
    while i < len(parts):
        if tuple(parts[i : i + 2]) == pair:
            made.append(parts[i] + parts[i + 1])
            i += 2
        else:
            made.append(parts[i])
            i += 1
    return made


def save_tokenizer(folder: Path, words: list[str], otherwise: str, near: dict[str, str]) -> None:
    """A word that is used often gets a token of its own sooner. `otherwise` is what is drawn of unknown words, `near` the
    names that they are nearest to."""
    letters_of = (part for word in words for part in re.findall("[a-z]+", word))  # digits are tokens of their own
    counts = collections.Counter({word: 1 + min(9, count) for word, count in collections.Counter(letters_of).items()})
    merges = learn_merges(counts, MERGES)
    letters = byte_letters()
    tokens = [*letters, *(letter + "</w>" for letter in letters), *(a + b for a, b in merges), START, END]
    folder.mkdir(parents=True, exist_ok=True)
    vocab = {token: index for index, token in enumerate(dict.fromkeys(tokens))}
    (folder / "vocab.json").write_text(json.dumps(vocab, ensure_ascii=False, separators=(",", ":")))
    lines = ["#version: 0.2", *(f"{a} {b}" for a, b in merges)]
    (folder / "merges.txt").write_text("\n".join(lines) + "\n")
    special = {"bos_token": START, "eos_token": END, "unk_token": END, "pad_token": END}
    (folder / "special_tokens_map.json").write_text(json.dumps(special, indent=2))
    config = {
        **special,
        "tokenizer_class": "CLIPTokenizer",
        "add_prefix_space": False,
        "do_lower_case": True,
        "errors": "replace",
        "model_max_length": LENGTH,
        "taught": {"model": "denoise/emoji", "words": " ".join(sorted(set(words))), "otherwise": otherwise, "near": near},
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=2))


class Words:
    """Encodes captions as CLIPTokenizer does, remembering words: millions of captions are made of a few thousand."""

    def __init__(self, folder: Path):
        self.vocab = json.loads((folder / "vocab.json").read_text())
        lines = (folder / "merges.txt").read_text().splitlines()[1:]
        self.ranks = {tuple(line.split()): rank for rank, line in enumerate(lines)}
        self.bytes = byte_table()
        self.known: dict[str, list[int]] = {}

    def encode(self, text: str) -> list[int]:
        """-> LENGTH token ids."""
        ids = [token for piece in PIECES.findall(text.lower()) for token in self.piece(piece)][: LENGTH - 2]
        end = self.vocab[END]
        return [self.vocab[START], *ids, *[end] * (LENGTH - 1 - len(ids))]

    def piece(self, piece: str) -> list[int]:
        if piece not in self.known:
            letters = [self.bytes[b] for b in piece.encode()]
            parts = [*letters[:-1], letters[-1] + "</w>"]
            while pairs := [pair for pair in zip(parts, parts[1:]) if pair in self.ranks]:
                parts = joined(parts, min(pairs, key=self.ranks.get))
            self.known[piece] = [self.vocab[part] for part in parts]
        return self.known[piece]


def new_text_encoder(tokenizer: Path) -> CLIPTextModel:
    vocab = json.loads((tokenizer / "vocab.json").read_text())
    return CLIPTextModel(
        CLIPTextConfig(
            vocab_size=len(vocab),
            hidden_size=192,
            intermediate_size=640,
            projection_dim=192,
            num_hidden_layers=3,
            num_attention_heads=6,
            max_position_embeddings=LENGTH,
            bos_token_id=vocab[START],
            eos_token_id=vocab[END],
            pad_token_id=vocab[END],
            hidden_act="quick_gelu",
        )
    )
