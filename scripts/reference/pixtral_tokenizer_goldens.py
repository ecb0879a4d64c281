"""Goldens of @denoise/tokenizer-pixtral: texts with the ids, decoded texts and chats that transformers gives.

    $(sh scripts/reference/setup.sh) scripts/reference/pixtral_tokenizer_goldens.py [SEED [COUNT]]

writes tests/fixtures/tokenizers/mistral and mistral-left (as older repos have it) and plugins/tokenizers/pixtral/testdata/ids.json.
Another seed gives other texts.
"""

import json
import shutil
import sys

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import PixtralImageProcessor, TokenizersBackend

from pixtral import PixtralProcessor
from tiny_tokenizer import TEXT
from tokenizer_goldens import FIXED, FIXTURES, ROOT
from tokenizer_runs import write_runs

COMMAND = "scripts/reference/pixtral_tokenizer_goldens.py"
TESTDATA = ROOT / "plugins" / "tokenizers" / "pixtral" / "testdata"
# what Mistral's own tokenizer splits by, and what the files of many repos have in its place
TEKKEN = (r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|"
          r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+")
OLDER = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
# the parts of Mistral Small 3.2's template that a chat without tools goes through
TEMPLATE = """{%- set today = strftime_now("%Y-%m-%d") %}
{%- set default_system_message = "You are a helpful model." %}

{{- bos_token }}

{%- if messages[0]['role'] == 'system' %}
    {%- if messages[0]['content'] is string %}
        {%- set system_message = messages[0]['content'] %}
    {%- else %}
        {%- set system_message = messages[0]['content'][0]['text'] %}
    {%- endif %}
    {%- set loop_messages = messages[1:] %}
{%- else %}
    {%- set system_message = default_system_message %}
    {%- set loop_messages = messages %}
{%- endif %}
{{- '[SYSTEM_PROMPT]' + system_message + '[/SYSTEM_PROMPT]' }}

{%- for message in loop_messages %}
    {%- if message['role'] == 'user' %}
        {%- if message['content'] is string %}
            {{- '[INST]' + message['content'] + '[/INST]' }}
        {%- else %}
            {{- '[INST]' }}
            {%- for block in message['content'] %}
                {%- if block['type'] == 'text' %}
                    {{- block['text'] }}
                {%- elif block['type'] in ['image', 'image_url'] %}
                    {{- '[IMG]' }}
                {%- else %}
                    {{- raise_exception('Only text and image blocks are supported in message content!') }}
                {%- endif %}
            {%- endfor %}
            {{- '[/INST]' }}
        {%- endif %}
    {%- elif message['role'] == 'assistant' %}
        {%- if message['content'] is string %}
            {{- message['content'] + eos_token }}
        {%- else %}
            {{- message['content'][0]['text'] + eos_token }}
        {%- endif %}
    {%- else %}
        {{- raise_exception('Only user, system and assistant roles are supported!') }}
    {%- endif %}
{%- endfor %}
"""
SPECIAL = ["<unk>", "<s>", "</s>", "[INST]", "[/INST]", "[IMG]", "<pad>", "[IMG_BREAK]", "[IMG_END]", "[SYSTEM_PROMPT]", "[/SYSTEM_PROMPT]"]
WORDS = [
    "a photo of", "red apple", "[INST]", " [/INST] ", "[IMG]", "<pad>", "[inst]", "it's", "IT'S they've I'll 'RE", "HTTPServer camelCase", "ǅungla ʰa ａＢ",
    "/* a */\n/", "\n\n", " \n ", "\t\t x", "   ", "１２3 4567", "CAFE\u0301", "picasso  style", "\ufeff", "\x85 a", "<cat-toy>",
]
text = lambda words: [{"type": "text", "text": words}]  # noqa: E731
CHATS = [
    ([{"role": "user", "content": "a red apple"}], {"add_generation_prompt": False}),
    ([{"role": "system", "content": text("Be brief.\nBe kind.")}, {"role": "user", "content": text(" 一只猫 \n")}], {"add_generation_prompt": False}),
    ([{"role": "system", "content": "Be brief."}, {"role": "user", "content": text("")}], {"add_generation_prompt": True}),
    ([{"role": "user", "content": "a"}, {"role": "assistant", "content": text("\nb")}, {"role": "user", "content": [*text("c"), *text("d")]}], {}),
]


def write_fixture(name: str, pattern: str) -> PixtralProcessor:
    folder = FIXTURES / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    trained = Tokenizer(models.BPE(ignore_merges=name == "mistral"))
    trained.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(pattern), behavior="isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
    ])
    trained.decoder = decoders.ByteLevel()
    corpus = [TEXT, *FIXED, "日本の猫 一只猫 новая красная кошка the object relationships attribution descriptions structured reasons image images"]
    trained.train_from_iterator(corpus * 3, trainers.BpeTrainer(
        vocab_size=430, initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()), show_progress=False,
        special_tokens=[AddedToken(token, special=True, normalized=False) for token in SPECIAL]))
    template = processors.TemplateProcessing(single="<s> $A", pair="<s> $A <s>:1 $B:1", special_tokens=[("<s>", 1)])
    trained.post_processor = template if name == "mistral" else processors.Sequence([processors.ByteLevel(trim_offsets=False), template])
    if name == "mistral-left":
        trained.enable_padding(direction="left", pad_id=SPECIAL.index("<pad>"), pad_token="<pad>")
    whole = json.loads(trained.to_str())
    if name == "mistral":  # a word that no pair of pairs leads to
        whole["model"]["vocab"]["Ġzqxv"] = len(whole["model"]["vocab"])
    (folder / "tokenizer.json").write_text(json.dumps(whole, ensure_ascii=False) + "\n")
    config = {"bos_token": "<s>", "clean_up_tokenization_spaces": False, "eos_token": "</s>", "legacy": True, "unk_token": "<unk>",
              "model_max_length": 1000000000000000019884624838656, "processor_class": "PixtralProcessor", "tokenizer_class": "LlamaTokenizer"}
    if name == "mistral":
        config |= {"padding_side": "right", "pad_token": "<pad>"}
        (folder / "chat_template.jinja").write_text(TEMPLATE)
    else:
        (folder / "chat_template.json").write_text(json.dumps({"chat_template": TEMPLATE}) + "\n")
    (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=2) + "\n")
    PixtralImageProcessor(patch_size={"height": 14, "width": 14}).save_pretrained(folder)
    (folder / "processor_config.json").write_text(json.dumps(
        {"image_token": "[IMG]", "patch_size": 14, "processor_class": "PixtralProcessor", "spatial_merge_size": 2}) + "\n")
    return PixtralProcessor.from_pretrained(folder)


if __name__ == "__main__":
    made = {name: write_fixture(name, pattern) for name, pattern in (("mistral", TEKKEN), ("mistral-left", OLDER))}
    chats = {name: [one.apply_chat_template(messages, tokenize=False, **how) for messages, how in CHATS] for name, one in made.items()}
    tokenizers = {name: one.tokenizer for name, one in made.items()}
    for name, one in tokenizers.items():  # the class without a processor gives the same
        plain = TokenizersBackend.from_pretrained(FIXTURES / name)
        assert plain([*WORDS, TEXT])["input_ids"] == one([*WORDS, TEXT])["input_ids"], name
    names = iter(tokenizers)
    write_runs(TESTDATA, COMMAND, tokenizers, [*WORDS, " zqxv zqxvy"], lambda tokenizer, texts: {"chats": chats[next(names)]}, sys.argv[1:],
               chats=[{"messages": messages, **how} for messages, how in CHATS])
