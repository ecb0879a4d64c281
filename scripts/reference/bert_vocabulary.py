"""A BERT tokenizer with a vocabulary of about a hundred entries, in the files that repos have."""

import json
from pathlib import Path

from tiny_tokenizer import TEXT

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


def vocabulary(cased: bool = False) -> list[str]:
    """Special tokens, letters, pieces of words, half of the words of the text, some of other scripts."""
    letters = "abcdefghijklmnopqrstuvwxyz0123456789" + ("ABCXYZÉ" if cased else "")
    words = sorted(set(TEXT.split()))
    pieces = [f"##{end}" for end in ("s", "ing", "ed", "er", "a", "e", "i", "n", "o", "t", "##x")]
    others = [*".,;:!?'\"-_()[]<>|/", "日", "本", "猫", "𠀀", "é", "ß", "σ", "##σ", "ς", "cafe", "don", "'", "##é"]
    return list(dict.fromkeys([*SPECIAL, *letters, *words[::2], *pieces, *others]))


def write_tokenizer(folder: Path, *, max_length: int = 512, cased: bool = False, **config) -> list[str]:
    """Writes the three files of an old BERT folder and gives back the vocabulary."""
    entries = vocabulary(cased)
    folder.mkdir(parents=True, exist_ok=True)
    roles = {f"{role}_token": f"[{role.upper()}]" for role in ("unk", "sep", "pad", "cls", "mask")}
    settings = {"do_lower_case": not cased, "model_max_length": max_length, "strip_accents": None,
                "tokenize_chinese_chars": True, "tokenizer_class": "BertTokenizer", **roles, **config}
    (folder / "vocab.txt").write_text("".join(f"{entry}\n" for entry in entries), encoding="utf-8")
    (folder / "special_tokens_map.json").write_text(json.dumps(roles, indent=2))
    (folder / "tokenizer_config.json").write_text(json.dumps(settings, indent=2))
    return entries
