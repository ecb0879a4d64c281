"""Writes the tiny repos of pipelines that make images out of noise alone, their tests/golden/tasks, and
tests/golden/edm: runs of EDM schedulers with a model, for which diffusers has no pipeline.

    $(sh scripts/reference/setup.sh) scripts/reference/unconditional_goldens.py [name ...]
"""

import shutil
import sys
import warnings

import diffusers
import torch
from diffusers import (
    CMStochasticIterativeScheduler,
    ConsistencyModelPipeline,
    KarrasVePipeline,
    KarrasVeScheduler,
    ScoreSdeVePipeline,
    ScoreSdeVeScheduler,
    UNet2DModel,
)

from common import FIXTURES, GOLDEN, generator, seed_of, write_golden
from make_repos import edit_json
from task_goldens import write_task
from tasks import case, latents, swap
from tiny_models import UNET_2D, build

COMMAND = "scripts/reference/unconditional_goldens.py"
# google/ncsnpp-*-256 with two levels
NCSNPP = {**UNET_2D["ncsnpp"], "sample_size": 8, "block_out_channels": (4, 8), "down_block_types": ("SkipDownBlock2D",) * 2,
          "up_block_types": ("SkipUpBlock2D",) * 2}

# Ranges of sigma for which a random model leaves most pixels between black and white.
REPOS = {
    "tiny-score-sde-ve": (ScoreSdeVePipeline, NCSNPP, ScoreSdeVeScheduler(sigma_max=0.7, snr=0.1)),
    "tiny-karras-ve": (KarrasVePipeline, UNET_2D["scale_shift"], KarrasVeScheduler(sigma_min=0.2, sigma_max=0.8, s_churn=2.0)),
    "tiny-consistency-model": (ConsistencyModelPipeline, UNET_2D["consistency"], CMStochasticIterativeScheduler()),
}

STEPS = dict(num_inference_steps=6)
COMMON = [
    case("the repo's own scheduler", **STEPS),
    case("three images", batch_size=3, seeds=[1, 2, 3], **STEPS),
    case("one generator for two images", batch_size=2, seeds=[9], shared=True, **STEPS),
    case("twenty steps", num_inference_steps=20, seeds=[4]),
]
LABELS = torch.tensor([7, 1])

TASKS = {
    "score-sde-ve": {
        "pipeline": "ScoreSdeVePipeline", "repo": "tiny-score-sde-ve", "parts": {},
        "cases": [
            *COMMON,
            case("one step", num_inference_steps=1),
            case("without correction", scheduler=swap("ScoreSdeVe", correct_steps=0), **STEPS),
            case("two corrections, two images", scheduler=swap("ScoreSdeVe", correct_steps=2, snr=0.05), batch_size=2,
                 seeds=[5, 6], **STEPS),
            case("the range of the published models", scheduler=swap("ScoreSdeVe", sigma_max=1348.0, snr=0.075), **STEPS),
        ],
    },
    "score-sde-ve-levels": {
        "pipeline": "ScoreSdeVePipeline", "repo": "tiny-score-sde-ve", "parts": {"unet": "models/UNet2DModel/ncsnpp"},
        "cases": [case("two images", batch_size=2, seeds=[1, 2], **STEPS)],
    },
    "karras-ve": {
        "pipeline": "KarrasVePipeline", "repo": "tiny-karras-ve", "parts": {},
        "cases": [
            *COMMON,
            case("two steps", num_inference_steps=2),
            case("no noise on the way", scheduler=swap("KarrasVe", s_churn=0.0), **STEPS),
            case("more noise, in a part of the range", scheduler=swap("KarrasVe", s_churn=80.0, s_min=0.1, s_max=0.5), **STEPS),
            case("the range kept as it is by default", scheduler=swap("KarrasVe", sigma_min=0.02, sigma_max=100.0), **STEPS),
        ],
    },
    "karras-ve-fourier": {
        "pipeline": "KarrasVePipeline", "repo": "tiny-karras-ve", "parts": {"unet": "models/UNet2DModel/fourier"},
        "cases": [case("two images", batch_size=2, seeds=[1, 2], **STEPS)],
    },
    "consistency-model": {
        "pipeline": "ConsistencyModelPipeline", "repo": "tiny-consistency-model", "parts": {},
        "cases": [
            case("one step", class_labels=3),
            case("two steps, as the authors take them", class_labels=3, num_inference_steps=None, timesteps=[22, 0]),
            case("six steps, a list of labels", class_labels=[0, 9, 4], batch_size=3, seeds=[1, 2, 3], **STEPS),
            case("a tensor of labels", class_labels=LABELS, batch_size=2, seeds=[1, 2], **STEPS),
            case("one label in a list for two images", class_labels=[5], batch_size=2, seeds=[1, 2], num_inference_steps=2),
            case("one generator for two images", class_labels=[2, 8], batch_size=2, seeds=[9], shared=True, **STEPS),
            case("own latents", class_labels=6, latents=latents(1, 3, 8, 8, seed=3), num_inference_steps=3),
            case("another range, not clipped", class_labels=1, num_inference_steps=4,
                 scheduler=swap("CMStochasticIterative", sigma_max=5.0, clip_denoised=False, s_noise=1.01)),
        ],
    },
    "consistency-model-unconditional": {
        "pipeline": "ConsistencyModelPipeline", "repo": "tiny-consistency-model",
        "parts": {"unet": "models/UNet2DModel/consistency_plain"},
        "cases": [case("one step"), *COMMON, case("own timesteps", num_inference_steps=None, timesteps=[39, 17, 5, 0])],
    },
}

