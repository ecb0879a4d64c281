/**
 * Pyramid Attention Broadcast (Zhao et al., 2024, arXiv:2408.12588), as diffusers' `apply_pyramid_attention_broadcast`: in the
 * middle of a run, what attentions gave is used again at the next steps.
 *
 * @module
 */
import type { Tensor } from "@denoise/core";
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
import { cannotCache, resultsOf, type StepCache } from "./step_cache.ts";

/** Options of {@linkcode PyramidAttentionBroadcastConfig}. */
export interface PyramidAttentionBroadcastOptions {
  /** Attentions of an image's tokens are computed at each so many steps. Defaults to 2 where no kind has a number. */
  readonly spatialAttentionBlockSkipRange?: number | undefined;
  /** The same for attentions across frames. Defaults to each step. */
  readonly temporalAttentionBlockSkipRange?: number | undefined;
  /** The same for attentions to the text alone. Defaults to each step. */
  readonly crossAttentionBlockSkipRange?: number | undefined;
  /** Timesteps between which attentions of an image's tokens may be skipped. Defaults to 100 and 800. */
  readonly spatialAttentionTimestepSkipRange?: TimestepRange | undefined;
  /** The same for attentions across frames. Defaults to 100 and 800. */
  readonly temporalAttentionTimestepSkipRange?: TimestepRange | undefined;
  /** The same for attentions to the text alone. Defaults to 100 and 800. */
  readonly crossAttentionTimestepSkipRange?: TimestepRange | undefined;
  /** Regular expressions found in names of attentions of an image's tokens. Defaults to those in all blocks. */
  readonly spatialAttentionBlockIdentifiers?: readonly string[] | undefined;
  /** Regular expressions found in names of attentions across frames. */
  readonly temporalAttentionBlockIdentifiers?: readonly string[] | undefined;
  /** Regular expressions found in names of attentions to the text alone. Defaults to those in all blocks. */
  readonly crossAttentionBlockIdentifiers?: readonly string[] | undefined;
  /** The current timestep, 0 to 1000. Defaults to the one that the model is called at. */
  readonly currentTimestepCallback?: (() => number) | undefined;
}

const MIDDLE: TimestepRange = [100, 800];

/**
 * Uses attentions again in the middle of a run: `PyramidAttentionBroadcastConfig` of diffusers. Where guidance calls the
 * model for each branch, each has its own; diffusers' hook hands those of one branch to the other.
 *
 * @category Models
 *
 * @example
 * ```ts ignore
 * import { FluxPipeline, PyramidAttentionBroadcastConfig } from "@denoise/denoise";
 *
 * const pipe = await FluxPipeline.fromPretrained("black-forest-labs/FLUX.1-dev");
 * const config = new PyramidAttentionBroadcastConfig({ spatialAttentionBlockSkipRange: 2 });
 * await pipe.transformer.enableCache(config);
 * ```
 */
export class PyramidAttentionBroadcastConfig {
  /** Attentions of an image's tokens are computed at each so many steps. */
  readonly spatialAttentionBlockSkipRange: number | undefined;
  /** Those across frames. */
  readonly temporalAttentionBlockSkipRange: number | undefined;
  /** Those to the text alone. */
  readonly crossAttentionBlockSkipRange: number | undefined;
  /** Timesteps between which attentions of an image's tokens may be skipped. */
  readonly spatialAttentionTimestepSkipRange: TimestepRange;
  /** Those across frames. */
  readonly temporalAttentionTimestepSkipRange: TimestepRange;
  /** Those to the text alone. */
  readonly crossAttentionTimestepSkipRange: TimestepRange;
  /** Regular expressions found in names of attentions of an image's tokens. */
  readonly spatialAttentionBlockIdentifiers: readonly string[];
  /** Those across frames. */
  readonly temporalAttentionBlockIdentifiers: readonly string[];
  /** Those to the text alone. */
  readonly crossAttentionBlockIdentifiers: readonly string[];
  /** The current timestep, 0 to 1000. */
  readonly currentTimestepCallback: (() => number) | undefined;

