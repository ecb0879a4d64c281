/**
 * MagCache (Ma et al., 2025, arXiv:2506.09045), as diffusers' `apply_mag_cache`: by how much what all blocks add shrinks or
 * grows from a step to the next is known of a model beforehand; as long as these ratios say that it has hardly changed,
 * what they added last is added again, and no block runs.
 *
 * @module
 */
import { roundHalfEven, Tensor } from "@denoise/core";
import type { Graph } from "../graph/mod.ts";
import { cannotCache, cutAt, minus, plus, resultsOf, type StepCache } from "./step_cache.ts";

/** Options of {@linkcode MagCacheConfig}. */
export interface MagCacheOptions {
  /** The error that steps which are skipped may add up to. Defaults to 0.06. */
  readonly threshold?: number | undefined;
  /** How many steps in a row may be skipped, K in the paper. Defaults to 3. */
  readonly maxSkipSteps?: number | undefined;
  /** The share of the steps, 0 to 1, at the beginning of which none is skipped. Defaults to 0.2. */
  readonly retentionRatio?: number | undefined;
  /** How many steps a run has. Defaults to 28. */
  readonly numInferenceSteps?: number | undefined;
  /**
   * The mean ratio of what the blocks add at each step to what they added at the one before, a number for each step; of
   * another length, the nearest ones are taken. They are those of one model: for FLUX.1 dev and schnell there is
   * {@linkcode FLUX_MAG_RATIOS}. Needed unless `calibrate` is true.
   */
  readonly magRatios?: readonly number[] | undefined;
  /** Whether nothing is skipped, and the ratios of the run are measured. Defaults to false. */
  readonly calibrate?: boolean | undefined;
  /**
   * Takes the ratios of a run that was measured, once for each branch of guidance. Defaults to printing them, as
   * diffusers does.
   */
  readonly onCalibrated?: ((magRatios: readonly number[]) => void) | undefined;
}

/**
 * The ratios of FLUX.1 dev and schnell in 28 steps, as diffusers has them; a {@linkcode MagCacheConfig} takes the nearest
 * ones for other numbers of steps.
 *
 * @category Models
 *
 * @example
 * ```ts
 * import { FLUX_MAG_RATIOS, MagCacheConfig } from "@denoise/denoise";
 * import { assertEquals } from "@std/assert";
 *
 * const { magRatios } = new MagCacheConfig({ magRatios: FLUX_MAG_RATIOS, numInferenceSteps: 4 });
 * assertEquals(magRatios.length, 4);
 * ```
 */
export const FLUX_MAG_RATIOS: readonly number[] = [
  ...[1, 1.21094, 1.11719, 1.07812, 1.0625, 1.03906, 1.03125, 1.03906, 1.02344, 1.03125, 1.02344],
  ...[0.98047, 1.01562, 1.00781, 1, 1.00781, 1, 1.00781, 1, 1, 0.99609, 0.99609, 0.98047, 0.98828],
  ...[0.96484, 0.95703, 0.93359, 0.89062],
];

/**
 * Skips all blocks at steps where the ratios of the model say that they add nearly the same: `MagCacheConfig` of diffusers.
 *
 * @category Models
 *
 * @example
 * ```ts ignore
 * import { FLUX_MAG_RATIOS, FluxPipeline, MagCacheConfig } from "@denoise/denoise";
 *
 * const pipe = await FluxPipeline.fromPretrained("black-forest-labs/FLUX.1-dev");
 * const config = new MagCacheConfig({ magRatios: FLUX_MAG_RATIOS, numInferenceSteps: 28 });
 * await pipe.transformer.enableCache(config);
 * await pipe("a cat", { numInferenceSteps: 28 });
 * ```
 */
export class MagCacheConfig {
  /** The error that steps which are skipped may add up to. */
  readonly threshold: number;
  /** How many steps in a row may be skipped. */
  readonly maxSkipSteps: number;
  /** The share of the steps at the beginning of which none is skipped. */
  readonly retentionRatio: number;
  /** How many steps a run has. */
  readonly numInferenceSteps: number;
  /** A ratio for each step, in float32; none while they are measured. */
  readonly magRatios: readonly number[];
  /** Whether nothing is skipped, and the ratios are measured. */
  readonly calibrate: boolean;
  /** Takes the ratios of a run that was measured. */
  readonly onCalibrated: (magRatios: readonly number[]) => void;

  /**
   * A config with those options.
   *
   * @throws {RangeError} for an option that is none of its values.
   * @throws {TypeError} without `magRatios` unless `calibrate` is true.
   */
  constructor(options: MagCacheOptions = {}) {
    const { threshold = 0.06, maxSkipSteps = 3, retentionRatio = 0.2, magRatios } = options;
    const { numInferenceSteps = 28, calibrate = false, onCalibrated = print } = options;
    check("threshold", threshold, threshold >= 0, "a number from 0");
    const isCount = Number.isInteger(maxSkipSteps) && maxSkipSteps >= 0;
    check("maxSkipSteps", maxSkipSteps, isCount, "an integer from 0");
    const isShare = retentionRatio >= 0 && retentionRatio <= 1;
    check("retentionRatio", retentionRatio, isShare, "a number from 0 to 1");
    const isSteps = Number.isInteger(numInferenceSteps) && numInferenceSteps >= 1;
    check("numInferenceSteps", numInferenceSteps, isSteps, "an integer from 1");
    if (magRatios === undefined && !calibrate) {
      throw new TypeError(
        "Cannot make a MagCacheConfig without magRatios, which are those of one model: give FLUX_MAG_RATIOS for FLUX.1, or " +
          "run once with { calibrate: true } and give the ratios that are printed",
      );
    }
    const isRatios = magRatios === undefined ||
      (magRatios.length > 0 && magRatios.every((ratio) => Number.isFinite(ratio)));
    check("magRatios", magRatios, isRatios, "one or more numbers");
    this.threshold = threshold;
    this.maxSkipSteps = maxSkipSteps;
    this.retentionRatio = retentionRatio;
    this.numInferenceSteps = numInferenceSteps;
    this.magRatios = calibrate ? [] : nearest(magRatios!, numInferenceSteps);
    this.calibrate = calibrate;
    this.onCalibrated = onCalibrated;
  }
}

