"""What scheduler_goldens.py tries for schedulers of single families; entries as in scheduler_options.py."""

from scheduler_options import CLASSES as USUAL

TRAINED_BETAS = {"trained_betas": [0.0001 + 0.02 * (i / 39) ** 2 for i in range(40)], "num_train_timesteps": 40}
COGVIDEOX_VALUES = {
    "beta_schedule": ["linear", "squaredcos_cap_v2"],
    "rescale_betas_zero_snr": [{"rescale_betas_zero_snr": True, "prediction_type": "v_prediction"}],
    "snr_shift_scale": [1.0],
    "sample_max_value": [2.0],
}
COGVIDEOX = ("CogVideoX-2b", {"prediction_type": "v_prediction", "rescale_betas_zero_snr": True, "timestep_spacing": "trailing",
                              "snr_shift_scale": 3.0}, {"steps": 8})

CLASSES = {
    "score_sde_ve": {
        "class": "ScoreSdeVeScheduler",
        "values": {"num_train_timesteps": [200], "snr": [0.3], "sigma_min": [0.05], "sigma_max": [50.0],
                   "sampling_eps": [0.001], "correct_steps": [0, 2]},
        "cases": [("twenty steps", {"sigma_max": 90.0}, {"steps": 20, "shape": [1, 1, 2, 2]}),
                  ("own range", {}, {"plan_options": {"sampling_eps": 0.01, "sigma_min": 0.1, "sigma_max": 20.0}})],
    },
    "karras_ve": {
        "class": "KarrasVeScheduler",
        "run": {"skip_add_noise": True},
        "values": {"sigma_min": [0.1], "sigma_max": [8.0], "s_noise": [1.0], "s_churn": [0.0, 1.5], "s_min": [1.0],
                   "s_max": [0.5, 20000.0]},
        "cases": [("twenty steps", {"sigma_max": 4.0}, {"steps": 20, "shape": [1, 1, 2, 2]}),
                  ("two steps", {"sigma_max": 2.0, "sigma_min": 0.5}, {"steps": 2})],
    },
    "consistency_models": {
        "class": "CMStochasticIterativeScheduler",
        "values": {"num_train_timesteps": [18], "sigma_min": [0.01], "sigma_max": [40.0], "sigma_data": [1.0],
                   "s_noise": [1.1], "rho": [5.0]},
        "cases": [("one step", {}, {"steps": 1}), ("two steps", {}, {"plan": {"timesteps": [22, 0]}}),
                  ("from step 2", {}, {"begin": 2}), ("beyond the trained", {}, {"plan": {"timesteps": [40, 0]}})],
    },
    "ipndm": {
        "class": "IPNDMScheduler",
        "run": {"steps": 6},
        "values": {"num_train_timesteps": [200], "trained_betas": [[1.0, 0.9, 0.6, 0.3, 0.1, 0.0]]},
        "cases": [("from step 2", {}, {"begin": 2}), ("twenty steps", {}, {"steps": 20, "shape": [1, 1, 2, 2]})],
    },
    "scm": {
        "class": "SCMScheduler",
        "run": {"steps": 4, "plan_options": {"intermediate_timesteps": None}},
        "values": {"num_train_timesteps": [200], "prediction_type": [], "sigma_data": [1.0]},
        "cases": [("two steps", {}, {"steps": 2, "plan_options": {}}),
                  ("two steps by another way", {}, {"steps": 2, "plan_options": {"intermediate_timesteps": 1.0}}),
                  ("from another angle", {}, {"plan_options": {"intermediate_timesteps": None, "max_timesteps": 1.4}}),
                  ("an angle between for four steps", {}, {"plan_options": {"intermediate_timesteps": 1.0}}),
                  ("from step 2", {}, {"begin": 2})],
    },
    "ddim_cogvideox": {
        "class": "CogVideoXDDIMScheduler",
        "values": COGVIDEOX_VALUES,
        "cases": [COGVIDEOX, ("step options", {}, {"step": {"eta": 0.5, "use_clipped_model_output": True}})],
    },
    "dpm_cogvideox": {
        "class": "CogVideoXDPMScheduler",
        "values": COGVIDEOX_VALUES,
        "cases": [COGVIDEOX, ("step options", {}, {"step": {"eta": 0.5, "use_clipped_model_output": True}}),
                  ("twenty steps", {}, {"steps": 20, "shape": [1, 1, 2, 2]})],
    },
    "unclip": {
        "class": "UnCLIPScheduler",
        "values": {"prediction_type": ["sample"], "beta_schedule": []},
        "cases": [("one step", {}, {"steps": 1}), ("every trained timestep", {"num_train_timesteps": 12}, {"steps": 12}),
                  ("learned range, not clipped", {"variance_type": "learned_range", "clip_sample": False}, {})],
    },
    "repaint": {
        "class": "RePaintScheduler",
        "run": {"steps": 5, "plan_options": {"jump_length": 2, "jump_n_sample": 2}, "skip_add_noise": True},
        "base": {"num_train_timesteps": 50},
        "values": {"num_train_timesteps": [25], "eta": [0.5, 1.0], "trained_betas": [TRAINED_BETAS],
                   "beta_schedule": ["scaled_linear", "squaredcos_cap_v2", "sigmoid"]},
        "cases": [("defaults of the plan", {"num_train_timesteps": 12}, {"steps": 12, "plan_options": {}, "shape": [1, 1, 2, 2]}),
                  ("a thousand timesteps", {"num_train_timesteps": 1000, "eta": 0.3}, {"plan_options": {"jump_length": 5}})],
    },
    "ddpm_wuerstchen": {
        "class": "DDPMWuerstchenScheduler",
        "values": {"scaler": [0.5, 2.0], "s": [0.02]},
        "cases": [("own timesteps", {}, {"plan": {"timesteps": [1.0, 0.7, 0.35, 0.2]}}),
                  ("twenty steps", {}, {"steps": 20, "shape": [1, 1, 2, 2]})],
    },
    "score_sde_vp": {
        "class": "ScoreSdeVpScheduler",
        "values": {"num_train_timesteps": [200], "beta_min": [0.3], "beta_max": [10.0], "sampling_eps": [0.05]},
        "cases": [("twenty steps", {}, {"steps": 20, "shape": [1, 1, 2, 2]})],
    },
    "ddim_parallel": {**USUAL["ddim"], "class": "DDIMParallelScheduler"},
    "ddpm_parallel": {**USUAL["ddpm"], "class": "DDPMParallelScheduler"},
    "vq_diffusion": {
        "class": "VQDiffusionScheduler",
        "base": {"num_vec_classes": 13},
        "run": {"shape": [2, 12, 9], "steps": 20},
        "values": {"num_vec_classes": [], "num_train_timesteps": [20], "alpha_cum_start": [0.999], "alpha_cum_end": [0.0001],
                   "gamma_cum_start": [0.0001], "gamma_cum_end": [0.999]},
        "cases": [("every timestep", {}, {"steps": 100, "shape": [1, 12, 4]})],
    },
    "amused": {
        "class": "AmusedScheduler",
        "base": {"mask_token_id": 15},
        "run": {"shape": [2, 12, 4, 4], "steps": 6, "skip_add_noise": True},
        "values": {"mask_token_id": []},
        "steps": [{}, {"starting_mask_ratio": 0.7}],
        "cases": [("temperature", {}, {"plan_options": {"temperature": 3.0}}),
                  ("temperatures", {}, {"plan_options": {"temperature": [4.0, 0.5]}}),
                  ("starting_mask_ratio", {}, {"step": {"starting_mask_ratio": 0.5}}),
                  ("one step", {}, {"steps": 1}), ("more steps than tokens", {}, {"steps": 24})],
    },
}
