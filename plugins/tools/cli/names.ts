import { DenoiseError, type Registry, type SchedulerClass } from "@denoise/core";
import { listCache } from "@denoise/hub";
import { schedulerNamed } from "@denoise/loading";
import { distance } from "fastest-levenshtein";

/** Models that ship with denoise. */
export const BUNDLED: readonly string[] = ["denoise/emoji", "denoise/ddpm-emoji"];

/** The name that was probably meant by one that is none, if any is near enough. */
export function meant(name: string, known: readonly string[]): string | undefined {
  const wanted = name.toLowerCase();
  return known.map((one) => ({ one, far: distance(wanted, one.toLowerCase()) }))
    .filter(({ one, far }) => far <= Math.max(2, Math.floor(one.length / 4)))
    .sort((a, b) => a.far - b.far)[0]?.one;
}

/** The short name of a scheduler: `EulerDiscreteScheduler` is `euler-discrete`. */
export function shortName(className: string): string {
  return className.replace(/Scheduler$/, "")
    .replace(/([a-z0-9])([A-Z])/g, "$1-$2").replace(/([A-Z]+)([A-Z][a-z])/g, "$1-$2").toLowerCase();
}

/**
 * Finds a scheduler by its class name or a shorter form of it, such as `euler` or `dpm-solver`.
 *
 * @throws {RangeError} when none or several fit.
 */
export async function findScheduler(name: string, registry: Registry): Promise<SchedulerClass> {
  const className = schedulerNamed(name, registry.names("scheduler"), "`denoise schedulers`");
  return await registry.get(className, "scheduler") as SchedulerClass;
}

/** Ids of models that are at hand: those that ship, and those in the cache. */
export async function knownModels(): Promise<string[]> {
  return [...BUNDLED, ...(await listCache()).map(({ id }) => id)];
}

/** Errors of ids that nothing has. */
const NOT_THERE: readonly string[] = ["missing_file", "source_unavailable"];

/** The same error, with the model that was probably meant where the id of none was given. */
export async function withModelMeant(error: unknown, id: string): Promise<unknown> {
  if (!(error instanceof DenoiseError) || !NOT_THERE.includes(error.code)) return error;
  const known = await knownModels();
  const near = known.includes(id) ? undefined : meant(id, known);
  if (near === undefined) return error;
  const message = `${error.message}; did you mean ${JSON.stringify(near)}?`;
  return new DenoiseError(error.code, message, { cause: error });
}
