import type { PluginClass } from "./plugin.ts";

/** Functions of an adapter: each takes a pipeline, then the arguments of the method that it becomes. */
export type AdapterFunctions = Readonly<Record<string, (pipe: never, ...args: never[]) => unknown>>;

/** A plugin whose functions every pipeline has as methods, such as `loadLoraWeights`. */
export interface AdapterClass<F extends object = AdapterFunctions> extends PluginClass<F> {
  /** Tells adapters from other plugins. */
  readonly kind: "adapter";
  /** The names of the methods. */
  readonly methods: readonly string[];
}

/** Functions of an adapter as methods. */
export type BoundMethods<F> = {
  [K in keyof F]: F[K] extends (pipe: never, ...args: infer A) => infer R
    ? (...args: A) => Promise<Awaited<R>>
    : never;
};

/** The methods that pipelines have of some plugins; an adapter is imported when one is called. */
export type MethodsOf<P> = (
  P extends { readonly kind: "adapter"; load(...of: never[]): Promise<infer T> }
    ? (methods: BoundMethods<T extends AdapterClass<infer F> ? F : T>) => void
    : (methods: unknown) => void
) extends (methods: infer M) => void ? M : never;
