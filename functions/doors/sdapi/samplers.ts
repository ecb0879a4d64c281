import { invalid } from "../../contract/errors.ts";
import type { JobInput } from "../../contract/job.ts";

/** What a run needs to know of its scheduler. */
type Chosen = Pick<JobInput, "scheduler" | "schedulerConfig">;

/** A sampler under the name that A1111 has for it. */
export interface Sampler {
  /** A1111's name. */
  readonly name: string;
  /** Its other names. */
  readonly aliases: readonly string[];
  /** Class of the scheduler. */
  readonly scheduler: string;
  /** Options of the scheduler. */
  readonly config: Readonly<Record<string, string | number>>;
  /** Whether its noise levels can be spread in other ways. */
  readonly takesSigmas: boolean;
}

/** The ways to spread noise levels, by A1111's names of them, as options of a scheduler. */
const SPREADS: Readonly<Record<string, Readonly<Record<string, string | boolean>>>> = {
  karras: { use_karras_sigmas: true, use_exponential_sigmas: false, use_beta_sigmas: false },
  exponential: { use_karras_sigmas: false, use_exponential_sigmas: true, use_beta_sigmas: false },
  beta: { use_karras_sigmas: false, use_exponential_sigmas: false, use_beta_sigmas: true },
  uniform: { use_karras_sigmas: false, use_exponential_sigmas: false, use_beta_sigmas: false },
  sgm_uniform: {
    use_karras_sigmas: false,
    use_exponential_sigmas: false,
    use_beta_sigmas: false,
    timestep_spacing: "trailing",
  },
};

/** The same ways as A1111 lists them. */
export const SPREAD_LABELS: Readonly<Record<string, string>> = {
  automatic: "Automatic",
  uniform: "Uniform",
  karras: "Karras",
  exponential: "Exponential",
  sgm_uniform: "SGM Uniform",
  beta: "Beta",
};

function sampler(
  name: string,
  alias: string,
  scheduler: string,
  config: Sampler["config"] = {},
  takesSigmas = true,
): Sampler {
  return { name, aliases: [alias], scheduler, config, takesSigmas };
}

const MULTISTEP = "DPMSolverMultistepScheduler";

/** A1111's samplers as the schedulers of diffusers that compute the same. */
const SAMPLERS: readonly Sampler[] = [
  sampler("DPM++ 2M", "k_dpmpp_2m", MULTISTEP, {
    algorithm_type: "dpmsolver++",
    solver_order: 2,
  }),
  sampler("DPM++ SDE", "k_dpmpp_sde", "DPMSolverSDEScheduler"),
  sampler("DPM++ 2M SDE", "k_dpmpp_2m_sde", MULTISTEP, {
    algorithm_type: "sde-dpmsolver++",
    solver_order: 2,
  }),
  sampler("DPM++ 2M SDE Heun", "k_dpmpp_2m_sde_heun", MULTISTEP, {
    algorithm_type: "sde-dpmsolver++",
    solver_order: 2,
    solver_type: "heun",
  }),
  sampler("DPM++ 3M SDE", "k_dpmpp_3m_sde", MULTISTEP, {
    algorithm_type: "sde-dpmsolver++",
    solver_order: 3,
  }),
  sampler("Euler a", "k_euler_a", "EulerAncestralDiscreteScheduler", {}, false),
  sampler("Euler", "k_euler", "EulerDiscreteScheduler"),
  sampler("LMS", "k_lms", "LMSDiscreteScheduler"),
  sampler("Heun", "k_heun", "HeunDiscreteScheduler"),
  sampler("DPM2", "k_dpm_2", "KDPM2DiscreteScheduler"),
  sampler("DPM2 a", "k_dpm_2_a", "KDPM2AncestralDiscreteScheduler"),
  sampler("DDIM", "ddim", "DDIMScheduler", {}, false),
  sampler("PLMS", "plms", "PNDMScheduler", {}, false),
  sampler("UniPC", "unipc", "UniPCMultistepScheduler"),
  sampler("DEIS", "deis", "DEISMultistepScheduler"),
  sampler("LCM", "k_lcm", "LCMScheduler", {}, false),
  sampler("TCD", "tcd", "TCDScheduler", {}, false),
  sampler("DDPM", "ddpm", "DDPMScheduler", {}, false),
];

/** The samplers whose schedulers are at hand. */
export function samplersOf(schedulers: readonly string[]): readonly Sampler[] {
  return SAMPLERS.filter(({ scheduler }) => schedulers.includes(scheduler));
}

const plain = (name: string): string => name.trim().toLowerCase().replace(/[\s_]+/g, " ");

/**
 * The scheduler for a sampler's name, with the spread of noise levels in it ("DPM++ 2M Karras") or
 * beside it. A name that A1111 does not have is left as it is: it can be the class of a scheduler.
 *
 * @throws {ServeError} when the sampler does not take that spread.
 */
export function chooseSampler(
  name: string | undefined,
  spread: string | undefined,
  schedulers: readonly string[],
): Chosen {
  const known = samplersOf(schedulers);
  const find = (wanted: string): Sampler | undefined =>
    known.find((one) => [one.name, ...one.aliases].some((own) => plain(own) === wanted));
  const wanted = plain(name ?? "");
  const [, base, suffix] = wanted.match(/^(.+) (karras|exponential)$/) ?? [];
  const found = find(wanted) ?? find(base ?? "");
  const beside = spreadOf(spread);
  const chosen = found !== undefined && find(wanted) === undefined ? suffix : beside;
  if (found === undefined) {
    if (beside === undefined) return { scheduler: name };
    throw invalid("scheduler", `scheduler must be "Automatic" unless sampler_name names a sampler`);
  }
  if (chosen !== undefined && !found.takesSigmas) {
    const field = chosen === suffix ? "sampler_name" : "scheduler";
    const label = SPREAD_LABELS[chosen];
    throw invalid(field, `${field} cannot be ${label} with ${found.name}: leave ${label} out`);
  }
  const config = { ...found.config, ...chosen === undefined ? {} : SPREADS[chosen] };
  return {
    scheduler: found.scheduler,
    schedulerConfig: Object.keys(config).length === 0 ? undefined : config,
  };
}

/** A spread by its name or label; none for automatic. */
function spreadOf(name: string | undefined): string | undefined {
  if (name === undefined || name === "") return undefined;
  const key = plain(name).replaceAll(" ", "_");
  if (key === "automatic") return undefined;
  if (Object.hasOwn(SPREADS, key)) return key;
  const labels = Object.values(SPREAD_LABELS).join(", ");
  throw invalid("scheduler", `scheduler must be one of ${labels}`);
}
