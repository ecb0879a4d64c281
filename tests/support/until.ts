import { setImmediate } from "node:timers";

/** The clock of the machine, whatever a test has put in its place. */
const { setTimeout } = globalThis;

/**
 * Waits for a state, however long it takes: looks again and again until it holds. `run_tests.ts` ends a
 * run in which nothing comes to an end any more.
 */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!await holds()) await new Promise((resolve) => setTimeout(resolve, 2));
}

/** Lets everything else that waits in this thread have so many turns. */
export async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise<void>((resolve) => setImmediate(resolve));
}
