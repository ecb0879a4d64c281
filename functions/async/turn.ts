import { setImmediate } from "node:timers";

/** Lets everything else that waits have its turn; a timer would cost two milliseconds. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
