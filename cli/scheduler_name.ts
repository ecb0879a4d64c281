import type { Registry, SchedulerClass } from "@denoise/core";

/** `EulerDiscreteScheduler`, `euler-discrete` and `Euler Discrete` are all `eulerdiscrete`. */
function plain(name: string): string {
  return name.toLowerCase().replace(/[^a-z0-9]/g, "").replace(/scheduler$/, "");
}

/**
 * Finds a scheduler by its class name or a shorter form of it, such as `euler` or `dpm-multistep`.
 *
 * @throws {RangeError} naming what there is, when none or several fit.
 */
export async function findScheduler(name: string, registry: Registry): Promise<SchedulerClass> {
  const names = registry.names("scheduler");
  const wanted = plain(name);
  const forms = [
    (form: string) => form === wanted,
    (form: string) => form.replace(/discrete|multistep/g, "") === wanted,
    (form: string) => form.startsWith(wanted),
  ];
  const fitting = forms.map((fits) => names.filter((item) => fits(plain(item))))
    .find((found) => found.length > 0) ?? [];
  if (fitting.length !== 1) {
    throw new RangeError(
      fitting.length === 0
        ? `Cannot find a scheduler ${JSON.stringify(name)}; there are ${names.join(", ")}`
        : `Cannot choose a scheduler by ${JSON.stringify(name)}: ${fitting.join(", ")} fit`,
    );
  }
  return await registry.get(fitting[0]!, "scheduler") as SchedulerClass;
}
