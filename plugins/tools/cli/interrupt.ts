import process from "node:process";

/** What is thrown when a user has pressed Ctrl-C. */
export class Interrupted extends Error {
  /** As shells count it: 128 and the number of SIGINT. */
  readonly exitCode = 130;
}

/**
 * Runs something that Ctrl-C aborts: it may end its line on the terminal and leave no half file. A second
 * Ctrl-C ends the program at once.
 *
 * @throws {Interrupted} when it was aborted.
 */
export async function interruptible<T>(run: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const onInterrupt = () => {
    if (controller.signal.aborted) process.exit(130);
    controller.abort(new Interrupted("interrupted"));
  };
  process.on("SIGINT", onInterrupt);
  try {
    return await run(controller.signal);
  } catch (error) {
    throw controller.signal.aborted ? controller.signal.reason : error;
  } finally {
    process.off("SIGINT", onInterrupt);
  }
}
