import { needsDeno } from "@denoise/core";

/** A test that a runner can take. */
interface Registered {
  readonly name: string;
  readonly fn: () => void | Promise<void>;
}

/**
 * Registers tests with Deno's test runner.
 *
 * @throws {DenoiseError} `runtime_unavailable` in Node.js and Bun.
 */
export function register(tests: readonly Registered[]): void {
  needsDeno(
    "Deno.test",
    "give what schedulerTests(), modelTests() and pipelineTests() return to the test runner at hand",
  );
  for (const { name, fn } of tests) Deno.test(name, fn);
}
