import errors from "./half_errors.json" with { type: "json" };
import type { ParityLine } from "./parity.ts";

/** How the models stand against the reference. */
export interface Verdict {
  readonly calls: number;
  readonly median: number | undefined;
  readonly worst: readonly ParityLine[];
  /** Calls that could not be made. */
  readonly errors: readonly ParityLine[];
  /** Calls that are further off than allowed, with what is. */
  readonly wrong: readonly (ParityLine & { readonly limit: number })[];
}

/**
 * Float32 on a card sums in another order: a little more than the 1e-4 that CPUs are held to, for
 * models whose random weights amplify it.
 */
const FLOAT32 = 3e-4;

/**
 * In half precision: twice the most that the reference itself is off in that precision in any call of the
 * very model, with its weights moved by less than a rounding several times, since which roundings meet is
 * chance; and at least this much, some roundings of the largest number.
 */
const LEAST = { float16: 5e-3, bfloat16: 4e-2 };

type Errors = Readonly<Record<string, { readonly float16?: number; readonly bfloat16?: number }>>;

/** How far a call may be off. */
export function limit({ model, dtype }: ParityLine): number {
  if (dtype === "float32") return FLOAT32;
  const own = Object.entries(errors as Errors)
    .filter(([call]) => call.startsWith(`${model} `))
    .map(([, error]) => error[dtype as "float16"] ?? 0);
  return Math.max(2 * Math.max(0, ...own), LEAST[dtype as "float16"]);
}

/** Holds every call against its limit. */
export function judge(lines: readonly ParityLine[]): Verdict {
  const made = lines.filter(({ relative }) => relative !== undefined)
    .toSorted((a, b) => b.relative! - a.relative!);
  return {
    calls: lines.length,
    median: made[made.length >> 1]?.relative,
    worst: made.slice(0, 3),
    errors: lines.filter(({ error }) => error !== undefined),
    wrong: made.filter((line) => line.relative! > limit(line))
      .map((line) => ({ ...line, limit: limit(line) })),
  };
}
