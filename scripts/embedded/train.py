"""Trains the models that ship with the project, stage by stage:

    deno run -A scripts/embedded/render.ts WORK/data            draw the training set
    python scripts/embedded/train.py vae      --work WORK       train the autoencoder
    python scripts/embedded/train.py encode   --work WORK       compute the latents once
    python scripts/embedded/train.py unet     --work WORK       train the denoiser with its text encoder
    python scripts/embedded/train.py measure  --work WORK       draw a sheet and see how often it is right
    python scripts/embedded/train.py pairs    --work WORK       write what evaluate.ts measures
    python scripts/embedded/train.py polish   --work WORK       train the autoencoder's decoder on, latents fixed
    python scripts/embedded/train.py export   --work WORK --out plugins/embedded/emoji
    python scripts/embedded/train.py ddpm     --work WORK       train the tiny unconditional model
    python scripts/embedded/train.py export-ddpm --work WORK --out plugins/embedded/ddpm_emoji

Every training stage goes on from its checkpoint in WORK; `--steps` says where it ends, and the learning rate falls over
the last `--decay` steps, so a run may be prolonged by a larger `--steps` before it falls. All randomness of a step
comes from the seed and the step's number.
Needs torch 2.13.0, diffusers 0.42.1, transformers, pillow and numpy.
"""

import argparse
import sys
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parents[1]))
from embedded import autoencoder, diffusion, export, measure, unconditional
from embedded.data import Drawings

STEPS = {"vae": (2000, 900), "unet": (16000, 5000), "polish": (1000, 600), "ddpm": (6000, 2000)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    stages = ["vae", "encode", "unet", "measure", "pairs", "polish", "export", "ddpm", "export-ddpm"]
    parser.add_argument("stage", choices=stages)
    parser.add_argument("--work", type=Path, default=Path(".embedded"), help="data, checkpoints and latents")
    parser.add_argument("--out", type=Path, help="where export writes the repository")
    parser.add_argument("--seed", type=int, default=4)
    parser.add_argument("--steps", type=int, help="train up to this step")
    parser.add_argument("--decay", type=int, help="let the learning rate fall over that many last steps")
    parser.add_argument("--rate", type=float, help="peak learning rate")
    parser.add_argument("--guidance", type=float, default=2.0, help="guidance scale of measure")
    parser.add_argument("--count", type=int, default=200, help="names that measure draws")
    parser.add_argument("--threads", type=int, default=2, help="of the computation; unet: processes of one thread")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    drawings = Drawings(options.work / "data")
    usual = STEPS.get(options.stage, (0, 0))
    steps, decay = options.steps or usual[0], options.decay or usual[1]
    match options.stage:
        case "vae":
            autoencoder.train(options.work, drawings, options.seed, steps, decay)
        case "encode":
            diffusion.encode(options.work, drawings.taught())
        case "unet":
            diffusion.train(options.work, drawings.taught(), options.seed, steps, decay, options.rate or 1e-3, options.threads)
        case "measure":
            measure.measure(options.work, drawings.taught(), options.seed, options.guidance, options.count)
        case "pairs":
            pairs = Path(__file__).with_name("pairs.json")
            measure.write_pairs(drawings.taught(), options.seed, pairs)
        case "polish":
            autoencoder.polish(options.work, drawings, options.seed, steps, decay)
        case "export":
            export.export(options.work, options.out)
        case "ddpm":
            unconditional.train(options.work, drawings, options.seed, steps, decay)
        case "export-ddpm":
            unconditional.export(options.work, options.out)


if __name__ == "__main__":
    main()
