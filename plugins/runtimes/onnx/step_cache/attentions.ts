/**
 * What caches of single attentions have in common: which attentions there are, in which timesteps they may be
 * skipped, and graphs that are given what some of them made.
 *
 * @module
 */
import type { Tensor } from "@denoise/core";
import type { Graph, GraphPart, MarkedModule } from "../graph/mod.ts";
import type { CachedCall } from "./step_cache.ts";

/** Timesteps between two, both left out. */
export type TimestepRange = readonly [after: number, before: number];

/** Attentions that are skipped together. */
export interface AttentionGroup {
  /** Names of what they give. */
  readonly names: readonly string[];
  /** They are computed at each so many calls. */
  readonly every: number;
  /** Timesteps in which they may be skipped. */
  readonly range: TimestepRange;
}

/** A kind of attentions, and how it is cached. */
export interface AttentionKind extends Omit<AttentionGroup, "names" | "every"> {
  /** They are computed at each so many calls; undefined for never skipped. */
  readonly every: number | undefined;
  /** Regular expressions that are searched for in the names of attentions. */
  readonly identifiers: readonly string[];
  /** Whether they attend to other tokens. */
  readonly isCross: boolean;
}

/** The attentions of a graph by kinds: an attention is of the first that fits. */
export function attentionGroups(
  modules: readonly MarkedModule[],
  kinds: readonly AttentionKind[],
): AttentionGroup[] {
  const fits = ({ path, isCross }: MarkedModule, kind: AttentionKind) =>
    kind.every !== undefined && kind.isCross === isCross &&
    kind.identifiers.some((identifier) => new RegExp(identifier).test(path));
  return kinds.flatMap((kind) => {
    const own = modules.filter((module) => kinds.find((one) => fits(module, one)) === kind);
    const { every, range } = kind;
    const names = own.flatMap(({ values }) => values);
    return every === undefined || names.length === 0 ? [] : [{ names, every, range }];
  });
}

/** Graphs that are given what some groups made, in the order of {@linkcode partGiven}. */
export function graphsGiven(
  graph: Graph,
  name: string,
  groups: readonly AttentionGroup[],
): GraphPart[] {
  return Array.from({ length: 2 ** groups.length }, (_, mask) => {
    const isGiven = (index: number) => (mask >> index & 1) === 1;
    const given = groups.flatMap(({ names }, i) => isGiven(i) ? names : []);
    const kept = groups.flatMap(({ names }, i) => isGiven(i) ? [] : names);
    return graph.buildParts(`${name}.${mask}`, () => false, { given, kept })[0]!;
  });
}

/** The part that is given what these groups made: 2^a + 2^b of the groups a and b. */
export function partGiven(isGiven: readonly boolean[]): number {
  return isGiven.reduce((mask, given, i) => mask + (+given << i), 0);
}

/** Whether a timestep lies in a range. */
export function isWithin([after, before]: TimestepRange, timestep: number): boolean {
  return after < timestep && timestep < before;
}

/**
 * The timestep of a schedule that a call is at, 0 to 1000.
 *
 * @param scale What the model's own timestep is multiplied by.
 */
export function timestepOf({ values }: CachedCall, scale: number): number {
  const { data } = values.get("timestep") as Tensor;
  return Math.fround(Number(data[0]) * scale);
}

/** Makes sure that a number of calls is one. */
export function checkEvery(name: string, every: unknown): void {
  if (every === undefined || (Number.isInteger(every) && Number(every) >= 1)) return;
  throw new RangeError(`${name} must be an integer from 1, but is ${every}`);
}

/** Makes sure that a range is one. */
export function checkRange(name: string, range: unknown): void {
  const isEnd = (end: unknown) => typeof end === "number" && !Number.isNaN(end);
  if (Array.isArray(range) && range.length === 2 && range.every(isEnd)) return;
  throw new RangeError(`${name} must be two timesteps, such as [100, 800], but is [${range}]`);
}
