import { MODEL_INDEX, roleKey } from "./define_pipeline.ts";
import { DenoiseError } from "./errors.ts";
import { joinPath, locate, readConfig } from "./loading.ts";
import type { AnyPipeline, PipelineLoadOptions } from "./pipeline.ts";
import type { ComponentLocation } from "./plugin.ts";
import type { Registry } from "./registry.ts";

/** Options of {@linkcode DiffusionPipelineLoader.fromPretrained}: components by role, too. */
export type AnyPipelineLoadOptions = PipelineLoadOptions<Record<never, never>> & {
  readonly [role: string]: unknown;
};

/** Loads any pipeline, by the class that its model_index.json names. */
export interface DiffusionPipelineLoader {
  /**
   * Loads the pipeline of a folder or repo.
   *
   * @param id A folder, or a repo id such as `"stable-diffusion-v1-5/stable-diffusion-v1-5"`.
   * @throws {DenoiseError} `unknown_class` when no plugin provides the pipeline or a component.
   */
  fromPretrained(id: string | URL, options?: AnyPipelineLoadOptions): Promise<AnyPipeline>;
}

/** Makes the loader of pipelines that looks classes up in that registry. */
export function diffusionPipeline(bound: Registry): DiffusionPipelineLoader {
  return {
    async fromPretrained(id, options = {}): Promise<AnyPipeline> {
      const { location, className, registry } = await locatePipeline(id, options, bound);
      const pipeline = await registry.get(className, "pipeline", MODEL_INDEX);
      return await pipeline.load(location, { ...options, registry }) as AnyPipeline;
    },
  };
}

/** Where a pipeline lies, which class it names, and where its classes come from. */
export interface LocatedPipeline {
  /** Its folder. */
  readonly location: ComponentLocation;
  /** The class that its model_index.json names. */
  readonly className: string;
  /** The registry with the call's own plugins in front. */
  readonly registry: Registry;
}

/**
 * Finds the folder of a pipeline and reads which class it is.
 *
 * @throws {DenoiseError} `invalid_config` when its model_index.json names none.
 */
export async function locatePipeline(
  id: string | URL,
  options: AnyPipelineLoadOptions,
  bound: Registry,
): Promise<LocatedPipeline> {
  const known = options.registry ?? bound;
  const registry = options.plugins === undefined ? known : known.with(options.plugins);
  const roles = Object.keys(options).filter((role) =>
    options[role] === null ||
    typeof (options[role] as { className?: unknown })?.className === "string"
  );
  const skip = roles.map(roleKey);
  const location = await locate(id, { ...options, want: "pipeline", skip }, registry);
  const path = joinPath(location.path, MODEL_INDEX);
  const className = (await readConfig(path))["_class_name"];
  if (typeof className === "string") return { location, className, registry };
  throw new DenoiseError(
    "invalid_config",
    `Cannot load ${location.id}: ${path} has no "_class_name", but must name a pipeline ` +
      `class such as "StableDiffusionPipeline"`,
  );
}
