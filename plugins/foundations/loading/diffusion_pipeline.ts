import type { AnyPipeline } from "./any_pipeline.ts";
import {
  checkOptions,
  type ComponentLocation,
  DenoiseError,
  loadOptions,
  locate,
  MODEL_INDEX,
  type ModelIndex,
  type PipelineLoadOptions,
  readModelIndex,
  type Registry,
  roleKey,
} from "@denoise/core";

/** Options of {@linkcode DiffusionPipelineLoader.fromPretrained}: components by role, too. */
export type AnyPipelineLoadOptions<C extends object = Record<string, unknown>> =
  PipelineLoadOptions<C>;

/**
 * Loads any pipeline, by the class that its model_index.json names. `O` are options of its calls, `C`
 * components that it may have, `M` methods of adapters.
 */
export interface DiffusionPipelineLoader<
  O extends object = object,
  C extends object = Record<string, unknown>,
  M = unknown,
> {
  /**
   * Loads the pipeline of a folder or repo.
   *
   * @param id A folder, or a repo id such as `"stable-diffusion-v1-5/stable-diffusion-v1-5"`.
   * @throws {DenoiseError} `unknown_class` when no plugin provides the pipeline or a component.
   * @throws {TypeError} for an unknown option.
   */
  fromPretrained(
    id: string | URL,
    options?: AnyPipelineLoadOptions<C>,
  ): Promise<AnyPipeline<O, C, M>>;
}

/** Makes the loader of pipelines that looks classes up in that registry. */
export function diffusionPipeline<
  O extends object = object,
  C extends object = Record<string, unknown>,
  M extends object = object,
>(bound: Registry<M>): DiffusionPipelineLoader<O, C, M> {
  return {
    async fromPretrained(id, options): Promise<AnyPipeline<O, C, M>> {
      const { location, className, registry } = await locatePipeline(id, options ?? {}, bound);
      const pipeline = await registry.get(className, "pipeline", MODEL_INDEX);
      return await pipeline.load(location, { ...options, registry }) as AnyPipeline<O, C, M>;
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
 * @throws {DenoiseError} `invalid_config` when its index names none.
 */
export async function locatePipeline(
  id: string | URL,
  options: AnyPipelineLoadOptions,
  bound: Registry,
): Promise<LocatedPipeline> {
  const known = options.registry ?? bound;
  const registry = options.plugins === undefined ? known : known.with(options.plugins);
  // which roles there are is known when the class is; what is no component is checked before
  const isPart = ([_, value]: [string, unknown]) =>
    value === null || Array.isArray(value) ||
    typeof (value as { className?: unknown } | undefined)?.className === "string";
  const { plugins: _, ...named } = options;
  const others = Object.entries(named).filter((entry) => !isPart(entry));
  checkOptions(`load ${JSON.stringify(String(id))}`, Object.fromEntries(others), loadOptions);
  const skip = Object.entries(named).filter(isPart).map(([role]) => roleKey(role));
  const location = await locate(id, { ...options, want: "pipeline", skip }, registry);
  const index = await readModelIndex(location);
  return { location, className: pipelineClassOf(index, registry, location.id), registry };
}

/** What blocks of diffusers are called beyond the pipeline that they do the work of, the least first. */
const BLOCKS = [/Modular(?=Pipeline$)/, /(Base|Turbo|Distilled)Modular(?=Pipeline$)/];

/**
 * The class of a repo's pipeline. A modular_model_index.json names blocks, such as
 * `Flux2KleinBaseModularPipeline`, which do what the pipeline without these words does: it is the one that
 * is meant where there is none of that name.
 *
 * @param id What the index is of, for the message.
 * @throws {DenoiseError} `invalid_config` when it names none.
 */
export function pipelineClassOf(
  { config }: ModelIndex,
  registry: Pick<Registry, "has">,
  id: string,
): string {
  const named = config["_class_name"];
  if (typeof named === "string" && named !== "ModularPipeline") {
    const names = [named, ...BLOCKS.map((words) => named.replace(words, ""))];
    return names.find((name) => registry.has(name)) ?? named;
  }
  throw new DenoiseError(
    "invalid_config",
    `Cannot load ${id}: its ${MODEL_INDEX} or modular_model_index.json has ` +
      `${
        named === undefined ? "no" : `${JSON.stringify(named)} as`
      } "_class_name", but must name a pipeline ` +
      `class such as "StableDiffusionPipeline"`,
  );
}
