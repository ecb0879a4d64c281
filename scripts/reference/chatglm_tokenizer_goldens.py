"""Goldens of @denoise/tokenizer-chatglm: texts with the ids and decoded texts that diffusers gives.

    $(sh scripts/reference/setup.sh) -m pip install sentencepiece
    $(sh scripts/reference/setup.sh) scripts/reference/chatglm_tokenizer_goldens.py [SEED [COUNT]]

trains small SentencePiece models and writes tests/fixtures/tokenizers/chatglm (as that of ChatGLM3: characters without a piece become
bytes), chatglm-rules (with a normalization, words of a user, unused pieces, and what a repo says of its tokens), and
plugins/tokenizers/chatglm/testdata/ids.json.
"""

import json
import os
import shutil
import sys
import tempfile
from pathlib import Path

import sentencepiece
from diffusers.pipelines.kolors.tokenizer import ChatGLMTokenizer
from sentencepiece import sentencepiece_model_pb2

from t5_tokenizer_goldens import RULES
from tiny_tokenizer import TEXT
from tokenizer_goldens import FIXED, FIXTURES, ROOT
from tokenizer_runs import write_runs

COMMAND = "scripts/reference/chatglm_tokenizer_goldens.py"
TESTDATA = ROOT / "plugins" / "tokenizers" / "chatglm" / "testdata"
CHINESE = ["一只红色的猫坐在蓝色的桌子上", "日落时的灯塔，高质量，胶片颗粒", "一张宇航员骑马的照片", "穿着红色裙子的女孩在看书"]
WORDS = [
    "a photo of", "red apple", "<s>", "</s>", "<unk>", " <unk> x", "<pad>", "[gMASK]", "sop", "sophisticated", "eop", "<|user|>hi", "<|assistant|>",
    "it's", "\n\n", " \n ", "\t\t x", "   ", "▁", "▁a▁b", " ▁ ", "１２3", "CAFE\u0301", "\ufeff", "\x85 a", "<0x41>", "😀😀", "日本の猫", "aaaaaaa",
    "<symbol>x", "a<symbol>", "abab", "ß…", "ﬁne", *CHINESE, "红猫 and a dog",
]


class Tokenizer(ChatGLMTokenizer):
    """Counts its ids, and has no token for those that there are not, where diffusers raises an error."""

    def __len__(self):
        return self.vocab_size

    def _convert_id_to_token(self, index):
        return super()._convert_id_to_token(index) if index < self.vocab_size else ""


def added(content: str) -> dict:
    return {"content": content, "lstrip": False, "normalized": True, "rstrip": False, "single_word": False, "special": False}


def train(name: str, config: dict, rules: dict[str, str] | None = None, unused: tuple[str, ...] = (), **how) -> None:
    where = FIXTURES / name
    shutil.rmtree(where, ignore_errors=True)
    where.mkdir(parents=True)
    home = os.getcwd()
    with tempfile.TemporaryDirectory() as temp:
        os.chdir(temp)  # the model keeps the names of the files it was made of
        lines = [line for text in (TEXT, *FIXED, "a sophisticated gasoptic cat") for line in text.split(". ")]
        if rules is not None:
            code = lambda text: " ".join(f"{ord(char):X}" for char in text)  # noqa: E731
            Path("rules.tsv").write_text("".join(f"{code(a)}\t{code(b)}\n" for a, b in sorted(rules.items())))
            how["normalization_rule_tsv"] = "rules.tsv"
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter((lines + CHINESE) * 3), model_prefix="model", model_type="bpe", num_threads=1, minloglevel=2, **how)
        os.chdir(home)
        model = sentencepiece_model_pb2.ModelProto()
        model.ParseFromString(Path(temp, "model.model").read_bytes())
    for piece in model.pieces:
        if piece.piece in unused:
            piece.type = piece.UNUSED
    (where / "tokenizer.model").write_bytes(model.SerializeToString())
    size = len(model.pieces)
    listed = {str(size + i): added(token) for i, token in ((1, "[gMASK]"), (3, "sop"), (6, "<|user|>"))} if config.pop("lists", False) else {}
    said = {"tokenizer_class": "ChatGLMTokenizer", "padding_side": "left", "clean_up_tokenization_spaces": False, "added_tokens_decoder": listed}
    (where / "tokenizer_config.json").write_text(json.dumps({**said, **config}, indent=2) + "\n")


def write_fixtures() -> dict[str, Tokenizer]:
    train("chatglm", {"encode_special_tokens": False}, vocab_size=460, byte_fallback=True, character_coverage=0.98,
          normalization_rule_name="identity", remove_extra_whitespaces=False)
    train("chatglm-rules", {"encode_special_tokens": True, "lists": True, "eos_token": "</s>", "pad_token": "<unk>", "unk_token": "<unk>"}, RULES,
          ("▁red", "at", "▁ho"), vocab_size=330, user_defined_symbols=["<symbol>", "aa"], character_coverage=0.98, unk_id=2, bos_id=0, eos_id=1)
    return {name: Tokenizer.from_pretrained(FIXTURES / name) for name in ("chatglm", "chatglm-rules")}


def more(tokenizer: Tokenizer, texts: list[str]) -> dict:
    return {"plain": tokenizer(texts[:5], add_special_tokens=False).input_ids}


if __name__ == "__main__":
    write_runs(TESTDATA, COMMAND, write_fixtures(), WORDS, more, sys.argv[1:] or ["0", "80"])
