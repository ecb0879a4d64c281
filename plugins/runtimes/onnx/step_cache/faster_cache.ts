/**
 * FasterCache (Lv et al., 2024, arXiv:2410.19355), as diffusers' `apply_faster_cache`: at most steps what is not wanted follows
 * from what is, by how low and high frequencies of the two differed last, and attentions are continued from the two
 * calls before.
 *
 * @module
 */
import { Tensor } from "@denoise/core";
import {
  attentionGroups,
  checkEvery,
  checkRange,
  graphsGiven,
  isWithin,
  partGiven,
  timestepOf,
  type TimestepRange,
} from "./attentions.ts";
import { lowFrequencies } from "./frequencies.ts";
import { type CachedCall, cannotCache, resultsOf, type StepCache } from "./step_cache.ts";

/** Options of {@linkcode FasterCacheConfig}. */
export interface FasterCacheOptions {
  /** Attentions of an image's tokens are computed at each so many steps. Defaults to 2. */
  readonly spatialAttentionBlockSkipRange?: number | undefined;
  /** The same for attentions across frames. Defaults to each step. */
  readonly temporalAttentionBlockSkipRange?: number | undefined;
  /** Timesteps between which attentions of an image's tokens may be continued. Defaults to -1 and 681. */
  readonly spatialAttentionTimestepSkipRange?: TimestepRange | undefined;
  /** The same for attentions across frames. Defaults to -1 and 681. */
  readonly temporalAttentionTimestepSkipRange?: TimestepRange | undefined;
  /** Timesteps between which `alphaLowFrequency` counts. Defaults to 99 and 901. */
  readonly lowFrequencyWeightUpdateTimestepRange?: TimestepRange | undefined;
  /** Timesteps between which `alphaHighFrequency` counts. Defaults to -1 and 301. */
  readonly highFrequencyWeightUpdateTimestepRange?: TimestepRange | undefined;
  /** What the difference of low frequencies grows by at a step. Defaults to 1.1. */
  readonly alphaLowFrequency?: number | undefined;
  /** What the difference of high frequencies grows by at a step. Defaults to 1.1. */
  readonly alphaHighFrequency?: number | undefined;
  /** What is not wanted is computed at each so many steps. Defaults to 5. */
  readonly unconditionalBatchSkipRange?: number | undefined;
  /** Timesteps between which it may be left out. Defaults to -1 and 641. */
  readonly unconditionalBatchTimestepSkipRange?: TimestepRange | undefined;
  /** Regular expressions found in names of attentions of an image's tokens. Defaults to those in blocks. */
  readonly spatialAttentionBlockIdentifiers?: readonly string[] | undefined;
  /** Regular expressions found in names of attentions across frames. */
  readonly temporalAttentionBlockIdentifiers?: readonly string[] | undefined;
  /** How far attentions go on as they did between the two calls before. Defaults to 0.5. */
  readonly attentionWeightCallback?: (() => number) | undefined;
  /** What the difference of low frequencies is multiplied by. Defaults to `alphaLowFrequency` in its range, 1 outside. */
  readonly lowFrequencyWeightCallback?: (() => number) | undefined;
  /** What the difference of high frequencies is multiplied by. Defaults to `alphaHighFrequency` in its range, 1 outside. */
  readonly highFrequencyWeightCallback?: (() => number) | undefined;
  /** How what the model gives is laid out; images have no frames. Defaults to `"BCHW"`. */
  readonly tensorFormat?: "BCHW" | undefined;
  /** Whether guidance is an input of the model, so that it has no rows for what is not wanted. Defaults to false. */
  readonly isGuidanceDistilled?: boolean | undefined;
  /** The current timestep, 0 to 1000. Defaults to the one that the model is called at. */
  readonly currentTimestepCallback?: (() => number) | undefined;
}

/** Attentions of an image's tokens, as diffusers names them. */
const SPATIAL = ["^blocks.*attn", "^transformer_blocks.*attn", "^single_transformer_blocks.*attn"];
/** Attentions across frames. */
const TEMPORAL = ["^temporal_transformer_blocks.*attn"];
const KNOWN = [...SPATIAL, ...TEMPORAL].map((pattern) => new RegExp(pattern));

