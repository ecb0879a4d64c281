"""Trains the models that ship with the project, on one GPU or on a CPU:

    deno run -A scripts/embedded/render.ts WORK/data            draw the training set
    python scripts/embedded/train.py tokenizer --work WORK      learn the tokenizer
    python scripts/embedded/train.py all --work WORK --minutes 9
    python scripts/embedded/train.py export --work WORK --out plugins/embedded

`all` is the stages `ddpm` (the unconditional model), `vae` (the autoencoder, then the latents of many scenes) and `unet` (the
denoiser with its text encoder): on a GPU side by side, as each waits for what it needs; on a CPU one after the other. Each
may be run alone, goes on from its checkpoint in WORK, and ends when its time is over: the learning rate follows the share of
the time that is gone. With `--begin FOLDER`, the results of an earlier run, a run goes on from its averaged weights, on
scenes of the `--seed` that it is given, and the autoencoder is not trained again: short runs add up. `--results` also gets the averaged weights every minute, so that a run that is cut off leaves a model.
Needs torch 2.11 or later, diffusers 0.42.1, transformers 5 and numpy.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from embedded import text
from embedded.captions import Captions
from embedded.progress import Progress

SHARES = {"vae": 0.135, "encode": 0.1, "ddpm": 0.13}
"""Of the whole time; the denoiser takes what is left."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stage", choices=["tokenizer", "all", "vae", "unet", "ddpm", "export"])
    parser.add_argument("--work", type=Path, default=Path(".embedded"), help="data, checkpoints and latents")
    parser.add_argument("--out", type=Path, help="where export writes the repositories")
    parser.add_argument("--results", type=Path, help="where the weights are written while they are trained")
    parser.add_argument("--begin", type=Path, help="results of an earlier run to go on from; its autoencoder stays")
    parser.add_argument("--without-ddpm", action="store_true", help="the unconditional model stays as it is")
    parser.add_argument("--seed", type=int, default=4)
    parser.add_argument("--minutes", type=float, default=9.0, help="of the whole")
    parser.add_argument("--deadline", type=float, help="when the denoiser ends, in seconds since 1970")
    parser.add_argument("--scenes", type=int, default=400_000)
    parser.add_argument("--batch", type=int, default=192, help="of the denoiser; the autoencoder takes half")
    parser.add_argument("--eager", action="store_true", help="do not compile")
    options = parser.parse_args()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
    torch.backends.cudnn.benchmark = True
    options.work.mkdir(parents=True, exist_ok=True)
    seconds = options.minutes * 60
    match options.stage:
        case "tokenizer":
            captions = Captions(options.work / "data")
            near = json.loads((options.work / "data" / "near.json").read_text())
            folder = options.work / "data" / "tokenizer"
            text.save_tokenizer(folder, captions.words(), captions.question["name"], near)
        case "all":
            all_stages(options, device, seconds)
        case "vae":
            vae_stage(options, device, seconds)
        case "unet":
            unet_stage(options, device, seconds)
        case "ddpm":
            from embedded import unconditional

            time_given = seconds * SHARES["ddpm"]
            unconditional.train(
                options.work, options.seed, time_given, options.batch, device, options.begin, options.results
            )
        case "export":
            from embedded import export

            trained = options.results or options.work
            export.export(trained, options.work / "data" / "tokenizer", options.out / "emoji")
            if (trained / "ddpm.safetensors").exists():
                export.export_unconditional(trained, options.out / "ddpm_emoji")


def all_stages(options: argparse.Namespace, device: torch.device, seconds: float) -> None:
    deadline = (options.deadline or time.time() + seconds) if device.type == "cuda" else None
    same = ["--work", options.work, "--seed", options.seed, "--minutes", options.minutes, "--batch", options.batch]
    same += ["--scenes", options.scenes]
    same += [*(["--results", options.results] if options.results else []), *(["--eager"] if options.eager else [])]
    same += ["--begin", options.begin] if options.begin else []
    same += ["--deadline", deadline] if deadline else []
    ddpm = () if options.without_ddpm else ("ddpm",)
    begin = lambda stage: subprocess.Popen([sys.executable, __file__, stage, *map(str, same)])
    if device.type == "cuda":
        failed = together([begin(stage) for stage in ("vae", "unet", *ddpm)])
    else:
        failed = [begin(stage).wait() for stage in (*ddpm, "vae", "unet")]
    print(f"all stages ended with {failed}", flush=True)
    sys.exit(max(map(abs, failed)))


def together(running: list[subprocess.Popen]) -> list[int]:
    """Waits for all; without the first one, the autoencoder, the others are ended too."""
    while any(process.poll() is None for process in running):
        if running[0].poll():
            for process in running:
                process.terminate()
        time.sleep(0.5)
    return [process.returncode for process in running]


def vae_stage(options: argparse.Namespace, device: torch.device, seconds: float) -> None:
    from diffusers import AutoencoderKL
    from embedded import autoencoder
    from embedded.scenes import Scenes

    scenes = Scenes(options.work / "data", options.seed, options.scenes, device)
    print(f"scenes: {len(scenes)}, drawings: {len(scenes.sprites)}", flush=True)
    batch = max(4, options.batch // 2)
    compiled = device.type == "cuda" and not options.eager
    if options.begin:
        vae = AutoencoderKL.from_pretrained(options.begin / "vae").to(device)
        vae.save_pretrained(options.work / "vae")
    else:
        vae = autoencoder.train(options.work, scenes, options.seed, seconds * SHARES["vae"], batch, compiled)
    if options.results:
        vae.half().save_pretrained(options.results / "vae")
        vae.float()
    latents = autoencoder.encode(vae, scenes, seconds * SHARES["encode"], batch * 4)
    part = options.work / "latents.part"
    torch.save({"latents": latents.cpu(), "tokens": scenes.tokens[: len(latents)].cpu()}, part)
    os.replace(part, options.work / "latents.pt")


def unet_stage(options: argparse.Namespace, device: torch.device, seconds: float) -> None:
    from embedded.denoiser import Trainer

    trainer = Trainer(options.work, options.seed, device, options.batch, compiled=device.type == "cuda" and not options.eager)
    if options.begin:
        trainer.begin_with(options.begin)
    trainer.warm_up()
    while not (options.work / "latents.pt").exists():
        time.sleep(0.2)
    saved = torch.load(options.work / "latents.pt", map_location=device)
    given = options.deadline - time.time() if options.deadline else seconds * (1 - sum(SHARES.values()))
    print(f"unet: {len(saved['latents'])} scenes, {given:.0f} s", flush=True)
    trainer.train(saved["latents"], saved["tokens"], given, options.results)
    write_log(options.work, options.results or options.work, options.begin)


def write_log(work: Path, out: Path, begin: Path | None) -> None:
    """The logs of all stages, those of the run that this one goes on from under `before`."""
    stages = {}
    if begin and (begin / "training.json").exists():
        stages["before"] = json.loads((begin / "training.json").read_text())
    for file in sorted(work.glob("*.ckpt")):
        saved = torch.load(file, weights_only=False, map_location="cpu")
        stages[file.stem] = {"steps": saved["step"], "seconds": round(saved["seconds"]), "log": saved["log"]}
    (out / "training.json").write_text(json.dumps(stages, indent=1) + "\n")


if __name__ == "__main__":
    main()
