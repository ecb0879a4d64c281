"""Writes the images that diffusers makes with ControlNets of Qwen-Image: tests/golden/tasks/qwen-image-control*.

    $(sh scripts/reference/setup.sh) scripts/reference/qwen_image_control_goldens.py [task ...]

diffusers encodes an image to inpaint with noise of torch's own generator; here it takes the mean, as denoise does.
"""

import sys
import warnings

from diffusers import QwenImageMultiControlNetModel

from sd3_control_goldens import mean_without_generator
import task_goldens
from tasks import OTHER, PROMPT, case, latents, mask, photo, tensor

COMMAND = "scripts/reference/qwen_image_control_goldens.py"
NETS = "models/QwenImageControlNetModel/"
TEXT = dict(prompt=PROMPT, num_inference_steps=4, height=32, width=32)
GUIDED = dict(TEXT, negative_prompt=" ")
TWO = [photo(40, 33), photo(32, 32, name="another")]
EDGES = dict(control_image=TWO[0], **GUIDED)
CASES = [
    case("an image", **EDGES),
    case("a rectangle, without guidance, half of it", control_image=TWO[0], **{**TEXT, "height": 24, "width": 56}, controlnet_conditioning_scale=0.5),
    case("two images of one prompt", **EDGES, num_images_per_prompt=2, seeds=[5, 6]),
    case("two prompts, an image each", **{**EDGES, "prompt": [PROMPT, OTHER], "negative_prompt": ["blurry", OTHER], "control_image": TWO, "seeds": [1, 2]}),
    case("from 0.3 to 0.8", control_guidance_start=0.3, control_guidance_end=0.8, true_cfg_scale=2.0, **EDGES),
    case("a tensor, whose size counts", **{**EDGES, "control_image": tensor(1, 3, 40, 24, seed=3, low=-1)}),
    case("its own sigmas", **{**EDGES, "sigmas": [1.0, 0.6, 0.25]}),
]
MASKED = dict(control_image=TWO[0], control_mask=mask(40, 33, (8, 4, 24, 20)), **GUIDED)
MASK = [
    case("an image", **MASKED),
    case("a rectangle, half of it", **{**MASKED, "height": 24, "width": 56}, controlnet_conditioning_scale=0.5),
    case("two images of one prompt", num_images_per_prompt=2, seeds=[3, 4], **MASKED),
    case("two prompts, an image and a mask each", **{
        **MASKED, "prompt": [PROMPT, OTHER], "negative_prompt": ["blurry", OTHER], "seeds": [1, 2], "control_image": TWO,
        "control_mask": [MASKED["control_mask"], mask(32, 32, (0, 16, 32, 32))]}),
    case("from 0.3 to 0.8", control_guidance_start=0.3, control_guidance_end=0.8, **MASKED),
]
SEVERAL = dict(GUIDED, control_image=TWO)
TASKS = {
    "qwen-image-control": {"pipeline": "QwenImageControlNetPipeline", "repo": "tiny-qwen-image", "parts": {"controlnet": NETS + "union"}, "cases": CASES},
    "qwen-image-control-several": {"pipeline": "QwenImageControlNetPipeline", "repo": "tiny-qwen-image", "parts": {"controlnet": [NETS + "union"]}, "cases": [
        case("two images", controlnet_conditioning_scale=[0.7, 0.4], control_guidance_start=[0.0, 0.0], control_guidance_end=[1.0, 1.0], **SEVERAL),
        case("ranges", controlnet_conditioning_scale=[1.0, 0.4], control_guidance_start=[0.0, 0.3], control_guidance_end=[0.6, 1.0], **SEVERAL),
    ]},
    "qwen-image-control-inpaint": {"pipeline": "QwenImageControlNetInpaintPipeline", "repo": "tiny-qwen-image",
                                   "parts": {"controlnet": NETS + "inpaint"}, "cases": MASK},
}


def several_in_one() -> None:
    """diffusers takes no list of ControlNets here."""
    one = task_goldens.load_part
    load = task_goldens.load

    def loaded(task: dict):
        made = {}
        for role, path in task["parts"].items():
            made[role] = QwenImageMultiControlNetModel([one(each) for each in path]) if isinstance(path, list) else path
        if made == task["parts"]:
            return load(task)
        pipe = load({**task, "parts": {"controlnet": task["parts"]["controlnet"][0]}})
        pipe.controlnet = made["controlnet"]
        return pipe

    task_goldens.load = loaded


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    mean_without_generator()
    several_in_one()
    for name in sys.argv[1:] or TASKS:
        task_goldens.write_task(name, TASKS[name], COMMAND)
