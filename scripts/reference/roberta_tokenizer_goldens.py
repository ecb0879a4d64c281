"""Goldens of @denoise/tokenizer-roberta: texts with the ids and decoded texts that transformers gives.

    $(sh scripts/reference/setup.sh) scripts/reference/roberta_tokenizer_goldens.py [SEED [COUNT]]

writes tests/fixtures/tokenizers/roberta (vocab.json and merges.txt, as older repos have them), roberta-json (as
transformers saves it) and plugins/tokenizers/roberta/testdata/ids.json. Another seed gives other texts.
"""

import json
import shutil
import sys

from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from transformers import RobertaTokenizer

from tiny_tokenizer import TEXT
from tokenizer_goldens import FIXED, FIXTURES, ROOT
from tokenizer_runs import write_runs

COMMAND = "scripts/reference/roberta_tokenizer_goldens.py"
TESTDATA = ROOT / "plugins" / "tokenizers" / "roberta" / "testdata"
SPECIAL = ["<s>", "<pad>", "</s>", "<unk>"]  # the first ids, then "<mask>" as the last one
WORDS = [
    "a dog barks", "techno music", "<s>", "</s>", " <mask> ", "<pad>", "<unk>", "it's", "IT'S they've I'll 'RE", "\n\n", " \n ", "\t\t x", "   ",
    "１２3 45", "CAFE\u0301", "two  spaces", "\ufeff", "\x85 a", "<cat-toy>",
]


def write_fixtures() -> dict:
    trained = Tokenizer(models.BPE())
    trained.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    corpus = [TEXT, *FIXED, "日本の猫 новая красная кошка a dog barks techno music with a strong, upbeat tempo"]
    trained.train_from_iterator(corpus * 3, trainers.BpeTrainer(
        vocab_size=400, initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()), special_tokens=SPECIAL, show_progress=False))
    model = json.loads(trained.to_str())["model"]
    vocab = {**model["vocab"], "<mask>": len(model["vocab"])}
    folder = FIXTURES / "roberta"
    for name in ("roberta", "roberta-json"):
        shutil.rmtree(FIXTURES / name, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "vocab.json").write_text(json.dumps(vocab, ensure_ascii=False))
    (folder / "merges.txt").write_text("#version: 0.2\n" + "".join(f"{a} {b}\n" for a, b in model["merges"]))
    config = {"add_prefix_space": False, "bos_token": "<s>", "cls_token": "<s>", "eos_token": "</s>", "errors": "replace",
              "mask_token": {"__type": "AddedToken", "content": "<mask>", "lstrip": True, "normalized": False, "rstrip": False,
                             "single_word": False},
              "model_max_length": 24, "pad_token": "<pad>", "sep_token": "</s>", "tokenizer_class": "RobertaTokenizer",
              "trim_offsets": True, "unk_token": "<unk>"}
    (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=2) + "\n")
    tokenizer = RobertaTokenizer.from_pretrained(folder)
    tokenizer.add_tokens(["<cat-toy>"])
    tokenizer.save_pretrained(FIXTURES / "roberta-json")
    return {name: FIXTURES / name for name in ("roberta", "roberta-json")}


if __name__ == "__main__":
    made = {name: RobertaTokenizer.from_pretrained(folder) for name, folder in write_fixtures().items()}
    write_runs(TESTDATA, COMMAND, made, WORDS, lambda tokenizer, texts: {}, sys.argv[1:])
