"""A CLIP tokenizer with a vocabulary of a few hundred entries, in the files that SD repos have."""

import json
from collections import Counter
from pathlib import Path

from transformers.convert_slow_tokenizer import bytes_to_unicode

TEXT = """a photo of a red apple on a blue background an image of a squirrel in picasso style a painting of the
cat and the dog with green trees under the sky low quality blurry astronaut riding a horse on mars portrait of
one two three four small big yellow house by the river at night in the rain"""
START, END = "<|startoftext|>", "<|endoftext|>"


def learn_merges(text: str, count: int) -> list[tuple[str, str]]:
    """Byte-pair encoding (Sennrich et al. 2016): the most frequent pair first, ties by the pair itself."""
    words = Counter(text.split())
    split = {word: [*word[:-1], word[-1] + "</w>"] for word in words}
    merges = []
    for _ in range(count):
        pairs = Counter()
        for word, parts in split.items():
            for pair in zip(parts, parts[1:]):
                pairs[pair] += words[word]
        if not pairs:
            break
        best = max(pairs, key=lambda pair: (pairs[pair], pair))
        merges.append(best)
        for parts in split.values():
            i = 0
            while i < len(parts) - 1:
                if (parts[i], parts[i + 1]) == best:
                    parts[i : i + 2] = [parts[i] + parts[i + 1]]
                i += 1
    return merges


def build_vocab(merges: list[tuple[str, str]]) -> dict[str, int]:
    letters = list(bytes_to_unicode().values())
    entries = [*letters, *(c + "</w>" for c in letters), *("".join(m) for m in merges), START, END]
    return {entry: i for i, entry in enumerate(entries)}


def write_tokenizer(folder: Path, max_length: int = 77, pad: str = END, merges: int = 120) -> dict[str, int]:
    """Writes the four files of an SD 1.5 tokenizer folder and gives back the vocabulary."""
    pairs = learn_merges(TEXT, merges)
    vocab = build_vocab(pairs)
    added = lambda text: {  # noqa: E731
        "__type": "AddedToken", "content": text, "lstrip": False, "normalized": True, "rstrip": False, "single_word": False,
    }
    plain = lambda text: {key: value for key, value in added(text).items() if key != "__type"}  # noqa: E731
    files = {
        "vocab.json": json.dumps(vocab, ensure_ascii=False),
        "merges.txt": "#version: 0.2\n" + "".join(f"{a} {b}\n" for a, b in pairs),
        "special_tokens_map.json": json.dumps(
            {"bos_token": plain(START), "eos_token": plain(END), "pad_token": pad, "unk_token": plain(END)}, indent=2),
        "tokenizer_config.json": json.dumps({
            "add_prefix_space": False, "bos_token": added(START), "do_lower_case": True, "eos_token": added(END),
            "errors": "replace", "model_max_length": max_length, "pad_token": pad,
            "tokenizer_class": "CLIPTokenizer", "unk_token": added(END),
        }, indent=2),
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    return vocab
