/**
 * Conformance suites: a plugin that passes them keeps the contracts of `@denoise/core`.
 *
 * @example The tests of a scheduler
 * ```ts ignore
 * import { testScheduler } from "@denoise/testing";
 * import { EulerDiscreteScheduler } from "@denoise/scheduler-euler-discrete";
 *
 * testScheduler(EulerDiscreteScheduler, { convergence: { order: 1, steps: [20, 40, 80] } });
 * ```
 *
 * @module
 */
export type { ErrorClass } from "./_check.ts";
export * from "./gaussian.ts";
export * from "./model.ts";
export * from "./pipeline.ts";
export * from "./replay.ts";
export * from "./scheduler.ts";