EDM = [
    ("Euler", "EDMEulerScheduler", {}, {}, "ddpm"),
    ("Euler with churn", "EDMEulerScheduler", {"sigma_max": 20.0, "sigma_data": 1.0},
     {"s_churn": 3.0, "s_tmin": 0.05, "s_tmax": 15.0, "s_noise": 1.003}, "ddpm"),
    ("exponential sigmas, v prediction, class labels", "EDMEulerScheduler",
     {"sigma_schedule": "exponential", "prediction_type": "v_prediction"}, {}, "consistency"),
    ("DPM-Solver++", "EDMDPMSolverMultistepScheduler", {}, {}, "ddpm"),
    ("DPM-Solver++, SDE, midpoint", "EDMDPMSolverMultistepScheduler",
     {"algorithm_type": "sde-dpmsolver++", "solver_type": "heun", "sigma_max": 40.0}, {}, "scale_shift"),
    ("DPM-Solver++ of order 3, class labels", "EDMDPMSolverMultistepScheduler", {"solver_order": 3}, {}, "consistency"),
]


def write_repos() -> None:
    """diffusers 0.42.1 takes "deprecated" for the library of KarrasVeScheduler and finds nothing there when it loads it."""
    for name, (pipeline, unet, scheduler) in REPOS.items():
        shutil.rmtree(FIXTURES / name, ignore_errors=True)
        pipeline(build("UNet2DModel", unet, seed_of(f"{name}/unet")), scheduler).save_pretrained(FIXTURES / name)
        edit_json(FIXTURES / name / "model_index.json",
                  lambda index: index.update(scheduler=["diffusers", index["scheduler"][1]]))


@torch.no_grad()
def write_edm() -> None:
    """The loop that everyone writes: scaled input, model, step."""
    cases, tensors = [], {}
    for i, (name, class_name, config, step, unet) in enumerate(EDM):
        model = UNet2DModel.from_pretrained(FIXTURES / "models" / "UNet2DModel" / unet)
        scheduler = getattr(diffusers, class_name)(**config)
        labels = {"class_labels": LABELS} if model.config.num_class_embeds else {}
        g, size = generator(i), model.config.sample_size
        scheduler.set_timesteps(8)
        sample = torch.randn(2, 3, size, size, generator=g) * scheduler.init_noise_sigma
        for t in scheduler.timesteps:
            output = model(scheduler.scale_model_input(sample, t), t, **labels).sample
            sample = scheduler.step(output, t, sample, generator=g, **step).prev_sample
        tensors[f"{i}.sample"] = sample
        cases.append({"name": name, "class_name": class_name, "config": config, "step": step, "unet": unet, "seed": i, "steps": 8,
                      "class_labels": LABELS.tolist() if labels else None, "sample": f"{i}.sample"})
    write_golden(GOLDEN / "edm", COMMAND, cases, tensors)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    wanted = sys.argv[1:] or ["repos", "edm", *TASKS]
    for name in wanted:
        if name in TASKS:
            write_task(name, TASKS[name], COMMAND)
        else:
            {"repos": write_repos, "edm": write_edm}[name]()
