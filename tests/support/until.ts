import { setImmediate } from "node:timers";

/** The clock of the machine, whatever a test has put in its place. */
const { setTimeout, Date } = globalThis;

/** Milliseconds after which what a test waits for never comes: a hundred times what the slowest takes. */
export const NEVER_MS = 600_000;

/**
 * Waits for a state, however slow the machine is: looks again and again until it holds.
 *
 * @throws {Error} where it does not hold after `NEVER_MS`, so that a test that hangs fails by its name
 */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  const began = Date.now();
  while (!await holds()) {
    if (Date.now() - began > NEVER_MS) {
      throw new Error(
        `What the test waits for has not come in ${NEVER_MS / 60_000} minutes: ${holds}`,
      );
    }
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/** Lets everything else that waits in this thread have so many turns. */
export async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise<void>((resolve) => setImmediate(resolve));
}
