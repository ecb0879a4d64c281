"""Writes a tiny repo of DiT and the images that diffusers makes with it: tests/golden/tasks/dit.

    $(sh scripts/reference/setup.sh) scripts/reference/dit_pipeline_goldens.py
"""

import json
import warnings

from diffusers import DDIMScheduler, DiTPipeline, DiTTransformer2DModel

from common import seed_of
from make_repos import VAE_FACTOR_4
from task_goldens import write_task
from task_repos import folder
from tasks import case, swap
from tiny_models import build, liven

COMMAND = "scripts/reference/dit_pipeline_goldens.py"
# as many classes as diffusers takes for none
TRANSFORMER = dict(sample_size=8, num_layers=2, num_attention_heads=2, attention_head_dim=8, num_embeds_ada_norm=1000, out_channels=8)
LABELS = {"0": "tench, Tinca tinca", "1": "white shark"}


def write_repo(name: str = "tiny-dit") -> None:
    where = folder(name)
    DiTPipeline(
        transformer=liven(DiTTransformer2DModel(**TRANSFORMER), seed_of(f"{name}/transformer")).eval(),
        vae=build("AutoencoderKL", {**VAE_FACTOR_4, "scaling_factor": 0.18215}, seed_of(f"{name}/vae")),
        scheduler=DDIMScheduler(beta_schedule="linear", clip_sample=False),
    ).save_pretrained(where)
    index = json.loads((where / "model_index.json").read_text())
    index["id2label"] = LABELS
    (where / "model_index.json").write_text(json.dumps(index, indent=2) + "\n")


CASES = [
    case("a class", class_labels=[7], num_inference_steps=5),
    case("three classes", class_labels=[7, 999, 0], num_inference_steps=5, guidance_scale=1.5, seeds=[1, 2, 3]),
    case("without guidance", class_labels=[3], guidance_scale=1.0, num_inference_steps=5),
    case("one generator for two images", class_labels=[3, 4], num_inference_steps=5, seeds=[9], shared=True),
    case("DPM-Solver++", class_labels=[3], num_inference_steps=6, scheduler=swap("DPMSolverMultistep")),
    case("Euler", class_labels=[3], num_inference_steps=6, scheduler=swap("EulerDiscrete")),
]
TASKS = {"dit": {"pipeline": "DiTPipeline", "repo": "tiny-dit", "parts": {}, "cases": CASES}}

if __name__ == "__main__":
    warnings.simplefilter("ignore")
    write_repo()
    for name, task in TASKS.items():
        write_task(name, task, COMMAND)
