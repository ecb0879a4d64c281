"""Goldens of @denoise/tokenizer-qwen2: texts with the ids, decoded texts and chats that transformers gives.

    $(sh scripts/reference/setup.sh) scripts/reference/qwen2_tokenizer_goldens.py [SEED [COUNT]]

writes tests/fixtures/tokenizers/qwen2 (vocab.json and merges.txt, as older repos have them), qwen2-json (as
transformers saves it) and plugins/tokenizers/qwen2/testdata/ids.json. Another seed gives other texts.
"""

import json
import shutil
import sys

from tokenizers import AddedToken, Regex, Tokenizer, models, pre_tokenizers, trainers
from transformers import Qwen2Tokenizer
from transformers.models.qwen2.tokenization_qwen2 import PRETOKENIZE_REGEX

from tiny_tokenizer import TEXT
from tokenizer_goldens import FIXED, FIXTURES, ROOT
from tokenizer_runs import write_runs

COMMAND = "scripts/reference/qwen2_tokenizer_goldens.py"
TESTDATA = ROOT / "plugins" / "tokenizers" / "qwen2" / "testdata"
# the parts of Qwen3's template that a chat without tools goes through
TEMPLATE = """{%- if messages[0].role == 'system' %}
    {{- '<|im_start|>system\\n' + messages[0].content + '<|im_end|>\\n' }}
{%- endif %}
{%- for message in messages %}
    {%- if (message.role == "user") or (message.role == "system" and not loop.first) %}
        {{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>' + '\\n' }}
    {%- elif message.role == "assistant" %}
        {{- '<|im_start|>' + message.role + '\\n' + message.content.strip('\\n') + '<|im_end|>\\n' }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\\n' }}
    {%- if enable_thinking is defined and enable_thinking is false %}
        {{- '<think>\\n\\n</think>\\n\\n' }}
    {%- endif %}
{%- endif %}
"""
WORDS = [
    "a photo of", "red apple", "<|endoftext|>", "<|im_start|>user\n", "<|im_end|>", " <think> ", "</think>", "<|IM_END|>", "it's",
    "IT'S they've I'll 'RE", "don'ſ", "\n\n", " \n ", "\t\t x", "   ", "１２3", "CAFE\u0301", "picasso  style", "\ufeff", "\x85 a", "<cat-toy>",
]
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
CHATS = [
    ([{"role": "user", "content": "a red apple"}], {"add_generation_prompt": True, "enable_thinking": True}),
    ([{"role": "user", "content": " 一只猫 \n"}], {"add_generation_prompt": True, "enable_thinking": False}),
    ([{"role": "system", "content": "Be brief."}, {"role": "user", "content": ""}], {"add_generation_prompt": False}),
    ([{"role": "user", "content": "a"}, {"role": "assistant", "content": "\nb"}, {"role": "user", "content": "c"}], {"add_generation_prompt": True}),
]


def write_fixtures() -> dict:
    trained = Tokenizer(models.BPE())
    trained.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(PRETOKENIZE_REGEX), behavior="isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
    ])
    corpus = [TEXT, *FIXED, "日本の猫 一只猫 новая красная кошка the user assistant system"]
    trained.train_from_iterator(corpus * 3, trainers.BpeTrainer(
        vocab_size=420, initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()), show_progress=False))
    model = json.loads(trained.to_str())["model"]
    folder = FIXTURES / "qwen2"
    for name in ("qwen2", "qwen2-json"):
        shutil.rmtree(FIXTURES / name, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "vocab.json").write_text(json.dumps(model["vocab"], ensure_ascii=False))
    (folder / "merges.txt").write_text("#version: 0.2\n" + "".join(f"{a} {b}\n" for a, b in model["merges"]))
    first = len(model["vocab"])
    token = lambda text, special: {"content": text, "lstrip": False, "normalized": False, "rstrip": False, "single_word": False, "special": special}  # noqa: E731
    decoder = {first + i: token(text, text in SPECIAL) for i, text in enumerate([*SPECIAL, "<think>", "</think>"])}
    config = {"add_bos_token": False, "add_prefix_space": False, "added_tokens_decoder": decoder, "additional_special_tokens": SPECIAL[1:],
              "bos_token": None, "chat_template": TEMPLATE, "clean_up_tokenization_spaces": False, "eos_token": "<|im_end|>",
              "errors": "replace", "model_max_length": 1024, "pad_token": "<|endoftext|>", "split_special_tokens": False,
              "tokenizer_class": "Qwen2Tokenizer", "unk_token": None}
    (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=2) + "\n")
    tokenizer = Qwen2Tokenizer.from_pretrained(folder)
    tokenizer.add_tokens(["<cat-toy>", AddedToken("É!", lstrip=True, rstrip=True)])
    tokenizer.padding_side = "left"
    tokenizer.save_pretrained(FIXTURES / "qwen2-json")
    return {name: FIXTURES / name for name in ("qwen2", "qwen2-json")}


def more(tokenizer: Qwen2Tokenizer, texts: list[str]) -> dict:
    return {
        "chats": [tokenizer.apply_chat_template(messages, tokenize=False, **how) for messages, how in CHATS],
    }


if __name__ == "__main__":
    made = {name: Qwen2Tokenizer.from_pretrained(folder) for name, folder in write_fixtures().items()}
    write_runs(TESTDATA, COMMAND, made, WORDS, more, sys.argv[1:],
               chats=[{"messages": messages, **how} for messages, how in CHATS])
