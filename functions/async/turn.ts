import { setImmediate } from "node:timers";

/** Lets everything else that waits have its turn; a timer would cost two milliseconds. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/**
 * Lets the connections of others have their turn. Deno asks the system what has come over them only when
 * nothing else is left to do, so that a turn alone is not enough while bytes to work on keep coming.
 */
export function rest(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 1));
}
