"""Makes testdata/*.json of core and of the schedules: what torch, numpy and diffusers give.

    python scripts/reference/core_goldens.py [random|quantile|math|schedules|conversions|config ...]

Large arrays are stored as a SHA-256 of their little-endian bytes and a few values.
"""

import base64
import hashlib
import json
import random
import sys
from pathlib import Path

import diffusers
import numpy as np
import scipy.integrate
import scipy.stats
import torch

torch.set_num_threads(1)
ROOT = Path(__file__).parents[2]
CORE = ROOT / "core"
SCHEDULES = ROOT / "plugins" / "foundations" / "schedules"
VERSIONS = {
    "torch": torch.__version__,
    "diffusers": diffusers.__version__,
    "numpy": np.__version__,
    "scipy": scipy.__version__,
    "command": "python scripts/reference/core_goldens.py",
}


def digest(values):
    array = np.ascontiguousarray(values.numpy() if isinstance(values, torch.Tensor) else values)
    return hashlib.sha256(array.tobytes()).hexdigest()[:32]


def lines(value, depth):
    """JSON with one line for each value of the outer levels."""
    inner = "\n" + " " * depth
    if depth > 2 or not value or not isinstance(value, (dict, list)):
        return json.dumps(value, separators=(",", ":"))
    if isinstance(value, list):
        return "[" + ",".join(inner + lines(item, depth + 1) for item in value) + "]"
    items = (f"{inner}{json.dumps(key)}:{lines(item, depth + 1)}" for key, item in value.items())
    return "{" + ",".join(items) + "}"


def write(package, name, value):
    text = lines({"versions": VERSIONS, **value}, 0)
    (package / "testdata" / f"{name}.json").write_text(text + "\n")
    print(name, len(text))


def draw(generator, call):
    op, *args = call
    if op == "randn":
        return torch.randn(args[0], generator=generator)
    if op == "randn64":
        return torch.randn(args[0], generator=generator, dtype=torch.float64)
    if op == "randn16":
        return torch.randn(args[0], generator=generator, dtype=torch.float16)
    if op == "rand":
        return torch.rand(args[0], generator=generator)
    if op == "rand64":
        return torch.rand(args[0], generator=generator, dtype=torch.float64)
    if op == "randint":
        return torch.randint(args[0], args[1], args[2], generator=generator)
    if op == "randperm":
        return torch.randperm(args[0], generator=generator)
    raise ValueError(op)


def random_goldens():
    seeds = [0, 1, 2, 7, 42, 123, 1000, 1234, 31337, 65535, 2**31 - 1, 2**31, 2**32 - 1, 2**32,
             2**32 + 7, 2**53, 2**63 - 1, 2**63, 2**64 - 1, -1, -2, -(2**31), -(2**63), 99991]
    shapes = [[1], [2], [3], [5], [15], [16], [17], [31], [32], [33], [100], [1000], [0], [],
              [1, 3, 8, 8], [1, 4, 64, 64], [2, 4, 9, 7], [1, 3, 256, 256]]
    pick = random.Random(0)
    cases = []
    for index, seed in enumerate(seeds):
        generator = torch.Generator("cpu").manual_seed(seed)
        calls = [["randn", shapes[index % len(shapes)]], ["randn", shapes[(index * 7 + 3) % len(shapes)]]]
        for _ in range(10):
            op = pick.choice(["randn", "randn", "randn", "rand", "randint", "randperm", "randn64", "randn16", "rand64"])
            if op == "randint":
                low, high = pick.choice([(0, 10), (0, 1000), (-5, 6), (0, 2**28 - 1), (0, 2**28),
                                         (0, 2**28 + 1), (0, 2**31), (-(2**40), 2**45), (0, 1)])
                calls.append([op, low, high, pick.choice([[1], [7], [3, 4]])])
            elif op == "randperm":
                calls.append([op, pick.choice([0, 1, 2, 10, 1000])])
            else:
                calls.append([op, pick.choice(shapes[:15])])
        results = []
        for call in calls:
            values = draw(generator, call)
            results.append({"call": call, "sha256": digest(values),
                            "first": [float(x) for x in values.flatten()[:2]]})
        cases.append({"seed": str(seed), "initial_seed": str(generator.initial_seed()), "draws": results})
    write(CORE, "random", {"cases": cases})


def floats(values):
    """Numbers as base64: float32 or float64, little endian."""
    array = np.ascontiguousarray(values.numpy() if isinstance(values, torch.Tensor) else values)
    return base64.b64encode(array.tobytes()).decode()


