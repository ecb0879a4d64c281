"""Marigold: tests/golden/marigold and the UNets of tests/fixtures/parts.

    $(sh scripts/reference/setup.sh) scripts/reference/marigold_goldens.py

Ensembles of depth are aligned by differences of float32 numbers in diffusers, mostly rounding: of these the golden
has what they cost there, and how far they move there when depths change by 1e-7.
"""

import sys
import warnings

import diffusers
import numpy
import torch
from diffusers import MarigoldDepthPipeline

from common import FIXTURES, GOLDEN, generator, seed_of, write_golden
from task_goldens import EVERY, store
from task_repos import folder
from tasks import case, photo, swap, tensor
from tiny_models import UNET_2D_CONDITION, build

COMMAND = "scripts/reference/marigold_goldens.py"
RESULTS = r"\.(prediction|uncertainty|latent)$"
UNETS = {"marigold": (8, 4), "marigold-intrinsics": (16, 12)}
LOOK = dict(image=photo(60, 41), num_inference_steps=3, processing_resolution=32)
SCHEDULER = swap("DDIM", prediction_type="v_prediction", timestep_spacing="trailing", rescale_betas_zero_snr=True)
TARGETS = {
    "target_names": ["albedo", "material", "shading"],
    "albedo": {"prediction_space": "srgb"},
    "material": {"prediction_space": "stack", "sub_target_names": ["roughness", "metallicity", None]},
    "roughness": {"prediction_space": "linear", "up_to_scale": True},
    "metallicity": {"prediction_space": "linear"},
    "shading": {"prediction_space": "linear", "up_to_scale": True},
}
SHARED = [
    case("a photo, DDIM", scheduler=SCHEDULER, **LOOK),
    case("DDIM, epsilon", scheduler=swap("DDIM"), **LOOK),
    case("LCM", scheduler=swap("LCM", prediction_type="v_prediction"), **{**LOOK, "num_inference_steps": 2}),
    case("its own size", scheduler=SCHEDULER, **{**LOOK, "processing_resolution": 0}),
    case("the size of the processing", scheduler=SCHEDULER, match_input_resolution=False, **LOOK),
    case("larger than the photo, bicubic, nearest", scheduler=SCHEDULER, resample_method_input="bicubic", resample_method_output="nearest",
         **{**LOOK, "processing_resolution": 96}),
    case("area, bicubic", scheduler=SCHEDULER, resample_method_input="area", resample_method_output="bicubic", **LOOK),
    case("nearest-exact, area", scheduler=SCHEDULER, resample_method_input="nearest-exact", resample_method_output="area", **LOOK),
    case("two photos, at once", scheduler=SCHEDULER, seeds=[1, 2], batch_size=2, **{**LOOK, "image": [photo(60, 41), photo(60, 41, name="another")]}),
    case("a tensor of one channel", scheduler=SCHEDULER, **{**LOOK, "image": tensor(1, 1, 40, 24, seed=5)}),
    case("one generator, two photos", scheduler=SCHEDULER, seeds=[9], shared=True,
         **{**LOOK, "image": [photo(60, 41), photo(60, 41, name="another")]}),
]
ENSEMBLE = dict(scheduler=SCHEDULER, ensemble_size=4, output_uncertainty=True, seeds=[1, 2, 3, 4])
EVEN = dict(scheduler=SCHEDULER, ensemble_size=3, seeds=[1, 2, 3, 4, 5, 6], batch_size=2, **{**LOOK, "image": [photo(60, 41), photo(60, 41, name="another")]})
TASKS = {
    "depth": ("MarigoldDepthPipeline", "marigold", dict(prediction_type="depth"), SHARED),
    "normals": ("MarigoldNormalsPipeline", "marigold", dict(prediction_type="normals"), [
        *SHARED, case("an ensemble", **ENSEMBLE, **LOOK), case("ensembles of two photos", **EVEN),
        case("an ensemble's mean", ensembling_kwargs={"reduction": "mean"}, **ENSEMBLE, **LOOK)]),
    "normals-front": ("MarigoldNormalsPipeline", "marigold", dict(prediction_type="normals", use_full_z_range=False), SHARED[:2]),
    "intrinsics": ("MarigoldIntrinsicsPipeline", "marigold-intrinsics", dict(prediction_type="intrinsics", target_properties=TARGETS), [
        *(one for one in SHARED if one["call"].get("resample_method_output") != "bicubic"),  # which goes below 0, and fails there
        case("an ensemble", **ENSEMBLE, **LOOK), case("ensembles of two photos", **EVEN),
        case("an ensemble's mean", ensembling_kwargs={"reduction": "mean"}, **ENSEMBLE, **LOOK)]),
}


