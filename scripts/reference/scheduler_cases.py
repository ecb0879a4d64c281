"""Configs and runs that some schedulers are measured on beside their options, by package."""

SD = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}
# SD 1.5's scheduler_config.json as it lies on the Hub
SD15 = {
    "_class_name": "PNDMScheduler", "_diffusers_version": "0.6.0", **SD, "num_train_timesteps": 1000,
    "set_alpha_to_one": False, "skip_prk_steps": True, "steps_offset": 1, "trained_betas": None, "clip_sample": False,
}
TRAINED = [0.0001 + 0.02 * (i / 99) ** 2 for i in range(100)]


def case(name: str, config: dict | None = None, steps: int = 10, **more) -> tuple:
    return name, config or {}, {"steps": steps, **more}


def own(name: str, config: dict, plan: dict) -> tuple:
    """A case with its own timesteps or sigmas."""
    return name, config, {"plan": plan}


DDPM = [
    case("defaults, ten steps"),
    case("one step", steps=1),
    case("full length", {"num_train_timesteps": 30}, 30),
    case("seven steps do not divide the trained ones", steps=7),
    case("fixed_small_log, sample", {"variance_type": "fixed_small_log", "prediction_type": "sample"}),
    case("fixed_large, v_prediction, trailing",
         {"variance_type": "fixed_large", "prediction_type": "v_prediction", "timestep_spacing": "trailing"}),
    # fixed_large_log is left out: diffusers takes the square root of a logarithm there and gives NaN
    case("linspace", {"timestep_spacing": "linspace"}),
    case("learned_range", {"variance_type": "learned_range", "beta_schedule": "squaredcos_cap_v2"}),
    case("learned", {"variance_type": "learned"}),
    case("thresholding", {"thresholding": True, "dynamic_thresholding_ratio": 0.9, "sample_max_value": 1.5,
                          "clip_sample": False}, scale=2.0),
    case("clip to 2, scaled_linear, offset 1", {**SD, "clip_sample_range": 2.0, "steps_offset": 1}, scale=2.0),
    case("no clipping, sigmoid", {"clip_sample": False, "beta_schedule": "sigmoid"}),
    case("rescaled betas, v_prediction", {**SD, "rescale_betas_zero_snr": True, "prediction_type": "v_prediction",
                                          "timestep_spacing": "trailing", "clip_sample": False}),
    case("trained betas", {"trained_betas": TRAINED, "num_train_timesteps": 100}),
    case("laplace", {"beta_schedule": "laplace"}),
    own("six own timesteps", {}, {"timesteps": [900, 700, 450, 200, 50, 3]}),
    case("from SD 1.5 as stored", **{"from": SD15}),
]

DDIM = [
    case("defaults, ten steps"),
    case("one step", steps=1),
    case("SD 1.5", {**SD, "clip_sample": False, "set_alpha_to_one": False, "steps_offset": 1}),
    case("eta 1", {**SD, "clip_sample": False}, step={"eta": 1.0}),
    case("eta 0.5, clipped model output", {}, step={"eta": 0.5, "use_clipped_model_output": True}, scale=2.0),
    case("v_prediction, trailing, rescaled betas", {**SD, "prediction_type": "v_prediction", "clip_sample": False,
                                                    "timestep_spacing": "trailing", "rescale_betas_zero_snr": True}),
    case("sample, linspace", {"prediction_type": "sample", "timestep_spacing": "linspace", "clip_sample": False}),
    case("thresholding", {"thresholding": True, "clip_sample": False, "dynamic_thresholding_ratio": 0.95,
                          "sample_max_value": 2.0}, scale=2.0),
    case("squaredcos_cap_v2, clip to 3", {"beta_schedule": "squaredcos_cap_v2", "clip_sample_range": 3.0}, scale=2.0),
    case("trained betas, seven steps", {"trained_betas": TRAINED, "num_train_timesteps": 100}, 7),
    case("from step 4 of 10", {**SD, "clip_sample": False, "steps_offset": 1}, begin=4),
    case("from SD 1.5 as stored", **{"from": SD15}),
]

