"""Goldens of @denoise/tokenizer-xlm-roberta: texts with the ids and decoded texts that transformers gives.

    $(sh scripts/reference/setup.sh) -m pip install sentencepiece protobuf
    $(sh scripts/reference/setup.sh) scripts/reference/xlm_roberta_tokenizer_goldens.py [SEED [COUNT]]

writes tests/fixtures/tokenizers/xlm-roberta (a SentencePiece model, and no tokenizer.json), xlm-roberta-json (as transformers
saves it, tokens added), and plugins/tokenizers/xlm_roberta/testdata/ids.json.
"""

import json
import shutil
import sys
from pathlib import Path

from tokenizers import AddedToken
from transformers import XLMRobertaTokenizer

from t5_tokenizer_goldens import RULES, WORDS, train_model
from tokenizer_goldens import FIXTURES, ROOT
from tokenizer_runs import write_runs

COMMAND = "scripts/reference/xlm_roberta_tokenizer_goldens.py"
TESTDATA = ROOT / "plugins" / "tokenizers" / "xlm_roberta" / "testdata"
OWN = ["<s>", "<mask>", " <mask> ", "a<mask>b", "<cat-toy>", "<symbol>x", "новая красная кошка", "日本の猫と犬", "déjà vu"]


def write_spm(folder: Path) -> None:
    """As repos of 2020 lie: fairseq puts its special tokens around the pieces of the model."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    train_model(folder / "sentencepiece.bpe.model", RULES, 240, unk_id=0, bos_id=1, eos_id=2, pad_id=-1, user_defined_symbols=["<symbol>"])
    config = {"tokenizer_class": "XLMRobertaTokenizer", "model_max_length": 32, "bos_token": "<s>", "eos_token": "</s>", "sep_token": "</s>",
              "cls_token": "<s>", "unk_token": "<unk>", "pad_token": "<pad>", "clean_up_tokenization_spaces": True,
              "mask_token": {"__type": "AddedToken", "content": "<mask>", "lstrip": True, "normalized": True, "rstrip": False, "single_word": False}}
    (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=2) + "\n")


def write_fixtures() -> dict[str, XLMRobertaTokenizer]:
    spm, saved = FIXTURES / "xlm-roberta", FIXTURES / "xlm-roberta-json"
    write_spm(spm)
    shutil.rmtree(saved, ignore_errors=True)
    tokenizer = XLMRobertaTokenizer.from_pretrained(spm, clean_up_tokenization_spaces=False, padding_side="left")
    tokenizer.add_tokens(["<cat-toy>", AddedToken("new", single_word=True), AddedToken("É!", lstrip=True, rstrip=True)])
    tokenizer.save_pretrained(saved)
    return {folder.name: XLMRobertaTokenizer.from_pretrained(folder) for folder in (spm, saved)}


if __name__ == "__main__":
    write_runs(TESTDATA, COMMAND, write_fixtures(), WORDS + OWN, lambda tokenizer, texts: {}, sys.argv[1:] or ["0", "50"])