def math_goldens():
    pick = random.Random(1)
    spans = [(0, 1), (0.0001, 0.02), (0.00085**0.5, 0.012**0.5), (-6, 6), (999, 0), (5, 5), (1, 1 / 1000)]
    spans += [(pick.uniform(-10, 10), pick.uniform(-10, 10)) for _ in range(20)]
    counts = [1, 2, 3, 7, 10, 50, 100, 999, 1000, 1001]
    lin = [{"start": a, "end": b, "count": n, "torch": digest(torch.linspace(a, b, n, dtype=torch.float32)),
            "numpy": digest(np.linspace(a, b, n))} for a, b in spans for n in counts[:: 1 if a in (0, -6) else 3]]
    aranges = [{"start": a, "end": b, "step": c, "sha256": digest(np.arange(a, b, c)), "count": len(np.arange(a, b, c))}
               for a, b, c in [(1000, 0, -1000 / n) for n in (1, 3, 7, 11, 30, 49, 93, 333, 999)]
               + [(0.0, 1.0, 0.1), (0.0, 5.0, 1.0), (3.0, 3.0, 1.0), (100, 0, -100 / 7)]]
    generator = torch.Generator().manual_seed(0)
    factors = torch.rand(1000, generator=generator) * 0.02 + 0.98
    points = np.sort(torch.rand(40, generator=generator).numpy().astype(np.float64) * 30)
    heights = torch.randn(40, generator=generator).numpy()
    where = np.concatenate([points[:5], [-1.0, 40.0, 0.0], np.linspace(-1, 31, 50)])
    x = torch.linspace(-12, 12, 4096)
    shares = [i / 24 for i in range(25)] + [1e-12, 1e-6, 1e-3, 1 - 1e-3, 1 - 1e-9]
    ppf = [{"a": a, "b": b, "p": shares, "x": [float(scipy.stats.beta.ppf(p, a, b)) for p in shares]}
           for a, b in [(0.6, 0.6), (0.5, 0.5), (1, 1), (2, 5), (5, 2), (0.3, 1.7), (30, 20)]]
    nodes = [14.6, 9.1, 4.2, 1.3]
    lagrange = []
    for order in (1, 2, 3, 4):
        for current in range(order):
            def polynomial(tau):
                product = 1.0
                for k in range(order):
                    if k != current:
                        product *= (tau - nodes[k]) / (nodes[current] - nodes[k])
                return product
            lagrange.append({"nodes": nodes[:order], "chosen": current, "from": nodes[0], "to": 3.3,
                             "value": scipy.integrate.quad(polynomial, nodes[0], 3.3, epsrel=1e-10)[0]})
    write(SCHEDULES, "math", {
        "linspace": lin, "arange": aranges,
        "cumprod": {"values": floats(factors), "sha256": digest(torch.cumprod(factors, 0))},
        "interp": {"xs": floats(points), "ys": floats(heights), "values": floats(where),
                   "result": floats(np.interp(where, points, heights))},
        "sigmoid": digest(torch.sigmoid(x)),
        "round": {"values": [-2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 0.49999999999999994, 1e15 + 0.5],
                  "result": np.round(np.array([-2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 0.49999999999999994, 1e15 + 0.5])).tolist()},
        "betaQuantile": ppf, "lagrange": lagrange,
    })


def quantile_goldens():
    quantiles = []
    for n in (1, 2, 3, 10, 101, 3072):
        quantiles += [{"seed": n, "n": n, "q": q,
                       "value": floats(torch.quantile(torch.randn(2, n, generator=torch.Generator().manual_seed(n)).abs(), q, dim=1))}
                      for q in (0.0, 0.25, 0.5, 0.95, 0.995, 1.0)]
    write(SCHEDULES, "quantile", {"quantile": quantiles})


