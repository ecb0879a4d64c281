"""Random calls of the pipelines that are given images, for the live comparison: sizes, modes, masks, schedulers."""

from random import Random

from PIL import Image

import amused_goldens
import aura_flow_goldens
import consistency_decoder_goldens
import control_union_goldens
import control_xs_goldens
import deprecated_goldens
import deepfloyd_if_goldens
import diffedit_goldens
import dit_pipeline_goldens
import ernie_image_goldens
import gligen_goldens
import krea2_goldens
import ldm3d_goldens
import lumina2_goldens
import pixart_goldens
import flux_goldens
import ip_adapter_goldens
import sana_goldens
import sd3_control_goldens
import sd3_goldens
import t2i_adapter_goldens
import flux2_goldens
import kandinsky_goldens
import kandinsky21_goldens
import kolors_goldens
import karlo_goldens
import kandinsky_prior_goldens
import anima_goldens
import flux3_goldens
import pag_goldens
import paint_by_example_goldens
import pixel_goldens
import longcat_image_goldens
import marigold_goldens
import ovis_image_goldens
import qwen_image_control_goldens
import qwen_image_edit_goldens
import qwen_image_goldens
import qwen_image21_goldens
import qwen_image_layered_goldens
import ace_step_goldens
import audioldm2_goldens
import audioldm_goldens
import stable_audio_goldens
import unclip_goldens
import variation_goldens
import video_zero_goldens
import z_image_control_goldens
import z_image_goldens
from random_configs import PROMPTS, pick, some
from tasks import TASKS, latents, mask, photo, swap, tensor, with_alpha

MULTISTEP = dict(use_karras_sigmas=True)
SCHEDULERS = (
    # diffusers' Runge-Kutta start fails under 4 steps
    ("DDIM", {}), ("DDPM", {}), ("PNDM", dict(skip_prk_steps=True)), ("EulerDiscrete", {}), ("EulerDiscrete", MULTISTEP), ("EulerAncestralDiscrete", {}),
    ("LMSDiscrete", {}), ("HeunDiscrete", {}), ("KDPM2Discrete", {}), ("KDPM2AncestralDiscrete", {}), ("UniPCMultistep", {}),
    ("DPMSolverMultistep", {}), ("DPMSolverMultistep", MULTISTEP), ("DPMSolverMultistep", dict(algorithm_type="sde-dpmsolver++")),
    ("DPMSolverSinglestep", {}), ("DEISMultistep", {}),
)
# Heun's and the like count their steps twice, which diffusers' inpainting does not expect
ONE_CALL_A_STEP = tuple(entry for entry in SCHEDULERS if entry[0] not in ("HeunDiscrete", "KDPM2Discrete", "KDPM2AncestralDiscrete"))


def scheduler(dice: Random, among=SCHEDULERS) -> dict | None:
    if dice.random() < 0.2:
        return None
    name, config = pick(dice, *among)
    spacing = some(dice, 0.3, timestep_spacing=pick(dice, "leading", "trailing", "linspace")) if name != "DPMSolverSinglestep" else {}
    return swap(name, **config, **spacing)


def prompts(dice: Random) -> dict:
    """One or two prompts, and one or two images of each."""
    count, each = pick(dice, 1, 1, 2), pick(dice, 1, 1, 2)
    words = dice.choices(PROMPTS, k=count)
    negative = dice.choices(PROMPTS, k=count)
    return dict(
        prompt=words if count > 1 else words[0], **some(dice, 0.4, negative_prompt=negative if count > 1 else negative[0]),
        **some(dice, 0.5 if each == 1 else 1, num_images_per_prompt=each), num_inference_steps=dice.randint(2, 7),
        guidance_scale=pick(dice, 1.0, 3.0, 7.5),
    )


def random_photo(dice: Random, least: int, most: int) -> Image.Image:
    """In RGB: diffusers fails on grey images and takes the four channels of RGBA for latents."""
    return photo(dice.randint(least, most), dice.randint(least, most), name=str(dice.random()))


