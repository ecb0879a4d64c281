"""Pipelines that diffusers has put away as deprecated and that need no model of their own: tests/golden/tasks/{panorama,semantic,sag}*.

    $(sh scripts/reference/setup.sh) scripts/reference/deprecated_goldens.py [repos] [task ...]
"""

import sys
import warnings

from common import seed_of
from task_goldens import write_task
from task_repos import folder
from tasks import OTHER, PROMPT, SAFETY, TEXT, case, latents, swap
from tiny_models import build

COMMAND = "scripts/reference/deprecated_goldens.py"
VAE = "parts/AutoencoderKL/eight"


def write_repos() -> None:
    """An autoencoder of 8x8 pixels a latent, by which alone panoramas are laid out."""
    config = dict(block_out_channels=(2, 2, 4, 4), norm_num_groups=2, layers_per_block=1, latent_channels=4, sample_size=64,
                  down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4)
    build("AutoencoderKL", config, seed_of(VAE)).save_pretrained(folder(VAE))


WIDE = dict(prompt=PROMPT, num_inference_steps=4, height=64, width=600)
PANORAMA = [
    case("the repo's own scheduler", **WIDE),
    case("edges that meet", circular_padding=True, **WIDE),
    case("DDIM, eta 1, two views at once", scheduler=swap("DDIM"), eta=1.0, view_batch_size=2, **WIDE),
    case("DPM-Solver++, all views at once, edges that meet", scheduler=swap("DPMSolverMultistep"), view_batch_size=20, circular_padding=True, **WIDE),
    case("UniPC, three views at once", scheduler=swap("UniPCMultistep"), view_batch_size=3, **{**WIDE, "num_inference_steps": 6, "width": 640}),
    case("Euler ancestral, three of four views at once", scheduler=swap("EulerAncestralDiscrete"), view_batch_size=3, **{**WIDE, "height": 576, "width": 576, "num_inference_steps": 1}),
    case("PNDM of Runge-Kutta", scheduler=swap("PNDM"), **WIDE),
    case("narrower than a view", **{**WIDE, "width": 128}),
    case("narrower than a view, edges that meet", circular_padding=True, **{**WIDE, "width": 128}),
    case("without guidance", guidance_scale=1.0, **WIDE),
    case("negative prompt, clip_skip, own latents", negative_prompt="blurry", clip_skip=1, latents=latents(1, 4, 8, 75, seed=7), **WIDE),
    case("own timesteps", scheduler=swap("DDPM"), timesteps=[900, 500, 100], prompt=PROMPT, height=64, width=600),
    case("own embeddings", prompt_embeds=latents(1, 77, 16, seed=4), negative_prompt_embeds=latents(1, 77, 16, seed=6), num_inference_steps=3,
         height=64, width=600),
]
# the tiny autoencoder's latents are 4x4 pixels, while diffusers lays out views for 8x8: what none covers is zero
SMALL = [
    case("views that cover a part", prompt=PROMPT, num_inference_steps=3, height=32, width=584),
    case("trained size", prompt=PROMPT, num_inference_steps=3, height=32, width=32),
]

# an edit keeps what is above a quantile: where two values lie about it, roundings decide, and seeds 0 and 1 to 6 have such
EDIT = dict(editing_prompt=["smiling", "glasses, wearing glasses"], edit_warmup_steps=2, **TEXT)
SEMANTIC = [
    case("no edit", **TEXT),
    case("one edit", editing_prompt="smiling", edit_warmup_steps=1, seeds=[5], **TEXT),
    case("two edits", **EDIT),
    case("a list of everything", **{**EDIT, "edit_warmup_steps": [1, 3]}, reverse_editing_direction=[False, True], edit_guidance_scale=[4, 9.5],
         edit_threshold=[0.8, 0.45], edit_weights=[0.5, 1.5], edit_cooldown_steps=[5, 6], edit_momentum_scale=0.6, edit_mom_beta=0.7),
    case("cooled down before all are warm", **{**EDIT, "edit_warmup_steps": [0, 9]}, edit_cooldown_steps=[9, 2]),
    case("reverse, no momentum", reverse_editing_direction=True, edit_momentum_scale=0.0, edit_threshold=0.0, **EDIT),
    case("embeddings", prompt=PROMPT, num_inference_steps=6, editing_prompt_embeddings=latents(2, 77, 16, seed=4), edit_warmup_steps=2),
    case("two prompts, two images each, DDIM, eta 1", scheduler=swap("DDIM"), eta=1.0, **{**EDIT, "prompt": [PROMPT, OTHER]}, num_images_per_prompt=2,
         seeds=[1, 2, 3, 4], negative_prompt=["blurry", "dark"]),
    case("own guidance vectors, Euler", scheduler=swap("EulerDiscrete"), sem_guidance=[latents(1, 4, 8, 8, seed=i) for i in range(6)], **EDIT),
    case("guidance 1", guidance_scale=1.0, **TEXT),
    case("a rectangle, own latents, a negative weight", height=32, width=48, latents=latents(1, 4, 8, 12, seed=7), edit_weights=[1.0, -0.5], **EDIT),
]

