import type { AdapterClass, AdapterFunctions } from "@denoise/core";

/** What the author of an adapter writes. */
export interface AdapterDefinition<F extends AdapterFunctions> {
  /** A name of its own, such as that of a mixin of diffusers. */
  readonly className: string;
  /** What pipelines get as methods: functions of a pipeline and the arguments of a call. */
  readonly functions: F;
}

/**
 * Makes the plugin that gives functions to pipelines as methods: all pipelines whose registry has it have
 * `pipe.name(...)` for `name(pipe, ...)`. It is imported when one of them is first called, so methods give
 * promises.
 *
 * @example A third party's adapter
 * ```ts
 * import { defineAdapter } from "@denoise/adapters";
 * import { definePipeline, Registry } from "@denoise/core";
 * import { assertEquals } from "@std/assert";
 *
 * const CounterMixin = defineAdapter({
 *   className: "CounterMixin",
 *   functions: {
 *     countComponents: (pipe: { readonly components: object }) =>
 *       Object.keys(pipe.components).length,
 *   },
 * });
 * const EmptyPipeline = definePipeline<object, [], object>({
 *   className: "EmptyPipeline",
 *   task: "nothing",
 *   components: {},
 *   options: {},
 *   async *generate() {
 *     return {};
 *   },
 * });
 *
 * const registry = new Registry().with([CounterMixin]);
 * const pipe = new (EmptyPipeline.using(registry))({});
 * assertEquals(await pipe.countComponents(), 0);
 * ```
 */
export function defineAdapter<F extends AdapterFunctions>(
  { className, functions }: AdapterDefinition<F>,
): AdapterClass<F> {
  return {
    kind: "adapter",
    className,
    methods: Object.keys(functions),
    load: () => Promise.resolve(functions),
  };
}