def write_repos() -> None:
    for name, (taken, given) in UNETS.items():
        config = {**UNET_2D_CONDITION["inpaint"], "in_channels": taken, "out_channels": given}
        build("UNet2DConditionModel", config, seed_of(name)).save_pretrained(folder(f"parts/UNet2DConditionModel/{name}"))


def shown(pipe, prediction) -> list:
    process = pipe.image_processor
    if isinstance(pipe, MarigoldDepthPipeline):
        return process.visualize_depth(prediction)
    if "Normals" in type(pipe).__name__:
        return process.visualize_normals(prediction.clone())
    return [image for photo in process.visualize_intrinsics(prediction, pipe.target_properties) for image in photo.values()]


@torch.no_grad()
def write_task(name: str, others: list[dict] | None = None, folder=GOLDEN / "marigold") -> None:
    """`others`: calls in the place of the golden's own, which are written to golden.json of a folder."""
    class_name, unet, settings, cases = TASKS[name]
    cases, every = (others, 1) if others else (cases, EVERY)
    task = {"pipeline": class_name, "repo": "tiny-stable-diffusion", "parts": {"unet": f"parts/UNet2DConditionModel/{unet}"}}
    cls = getattr(diffusers, class_name)
    pipe = cls.from_pretrained(str(FIXTURES / task["repo"]), use_safetensors=True, **settings,
                               unet=diffusers.UNet2DConditionModel.from_pretrained(FIXTURES / task["parts"]["unet"]))
    pipe.set_progress_bar_config(disable=True)
    own, tensors, records = pipe.scheduler, {}, []
    for i, one in enumerate(cases):
        wanted = one["scheduler"]
        pipe.scheduler = own if wanted is None else getattr(diffusers, wanted["class"]).from_config(own.config, **wanted["config"])
        seeds = [generator(seed) for seed in one["seeds"]]
        output = pipe(**one["call"], generator=seeds[0] if one["shared"] else seeds, output_type="pt", output_latent=True)
        record = {**one, "call": {key: store(item, tensors) for key, item in one["call"].items()}}
        images = [torch.from_numpy(numpy.asarray(image).copy()).reshape(*image.size[::-1], 3) for image in shown(pipe, output.prediction)]
        made = {"prediction": output.prediction, "latent": output.latent, "uncertainty": output.uncertainty,
                "images": torch.stack(images)[:, ::every, ::every]}
        made |= {key: made[key][..., ::every] for key in ("prediction", "uncertainty") if made[key] is not None}
        for key, value in made.items():
            if value is not None:
                tensors[f"{i}.{key}"], record[key] = value, f"{i}.{key}"
        records.append(record)
    write_golden(folder / ("golden" if others else name), COMMAND, records, tensors, None if others else RESULTS, **task, settings=settings, every=every)


def write_alignment() -> None:
    """Depth maps that agree but for scale, shift and noise; what the reference makes of them, and of nearly the same."""
    cases, tensors = [], {}
    for i, more in enumerate([{}, {"reduction": "mean"}, {"max_iter": 20}, {"shift_invariant": False}, {"max_res": 24}]):
        g = generator(i)
        soft = torch.nn.functional.interpolate(torch.rand(1, 1, 5, 5, generator=g), (40, 32), mode="bicubic").clamp(0, 1)
        maps = [soft * (0.5 + 0.4 * torch.rand(1, generator=g)) + 0.1 * torch.rand(1, generator=g) for _ in range(4)]
        depth = torch.cat([(one + 0.02 * torch.randn(one.shape, generator=g)).clamp(0, 1) for one in maps])
        runs = [MarigoldDepthPipeline.ensemble_depth(depth * (1 + 1e-7 * k * torch.randn(depth.shape, generator=g)),
                                                     output_uncertainty=True, **more) for k in range(9)]
        moved = [max((runs[0][k] - other[k]).abs().max().item() for other in runs[1:]) for k in range(2)]
        tensors |= {f"{i}.depth": depth, f"{i}.prediction": runs[0][0], f"{i}.uncertainty": runs[0][1]}
        cases.append({"options": more, "depth": f"{i}.depth", "prediction": f"{i}.prediction",
                      "uncertainty": f"{i}.uncertainty", "moved": moved})
    write_golden(GOLDEN / "marigold" / "alignment", COMMAND, cases, tensors, RESULTS)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    for wanted in sys.argv[1:] or ["repos", "alignment", *TASKS]:
        {"repos": write_repos, "alignment": write_alignment}.get(wanted, lambda: write_task(wanted))()
