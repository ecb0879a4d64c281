import { Buffer } from "node:buffer";
import { rm } from "node:fs/promises";
import {
  DenoiseError,
  type Pipeline,
  type PipelineClass,
  type PipelineStep,
  type RunOptions,
  type Scheduler,
} from "@denoise/core";
import { check, checkThrows, type ErrorClass } from "./_check.ts";
import { emptyFolder } from "./_folder.ts";
import { register } from "./_register.ts";
import type { ConformanceTest } from "./scheduler.ts";

/** What a pipeline is tested with. */
export interface PipelineTestOptions<C extends object, A extends readonly unknown[] | [], Out> {
  /** A folder with a small repo of the pipeline. */
  readonly folder: string;
  /** The arguments of a short call with these options among its own. */
  readonly args: (options: Pick<RunOptions, "seed" | "signal">) => NoInfer<A>;
  /** What the call gave as bytes, to compare. */
  readonly bytesOf: (output: Out) => readonly Uint8Array[];
  /** Calls that must be refused, with the class of the error and a part of its message. */
  readonly refuses?: readonly {
    readonly call: (pipe: Pipeline<C, A, Out>) => Promise<unknown>;
    readonly error: ErrorClass;
    readonly message: string;
  }[];
}

/** The tests that every pipeline has to pass. */
export function pipelineTests<C extends object, A extends readonly unknown[] | [], Out>(
  PipelineClass: PipelineClass<C, A, Out>,
  { folder, args, bytesOf, refuses = [] }: PipelineTestOptions<C, A, Out>,
): ConformanceTest[] {
  type Pipe = Pipeline<C, A, Out>;
  const { className } = PipelineClass;
  const run = async (pipe: Pipe, seed: number): Promise<string> => {
    const bytes = bytesOf(await pipe(...args({ seed })));
    return bytes.map((part) => Buffer.from(part).toString("hex")).join();
  };
  const withPipe = (fn: (pipe: Pipe) => Promise<void>) => async () => {
    const pipe = await PipelineClass.fromPretrained(folder);
    try {
      await fn(pipe);
    } finally {
      await pipe.dispose();
    }
  };
  const steps = async (pipe: Pipe): Promise<{ steps: PipelineStep[]; output: Out }> => {
    const found: PipelineStep[] = [];
    const stream = pipe.stream(...args({ seed: 1 }));
    for (;;) {
      const { done, value } = await stream.next();
      if (done) return { steps: found, output: value };
      found.push(value);
    }
  };
  const tests: Readonly<Record<string, () => Promise<void>>> = {
    "has the contract of a pipeline class": withPipe((pipe) => {
      check(PipelineClass.kind === "pipeline", `kind is ${PipelineClass.kind}`);
      check(pipe.className === className, `its objects say ${pipe.className}`);
      check(String(pipe).startsWith(`${className} {`), "it prints its class and components");
      check(Object.isFrozen(pipe.config), "its config must be frozen");
      return Promise.resolve();
    }),
    "makes the same of the same seed, another of another": withPipe(async (pipe) => {
      const first = await run(pipe, 1);
      check(await run(pipe, 1) === first, "the second call gave another result");
      check(await run(pipe, 2) !== first, "another seed gave the same result");
    }),
    "gives concurrent calls what they give alone": withPipe(async (pipe) => {
      const alone = [await run(pipe, 1), await run(pipe, 2), await run(pipe, 3)];
      const together = await Promise.all([1, 2, 3].map((seed) => run(pipe, seed)));
      check(alone.join() === together.join(), "concurrent calls gave other results");
    }),
    "leaves the scheduler that it was given alone": withPipe(async (pipe) => {
      const { scheduler } = pipe.components as { scheduler?: Scheduler };
      await run(pipe, 1);
      check(scheduler?.numInferenceSteps === undefined, "the call has moved the shared scheduler");
    }),
    "streams its steps in order, and ends with what the call gives": withPipe(async (pipe) => {
      const { steps: found, output } = await steps(pipe);
      check(found.length > 0, "no step was streamed");
      for (const [i, { index, total }] of found.entries()) {
        check(index === i && total === found.length, `step ${i} says ${index} of ${total}`);
      }
      const bytes = bytesOf(output).map((part) => Buffer.from(part).toString("hex")).join();
      check(bytes === await run(pipe, 1), "the stream ended with another result than the call");
    }),
    "stops when its signal fires, and works on": withPipe(async (pipe) => {
      const expected = await run(pipe, 1);
      const controller = new AbortController();
      const stream = pipe.stream(...args({ seed: 1, signal: controller.signal }));
      await stream.next();
      controller.abort();
      await checkThrows(() => stream.next(), DOMException, "aborted");
      check(await run(pipe, 1) === expected, "the call after an abort gave another result");
    }),
    "is the same when it is put together from its parts": withPipe(async (pipe) => {
      const own = new PipelineClass(pipe.components, pipe.config as never);
      check(await run(own as Pipe, 1) === await run(pipe, 1), "the parts gave another result");
    }),
    "savePretrained() writes what it loads again": withPipe(async (pipe) => {
      const copy = await emptyFolder();
      try {
        await pipe.savePretrained(copy);
        const loaded = await PipelineClass.fromPretrained(copy);
        check(await run(loaded, 1) === await run(pipe, 1), "the copy gave another result");
        await loaded.dispose();
      } finally {
        await rm(copy, { recursive: true });
      }
    }),
    "says that a folder holds no pipeline": async () => {
      const empty = await emptyFolder();
      await checkThrows(
        () => PipelineClass.fromPretrained(empty),
        DenoiseError,
        "model_index.json",
      );
      await rm(empty, { recursive: true });
    },
    "refuses what it cannot do, and works on": withPipe(async (pipe) => {
      for (const { call, error, message } of refuses) {
        await checkThrows(() => call(pipe), error, message);
      }
      await run(pipe, 1);
    }),
  };
  return Object.entries(tests).map(([name, fn]) => ({ name: `${className} ${name}`, fn }));
}

/**
 * Registers the conformance suite of a pipeline with Deno's test runner.
 *
 * @example
 * ```ts ignore
 * import { testPipeline } from "@denoise/testing";
 * import { DDPMPipeline } from "@denoise/denoise";
 *
 * testPipeline(DDPMPipeline, {
 *   folder: "./tiny-ddpm",
 *   args: (options) => [{ ...options, numInferenceSteps: 3 }],
 *   bytesOf: ({ images }) => images.map(({ data }) => data),
 * });
 * ```
 */
export function testPipeline<C extends object, A extends readonly unknown[] | [], Out>(
  PipelineClass: PipelineClass<C, A, Out>,
  options: PipelineTestOptions<C, A, Out>,
): void {
  register(pipelineTests(PipelineClass, options));
}