# what is attended to more than the mean is blurred: where a pixel lies about it, roundings decide, and
# each step multiplies them: after 6 the reference's own latents are 0.017 apart between processors, after 3 within the limit
FEW = {**TEXT, "num_inference_steps": 3}
SAG = [
    case("the repo's own scheduler", **FEW),
    case("DDIM, eta 1, a larger scale", scheduler=swap("DDIM"), eta=1.0, sag_scale=1.5, **FEW),
    case("DDPM, a rectangle", scheduler=swap("DDPM"), height=24, width=48, **FEW),
    case("PNDM of Runge-Kutta", scheduler=swap("PNDM"), **FEW),
    case("DPM-Solver++, karras", scheduler=swap("DPMSolverMultistep", use_karras_sigmas=True), **FEW),
    case("UniPC", scheduler=swap("UniPCMultistep"), **FEW),
    case("DDPM that predicts a velocity", scheduler=swap("DDPM", prediction_type="v_prediction"), **FEW),
    case("DDIM that predicts the sample", scheduler=swap("DDIM", prediction_type="sample"), **FEW),
    case("DDIM of a velocity, without signal at first", scheduler=swap("DDIM", prediction_type="v_prediction", rescale_betas_zero_snr=True,
                                                                     timestep_spacing="trailing"), **FEW),
    case("without text guidance", guidance_scale=1.0, **FEW),
    case("without self-attention guidance", sag_scale=0.0, **FEW),
    case("two prompts, two images each", num_images_per_prompt=2, seeds=[1, 2, 3, 4], **{**FEW, "prompt": [PROMPT, OTHER]}),
    case("negative prompt, clip_skip, own latents", negative_prompt="blurry", clip_skip=1, latents=latents(1, 4, 8, 8, seed=7), **FEW),
    case("own embeddings", prompt_embeds=latents(1, 77, 16, seed=4), negative_prompt_embeds=latents(1, 77, 16, seed=6), num_inference_steps=3),
]

TASKS = {
    "sag": {"pipeline": "StableDiffusionSAGPipeline", "repo": "tiny-stable-diffusion", "parts": {}, "cases": SAG},
    "sag-safety": {"pipeline": "StableDiffusionSAGPipeline", "repo": "tiny-stable-diffusion", "parts": SAFETY, "cases": [
        case("six images", num_images_per_prompt=6, seeds=[1, 2, 3, 4, 5, 6], **TEXT)]},
    "panorama": {"pipeline": "StableDiffusionPanoramaPipeline", "repo": "tiny-stable-diffusion", "parts": {"vae": VAE}, "every": 5, "cases": PANORAMA},
    "panorama-4": {"pipeline": "StableDiffusionPanoramaPipeline", "repo": "tiny-stable-diffusion", "parts": {}, "every": 5, "cases": SMALL},
    "semantic": {"pipeline": "SemanticStableDiffusionPipeline", "repo": "tiny-stable-diffusion", "parts": {}, "cases": SEMANTIC},
    "semantic-safety": {"pipeline": "SemanticStableDiffusionPipeline", "repo": "tiny-stable-diffusion", "parts": SAFETY, "cases": [
        case("six images", num_images_per_prompt=6, seeds=[1, 2, 3, 4, 5, 6], edit_threshold=0.0, **EDIT)]},
}

if __name__ == "__main__":
    warnings.simplefilter("ignore")
    for wanted in sys.argv[1:] or ["repos", *TASKS]:
        write_repos() if wanted == "repos" else write_task(wanted, TASKS[wanted], COMMAND)
