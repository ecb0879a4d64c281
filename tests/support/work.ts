import { assert } from "@std/assert";
import process from "node:process";

/** Milliseconds that this thread works for a call, at best of three; other programs do not change it. */
function workOf(call: () => unknown): number {
  const works = Array.from({ length: 3 }, () => {
    const began = process.threadCpuUsage();
    call();
    const { user, system } = process.threadCpuUsage(began);
    return (user + system) / 1_000;
  });
  return Math.min(...works);
}

/**
 * Holds a call to work that grows about as its size does: one call of many times the size takes not much
 * more than so many calls. Work that grows with the square would take `factor` times as much as they; a
 * third of that is let pass, for caches that are too small and for what grows with a logarithm.
 *
 * @param factor How many times larger the other size is; 20 or more.
 */
export function assertLinear(size: number, factor: number, call: (size: number) => unknown): void {
  const many = workOf(() => {
    for (let i = 0; i < factor; i++) call(size);
  });
  const one = workOf(() => call(size * factor));
  // a thread's time is counted in steps of up to 10 ms
  assert(
    one <= factor * many / 3 + 40,
    `${factor} times ${size} is ${many} ms of work, and once ${size * factor} is ${one} ms`,
  );
}