function check(name: string, value: unknown, isGood: boolean, wanted: string): void {
  if (!isGood) throw new RangeError(`${name} must be ${wanted}, but is ${JSON.stringify(value)}`);
}

function print(magRatios: readonly number[]): void {
  console.log(`MagCache: new MagCacheConfig({ magRatios: [${magRatios.join(", ")}] })`);
}

/** Ratios for so many steps, the nearest one for each; halves go to the even place, as torch rounds. */
function nearest(ratios: readonly number[], count: number): number[] {
  if (ratios.length === count) return ratios.map(Math.fround);
  if (count === 1) return [Math.fround(ratios.at(-1)!)];
  const scale = Math.fround((ratios.length - 1) / (count - 1));
  const placeAt = (i: number) => roundHalfEven(Math.fround(i * scale));
  return Array.from({ length: count }, (_, i) => Math.fround(ratios[placeAt(i)]!));
}

interface State {
  /** How many steps there were. */
  step: number;
  /** What all blocks added last, to the samples. */
  residual?: Tensor;
  /** The product of the ratios since blocks ran last. */
  ratio: number;
  /** The sum of the errors of the steps since then. */
  error: number;
  /** How many steps that is. */
  skipped: number;
  /** Ratios that were measured. */
  readonly measured: number[];
}

const start = (): State => ({ step: 0, ratio: 1, error: 0, skipped: 0, measured: [] });

/** The cache of a config. */
export function magCache(config: MagCacheConfig): StepCache<State> {
  return {
    start,
    cut(graph, name) {
      const [first, last] = ends(graph, name);
      const places = [first.at, last.at];
      const [before] = first.values as [string];
      const [after] = last.values as [string];
      return {
        parts: cutAt(graph, name, places, [...first.values, ...last.values]),
        async run(call, state) {
          await call.runPart(0);
          const head = call.values.get(before)!;
          if (isSkipped(state, config)) {
            const sum = plus(head.toFloat32Array(), state.residual!.toFloat32Array());
            call.values.set(after, new Tensor("float32", sum, head.dims));
            last.values.slice(1).forEach((value, i) =>
              call.values.set(value, call.values.get(first.values[i + 1]!)!)
            );
          } else {
            await call.runPart(1);
            const made = call.values.get(after)!.toFloat32Array();
            const sum = minus(made, head.toFloat32Array());
            const residual = new Tensor("float32", sum, head.dims);
            if (config.calibrate) state.measured.push(ratioOf(residual, state.residual));
            state.residual = residual;
          }
          if (++state.step === config.numInferenceSteps) end(state, config);
          await call.runPart(2);
          return resultsOf(call);
        },
      };
    },
  };
}

/** Where the blocks begin and end. */
function ends({ blocks }: Graph, name: string) {
  const [first, last] = [blocks[0], blocks.at(-1)];
  if (first !== undefined && last !== undefined && first !== last) return [first, last] as const;
  throw cannotCache(name, "MagCacheConfig", "its graph has no blocks to leave out");
}

/** Whether a step is skipped, by the ratios since blocks ran last; float32, as torch computes it. */
function isSkipped(state: State, config: MagCacheConfig): boolean {
  const { magRatios, calibrate, retentionRatio, numInferenceSteps, maxSkipSteps } = config;
  if (calibrate || state.step < Math.floor(retentionRatio * numInferenceSteps + 0.5)) return false;
  state.ratio = Math.fround(state.ratio * magRatios[state.step]!);
  state.skipped++;
  state.error = Math.fround(state.error + Math.abs(Math.fround(1 - state.ratio)));
  const isLittle = state.error <= Math.fround(config.threshold);
  if (state.residual !== undefined && isLittle && state.skipped <= maxSkipSteps) return true;
  [state.ratio, state.skipped, state.error] = [1, 0, 0];
  return false;
}

/** Begins anew after the last step of a run. */
function end(state: State, { calibrate, onCalibrated }: MagCacheConfig): void {
  if (calibrate) onCalibrated([...state.measured]);
  Object.assign(state, { ...start(), residual: undefined });
}

/** The mean of how much longer each token's vector has become. */
function ratioOf(now: Tensor, before: Tensor | undefined): number {
  if (before === undefined) return 1;
  const lengths = (tensor: Tensor) => tensor.mul(tensor).sum(-1).sqrt().toFloat32Array();
  const [long, short] = [lengths(now), lengths(before)];
  return long.reduce((sum, length, i) => sum + length / (short[i]! + 1e-8), 0) / long.length;
}
