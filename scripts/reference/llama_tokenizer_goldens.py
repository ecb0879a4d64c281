"""Goldens of @denoise/tokenizer-llama: texts with the ids and decoded texts that transformers gives.

    $(sh scripts/reference/setup.sh) scripts/reference/llama_tokenizer_goldens.py [SEED [COUNT]]

trains a small SentencePiece model and writes tests/fixtures/tokenizers/llama* and plugins/tokenizers/llama/testdata/ids.json.
Another seed gives other texts.
"""

import json
import shutil
import sys
import tempfile
from pathlib import Path

import sentencepiece
from transformers import LlamaTokenizer

from tiny_tokenizer import TEXT
from tokenizer_goldens import FIXED, FIXTURES, ROOT
from tokenizer_runs import write_runs

COMMAND = "scripts/reference/llama_tokenizer_goldens.py"
TESTDATA = ROOT / "plugins" / "tokenizers" / "llama" / "testdata"
WORDS = [
    "a photo of", "red apple", "<s>", "</s>", "<pad> x", "<extra_id_0>", " <extra_id_1> x", "it's", "don'ſ", "\n\n", " \n ", "\t\t x", "   ", "▁", "a▁b",
    "１２3", "CAFE\u0301", "picasso  style", "\ufeff", "\x85 a", "<0x41>", "😀", "日本の猫",
]
# as the tokenizer of AuraFlow (Pile-T5: </s> behind, a padding token, sentinels), of Llama 2, and without what is put before texts
KINDS = {
    "llama-t5": dict(pad_token="<pad>", add_bos_token=False, add_eos_token=True, padding_side="right", model_max_length=512,
                     additional_special_tokens=["<extra_id_0>", "<extra_id_1>"]),
    "llama-legacy": dict(pad_token="</s>", legacy=True, add_bos_token=True, additional_special_tokens=["<extra_id_0>"]),
    "llama-bare": dict(pad_token="</s>", add_prefix_space=False),
}


def write_fixtures() -> dict:
    corpus = [line for text in (TEXT, *FIXED, "the user assistant system, a red apple on a blue background") for line in text.split(". ")]
    with tempfile.TemporaryDirectory() as temp:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(corpus * 3), model_prefix=f"{temp}/tokenizer", model_type="bpe", vocab_size=560, byte_fallback=True,
            character_coverage=0.98, normalization_rule_name="identity", remove_extra_whitespaces=False, minloglevel=2)
        for name, more in KINDS.items():
            shutil.rmtree(FIXTURES / name, ignore_errors=True)
            LlamaTokenizer.from_pretrained(temp, **more).save_pretrained(FIXTURES / name)
            config = FIXTURES / name / "tokenizer_config.json"
            # transformers 5 leaves out what repos of the Hub say
            said = {key: more[key] for key in ("legacy", "add_bos_token", "add_eos_token") if key in more}
            config.write_text(json.dumps(json.loads(config.read_text()) | said, indent=2) + "\n")
    return {name: FIXTURES / name for name in KINDS}


def more(tokenizer: LlamaTokenizer, texts: list[str]) -> dict:
    return {"plain": tokenizer(texts[:5], add_special_tokens=False).input_ids}


if __name__ == "__main__":
    made = {name: LlamaTokenizer.from_pretrained(folder) for name, folder in write_fixtures().items()}
    write_runs(TESTDATA, COMMAND, made, WORDS, more, sys.argv[1:])
