import { type ComponentLocation, locate, type Registry, type SourceRequest } from "@denoise/core";
import { withoutPaths } from "../contract/errors.ts";
import type { BrokenModel, ModelOptions, ModelSpec } from "./engine.ts";

/** A model whose files are on this machine; its `id` is the public one. */
export interface LocatedModel extends ComponentLocation, Pick<ModelSpec, "pipeline"> {}

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
  const located = await locateAll(models, registry, variant, "pipeline");
  if (located.found.length === 0 && located.first !== undefined) throw located.first;
  return located;
}

/** Brings the files of ControlNets to this machine; a model can be used without those that cannot be. */
export async function locateControlNets(
  { controlNets = [], variant }: ModelOptions,
  registry: Registry,
): Promise<Located> {
  return await locateAll(controlNets, registry, variant, "component");
}

async function locateAll(
  models: readonly ModelSpec[],
  registry: Registry,
  variant: string | undefined,
  want: SourceRequest["want"],
): Promise<Located & { readonly first: unknown }> {
  const results = await Promise.allSettled(
    models.map(async ({ id, location, revision, pipeline }) => {
      const request = { want, weights: true, revision, variant, progress: false };
      const { path, commit } = await locate(location, request, registry);
      return { path: await Deno.realPath(path), id, commit, pipeline };
    }),
  );
  const found = results.flatMap((one) => one.status === "fulfilled" ? [one.value] : []);
  const broken = results.flatMap((one, i) => {
    if (one.status === "fulfilled") return [];
    const { reason } = one;
    const message = reason instanceof Error ? reason.message : String(reason);
    return [{ id: models[i]!.id, message: withoutPaths(message) }];
  });
  const [first] = results.flatMap((one) => one.status === "rejected" ? [one.reason] : []);
  return { found, broken, first };
}
