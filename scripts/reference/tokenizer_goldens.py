"""Goldens of @denoise/tokenizer-clip: texts with the ids and decoded texts that transformers gives.

    $(sh scripts/reference/setup.sh) scripts/reference/tokenizer_goldens.py [SEED [COUNT]]

writes plugins/tokenizers/clip/testdata: ids.json for the tokenizers in tests/fixtures/tokenizers, and a
tokenizer as transformers saves it itself (tokenizer.json), with tokens added to it. Another seed gives
other texts; they are checked the same way.
"""

import json
import random
import shutil
import sys
from pathlib import Path

import tokenizers
import transformers
from transformers import CLIPTokenizer

ROOT = Path(__file__).resolve().parents[2]
FIXTURES = ROOT / "tests" / "fixtures" / "tokenizers"
TESTDATA = ROOT / "plugins" / "tokenizers" / "clip" / "testdata"
COMMAND = "scripts/reference/tokenizer_goldens.py"

LETTERS = [
    "abcdefghijklmnopqrstuvwxyz", "ABCXYZ", " \t\n\r\u00a0\u3000\u200b\u2028\x85\ufeff", "0123456789²½٣",
    ".,;:!?'\"-_()[]<>|/", "éèüñçßÅøİıſΣσςΟΔΩß", "日本語中文字漢", "😀🎨👨‍👩‍👧🏳️‍🌈🇩🇪", "שלוםمرحبا",
    "\u0301\u0308\u0327\u20e3", "नमस्तेไทย한국어", "ﬁﬀǅⅣ①", "\x00\x01\x1f\x7f",
]
WORDS = [
    "a photo of", "red apple", "<|startoftext|>", "<|endoftext|>", "<|EndOfText|>", " <|endoftext|> ", "it's",
    "they've I'll 'RE", "!", "!!", "picasso style", "</w>", "the</w>", "ΟΔΟΣ", "ΣΑΣ Σ", "CAFE\u0301", "<cat-toy>",
]
FIXED = [
    "", " ", "a photo of a red apple on a blue background", "An Image of a SQUIRREL in Picasso style!",
    "it's they've we'll I'd you're 'tis don't", "1234 12.5 3/4", "日本の猫 一只猫", "قطة حمراء חתול אדום",
    "👨‍👩‍👧 🏳️‍🌈 🎨", "cafe\u0301 CAFÉ ﬁne", "  two   spaces\nand\tmore  ", "a " * 120, "x" * 300,
    "<|startoftext|> inside <|endoftext|> again <|EndOfText|>", "ΟΔΟΣ ΣΑΣ ς", "a <cat-toy> on <CAT-TOY>, new",
]


def random_text(draw: random.Random) -> str:
    text = ""
    for _ in range(draw.randint(0, 12)):
        word = "".join(draw.choice(draw.choice(LETTERS)) for _ in range(draw.randint(1, 6)))
        text += draw.choice(WORDS) if draw.random() < 0.35 else word
        text += " " if draw.random() < 0.4 else ""
    return text


def answers(tokenizer: CLIPTokenizer, texts: list[str], draw: random.Random) -> dict:
    ids = tokenizer(texts).input_ids
    padded = tokenizer(texts, padding="max_length", truncation=True)
    rows = [[draw.randrange(len(tokenizer) + 3) for _ in range(draw.randint(0, 8))] for _ in range(40)]
    return {
        "size": len(tokenizer),
        "ids": ids,
        "padded": padded.input_ids[:15],
        "mask": padded.attention_mask[:15],
        "decoded": tokenizer.batch_decode(ids),
        "skipped": tokenizer.batch_decode(ids, skip_special_tokens=True),
        "rows": rows,
        "decodedRows": tokenizer.batch_decode(rows),
    }


def main(seed: int, count: int) -> None:
    transformers.utils.logging.set_verbosity_error()
    draw = random.Random(seed)
    texts = [*FIXED, *(random_text(draw) for _ in range(count))]
    saved = TESTDATA / "saved"
    shutil.rmtree(saved, ignore_errors=True)
    tokenizer = CLIPTokenizer.from_pretrained(FIXTURES / "clip-77")
    tokenizer.add_tokens(["<cat-toy>", "new"])
    tokenizer.save_pretrained(saved)
    folders = {"clip-77": FIXTURES / "clip-77", "clip-16": FIXTURES / "clip-16", "saved": saved}
    golden = {
        "versions": {"transformers": transformers.__version__, "tokenizers": tokenizers.__version__},
        "command": COMMAND,
        "texts": texts,
        "tokenizers": {name: answers(CLIPTokenizer.from_pretrained(path), texts, draw) for name, path in folders.items()},
    }
    (TESTDATA / "ids.json").write_text(json.dumps(golden, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    seed, count = [int(value) for value in [*sys.argv[1:], *["0", "50"][len(sys.argv) - 1 :]]]
    main(seed, count)
