/** Waits for the promise, that many milliseconds at most, whatever becomes of it. */
export async function within(promise: Promise<unknown>, ms: number): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<void>((resolve) => timer = setTimeout(resolve, ms));
  try {
    await Promise.race([promise, late]);
  } catch {
    // it has ended, which is all that was waited for
  } finally {
    clearTimeout(timer);
  }
}
