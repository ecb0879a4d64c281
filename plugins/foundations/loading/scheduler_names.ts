import { distance } from "fastest-levenshtein";

/** A message names so many at most. */
const FEW = 3;

/** Those that are named first where none comes near: what most people take. */
const USUAL = ["EulerDiscreteScheduler", "DPMSolverMultistepScheduler", "DDIMScheduler"];

/** `EulerDiscreteScheduler`, `euler-discrete` and `Euler Discrete` are all `eulerdiscrete`. */
const plain = (name: string): string =>
  name.toLowerCase().replace(/[^a-z0-9]/g, "").replace(/scheduler$/, "");

/** `eulerdiscrete` is `euler`, too. */
const short = (form: string): string => form.replace(/discrete|multistep/g, "");

/**
 * The class of a scheduler by its name or a shorter form of it, such as `euler` or `dpm-solver`.
 *
 * @param name What somebody wrote.
 * @param known Names of classes.
 * @param list Where all of them are listed, for the message.
 * @throws {RangeError} when none fits, with those that were probably meant, or several do.
 *
 * @example
 * ```ts
 * import { schedulerNamed } from "@denoise/loading";
 * import { assertEquals, assertThrows } from "@std/assert";
 *
 * const known = ["DDIMScheduler", "EulerDiscreteScheduler"];
 * assertEquals(schedulerNamed("euler", known, "the manual"), "EulerDiscreteScheduler");
 * assertThrows(() => schedulerNamed("eulr", known, "the manual"), RangeError, "did you mean");
 * ```
 */
export function schedulerNamed(name: string, known: readonly string[], list: string): string {
  const wanted = plain(name);
  const fits = [
    (form: string) => form === wanted,
    (form: string) => short(form) === wanted,
    (form: string) => wanted !== "" && form.startsWith(wanted),
  ];
  const fitting = fits.map((fit) => known.filter((one) => fit(plain(one))))
    .find((found) => found.length > 0) ?? [];
  if (fitting.length === 1) return fitting[0]!;
  const quoted = JSON.stringify(name.slice(0, 100));
  if (fitting.length > 1) {
    throw new RangeError(`several schedulers fit ${quoted}: ${few(fitting)}; ${list} lists them`);
  }
  const near = known.map((one) => {
    const forms = [plain(one), short(plain(one))];
    return { one, far: Math.min(...forms.map((form) => distance(wanted, form))) };
  }).filter(({ far }) => far <= Math.max(2, Math.floor(wanted.length / 4)))
    .sort((a, b) => a.far - b.far).slice(0, FEW).map(({ one }) => one);
  throw new RangeError(
    near.length > 0
      ? `there is no scheduler ${quoted}; did you mean ${near.join(" or ")}? ${list} lists all`
      : `there is no scheduler ${quoted}; there are ${few(usualFirst(known))}, which ${list} lists`,
  );
}

function usualFirst(names: readonly string[]): string[] {
  const usual = USUAL.filter((name) => names.includes(name));
  return [...usual, ...names.filter((name) => !usual.includes(name))];
}

/** Some names, and how many there are besides. */
function few(names: readonly string[]): string {
  const rest = names.length - FEW;
  return names.slice(0, FEW).join(", ") + (rest > 0 ? ` and ${rest} more` : "");
}
