/**
 * TaylorSeer (Liu et al., 2025, arXiv:2503.06923), as diffusers' `apply_taylorseer_cache`: at most steps the attentions are not
 * computed, but continued from earlier ones by a Taylor series, whose derivatives are differences between whole steps.
 *
 * @module
 */
import { Tensor } from "@denoise/core";
import { decodeBfloat16, encodeBfloat16 } from "@denoise/safetensors";
import type { Graph } from "../graph/mod.ts";
import { cannotCache, resultsOf, type StepCache } from "./step_cache.ts";

/** Options of {@linkcode TaylorSeerCacheConfig}. */
export interface TaylorSeerCacheOptions {
  /** Steps from one whole step to the next. Defaults to 5. */
  readonly cacheInterval?: number | undefined;
  /** All steps before this one are whole. Defaults to 3. */
  readonly disableCacheBeforeStep?: number | undefined;
  /** All steps from this one on are whole. Defaults to none. */
  readonly disableCacheAfterStep?: number | undefined;
  /** The highest derivative. Defaults to 1. */
  readonly maxOrder?: number | undefined;
  /** The type that derivatives are kept in. Defaults to bfloat16. */
  readonly taylorFactorsDtype?: "float32" | "bfloat16" | undefined;
  /** Regular expressions of names of attentions to continue. Defaults to all in blocks. */
  readonly cacheIdentifiers?: readonly string[] | undefined;
  /** Continues what the whole model gives, not its attentions: no block runs then. Defaults to false. */
  readonly useLiteMode?: boolean | undefined;
}

/**
 * Continues attentions by a Taylor series at most steps: `TaylorSeerCacheConfig` of diffusers, without
 * `skip_predict_identifiers` of one's own.
 *
 * @category Models
 *
 * @example
 * ```ts ignore
 * import { FluxPipeline, TaylorSeerCacheConfig } from "@denoise/denoise";
 *
 * const pipe = await FluxPipeline.fromPretrained("black-forest-labs/FLUX.1-dev");
 * pipe.transformer.enableCache(new TaylorSeerCacheConfig({ cacheInterval: 3, useLiteMode: true }));
 * ```
 */
export class TaylorSeerCacheConfig {
  /** Steps from one whole step to the next. */
  readonly cacheInterval: number;
  /** All steps before this one are whole. */
  readonly disableCacheBeforeStep: number;
  /** All steps from this one on are whole. */
  readonly disableCacheAfterStep: number | undefined;
  /** The highest derivative. */
  readonly maxOrder: number;
  /** The type that derivatives are kept in. */
  readonly taylorFactorsDtype: "float32" | "bfloat16";
  /** Regular expressions of names of attentions to continue. */
  readonly cacheIdentifiers: readonly string[];
  /** Continues what the whole model gives, not its attentions. */
  readonly useLiteMode: boolean;

  /**
   * A config with those options.
   *
   * @throws {RangeError} for an option that is none of its values.
   */
  constructor(options: TaylorSeerCacheOptions = {}) {
    const { cacheInterval = 5, disableCacheBeforeStep = 3, disableCacheAfterStep } = options;
    const { maxOrder = 1, taylorFactorsDtype = "bfloat16", useLiteMode = false } = options;
    const integer = (name: string, value: number, least: number) => {
      if (Number.isInteger(value) && value >= least) return;
      throw new RangeError(`${name} must be an integer from ${least}, but is ${value}`);
    };
    integer("cacheInterval", cacheInterval, 1);
    integer("disableCacheBeforeStep", disableCacheBeforeStep, 1);
    integer("disableCacheAfterStep", disableCacheAfterStep ?? 0, 0);
    integer("maxOrder", maxOrder, 0);
    if (taylorFactorsDtype !== "float32" && taylorFactorsDtype !== "bfloat16") {
      throw new RangeError(
        `taylorFactorsDtype must be "float32" or "bfloat16", but is ${
          JSON.stringify(taylorFactorsDtype)
        }`,
      );
    }
    this.cacheInterval = cacheInterval;
    this.disableCacheBeforeStep = disableCacheBeforeStep;
    this.disableCacheAfterStep = disableCacheAfterStep;
    this.maxOrder = maxOrder;
    this.taylorFactorsDtype = taylorFactorsDtype;
    this.cacheIdentifiers = options.cacheIdentifiers ?? ATTENTIONS;
    this.useLiteMode = useLiteMode;
  }
}