/**
 * Leaves out what is not wanted at most steps, and continues attentions: `FasterCacheConfig` of diffusers. A model that is
 * guided gets the rows of what is not wanted first, then as many of what is; one whose guidance is an input
 * (`isGuidanceDistilled: true`) has its attentions continued only.
 *
 * @category Models
 *
 * @example
 * ```ts ignore
 * import { FasterCacheConfig, PixArtSigmaPipeline } from "@denoise/denoise";
 *
 * const pipe = await PixArtSigmaPipeline.fromPretrained("PixArt-alpha/PixArt-Sigma-XL-2-1024-MS");
 * await pipe.transformer.enableCache(new FasterCacheConfig({ attentionWeightCallback: () => 0.3 }));
 * ```
 */
export class FasterCacheConfig {
  /** The options, those that were left out filled in. */
  readonly options: FasterCacheSettings;

  /**
   * A config with those options.
   *
   * @throws {RangeError} for an option that is none of its values.
   */
  constructor(options: FasterCacheOptions = {}) {
    const given = Object.entries(options).filter(([, value]) => value !== undefined);
    const settings = { ...DEFAULTS, ...Object.fromEntries(given) } as FasterCacheSettings;
    for (const [name, value] of Object.entries(settings)) {
      if (name.endsWith("TimestepSkipRange") || name.endsWith("TimestepRange")) {
        checkRange(name, value);
      } else if (name.endsWith("SkipRange")) checkEvery(name, value);
      else if (name.startsWith("alpha") && !Number.isFinite(value)) {
        throw new RangeError(`${name} must be a number, but is ${value}`);
      }
    }
    if (settings.tensorFormat !== "BCHW") {
      throw new RangeError(
        `tensorFormat must be "BCHW", but is ${JSON.stringify(settings.tensorFormat)}: ` +
          "the models make images, which have no frames",
      );
    }
    this.options = settings;
  }
}

/** Options of {@linkcode FasterCacheConfig}, filled in but for those that have no value of their own. */
export type FasterCacheSettings =
  & {
    readonly [
      K in Exclude<
        keyof FasterCacheOptions,
        | "temporalAttentionBlockSkipRange"
        | "lowFrequencyWeightCallback"
        | "highFrequencyWeightCallback"
        | "currentTimestepCallback"
      >
    ]: NonNullable<FasterCacheOptions[K]>;
  }
  & FasterCacheOptions;

const DEFAULTS: FasterCacheSettings = {
  spatialAttentionBlockSkipRange: 2,
  spatialAttentionTimestepSkipRange: [-1, 681],
  temporalAttentionTimestepSkipRange: [-1, 681],
  lowFrequencyWeightUpdateTimestepRange: [99, 901],
  highFrequencyWeightUpdateTimestepRange: [-1, 301],
  alphaLowFrequency: 1.1,
  alphaHighFrequency: 1.1,
  unconditionalBatchSkipRange: 5,
  unconditionalBatchTimestepSkipRange: [-1, 641],
  spatialAttentionBlockIdentifiers: SPATIAL,
  temporalAttentionBlockIdentifiers: TEMPORAL,
  attentionWeightCallback: () => 0.5,
  tensorFormat: "BCHW",
  isGuidanceDistilled: false,
};

interface State {
  /** How many calls there were. */
  calls: number;
  /** What attentions gave for what is wanted at the last call and the one before, by its name. */
  readonly made: Map<string, readonly [before: Tensor, last: Tensor]>;
  /** What is not wanted less what is, low and high frequencies. */
  differences?: readonly [low: Tensor, high: Tensor];
}

