"""Goldens of @denoise/tokenizer-bert: texts with the ids and decoded texts that transformers gives.

    $(sh scripts/reference/setup.sh) scripts/reference/bert_tokenizer_goldens.py [SEED [COUNT]]

writes plugins/tokenizers/bert/testdata: the tokenizers, one of them as transformers saves it itself (tokenizer.json) with
tokens added to it, and ids.json. Another seed gives other texts; they are checked the same way.
"""

import json
import random
import shutil
import sys
from pathlib import Path

import tokenizers
import transformers
from transformers import BertTokenizer

from bert_vocabulary import write_tokenizer
from tokenizer_goldens import FIXED, answers, random_text

TESTDATA = Path(__file__).resolve().parents[2] / "plugins" / "tokenizers" / "bert" / "testdata"
COMMAND = "scripts/reference/bert_tokenizer_goldens.py"
OWN = [
    "a painting of a squirrel eating a burger", "[CLS] a [MASK] [SEP] [cls]", "𠀀日本の猫𠀁 cafés", "riding-rides, rider's!",
    "ΟΔΟΣ ΣΑΣ σς Σ", "don't can't", "x" * 101 + " " + "a" * 100, "Ａ ﬁ ① ² \u00ad soft\u200dhyphen \ufffd\x00end", "É é E\u0301 ÉÉ",
    "<cat-toy> a <CAT-TOY>", "##s s##s", "naïve Ångström",
]


def main(seed: int, count: int) -> None:
    transformers.utils.logging.set_verbosity_error()
    draw = random.Random(seed)
    texts = [*FIXED, *OWN, *(random_text(draw) for _ in range(count))]
    for name in ("uncased", "cased", "accents", "saved"):
        shutil.rmtree(TESTDATA / name, ignore_errors=True)
    write_tokenizer(TESTDATA / "uncased", max_length=16)
    write_tokenizer(TESTDATA / "cased", max_length=20, cased=True, padding_side="left")
    write_tokenizer(TESTDATA / "accents", max_length=20, strip_accents=False, tokenize_chinese_chars=False)
    tokenizer = BertTokenizer.from_pretrained(TESTDATA / "uncased")
    tokenizer.add_tokens(["<cat-toy>", "rider"])
    tokenizer.save_pretrained(TESTDATA / "saved")
    names = ("uncased", "cased", "accents", "saved")
    golden = {
        "versions": {"transformers": transformers.__version__, "tokenizers": tokenizers.__version__},
        "command": COMMAND,
        "texts": texts,
        "tokenizers": {name: answers(BertTokenizer.from_pretrained(TESTDATA / name), texts, draw) for name in names},
    }
    (TESTDATA / "ids.json").write_text(json.dumps(golden, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    seed, count = [int(value) for value in [*sys.argv[1:], *["0", "50"][len(sys.argv) - 1 :]]]
    main(seed, count)