def painted(dice: Random) -> dict:
    """An image and a mask of its size, whose edges are sharp, soft or grey."""
    image = random_photo(dice, 33, 90)
    width, height = image.size
    left, top = dice.randrange(width // 2), dice.randrange(height // 2)
    box = (left, top, dice.randint(left + 4, width), dice.randint(top + 4, height))
    area = mask(width, height, box, pick(dice, "L", "RGB"))
    if dice.random() < 0.3:
        area = area.convert("L").resize((max(width // 3, 1), height), Image.Resampling.BICUBIC).resize((width, height))
    return dict(image=image, mask_image=area)


def img2img(dice: Random) -> tuple[dict, dict | None]:
    image = random_photo(dice, 33, 80) if dice.random() < 0.7 else tensor(1, 3, 32, 48, seed=dice.randrange(99), low=pick(dice, 0, -1))
    return dict(image=image, strength=dice.uniform(0.5, 1.0), **prompts(dice)), scheduler(dice)


def inpaint(dice: Random) -> tuple[dict, dict | None]:
    size = dict(height=pick(dice, 32, 40, 64), width=pick(dice, 32, 48, 64))
    crop = some(dice, 0.3, padding_mask_crop=dice.randint(0, 20))
    return dict(strength=dice.uniform(0.5, 1.0), **painted(dice), **size, **crop, **prompts(dice)), scheduler(dice, ONE_CALL_A_STEP)


def text(dice: Random) -> tuple[dict, dict | None]:
    size = some(dice, 0.6, height=pick(dice, 32, 40, 64), width=pick(dice, 32, 48, 72))
    return dict(**size, **some(dice, 0.2, guidance_rescale=0.5), **some(dice, 0.2, clip_skip=1), **prompts(dice)), scheduler(dice)


def upscale(dice: Random) -> tuple[dict, dict | None]:
    call = prompts(dice)
    count = len(call["prompt"]) if isinstance(call["prompt"], list) else 1
    image = random_photo(dice, 12, 28)
    return dict(image=[image] * count, noise_level=dice.randint(0, 9), **call), scheduler(dice, ONE_CALL_A_STEP)


def depth(dice: Random) -> tuple[dict, dict | None]:
    call, swapped = img2img(dice)
    given = some(dice, 0.5, depth_map=tensor(1, dice.randint(8, 40), dice.randint(8, 40), seed=dice.randrange(99), low=-3, high=7))
    return dict(call, image=random_photo(dice, 33, 70), **given), swapped


def consistency(dice: Random) -> tuple[dict, None]:
    call = dict(prompts(dice), num_inference_steps=dice.randint(1, 6), original_inference_steps=pick(dice, 20, 50))
    call.pop("negative_prompt", None)
    return call, None


def consistency_img2img(dice: Random) -> tuple[dict, None]:
    return dict(consistency(dice)[0], image=random_photo(dice, 33, 80), strength=dice.uniform(0.7, 1.0)), None


def edit(dice: Random) -> tuple[dict, dict | None]:
    call = dict(prompts(dice), image=random_photo(dice, 33, 80), image_guidance_scale=pick(dice, 0.9, 1.0, 1.5, 2.5))
    return call, scheduler(dice)


def edit_xl(dice: Random) -> tuple[dict, dict | None]:
    call, swapped = edit(dice)
    return {**call, **xl(dice), "height": pick(dice, 32, 40), "width": pick(dice, 32, 64)}, swapped


def xl(dice: Random) -> dict:
    return some(dice, 0.4, original_size=(dice.randint(8, 200), dice.randint(8, 200)), target_size=(64, 32),
                crops_coords_top_left=(dice.randint(0, 9), dice.randint(0, 9)))


def with_sizes(make):
    def made(dice: Random) -> tuple[dict, dict | None]:
        call, swapped = make(dice)
        call.pop("clip_skip", None)
        return {**call, **xl(dice)}, swapped
    return made


def cut_sides(dice: Random) -> dict:
    """Sides of whole tokens, or others, which diffusers cuts to such with a warning."""
    return dict(height=pick(dice, 32, 40, 64, dice.randint(24, 64)), width=pick(dice, 24, 48, 72, dice.randint(24, 72)))


def z_image(dice: Random) -> tuple[dict, None]:
    """Guidance of every kind; the scheduler stays, as others draw from torch's own generator there."""
    call = dict(prompts(dice), guidance_scale=pick(dice, 0.0, 0.6, 4.0), **some(dice, 0.3, cfg_normalization=dice.uniform(0.3, 1.2)),
                **some(dice, 0.3, cfg_truncation=dice.random()), **some(dice, 0.2, max_sequence_length=dice.randint(8, 40)))
    return call, None


def z_image_text(dice: Random) -> tuple[dict, None]:
    return dict(z_image(dice)[0], height=pick(dice, 32, 40, 64), width=pick(dice, 24, 48, 72)), None


def z_image_img2img(dice: Random) -> tuple[dict, None]:
    return dict(z_image(dice)[0], image=random_photo(dice, 33, 80), strength=dice.uniform(0.3, 1.0)), None


def z_image_inpaint(dice: Random) -> tuple[dict, None]:
    return dict(z_image(dice)[0], **painted(dice), strength=dice.uniform(0.3, 1.0)), None


def flow_text(dice: Random) -> tuple[dict, dict | None]:
    """Of transformers on flows, whose tiny repos have a token of 8x8 pixels."""
    call = prompts(dice)
    size = some(dice, 0.7, height=pick(dice, 16, 32, 40), width=pick(dice, 24, 32, 48))
    return dict(call, **size, max_sequence_length=dice.randint(4, 60)), None


def one_image(dice: Random) -> dict:
    """A call for one image: diffusers wants as many images as generators."""
    call, _ = flow_text(dice)
    call.pop("negative_prompt", None)
    return dict(call, prompt=pick(dice, *PROMPTS), num_images_per_prompt=1, **some(dice, 0.5, negative_prompt=pick(dice, *PROMPTS)))


def flow_img2img(dice: Random) -> tuple[dict, None]:
    return dict(one_image(dice), image=random_photo(dice, 33, 80), strength=dice.uniform(0.4, 1.0)), None


def flow_inpaint(dice: Random) -> tuple[dict, None]:
    crop = some(dice, 0.3, padding_mask_crop=dice.randint(0, 20))
    return dict(one_image(dice), **painted(dice), **crop, strength=dice.uniform(0.4, 1.0)), None


def sd3(dice: Random) -> tuple[dict, None]:
    call, _ = flow_text(dice)
    skip = some(dice, 0.5, skip_guidance_layers=dice.sample(range(3), dice.randint(1, 2)), skip_layer_guidance_stop=dice.random())
    third = [pick(dice, *PROMPTS) for _ in call["prompt"]] if isinstance(call["prompt"], list) else pick(dice, *PROMPTS)
    return dict(call, **skip, **some(dice, 0.3, clip_skip=dice.randint(0, 1)), **some(dice, 0.3, prompt_3=third)), None


def sd3_control(dice: Random) -> tuple[dict, None]:
    ends = dict(control_guidance_start=dice.uniform(0, 0.4), control_guidance_end=dice.uniform(0.5, 1))
    call = dict(flow_text(dice)[0], controlnet_conditioning_scale=dice.uniform(0.1, 1.2), **some(dice, 0.5, **ends))
    return dict(call, control_image=random_photo(dice, 20, 70), **some(dice, 0.3, clip_skip=dice.randint(0, 1))), None


def sd3_control_inpaint(dice: Random) -> tuple[dict, None]:
    given = painted(dice)
    return dict(sd3_control(dice)[0], control_image=given["image"], control_mask=given["mask_image"]), None


def pixart(dice: Random) -> tuple[dict, dict | None]:
    call, _ = flow_text(dice)
    size = pick(dice, dict(height=32, width=48), dict(height=24, width=32))
    return dict(call, **size, use_resolution_binning=False), scheduler(dice, ONE_CALL_A_STEP)


def sana(dice: Random) -> tuple[dict, None]:
    call, _ = flow_text(dice)
    told = some(dice, 0.5, complex_human_instruction=pick(dice, [], ["Say it better:", "User Prompt: "]))
    return dict(call, **told, height=32, width=pick(dice, 32, 64), use_resolution_binning=False), None


def sprint(dice: Random) -> tuple[dict, None]:
    call, _ = sana(dice)
    call.pop("negative_prompt", None)
    steps = dice.randint(1, 4)
    angles = dict(intermediate_timesteps=None) if steps != 2 else some(dice, 0.5, intermediate_timesteps=dice.uniform(0.5, 1.4))
    return dict(call, num_inference_steps=steps, **angles), None


def sprint_img2img(dice: Random) -> tuple[dict, None]:
    return dict(sprint(dice)[0], image=random_photo(dice, 33, 80), strength=dice.uniform(0.5, 1.0)), None


def lumina2(dice: Random) -> tuple[dict, None]:
    call, _ = flow_text(dice)
    size = dict(height=pick(dice, 32, 48, 64), width=pick(dice, 32, 80))
    # diffusers takes a negative prompt in a list alone
    negative = {key: [call[key]] if isinstance(call[key], str) else call[key] for key in ("negative_prompt",) if key in call}
    prompt = [call["prompt"]] if isinstance(call["prompt"], str) else call["prompt"]
    told = some(dice, 0.5, system_prompt="Draw:") | some(dice, 0.3, cfg_trunc_ratio=dice.random()) | some(dice, 0.3, cfg_normalization=False)
    return call | size | told | negative | dict(prompt=prompt), None


def aura_flow(dice: Random) -> tuple[dict, dict | None]:
    call, _ = flow_text(dice)
    size = dict(height=pick(dice, 32, 48, 64), width=pick(dice, 24, 40))
    return call | size, pick(dice, None, None, swap("FlowMatchEulerDiscrete", shift=dice.uniform(1, 4)), swap("FlowMatchHeunDiscrete"))


def dit(dice: Random) -> tuple[dict, dict | None]:
    labels = [dice.randrange(1000) for _ in range(dice.randint(1, 3))]
    call = dict(class_labels=labels, guidance_scale=pick(dice, 1.0, 3.0), num_inference_steps=dice.randint(2, 7))
    return call, pick(dice, None, swap("DPMSolverMultistep"), swap("EulerDiscrete"))


FLOWS = {
    f"sd3{repo}{task}": make
    for repo in ("", "-medium", "-large") for task, make in (("", sd3), ("-img2img", flow_img2img), ("-inpaint", flow_inpaint))
}


def qwen_image(dice: Random) -> tuple[dict, None]:
    call = prompts(dice)
    call.pop("guidance_scale")
    if isinstance(call["prompt"], list):  # diffusers mixes up the masks of several images of several prompts
        call.pop("num_images_per_prompt", None)
    if call["num_inference_steps"] > 1:
        call |= some(dice, 0.3, max_sequence_length=dice.randint(8, 40)) | some(dice, 0.6, true_cfg_scale=pick(dice, 1.0, 1.7, 5.0))
    return call, None


def krea2(dice: Random) -> tuple[dict, None]:
    """Sides are rounded up; of a tiny tokenizer's tokens the instruction alone has some seventy."""
    call = dict(prompts(dice), guidance_scale=pick(dice, 0.0, 0.8, 4.5))
    return dict(call, height=dice.randint(9, 60), width=dice.randint(9, 60), **some(dice, 0.4, max_sequence_length=dice.randint(5, 90))), None


def qwen_image21(dice: Random) -> tuple[dict, None]:
    """Sides are cut; diffusers wants as many negative prompts as prompts."""
    call = dict(prompts(dice), height=dice.randint(32, 130), width=dice.randint(32, 130))
    call.pop("guidance_scale")
    negative = call.pop("negative_prompt", None)
    if negative is not None:
        call["negative_prompt"] = [pick(dice, "", "blurry, dull") for _ in call["prompt"]] if isinstance(call["prompt"], list) else negative
    return dict(call, **some(dice, 0.7, true_cfg_scale=pick(dice, 1.0, 1.7, 5.0))), None


def any_photo(dice: Random, least: int, most: int) -> Image.Image:
    width, height = dice.randint(least, most), dice.randint(least, most)
    return pick(dice, photo(width, height, name=str(dice.random())), photo(width, height, "L"), with_alpha(width, height))


def qwen_image21_images(dice: Random) -> tuple[dict, None]:
    """From one or several images of any mode, in the last one's shape or not."""
    call, _ = qwen_image21(dice)
    sizes = {side: call.pop(side) for side in ("height", "width")}
    shots = [any_photo(dice, 30, 150) for _ in range(dice.randint(1, 3))]
    call["num_inference_steps"] = min(call["num_inference_steps"], 4)
    given = dict(image=shots if len(shots) > 1 or dice.random() < 0.3 else shots[0], output_resolution=pick(dice, 50, 64, 96))
    return call | given | {side: value for side, value in sizes.items() if dice.random() < 0.4} | some(dice, 0.3, use_kv_cache=False), None


def ernie_image(dice: Random) -> tuple[dict, None]:
    """diffusers wants as many negative prompts as prompts."""
    call = dict(prompts(dice), height=pick(dice, 16, 32, 48), width=pick(dice, 24, 32, 56))
    if isinstance(call["prompt"], str) and isinstance(call.get("negative_prompt"), list):
        call["negative_prompt"] = call["negative_prompt"][0]
    return call, None


def qwen_image_text(dice: Random) -> tuple[dict, None]:
    return dict(qwen_image(dice)[0], **cut_sides(dice)), None


def qwen_image_control(dice: Random) -> tuple[dict, None]:
    ends = dict(control_guidance_start=dice.uniform(0, 0.4), control_guidance_end=dice.uniform(0.5, 1))
    call = dict(qwen_image_text(dice)[0], controlnet_conditioning_scale=dice.uniform(0.1, 1.2), **some(dice, 0.5, **ends))
    return dict(call, control_image=random_photo(dice, 20, 70)), None


def qwen_image_control_inpaint(dice: Random) -> tuple[dict, None]:
    given = painted(dice)
    return dict(qwen_image_control(dice)[0], control_image=given["image"], control_mask=given["mask_image"]), None


def qwen_image_img2img(dice: Random) -> tuple[dict, None]:
    return dict(qwen_image_text(dice)[0], image=random_photo(dice, 33, 80), strength=dice.uniform(0.3, 1.0)), None


def qwen_image_inpaint(dice: Random) -> tuple[dict, None]:
    crop = some(dice, 0.3, padding_mask_crop=dice.randint(0, 20))
    return dict(qwen_image_text(dice)[0], **painted(dice), **crop, strength=dice.uniform(0.3, 1.0)), None


def flux2(dice: Random) -> tuple[dict, None]:
    call = prompts(dice)
    call.pop("negative_prompt", None)
    images = [random_photo(dice, 64, 90) for _ in range(dice.randint(0, 2))]
    size = cut_sides(dice) if not images or dice.random() < 0.6 else {}
    return dict(call, **size, max_sequence_length=pick(dice, 32, 64, 80), **({"image": images} if images else {})), None


def flux2_kv(dice: Random) -> tuple[dict, None]:
    """Without guidance, which these models do not know."""
    return {key: value for key, value in flux2(dice)[0].items() if key != "guidance_scale"}, None


def flux2_dev(dice: Random) -> tuple[dict, None]:
    """The message of the system alone is about 110 tokens of the tiny tokenizers."""
    return dict(flux2(dice)[0], max_sequence_length=pick(dice, 120, 160, 512)), None


def flux2_inpaint(dice: Random) -> tuple[dict, None]:
    call = prompts(dice)
    call.pop("negative_prompt", None)
    reference = {"image_reference": random_photo(dice, 20, 90)} if dice.random() < 0.5 else {}
    return dict(call, **painted(dice), **reference, strength=dice.uniform(0.3, 1.0), max_sequence_length=pick(dice, 32, 64)), None


def flux3_distilled(dice: Random) -> tuple[dict, None]:
    """One prompt, with none to five reference images, of which one alone may be narrow."""
    call = {key: value for key, value in prompts(dice).items() if key not in ("negative_prompt", "guidance_scale")}
    call["prompt"] = " ".join(pick(dice, *PROMPTS) for _ in range(dice.randint(1, 4)))
    count = pick(dice, 0, 0, 1, 1, 2, 5)
    images = [random_photo(dice, 9 if count == 1 else 16, 90) for _ in range(count)]
    size = dict(height=pick(dice, 32, 40, 64), width=pick(dice, 24, 48, 72)) if not images or dice.random() < 0.4 else {}
    layers = {"text_encoder_out_layers": tuple(sorted(dice.sample(range(34), 8)))} if dice.random() < 0.3 else {}
    return dict(call, **size, **layers, max_sequence_length=pick(dice, 20, 100, 8192), **({"image": images} if images else {})), None


def anima(dice: Random) -> tuple[dict, None]:
    """From one or two prompts, or from an image of any size and these."""
    call = prompts(dice)
    start = {"image": random_photo(dice, 20, 90), "strength": dice.uniform(0.2, 1.0)} if dice.random() < 0.5 else {}
    return dict(call, **start, height=pick(dice, 24, 32, 40), width=pick(dice, 24, 32, 48), max_sequence_length=pick(dice, 12, 40, 512)), None


def flux3(dice: Random) -> tuple[dict, None]:
    call = flux3_distilled(dice)[0]
    negative = {"negative_prompt": pick(dice, *PROMPTS)} if dice.random() < 0.5 else {}
    return dict(call, **negative, guidance_scale=pick(dice, 0.0, 1.0, 3.5, 7.0)), None


def flux(dice: Random, images: int = 0) -> dict:
    """A call of FLUX.1: distilled or true guidance, small sizes, short texts."""
    call = prompts(dice)
    negative = call.pop("negative_prompt", None)
    guided = {} if negative is None else {"negative_prompt": negative, "true_cfg_scale": pick(dice, 1.0, 2.0, 4.0)}
    sides = dict(height=pick(dice, 24, 32, 40, dice.randint(16, 40)), width=pick(dice, 24, 32, 48, dice.randint(16, 48)))
    return {**call, **guided, **sides, "max_sequence_length": dice.randint(4, 40)}


def unguided(call: dict) -> dict:
    return {key: value for key, value in call.items() if key not in ("negative_prompt", "true_cfg_scale")}


def flux_text(dice: Random) -> tuple[dict, None]:
    return flux(dice), None


def flux_img2img(dice: Random) -> tuple[dict, None]:
    return dict(flux(dice), image=random_photo(dice, 20, 70), strength=dice.uniform(0.4, 1.0)), None


def flux_kontext(dice: Random) -> tuple[dict, None]:
    return dict(flux(dice), image=random_photo(dice, 20, 70), max_area=dice.randint(700, 2000), _auto_resize=False), None


def flux_fill(dice: Random) -> tuple[dict, None]:
    return dict(unguided(flux(dice)), strength=dice.uniform(0.5, 1.0), **painted(dice)), None


def flux_inpaint(dice: Random) -> tuple[dict, None]:
    return dict(flux(dice), strength=dice.uniform(0.4, 1.0), **painted(dice), **some(dice, 0.3, padding_mask_crop=dice.randint(0, 20))), None


def flux_control(dice: Random) -> tuple[dict, None]:
    return dict(unguided(flux(dice)), control_image=random_photo(dice, 20, 70)), None


def flux_controlnet(dice: Random) -> tuple[dict, None]:
    ends = dict(control_guidance_start=dice.uniform(0, 0.4), control_guidance_end=dice.uniform(0.5, 1))
    return dict(flux(dice), control_image=random_photo(dice, 20, 70), controlnet_conditioning_scale=dice.uniform(0.1, 1.2), **some(dice, 0.5, **ends)), None


def chroma(dice: Random) -> tuple[dict, None]:
    call = flux(dice)
    call.pop("true_cfg_scale", None)
    if isinstance(call["prompt"], list) and "negative_prompt" not in call:
        call["negative_prompt"] = [""] * len(call["prompt"])  # diffusers wants as many
    return call, None


def stable_audio(dice: Random) -> tuple[dict, dict | None]:
    """Guidance of every kind, any part of the 4 seconds that the tiny repos make, a clip to begin with."""
    call = prompts(dice)
    prompt, each = call["prompt"], call.pop("num_images_per_prompt", 1)
    start = dice.uniform(0, 2)
    rows = len(prompt) if isinstance(prompt, list) else 1
    begun = dict(initial_audio_waveforms=tensor(rows, 2, dice.randint(40, 200), seed=dice.randrange(99), low=-0.7, high=0.7),
                 initial_audio_sampling_rate=40)
    own = swap("CosineDPMSolverMultistep", solver_order=pick(dice, 1, 2), solver_type=pick(dice, "midpoint", "heun"),
               sigma_schedule=pick(dice, "exponential", "karras"))
    edm = swap("EDMDPMSolverMultistep", sigma_min=0.3, sigma_max=500, sigma_data=1.0, prediction_type="v_prediction")
    span = some(dice, 0.7, audio_start_in_s=start, audio_end_in_s=dice.uniform(start, 4))
    return dict(call, **span, **some(dice, 0.3, **begun), num_waveforms_per_prompt=each), pick(dice, None, own, edm)


def perturbed(make, **more):
    """The same guided by perturbed attention, for one case in three with other layers."""
    def made(dice: Random) -> tuple[dict, dict | None]:
        call, swapped = make(dice)
        call.pop("padding_mask_crop", None)  # which diffusers' inpainting with PAG refuses
        given = {name: value(dice) for name, value in more.items()}
        layers = some(dice, 0.3, pag_applied_layers=pick(dice, ["mid", "up_blocks.1"], ["blocks"], ["up_blocks.1.attentions.0"]))
        return {**call, **given, **layers, "pag_scale": pick(dice, 0.0, 1.5, 3.0), **some(dice, 0.3, pag_adaptive_scale=0.004)}, swapped
    return made


def plain_text(dice: Random) -> tuple[dict, dict | None]:
    call, swapped = text(dice)
    call.pop("guidance_rescale", None)
    return call, swapped


def kolors(make):
    """Prompts in two languages, empty and too long ones; sizes of what is not wanted too."""
    def made(dice: Random) -> tuple[dict, dict | None]:
        call, swapped = with_sizes(make)(dice)
        call.pop("guidance_rescale", None)
        words = [kolors_goldens.CHINESE, "", kolors_goldens.LONG, *PROMPTS]
        if isinstance(call["prompt"], str):
            call |= {"prompt": pick(dice, *words), **some(dice, 0.5, negative_prompt=pick(dice, *words))}
        return call | some(dice, 0.2, negative_original_size=(30, 20), negative_target_size=(50, 40)), swapped
    return made


def variation(dice: Random) -> tuple[dict, dict | None]:
    call, swapped = plain_text(dice)
    count = len(call["prompt"]) if isinstance(call["prompt"], list) else 1
    kept = {key: value for key, value in call.items() if key not in ("prompt", "negative_prompt", "clip_skip")}
    return dict(kept, image=[random_photo(dice, 20, 80) for _ in range(count)]), swapped


def control_photo(dice: Random) -> Image.Image:
    return random_photo(dice, 33, 80)


def ace_step(dice: Random) -> tuple[dict, dict | None]:
    """Every task on a clip, on codes or on neither, with what is known of the music or without."""
    words = prompts(dice)
    prompt = words["prompt"]
    rows = len(prompt) if isinstance(prompt, list) else 1
    task = pick(dice, "text2music", "text2music", "text2music", "repaint", "cover", "extract", "lego", "complete")
    song = lambda: pick(dice, "", "la la la", "[verse]\nSoft notes in the morning light\n[chorus]\n一只猫")  # noqa: E731
    clip = lambda most: tensor(2, dice.randint(40, most), seed=dice.randrange(99), low=-0.7, high=0.7)  # noqa: E731
    call = dict(prompt=prompt, lyrics=[song() for _ in range(rows)], num_inference_steps=words["num_inference_steps"], task_type=task,
                guidance_scale=words["guidance_scale"], audio_duration=dice.choice([0.0, dice.uniform(0.3, 7)]))
    known = dict(bpm=dice.randint(0, 200), keyscale=pick(dice, "", "A minor"), timesignature=pick(dice, " ", "3"),
                 vocal_language=[pick(dice, "en", "ja", "unknown") for _ in range(rows)])
    start = dice.uniform(-1, 3)
    some_tasks = dict(track_name=pick(dice, "vocals", "Drums"), complete_track_classes=dice.choices(["bass", "drums", "guitar"], k=2),
                      repainting_start=start, repainting_end=pick(dice, -1.0, start + dice.uniform(0.1, 3)), audio_cover_strength=dice.random())
    begin, end = sorted((dice.random(), dice.random()))
    codes = ["".join(f"<|audio_code_{dice.randrange(70000)}|>" for _ in range(dice.randint(1, 4))) for _ in range(rows)]
    plan = dict(shift=dice.uniform(0.5, 4)) if dice.random() < 0.7 else dict(timesteps=sorted((dice.uniform(0.05, 1) for _ in range(3)), reverse=True))
    return dict(call, **some(dice, 0.5, **known), **(some_tasks if dice.random() < 0.7 else {}), **some(dice, 0.4, cfg_interval_start=begin, cfg_interval_end=end),
                **plan, **some(dice, 0.8 if task != "text2music" else 0, src_audio=clip(300)), **some(dice, 0.3, reference_audio=clip(2000)),
                **some(dice, 0.2, audio_codes=codes), **some(dice, 0.2, instruction="Do as you like"),
                **some(dice, 0.2, max_text_length=dice.randint(5, 60), max_lyric_length=dice.randint(3, 30))), None


def ace_step_turbo(dice: Random) -> tuple[dict, dict | None]:
    """Of the repo without what covers need."""
    call, swapped = ace_step(dice)
    call.pop("audio_codes", None)
    return call | dict(task_type="extract" if call["task_type"] == "cover" else call["task_type"]), swapped


def audioldm(dice: Random) -> tuple[dict, dict | None]:
    call = prompts(dice)
    each = call.pop("num_images_per_prompt", 1)
    return dict(call, **some(dice, 0.7, audio_length_in_s=dice.uniform(0.13, 2.5)), num_waveforms_per_prompt=each), scheduler(dice)


def musicldm(dice: Random) -> tuple[dict, dict | None]:
    """One clip of each prompt: diffusers would rank several by CLAP's audio encoder."""
    call, swapped = audioldm(dice)
    return dict(call, num_waveforms_per_prompt=1), swapped


def adapter(dice: Random) -> tuple[dict, dict | None]:
    """An image for all prompts is repeated by us alone: diffusers wants one for each under guidance."""
    call, swapped = plain_text(dice)
    count = len(call["prompt"]) if isinstance(call["prompt"], list) else 1
    side = {key: 16 * dice.randint(2, 4) for key in ("height", "width")}
    call = {key: value for key, value in call.items() if key not in ("height", "width")}
    return dict(call, **side, image=[random_photo(dice, 20, 80) for _ in range(count)], adapter_conditioning_scale=dice.uniform(0.2, 1.5)), swapped


def adapter_xl(dice: Random) -> tuple[dict, dict | None]:
    call, swapped = with_sizes(adapter)(dice)
    return dict(call, **some(dice, 0.6, adapter_conditioning_factor=dice.random()), **some(dice, 0.2, guidance_rescale=0.5)), swapped


def union(make):
    """The same controlled by images of one to three kinds, with a scale and a range for each."""
    def made(dice: Random) -> tuple[dict, dict | None]:
        call, swapped = with_sizes(make)(dice)
        call = {key: value for key, value in call.items() if key not in ("guidance_rescale", "padding_mask_crop")}
        call |= dict(height=32, width=48)  # which images of several sizes are brought to
        kinds = dice.sample(range(4), dice.randint(1, 3))
        shots = [random_photo(dice, 33, 80) for _ in kinds]
        ends = dict(control_guidance_start=[dice.uniform(0, 0.4) for _ in kinds], control_guidance_end=[dice.uniform(0.5, 1) for _ in kinds])
        scales = [dice.uniform(0.1, 1.2) for _ in kinds]
        return dict(call, control_image=shots, control_mode=kinds, controlnet_conditioning_scale=scales, **some(dice, 0.5, **ends)), swapped
    return made


def control_xs(make):
    """The same controlled by an image for each prompt, in a part of the steps."""
    def made(dice: Random) -> tuple[dict, dict | None]:
        call, swapped = make(dice)
        count = len(call["prompt"]) if isinstance(call["prompt"], list) else 1
        side = {key: pick(dice, 16, 32, 48) for key in ("height", "width")}
        ends = dict(control_guidance_start=dice.uniform(0, 0.4), control_guidance_end=dice.uniform(0.5, 1))
        call = {key: value for key, value in call.items() if key not in ("height", "width", "guidance_rescale")}
        shots = [random_photo(dice, 20, 80) for _ in range(count)]
        return dict(call, **side, image=shots, controlnet_conditioning_scale=dice.uniform(0.1, 1.2), **some(dice, 0.5, **ends)), swapped
    return made


def kandinsky(dice: Random) -> tuple[dict, dict | None]:
    """Vectors in the place of prompts, one or two images of each."""
    count, seed = pick(dice, 1, 2), dice.randrange(999)
    call = dict(image_embeds=latents(count, 20, seed=seed), negative_image_embeds=latents(count, 20, seed=seed + 1), height=64, width=64,
                num_inference_steps=dice.randint(3, 8), guidance_scale=pick(dice, 2.0, 4.0), num_images_per_prompt=pick(dice, 1, 2))
    return call, pick(dice, None, swap("DDPM", variance_type="fixed_small"), swap("DDPM", variance_type="fixed_large", timestep_spacing="trailing"))


def kandinsky_size(dice: Random) -> dict:
    return dict(height=dice.randint(30, 150), width=dice.randint(30, 150))


def kandinsky_text(dice: Random) -> tuple[dict, dict | None]:
    call, swapped = kandinsky(dice)
    return call | kandinsky_size(dice), swapped


def kandinsky_img2img(dice: Random) -> tuple[dict, dict | None]:
    call, swapped = kandinsky(dice)
    shots = [random_photo(dice, 33, 200) for _ in call["image_embeds"]]
    size = dict(height=64 * dice.randint(1, 2) + dice.randint(0, 7), width=64 * dice.randint(1, 2) + dice.randint(0, 7))  # which the UNet halves
    return call | size | dict(image=shots, strength=dice.uniform(0.4, 1.0)), swapped


def kandinsky_inpaint(dice: Random) -> tuple[dict, dict | None]:
    call, swapped = kandinsky(dice)
    shots = [painted(dice) for _ in call["image_embeds"]]
    size = dict(height=pick(dice, 64, 128), width=pick(dice, 64, 128))
    return call | size | {key: [one[key] for one in shots] for key in ("image", "mask_image")}, swapped


def kandinsky_combined(dice: Random) -> tuple[dict, dict | None]:
    """Without a negative prompt, for which diffusers wants twice as many generators."""
    count = pick(dice, 1, 2)
    words = dice.choices(PROMPTS, k=count)
    call = dict(prompt=words if count > 1 else words[0], num_inference_steps=dice.randint(3, 6), guidance_scale=pick(dice, 1.5, 3.0),
                prior_num_inference_steps=dice.randint(2, 5), prior_guidance_scale=pick(dice, 1.0, 3.0), num_images_per_prompt=pick(dice, 1, 2))
    return call | kandinsky_size(dice), None


LEARNED = kandinsky21_goldens.LEARNED


def with_words(vectors):
    """A call of Kandinsky 2.1, which is given prompts beside its vectors."""
    def call(dice: Random) -> tuple[dict, dict | None]:
        made, swapped = vectors(dice)
        words = dice.choices(PROMPTS, k=len(made["image_embeds"]))
        unwanted = some(dice, 0.5, negative_prompt=dice.choices(PROMPTS, k=len(words)))
        return made | dict(prompt=words) | unwanted, pick(dice, swapped, LEARNED)
    return call


def kandinsky21_img2img(dice: Random) -> tuple[dict, dict | None]:
    """Squares, of which alone diffusers makes latents of the size that it wants."""
    made, swapped = with_words(kandinsky)(dice)
    shots = [random_photo(dice, 33, 200) for _ in made["image_embeds"]]
    side = pick(dice, 64, 128)
    return made | dict(height=side, width=side, image=shots, strength=dice.uniform(0.4, 1.0)), swapped


def stable_unclip(dice: Random) -> tuple[dict, dict | None]:
    """One image and prompt, since diffusers wants a generator for each vector and for each image made."""
    call = dict(prompt=pick(dice, *PROMPTS), **some(dice, 0.4, negative_prompt=pick(dice, *PROMPTS)), num_inference_steps=dice.randint(2, 7),
                guidance_scale=pick(dice, 1.0, 3.0, 7.5), noise_level=dice.randint(0, 900))
    size = some(dice, 0.6, height=pick(dice, 32, 40, 64), width=pick(dice, 32, 48, 72))
    return call | size | dict(image=random_photo(dice, 20, 80)), scheduler(dice)


def stable_unclip_text(dice: Random) -> tuple[dict, dict | None]:
    call = dict(prompts(dice), prior_num_inference_steps=dice.randint(2, 6), prior_guidance_scale=pick(dice, 1.0, 3.0), noise_level=dice.randint(0, 900))
    return call | some(dice, 0.6, height=pick(dice, 32, 40, 64), width=pick(dice, 32, 48, 72)), scheduler(dice)


def unclip(dice: Random) -> tuple[dict, None]:
    count, each = pick(dice, 1, 2), pick(dice, 1, 2)
    words = dice.choices(PROMPTS, k=count)
    steps = {f"{stage}_num_inference_steps": dice.randint(2, 5) for stage in ("prior", "decoder", "super_res")}
    scales = {f"{stage}_guidance_scale": pick(dice, 0.5, 1.0, 3.0, 6.0) for stage in ("prior", "decoder")}
    return dict(prompt=words if count > 1 else words[0], num_images_per_prompt=each, **steps, **scales), None


def unclip_variation(dice: Random) -> tuple[dict, None]:
    call = {key: value for key, value in unclip(dice)[0].items() if key != "prompt" and not key.startswith("prior")}
    shots = [random_photo(dice, 12, 70) for _ in range(pick(dice, 1, 2))]
    return dict(call, image=shots), None


def unconditional(dice: Random) -> tuple[dict, dict | None]:
    """With schedulers that draw nothing: diffusers gives them no generator here."""
    return dict(num_inference_steps=dice.randint(4, 9)), pick(dice, None, swap("DDIM"), swap("EulerDiscrete"), swap("LMSDiscrete"))


def repaint(dice: Random) -> tuple[dict, dict]:
    size = 32 * dice.randint(1, 2)
    area = mask(size, size, (0, 0, dice.randint(4, size), dice.randint(4, size)))
    call = dict(image=photo(size, size, name=str(dice.random())), mask_image=area, num_inference_steps=dice.randint(4, 9), eta=dice.random())
    return call | dict(jump_length=dice.randint(1, 4), jump_n_sample=dice.randint(1, 3)), swap("RePaint")


def panorama(dice: Random) -> tuple[dict, dict | None]:
    """One image: diffusers pairs several with each other's prompts. It guides latent consistency models, too."""
    call, swapped = plain_text(dice)
    one = {key: value[0] if isinstance(value, list) else value for key, value in call.items() if key != "num_images_per_prompt"}
    size = dict(height=8 * dice.randint(4, 9), width=8 * dice.randint(8, 110))
    return one | size | some(dice, 0.5, view_batch_size=dice.randint(1, 4)) | some(dice, 0.5, circular_padding=True), swapped


def semantic(dice: Random) -> tuple[dict, dict | None]:
    """With schedulers of one call a step: diffusers keeps no room for more."""
    call, _ = plain_text(dice)
    call.pop("clip_skip", None)
    count, steps = dice.randint(1, 3), call["num_inference_steps"]
    each = lambda low, high: pick(dice, dice.uniform(low, high), [dice.uniform(low, high) for _ in range(count)])  # noqa: E731
    edits = dict(editing_prompt=[pick(dice, "smile", "glasses", "a dog") for _ in range(count)], edit_guidance_scale=each(1, 9),
                 edit_threshold=each(0, 0.95), edit_warmup_steps=pick(dice, 0, 2, [dice.randint(0, steps) for _ in range(count)]),
                 reverse_editing_direction=pick(dice, False, True, [dice.random() < 0.5 for _ in range(count)]))
    more = some(dice, 0.3, edit_cooldown_steps=dice.randint(1, steps)) | some(dice, 0.3, edit_weights=[dice.uniform(0.2, 2) for _ in range(count)])
    momentum = some(dice, 0.5, edit_momentum_scale=dice.random(), edit_mom_beta=dice.random())
    return call | edits | more | momentum, scheduler(dice, ONE_CALL_A_STEP)


def paint_by_example(dice: Random) -> tuple[dict, dict | None]:
    """One or two examples, each with an image of one size and a mask; the image says how large."""
    count, each = pick(dice, 1, 2), pick(dice, 1, 1, 2)
    width, height = 8 * dice.randint(4, 9), 8 * dice.randint(4, 9)
    box = lambda: (dice.randrange(width // 2), dice.randrange(height // 2), dice.randint(width // 2, width), dice.randint(height // 2, height))  # noqa: E731
    call = dict(
        example_image=[random_photo(dice, 12, 70) for _ in range(count)], image=[photo(width, height, name=str(dice.random())) for _ in range(count)],
        mask_image=[mask(width, height, box(), pick(dice, "L", "RGB")) for _ in range(count)], num_images_per_prompt=1 if count > 1 else each,
        num_inference_steps=dice.randint(2, 7), guidance_scale=pick(dice, 1.0, 3.0, 7.5))
    return call, scheduler(dice)


def diffedit(dice: Random) -> tuple[dict, dict | None]:
    """Latents for each step of schedulers that call once a step."""
    call, seed = prompts(dice), dice.randrange(999)
    steps, strength = call["num_inference_steps"], dice.uniform(0.5, 1.0)
    count = len(call["prompt"]) if isinstance(call["prompt"], list) else 1
    height, width = dice.randint(6, 12), dice.randint(6, 12)
    inverted = latents(count, int(steps * strength), 4, height, width, seed=seed)
    among = tuple(one for one in ONE_CALL_A_STEP if one[0] != "PNDM")
    given = dict(mask_image=tensor(1, height, width, seed=seed), image_latents=inverted, inpaint_strength=strength)
    return call | given, scheduler(dice, among) or swap("DDIM")


SAG_SCHEDULERS = ("DDIM", {}), ("DDPM", {}), ("PNDM", {}), ("UniPCMultistep", {}), ("DPMSolverMultistep", {}), ("DPMSolverMultistep", MULTISTEP), ("DPMSolverSinglestep", {}), ("DEISMultistep", {})


def sag(dice: Random) -> tuple[dict, dict | None]:
    call, _ = plain_text(dice)
    return dict(call, num_inference_steps=dice.randint(4, 7), sag_scale=pick(dice, 0.0, 0.5, 0.75, 1.0)), scheduler(dice, SAG_SCHEDULERS)


def amused(dice: Random) -> tuple[dict, None]:
    """Prompts with a negative one each, as diffusers wants them."""
    call = prompts(dice)
    if isinstance(call["prompt"], list):
        call["negative_prompt"] = dice.choices(PROMPTS, k=len(call["prompt"]))
    temperature = pick(dice, 3, (2, 0), (dice.uniform(1, 6), dice.uniform(0, 1)))
    micro = dict(micro_conditioning_aesthetic_score=dice.randint(1, 9), micro_conditioning_crop_coord=(dice.randint(0, 40), dice.randint(0, 40)))
    return dict(call, **some(dice, 0.6, temperature=temperature), **some(dice, 0.5, **micro)), None


def amused_text(dice: Random) -> tuple[dict, None]:
    return dict(amused(dice)[0], **some(dice, 0.7, height=8 * dice.randint(2, 6), width=8 * dice.randint(2, 6))), None


def amused_img2img(dice: Random) -> tuple[dict, None]:
    call, shots = amused(dice)[0], (random_photo(dice, 33, 35), random_photo(dice, 33, 35))
    return dict(call, image=list(shots) if isinstance(call["prompt"], list) else random_photo(dice, 20, 80), strength=dice.uniform(0.5, 1)), None


def amused_inpaint(dice: Random) -> tuple[dict, None]:
    """One image, of whole multiples of four tokens."""
    call, (width, height) = amused(dice)[0], (16 * dice.randint(1, 4), 16 * dice.randint(1, 4))
    one = {key: call[key][0] for key in ("prompt", "negative_prompt") if isinstance(call.get(key), list)}
    area = mask(width, height, (0, 0, dice.randint(4, width), dice.randint(4, height)))
    return call | one | dict(image=photo(width, height, name=str(dice.random())), mask_image=area, strength=dice.uniform(0.5, 1)), None


def placed(dice: Random, shows: bool) -> dict:
    """One to four objects in boxes, some of which have no phrase where images show them, or no image."""
    boxes = [[*corner, *(min(1, side + dice.random()) for side in corner)]
             for corner in ([dice.random() * 0.8, dice.random() * 0.8] for _ in range(dice.randint(1, 4)))]
    phrases = [pick(dice, *filter(None, PROMPTS)) for _ in boxes]
    call = dict(gligen_boxes=boxes, gligen_phrases=phrases)
    if not shows:
        return dict(call, gligen_scheduled_sampling_beta=dice.random())
    images = [random_photo(dice, 12, 60) if dice.random() < 0.7 else None for _ in boxes]
    phrases = [phrase if image is None or dice.random() < 0.6 else None for phrase, image in zip(phrases, images, strict=True)]
    masks = some(dice, 0.3, input_images_mask=pick(dice, 0, 1, [0]), input_phrases_mask=pick(dice, 0, 1, [1]))
    return dict(call, gligen_phrases=phrases, gligen_images=images, gligen_normalize_constant=dice.uniform(5, 40), **masks)


def gligen(shows: bool):
    def made(dice: Random) -> tuple[dict, dict | None]:
        size = some(dice, 0.6, height=pick(dice, 32, 40, 64), width=pick(dice, 32, 48, 72))
        return dict(prompts(dice), **placed(dice, shows), **size), scheduler(dice)
    return made


def gligen_inpaint(shows: bool):
    """For one image, as diffusers draws the same noise for all."""
    def made(dice: Random) -> tuple[dict, dict | None]:
        call = prompts(dice)
        call.pop("negative_prompt", None)
        one = dict(prompt=pick(dice, *PROMPTS), num_images_per_prompt=1, gligen_inpaint_image=random_photo(dice, 20, 80))
        return call | one | some(dice, 0.5, negative_prompt="blurry") | placed(dice, shows), scheduler(dice, ONE_CALL_A_STEP)
    return made


def pixels(dice: Random) -> tuple[dict, dict | None]:
    """Calls of DeepFloyd IF, whose schedulers take the variance or have it left out."""
    swapped = pick(dice, None, swap("DDPM", variance_type="fixed_small"), swap("DDPM", thresholding=False), swap("DPMSolverMultistep"))
    return prompts(dice), swapped


def pixels_text(dice: Random) -> tuple[dict, dict | None]:
    call, swapped = pixels(dice)
    if dice.random() < 0.3:
        call["timesteps"] = sorted(dice.sample(range(1000), call.pop("num_inference_steps")), reverse=True)
        swapped = swapped and swap("DDPM", variance_type="fixed_large")
    return call | some(dice, 0.6, height=2 * dice.randint(10, 30), width=2 * dice.randint(10, 30)), swapped


def for_each_prompt(call: dict, image):
    return [image] * len(call["prompt"]) if isinstance(call["prompt"], list) else image


def pixels_image(dice: Random) -> tuple[dict, dict | None]:
    call, swapped = pixels(dice)
    return dict(call, image=for_each_prompt(call, random_photo(dice, 20, 60)), strength=dice.uniform(0.5, 1)), swapped


def pixels_mask(dice: Random) -> tuple[dict, dict | None]:
    (call, swapped), given = pixels(dice), painted(dice)
    return dict(call, image=for_each_prompt(call, given["image"]), mask_image=given["mask_image"], strength=dice.uniform(0.5, 1)), swapped


def pixels_beside(dice: Random, call: dict) -> dict:
    small = random_photo(dice, 12, 28) if dice.random() < 0.6 else tensor(1, 3, 16, 20, seed=dice.randrange(99), low=-1)
    return dict(image=for_each_prompt(call, small), **some(dice, 0.7, noise_level=dice.randrange(1000)))


def pixels_larger(dice: Random) -> tuple[dict, dict | None]:
    call, swapped = pixels_text(dice)
    return call | pixels_beside(dice, call), swapped


def pixels_larger_image(dice: Random) -> tuple[dict, dict | None]:
    call, swapped = pixels_image(dice)
    return call | dict(original_image=call["image"]) | pixels_beside(dice, call), swapped


def pixels_larger_mask(dice: Random) -> tuple[dict, dict | None]:
    call, swapped = pixels_mask(dice)
    return call | dict(original_image=call["image"]) | pixels_beside(dice, call), swapped


def video_zero(make_scheduler):
    """One prompt, with guidance; of the methods that diffusers can go on with for another number of images."""
    def made(dice: Random) -> tuple[dict, dict]:
        steps, length = dice.randint(4, 9), dice.randint(1, 4)
        t0 = dice.randint(0, steps - 3)
        ids = some(dice, 0.3, frame_ids=sorted(dice.sample(range(9), length)))
        motion = some(dice, 0.6, motion_field_strength_x=dice.uniform(-200, 200), motion_field_strength_y=dice.uniform(-60, 60))
        call = dict(prompt=pick(dice, *PROMPTS), num_inference_steps=steps, t0=t0, t1=dice.randint(t0 + 1, steps - 1), video_length=length,
                    guidance_scale=pick(dice, 1.5, 3.0, 7.5), **some(dice, 0.4, negative_prompt="blurry"))
        size = some(dice, 0.5, height=pick(dice, 32, 40), width=pick(dice, 32, 48))
        return dict(call, **ids, **motion, **size), make_scheduler(dice)
    return made


def video_scheduler(dice: Random) -> dict:
    """Whose timesteps are whole numbers, by which diffusers takes its alphas."""
    name, config = pick(dice, ("DDIM", dict(clip_sample=False)), ("DDPM", dict(clip_sample=False)), ("PNDM", dict(skip_prk_steps=True)), ("UniPCMultistep", {}),
                        ("DPMSolverMultistep", {}), ("DEISMultistep", {}))
    return swap(name, **config)


KINDS = {
    "video-zero": video_zero(video_scheduler), "video-zero-xl": video_zero(video_scheduler),
    "gligen": gligen(False), "gligen-text-image": gligen(True), "gligen-inpaint": gligen_inpaint(False),
    "gligen-text-image-inpaint": gligen_inpaint(True),
    "consistency-decoder": text, "consistency-decoder-img2img": img2img, "consistency-decoder-inpaint": inpaint,
    "if": pixels_text, "if-safety": pixels_text, "if-img2img": pixels_image, "if-inpainting": pixels_mask, "if-super-resolution": pixels_larger,
    "if-img2img-super-resolution": pixels_larger_image, "if-inpainting-super-resolution": pixels_larger_mask,
    "unclip": unclip, "stable-unclip": stable_unclip_text, "unclip-variation": unclip_variation,
    "amused": amused_text, "amused-halved": amused_text, "amused-img2img": amused_img2img, "amused-inpaint": amused_inpaint,
    "panorama": panorama, "panorama-4": panorama, "sag": sag, "paint-by-example": paint_by_example, "diffedit": diffedit, "ldm3d-6": text, "ldm3d-4": text, "semantic": semantic,
    "kandinsky22-combined": kandinsky_combined, "stable-unclip-img2img": stable_unclip, "ldm-unconditional": unconditional, "repaint": repaint,
    "kandinsky21": with_words(kandinsky_text), "kandinsky21-img2img": kandinsky21_img2img, "kandinsky21-inpaint": with_words(kandinsky_inpaint),
    "kandinsky21-combined": kandinsky_combined, "kandinsky22": kandinsky_text, "kandinsky22-img2img": kandinsky_img2img, "kandinsky22-inpaint": kandinsky_inpaint,
    "control-xs": control_xs(plain_text), "control-xs-time": control_xs(plain_text), "control-xs-groups": control_xs(plain_text),
    "control-xs-xl": control_xs(with_sizes(plain_text)),
    "control-union": union(plain_text), "control-union-img2img": union(img2img), "control-union-inpaint": union(inpaint),
    "t2i-adapter": adapter, "t2i-adapter-light": adapter, "t2i-adapter-xl": adapter_xl,
    "audioldm": audioldm, "musicldm": musicldm, "audioldm2": musicldm,
    "stable-audio": stable_audio,
    "ace-step": ace_step, "ace-step-turbo": ace_step_turbo,
    "variation": variation,
    "pag": perturbed(text), "pag-img2img": perturbed(img2img), "pag-inpaint-4": perturbed(inpaint), "pag-inpaint-9": perturbed(inpaint),
    "pag-controlnet": perturbed(plain_text, image=control_photo), "pag-xl": perturbed(with_sizes(text)),
    "pag-xl-img2img": perturbed(with_sizes(img2img)), "pag-xl-inpaint-4": perturbed(with_sizes(inpaint)),
    **FLOWS, "pixart-alpha": pixart, "pixart-sigma": pixart, "lumina2": lumina2, "lumina2-dynamic": lumina2, "krea2": krea2, "krea2-turbo": krea2, "aura-flow": aura_flow, "aura-flow-deep": aura_flow, "dit": dit, "sana": sana, "sana-sprint": sprint, "sana-sprint-img2img": sprint_img2img,
    "img2img": img2img, "img2img-v": img2img, "tiny-vae": img2img, "inpaint-4": inpaint, "inpaint-9": inpaint, "upscale": upscale,
    "depth2img": depth, "depth2img-hybrid": depth, "lcm": consistency, "lcm-img2img": consistency_img2img, "xl": with_sizes(text),
    "xl-img2img": with_sizes(img2img), "xl-refiner": with_sizes(img2img), "xl-inpaint-4": with_sizes(inpaint),
    "xl-inpaint-9": with_sizes(inpaint), "flux-dev": flux_text, "flux-schnell": flux_text, "flux-dev-img2img": flux_img2img, "flux-kontext": flux_kontext, "flux-fill": flux_fill,
    "flux-inpaint": flux_inpaint, "flux-control": flux_control, "flux-controlnet": flux_controlnet, "chroma": chroma, "pix2pix": edit, "xl-pix2pix": edit_xl,
    "z-image": z_image_text, "z-image-turbo": z_image_text, "z-image-img2img": z_image_img2img, "z-image-turbo-img2img": z_image_img2img,
    "qwen-image": qwen_image_text, "qwen-image-lightning": qwen_image_text, "qwen-image-img2img": qwen_image_img2img,
    "qwen-image-lightning-img2img": qwen_image_img2img, "qwen-image-inpaint": qwen_image_inpaint,
    "anima": anima, "flux3": flux3, "flux3-distilled": flux3_distilled,
    "flux2-klein": flux2, "flux2-klein-base": flux2, "flux2-klein-kv": flux2_kv, "flux2-dev": flux2_dev, "flux2-dev-left": flux2_dev, "flux2-klein-inpaint": flux2_inpaint, "flux2-klein-base-inpaint": flux2_inpaint,
    "z-image-inpaint": z_image_inpaint, "z-image-turbo-inpaint": z_image_inpaint,
}
def qwen_image_edit(dice: Random) -> tuple[dict, None]:
    call = dict(qwen_image(dice)[0], prompt=pick(dice, *PROMPTS), num_inference_steps=dice.randint(2, 4))
    call.pop("max_sequence_length", None)
    if "negative_prompt" in call:
        call["negative_prompt"] = pick(dice, *PROMPTS)
    return dict(call, image=random_photo(dice, 30, 90), height=pick(dice, 64, 96, dice.randint(40, 96)), width=pick(dice, 64, 96)), None


def qwen_image_edit_plus(dice: Random) -> tuple[dict, None]:
    call = qwen_image_edit(dice)[0]
    return dict(call, image=[random_photo(dice, 30, 90) for _ in range(dice.randint(1, 3))]), None


def qwen_image_edit_inpaint(dice: Random) -> tuple[dict, None]:
    call = {key: value for key, value in qwen_image_edit(dice)[0].items() if key not in ("height", "width", "image")}
    return dict(call, **painted(dice), strength=dice.uniform(0.4, 1.0)), None


def qwen_image_layered(dice: Random) -> tuple[dict, None]:
    """With words, since diffusers has its language model write a caption where there are none."""
    call = {key: value for key, value in qwen_image_edit(dice)[0].items() if key not in ("height", "width", "num_images_per_prompt")}
    image = random_photo(dice, 30, 90).convert("RGBA")
    if dice.random() < 0.5:
        image.putalpha(random_photo(dice, 30, 90).convert("L").resize(image.size))
    words = pick(dice, *filter(None, PROMPTS))
    return dict(call, prompt=words, image=image, layers=dice.randint(1, 3), cfg_normalize=dice.random() < 0.5, num_inference_steps=2), None


def ovis_image(dice: Random) -> tuple[dict, None]:
    call = dict(prompts(dice), **cut_sides(dice))
    return dict(call, **some(dice, 0.5, max_sequence_length=pick(dice, 100, 140, 256))), None


def longcat_image(dice: Random) -> tuple[dict, None]:
    """diffusers wants as many negative prompts as prompts."""
    call = prompts(dice)
    prompt, negative = call["prompt"], call.pop("negative_prompt", None)
    if negative is not None or isinstance(prompt, list):
        call["negative_prompt"] = [pick(dice, "", "blurry") for _ in prompt] if isinstance(prompt, list) else pick(dice, "", "blurry, dull")
    quoted = lambda text: f'{text} that says "{pick(dice, "a B", "it is", "日本")}"' if dice.random() < 0.5 else text  # noqa: E731
    call["prompt"] = [quoted(one) for one in prompt] if isinstance(prompt, list) else quoted(prompt)
    renorm = dict(enable_cfg_renorm=dice.random() < 0.7, cfg_renorm_min=dice.uniform(0, 1))
    return dict(call, **cut_sides(dice), **some(dice, 0.6, **renorm)), None


def longcat_image_edit(dice: Random) -> tuple[dict, None]:
    call = longcat_image(dice)[0]
    call["prompt"] = pick(dice, *PROMPTS)
    call["negative_prompt"] = pick(dice, *PROMPTS)
    for name in ("height", "width", "enable_cfg_renorm", "cfg_renorm_min", "num_images_per_prompt"):
        call.pop(name, None)
    # other shapes are no whole latents of the tiny autoencoder
    width, height = pick(dice, (60, 60), (45, 80), (80, 45), (90, 90))
    return dict(call, num_inference_steps=2, image=photo(width, height, name=pick(dice, "photo", "another"))), None


def z_image_control(dice: Random) -> tuple[dict, None]:
    return dict(z_image_text(dice)[0], control_image=random_photo(dice, 20, 70), controlnet_conditioning_scale=dice.uniform(0.1, 1.2)), None


def z_image_control_inpaint(dice: Random) -> tuple[dict, None]:
    """For one image, of which diffusers takes a mask."""
    call, given = z_image_control(dice)[0], painted(dice)
    one = {key: call[key][0] if isinstance(call[key], list) else call[key] for key in ("prompt", "negative_prompt") if key in call}
    return call | one | given | dict(num_images_per_prompt=1), None


# networks that control transformers
KINDS |= {
    "sd3-control": sd3_control, "sd3-control-pooled": sd3_control, "sd3-control-large": sd3_control,
    "sd3-control-inpaint": sd3_control_inpaint, "qwen-image-control": qwen_image_control,
    "qwen-image-control-inpaint": qwen_image_control_inpaint, "z-image-control": z_image_control, "z-image-control-2": z_image_control,
    "ovis-image": ovis_image, "ovis-image-left": ovis_image, "longcat-image": longcat_image, "longcat-image-left": longcat_image,
    "ernie-image": ernie_image, "ernie-image-bare": ernie_image, "qwen-image21": qwen_image21, "qwen-image21-turbo": qwen_image21, "qwen-image21-images": qwen_image21_images, "qwen-image21-turbo-images": qwen_image21_images, "longcat-image-edit": longcat_image_edit, "qwen-image-layered": qwen_image_layered,
    "qwen-image-edit": qwen_image_edit, "qwen-image-edit-plus": qwen_image_edit_plus, "qwen-image-edit-inpaint": qwen_image_edit_inpaint, "z-image-control-21": z_image_control, "z-image-control-inpaint": z_image_control_inpaint,
}


def scaled(make, kwargs: str):
    """The same with a LoRA, whose weight some calls scale."""
    def made(dice: Random) -> tuple[dict, dict | None]:
        call, swapped = make(dice)
        return dict(call, **some(dice, 0.5, **{kwargs: {"scale": dice.uniform(0.1, 1)}})), swapped
    return made


KINDS |= {
    "lora-img2img": scaled(img2img, "cross_attention_kwargs"), "lora-xl": scaled(with_sizes(text), "cross_attention_kwargs"),
    "lora-sd3": scaled(sd3, "joint_attention_kwargs"),
}


def following(make, dims: tuple[int, ...]):
    """The same following an image, or a vector of one in its place."""
    def made(dice: Random) -> tuple[dict, dict | None]:
        call, swapped = make(dice)
        # with which diffusers gives its pass without some layers the images of both halves
        call = {key: value for key, value in call.items() if not key.startswith("skip_")}
        return {**call, **followed(dice, call, dims)}, swapped
    return made


def followed(dice: Random, call: dict, dims: tuple[int, ...]) -> dict:
    """Of FLUX.1 by a vector, of Stable Diffusion 3 by one for each patch, with those of the negative prompt first."""
    vector = lambda: tensor(*dims, seed=dice.randrange(99))  # noqa: E731
    shot = lambda: random_photo(dice, 20, 80)  # noqa: E731
    if len(dims) == 3 and dims[0] == 2:
        guided = call["guidance_scale"] > 1
        return dict(ip_adapter_image_embeds=vector() if guided else vector()[:1]) if dice.random() < 0.3 else dict(ip_adapter_image=shot())
    if isinstance(call["prompt"], list):  # which diffusers wants an image of each for
        return dict(ip_adapter_image=[[shot() for _ in call["prompt"]]], num_images_per_prompt=1)
    given = dict(ip_adapter_image_embeds=[vector()]) if dice.random() < 0.3 else dict(ip_adapter_image=shot())
    return given | (some(dice, 0.5, negative_ip_adapter_image=shot()) if "negative_prompt" in call else {})


ALONE = (["flux-xlabs"], ["flux-named"])
SCALES = (None, 0.3, 1.2, [0.2, 0.9])
# the task that each is of, and IP-Adapters of tests/fixtures/ip_adapter_transformers
IP_ADAPTERS = {
    "ip-adapter-flux": ("flux-dev", ALONE, SCALES), "ip-adapter-flux-schnell": ("flux-schnell", ALONE, SCALES),
    "ip-adapter-flux-img2img": ("flux-dev-img2img", ALONE, SCALES), "ip-adapter-flux-inpaint": ("flux-inpaint", ALONE, SCALES),
    "ip-adapter-flux-kontext": ("flux-kontext", ALONE, SCALES), "ip-adapter-flux-controlnet": ("flux-controlnet", ALONE, SCALES),
    "ip-adapter-sd3": ("sd3", (["sd3"],), (None, 0.4, 1.3)), "ip-adapter-sd3-medium": ("sd3-medium", (["sd3-medium"],), (None, 0.4, 1.3)),
    "ip-adapter-sd3-img2img": ("sd3-img2img", (["sd3"],), (None, 0.4, 1.3)), "ip-adapter-sd3-inpaint": ("sd3-inpaint", (["sd3"],), (None, 0.4, 1.3)),
}
KINDS |= {
    name: following(KINDS[base], (2, 16, 16) if "sd3" in name else (1, 1, ip_adapter_goldens.PROJECTION)) for name, (base, *_) in IP_ADAPTERS.items()
}
def marigold(ensembles: bool):
    """Predictions of one or two photos of a size; ensembles of depth are aligned by roundings, so they are left out."""
    def made(dice: Random) -> tuple[dict, dict]:
        width, height = dice.randint(24, 80), dice.randint(24, 80)
        shots = [photo(width, height, name=str(dice.random())) for _ in range(pick(dice, 1, 1, 2))]
        call = dict(image=shots if len(shots) > 1 else shots[0], num_inference_steps=dice.randint(1, 4), processing_resolution=8 * dice.randint(2, 8))
        size = some(dice, 0.3, match_input_resolution=False) | some(dice, 0.4, batch_size=dice.randint(1, 3))
        resample = some(dice, 0.5, resample_method_input=pick(dice, "bilinear", "bicubic", "area", "nearest"),
                        resample_method_output=pick(dice, "bilinear", "area", "nearest-exact"))
        ensemble = some(dice, 0.5, ensemble_size=dice.randint(3, 4)) if ensembles else {}
        return call | size | resample | ensemble, pick(dice, marigold_goldens.SCHEDULER, swap("DDIM"), swap("LCM", prediction_type="v_prediction"))
    return made


MARIGOLD = {f"marigold-{name}": marigold(name in ("normals", "intrinsics")) for name in marigold_goldens.TASKS}
KINDS |= MARIGOLD | {"kolors": kolors(text), "kolors-img2img": kolors(img2img), "kolors-pag": perturbed(kolors(text))}
# the task that each is of, and files of tests/golden/lora
LORAS = {"lora-img2img": ("img2img", ("peft", "kohya", "early")), "lora-xl": ("xl", ("xl",)), "lora-sd3": ("sd3", ("sd3-peft",))}
KNOWN = (
    TASKS
    | pag_goldens.TASKS
    | kolors_goldens.TASKS
    | t2i_adapter_goldens.TASKS
    | control_union_goldens.TASKS
    | control_xs_goldens.TASKS
    | deprecated_goldens.TASKS
    | paint_by_example_goldens.TASKS
    | diffedit_goldens.TASKS
    | ldm3d_goldens.TASKS
    | gligen_goldens.TASKS
    | video_zero_goldens.TASKS
    | consistency_decoder_goldens.TASKS
    | variation_goldens.TASKS
    | flux_goldens.TASKS
    | z_image_goldens.TASKS
    | z_image_control_goldens.TASKS
    | sd3_goldens.TASKS
    | sd3_control_goldens.TASKS
    | pixart_goldens.TASKS
    | sana_goldens.TASKS
    | krea2_goldens.TASKS
    | lumina2_goldens.TASKS
    | aura_flow_goldens.TASKS
    | dit_pipeline_goldens.TASKS
    | qwen_image_goldens.TASKS
    | qwen_image_control_goldens.TASKS
    | qwen_image_edit_goldens.TASKS
    | flux2_goldens.TASKS
    | ovis_image_goldens.TASKS
    | longcat_image_goldens.TASKS
    | kandinsky_goldens.TASKS
    | kandinsky_prior_goldens.TASKS
    | kandinsky21_goldens.TASKS
    | unclip_goldens.TASKS
    | amused_goldens.TASKS
    | deepfloyd_if_goldens.TASKS
    | karlo_goldens.TASKS
    | pixel_goldens.TASKS
    | flux3_goldens.TASKS
    | qwen_image_layered_goldens.TASKS
    | qwen_image21_goldens.TASKS
    | ernie_image_goldens.TASKS
    | anima_goldens.TASKS
    | stable_audio_goldens.TASKS
    | audioldm_goldens.TASKS
    | audioldm2_goldens.TASKS
    | ace_step_goldens.TASKS
)


def task(dice: Random, among: list[str]) -> tuple[str, dict]:
    """A call of one of the tasks, by default of all."""
    name = pick(dice, *(among or KINDS))
    call, swapped = KINDS[name](dice)
    rows = call.get("image_embeds", call.get("class_labels", call.get("prompt", call.get("image"))))
    count = 1 if isinstance(rows, (str, Image.Image)) or rows is None else len(rows)
    each = call.get("num_images_per_prompt", call.get("num_waveforms_per_prompt", call.get("ensemble_size", 1)))
    seeds = [dice.randrange(2**32) for _ in range(count * each)]
    shared = name in amused_goldens.TASKS  # of which diffusers takes a single generator
    one = {"name": name, "scheduler": swapped, "seeds": seeds[:1] if shared else seeds, "shared": shared, "call": call}
    if name in MARIGOLD:  # whose goldens have a form of their own
        return name, {"cases": [one]}
    if name in IP_ADAPTERS:
        base, files, scales = IP_ADAPTERS[name]
        return name, {**KNOWN[base], "ip_adapter": [pick(dice, *files), pick(dice, *scales)], "cases": [one]}
    if name not in LORAS:
        return name, {**KNOWN[name], "cases": [one]}
    base, files = LORAS[name]
    return name, {**KNOWN[base], "lora": [pick(dice, *files), dice.uniform(-0.5, 1.5)], "cases": [one]}
