"""Goldens of @denoise/tokenizer-gemma: texts with the ids and decoded texts that transformers gives.

    $(sh scripts/reference/setup.sh) scripts/reference/gemma_tokenizer_goldens.py [SEED [COUNT]]

writes tests/fixtures/tokenizers/gemma (as repos of Sana have it) and plugins/tokenizers/gemma/testdata/ids.json.
Another seed gives other texts.
"""

import json
import shutil
import sys

from tokenizers import Tokenizer, models, normalizers, trainers
from transformers import GemmaTokenizer

from tiny_tokenizer import TEXT
from tokenizer_goldens import FIXED, FIXTURES, ROOT
from tokenizer_runs import write_runs

COMMAND = "scripts/reference/gemma_tokenizer_goldens.py"
TESTDATA = ROOT / "plugins" / "tokenizers" / "gemma" / "testdata"
SPECIAL = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>"]
# the characters that the vocabulary has: of equally frequent ones the trainer takes any
ALPHABET = "\n!',-.12345<>ACEILOPQRTabcdefghiklmnopqrstuvwxy|É\u0301ΔΟΣאוםתةر\u200d▁の一日本猫ﬁ\ufe0f🌈👧"
BYTES = [f"<0x{byte:02X}>" for byte in range(256)]
WORDS = [
    "a photo of", "red apple", "<bos>", "<eos>", "<pad> x", "<start_of_turn>", "<mask>", "it's", "don'ſ", "\n\n", " \n ", "\t\t x", "   ", "▁", "a▁b",
    "１２3", "CAFE\u0301", "picasso  style", "\ufeff", "\x85 a", "<0x41>", "😀", "日本の猫",
]


def write_fixtures() -> dict:
    trained = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    trained.normalizer = normalizers.Replace(" ", "▁")
    corpus = [line for text in (TEXT, *FIXED, "the user assistant system, a red apple on a blue background") for line in text.split(". ")]
    trained.train_from_iterator(corpus * 3, trainers.BpeTrainer(
        vocab_size=620, special_tokens=[*SPECIAL, *BYTES], initial_alphabet=list(ALPHABET), limit_alphabet=len(ALPHABET),
        show_progress=False, max_token_length=16))
    model = json.loads(trained.to_str())["model"]
    for name, more in (("gemma", dict(add_bos_token=True)), ("gemma-bare", {})):
        shutil.rmtree(FIXTURES / name, ignore_errors=True)
        GemmaTokenizer(
            vocab=model["vocab"], merges=[tuple(pair) for pair in model["merges"]], model_max_length=512,
            additional_special_tokens=["<start_of_turn>", "<end_of_turn>"], **more,
        ).save_pretrained(FIXTURES / name)
    return {name: FIXTURES / name for name in ("gemma", "gemma-bare")}


def more(tokenizer: GemmaTokenizer, texts: list[str]) -> dict:
    return {"plain": tokenizer(texts[:5], add_special_tokens=False).input_ids}


if __name__ == "__main__":
    made = {name: GemmaTokenizer.from_pretrained(folder) for name, folder in write_fixtures().items()}
    write_runs(TESTDATA, COMMAND, made, WORDS, more, sys.argv[1:])
