"""Text states of prompts that weigh their words, and images made with them.

    $(sh scripts/reference/setup.sh) scripts/reference/prompt_syntax_goldens.py

Writes tests/golden/prompt_syntax.{json,safetensors}: for the tiny repos of Stable Diffusion 1, 2 and XL what compel 2 makes of
prompts in its syntax, and what the rule of AUTOMATIC1111's web interface makes of prompts in its own. That interface is no package
on PyPI (sd_embed is none either, and weighs without giving the mean back), so its documented rule is written here a second time, letter by letter where
ours is a regular expression.
"""

import re

import torch
from compel import CompelForSD, CompelForSDXL, DiffusersTextualInversionManager, ReturnedEmbeddingsType
from diffusers import StableDiffusionPipeline, StableDiffusionXLPipeline

from common import FIXTURES, GOLDEN, generator, write_golden

COMMAND = "scripts/reference/prompt_syntax_goldens.py"
WORD = "a red apple on the table, painted in oil; a blue house. "
COMPEL = [
    ("a red apple", ""),
    ("a red++ apple--, (on a table)1.3", "blue-"),
    ("(a (red)1.5 \"big apple\"0.4)0.9 on a (blue house)0", "(ugly)1.2"),
    ('("a red apple", "a blue house").blend(0.7, 0.3)', "green"),
    ('("a red+ apple", "a house. " ).blend(0.7, 0.6, no_normalize)', "green"),
    ('("a red apple", "a (blue)0.5 house").and(1, 0.5)', ""),
    (WORD * 3 + "(all of it)0.6 " + WORD, "blue"),
    ("apple " * 90, "(" + WORD.replace(",", "") * 2 + ")0.8 house"),
    ("a \\(red\\) apple. attend (this).attend(1.2)", ""),
]
A1111 = [
    ("a red apple", ""),
    ("a (red) [apple] ((on)) (a table:1.4)", "(blue:0.5)"),
    ("a (red (big:1.2) apple:0.7) \\(text\\), [[house]", ""),
    ("a red apple BREAK (a blue house:1.2)", "green"),
    ("BREAK a red apple  BREAK", "a BREAK b BREAK c"),
    (WORD * 5, "blue"),
    ("(apple:1.1) " * 60, WORD * 2),
    ("unbalanced (red [apple", "odd ) ] : 1.3)"),
]


def pieces(prompt: str) -> list:
    """[text, weight] of a prompt in A1111's syntax; None is a BREAK."""
    out, stack, at = [], [], 0

    def multiply(start: int, by: float) -> None:
        for piece in out[start:]:
            if piece is not None:
                piece[1] *= by

    def close(kind: str, by: float) -> bool:
        for i in range(len(stack) - 1, -1, -1):
            if stack[i][0] == kind:
                multiply(stack.pop(i)[1], by)
                return True
        return False

    while at < len(prompt):
        letter = prompt[at]
        number = re.match(r":\s*([+-]?[.\d]+)\s*\)", prompt[at:])
        if letter == "\\" and prompt[at + 1 : at + 2] in set("()[]\\") - {""}:
            out.append([prompt[at + 1], 1.0])
            at += 2
            continue
        if letter in "([":
            stack.append((letter, len(out)))
            at += 1
            continue
        if number and close("(", float(number[1])):
            at += len(number[0])
            continue
        if letter == ")" and close("(", 1.1) or letter == "]" and close("[", 1 / 1.1):
            at += 1
            continue
        end = at + (len(number[0]) if number else 1)
        while not number and end < len(prompt) and letter not in ")]:\\" and prompt[end] not in "\\()[]:":
            end += 1
        for i, part in enumerate(re.split(r"\s*\bBREAK\b\s*", prompt[at:end])):
            out += [None] * (i > 0) + [[part, 1.0]]
        at = end
    for kind, start in stack:
        multiply(start, 1.1 if kind == "(" else 1 / 1.1)
    merged = []
    for piece in out:
        if merged and piece and merged[-1] and merged[-1][1] == piece[1]:
            merged[-1][0] += piece[0]
        else:
            merged.append(piece)
    return merged


def chunks(tokenizer, prompt: str) -> list[tuple[list[int], list[float]]]:
    """Rows of 75 tokens with their weights."""
    comma = tokenizer(",", add_special_tokens=False).input_ids[-1]
    rows, row, last = [], [], None
    for piece in pieces(prompt):
        if piece is None:
            rows.append(row)
            row, last = [], None
            continue
        for token in tokenizer(piece[0], add_special_tokens=False).input_ids:
            if token == comma:
                last = len(row)
            elif len(row) == 75 and last is not None and 75 - last <= 20:
                rows.append(row[: last + 1])
                row, last = row[last + 1 :], None
            if len(row) == 75:
                rows.append(row)
                row, last = [], None
            row.append((token, piece[1]))
    if row or not rows:
        rows.append(row)
    return rows


def a1111(tokenizer, states, prompt: str, count: int):
    """States of a prompt in so many rows, and what is pooled of the first."""
    rows = chunks(tokenizer, prompt)
    out, pooled = [], None
    for row in rows + [[]] * (count - len(rows)):
        pad = [tokenizer.pad_token_id] * (75 - len(row))
        ids = [tokenizer.bos_token_id] + [token for token, _ in row] + [tokenizer.eos_token_id] + pad
        weights = torch.tensor([1.0] + [weight for _, weight in row] + [1.0] * (len(pad) + 1))
        z, p = states(torch.tensor([ids]))
        pooled = p if pooled is None else pooled
        mean = z.mean()
        z = z * weights[None, :, None]
        out.append(z * (mean / z.mean()))
    return torch.cat(out, 1), pooled