  /**
   * A config with those options.
   *
   * @throws {RangeError} for an option that is none of its values.
   */
  constructor(options: PyramidAttentionBroadcastOptions = {}) {
    const { temporalAttentionBlockSkipRange, crossAttentionBlockSkipRange } = options;
    const isNone = temporalAttentionBlockSkipRange === undefined &&
      crossAttentionBlockSkipRange === undefined;
    this.spatialAttentionBlockSkipRange = options.spatialAttentionBlockSkipRange ??
      (isNone ? 2 : undefined);
    this.temporalAttentionBlockSkipRange = temporalAttentionBlockSkipRange;
    this.crossAttentionBlockSkipRange = crossAttentionBlockSkipRange;
    this.spatialAttentionTimestepSkipRange = options.spatialAttentionTimestepSkipRange ?? MIDDLE;
    this.temporalAttentionTimestepSkipRange = options.temporalAttentionTimestepSkipRange ?? MIDDLE;
    this.crossAttentionTimestepSkipRange = options.crossAttentionTimestepSkipRange ?? MIDDLE;
    this.spatialAttentionBlockIdentifiers = options.spatialAttentionBlockIdentifiers ??
      ["blocks", "layers"];
    this.temporalAttentionBlockIdentifiers = options.temporalAttentionBlockIdentifiers ??
      ["temporal_transformer_blocks"];
    this.crossAttentionBlockIdentifiers = options.crossAttentionBlockIdentifiers ??
      ["blocks", "layers"];
    this.currentTimestepCallback = options.currentTimestepCallback;
    for (const kind of ["spatial", "temporal", "cross"] as const) {
      const every = `${kind}AttentionBlockSkipRange` as const;
      checkEvery(every, this[every]);
      const range = `${kind}AttentionTimestepSkipRange` as const;
      checkRange(range, this[range]);
    }
  }
}

interface State {
  /** How many calls there were. */
  calls: number;
  /** What attentions gave last, by its name. */
  readonly made: Map<string, Tensor>;
}

/** The cache of a config. */
export function pyramidAttentionBroadcast(
  config: PyramidAttentionBroadcastConfig,
): StepCache<State> {
  const kinds = [
    {
      isCross: false,
      every: config.spatialAttentionBlockSkipRange,
      range: config.spatialAttentionTimestepSkipRange,
      identifiers: config.spatialAttentionBlockIdentifiers,
    },
    {
      isCross: false,
      every: config.temporalAttentionBlockSkipRange,
      range: config.temporalAttentionTimestepSkipRange,
      identifiers: config.temporalAttentionBlockIdentifiers,
    },
    {
      isCross: true,
      every: config.crossAttentionBlockSkipRange,
      range: config.crossAttentionTimestepSkipRange,
      identifiers: config.crossAttentionBlockIdentifiers,
    },
  ];
  return {
    start: () => ({ calls: 0, made: new Map() }),
    cut(graph, name) {
      const groups = attentionGroups(graph.modules, kinds);
      if (groups.length === 0) {
        throw cannotCache(
          name,
          "PyramidAttentionBroadcastConfig",
          graph.modules.length === 0
            ? "none of its attentions can be used again"
            : `no kind that is to be skipped fits one of ${
              graph.modules.slice(0, 3).map(({ path }) => path).join(", ")
            }`,
        );
      }
      const { timestepScale } = graph;
      return {
        parts: graphsGiven(graph, name, groups),
        async run(call, state) {
          const timestep = config.currentTimestepCallback?.() ?? timestepOf(call, timestepScale);
          const isSkipped = groups.map(({ every, range }) =>
            state.calls > 0 && isWithin(range, timestep) && state.calls % every !== 0
          );
          for (const [i, { names }] of groups.entries()) {
            if (!isSkipped[i]) continue;
            for (const name of names) call.values.set(name, state.made.get(name)!);
          }
          await call.runPart(partGiven(isSkipped));
          for (const name of groups.flatMap(({ names }) => names)) {
            state.made.set(name, call.values.get(name)!);
          }
          state.calls++;
          return resultsOf(call);
        },
      };
    },
  };
}
