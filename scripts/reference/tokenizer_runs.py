"""What tokenizers of decoder language models give for fixed and random texts, written as a golden."""

import json
import random
from pathlib import Path

import tokenizers
import transformers

from tokenizer_goldens import FIXED, LETTERS


def random_text(draw: random.Random, words: list[str]) -> str:
    text = ""
    for _ in range(draw.randint(0, 12)):
        word = "".join(draw.choice(draw.choice(LETTERS)) for _ in range(draw.randint(1, 6)))
        text += draw.choice(words) if draw.random() < 0.4 else word
        text += " " if draw.random() < 0.4 else ""
    return text


def answers(tokenizer, texts: list[str], draw: random.Random) -> dict:
    ids = tokenizer(texts).input_ids
    padded = tokenizer(texts[:15], padding="max_length", truncation=True, max_length=12)
    rows = [[draw.randrange(len(tokenizer) + 3) for _ in range(draw.randint(0, 8))] for _ in range(40)]
    return {
        "size": len(tokenizer), "ids": ids, "padded": padded.input_ids, "mask": padded.attention_mask,
        "decoded": tokenizer.batch_decode(ids), "skipped": tokenizer.batch_decode(ids, skip_special_tokens=True),
        "rows": rows, "decodedRows": tokenizer.batch_decode(rows),
    }


def write_runs(testdata: Path, command: str, made: dict, words: list[str], more, arguments: list[str], **head) -> None:
    """`made` has the tokenizers by name; `more(tokenizer, texts)` is what a class gives besides. Arguments: seed, count of texts."""
    seed, count = (int(value) for value in (arguments + ["0", "120"][len(arguments):]))
    transformers.utils.logging.set_verbosity_error()
    draw = random.Random(seed)
    texts = [*FIXED, *words, *(random_text(draw, words) for _ in range(count))]
    golden = {
        "versions": {"transformers": transformers.__version__, "tokenizers": tokenizers.__version__},
        "command": command,
        "texts": texts,
        **head,
        "tokenizers": {name: answers(tokenizer, texts, draw) | more(tokenizer, texts) for name, tokenizer in made.items()},
    }
    testdata.mkdir(parents=True, exist_ok=True)
    (testdata / "ids.json").write_text(json.dumps(golden, separators=(",", ":")) + "\n")
