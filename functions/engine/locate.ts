import { type ComponentLocation, locate, type Registry } from "@denoise/core";
import type { ModelSpec } from "./engine.ts";

/** A model whose files are on this machine; its `id` is the public one. */
export type LocatedModel = ComponentLocation;

/** Brings the files of models to this machine. */
export async function locateModels(
  models: readonly ModelSpec[],
  registry: Registry,
  variant: string | undefined,
): Promise<LocatedModel[]> {
  return await Promise.all(models.map(async ({ id, location, revision }) => {
    const request = { want: "pipeline" as const, revision, variant };
    const { path, commit } = await locate(location, request, registry);
    return { path: await Deno.realPath(path), id, commit };
  }));
}