def schedules_goldens():
    from diffusers import (DDIMScheduler, DDPMScheduler, DPMSolverMultistepScheduler, DPMSolverSDEScheduler,
                           EulerDiscreteScheduler, FlowMatchEulerDiscreteScheduler, HeunDiscreteScheduler)
    from diffusers.schedulers import scheduling_ddim_cogvideox as cog

    def entry(config, scheduler):
        sigmas = ((1 - scheduler.alphas_cumprod) / scheduler.alphas_cumprod) ** 0.5
        every = max(1, config["num_train_timesteps"] // 16)
        some = {"someAlphas": floats(scheduler.alphas_cumprod[::every])} if config.get("rescale_betas_zero_snr") else {}
        return {"config": config, "betas": digest(scheduler.betas), "alphasCumprod": digest(scheduler.alphas_cumprod),
                "every": every, "someSigmas": floats(sigmas[::every]), "lastAlpha": float(scheduler.alphas_cumprod[-1]), **some}

    betas = []
    for schedule in ("linear", "scaled_linear", "squaredcos_cap_v2", "sigmoid", "laplace", "exp"):
        scheduler_class = HeunDiscreteScheduler if schedule == "exp" else DDPMScheduler
        for start, end, count in ((0.0001, 0.02, 1000), (0.00085, 0.012, 1000), (0.0015, 0.0195, 100), (0.001, 0.3, 37)):
            config = {"beta_schedule": schedule, "beta_start": start, "beta_end": end, "num_train_timesteps": count}
            betas.append(entry(config, scheduler_class(**config)))
    for schedule in ("linear", "scaled_linear", "squaredcos_cap_v2"):
        for count in (1000, 50):
            config = {"beta_schedule": schedule, "beta_start": 0.00085, "beta_end": 0.012, "num_train_timesteps": count,
                      "rescale_betas_zero_snr": True}
            betas.append(entry(config, EulerDiscreteScheduler(**config)))
    trained = [0.01, 0.02, 0.05, 0.3]
    config = {"beta_schedule": "linear", "beta_start": 0.1, "beta_end": 0.2, "num_train_timesteps": 4, "trained_betas": trained}
    betas.append(entry(config, DDPMScheduler(**config)))
    euler = EulerDiscreteScheduler(beta_schedule="scaled_linear", beta_start=0.00085, beta_end=0.012)
    rescaled = floats(cog.rescale_zero_terminal_snr(euler.alphas_cumprod.clone())[::50])

    timesteps = []
    for spacing in ("linspace", "leading", "trailing"):
        for trained, offset in ((1000, 0), (1000, 1), (97, 0)):
            for steps in (1, 2, 3, 7, 10, 25, 30, 49, 50, 93, 97):
                common = {"timestep_spacing": spacing, "num_train_timesteps": trained, "steps_offset": offset}
                case = {"config": common, "steps": steps}
                for name, scheduler in (("integer", DDIMScheduler(**common)), ("float32", EulerDiscreteScheduler(**common)),
                                        ("withoutLast", DPMSolverMultistepScheduler(**common))):
                    scheduler.set_timesteps(steps)
                    case[name] = digest(scheduler.timesteps.to(torch.float32))
                timesteps.append(case)
    clipped = DPMSolverMultistepScheduler(lambda_min_clipped=-5.1, beta_schedule="squaredcos_cap_v2")
    used = 1000 - torch.searchsorted(torch.flip(clipped.lambda_t, [0]), -5.1).item()
    lambdas = floats(torch.flip(clipped.lambda_t, [0]))
    cut = []
    for spacing in ("linspace", "leading", "trailing"):
        scheduler = DPMSolverMultistepScheduler(lambda_min_clipped=-5.1, beta_schedule="squaredcos_cap_v2", timestep_spacing=spacing)
        scheduler.set_timesteps(17)
        cut.append({"spacing": spacing, "timesteps": scheduler.timesteps.tolist()})

    sigmas = []
    for count in (1, 2, 10, 25):
        euler.set_timesteps(count)
        base = np.array(((1 - euler.alphas_cumprod) / euler.alphas_cumprod) ** 0.5)
        flipped = np.flip(base).copy()
        solver = DPMSolverMultistepScheduler(beta_schedule="scaled_linear", beta_start=0.00085, beta_end=0.012)
        log_sigmas = np.log(base)
        karras = euler._convert_to_karras(flipped, count)
        sigmas.append({
            "count": count, "min": float(base[0]), "max": float(base[-1]), "karras": floats(karras),
            "exponential": floats(euler._convert_to_exponential(flipped, count)),
            "beta": floats(euler._convert_to_beta(flipped, count)),
            "lu": floats(np.exp(solver._convert_to_lu(np.flip(log_sigmas.copy()), count))),
            "timesteps": floats(np.array([euler._sigma_to_t(s, log_sigmas) for s in karras], dtype=np.float64)),
            "timesteps32": floats(np.array([euler._sigma_to_t(s, log_sigmas) for s in karras.astype(np.float32)], dtype=np.float64)),
        })
    euler_log = floats(np.log(np.array(((1 - euler.alphas_cumprod) / euler.alphas_cumprod) ** 0.5)))

    flow = []
    for options, mu, terminal in (({"shift": 3.0}, None, None), ({"shift": 1.0}, None, None),
                                  ({"use_dynamic_shifting": True}, 0.83, None),
                                  ({"use_dynamic_shifting": True, "time_shift_type": "linear"}, 0.83, None),
                                  ({"use_dynamic_shifting": True}, 1.15, 0.1)):
        scheduler = FlowMatchEulerDiscreteScheduler(shift_terminal=terminal, **options)
        given = np.linspace(1, 1 / 12, 12)
        scheduler.set_timesteps(sigmas=given.tolist(), mu=mu)
        flow.append({"config": options, "mu": mu, "terminal": terminal, "sigmas": floats(scheduler.sigmas)})
    write(SCHEDULES, "schedules", {"betas": betas, "rescaledAlphas": rescaled, "timesteps": timesteps,
                        "clipped": {"lambda": -5.1, "lambdas": lambdas, "used": used, "cases": cut},
                        "sigmas": sigmas, "logSigmas": euler_log, "flow": flow})


def conversions_goldens():
    from diffusers import DDIMScheduler, DPMSolverMultistepScheduler, EulerDiscreteScheduler

    generator = torch.Generator().manual_seed(0)
    sample = torch.randn(2, 3, 4, 4, generator=generator) * 3
    output = torch.randn(2, 3, 4, 4, generator=generator)
    clips = [{}, {"clip_sample": True, "clip_sample_range": 1.5},
             {"thresholding": True, "dynamic_thresholding_ratio": 0.9, "sample_max_value": 2.0}]
    cases = []
    for prediction in ("epsilon", "sample", "v_prediction"):
        for clip in clips:
            scheduler = DDIMScheduler(prediction_type=prediction, **{"clip_sample": False, **clip})
            scheduler.set_timesteps(10)
            result = scheduler.step(output, 500, sample, eta=0.0)
            cases.append({"kind": "variance", "prediction": prediction, "clip": clip,
                          "alphaCumprod": float(scheduler.alphas_cumprod[500]), "denoised": floats(result.pred_original_sample)})
        euler = EulerDiscreteScheduler(prediction_type=prediction)
        euler.set_timesteps(10)
        t = euler.timesteps[4]
        euler.scale_model_input(sample, t)
        cases.append({"kind": "sigma", "prediction": prediction, "sigma": float(euler.sigmas[4]),
                      "denoised": floats(euler.step(output, t, sample).pred_original_sample)})
    for algorithm in ("dpmsolver++", "dpmsolver"):
        for prediction in ("epsilon", "sample", "v_prediction") + (("flow_prediction",) if algorithm.endswith("++") else ()):
            flow = prediction == "flow_prediction"
            solver = DPMSolverMultistepScheduler(prediction_type=prediction, use_flow_sigmas=flow, algorithm_type=algorithm,
                                                 final_sigmas_type="sigma_min")
            solver.set_timesteps(10)
            solver._step_index = 4
            cases.append({"kind": algorithm, "prediction": prediction, "sigma": float(solver.sigmas[4]),
                          "denoised": floats(solver.convert_model_output(output, sample=sample))})
    ddim = DDIMScheduler()
    times = torch.tensor([10, 900])
    write(SCHEDULES, "conversions", {"cases": cases, "addNoise": floats(ddim.add_noise(sample, output, times)),
                          "velocity": floats(ddim.get_velocity(sample, output, times)),
                          "alphasCumprod": [float(ddim.alphas_cumprod[t]) for t in times]})


def config_goldens():
    import inspect

    from diffusers import (AutoencoderKL, DDIMScheduler, DDPMScheduler, DPMSolverMultistepScheduler,
                           EulerDiscreteScheduler, PNDMScheduler, UNet2DModel, UniPCMultistepScheduler)

    classes = [AutoencoderKL, DDIMScheduler, DDPMScheduler, DPMSolverMultistepScheduler, EulerDiscreteScheduler,
               PNDMScheduler, UNet2DModel, UniPCMultistepScheduler]
    by_name = {cls.__name__: cls for cls in classes}
    signatures = {}
    for cls in classes:
        parameters = list(inspect.signature(cls.__init__).parameters.items())[1:]
        signatures[cls.__name__] = {
            "defaults": {name: list(p.default) if isinstance(p.default, tuple) else
                         {"float": repr(p.default)} if isinstance(p.default, float) else p.default for name, p in parameters},
        }

    stable_diffusion = """{
  "_class_name": "PNDMScheduler",
  "_diffusers_version": "0.6.0",
  "beta_end": 0.012,
  "beta_schedule": "scaled_linear",
  "beta_start": 0.00085,
  "num_train_timesteps": 1000,
  "set_alpha_to_one": false,
  "skip_prk_steps": true,
  "steps_offset": 1,
  "trained_betas": null,
  "clip_sample": false
}"""
    odd = """{
  "_class_name": "DPMSolverMultistepScheduler",
  "_diffusers_version": "0.30.0",
  "_name_or_path": "somewhere/over \\u00e9\\ud83d\\ude00",
  "beta_start": 1e-05, "beta_end": 2, "lambda_min_clipped": -Infinity, "sample_max_value": 1.0,
  "trained_betas": [0.5, 1.0, 1e-7, 0.25], "extra": {"one": 1, "two": 2.0, "deep": {"list": [1, 2.0, []], "none": {}}},
  "note": "a \\"quote\\" and Infinity", "big": 1234567890123456, "huge": 1e22, "limit": 1e16, "minus": -0.0,
  "small": 0.0001, "smaller": 0.00001234, "mixed": [1, 1.0, NaN]
}"""
    vae = """{"_class_name": "AutoencoderKL", "_diffusers_version": "0.6.0", "act_fn": "silu", "block_out_channels": [4, 8],
 "down_block_types": ["DownEncoderBlock2D", "DownEncoderBlock2D"], "in_channels": 3, "latent_channels": 4,
 "layers_per_block": 1, "norm_num_groups": 2, "out_channels": 3, "sample_size": 32,
 "up_block_types": ["UpDecoderBlock2D", "UpDecoderBlock2D"]}"""
    unet = """{"_class_name": "UNet2DModel", "_diffusers_version": "0.0.4", "act_fn": "silu", "attention_head_dim": null,
 "block_out_channels": [4], "center_input_sample": false, "down_block_types": ["DownBlock2D"], "downsample_padding": 0,
 "flip_sin_to_cos": false, "freq_shift": 1, "in_channels": 3, "layers_per_block": 1, "mid_block_scale_factor": 1,
 "norm_eps": 1e-06, "norm_num_groups": 2, "out_channels": 3, "resnet_time_scale_shift": "default", "sample_size": 8,
 "time_embedding_type": "positional", "up_block_types": ["UpBlock2D"]}"""
    cases = []
    for text, steps in (
        (stable_diffusion, [("PNDMScheduler", {}), ("EulerDiscreteScheduler", {}), ("DPMSolverMultistepScheduler", {"use_karras_sigmas": True}),
                            ("PNDMScheduler", {})]),
        (stable_diffusion, [("EulerDiscreteScheduler", {"timestep_spacing": "trailing"}), ("DDIMScheduler", {})]),
        (stable_diffusion, [("PNDMScheduler", {"timestep_spacing": "leading"}), ("UniPCMultistepScheduler", {})]),
        ("{}", [("DDPMScheduler", {}), ("DDIMScheduler", {}), ("EulerDiscreteScheduler", {"sigma_min": 0.25})]),
        (odd, [("DPMSolverMultistepScheduler", {}), ("DDPMScheduler", {"clip_sample_range": 2.5})]),
        (vae, [("AutoencoderKL", {})]),
        (unet, [("UNet2DModel", {})]),
    ):
        config = json.loads(text)
        results = []
        for name, overrides in steps:
            made = by_name[name].from_config(config, **overrides)
            config = made.config
            results.append({
                "class": name, "overrides": overrides,
                "printed": made.to_json_string(),
                "keys": [key for key in made.config if not key.startswith("_")],
                "defaulted": sorted(made.config.get("_use_default_values", [])),
            })
        cases.append({"file": text, "steps": results})
    write(CORE, "config", {"signatures": signatures, "cases": cases})


GOLDENS = {
    "random": random_goldens,
    "quantile": quantile_goldens,
    "math": math_goldens,
    "schedules": schedules_goldens,
    "conversions": conversions_goldens,
    "config": config_goldens,
}

if __name__ == "__main__":
    for name in sys.argv[1:] or GOLDENS:
        GOLDENS[name]()