/** The cache of a config. */
export function fasterCache({ options }: FasterCacheConfig): StepCache<State> {
  const { isGuidanceDistilled, attentionWeightCallback } = options;
  const kinds = [
    {
      isCross: false,
      every: options.spatialAttentionBlockSkipRange,
      range: options.spatialAttentionTimestepSkipRange,
      identifiers: options.spatialAttentionBlockIdentifiers,
    },
    {
      isCross: false,
      every: options.temporalAttentionBlockSkipRange,
      range: options.temporalAttentionTimestepSkipRange,
      identifiers: options.temporalAttentionBlockIdentifiers,
    },
  ];
  const lacksUnwanted = (calls: number, timestep: number) =>
    !isGuidanceDistilled && calls > 0 && calls % options.unconditionalBatchSkipRange !== 0 &&
    isWithin(options.unconditionalBatchTimestepSkipRange, timestep);
  return {
    start: () => ({ calls: 0, made: new Map() }),
    cut(graph, name) {
      const known = graph.modules.filter(({ path }) => KNOWN.some((known) => known.test(path)));
      const groups = attentionGroups(known, kinds);
      if (groups.length === 0) {
        throw cannotCache(name, "FasterCacheConfig", "none of its attentions can be continued");
      }
      const { timestepScale, batchedInputs, outputNames } = graph;
      return {
        parts: graphsGiven(graph, name, groups),
        async run(call, state) {
          const timestep = options.currentTimestepCallback?.() ?? timestepOf(call, timestepScale);
          const rows = isGuidanceDistilled ? 0 : guidedRows(name, call, batchedInputs);
          const isHalf = lacksUnwanted(state.calls, timestep);
          if (isHalf) takeWanted(call, batchedInputs);
          const isContinued = groups.map(({ every, range }) =>
            state.calls > 0 && (isGuidanceDistilled || isHalf) && isWithin(range, timestep) &&
            state.calls % every !== 0
          );
          for (const [i, { names }] of groups.entries()) {
            if (!isContinued[i]) continue;
            const weight = attentionWeightCallback();
            for (const name of names) {
              const [before, last] = state.made.get(name)!;
              call.values.set(name, last.add(last.sub(before).mul(weight)));
            }
          }
          await call.runPart(partGiven(isContinued));
          for (const name of groups.flatMap(({ names }) => names)) {
            const made = call.values.get(name)!;
            const wanted = made.dims[0] === rows ? made.chunk(2)[1]! : made;
            state.made.set(name, [state.made.get(name)?.[1] ?? wanted, wanted]);
          }
          state.calls++;
          if (!isGuidanceDistilled) guess(call, state, outputNames[0]!, isHalf ? timestep : null);
          return resultsOf(call);
        },
      };
    },
  };

  /** Puts what is not wanted before what is, or notes how they differ where both were computed. */
  function guess(call: CachedCall, state: State, output: string, timestep: number | null): void {
    const made = call.values.get(output)!;
    if (timestep === null) {
      const [unwanted, wanted] = made.chunk(2) as [Tensor, Tensor];
      const difference = unwanted.sub(wanted);
      const low = lowFrequencies(difference);
      state.differences = [low, difference.sub(low)];
      return;
    }
    const [low, high] = state.differences!;
    const weightOf = (
      callback: (() => number) | undefined,
      range: TimestepRange,
      alpha: number,
    ) => callback?.() ?? (isWithin(range, timestep) ? alpha : 1);
    const lowWeight = weightOf(
      options.lowFrequencyWeightCallback,
      options.lowFrequencyWeightUpdateTimestepRange,
      options.alphaLowFrequency,
    );
    const highWeight = weightOf(
      options.highFrequencyWeightCallback,
      options.highFrequencyWeightUpdateTimestepRange,
      options.alphaHighFrequency,
    );
    state.differences = [low.mul(lowWeight), high.mul(highWeight)];
    const unwanted = made.add(state.differences[0]).add(state.differences[1]);
    call.values.set(output, Tensor.cat([unwanted, made]));
  }
}

/** How many rows a guided call has, half of them for what is not wanted; images, since their frequencies are parted. */
function guidedRows(name: string, { values }: CachedCall, batched: readonly string[]): number {
  const { dims } = values.get(batched[0]!)!;
  if (dims.length === 4 && dims[0]! % 2 === 0 && !values.has("run_layers")) return dims[0]!;
  throw cannotCache(
    name,
    "FasterCacheConfig",
    dims.length !== 4
      ? `it makes tokens, [${dims}], whose frequencies cannot be parted: set isGuidanceDistilled, so that attentions are ` +
        "continued alone"
      : values.has("run_layers")
      ? "some of its layers are skipped at this call; leave out skipGuidanceLayers"
      : `${
        dims[0]
      } rows have no half for what is not wanted; set isGuidanceDistilled for a model that is not guided`,
  );
}

/** Leaves of the inputs what is wanted, the second half of their rows. */
function takeWanted({ values }: CachedCall, batched: readonly string[]): void {
  for (const name of batched) {
    const value = values.get(name);
    if (value !== undefined) values.set(name, value.chunk(2)[1]!);
  }
}
