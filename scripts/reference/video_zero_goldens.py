"""Text2Video-Zero: tests/golden/tasks/video-zero*.

    $(sh scripts/reference/setup.sh) scripts/reference/video_zero_goldens.py [task ...]
"""

import functools
import sys
import warnings

import diffusers
import numpy
from PIL import Image

from task_goldens import write_task
from tasks import OTHER, PROMPT, SAFETY, case, latents, swap

COMMAND = "scripts/reference/video_zero_goldens.py"


def give_images() -> None:
    """Of series diffusers gives arrays; here they become images, as its other pipelines have it."""
    for name in ("TextToVideoZeroPipeline", "TextToVideoZeroSDXLPipeline"):
        cls = getattr(diffusers, name)

        @functools.wraps(cls.__call__)
        def shown(self, *args, own=cls.__call__, output_type="pil", **options):
            made = own(self, *args, output_type=output_type, **options)
            if isinstance(made.images, numpy.ndarray):
                made.images = [Image.fromarray((frame * 255).round().astype("uint8")) for frame in made.images]
            return made

        cls.__call__ = shown


# of eight steps the fourth and the sixth from the end
FEW = dict(prompt=PROMPT, num_inference_steps=8, t0=3, t1=5, video_length=3)
DDIM = swap("DDIM")
CASES = [
    case("DDIM", scheduler=DDIM, **FEW),
    case("DDIM, eta 1, much motion", scheduler=DDIM, eta=1.0, motion_field_strength_x=-40.0, motion_field_strength_y=77.7, **FEW),
    case("DPM-Solver++, which remembers steps", scheduler=swap("DPMSolverMultistep"), **FEW),
    case("PNDM, negative prompt, a rectangle", scheduler=swap("PNDM", skip_prk_steps=True), negative_prompt="blurry", height=32, width=48, **FEW),
    case("one image", scheduler=DDIM, **{**FEW, "video_length": 1}),
    case("the middle of a longer series, own latents", scheduler=DDIM, frame_ids=[0, 4, 5], latents=latents(1, 4, 8, 8, seed=3), **FEW),
    case("from the first step on", scheduler=DDIM, **{**FEW, "t1": 7, "t0": 6}),
]
# clipped samples make the random UNet of XL chaotic: latents that differ by 1e-7 end 0.3 apart in diffusers itself
UNCLIPPED = swap("DDIM", clip_sample=False)
XL_CASES = [
    case("DDIM", scheduler=UNCLIPPED, **FEW),
    case("UniPC, two prompts, sizes", scheduler=swap("UniPCMultistep"), prompt_2=OTHER, negative_prompt="blurry", original_size=(100, 90),
         crops_coords_top_left=(3, 5), target_size=(64, 48), height=32, width=48, **FEW),
    case("without guidance, four images", scheduler=UNCLIPPED, guidance_scale=1.0, **{**FEW, "video_length": 4}),
    case("an early end", scheduler=UNCLIPPED, denoising_end=0.8, height=32, width=32, **FEW),
]
UNCHECKED = {"safety_checker": None, "feature_extractor": None}
TASKS = {
    "video-zero": {"pipeline": "TextToVideoZeroPipeline", "repo": "tiny-stable-diffusion", "parts": UNCHECKED, "cases": CASES},
    "video-zero-safety": {"pipeline": "TextToVideoZeroPipeline", "repo": "tiny-stable-diffusion", "parts": SAFETY, "cases": [
        case("six images", scheduler=DDIM, **{**FEW, "video_length": 6})]},
    "video-zero-xl": {"pipeline": "TextToVideoZeroSDXLPipeline", "repo": "tiny-stable-diffusion-xl", "parts": {}, "cases": XL_CASES},
}

if __name__ == "__main__":
    warnings.simplefilter("ignore")
    give_images()
    for wanted in sys.argv[1:] or TASKS:
        write_task(wanted, TASKS[wanted], COMMAND)
