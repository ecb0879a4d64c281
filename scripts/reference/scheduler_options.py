"""What scheduler_goldens.py tries: values for options whose annotation names none, and the classes.

An option that only matters beside others is written as a dict of all of them. A class entry may have: `base` (config of
every case), `values` (in place of VALUES), `run` (how every case is run), `steps` (options of step() for the random
cases), `fixed` (options that random cases leave alone), `share` (how likely each other is in them), `seed` of those, `cases` (name, config, run) beside those of the options.
"""

SD = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}
TRAINED = [0.0001 + 0.02 * (i / 39) ** 2 for i in range(40)]
EASED = {"clip_sample": False}

VALUES = {
    "num_train_timesteps": [200],
    "beta_start": [0.0005],
    "beta_end": [0.015],
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
AT_MIN = {"final_sigmas_type": "sigma_min"}
FLOW = {"use_flow_sigmas": True, "prediction_type": "flow_prediction"}
DPM_VALUES = {
    "prediction_type": ["sample", "v_prediction", FLOW],
    "use_flow_sigmas": [FLOW],
    "flow_shift": [{**FLOW, "flow_shift": 3.0}],
    "lambda_min_clipped": [-4.1],
    "variance_type": ["learned", "learned_range"],
    "use_dynamic_shifting": [{**FLOW, "use_dynamic_shifting": True}],
    "time_shift_type": ["exponential"],
}

FLOW_VALUES = {
    "shift": [3.0],
    "use_dynamic_shifting": [],
    "base_shift": [0.6],
    "max_shift": [1.2],
    "base_image_seq_len": [200],
    "max_image_seq_len": [4000],
    "shift_terminal": [0.1],
    "time_shift_type": [],
}
FLOW_CASES = [
    ("mu", {"use_dynamic_shifting": True}, {"plan_options": {"mu": 0.8}}),
    ("mu, linear", {"use_dynamic_shifting": True, "time_shift_type": "linear"}, {"plan_options": {"mu": 2.0}}),
    ("no mu", {"use_dynamic_shifting": True}, {}),
    ("own sigmas", {"shift": 3.0}, {"plan": {"sigmas": [1.0, 0.8, 0.6, 0.4, 0.2]}}),
    ("own sigmas, mu, terminal", {"use_dynamic_shifting": True, "shift_terminal": 0.02},
     {"plan": {"sigmas": [1.0, 0.8, 0.6, 0.4, 0.2], "mu": 1.1}}),
    ("own timesteps", {}, {"plan": {"timesteps": [1000, 700, 300, 100]}}),
    ("own timesteps and sigmas", {"shift": 2.0},
     {"plan": {"timesteps": [1000, 700, 300, 100], "sigmas": [1.0, 0.7, 0.3, 0.1]}}),
    ("numbers that differ", {}, {"plan": {"num_inference_steps": 3, "sigmas": [1.0, 0.7]}}),
    ("from step 2", {"shift": 3.0}, {"begin": 2}),
]

HIDDEN_RANGE = ("sigma range of another class", {"use_karras_sigmas": True},
                {"from": {"sigma_min": 0.5, "sigma_max": 20.0}})
HIDDEN = ("options of other classes", {}, {"from": {
    "rescale_betas_zero_snr": True, "thresholding": True, "clip_sample": True, "use_lu_lambdas": True,
    "lambda_min_clipped": -1.0, "variance_type": "fixed_small", "timestep_spacing": "trailing",
    "skip_prk_steps": True, "set_alpha_to_one": False, "final_sigmas_type": "sigma_min"}})

HIDDEN_LEADING = ("options of other classes", {}, {"from": {
    "thresholding": True, "use_lu_lambdas": True, "variance_type": "fixed_small", "skip_prk_steps": True}})
EDM_VALUES = {"sigma_min": [0.01], "sigma_max": [40.0], "sigma_data": [1.0], "rho": [5.0],
              "prediction_type": ["v_prediction"]}

OWN_TIMESTEPS = ("own timesteps", {}, {"plan": {"timesteps": [999, 700, 200, 20]}})

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
                  LEADING_OFFSET, HIDDEN],
    },
    "pndm": {
        "class": "PNDMScheduler",
        "run": {"steps": 6},
        "values": {"prediction_type": ["v_prediction"]},
        "cases": [("SD 1.5", {**SD, "skip_prk_steps": True, "steps_offset": 1}, {}),
                  ("SD 1.5 from step 2", {**SD, "skip_prk_steps": True, "steps_offset": 1}, {"begin": 2}),
                  ("one step", {"skip_prk_steps": True}, {"steps": 1}),
                  ("two steps", {"skip_prk_steps": True}, {"steps": 2}), HIDDEN],
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
                  LEADING_OFFSET, HIDDEN],
    },
    "euler_ancestral_discrete": {
        "class": "EulerAncestralDiscreteScheduler",
        "values": {"prediction_type": ["v_prediction"]},
        "cases": [LEADING_OFFSET, HIDDEN],
    },
    "heun_discrete": {
        "class": "HeunDiscreteScheduler",
        "run": {"steps": 3},
        "values": {"beta_schedule": ["scaled_linear", "squaredcos_cap_v2", "exp"]},
        "cases": [OWN_TIMESTEPS, LEADING_OFFSET,
                  HIDDEN_RANGE, HIDDEN],
    },
    "lms_discrete": {
        "class": "LMSDiscreteScheduler",
        "run": {"steps": 6},
        "steps": [{}, {"order": 2}, {"order": 1}, {"order": 3}],
        "cases": [LEADING_OFFSET, HIDDEN_RANGE, HIDDEN, ("order", {}, {"step": {"order": 2}})],
    },
    "kdpm2_discrete": {
        "class": "KDPM2DiscreteScheduler",
        "run": {"steps": 4},
        "values": {"prediction_type": ["v_prediction"]},
        "cases": [LEADING_OFFSET, HIDDEN],
    },
    "kdpm2_ancestral_discrete": {
        "class": "KDPM2AncestralDiscreteScheduler",
        "run": {"steps": 4},
        "values": {"prediction_type": ["v_prediction"]},
        "cases": [LEADING_OFFSET, HIDDEN],
    },
    "dpmsolver_multistep": {
        "class": "DPMSolverMultistepScheduler",
        "share": 0.12,
        "run": {"steps": 4},
        "values": {
            **DPM_VALUES,
            "algorithm_type": ["dpmsolver++", "sde-dpmsolver++", {"algorithm_type": "dpmsolver", **AT_MIN},
                               {"algorithm_type": "sde-dpmsolver", **AT_MIN}],
            "solver_type": ["heun", {"solver_type": "heun", "algorithm_type": "sde-dpmsolver++"},
                            {"solver_type": "heun", "algorithm_type": "dpmsolver", **AT_MIN},
                            {"solver_type": "heun", "algorithm_type": "sde-dpmsolver", **AT_MIN}],
            "solver_order": [1, 3, {"solver_order": 3, "algorithm_type": "sde-dpmsolver++", "lower_order_final": False},
                             {"solver_order": 3, "algorithm_type": "dpmsolver", **AT_MIN}],
        },
        "cases": [OWN_TIMESTEPS, LEADING_OFFSET, HIDDEN, HIDDEN_RANGE,
                  ("twenty steps of order 3", {"solver_order": 3}, {"steps": 20, "shape": [1, 1, 2, 2]}),
                  ("mu", {"use_dynamic_shifting": True, "use_flow_sigmas": True, "prediction_type": "flow_prediction"},
                   {"plan_options": {"mu": 0.7}}),
                  ("from DEIS", {}, {"from": {"_class_name": "DEISMultistepScheduler", "algorithm_type": "deis",
                                              "solver_type": "logrho", **AT_MIN}})],
    },
    "lcm": {
        "class": "LCMScheduler",
        "run": {"steps": 4},
        "values": {"original_inference_steps": [20], "timestep_scaling": [5.0],
                   "timestep_spacing": ["trailing"]},
        "cases": [("own timesteps", {}, {"plan": {"timesteps": [999, 700, 200, 20]}}),
                  ("own timesteps, strength", {}, {"plan": {"timesteps": [999, 700, 200, 20], "strength": 0.6}}),
                  ("original_inference_steps of the plan", {}, {"plan_options": {"original_inference_steps": 30}}),
                  ("strength", {}, {"plan_options": {"strength": 0.5}}),
                  ("more steps than distilled", {}, {"steps": 51})],
    },
    "flow_match_euler_discrete": {
        "class": "FlowMatchEulerDiscreteScheduler",
        "values": FLOW_VALUES,
        "cases": [*FLOW_CASES, HIDDEN_RANGE],
    },
    "deis_multistep": {
        "class": "DEISMultistepScheduler",
        "share": 0.12,
        "values": {**DPM_VALUES, "solver_order": [1, 3, {"solver_order": 3, "lower_order_final": False}],
                   "algorithm_type": ["dpmsolver++"], "solver_type": ["bh2"]},
        "cases": [LEADING_OFFSET, HIDDEN, HIDDEN_RANGE, ("twenty steps of order 3", {"solver_order": 3}, {"steps": 20, "shape": [1, 1, 2, 2]}),
                  ("mu", {**FLOW, "use_dynamic_shifting": True}, {"plan_options": {"mu": 0.7}})],
    },
    "dpmsolver_singlestep": {
        "class": "DPMSolverSinglestepScheduler",
        "seed": 5,  # the usual one thresholds with "dpmsolver", where the reference fails
        "share": 0.12,
        "run": {"steps": 6},
        "values": {
            **DPM_VALUES,
            "solver_order": [1, 3, {"solver_order": 3, "solver_type": "heun"},
                             {"solver_order": 3, "solver_type": "heun", **AT_MIN},
                             {"solver_order": 3, "algorithm_type": "sde-dpmsolver++", **AT_MIN},
                             {"solver_order": 3, "solver_type": "heun", "algorithm_type": "sde-dpmsolver++", **AT_MIN},
                             {"solver_order": 3, "algorithm_type": "dpmsolver", **AT_MIN}],
            "algorithm_type": ["sde-dpmsolver++", {"algorithm_type": "dpmsolver", **AT_MIN}],
            "solver_type": ["heun", {"solver_type": "heun", "algorithm_type": "sde-dpmsolver++"},
                            {"solver_type": "heun", "algorithm_type": "dpmsolver", **AT_MIN}],
        },
        "cases": [OWN_TIMESTEPS, HIDDEN, HIDDEN_RANGE, ("five steps", {}, {"steps": 5}), ("seven steps", {"solver_order": 3}, {"steps": 7}),
                  ("eight steps", {"solver_order": 3}, {"steps": 8}),
                  ("six steps to sigma_min", {"solver_order": 3, "lower_order_final": True, **AT_MIN}, {}),
                  ("mu", {**FLOW, "use_dynamic_shifting": True}, {"plan_options": {"mu": 0.7}})],
    },
    "unipc_multistep": {
        "class": "UniPCMultistepScheduler",
        "share": 0.12,
        # another seed than the usual one, which rescales betas without predict_x0: that multiplies rounding by σ = 4096
        "seed": 3,
        "values": {
            **DPM_VALUES,
            "solver_order": [1, 3, {"solver_order": 3, "predict_x0": False, **AT_MIN},
                             {"solver_order": 3, "lower_order_final": False, **AT_MIN}],
            "predict_x0": [{"predict_x0": False, **AT_MIN}],
            "solver_type": ["midpoint", {"solver_type": "bh1", **AT_MIN}],
            "lower_order_final": [{"lower_order_final": False, **AT_MIN}],
            "disable_corrector": [[0, 2]],
            "solver_p": [],
            "use_dynamic_shifting": [],
            "time_shift_type": [],
            "shift_terminal": [{**FLOW, "shift_terminal": 0.1}],
        },
        "cases": [LEADING_OFFSET, HIDDEN,
                  ("karras and flow", {**FLOW, "use_karras_sigmas": True}, {}),
                  ("twenty steps of order 3", {"solver_order": 3}, {"steps": 20, "shape": [1, 1, 2, 2]}),
                  ("own sigmas", FLOW, {"plan": {"sigmas": [0.99, 0.7, 0.4, 0.2]}}),
                  ("own sigmas without flow", {}, {"plan": {"sigmas": [0.99, 0.7, 0.4, 0.2]}}),
                  ("no mu", {**FLOW, "use_dynamic_shifting": True}, {}),
                  ("mu", {**FLOW, "use_dynamic_shifting": True}, {"plan_options": {"mu": 0.7}}),
                  ("mu, linear", {**FLOW, "use_dynamic_shifting": True, "time_shift_type": "linear"},
                   {"plan_options": {"mu": 0.7}})],
    },
    "tcd": {
        "class": "TCDScheduler",
        "run": {"steps": 4},
        "steps": [{}, {"eta": 0.0}, {"eta": 1.0}, {"eta": 0.5}],
        "values": {"original_inference_steps": [20], "timestep_scaling": [5.0], "timestep_spacing": ["trailing"]},
        "cases": [("own timesteps", {}, {"plan": {"timesteps": [999, 700, 200, 20]}}),
                  ("own timesteps, strength", {}, {"plan": {"timesteps": [999, 700, 200, 20], "strength": 0.6}}),
                  ("original_inference_steps of the plan", {}, {"plan_options": {"original_inference_steps": 30}}),
                  ("strength", {}, {"plan_options": {"strength": 0.5}}),
                  ("more steps than distilled", {}, {"steps": 51}),
                  ("eta 0", {}, {"step": {"eta": 0.0}}), ("eta 1", {}, {"step": {"eta": 1.0}}),
                  ("eta 2", {}, {"step": {"eta": 2.0}})],
    },
    "ddim_inverse": {
        "class": "DDIMInverseScheduler",
        "cases": [("set_alpha_to_zero", {}, {"from": {"set_alpha_to_zero": False}}), HIDDEN_LEADING],
    },
    "edm_euler": {
        "class": "EDMEulerScheduler",
        "values": EDM_VALUES,
        "steps": [{}, {"s_churn": 4.0, "s_tmin": 0.1, "s_tmax": 8.0, "s_noise": 1.01}],
        "cases": [("s_churn", {}, {"step": {"s_churn": 4.0}}),
                  ("s_tmin, s_tmax, s_noise", {}, {"step": {"s_churn": 4.0, "s_tmin": 0.1, "s_tmax": 8.0, "s_noise": 1.1}}),
                  ("from step 2", {}, {"begin": 2})],
    },
    "edm_dpmsolver_multistep": {
        "class": "EDMDPMSolverMultistepScheduler",
        "values": {**EDM_VALUES, "prediction_type": ["v_prediction"],
                   "solver_order": [1, 3, {"solver_order": 3, "lower_order_final": False, **AT_MIN}],
                   "solver_type": ["heun", "bh2", {"solver_type": "heun", "algorithm_type": "sde-dpmsolver++"}]},
        "cases": [("from step 2", {}, {"begin": 2}), ("twenty steps", {}, {"steps": 20, "shape": [1, 1, 2, 2]})],
    },
    "dpmsolver_sde": {
        "class": "DPMSolverSDEScheduler",
        "base": {"noise_sampler_seed": 7},
        "run": {"steps": 4},
        "values": {"prediction_type": ["v_prediction"], "noise_sampler_seed": [0, 2**40 + 1]},
        "fixed": ["noise_sampler_seed"],
        "steps": [{}, {"s_noise": 0.5}],
        "cases": [("s_noise", {}, {"step": {"s_noise": 0.0}}), LEADING_OFFSET, HIDDEN, HIDDEN_RANGE],
    },
    "cosine_dpmsolver_multistep": {
        "class": "CosineDPMSolverMultistepScheduler",
        "values": {"sigma_min": [0.1], "sigma_max": [100.0], "sigma_data": [0.5], "rho": [5.0], "prediction_type": ["epsilon"],
                   "solver_order": [1], "solver_type": ["heun", "bh2"],
                   "final_sigmas_type": []},  # with sigma_min the reference halves a time of no length for ever
        "cases": [("from step 2", {}, {"begin": 2}), ("twenty steps", {}, {"steps": 20, "shape": [1, 1, 2, 2]})],
    },
    "flow_match_heun_discrete": {
        "class": "FlowMatchHeunDiscreteScheduler",
        "values": {"shift": [3.0, 0.5]},
        "steps": [{}, {"s_churn": 1.0, "s_tmin": 0.1, "s_tmax": 0.8, "s_noise": 1.01}],
        "cases": [("s_churn", {}, {"step": {"s_churn": 1.0}}), ("from step 2", {}, {"begin": 2})],
    },
    "ltx_euler_ancestral_rf": {
        "class": "LTXEulerAncestralRFScheduler",
        "values": {"eta": [0.0, 0.5], "s_noise": [0.0, 0.9]},
        "cases": [("own sigmas", {}, {"plan": {"sigmas": [1.0, 0.8, 0.5, 0.2, 0.0]}}),
                  ("own sigmas above zero", {}, {"plan": {"sigmas": [1.0, 0.8, 0.5, 0.2]}}),
                  ("own timesteps", {}, {"plan": {"timesteps": [0.9, 0.5, 0.2, 0.0]}}),
                  ("of a flow", {}, {"from": {"shift": 3.0, "shift_terminal": 0.1}}),
                  ("of a dynamic flow", {}, {"from": {"use_dynamic_shifting": True}, "plan_options": {"mu": 0.9}}),
                  ("from step 2", {}, {"begin": 2})],
    },
    "sasolver": {
        "class": "SASolverScheduler",
        "share": 0.12,
        "seed": 4,  # the usual one thresholds with noise_prediction, where the reference fails
        "values": {
            **DPM_VALUES,
            "predictor_order": [1, 3, 4, {"predictor_order": 3, "lower_order_final": False}],
            "corrector_order": [1, 3, 4, {"corrector_order": 4, "predictor_order": 3}],
            "tau_func": [],
            "variance_type": [],  # the reference draws noise for the variance too and fails
            "algorithm_type": ["noise_prediction", {"algorithm_type": "noise_prediction", "predictor_order": 3,
                                                    "corrector_order": 3}],
        },
        "cases": [LEADING_OFFSET, HIDDEN, HIDDEN_RANGE, ("twenty steps", {}, {"steps": 20, "shape": [1, 1, 2, 2]}),
                  ("twenty steps of order 3", {"predictor_order": 3, "corrector_order": 4},
                   {"steps": 20, "shape": [1, 1, 2, 2]})],
    },
    "dpmsolver_multistep_inverse": {
        "class": "DPMSolverMultistepInverseScheduler",
        "share": 0.12,
        "values": {
            **DPM_VALUES,
            # the stochastic forms take roots of negative numbers there
            "algorithm_type": ["dpmsolver++", "dpmsolver"],
            "solver_type": ["heun", {"solver_type": "heun", "algorithm_type": "dpmsolver"}],
            "solver_order": [1, 3, {"solver_order": 3, "algorithm_type": "dpmsolver"}],
        },
        "cases": [HIDDEN, HIDDEN_RANGE, ("twenty steps of order 3", {"solver_order": 3}, {"steps": 20, "shape": [1, 1, 2, 2]})],
    },
    "flow_match_lcm": {
        "class": "FlowMatchLCMScheduler",
        "values": {**FLOW_VALUES, "scale_factors": [], "upscale_mode": []},
        "cases": [*FLOW_CASES, HIDDEN_RANGE, ("too few scale factors", {"scale_factors": [1.0, 2.0]}, {}),
                  # the recorded model keeps one size, so that sizes are given as they are
                  *[(f"{mode}, same size", {"scale_factors": [1.0, 1.0], "upscale_mode": mode}, {"steps": 3})
                    for mode in ("nearest", "nearest-exact", "bilinear", "bicubic", "area")],
                  ("linear, same size", {"scale_factors": [1.0, 1.0], "upscale_mode": "linear"}, {"steps": 3})],
    },
}
