"""How schedulers are called whose `step` has another shape than most, in the way of their pipelines.

A class of CALLS may change how a config is given, how a run is planned, its timesteps (one for each model call), its first
sample, the model, and the step. `fields` is what a record says about it, see SchedulerRecord in plugins/foundations/testing/replay.ts.
"""

import numpy
import torch


class Calls:
    fields = {}

    @staticmethod
    def config(config: dict) -> dict:
        return config

    def __init__(self, scheduler, bias: torch.Tensor, record: dict):
        self.scheduler, self.bias, self.record = scheduler, bias, record

    def plan(self, plan: dict) -> None:
        self.scheduler.set_timesteps(**plan)

    @property
    def timesteps(self) -> torch.Tensor:
        return self.scheduler.timesteps

    def noise_timesteps(self, places: torch.Tensor) -> torch.Tensor:
        """What add_noise is given for places in the plan."""
        return self.timesteps[places]

    def first(self, sample: torch.Tensor) -> torch.Tensor:
        factor = torch.as_tensor(getattr(self.scheduler, "init_noise_sigma", 1.0))
        return (sample * self.record.get("scale", 1.0) * factor).to(torch.float32)

    def step(self, model, i: int, sample: torch.Tensor, options: dict) -> tuple:
        """The sample after step i, and the clean sample as predicted then or None."""
        t = self.timesteps[i]
        x = self.scheduler.scale_model_input(sample, t) if hasattr(self.scheduler, "scale_model_input") else sample
        return self.answer(self.scheduler.step(model(x, t), t, sample, **options))

    @staticmethod
    def answer(result) -> tuple:
        if isinstance(result, tuple):
            return result
        return result.prev_sample, getattr(result, "pred_original_sample", None)


class ScoreSdeVe(Calls):
    def plan(self, plan: dict) -> None:
        self.scheduler.set_timesteps(**{k: v for k, v in plan.items() if not k.startswith("sigma_")})
        self.scheduler.set_sigmas(**plan)

    def step(self, model, i: int, sample: torch.Tensor, options: dict) -> tuple:
        t = self.timesteps[i]
        for _ in range(self.scheduler.config.correct_steps):
            sample = self.scheduler.step_correct(model(sample, t), sample, **options).prev_sample
        return self.answer(self.scheduler.step_pred(model(sample, t), t, sample, **options))

    def noise_timesteps(self, places: torch.Tensor) -> torch.Tensor:
        return places  # counted from the smallest sigma


class KarrasVe(Calls):
    fields = {"churns": True}

    def step(self, model, i: int, sample: torch.Tensor, options: dict) -> tuple:
        t = self.timesteps[i]
        sigma, after = self.scheduler.schedule[t], self.scheduler.schedule[t - 1] if t > 0 else 0
        noisy, sigma_hat = self.scheduler.add_noise_to_input(sample, sigma, **options)
        result = self.scheduler.step(model(noisy, t), sigma_hat, after, noisy)
        if after == 0:
            return self.answer(result)
        output = model(result.prev_sample, t)
        return self.answer(self.scheduler.step_correct(output, sigma_hat, after, noisy, result.prev_sample, result.derivative))


class ScoreSdeVp(Calls):
    def step(self, model, i: int, sample: torch.Tensor, options: dict) -> tuple:
        t = self.timesteps[i]
        return self.scheduler.step_pred(model(sample, t), sample, t, **options)[0], None


class WithoutEnd(Calls):
    """The last timestep is where the run ends; no model is called there."""

    @property
    def timesteps(self) -> torch.Tensor:
        return self.scheduler.timesteps[: self.scheduler.num_inference_steps]


class Wuerstchen(Calls):
    @property
    def timesteps(self) -> torch.Tensor:
        return self.scheduler.timesteps[:-1]

    def step(self, model, i: int, sample: torch.Tensor, options: dict) -> tuple:
        t = self.timesteps[i]
        return self.answer(self.scheduler.step(model(sample, t), t.expand(len(sample)), sample, **options))


class UnCLIP(Calls):
    def step(self, model, i: int, sample: torch.Tensor, options: dict) -> tuple:
        t = self.timesteps[i]
        following = self.timesteps[i + 1] if i + 1 < len(self.timesteps) else None
        return self.answer(self.scheduler.step(model(sample, t), t, sample, **{"prev_timestep": following, **options}))


class CogVideoXDPM(Calls):
    denoised = None

    def step(self, model, i: int, sample: torch.Tensor, options: dict) -> tuple:
        t, old = self.timesteps[i], self.denoised
        back = self.timesteps[i - 1] if old is not None else None
        sample, self.denoised = self.scheduler.step(model(sample, t), old, t, back, sample, **options)
        return sample, self.denoised


class RePaint(Calls):
    fields = {"undoes": True, "tensors": {"original_image": "bias", "mask": "bias > 0"}}

    @staticmethod
    def config(config: dict) -> dict:
        betas = config.get("trained_betas")
        return config if betas is None else {**config, "trained_betas": numpy.array(betas, dtype=numpy.float32)}

    def step(self, model, i: int, sample: torch.Tensor, options: dict) -> tuple:
        t = self.timesteps[i]
        if i > 0 and t > self.timesteps[i - 1]:
            return self.scheduler.undo_step(sample, self.timesteps[i - 1], options["generator"]), None
        mask = (self.bias > 0).float()
        return self.answer(self.scheduler.step(model(sample, t), t, sample, self.bias, mask, **options))


class Tokens(Calls):
    """Samples are token ids [N, ...], all masked at first; the model gives numbers for each class [N, classes, ...]."""

    @property
    def mask_id(self) -> int:
        config = self.scheduler.config
        return config.mask_token_id if "mask_token_id" in config else config.num_vec_classes - 1

    def first(self, sample: torch.Tensor) -> torch.Tensor:
        return torch.full_like(sample[:, 0], self.mask_id, dtype=torch.long)

    def step(self, model, i: int, sample: torch.Tensor, options: dict) -> tuple:
        t = self.timesteps[i]
        scores = self.bias * (10 + float(t))
        output = scores.log_softmax(1) if "num_vec_classes" in self.scheduler.config else scores
        return self.answer(self.scheduler.step(output, t, sample, **options))


class Classes(Tokens):
    fields = {"tokens": "log probabilities"}


class Logits(Tokens):
    fields = {"tokens": "logits"}


CALLS = {
    "ScoreSdeVeScheduler": ScoreSdeVe,
    "ScoreSdeVpScheduler": ScoreSdeVp,
    "KarrasVeScheduler": KarrasVe,
    "SCMScheduler": WithoutEnd,
    "LTXEulerAncestralRFScheduler": WithoutEnd,
    "DDPMWuerstchenScheduler": Wuerstchen,
    "UnCLIPScheduler": UnCLIP,
    "CogVideoXDPMScheduler": CogVideoXDPM,
    "RePaintScheduler": RePaint,
    "VQDiffusionScheduler": Classes,
    "AmusedScheduler": Logits,
}