/** Attentions in blocks, as diffusers names them. */
const ATTENTIONS = [
  "blocks.*attn",
  "transformer_blocks.*attn",
  "single_transformer_blocks.*attn",
  "temporal_transformer_blocks.*attn",
];

interface State {
  /** The step, from 0. */
  step: number;
  /** The last whole step. */
  last: number | undefined;
  /** Derivatives of each value by its name, the value itself first. */
  factors: Map<string, readonly Float32Array[]>;
}

/** Names of what is continued. */
function continued(graph: Graph, name: string, config: TaylorSeerCacheConfig): readonly string[] {
  const patterns = config.cacheIdentifiers.map((pattern) => new RegExp(`^(?:${pattern})$`));
  const found = graph.modules.filter(({ path }) => patterns.some((pattern) => pattern.test(path)));
  if (found.length > 0) return found.flatMap(({ values }) => values);
  const known = graph.modules.map(({ path }) => path);
  throw cannotCache(
    name,
    "TaylorSeerCacheConfig",
    known.length === 0
      ? "none of its attentions can be continued"
      : `cacheIdentifiers fit none of ${known.slice(0, 3).join(", ")}`,
  );
}

/** The cache of a config. */
export function taylorSeerCache(config: TaylorSeerCacheConfig): StepCache<State> {
  const { cacheInterval, disableCacheBeforeStep: from, useLiteMode } = config;
  const { disableCacheAfterStep: to = Infinity } = config;
  const never = () => false;
  return {
    start: () => ({ step: -1, last: undefined, factors: new Map() }),
    cut(graph, name) {
      const names = useLiteMode ? graph.outputNames : continued(graph, name, config);
      const parts = useLiteMode ? graph.buildParts(name, never) : [
        ...graph.buildParts(name, never, { kept: names }),
        ...graph.buildParts(`${name}.continued`, never, { given: names }),
      ];
      return {
        parts,
        async run(call, state) {
          const step = ++state.step;
          const isWhole = step < from || (step - from - 1) % cacheInterval === 0 || step >= to;
          if (isWhole || state.last === undefined) {
            await call.runPart(0);
            for (const name of names) update(state, name, call.values.get(name)!, config);
            state.last = step;
            return resultsOf(call);
          }
          for (const name of names) {
            call.values.set(name, predicted(state, name, step - state.last));
          }
          if (!useLiteMode) await call.runPart(1);
          return resultsOf(call);
        },
      };
    },
  };
}

/** Sizes of what is continued. */
const dimsOf = new WeakMap<readonly Float32Array[], readonly number[]>();

function update(state: State, name: string, value: Tensor, config: TaylorSeerCacheConfig): void {
  const { maxOrder, taylorFactorsDtype } = config;
  const factors = [value.toFloat32Array()];
  const known = state.factors.get(name) ?? [];
  const delta = state.step - (state.last ?? state.step);
  for (let order = 0; order < maxOrder && delta > 0; order++) {
    const before = known[order];
    if (before?.length !== factors[order]!.length) break;
    factors.push(factors[order]!.map((number, i) => Math.fround(number - before[i]!) / delta));
  }
  const kept = factors.map((factor) =>
    taylorFactorsDtype === "float32"
      ? factor.slice()
      : decodeBfloat16(new Uint16Array(encodeBfloat16(factor)))
  );
  dimsOf.set(kept, value.dims);
  state.factors.set(name, kept);
}

function predicted(state: State, name: string, ahead: number): Tensor {
  const factors = state.factors.get(name)!;
  const sum = new Float32Array(factors[0]!.length);
  let coefficient = 1;
  for (const [order, factor] of factors.entries()) {
    if (order > 0) coefficient *= ahead / order;
    const rounded = Math.fround(coefficient);
    for (let i = 0; i < sum.length; i++) sum[i]! += Math.fround(factor[i]! * rounded);
  }
  return new Tensor("float32", sum, dimsOf.get(factors)!);
}
