"""Goldens of @denoise/tokenizer-t5: texts with the ids and decoded texts that transformers gives.

    $(sh scripts/reference/setup.sh) -m pip install sentencepiece protobuf
    $(sh scripts/reference/setup.sh) scripts/reference/t5_tokenizer_goldens.py [SEED [COUNT]]

writes tests/fixtures/tokenizers/t5-spiece (a SentencePiece model with the normalization of T5, and no
tokenizer.json), t5-json (with a normalization of its own, as transformers saves it, tokens added), and
plugins/tokenizers/t5/testdata/ids.json. Another seed gives other texts; they are checked the same way.
"""

import json
import os
import random
import shutil
import sys
import tempfile
from pathlib import Path

import sentencepiece
import tokenizers
import transformers
from tokenizers import AddedToken
from transformers import T5Tokenizer

from tokenizer_goldens import FIXED, FIXTURES, LETTERS, ROOT

COMMAND = "scripts/reference/t5_tokenizer_goldens.py"
TESTDATA = ROOT / "plugins" / "tokenizers" / "t5" / "testdata"
WORDS = [
    "a photo of", "red apple", "</s>", "<pad>", "<unk>", " </s> ", "<extra_id_0>", "<extra_id_99>", "<extra_id_100>", "it's",
    "they've I'll 'RE", "▁", "▁a▁b", "picasso style", "ＡＢＣ", "＜/s＞", "CAFE\u0301", "<cat-toy>", "renewal new", "new", "NEW", "ㇰ゙",
    " ,", " n't", "don 't", "e\u0301\u0327", "\u0300", "ｶﾞ", "가", "½ kg", "…", "™",
]
SENTENCES = [
    "a photo of a red apple on a blue background, it's 12.5% off!", "an astronaut riding a horse in Picasso style",
    "They don't know what we've seen: the cat's house (2 dogs) & more.", "Ein schöner Tag für eine Katze, déjà vu café naïve",
    "日本の猫と犬", "новая красная кошка", "the new renewal of the old city by night", "ABC XYZ 0123456789 ½ … fine office",
]
RULES = {"A": "a", "B": "b", "É": "e", "e\u0301": "e", "ab": "X", "ﬁ": "fi", "\t": " ", "\u200b": "", "…": "...", "ß": "ss", "日本": "nippon"}


def train_model(path: Path, rules: dict[str, str] | None, size: int, **how) -> None:
    """A unigram model of SENTENCES, with the normalization of T5 (NFKC) or of these rules."""
    draw = random.Random(0)
    with tempfile.TemporaryDirectory() as temp:
        words = " ".join(SENTENCES).split()
        lines = SENTENCES + [" ".join(draw.choices(words, k=8)) for _ in range(400)]
        home = os.getcwd()
        os.chdir(temp)  # the model keeps the names of the files it was made of
        Path("corpus.txt").write_text("\n".join(lines))
        if rules is not None:
            code = lambda text: " ".join(f"{ord(char):X}" for char in text)  # noqa: E731
            Path("rules.tsv").write_text("".join(f"{code(a)}\t{code(b)}\n" for a, b in sorted(rules.items())))
            how["normalization_rule_tsv"] = "rules.tsv"
        sentencepiece.SentencePieceTrainer.train(
            input="corpus.txt", model_prefix="model", vocab_size=size, model_type="unigram", hard_vocab_limit=False, num_threads=1,
            minloglevel=2, **how,
        )
        shutil.move("model.model", path)
        os.chdir(home)


def train(folder: Path, rules: dict[str, str] | None, size: int, symbols: list[str]) -> None:
    """A model with T5's ids for <pad>, </s> and <unk>."""
    folder.mkdir(parents=True)
    train_model(folder / "spiece.model", rules, size, pad_id=0, eos_id=1, unk_id=2, bos_id=-1, pad_piece="<pad>", eos_piece="</s>",
                unk_piece="<unk>", user_defined_symbols=symbols)
    config = {"tokenizer_class": "T5Tokenizer", "model_max_length": 16, "extra_ids": 100, "eos_token": "</s>",
              "unk_token": "<unk>", "pad_token": "<pad>", "clean_up_tokenization_spaces": rules is None}
    (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=2) + "\n")


def write_fixtures() -> dict[str, Path]:
    for name in ("t5-spiece", "t5-json"):
        shutil.rmtree(FIXTURES / name, ignore_errors=True)
    train(FIXTURES / "t5-spiece", None, 260, [])
    with tempfile.TemporaryDirectory() as temp:
        train(Path(temp, "own"), RULES, 200, ["<symbol>"])
        config = Path(temp, "own", "tokenizer_config.json")
        config.write_text(json.dumps({**json.loads(config.read_text()), "extra_ids": 5, "padding_side": "left"}))
        tokenizer = T5Tokenizer.from_pretrained(Path(temp, "own"))
        tokenizer.add_tokens(["<cat-toy>", AddedToken("new", single_word=True), AddedToken("É!", lstrip=True, rstrip=True)])
        tokenizer.save_pretrained(FIXTURES / "t5-json")
    return {name: FIXTURES / name for name in ("t5-spiece", "t5-json")}


def random_text(draw: random.Random) -> str:
    text = ""
    for _ in range(draw.randint(0, 12)):
        word = "".join(draw.choice(draw.choice(LETTERS)) for _ in range(draw.randint(1, 6)))
        text += draw.choice([*WORDS, *" ".join(SENTENCES).split()]) if draw.random() < 0.5 else word
        text += " " if draw.random() < 0.4 else ""
    return text


def answers(tokenizer: T5Tokenizer, texts: list[str], draw: random.Random) -> dict:
    ids = tokenizer(texts).input_ids
    padded = tokenizer(texts, padding="max_length", truncation=True)
    rows = [[draw.randrange(len(tokenizer) + 3) for _ in range(draw.randint(0, 8))] for _ in range(40)]
    return {
        "size": len(tokenizer),
        "ids": ids,
        "plain": tokenizer(texts[:10], add_special_tokens=False).input_ids,
        "padded": padded.input_ids[:15],
        "mask": padded.attention_mask[:15],
        "decoded": tokenizer.batch_decode(ids),
        "skipped": tokenizer.batch_decode(ids, skip_special_tokens=True),
        "rows": rows,
        "decodedRows": tokenizer.batch_decode(rows),
    }


def main(seed: int, count: int) -> None:
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    transformers.utils.logging.set_verbosity_error()
    draw = random.Random(seed)
    texts = [*FIXED, *WORDS, *SENTENCES, *(random_text(draw) for _ in range(count))]
    golden = {
        "versions": {"transformers": transformers.__version__, "tokenizers": tokenizers.__version__,
                     "sentencepiece": sentencepiece.__version__},
        "command": COMMAND,
        "texts": texts,
        "tokenizers": {name: answers(T5Tokenizer.from_pretrained(folder), texts, draw)
                       for name, folder in write_fixtures().items()},
    }
    TESTDATA.mkdir(parents=True, exist_ok=True)
    (TESTDATA / "ids.json").write_text(json.dumps(golden, ensure_ascii=False, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 0, int(sys.argv[2]) if len(sys.argv) > 2 else 120)
