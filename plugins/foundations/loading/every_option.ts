import type { OptionsOf, PipelineClass } from "@denoise/core";

/** Options of several calls as those of one: each may be given, none has to be. */
export type MergedOptions<Each> = {
  readonly [Name in Each extends unknown ? keyof Each : never]?: Each extends unknown
    ? Name extends keyof Each ? Each[Name] : never
    : never;
};

/** The class of a pipeline whose objects have these methods of adapters. */
export type WithMethods<Class, M> = Class extends
  PipelineClass<infer C, infer A, infer Out, infer Own> ? PipelineClass<C, A, Out, Own & M>
  : Class;

/** What calls of any of the pipelines among some classes may be given. */
export type EveryOption<Classes> = MergedOptions<
  {
    [Name in keyof Classes]: Classes[Name] extends PipelineClass<infer _C, infer A, infer _Out>
      ? OptionsOf<A>
      : never;
  }[keyof Classes]
>;
