/** The promise's result, or the signal's reason when it fires first. */
export async function withSignal<T>(promise: Promise<T>, signal?: AbortSignal): Promise<T> {
  if (signal === undefined) return await promise;
  signal.throwIfAborted();
  const fired = Promise.withResolvers<never>();
  const onAbort = (): void => fired.reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    return await Promise.race([promise, fired.promise]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}