def sd_states(encoder, skip: int):
    def states(ids):
        out = encoder(ids, output_hidden_states=True)
        return encoder.final_layer_norm(out.hidden_states[-1 - skip]), None

    return states


def xl_states(encoder):
    def states(ids):
        out = encoder(ids, output_hidden_states=True)
        return out.hidden_states[-2], getattr(out, "text_embeds", None)

    return states


def draw(pipe, **options) -> torch.Tensor:
    image = pipe(num_inference_steps=3, generator=generator(5), **options).images[0]
    return torch.frombuffer(bytearray(image.tobytes()), dtype=torch.uint8).reshape(image.height, image.width, 3)


@torch.no_grad()
def main() -> None:
    cases, tensors = [], {}

    def note(repo, syntax, prompt, negative, clip_skip, parts, image=None) -> None:
        key = str(len(cases))
        for name, tensor in zip(("embeds", "negative", "pooled", "negativePooled"), parts):
            if tensor is not None:
                tensors[f"{key}.{name}"] = tensor
        if image is not None:
            tensors[f"{key}.image"] = image
        cases.append({"repo": repo, "syntax": syntax, "prompt": prompt, "negative": negative, "clipSkip": clip_skip, "key": key})

    for repo in ("tiny-stable-diffusion", "tiny-stable-diffusion-2"):
        pipe = StableDiffusionPipeline.from_pretrained(FIXTURES / repo, safety_checker=None)
        pipe.set_progress_bar_config(disable=True)
        if repo == "tiny-stable-diffusion":
            pipe.load_textual_inversion(GOLDEN / "textual_inversion", weight_name="style.safetensors", token="<style>")
        # compel asks for what transformers 5 has no more, the inside of the model that is now the model itself
        object.__setattr__(pipe.text_encoder, "text_model", pipe.text_encoder)
        learned = repo == "tiny-stable-diffusion"
        for skip in (0, 1):
            compel = CompelForSD(pipe, textual_inversion_manager=DiffusersTextualInversionManager(pipe) if learned else None)
            if skip:
                compel.compel.conditioning_provider.returned_embeddings_type = ReturnedEmbeddingsType.PENULTIMATE_HIDDEN_STATES_NORMALIZED
            more = [("a <style>++ cat, (<style>)0.5", "<style>")] if learned else []
            for i, (prompt, negative) in enumerate(COMPEL + more):
                out = compel(prompt, negative_prompt=negative)
                image = draw(pipe, prompt_embeds=out.embeds, negative_prompt_embeds=out.negative_embeds) if i in (1, 6) and not skip else None
                note(repo, "compel", prompt, negative, skip, (out.embeds, out.negative_embeds), image)
            states = sd_states(pipe.text_encoder, skip)
            more = [("a", "b")]
            for i, (prompt, negative) in enumerate(A1111 + more):
                count = max(len(chunks(pipe.tokenizer, text)) for text in (prompt, negative))
                embeds, minus = (a1111(pipe.tokenizer, states, text, count)[0] for text in (prompt, negative))
                image = draw(pipe, prompt_embeds=embeds, negative_prompt_embeds=minus) if i in (1, 5) and not skip else None
                note(repo, "a1111", prompt, negative, skip, (embeds, minus), image)

    pipe = StableDiffusionXLPipeline.from_pretrained(FIXTURES / "tiny-stable-diffusion-xl")
    pipe.set_progress_bar_config(disable=True)
    repo = "tiny-stable-diffusion-xl"
    compel = CompelForSDXL(pipe)
    for i, (prompt, negative) in enumerate(COMPEL):
        prompt = prompt.replace(".and(1, 0.5)", ".and()")  # compel fails in itself where weights and pooled states meet
        out = compel(prompt, negative_prompt=negative)
        parts = (out.embeds, out.negative_embeds, out.pooled_embeds, out.negative_pooled_embeds)
        named = dict(zip(("prompt_embeds", "negative_prompt_embeds", "pooled_prompt_embeds", "negative_pooled_prompt_embeds"), parts))
        note(repo, "compel", prompt, negative, 0, parts, draw(pipe, **named) if i in (1, 6) else None)
    encoders = ((pipe.tokenizer, xl_states(pipe.text_encoder)), (pipe.tokenizer_2, xl_states(pipe.text_encoder_2)))
    for i, (prompt, negative) in enumerate(A1111):
        count = max(len(chunks(tokenizer, text)) for tokenizer, _ in encoders for text in (prompt, negative))
        parts = []
        for text in (prompt, negative):
            sides = [a1111(tokenizer, states, text, count) for tokenizer, states in encoders]
            parts.append((torch.cat([embeds for embeds, _ in sides], -1), sides[1][1]))
        (embeds, pooled), (minus, minus_pooled) = parts
        named = dict(prompt_embeds=embeds, negative_prompt_embeds=minus, pooled_prompt_embeds=pooled, negative_pooled_prompt_embeds=minus_pooled)
        note(repo, "a1111", prompt, negative, 0, (embeds, minus, pooled, minus_pooled), draw(pipe, **named) if i in (1, 5) else None)
    write_golden(GOLDEN / "prompt_syntax", COMMAND, cases, tensors, r"\.(embeds|negative)$")


if __name__ == "__main__":
    main()