PNDM = [
    case("defaults, ten steps"),
    case("SD 1.5, ten steps", {**SD, "set_alpha_to_one": False, "skip_prk_steps": True, "steps_offset": 1}),
    case("fifty steps of SD 1.5", {**SD, "set_alpha_to_one": False, "skip_prk_steps": True, "steps_offset": 1}, 50,
         shape=[1, 1, 4, 4]),
    case("one step, skip_prk_steps", {"skip_prk_steps": True}, 1),
    case("two steps, scaled_linear", {**SD, "skip_prk_steps": True}, 2),
    case("v_prediction, trailing", {**SD, "skip_prk_steps": True, "prediction_type": "v_prediction",
                                    "timestep_spacing": "trailing"}),
    case("linspace, squaredcos_cap_v2", {"skip_prk_steps": True, "timestep_spacing": "linspace",
                                         "beta_schedule": "squaredcos_cap_v2"}),
    case("Runge-Kutta start, v_prediction, alpha to one", {**SD, "set_alpha_to_one": True, "steps_offset": 1,
                                                           "prediction_type": "v_prediction"}),
    case("Runge-Kutta start, linspace", {"timestep_spacing": "linspace"}, 12),
    case("trained betas", {"trained_betas": TRAINED, "num_train_timesteps": 100, "skip_prk_steps": True}),
    case("from step 4 of 10", {**SD, "skip_prk_steps": True, "steps_offset": 1}, begin=4),
    case("SD 1.5 as stored", **{"from": SD15}),
]

EULER = [
    case("defaults, ten steps"),
    case("one step", steps=1),
    case("SD 1.5, leading", {**SD, "timestep_spacing": "leading", "steps_offset": 1}),
    case("v_prediction, trailing, rescaled betas", {**SD, "prediction_type": "v_prediction", "timestep_spacing": "trailing",
                                                    "rescale_betas_zero_snr": True}),
    case("sample", {"prediction_type": "sample"}),
    case("karras", {**SD, "use_karras_sigmas": True}),
    case("karras with own range, v_prediction", {**SD, "use_karras_sigmas": True, "sigma_min": 0.1, "sigma_max": 10.0,
                                                 "prediction_type": "v_prediction"}),
    case("exponential", {**SD, "use_exponential_sigmas": True, "timestep_spacing": "trailing"}),
    case("beta", {**SD, "use_beta_sigmas": True}, 12),
    case("log_linear", {**SD, "interpolation_type": "log_linear"}),
    case("final sigma_min", {**SD, "final_sigmas_type": "sigma_min"}),
    case("continuous timesteps", {**SD, "timestep_type": "continuous", "prediction_type": "v_prediction",
                                  "use_karras_sigmas": True, "sigma_min": 0.002, "sigma_max": 700.0}),
    case("squaredcos_cap_v2, trailing", {"beta_schedule": "squaredcos_cap_v2", "timestep_spacing": "trailing"}),
    case("churn", {**SD}, step={"s_churn": 4.0, "s_tmin": 0.1, "s_tmax": 8.0, "s_noise": 1.01}),
    case("trained betas, seven steps", {"trained_betas": TRAINED, "num_train_timesteps": 100}, 7),
    case("from step 4 of 10", {**SD, "timestep_spacing": "leading", "steps_offset": 1}, begin=4),
    own("own timesteps, trailing", {**SD, "timestep_spacing": "trailing"}, {"timesteps": [999, 800, 500, 250, 100, 20]}),
    own("own sigmas, scaled_linear", {**SD}, {"sigmas": [14.0, 6.0, 2.5, 1.0, 0.4, 0.1, 0.0]}),
    case("from SD 1.5 as stored", **{"from": SD15}),
]

CASES = {"ddpm": DDPM, "ddim": DDIM, "pndm": PNDM, "euler_discrete": EULER}

# Configs that another class has loaded first, which remembers what it had only by default, or has loaded and saved.
HANDED_ON = [(class_name, through) for class_name in ("DDPMScheduler", "EulerDiscreteScheduler") for through in ("memory", "disk")]
