import { type ComponentLocation, locate, type Registry } from "@denoise/core";
import { withoutPaths } from "../contract/errors.ts";
import type { BrokenModel, ModelSpec } from "./engine.ts";

/** A model whose files are on this machine; its `id` is the public one. */
export type LocatedModel = ComponentLocation;

/** What of the models has come to this machine. */
export interface Located {
  /** Those whose files are here. */
  readonly found: readonly LocatedModel[];
  /** Those whose files could not be brought here. */
  readonly broken: readonly BrokenModel[];
}

/**
 * Brings the files of models to this machine; one that cannot be does not stop the others.
 *
 * @throws {Error} what is wrong with the first, when none can be.
 */
export async function locateModels(
  models: readonly ModelSpec[],
  registry: Registry,
  variant: string | undefined,
): Promise<Located> {
  const results = await Promise.allSettled(models.map(async ({ id, location, revision }) => {
    const request = { want: "pipeline" as const, revision, variant, progress: false };
    const { path, commit } = await locate(location, request, registry);
    return { path: await Deno.realPath(path), id, commit };
  }));
  const found = results.flatMap((one) => one.status === "fulfilled" ? [one.value] : []);
  const broken = results.flatMap((one, i) => {
    if (one.status === "fulfilled") return [];
    const { reason } = one;
    const message = reason instanceof Error ? reason.message : String(reason);
    return [{ id: models[i]!.id, message: withoutPaths(message) }];
  });
  const [first] = results.flatMap((one) => one.status === "rejected" ? [one.reason] : []);
  if (found.length === 0 && first !== undefined) throw first;
  return { found, broken };
}
