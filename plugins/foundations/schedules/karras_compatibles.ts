/** Class names of schedulers whose configs can be swapped (`KarrasDiffusionSchedulers`). */
export const KARRAS_DIFFUSION_SCHEDULERS: readonly string[] = Object.freeze([
  "DDIMScheduler",
  "DDPMScheduler",
  "PNDMScheduler",
  "LMSDiscreteScheduler",
  "EulerDiscreteScheduler",
  "HeunDiscreteScheduler",
  "EulerAncestralDiscreteScheduler",
  "DPMSolverMultistepScheduler",
  "DPMSolverSinglestepScheduler",
  "KDPM2DiscreteScheduler",
  "KDPM2AncestralDiscreteScheduler",
  "DEISMultistepScheduler",
  "UniPCMultistepScheduler",
  "DPMSolverSDEScheduler",
  "EDMEulerScheduler",
]);
