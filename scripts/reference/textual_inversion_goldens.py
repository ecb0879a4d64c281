"""Textual inversions for tests/fixtures/tiny-stable-diffusion and the images that diffusers makes with them.

    $(sh scripts/reference/setup.sh) scripts/reference/textual_inversion_goldens.py

Writes tests/golden/textual_inversion: random words in the styles of diffusers (one vector, three) and AUTOMATIC1111, and
images.{json,safetensors} with the reference's images of prompts that use them. The same words are written by torch.save, before
torch 1.6 and after; the reference has the same words of these files.
"""

import torch
from diffusers import StableDiffusionPipeline, StableDiffusionXLPipeline
from safetensors.torch import load_file, save_file

from common import FIXTURES, GOLDEN, generator, write_golden

COMMAND = "scripts/reference/textual_inversion_goldens.py"
OUT = GOLDEN / "textual_inversion"
WORDS = [("learned_embeds", "<cat-toy>", None), ("style", "<style>", None), ("a1111", "emb_params", "glow")]
VECTORS = {"<cat-toy>": (16,), "<style>": (3, 16), "emb_params": (2, 16)}
PROMPTS = [
    "a red apple", "a <cat-toy> on a blue background", "a <cat-toy>, in the style of <style>", "glow, <style> <cat-toy> glow",
    "a<cat-toy>house of <STYLE>", "<style> " * 40,
]


def draw(pipe: StableDiffusionPipeline, prompt: str, negative: str = "") -> torch.Tensor:
    image = pipe(prompt=prompt, negative_prompt=negative, num_inference_steps=3, generator=generator(5)).images[0]
    return torch.frombuffer(bytearray(image.tobytes()), dtype=torch.uint8).reshape(image.height, image.width, 3)


def write_pickles() -> None:
    words = {file: load_file(OUT / f"{file}.safetensors")[name] for file, name, _ in WORDS}
    torch.save({"<cat-toy>": words["learned_embeds"]}, OUT / "learned_embeds.bin", _use_new_zipfile_serialization=False)
    torch.save({"<style>": torch.nn.Parameter(words["style"])}, OUT / "style.bin")
    glow = {"string_to_token": {"*": 265}, "string_to_param": {"*": words["a1111"]}, "name": "glow", "step": 3000}
    torch.save({**glow, "sd_checkpoint": None, "sd_checkpoint_name": None}, OUT / "a1111.pt")
    pipe = StableDiffusionPipeline.from_pretrained(FIXTURES / "tiny-stable-diffusion", safety_checker=None)
    for file in ("learned_embeds.bin", "style.bin", "a1111.pt"):
        pipe.load_textual_inversion(OUT, weight_name=file)
    rows = pipe.text_encoder.get_input_embeddings().weight[-6:]
    assert torch.equal(rows, torch.cat([torch.atleast_2d(one) for one in words.values()]))


@torch.no_grad()
def main() -> None:
    OUT.mkdir(parents=True, exist_ok=True)
    for i, (file, name, _) in enumerate(WORDS):
        save_file({name: torch.randn(*VECTORS[name], generator=generator(i))}, OUT / f"{file}.safetensors")
    write_pickles()
    pipe = StableDiffusionPipeline.from_pretrained(FIXTURES / "tiny-stable-diffusion", safety_checker=None)
    pipe.set_progress_bar_config(disable=True)
    for file, _, token in WORDS:
        pipe.load_textual_inversion(OUT, weight_name=f"{file}.safetensors", token=token)
    tensors, cases = {}, []
    for prompt in PROMPTS:
        for negative in ("", "glow"):
            ids = pipe.tokenizer(pipe.maybe_convert_prompt(prompt, pipe.tokenizer)).input_ids
            tensors[str(len(cases))] = draw(pipe, prompt, negative)
            cases.append({"prompt": prompt, "negative": negative, "ids": ids, "image": str(len(cases))})
    xl = {"clip_l": torch.randn(2, 16, generator=generator(8)), "clip_g": torch.randn(2, 16, generator=generator(9))}
    save_file(xl, OUT / "xl.safetensors")
    torch.save(xl, OUT / "xl.pt")
    pipe = StableDiffusionXLPipeline.from_pretrained(FIXTURES / "tiny-stable-diffusion-xl")
    pipe.set_progress_bar_config(disable=True)
    for key, encoder, tokenizer in (("clip_l", pipe.text_encoder, pipe.tokenizer), ("clip_g", pipe.text_encoder_2, pipe.tokenizer_2)):
        pipe.load_textual_inversion({"<xl>": xl[key]}, text_encoder=encoder, tokenizer=tokenizer)
    tensors["xl"] = draw(pipe, "a <xl> on a table", "blurry <xl>")
    write_golden(OUT / "images", COMMAND, cases, tensors)
    print([(case["prompt"], case["ids"]) for case in cases[::2]])


if __name__ == "__main__":
    main()
