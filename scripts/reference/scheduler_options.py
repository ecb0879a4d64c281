"""What scheduler_goldens.py tries: values for options whose annotation names none, and the classes.

An option that only matters beside others is written as a dict of all of them. A class entry may have: `base` (config of
every case), `values` (in place of VALUES), `run` (how every case is run), `steps` (options of step() for the random
cases), `fixed` (options that random cases leave alone), `cases` (name, config, run) beside those of the options.
"""

SD = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}
TRAINED = [0.0001 + 0.02 * (i / 39) ** 2 for i in range(40)]
EASED = {"clip_sample": False}

VALUES = {
    "num_train_timesteps": [200],
    "beta_start": [0.00085],
    "beta_end": [0.012],
    "beta_schedule": ["scaled_linear", "squaredcos_cap_v2"],
    "trained_betas": [{"trained_betas": TRAINED, "num_train_timesteps": 40}],
    "prediction_type": ["sample", "v_prediction"],
    "timestep_spacing": ["linspace", "leading", "trailing"],
    "steps_offset": [{"steps_offset": 1, "timestep_spacing": "leading"}],
    "clip_sample_range": [{"clip_sample": True, "clip_sample_range": 0.5}],
    "dynamic_thresholding_ratio": [{"thresholding": True, "dynamic_thresholding_ratio": 0.9, "sample_max_value": 1.5}],
    "sample_max_value": [{"thresholding": True, "sample_max_value": 2.0}],
    "rescale_betas_zero_snr": [
        True,
        {"rescale_betas_zero_snr": True, "prediction_type": "v_prediction", "timestep_spacing": "trailing"},
    ],
    "use_karras_sigmas": [True],
    "use_exponential_sigmas": [True],
    "use_beta_sigmas": [True],
    "sigma_min": [{"sigma_min": 0.1, "use_karras_sigmas": True}],
    "sigma_max": [{"sigma_max": 10.0, "use_exponential_sigmas": True}],
}

LEADING_OFFSET = ("SD 1.5 from step 2", {**SD, "timestep_spacing": "leading", "steps_offset": 1}, {"begin": 2})

CLASSES = {
    "ddpm": {
        "class": "DDPMScheduler",
        "values": {"beta_schedule": ["scaled_linear", "squaredcos_cap_v2", "sigmoid", "laplace"],
                   # fixed_large_log is left out: the reference takes the square root of a logarithm there
                   "variance_type": ["fixed_small_log", "fixed_large", "learned", "learned_range"]},
        "cases": [("own timesteps", {}, {"plan": {"timesteps": [900, 700, 450, 50, 3]}})],
    },
    "ddim": {
        "class": "DDIMScheduler",
        "steps": [{}, {"eta": 1.0}, {"eta": 0.5, "use_clipped_model_output": True}],
        "cases": [("eta", {}, {"step": {"eta": 0.7}}),
                  ("use_clipped_model_output", {}, {"step": {"use_clipped_model_output": True}}),
                  ("eta and use_clipped_model_output", {}, {"step": {"eta": 1.0, "use_clipped_model_output": True}}),
                  LEADING_OFFSET],
    },
    "pndm": {
        "class": "PNDMScheduler",
        "run": {"steps": 6},
        "values": {"prediction_type": ["v_prediction"]},
        "cases": [("SD 1.5", {**SD, "skip_prk_steps": True, "steps_offset": 1}, {}),
                  ("SD 1.5 from step 2", {**SD, "skip_prk_steps": True, "steps_offset": 1}, {"begin": 2}),
                  ("one step", {"skip_prk_steps": True}, {"steps": 1}),
                  ("two steps", {"skip_prk_steps": True}, {"steps": 2})],
    },
    "euler_discrete": {
        "class": "EulerDiscreteScheduler",
        "steps": [{}, {"s_churn": 4.0, "s_tmin": 0.1, "s_tmax": 8.0, "s_noise": 1.01}],
        "values": {"interpolation_type": ["log_linear"], "prediction_type": ["sample", "original_sample", "v_prediction"],
                   "timestep_type": [{"timestep_type": "continuous", "prediction_type": "v_prediction"}]},
        "cases": [("s_churn", {}, {"step": {"s_churn": 4.0}}),
                  ("s_tmin, s_tmax, s_noise", {}, {"step": {"s_churn": 4.0, "s_tmin": 0.1, "s_tmax": 8.0, "s_noise": 1.1}}),
                  ("own timesteps", {}, {"plan": {"timesteps": [999, 800, 500.5, 250, 20]}}),
                  ("own sigmas", {}, {"plan": {"sigmas": [14.0, 6.0, 2.5, 0.4, 0.1, 0.0]}}),
                  LEADING_OFFSET],
    },
}
